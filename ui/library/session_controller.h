// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which session the Chat shows, and that all of it reaches the library: messages as they are sent,
// an answer at least every half second while it is written. Opening, branches, forks, deleting.
// UI thread; the three it connects outlive it.
#pragma once

#include <QObject>
#include <QSet>
#include <QTimer>

#include "library/library_service.h"

namespace starglass::ui {

class SessionController : public QObject {
    Q_OBJECT
public:
    // What a crash or a power cut may take of an answer, less the time to write it.
    static constexpr int kJournalMs = 500;

    SessionController(Chat& chat, EngineBridge& bridge, LibraryService& library,
                      QObject* parent = nullptr);

    // 0: a new chat that nobody wrote in yet.
    [[nodiscard]] qint64 current() const { return current_; }
    // The session whose state the engine holds right now, 0 for none.
    [[nodiscard]] qint64 live() const { return live_; }
    // Measured for the model in use, tokens per second; 0: not measured.
    [[nodiscard]] double prefillRate() const { return rate_; }

    void newChat();
    void open(qint64 session);
    // The branch `step` further among the siblings of the message.
    void switchBranch(int index, int step);
    [[nodiscard]] bool canSwitchBranch(int index, int step) const;
    void showEarlier();
    void forkAt(int index);
    // The message and everything after it.
    void deleteFrom(int index);
    void undoDelete();
    [[nodiscard]] bool canUndoDelete() const { return undoMark_ != 0; }
    void deleteSession(qint64 session);
    void undoDeleteSession();
    void setSettings(ThinkMode think, bool tools);
    // Writes what is not written yet.
    void flush();

signals:
    void currentChanged(qint64 session);
    void liveChanged(qint64 session);
    // A session's messages are on screen.
    void shown(qint64 session, const SessionSettings& settings, const QStringList& queued);
    void pathChanged();  // another branch, or messages deleted
    void messageDeleted(bool canUndo);
    void sessionDeleted(qint64 session);
    void rateChanged(double tokensPerSecond);

private:
    void ensureSession();
    void saveAt(int index);
    void saveQueue();
    void onInserted(int index);
    void onHeadChanged(int index);
    void onGrown(int index);
    void onFinished(const GenerateResult& result);
    void resumeIfPossible();
    void nameSession();
    void setCurrent(qint64 session);
    void setLive(qint64 session);
    [[nodiscard]] QString modelName() const;
    [[nodiscard]] QString modelFingerprint() const;

    Chat& chat_;
    EngineBridge& bridge_;
    LibraryService& library_;
    QTimer journal_;
    qint64 dirty_ = 0;    // the message the journal is behind with
    QSet<qint64> saved_;  // messages of the user that are nodes
    bool queueSaved_ = false;
    bool loading_ = false;
    qint64 current_ = 0;
    qint64 wanted_ = 0;  // being opened
    qint64 live_ = 0;
    qint64 resuming_ = 0;
    SessionRow row_;  // of the current session, as last read
    SessionSettings settings_;
    double rate_ = 0;
    qint64 undoSession_ = 0, undoMark_ = 0, undoLeaf_ = 0;
    qint64 deletedSession_ = 0;
};

}  // namespace starglass::ui

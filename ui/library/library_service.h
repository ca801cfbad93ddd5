// SPDX-License-Identifier: GPL-3.0-or-later
//
// The library from the window's side: every call returns at once, every outcome is a signal with
// values. The database has a thread of its own, and what reads or writes the KV cache another, so
// that a large checkpoint never holds up a message. Lives on the UI thread; the destructor waits
// until what was asked for is written.
#pragma once

#include <QHash>
#include <QObject>
#include <QThread>
#include <QTimer>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "engine/kv_cache.h"
#include "library/library_db.h"

namespace starglass::ui {

// A thread that does one thing after the other.
class TaskThread {
public:
    explicit TaskThread(const QString& name);
    // Runs what was posted, then ends.
    ~TaskThread();
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;
    void post(std::function<void()> task);

private:
    QThread thread_;
    QObject* context_;
};

using CheckpointInfos = std::vector<CheckpointInfo>;
using NextTokens = std::vector<TokenAlternative>;

class LibraryService : public QObject {
    Q_OBJECT
public:
    // An empty path keeps everything in memory.
    explicit LibraryService(QString path, QObject* parent = nullptr);
    ~LibraryService() override;

    void open();
    // Null: there is none. Any thread's cache; calls to it happen on the library's own thread.
    void setCache(std::shared_ptr<KvCache> cache);

    void list();
    void search(const QString& query);  // an unfinished earlier search may be skipped
    void openSession(qint64 session);
    void earlier(qint64 session, qint64 node);
    void engineMessages(qint64 session, qint64 node);

    void create(const SessionRow& row, const SessionSettings& settings);
    // Kept and tried again when the disk refuses.
    void save(qint64 session, const ChatMessage& message, const QString& modelName,
              const QString& modelFingerprint);
    void setQueued(qint64 session, const QStringList& texts);
    void setSettings(qint64 session, const SessionSettings& settings);
    void setTitle(qint64 session, const QString& title, TitleSource source);
    void setPinned(qint64 session, bool pinned);
    void setTags(qint64 session, const QStringList& tags);
    void deleteSession(qint64 session);
    void restoreSession(qint64 session);

    // The newest path through `node` becomes the current one.
    void showBranch(qint64 session, qint64 node);
    void deleteMessage(qint64 session, qint64 node, qint64 leafBefore);
    void restoreMessages(qint64 session, qint64 mark, qint64 leaf);
    void fork(qint64 session, qint64 node, const QString& title);

    void exportJson(qint64 session, const QString& path, bool withKv);
    void exportMarkdown(qint64 session, const QString& path);
    void importJson(const QString& path);

    void setPrefillRate(const QString& fingerprint, double tokensPerSecond);
    void readPrefillRate(const QString& fingerprint);
    // From disk, without a model.
    void readNextTokens(const QString& checkpoint);
    void refreshCheckpoints();
    // Returns when everything asked for so far is done. For tests and the end of the program.
    void waitForWrites();
    // A full disk, as SQLite sees it.
    void limitPagesForTests(bool full);

signals:
    // `usable` false: sessions are kept in memory only, and `notice` says why. A notice may also
    // come with a usable library.
    void opened(bool usable, const QString& notice);
    void listed(const SessionRows& rows);
    void rowChanged(const SessionRow& row);
    void rowRemoved(qint64 session);
    void found(const QString& query, const SearchHits& hits);
    void pageReady(const SessionPage& page);
    void branchReady(const SessionPage& page);
    void earlierReady(qint64 session, qint64 node, const SessionPage& page);
    void engineMessagesReady(qint64 session, qint64 node, const std::vector<Message>& messages);
    void messagesDeleted(qint64 session, qint64 mark, qint64 leafBefore);
    void forked(qint64 session);
    void imported(qint64 session);
    void exported(const QString& path);
    void prefillRateReady(const QString& fingerprint, double tokensPerSecond);
    void nextTokensReady(const QString& checkpoint, const NextTokens& tokens);
    void checkpointsListed(const CheckpointInfos& infos, const CacheRate& rate);
    // One sentence; `what` was not done, nothing else changed.
    void failed(const QString& sentence);
    // Messages wait to be written: the sentence says why. Empty: all is written again.
    void savingPaused(const QString& reason);

private:
    struct Waiting {
        qint64 session = 0;
        ChatMessage message;
        QString modelName, modelFingerprint;
    };
    // On the database's thread.
    void onDb(std::function<void(LibraryDb&)> task);
    void onCache(std::function<void()> task);
    void say(const QString& doing, const Error& error);
    void sendRow(LibraryDb& db, qint64 session);
    void tellOwnership(LibraryDb& db);
    void writeWaiting(LibraryDb& db);
    // Runs `task` on this object's thread.
    void back(std::function<void()> task);

    QString path_;
    std::unique_ptr<LibraryDb> db_;             // used on dbThread_ only
    std::vector<Waiting> waiting_;              // the same
    bool telling_ = false, tellAgain_ = false;  // the same
    bool paused_ = false;                       // the same
    std::shared_ptr<KvCache> cache_;            // used on cacheThread_ only
    std::shared_ptr<std::atomic<int>> searches_ = std::make_shared<std::atomic<int>>(0);
    std::atomic<bool> closing_{false};
    QTimer retry_;
    // Last: joined first.
    std::unique_ptr<TaskThread> cacheThread_;
    std::unique_ptr<TaskThread> dbThread_;
};

}  // namespace starglass::ui

Q_DECLARE_METATYPE(starglass::ui::CheckpointInfos)
Q_DECLARE_METATYPE(starglass::CacheRate)

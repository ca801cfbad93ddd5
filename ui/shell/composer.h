// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where one writes: a growing text field, how to think, what it costs, and Send or Stop. Accepts
// text at any time; the Chat queues what cannot be sent yet. UI thread.
#pragma once

#include <QFrame>
#include <QPlainTextEdit>

#include "bridge/types.h"

class QLabel;
class QPushButton;
class QToolButton;

namespace starglass::ui {

// The text field: Enter sends, Shift+Enter breaks the line, files dropped on it become text.
class ComposerEdit : public QPlainTextEdit {
    Q_OBJECT
public:
    // Larger files are refused: they would not fit any context one would wait for.
    static constexpr qint64 kFileBytesMax = 1 << 20;

    explicit ComposerEdit(QWidget* parent = nullptr);
    void insertFile(const QString& path);

signals:
    void sendPressed();
    void fileRefused(const QString& reason);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    bool canInsertFromMimeData(const QMimeData* source) const override;
    void insertFromMimeData(const QMimeData* source) override;
};

class Composer : public QFrame {
    Q_OBJECT
public:
    explicit Composer(QWidget* parent = nullptr);

    [[nodiscard]] QString text() const;
    void setText(const QString& text);
    void insertFile(const QString& path) { edit_->insertFile(path); }
    [[nodiscard]] QPlainTextEdit* edit() const { return edit_; }
    [[nodiscard]] QPushButton* sendButton() const { return send_; }

    void setThink(ThinkMode mode);
    [[nodiscard]] ThinkMode think() const { return think_; }
    // Max needs 393,216 tokens of context; below it the switch says that it acts as On.
    void setContextLimit(std::int64_t tokens);
    void setAnswering(bool answering);
    void setWaiting(bool loading);
    void setCount(const TokenCount& count, std::int64_t used, std::int64_t limit);
    void setEditing(bool editing);
    [[nodiscard]] bool editing() const { return editing_; }
    void setZoom(double zoom);

signals:
    void sendRequested(const QString& text);
    void stopRequested();
    void editCancelled();
    void draftChanged();
    void thinkChanged(ThinkMode mode);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void submit();
    void fitHeight();
    void showState();

    ComposerEdit* edit_;
    QLabel* thinkLabel_;
    QFrame* segments_;
    QToolButton* modes_[3];
    QLabel* count_;
    QLabel* hint_;
    QPushButton* send_;
    ThinkMode think_ = ThinkMode::on;
    bool answering_ = false;
    bool loading_ = false;
    bool editing_ = false;
    std::int64_t limit_ = 0;
};

}  // namespace starglass::ui

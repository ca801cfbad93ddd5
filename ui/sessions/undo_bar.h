// SPDX-License-Identifier: GPL-3.0-or-later
//
// "Deleted “Old notes”.  [Undo]": says what was done and takes it back, for a while. UI thread.
#pragma once

#include <QFrame>
#include <QTimer>
#include <functional>

class QLabel;
class QPushButton;

namespace starglass::ui {

class UndoBar : public QFrame {
    Q_OBJECT
public:
    static constexpr int kShownMs = 12'000;

    explicit UndoBar(QWidget* parent = nullptr);
    void offer(const QString& text, std::function<void()> undo);
    // A sentence without an offer; `stay`: until it is closed or replaced.
    void say(const QString& text, bool stay = false);
    void undo();
    [[nodiscard]] QString text() const;
    [[nodiscard]] QPushButton* button() const { return undo_; }

private:
    QLabel* text_;
    QPushButton* undo_;
    QTimer timer_;
    std::function<void()> action_;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/undo_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

namespace starglass::ui {

UndoBar::UndoBar(QWidget* parent)
    : QFrame(parent), text_(new QLabel(this)), undo_(new QPushButton(tr("Undo"), this)) {
    setProperty("notice", true);
    setAccessibleName(tr("Undo"));
    text_->setTextFormat(Qt::PlainText);
    text_->setWordWrap(true);
    auto* close = new QPushButton(tr("Close"), this);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(14, 6, 10, 6);
    row->addWidget(text_, 1);
    row->addWidget(undo_);
    row->addWidget(close);
    timer_.setSingleShot(true);
    timer_.setInterval(kShownMs);
    // Not while somebody is about to press it.
    connect(&timer_, &QTimer::timeout, this, [this] {
        if (underMouse() || undo_->hasFocus())
            timer_.start();
        else
            hide();
    });
    connect(undo_, &QPushButton::clicked, this, &UndoBar::undo);
    connect(close, &QPushButton::clicked, this, &QWidget::hide);
    hide();
}

void UndoBar::offer(const QString& text, std::function<void()> undo) {
    action_ = std::move(undo);
    undo_->show();
    text_->setText(text);
    show();
    timer_.start();
}

void UndoBar::say(const QString& text, bool stay) {
    action_ = {};
    undo_->hide();
    text_->setText(text);
    show();
    if (stay)
        timer_.stop();
    else
        timer_.start();
}

void UndoBar::undo() {
    hide();
    timer_.stop();
    if (const auto action = std::exchange(action_, {})) action();
}

QString UndoBar::text() const {
    return text_->text();
}

}  // namespace starglass::ui

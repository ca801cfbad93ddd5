// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/command_palette.h"

#include <QAction>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

namespace starglass::ui {
namespace {

// All letters of `wanted` occur in `text` in this order; earlier and closer is better. -1: no.
int match(const QString& text, const QString& wanted) {
    int score = 0;
    qsizetype at = 0;
    for (const QChar c : wanted) {
        if (c.isSpace()) continue;
        const qsizetype found = text.indexOf(c, at, Qt::CaseInsensitive);
        if (found < 0) return -1;
        score += static_cast<int>(found - at);
        at = found + 1;
    }
    return score;
}

QString plain(QString text) {
    text.remove(u'&');
    return text;
}

}  // namespace

CommandPalette::CommandPalette(const QList<QAction*>& actions, QWidget* parent)
    : QDialog(parent, Qt::Dialog | Qt::FramelessWindowHint), actions_(actions) {
    setAccessibleName(tr("Command palette"));
    setProperty("palettePopup", true);
    input_ = new QLineEdit(this);
    input_->setPlaceholderText(tr("What would you like to do?"));
    input_->setAccessibleName(tr("Find an action"));
    input_->installEventFilter(this);
    list_ = new QListWidget(this);
    list_->setAccessibleName(tr("Actions"));
    list_->setFocusPolicy(Qt::NoFocus);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->addWidget(input_);
    column->addWidget(list_);
    connect(input_, &QLineEdit::textChanged, this, &CommandPalette::filter);
    connect(list_, &QListWidget::itemClicked, this, &CommandPalette::trigger);
    filter();
    resize(480, 360);
    if (parent) move(parent->mapToGlobal(QPoint((parent->width() - width()) / 2, 60)));
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == input_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const int row = list_->currentRow();
        switch (key->key()) {
            case Qt::Key_Down:
                list_->setCurrentRow(std::min(row + 1, list_->count() - 1));
                return true;
            case Qt::Key_Up:
                list_->setCurrentRow(std::max(row - 1, 0));
                return true;
            case Qt::Key_Return:
            case Qt::Key_Enter:
                trigger();
                return true;
            default:
                break;
        }
    }
    return QDialog::eventFilter(watched, event);
}

void CommandPalette::filter() {
    list_->clear();
    const QString wanted = input_->text();
    QList<std::pair<int, int>> order;
    for (int i = 0; i < actions_.size(); ++i) {
        if (!actions_[i]->isEnabled()) continue;
        const int score = match(plain(actions_[i]->text()), wanted);
        if (score >= 0) order.push_back({score, i});
    }
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a.first < b.first; });
    for (const auto& [score, index] : order) {
        const QString keys = actions_[index]->shortcut().toString(QKeySequence::NativeText);
        auto* item =
            new QListWidgetItem(plain(actions_[index]->text()) +
                                (keys.isEmpty() ? QString() : QStringLiteral("    ") + keys));
        item->setData(Qt::UserRole, index);
        list_->addItem(item);
    }
    list_->setCurrentRow(0);
}

void CommandPalette::trigger() {
    const QListWidgetItem* item = list_->currentItem();
    if (!item) return;
    QAction* action = actions_[item->data(Qt::UserRole).toInt()];
    accept();
    // After the palette is gone: the action may open a dialog of its own.
    QTimer::singleShot(0, action, &QAction::trigger);
}

}  // namespace starglass::ui

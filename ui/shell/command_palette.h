// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ctrl+K: every action of the menus, found by a few letters. UI thread.
#pragma once

#include <QDialog>
#include <QList>

class QAction;
class QLineEdit;
class QListWidget;

namespace starglass::ui {

class CommandPalette : public QDialog {
    Q_OBJECT
public:
    CommandPalette(const QList<QAction*>& actions, QWidget* parent);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void filter();
    void trigger();
    QList<QAction*> actions_;
    QLineEdit* input_;
    QListWidget* list_;
};

}  // namespace starglass::ui

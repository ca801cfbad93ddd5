// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an empty chat shows: four ways to begin. UI thread.
#pragma once

#include <QScrollArea>

class QGridLayout;
class QLabel;

namespace starglass::ui {

class Welcome : public QScrollArea {
    Q_OBJECT
public:
    explicit Welcome(QWidget* parent = nullptr);
    void setBuiltin(bool builtin);
    void setModelName(const QString& name);

signals:
    void promptChosen(const QString& prompt);
    void inspectorWanted();
    void modelWanted();
    void agentsWanted();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void arrange();
    QLabel* title_;
    QLabel* marker_;
    QGridLayout* grid_;
    QWidget* cards_[4];
    int columns_ = 0;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The strip above the transcript: the model being opened, or why it could not be. UI thread.
#pragma once

#include <QFrame>

#include "bridge/types.h"

class QLabel;
class QProgressBar;
class QPushButton;

namespace starglass::ui {

class Notice : public QFrame {
    Q_OBJECT
public:
    explicit Notice(QWidget* parent = nullptr);
    void showLoading(const QString& name);
    void showProgress(const LoadProgress& progress);
    // `modelWanted` offers another file: what went wrong was about the model. An error of a
    // graphics processor offers the CPU, and with `fewerPossible` fewer layers.
    void showError(const UserError& error, bool modelWanted = true, bool fewerPossible = false);
    [[nodiscard]] QString text() const;

signals:
    void cancelRequested();
    void openRequested();
    void cpuRequested();
    void fewerLayersRequested();

private:
    QLabel* text_;
    QProgressBar* bar_;
    QPushButton* cancel_;
    QPushButton* cpu_;
    QPushButton* fewer_;
    QPushButton* open_;
    QPushButton* copy_;
    QPushButton* close_;
    QString name_;
    UserError error_;
};

// "1.4 GB".
QString bytesText(double bytes);

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pictures of the real window while the real model answers, light and dark; at the end the same
// model once more, with its experts read from a file. Ends the program: 0 when every picture was
// saved, 1 with a sentence otherwise. UI thread.
#pragma once

#include <QObject>
#include <QString>
#include <QTemporaryDir>

class QWidget;

namespace starglass::ui {

class InspectorPanel;
class MainWindow;

class ScreenshotRun : public QObject {
    Q_OBJECT
public:
    ScreenshotRun(MainWindow& window, InspectorPanel& inspector, QString folder);

private:
    void next();
    void onText();
    void openStreamed();
    void nextStreamed();
    void savePlacement();
    void save(const QString& name, QWidget* of = nullptr);  // of the window without one
    void end(const QString& problem);

    MainWindow& window_;
    InspectorPanel& inspector_;
    QString folder_;
    QString theme_;
    int step_ = 0;
    int session_ = 0;
    bool dark_ = false;
    bool wantMiddle_ = false;
    QTemporaryDir streamed_;  // the file that experts are read from
    int streamedStep_ = -1;   // -1: not begun
};

}  // namespace starglass::ui

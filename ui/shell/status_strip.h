// SPDX-License-Identifier: GPL-3.0-or-later
//
// The line at the bottom: fixed order, and digits of one width so that nothing trembles while
// numbers run. UI thread.
#pragma once

#include <QWidget>

class QAction;

namespace starglass::ui {

// "14.2 tok/s": a strong part and a quiet part, at least as wide as its widest expected text.
class StatusItem : public QWidget {
    Q_OBJECT
public:
    StatusItem(const QString& name, const QString& widest, bool divider, QWidget* parent);
    void set(const QString& before, const QString& strong, const QString& after);
    // One without anything to say takes no room.
    void setWanted(bool wanted);
    [[nodiscard]] bool wanted() const { return wanted_; }
    // A click or Enter triggers it; with one, the item takes the focus.
    void setAction(QAction* action);
    [[nodiscard]] QString text() const { return before_ + strong_ + after_; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QAction* action_ = nullptr;
    QString name_, widest_, before_, strong_, after_;
    bool divider_;
    bool wanted_ = true;
};

class StatusStrip : public QWidget {
    Q_OBJECT
public:
    explicit StatusStrip(QWidget* parent = nullptr);
    StatusItem* model;
    StatusItem* prefill;
    StatusItem* rate;
    StatusItem* context;
    StatusItem* experts;  // how often they were in memory; only where some are read from disk
    StatusItem* kv;       // the cache on disk
    StatusItem* memory;
    StatusItem* connections;
    [[nodiscard]] QSize minimumSizeHint() const override { return {0, model->sizeHint().height()}; }

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    void fit();
};

}  // namespace starglass::ui

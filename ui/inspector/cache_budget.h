// SPDX-License-Identifier: GPL-3.0-or-later
//
// How much of the disk the cache may take: a bar of what it takes, a slider whose steps grow with
// the size, and a sentence on what a smaller budget would evict, before it is chosen. UI thread.
#pragma once

#include <QSlider>
#include <QWidget>
#include <vector>

#include "inspector/cache_plan.h"

class QLabel;

namespace starglass::ui {

class QuietLabel;
class SectionHead;

// Used bytes of a budget, of these what must stay hatched; a mark where the slider stands.
class DiskBar : public QWidget {
    Q_OBJECT
public:
    explicit DiskBar(QWidget* parent = nullptr);
    void show(const CacheStats& stats, std::int64_t wanted);
    using QWidget::show;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {40, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::int64_t bytes_ = 0, protected_ = 0, budget_ = 0, wanted_ = 0;
};

// Released with the pointer, or with Enter after the arrow keys; Esc gives the old value back. The
// wheel scrolls the panel and never evicts anything.
class StepSlider : public QSlider {
    Q_OBJECT
public:
    explicit StepSlider(QWidget* parent = nullptr);

signals:
    void chosen();
    void givenUp();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
};

class CacheBudget : public QWidget {
    Q_OBJECT
public:
    explicit CacheBudget(QWidget* parent = nullptr);
    void show(const CacheView& view);
    using QWidget::show;
    void setReadOnly(bool on);
    [[nodiscard]] StepSlider& slider() { return *slider_; }
    [[nodiscard]] const std::vector<std::int64_t>& steps() const { return steps_; }
    [[nodiscard]] QString sentence() const;
    [[nodiscard]] QString remark() const;

signals:
    void budgetChosen(qint64 bytes);

private:
    void preview();
    void choose();
    void reset();
    [[nodiscard]] std::int64_t wanted() const;

    CacheView view_;
    std::vector<std::int64_t> steps_;
    bool touched_ = false;  // moved, and not chosen yet
    SectionHead* head_;
    DiskBar* bar_;
    StepSlider* slider_;
    QuietLabel* least_;
    QuietLabel* most_;
    QLabel* sentence_;
};

}  // namespace starglass::ui

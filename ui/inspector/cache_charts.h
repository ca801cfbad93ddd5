// SPDX-License-Identifier: GPL-3.0-or-later
//
// Qt Charts of the disk cache: whose bytes are on disk, and how they stood against the budget.
// Colours from the palette, fonts from the widget, both live. UI thread.
#pragma once

#include <deque>
#include <vector>

#include "inspector/cache_plan.h"
#include "inspector/panel_chart.h"

class QAreaSeries;
class QBarCategoryAxis;
class QBarSet;
class QHorizontalStackedBarSeries;
class QLineSeries;
class QValueAxis;

namespace starglass::ui {

// What both have in common.
class CacheChart : public PanelChart {
    Q_OBJECT
public:
    using PanelChart::PanelChart;

protected:
    // Bytes as the unit the largest is written in: 1e9 and "GB".
    struct Unit {
        double bytes = 1;
        QString name;
    };
    static Unit unitFor(double bytes);
    static void setRange(QValueAxis* axis, double top, int ticks);
};

// One bar per session, its size written beside its name: the labels are the table, and drawn here,
// because an axis cuts its labels to three dots. Sessions, what several share and the rest differ
// in colour and in the words of their labels.
class DiskShareChart : public CacheChart {
    Q_OBJECT
public:
    explicit DiskShareChart(QWidget* parent = nullptr);
    void show(const std::vector<DiskShare>& shares);
    using QWidget::show;
    [[nodiscard]] const std::vector<DiskShare>& shares() const { return shares_; }
    [[nodiscard]] QStringList labels() const;  // "Budget letter 1.2 GB"
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void recolour() override;
    void resizeEvent(QResizeEvent* event) override;
    void drawForeground(QPainter* painter, const QRectF& rect) override;

private:
    void fill();
    void place();
    std::vector<DiskShare> shares_;
    QHorizontalStackedBarSeries* bars_;
    std::vector<QBarSet*> sets_;  // by DiskShare::Kind
    QBarCategoryAxis* y_;
    QValueAxis* x_;
};

// Bytes on disk as an area, of these what must stay as a darker one, the budget as a dashed line.
class DiskTimeChart : public CacheChart {
    Q_OBJECT
public:
    explicit DiskTimeChart(QWidget* parent = nullptr);
    // `now` in the samples' own seconds.
    void show(const std::deque<CacheSample>& samples, double now);
    using QWidget::show;
    [[nodiscard]] const QLineSeries& bytesLine() const { return *bytes_; }
    [[nodiscard]] const QLineSeries& budgetLine() const { return *budget_; }
    [[nodiscard]] const QValueAxis& bytesAxis() const { return *y_; }
    // False where the budget is so far above what is used that drawing it would hide the rest.
    [[nodiscard]] bool budgetShown() const { return budgetShown_; }
    [[nodiscard]] QColor bytesColour() const;
    [[nodiscard]] QColor protectedColour() const;
    [[nodiscard]] QColor budgetColour() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void recolour() override;

private:
    QLineSeries* bytes_;
    QLineSeries* protected_;
    QLineSeries* floor_;  // the lower edge of both areas
    QLineSeries* budget_;
    QAreaSeries* bytesArea_;
    QAreaSeries* protectedArea_;
    QValueAxis* x_;
    QValueAxis* y_;
    bool budgetShown_ = true;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Qt Charts of experts read from disk: the hit rate over the last tokens, and by layer. Rates are
// drawn from 0 to 100 %, always. UI thread.
#pragma once

#include <vector>

#include "inspector/expert_series.h"
#include "inspector/expert_views.h"
#include "inspector/panel_chart.h"

class QBarSet;
class QLineSeries;
class QStackedBarSeries;

namespace starglass::ui {

// All layers as a strong line, the layer with the lowest rate as a dashed one.
class HitRateChart : public PanelChart {
    Q_OBJECT
public:
    explicit HitRateChart(QWidget* parent = nullptr);
    void show(const ExpertSeries& series);
    using QWidget::show;
    [[nodiscard]] const QLineSeries& line() const { return *all_; }
    [[nodiscard]] const QLineSeries& worstLine() const { return *worst_; }
    [[nodiscard]] int worstLayer() const { return worstLayer_; }  // -1: none drawn
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void recolour() override;

private:
    QLineSeries* all_;
    QLineSeries* worst_;
    QValueAxis* x_;
    QValueAxis* y_;
    int worstLayer_ = -1;
};

// A bar per layer; those that route by token id in another colour, hatched. A layer of which
// nothing was needed has no bar but a mark: that is not a rate of 0.
class LayerRateChart : public PanelChart {
    Q_OBJECT
public:
    explicit LayerRateChart(QWidget* parent = nullptr);
    void show(const std::vector<ExpertSource::Layer>& layers, int hashLayers);
    using QWidget::show;
    // Percent; NaN where nothing was needed.
    [[nodiscard]] double rateOf(int layer) const;
    [[nodiscard]] QColor routedColour() const;
    [[nodiscard]] QColor hashColour() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void recolour() override;
    void drawForeground(QPainter* painter, const QRectF& rect) override;
    bool viewportEvent(QEvent* event) override;

private:
    [[nodiscard]] QString sentenceOf(int layer) const;
    std::vector<ExpertSource::Layer> layers_;
    int hashLayers_ = 0;
    QStackedBarSeries* bars_;
    QBarSet* routed_;
    QBarSet* hash_;
    QValueAxis* x_;
    QValueAxis* y_;
};

}  // namespace starglass::ui

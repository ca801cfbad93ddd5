// SPDX-License-Identifier: GPL-3.0-or-later
//
// Qt Charts line of tokens/s over an answer: each token thin, the mean of a short window strong.
// Colours from the palette, fonts from the widget, both live.
#pragma once

#include <QLineSeries>
#include <QValueAxis>

#include "inspector/panel_chart.h"
#include "inspector/rate_series.h"

namespace starglass::ui {

class RateChart : public PanelChart {
    Q_OBJECT
public:
    explicit RateChart(QWidget* parent = nullptr);

    void show(const RateSeries& rates);
    using QWidget::show;

    [[nodiscard]] const QLineSeries& rawLine() const { return *raw_; }
    [[nodiscard]] const QLineSeries& smoothLine() const { return *smooth_; }
    [[nodiscard]] const QValueAxis& tokenAxis() const { return *x_; }
    [[nodiscard]] const QValueAxis& rateAxis() const { return *y_; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void recolour() override;

private:
    QLineSeries* raw_;
    QLineSeries* smooth_;
    QValueAxis* x_;
    QValueAxis* y_;
};

}  // namespace starglass::ui

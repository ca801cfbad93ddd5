// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/rate_chart.h"

#include <QChart>
#include <QEvent>
#include <QGraphicsLayout>
#include <algorithm>
#include <cmath>
#include <vector>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "inspector/panel_chart.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

QList<QPointF> listOf(const std::vector<QPointF>& points) {
    return {points.begin(), points.end()};
}

}  // namespace

RateChart::RateChart(QWidget* parent)
    : PanelChart(parent),
      raw_(new QLineSeries),
      smooth_(new QLineSeries),
      x_(new QValueAxis),
      y_(new QValueAxis) {
    QChart* drawing = chart();
    drawing->addAxis(x_, Qt::AlignBottom);
    drawing->addAxis(y_, Qt::AlignLeft);
    for (QLineSeries* line : {raw_, smooth_}) {
        drawing->addSeries(line);
        line->attachAxis(x_);
        line->attachAxis(y_);
    }
    raw_->setName(tr("each token"));
    smooth_->setName(tr("mean"));
    x_->setTitleText(tr("tokens of this answer"));
    y_->setTitleText(tr("tokens/s"));
    x_->setLabelFormat(QStringLiteral("%.0f"));
    for (QValueAxis* axis : {x_, y_}) {
        axis->setTickType(QValueAxis::TicksDynamic);
        axis->setTickAnchor(0);
        axis->setMinorTickCount(0);
    }
    x_->setGridLineVisible(false);
    y_->setLineVisible(false);
    show(RateSeries());
    recolour();
}

void RateChart::show(const RateSeries& rates) {
    const std::vector<QPointF> raw = rates.raw();
    const std::vector<QPointF> smooth = rates.smooth();
    const double last = std::max(16, rates.tokens());
    // One quick token must not flatten the line: the scale follows nearly all of them.
    std::vector<double> heights;
    heights.reserve(raw.size());
    for (const QPointF& point : raw) heights.push_back(point.y());
    double top = 0;
    if (!heights.empty()) {
        const auto nearly =
            heights.begin() + static_cast<std::ptrdiff_t>((heights.size() - 1) * 97 / 100);
        std::nth_element(heights.begin(), nearly, heights.end());
        top = *nearly;
    }
    for (const QPointF& point : smooth) top = std::max(top, point.y());
    top = top > 0 ? top * 1.12 : 1;
    const double x_step = std::max(1.0, niceInterval(last, 5));
    const double y_step = niceInterval(top, 4);
    top = std::ceil(top / y_step) * y_step;
    y_->setLabelFormat(y_step >= 1     ? QStringLiteral("%.0f")
                       : y_step >= 0.1 ? QStringLiteral("%.1f")
                                       : QStringLiteral("%.2f"));
    // The interval first where it grows, last where it shrinks: never a moment of many ticks.
    const auto setAxis = [](QValueAxis* axis, double step, double end) {
        if (step > axis->tickInterval()) axis->setTickInterval(step);
        axis->setRange(0, end);
        axis->setTickInterval(step);
    };
    setAxis(x_, x_step, last);
    setAxis(y_, y_step, top);
    raw_->replace(listOf(raw));
    smooth_->replace(listOf(smooth));
    setAccessibleName(tr("Tokens per second over this answer"));
    setAccessibleDescription(
        rates.mean() > 0 ? tr("Mean %1 tokens/s over %2 tokens")
                               .arg(decimalText(rates.mean(), 1), numberText(rates.tokens()))
                         : tr("No tokens yet"));
}

QSize RateChart::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 22, em * 12};
}

QSize RateChart::minimumSizeHint() const {
    const int em = fontMetrics().height();
    return {em * 8, em * 9};
}

void RateChart::recolour() {
    const Theme theme = Theme::of(palette());
    setBackgroundBrush(theme.panel);
    chart()->setPlotAreaBackgroundVisible(false);
    for (QValueAxis* axis : {x_, y_}) dressAxis(*axis, palette(), font());
    QPen thin(mix(theme.panel, theme.quiet, 0.6), 1);
    thin.setCosmetic(true);
    raw_->setPen(thin);
    QPen strong(theme.accent, 2);
    strong.setCosmetic(true);
    strong.setJoinStyle(Qt::RoundJoin);
    smooth_->setPen(strong);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/expert_charts.h"

#include <QBarSet>
#include <QChart>
#include <QHelpEvent>
#include <QLineSeries>
#include <QStackedBarSeries>
#include <QToolTip>
#include <QValueAxis>
#include <algorithm>
#include <cmath>
#include <limits>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

// A line of few tokens keeps room for those to come.
constexpr int kShownLeast = 32;

QList<QPointF> listOf(const std::vector<QPointF>& points) {
    return {points.begin(), points.end()};
}

void setPercent(QValueAxis* y, int step) {
    y->setTickType(QValueAxis::TicksDynamic);
    y->setTickAnchor(0);
    y->setTickInterval(step);
    y->setRange(0, 100);
    y->setLabelFormat(QStringLiteral("%.0f"));
    y->setTitleText(QStringLiteral("%"));
    y->setLineVisible(false);
}

// The interval first where it grows, last where it shrinks: never a moment of many ticks.
void setRange(QValueAxis* axis, double step, double from, double to) {
    if (step > axis->tickInterval()) axis->setTickInterval(step);
    axis->setRange(from, to);
    axis->setTickInterval(step);
}

}  // namespace

HitRateChart::HitRateChart(QWidget* parent)
    : PanelChart(parent),
      all_(new QLineSeries),
      worst_(new QLineSeries),
      x_(new QValueAxis),
      y_(new QValueAxis) {
    chart()->addAxis(x_, Qt::AlignBottom);
    chart()->addAxis(y_, Qt::AlignLeft);
    for (QLineSeries* line : {worst_, all_}) {
        chart()->addSeries(line);
        line->attachAxis(x_);
        line->attachAxis(y_);
    }
    x_->setTickType(QValueAxis::TicksDynamic);
    x_->setTickAnchor(0);
    x_->setLabelFormat(QStringLiteral("%.0f"));
    x_->setTitleText(tr("tokens from the latest"));
    x_->setGridLineVisible(false);
    setPercent(y_, 25);
    setAccessibleName(tr("Hit rate over the last tokens"));
    show(ExpertSeries());
    recolour();
}

void HitRateChart::show(const ExpertSeries& series) {
    worstLayer_ = series.worstLayer();
    const int shown = std::max(kShownLeast, series.tokens());
    setRange(x_, std::max(1.0, niceInterval(shown, 4)), -(shown - 1), 0);
    const std::vector<QPointF> line = series.line();
    all_->replace(listOf(line));
    worst_->replace(listOf(series.line(worstLayer_)));
    setAccessibleDescription(
        line.empty() ? tr("No token was written yet")
                     : tr("Now %1 over %2 tokens; lowest of the layers: %3")
                           .arg(percentText(line.back().y() / 100),
                                numberText(std::min(series.tokens(), ExpertSeries::kSmooth)),
                                numberText(worstLayer_)));
}

QSize HitRateChart::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 22, em * 9};
}

QSize HitRateChart::minimumSizeHint() const {
    const int em = fontMetrics().height();
    return {em * 8, em * 8};
}

void HitRateChart::recolour() {
    const Theme theme = Theme::of(palette());
    setBackgroundBrush(theme.panel);
    for (QValueAxis* axis : {x_, y_}) dressAxis(*axis, palette(), font());
    QPen strong(theme.dark ? Theme::category(5) : Theme::category(0), 2);
    strong.setCosmetic(true);
    strong.setJoinStyle(Qt::RoundJoin);
    all_->setPen(strong);
    QPen dashed(theme.dark ? Theme::category(1) : Theme::category(4), 1.5, Qt::DashLine);
    dashed.setCosmetic(true);
    worst_->setPen(dashed);
}

// --- by layer ------------------------------------------------------------------------------

LayerRateChart::LayerRateChart(QWidget* parent)
    : PanelChart(parent),
      bars_(new QStackedBarSeries),
      routed_(new QBarSet(QString())),
      hash_(new QBarSet(QString())),
      x_(new QValueAxis),
      y_(new QValueAxis) {
    bars_->append(routed_);
    bars_->append(hash_);
    bars_->setBarWidth(0.72);
    chart()->addSeries(bars_);
    chart()->addAxis(x_, Qt::AlignBottom);
    chart()->addAxis(y_, Qt::AlignLeft);
    bars_->attachAxis(x_);
    bars_->attachAxis(y_);
    x_->setTickType(QValueAxis::TicksDynamic);
    x_->setTickAnchor(0);
    x_->setLabelFormat(QStringLiteral("%.0f"));
    x_->setTitleText(tr("layer"));
    x_->setGridLineVisible(false);
    setPercent(y_, 50);
    setAccessibleName(tr("Hit rate by layer"));
    show({}, 0);
    recolour();
}

double LayerRateChart::rateOf(int layer) const {
    if (layer < 0 || layer >= static_cast<int>(layers_.size()))
        return std::numeric_limits<double>::quiet_NaN();
    return 100 * layers_[static_cast<std::size_t>(layer)].hitRate();
}

QString LayerRateChart::sentenceOf(int layer) const {
    const double rate = rateOf(layer);
    QString out = std::isnan(rate) ? tr("Layer %1: nothing was needed").arg(layer)
                                   : tr("Layer %1: %2").arg(layer).arg(percentText(rate / 100));
    if (layer < hashLayers_) out += tr(" · routed by token id");
    return out;
}

void LayerRateChart::show(const std::vector<ExpertSource::Layer>& layers, int hashLayers) {
    layers_ = layers;
    hashLayers_ = hashLayers;
    QList<qreal> routed, hash;
    QStringList spoken;
    for (int layer = 0; layer < static_cast<int>(layers.size()); ++layer) {
        const double rate = rateOf(layer);
        const double drawn = std::isnan(rate) ? 0 : rate;
        routed << (layer < hashLayers ? 0 : drawn);
        hash << (layer < hashLayers ? drawn : 0);
        spoken << sentenceOf(layer);
    }
    routed_->remove(0, routed_->count());
    hash_->remove(0, hash_->count());
    routed_->append(routed);
    hash_->append(hash);
    const double count = std::max<double>(1, static_cast<double>(layers.size()));
    setRange(x_, std::max(1.0, niceInterval(count, 6)), -0.5, count - 0.5);
    setAccessibleDescription(spoken.isEmpty() ? tr("Nothing was needed yet")
                                              : spoken.join(QStringLiteral("; ")));
    viewport()->update();
}

QColor LayerRateChart::routedColour() const {
    return routed_->color();
}

QColor LayerRateChart::hashColour() const {
    return hash_->borderColor();
}

QSize LayerRateChart::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 22, em * 8};
}

QSize LayerRateChart::minimumSizeHint() const {
    const int em = fontMetrics().height();
    return {em * 8, em * 7};
}

void LayerRateChart::recolour() {
    const Theme theme = Theme::of(palette());
    setBackgroundBrush(theme.panel);
    for (QValueAxis* axis : {x_, y_}) dressAxis(*axis, palette(), font());
    const QColor blue = theme.dark ? Theme::category(5) : Theme::category(0);
    routed_->setColor(blue);
    routed_->setBorderColor(blue);
    const QColor green = Theme::category(2);
    hash_->setBrush(QBrush(green, Qt::BDiagPattern));
    hash_->setBorderColor(green);
}

void LayerRateChart::drawForeground(QPainter* painter, const QRectF& rect) {
    PanelChart::drawForeground(painter, rect);
    const Theme theme = Theme::of(palette());
    for (int layer = 0; layer < static_cast<int>(layers_.size()); ++layer) {
        if (!std::isnan(rateOf(layer))) continue;
        const QPointF foot = chart()->mapToScene(chart()->mapToPosition(QPointF(layer, 0), bars_));
        painter->setPen(theme.quiet);
        painter->drawText(
            QRectF(foot.x() - 10, foot.y() - fontMetrics().height(), 20, fontMetrics().height()),
            Qt::AlignHCenter | Qt::AlignBottom, QStringLiteral("–"));
    }
}

bool LayerRateChart::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QPointF at =
            chart()->mapToValue(chart()->mapFromScene(mapToScene(help->pos())), bars_);
        const auto layer = static_cast<int>(std::lround(at.x()));
        if (layer >= 0 && layer < static_cast<int>(layers_.size()))
            QToolTip::showText(help->globalPos(), sentenceOf(layer), viewport());
        else
            QToolTip::hideText();
        return true;
    }
    return PanelChart::viewportEvent(event);
}

}  // namespace starglass::ui

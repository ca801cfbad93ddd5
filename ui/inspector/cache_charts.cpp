// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_charts.h"

#include <QAreaSeries>
#include <QBarCategoryAxis>
#include <QBarSet>
#include <QChart>
#include <QGraphicsLayout>
#include <QHorizontalStackedBarSeries>
#include <QLineSeries>
#include <QValueAxis>
#include <algorithm>
#include <cmath>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

// A budget this many times what is used would press the area flat: it is said instead of drawn.
constexpr double kBudgetShownTimes = 8;
constexpr double kMinute = 60;

}  // namespace

CacheChart::Unit CacheChart::unitFor(double bytes) {
    if (bytes < 1e6) return {1e3, tr("kB")};
    if (bytes < 1e9) return {1e6, tr("MB")};
    return {1e9, tr("GB")};
}

void CacheChart::setRange(QValueAxis* axis, double top, int ticks) {
    const double step = niceInterval(top, ticks);
    axis->setLabelFormat(step >= 1 ? QStringLiteral("%.0f") : QStringLiteral("%.1f"));
    // The interval first where it grows, last where it shrinks: never a moment of many ticks.
    if (step > axis->tickInterval()) axis->setTickInterval(step);
    axis->setRange(0, std::ceil(top / step - 1e-9) * step);
    axis->setTickInterval(step);
}

// --- whose ---------------------------------------------------------------------------------

DiskShareChart::DiskShareChart(QWidget* parent)
    : CacheChart(parent),
      bars_(new QHorizontalStackedBarSeries),
      y_(new QBarCategoryAxis),
      x_(new QValueAxis) {
    // One set per kind, so that each has its colour; a bar is of one kind, the rest are zero.
    for (int kind = 0; kind <= static_cast<int>(DiskShare::Kind::others); ++kind) {
        sets_.push_back(new QBarSet(QString()));
        bars_->append(sets_.back());
    }
    bars_->setBarWidth(0.62);
    chart()->addSeries(bars_);
    chart()->addAxis(y_, Qt::AlignLeft);
    chart()->addAxis(x_, Qt::AlignBottom);
    bars_->attachAxis(y_);
    bars_->attachAxis(x_);
    // Every bar's size stands beside it with its unit; an axis would say it again.
    x_->setVisible(false);
    y_->setGridLineVisible(false);
    y_->setLabelsVisible(false);
    y_->setLineVisible(false);
    setAccessibleName(tr("Disk use by session"));
    fill();
    recolour();
}

void DiskShareChart::show(const std::vector<DiskShare>& shares) {
    if (shares == shares_) return;
    shares_ = shares;
    fill();
    updateGeometry();
}

QStringList DiskShareChart::labels() const {
    QStringList out;
    for (const DiskShare& share : shares_) out << share.name + u' ' + bytesText(share.bytes);
    return out;
}

void DiskShareChart::fill() {
    double most = 0;
    QStringList spoken, places;
    for (const DiskShare& share : shares_) {
        most = std::max(most, static_cast<double>(share.bytes));
        places << QString::number(places.size());
        spoken << tr("%1: %2 in %3 checkpoints")
                      .arg(share.name, bytesText(share.bytes), numberText(share.checkpoints));
    }
    const Unit unit = unitFor(std::max(most, 1.0));
    for (std::size_t kind = 0; kind < sets_.size(); ++kind) {
        QList<qreal> values;
        // Bars grow from the bottom; the largest belongs on top.
        for (auto share = shares_.rbegin(); share != shares_.rend(); ++share)
            values << (static_cast<std::size_t>(share->kind) == kind
                           ? static_cast<double>(share->bytes) / unit.bytes
                           : 0.0);
        sets_[kind]->remove(0, sets_[kind]->count());
        sets_[kind]->append(values);
    }
    y_->setCategories(places);
    x_->setRange(0, std::max(most / unit.bytes, 0.1));
    setAccessibleDescription(spoken.join(QStringLiteral("; ")));
    setToolTip(spoken.join(u'\n'));
    place();
}

// Names and sizes take the left 45 hundredths, as far as a name needs them.
void DiskShareChart::place() {
    const int em = fontMetrics().height();
    chart()->setMargins({std::min(width() * 45 / 100, 20 * em), 2, em, 0});
    viewport()->update();
}

void DiskShareChart::drawForeground(QPainter* painter, const QRectF& rect) {
    CacheChart::drawForeground(painter, rect);
    if (shares_.empty()) return;
    const Theme theme = Theme::of(palette());
    const QRectF plot = chart()->mapRectToScene(chart()->plotArea());
    const double row = plot.height() / static_cast<double>(shares_.size());
    const QFont names = smallFont(font()), sizes = codeFont(smallFont(font()));
    const QFontMetrics sizeMetrics(sizes);
    const int gap = fontMetrics().height() / 2;
    const int column = sizeMetrics.horizontalAdvance(QStringLiteral("000.0 MB"));
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        const QRectF box(0, plot.top() + row * static_cast<double>(i), plot.left() - gap, row);
        painter->setFont(sizes);
        painter->setPen(theme.quiet);
        painter->drawText(box, Qt::AlignRight | Qt::AlignVCenter, bytesText(shares_[i].bytes));
        painter->setFont(names);
        painter->setPen(theme.text);
        const QRectF room = box.adjusted(0, 0, -column - gap, 0);
        painter->drawText(
            room, Qt::AlignLeft | Qt::AlignVCenter,
            painter->fontMetrics().elidedText(
                shares_[i].name, shares_[i].name.startsWith(u'…') ? Qt::ElideLeft : Qt::ElideRight,
                static_cast<int>(room.width())));
    }
}

QSize DiskShareChart::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 22, em / 2 + em * 3 / 2 * std::max(1, static_cast<int>(shares_.size()))};
}

QSize DiskShareChart::minimumSizeHint() const {
    return {fontMetrics().height() * 8, sizeHint().height()};
}

void DiskShareChart::resizeEvent(QResizeEvent* event) {
    CacheChart::resizeEvent(event);
    place();
}

void DiskShareChart::recolour() {
    const Theme theme = Theme::of(palette());
    setBackgroundBrush(theme.panel);
    // Sessions blue, shared green, other models purple, the rest grey: Okabe–Ito, blue as sky blue
    // on dark.
    const QColor colours[] = {theme.dark ? Theme::category(5) : Theme::category(0),
                              Theme::category(2), Theme::category(3),
                              mix(theme.panel, theme.quiet, 0.7)};
    for (std::size_t kind = 0; kind < sets_.size(); ++kind) {
        sets_[kind]->setColor(colours[kind]);
        sets_[kind]->setBorderColor(colours[kind]);
    }
    place();
}

// --- over time -----------------------------------------------------------------------------

DiskTimeChart::DiskTimeChart(QWidget* parent)
    : CacheChart(parent),
      bytes_(new QLineSeries),
      protected_(new QLineSeries),
      floor_(new QLineSeries),
      budget_(new QLineSeries),
      bytesArea_(new QAreaSeries(bytes_, floor_)),
      protectedArea_(new QAreaSeries(protected_, floor_)),
      x_(new QValueAxis),
      y_(new QValueAxis) {
    // An area does not own the lines it stands between.
    for (QLineSeries* line : {bytes_, protected_, floor_}) line->setParent(this);
    chart()->addAxis(x_, Qt::AlignBottom);
    chart()->addAxis(y_, Qt::AlignLeft);
    for (QAbstractSeries* series :
         {static_cast<QAbstractSeries*>(bytesArea_), static_cast<QAbstractSeries*>(protectedArea_),
          static_cast<QAbstractSeries*>(budget_)}) {
        chart()->addSeries(series);
        series->attachAxis(x_);
        series->attachAxis(y_);
    }
    for (QValueAxis* axis : {x_, y_}) {
        axis->setTickType(QValueAxis::TicksDynamic);
        axis->setTickAnchor(0);
    }
    x_->setGridLineVisible(false);
    y_->setLineVisible(false);
    setAccessibleName(tr("Bytes on disk over time, against the budget"));
    show({}, 0);
    recolour();
}

void DiskTimeChart::show(const std::deque<CacheSample>& samples, double now) {
    double most = 0, budget = 0;
    for (const CacheSample& one : samples) most = std::max(most, static_cast<double>(one.bytes));
    if (!samples.empty()) budget = static_cast<double>(samples.back().budgetBytes);
    budgetShown_ = budget > 0 && budget <= std::max(most, 1.0) * kBudgetShownTimes;
    double top = most;
    if (budgetShown_)
        for (const CacheSample& one : samples)
            if (static_cast<double>(one.budgetBytes) <= most * kBudgetShownTimes)
                top = std::max(top, static_cast<double>(one.budgetBytes));
    const Unit unit = unitFor(std::max(top, 1.0));
    const double span =
        samples.empty() ? kMinute : std::max(kMinute, now - samples.front().seconds);
    const bool minutes = span >= 3 * kMinute;
    const double scale = minutes ? kMinute : 1;
    QList<QPointF> bytes, kept, zero, limit;
    const auto add = [&](double at, const CacheSample& one) {
        const double x = (at - now) / scale;
        bytes << QPointF(x, static_cast<double>(one.bytes) / unit.bytes);
        kept << QPointF(x, static_cast<double>(one.protectedBytes) / unit.bytes);
        zero << QPointF(x, 0);
        limit << QPointF(x, static_cast<double>(one.budgetBytes) / unit.bytes);
    };
    // Steps, not slopes: between two looks nothing is known to have changed.
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (i > 0) add(samples[i].seconds, samples[i - 1]);
        add(samples[i].seconds, samples[i]);
    }
    if (!samples.empty()) add(now, samples.back());
    bytes_->replace(bytes);
    protected_->replace(kept);
    floor_->replace(zero);
    budget_->replace(limit);
    budget_->setVisible(budgetShown_);
    setRange(y_, std::max(top / unit.bytes * 1.08, 0.1), 3);
    y_->setTitleText(unit.name);
    const double step = niceInterval(span / scale, 4);
    if (step > x_->tickInterval()) x_->setTickInterval(step);
    x_->setRange(-span / scale, 0);
    x_->setTickInterval(step);
    x_->setLabelFormat(QStringLiteral("%.0f"));
    x_->setTitleText(minutes ? tr("minutes from now") : tr("seconds from now"));
    setAccessibleDescription(samples.empty()
                                 ? tr("Nothing was recorded yet")
                                 : tr("Now %1 on disk, of these %2 must stay; the budget is %3")
                                       .arg(bytesText(samples.back().bytes),
                                            bytesText(samples.back().protectedBytes),
                                            bytesText(samples.back().budgetBytes)));
}

QColor DiskTimeChart::bytesColour() const {
    return bytesArea_->borderColor();
}

QColor DiskTimeChart::protectedColour() const {
    return protectedArea_->borderColor();
}

QColor DiskTimeChart::budgetColour() const {
    return budget_->pen().color();
}

QSize DiskTimeChart::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 22, em * 10};
}

QSize DiskTimeChart::minimumSizeHint() const {
    const int em = fontMetrics().height();
    return {em * 8, em * 9};
}

void DiskTimeChart::recolour() {
    const Theme theme = Theme::of(palette());
    setBackgroundBrush(theme.panel);
    for (QValueAxis* axis : {x_, y_}) dressAxis(*axis, palette(), font());
    const QColor blue = theme.dark ? Theme::category(5) : Theme::category(0);
    const QColor green = Theme::category(2);
    const auto paint = [&](QAreaSeries* area, const QColor& colour) {
        QPen edge(colour, 1.5);
        edge.setCosmetic(true);
        area->setPen(edge);
        area->setBorderColor(colour);
        area->setBrush(mix(theme.panel, colour, 0.28));
    };
    paint(bytesArea_, blue);
    paint(protectedArea_, green);
    QPen dashed(theme.dark ? Theme::category(1) : Theme::category(4), 1.5, Qt::DashLine);
    dashed.setCosmetic(true);
    budget_->setPen(dashed);
}

}  // namespace starglass::ui

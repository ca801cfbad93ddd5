// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/heat_legend.h"

#include <QPainter>
#include <algorithm>

#include "inspector/expert_views.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {

HeatLegend::HeatLegend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void HeatLegend::setEnds(const QString& never, const QString& low, const QString& high) {
    if (never == never_ && low == low_ && high == high_) return;
    never_ = never;
    low_ = low;
    high_ = high;
    setAccessibleName(tr("Legend: %1").arg(text()));
    update();
}

void HeatLegend::setHatch(bool shown) {
    if (shown == hatch_) return;
    hatch_ = shown;
    update();
}

QString HeatLegend::text() const {
    return tr("%1 … %2 … %3").arg(never_, low_, high_);
}

QSize HeatLegend::sizeHint() const {
    const QFontMetrics metrics(smallFont(font()));
    return {metrics.height() * 20, metrics.height() + 2};
}

QSize HeatLegend::minimumSizeHint() const {
    return {40, sizeHint().height()};
}

void HeatLegend::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setFont(smallFont(font()));
    const QFontMetrics metrics = painter.fontMetrics();
    const int swatch = metrics.height() * 5 / 8;
    const qreal middle = height() / 2.0;
    qreal x = 0;
    const auto word = [&](const QString& text) {
        painter.setPen(theme.quiet);
        const int width = metrics.horizontalAdvance(text);
        painter.drawText(QRectF(x, 0, width + 2, height()), Qt::AlignVCenter | Qt::AlignLeft, text);
        x += width + 6;
    };
    const auto box = [&](qreal width) {
        const QRectF out(x + 0.5, std::floor(middle - swatch / 2.0) + 0.5, width, swatch);
        x += width + 7;
        return out;
    };
    word(never_);
    painter.setPen(theme.border);
    painter.setBrush(theme.panel);
    painter.drawRect(box(swatch));
    x += 8;
    word(low_);
    const int taken = metrics.horizontalAdvance(high_) + 12 +
                      (hatch_ ? metrics.horizontalAdvance(tr("no data")) + swatch + 28 : 0);
    const QRectF ramp = box(std::clamp<qreal>(width() - x - taken, 24, metrics.height() * 9));
    // The same 0.17..1 of the ramp that the map uses for cells with a value.
    for (int i = 0; i < static_cast<int>(ramp.width()); ++i)
        painter.fillRect(QRectF(ramp.left() + i, ramp.top(), 1, ramp.height()),
                         theme.ramp(0.17 + 0.83 * i / std::max(1.0, ramp.width() - 1)));
    word(high_);
    if (!hatch_) return;
    x += 10;
    const QRectF sample = box(swatch);
    painter.setPen(theme.border);
    painter.setBrush(QBrush(mix(theme.panel, theme.text, 0.28), Qt::BDiagPattern));
    painter.drawRect(sample);
    word(tr("no data"));
}

// --- where experts are ---------------------------------------------------------------------

TierLegend::TierLegend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Legend: %1").arg(text()));
}

void TierLegend::setDevice(bool shown) {
    if (shown == device_) return;
    device_ = shown;
    setAccessibleName(tr("Legend: %1").arg(text()));
    updateGeometry();
    update();
}

QStringList TierLegend::words() const {
    QStringList out{tierText(ExpertTier::disk), tierText(ExpertTier::host)};
    if (device_) out << tierText(ExpertTier::device);
    return out;
}

QString TierLegend::text() const {
    return words().join(QStringLiteral(" · "));
}

QSize TierLegend::sizeHint() const {
    const QFontMetrics metrics(smallFont(font()));
    return {metrics.height() * 20, metrics.height() + 2};
}

QSize TierLegend::minimumSizeHint() const {
    return {40, sizeHint().height()};
}

void TierLegend::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setFont(smallFont(font()));
    const QFontMetrics metrics = painter.fontMetrics();
    const int swatch = metrics.height() * 5 / 8;
    const QColor fills[] = {theme.panel, TierSource::hostColour(theme),
                            TierSource::deviceColour(theme)};
    qreal x = 0;
    const QStringList all = words();
    for (int i = 0; i < all.size(); ++i) {
        const QRectF box(x + 0.5, std::floor((height() - swatch) / 2.0) + 0.5, swatch, swatch);
        painter.setPen(theme.border);
        painter.setBrush(fills[i]);
        painter.drawRect(box);
        if (i == static_cast<int>(ExpertTier::device)) painter.fillRect(box, hatchBrush(theme));
        x += swatch + 6;
        painter.setPen(theme.quiet);
        const int width = metrics.horizontalAdvance(all[i]);
        painter.drawText(QRectF(x, 0, width + 2, height()), Qt::AlignVCenter | Qt::AlignLeft,
                         all[i]);
        x += width + 16;
    }
}

}  // namespace starglass::ui

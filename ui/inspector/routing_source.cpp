// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/routing_source.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <limits>

#include "inspector/inspector_format.h"

namespace starglass::ui {
namespace {

constexpr int kFirstLevel = 44;

struct MapWords {
    Q_DECLARE_TR_FUNCTIONS(RoutingMap)
};

double mostBits(const RoutingCounts& counts, RoutingScale scale) {
    const int choices =
        scale == RoutingScale::weight ? counts.shape().expertsUsed : counts.shape().experts;
    return std::log2(std::max(2, choices));
}

double bitsOf(const RoutingCounts& counts, RoutingScale scale, int layer) {
    return scale == RoutingScale::weight ? counts.weightEntropyBits(layer)
                                         : counts.entropyBits(layer);
}

QString layerText(const RoutingCounts& counts, RoutingScale scale, int layer) {
    const double bits = bitsOf(counts, scale, layer);
    const QString entropy = std::isnan(bits)
                                ? QString()
                                : MapWords::tr("entropy %1 of %2 bits")
                                      .arg(decimalText(bits, 2), bitsText(mostBits(counts, scale)));
    if (scale == RoutingScale::weight)
        return entropy.isEmpty() ? QString() : MapWords::tr("Layer: weight %1").arg(entropy);
    return MapWords::tr("Layer: %1 of %2 experts used, %3")
        .arg(numberText(counts.expertsUsed(layer)), numberText(counts.shape().experts), entropy);
}

}  // namespace

int levelOnRamp(double amount) {
    return kFirstLevel +
           static_cast<int>(std::lround((255 - kFirstLevel) * std::clamp(amount, 0.0, 1.0)));
}

QBrush hatchBrush(const Theme& theme) {
    return {mix(theme.panel, theme.text, 0.1), Qt::BDiagPattern};
}

QString CellText::sentence() const {
    return more.isEmpty() ? title + QStringLiteral(". ") + detail
                          : title + QStringLiteral(". ") + detail + QStringLiteral(". ") + more;
}

QString cellTitle(const RoutingShape& shape, RoutingCell cell) {
    QString out = MapWords::tr("Layer %1 · expert %2").arg(cell.layer).arg(cell.expert);
    if (cell.layer < shape.hashLayers) out += MapWords::tr(" · routed by token id");
    return out;
}

CellText describeCell(const RoutingCounts& counts, RoutingScale scale, RoutingCell cell) {
    CellText out;
    const RoutingShape& shape = counts.shape();
    if (!cell.valid() || cell.layer >= shape.layers || cell.expert >= shape.experts) return out;
    out.title = cellTitle(shape, cell);
    const std::int64_t seen = counts.tokens(cell.layer);
    if (seen == 0) {
        out.detail = counts.tokens() == 0 ? MapWords::tr("no tokens yet")
                                          : MapWords::tr("no data: this layer sent no routing");
        return out;
    }
    const std::int64_t used = counts.count(cell);
    if (scale == RoutingScale::weight) {
        out.detail = used == 0
                         ? MapWords::tr("not chosen for this token")
                         : MapWords::tr("weight %1").arg(decimalText(counts.weightSum(cell), 3));
    } else if (used == 0) {
        out.detail = MapWords::tr("never used in %1 tokens").arg(numberText(seen));
    } else {
        out.detail =
            MapWords::tr("%1 of tokens · mean weight %2 · %3 of %4 tokens")
                .arg(percentText(counts.share(cell)), decimalText(counts.meanWeight(cell), 2),
                     numberText(used), numberText(seen));
    }
    out.more = layerText(counts, scale, cell.layer);
    return out;
}

void RoutingSource::set(const RoutingCounts* counts, RoutingScale scale) {
    counts_ = counts;
    scale_ = scale;
}

QString RoutingSource::name() const {
    return MapWords::tr("Expert routing map");
}

RoutingShape RoutingSource::shape() const {
    return counts_ ? counts_->shape() : RoutingShape{};
}

void RoutingSource::fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const {
    const RoutingShape s = shape();
    double top = 0;
    std::int64_t most = 0;
    for (int layer = 0; layer < s.layers; ++layer) most = std::max(most, counts_->tokens(layer));
    if (scale_ == RoutingScale::share) {
        top = counts_->maxShare();
    } else {
        for (int layer = 0; layer < s.layers; ++layer)
            for (int expert = 0; expert < s.experts; ++expert)
                top = std::max(top, counts_->weightSum({layer, expert}));
    }
    // "Once" is the bottom of the logarithmic scale.
    const double bottom = most > 0 ? 1.0 / static_cast<double>(most) : 1;
    const double range = std::log(top / bottom);
    for (int layer = 0; layer < s.layers; ++layer) {
        hasData[layer] = counts_->tokens(layer) > 0;
        if (!hasData[layer]) continue;
        auto* row =
            levels.data() + static_cast<std::size_t>(layer) * static_cast<std::size_t>(s.experts);
        for (int expert = 0; expert < s.experts; ++expert) {
            const RoutingCell cell{layer, expert};
            if (counts_->count(cell) == 0) continue;
            double amount = 1;
            if (scale_ == RoutingScale::weight)
                amount = top > 0 ? counts_->weightSum(cell) / top : 0;
            else if (range > 1e-9)
                amount = std::log(counts_->share(cell) / bottom) / range;
            row[expert] = static_cast<std::uint8_t>(levelOnRamp(amount));
        }
    }
}

QString RoutingSource::barTitle() const {
    return MapWords::tr("entropy");
}

QString RoutingSource::barEnd() const {
    return counts_ ? MapWords::tr("%1 bits").arg(bitsText(mostBits(*counts_, scale_))) : QString();
}

double RoutingSource::bar(int layer) const {
    return counts_ ? bitsOf(*counts_, scale_, layer) / mostBits(*counts_, scale_)
                   : std::numeric_limits<double>::quiet_NaN();
}

CellText RoutingSource::describe(RoutingCell cell) const {
    return counts_ ? describeCell(*counts_, scale_, cell) : CellText{};
}

QString RoutingSource::describeLayer(int layer) const {
    return counts_ && counts_->tokens(layer) > 0 ? layerText(*counts_, scale_, layer) : QString();
}

}  // namespace starglass::ui

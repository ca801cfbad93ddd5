// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/expert_views.h"

#include <QCoreApplication>
#include <algorithm>
#include <limits>

#include "inspector/inspector_format.h"

namespace starglass::ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ExpertViews)
};

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

QString hitsText(std::uint64_t hits, std::uint64_t misses) {
    const auto count = [](std::uint64_t n) { return numberText(static_cast<qint64>(n)); };
    return Words::tr("%1, %2").arg(
        hits == 1 ? Words::tr("1 hit") : Words::tr("%1 hits").arg(count(hits)),
        misses == 1 ? Words::tr("1 miss") : Words::tr("%1 misses").arg(count(misses)));
}

}  // namespace

QString tierText(ExpertTier tier) {
    switch (tier) {
        case ExpertTier::host:
            return Words::tr("in memory");
        case ExpertTier::device:
            return Words::tr("on the device");
        case ExpertTier::disk:
            break;
    }
    return Words::tr("on disk");
}

void ExpertSource::set(const RoutingShape& shape, const ExpertSnapshotPtr& snapshot) {
    shape_ = shape;
    snapshot_.reset();
    layers_.clear();
    if (!snapshot || shape.empty()) return;
    const auto cells =
        static_cast<std::size_t>(shape.layers) * static_cast<std::size_t>(shape.experts);
    const auto whole = [cells](const auto& values) { return values.size() == cells; };
    if (snapshot->layers != shape.layers || snapshot->experts != shape.experts ||
        !whole(snapshot->tiers) || !whole(snapshot->hits) || !whole(snapshot->misses))
        return;
    snapshot_ = snapshot;
    layers_.resize(static_cast<std::size_t>(shape.layers));
    for (int layer = 0; layer < shape.layers; ++layer) {
        Layer& sum = layers_[static_cast<std::size_t>(layer)];
        for (int expert = 0; expert < shape.experts; ++expert) {
            const std::size_t cell = at(layer, expert);
            sum.host += snapshot->tiers[cell] == ExpertTier::host;
            sum.device += snapshot->tiers[cell] == ExpertTier::device;
            sum.hits += snapshot->hits[cell];
            sum.misses += snapshot->misses[cell];
        }
    }
}

QString ExpertSource::cellDetail(RoutingCell cell) const {
    if (!any() || !cell.valid() || cell.layer >= shape_.layers || cell.expert >= shape_.experts)
        return {};
    const std::size_t i = at(cell.layer, cell.expert);
    const std::uint64_t hits = snapshot_->hits[i], misses = snapshot_->misses[i];
    const QString where = tierText(snapshot_->tiers[i]);
    if (hits + misses == 0) return Words::tr("%1 · never needed").arg(where);
    return Words::tr("%1 · %2").arg(where, hitsText(hits, misses));
}

CellText ExpertSource::describe(RoutingCell cell) const {
    CellText out;
    if (!cell.valid() || cell.layer >= shape_.layers || cell.expert >= shape_.experts) return out;
    out.title = cellTitle(shape_, cell);
    if (!any()) {
        out.detail = Words::tr("no data yet");
        return out;
    }
    out.detail = cellDetail(cell);
    const std::size_t i = at(cell.layer, cell.expert);
    const double hits = snapshot_->hits[i], needed = hits + snapshot_->misses[i];
    if (needed > 0) out.detail += Words::tr(" · hit rate %1").arg(percentText(hits / needed));
    out.more = describeLayer(cell.layer);
    return out;
}

QString ExpertSource::describeLayer(int layer) const {
    if (!any()) return {};
    const Layer& sum = layers_[static_cast<std::size_t>(layer)];
    const QString total = numberText(shape_.experts);
    QString out =
        sum.device > 0
            ? Words::tr("Layer: %1 of %2 experts on the device").arg(numberText(sum.device), total)
            : Words::tr("Layer: %1 of %2 experts in memory").arg(numberText(sum.host), total);
    if (sum.needed()) out += Words::tr(", hit rate %1").arg(percentText(sum.hitRate()));
    return out;
}

// --- where they are ------------------------------------------------------------------------

QColor TierSource::hostColour(const Theme& theme) {
    return theme.dark ? Theme::category(5) : Theme::category(0);
}

QColor TierSource::deviceColour(const Theme&) {
    return Theme::category(1);
}

QString TierSource::name() const {
    return Words::tr("Map of where the experts are");
}

void TierSource::fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const {
    if (!any()) return;
    std::fill(hasData.begin(), hasData.end(), true);
    for (std::size_t i = 0; i < levels.size(); ++i) {
        if (snapshot_->tiers[i] == ExpertTier::host) levels[i] = kHost;
        if (snapshot_->tiers[i] == ExpertTier::device) levels[i] = kDevice;
    }
}

std::array<QRgb, 256> TierSource::colours(const Theme& theme) const {
    std::array<QRgb, 256> out{};
    out.fill(theme.panel.rgb());
    out[kHost] = hostColour(theme).rgb();
    out[kDevice] = deviceColour(theme).rgb();
    return out;
}

QString TierSource::barTitle() const {
    return Words::tr("memory");
}

QString TierSource::barEnd() const {
    return Words::tr("100 %");
}

double TierSource::bar(int layer) const {
    if (!any()) return kNone;
    const Layer& sum = layers_[static_cast<std::size_t>(layer)];
    return static_cast<double>(sum.host + sum.device) / shape_.experts;
}

// --- hits and misses -----------------------------------------------------------------------

QString HitSource::name() const {
    return Words::tr("Map of hits and misses");
}

void HitSource::fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const {
    if (!any()) return;
    for (int layer = 0; layer < shape_.layers; ++layer) {
        hasData[static_cast<std::size_t>(layer)] =
            layers_[static_cast<std::size_t>(layer)].needed();
        for (int expert = 0; expert < shape_.experts; ++expert) {
            const std::size_t i = at(layer, expert);
            const double hits = snapshot_->hits[i], needed = hits + snapshot_->misses[i];
            if (needed > 0) levels[i] = static_cast<std::uint8_t>(levelOnRamp(hits / needed));
        }
    }
}

QString HitSource::barTitle() const {
    return Words::tr("hit rate");
}

QString HitSource::barEnd() const {
    return Words::tr("100 %");
}

double HitSource::bar(int layer) const {
    return any() ? layers_[static_cast<std::size_t>(layer)].hitRate() : kNone;
}

}  // namespace starglass::ui

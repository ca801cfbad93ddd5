// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two views of the map for a model whose experts are read from disk: where each expert is now, and
// how often it was there when it was needed. Both show the latest snapshot. UI thread.
#pragma once

#include "inspector/map_source.h"

namespace starglass::ui {

// "on disk", "in memory", "on the device".
QString tierText(ExpertTier tier);

class ExpertSource : public MapSource {
public:
    // Null, or a snapshot of another shape: no data.
    void set(const RoutingShape& shape, const ExpertSnapshotPtr& snapshot);
    [[nodiscard]] RoutingShape shape() const override { return shape_; }
    [[nodiscard]] bool any() const { return snapshot_ != nullptr; }
    [[nodiscard]] CellText describe(RoutingCell cell) const override;
    [[nodiscard]] QString describeLayer(int layer) const override;
    // "in memory · 312 hits, 4 misses"; empty without data.
    [[nodiscard]] QString cellDetail(RoutingCell cell) const;

    struct Layer {
        int host = 0, device = 0;  // experts
        std::uint64_t hits = 0, misses = 0;
        [[nodiscard]] bool needed() const { return hits + misses > 0; }
        [[nodiscard]] double hitRate() const {  // NaN when nothing was needed
            return static_cast<double>(hits) / static_cast<double>(hits + misses);
        }
    };
    [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }

protected:
    [[nodiscard]] std::size_t at(int layer, int expert) const {
        return static_cast<std::size_t>(layer) * static_cast<std::size_t>(shape_.experts) +
               static_cast<std::size_t>(expert);
    }
    RoutingShape shape_;
    ExpertSnapshotPtr snapshot_;
    std::vector<Layer> layers_;  // empty without data
};

class TierSource final : public ExpertSource {
public:
    static constexpr int kHost = 128, kDevice = 255;  // levels; disk: 0
    static QColor hostColour(const Theme& theme);
    static QColor deviceColour(const Theme& theme);

    [[nodiscard]] QString name() const override;
    void fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const override;
    [[nodiscard]] std::array<QRgb, 256> colours(const Theme& theme) const override;
    [[nodiscard]] int hatchedLevel() const override { return kDevice; }
    [[nodiscard]] QString barTitle() const override;
    [[nodiscard]] QString barEnd() const override;
    [[nodiscard]] double bar(int layer) const override;  // share that is not on disk
};

class HitSource final : public ExpertSource {
public:
    [[nodiscard]] QString name() const override;
    void fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const override;
    [[nodiscard]] QString barTitle() const override;
    [[nodiscard]] QString barEnd() const override;
    [[nodiscard]] double bar(int layer) const override;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// How often each expert of each layer was chosen, and with what weight. Adding a token costs
// layers x experts_used; nothing is ever summed again over all cells. A layer that has sent
// nothing is without data, which is not the same as never used. A plain value, no Qt.
#pragma once

#include <cstdint>
#include <vector>

#include "bridge/types.h"

namespace starglass::ui {

struct RoutingShape {
    int layers = 0;
    int hashLayers = 0;  // layers 0..hashLayers-1 route by token id
    int experts = 0;
    int expertsUsed = 0;  // per token and layer

    static RoutingShape of(const ModelInfo& model);
    [[nodiscard]] bool empty() const { return layers <= 0 || experts <= 0; }
    bool operator==(const RoutingShape&) const = default;
};

struct RoutingCell {
    int layer = -1;
    int expert = -1;
    [[nodiscard]] bool valid() const { return layer >= 0 && expert >= 0; }
    bool operator==(const RoutingCell&) const = default;
};

class RoutingCounts {
public:
    RoutingCounts() = default;
    explicit RoutingCounts(const RoutingShape& shape) { reset(shape); }

    void reset(const RoutingShape& shape);
    void clear() { reset(shape_); }
    // Layers and expert ids outside the shape are ignored: they leave no data.
    void add(const RoutingSample& sample);

    [[nodiscard]] const RoutingShape& shape() const { return shape_; }
    [[nodiscard]] std::int64_t tokens() const { return tokens_; }
    // Tokens for which this layer sent at least one expert.
    [[nodiscard]] std::int64_t tokens(int layer) const { return rows_[layer].tokens; }
    [[nodiscard]] std::int64_t count(RoutingCell cell) const { return counts_[at(cell)]; }
    // Of the layer's tokens, in [0, 1]; NaN for a layer without data.
    [[nodiscard]] double share(RoutingCell cell) const;
    // Over the tokens that chose the cell; NaN when none did.
    [[nodiscard]] double meanWeight(RoutingCell cell) const;
    [[nodiscard]] double weightSum(RoutingCell cell) const { return weights_[at(cell)]; }
    [[nodiscard]] double maxShare() const;
    [[nodiscard]] std::int64_t maxCount() const;

    // Of the layer's choices over its experts, in bits; NaN without data. All experts alike: the
    // logarithm of their number.
    [[nodiscard]] double entropyBits(int layer) const;
    // Of the weight given to the layer's experts; for one token how evenly it was spread.
    [[nodiscard]] double weightEntropyBits(int layer) const;
    // Over the layers with data; NaN without any.
    [[nodiscard]] double meanEntropyBits() const;
    [[nodiscard]] int expertsUsed(int layer) const { return rows_[layer].used; }
    [[nodiscard]] std::int64_t expertsUsed() const { return used_; }

private:
    struct Row {
        std::int64_t tokens = 0;
        std::int64_t choices = 0;
        double count_log_count = 0;  // sum of c log2 c, so that entropy needs no pass over experts
        int used = 0;
    };
    [[nodiscard]] std::size_t at(RoutingCell cell) const {
        return static_cast<std::size_t>(cell.layer) * static_cast<std::size_t>(shape_.experts) +
               static_cast<std::size_t>(cell.expert);
    }

    RoutingShape shape_;
    std::vector<std::uint32_t> counts_;  // [layers, experts]
    std::vector<double> weights_;        // [layers, experts], summed
    std::vector<Row> rows_;              // [layers]
    std::int64_t tokens_ = 0;
    std::int64_t used_ = 0;
};

}  // namespace starglass::ui

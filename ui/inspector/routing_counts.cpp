// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/routing_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace starglass::ui {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double xLogX(double x) {
    return x > 0 ? x * std::log2(x) : 0;
}

}  // namespace

RoutingShape RoutingShape::of(const ModelInfo& model) {
    return {model.layers, model.hash_layers, model.experts, model.experts_used};
}

void RoutingCounts::reset(const RoutingShape& shape) {
    shape_ = shape;
    const auto layers = static_cast<std::size_t>(std::max(0, shape.layers));
    const auto cells = layers * static_cast<std::size_t>(std::max(0, shape.experts));
    counts_.assign(cells, 0);
    weights_.assign(cells, 0);
    rows_.assign(layers, {});
    tokens_ = 0;
    used_ = 0;
}

void RoutingCounts::add(const RoutingSample& sample) {
    ++tokens_;
    if (sample.layers <= 0 || sample.expertsUsed <= 0) return;
    const auto width = static_cast<std::size_t>(sample.expertsUsed);
    const std::size_t whole = sample.experts.size() / width;
    const int layers = static_cast<int>(std::min<std::size_t>(
        whole, static_cast<std::size_t>(std::min(sample.layers, shape_.layers))));
    for (int layer = 0; layer < layers; ++layer) {
        Row& row = rows_[layer];
        bool any = false;
        for (std::size_t k = 0; k < width; ++k) {
            const std::size_t slot = static_cast<std::size_t>(layer) * width + k;
            const std::int32_t expert = sample.experts[slot];
            if (expert < 0 || expert >= shape_.experts) continue;
            any = true;
            const std::size_t cell = at({layer, expert});
            const double before = counts_[cell]++;
            row.count_log_count += xLogX(before + 1) - xLogX(before);
            ++row.choices;
            if (before == 0) {
                ++row.used;
                ++used_;
            }
            if (slot < sample.weights.size() && std::isfinite(sample.weights[slot]))
                weights_[cell] += sample.weights[slot];
        }
        if (any) ++row.tokens;
    }
}

double RoutingCounts::share(RoutingCell cell) const {
    const std::int64_t seen = rows_[cell.layer].tokens;
    return seen == 0 ? kNone : static_cast<double>(count(cell)) / static_cast<double>(seen);
}

double RoutingCounts::meanWeight(RoutingCell cell) const {
    const std::int64_t n = count(cell);
    return n == 0 ? kNone : weights_[at(cell)] / static_cast<double>(n);
}

double RoutingCounts::maxShare() const {
    double best = 0;
    for (int layer = 0; layer < shape_.layers; ++layer) {
        if (rows_[layer].tokens == 0) continue;
        const auto* first = counts_.data() + at({layer, 0});
        best =
            std::max(best, static_cast<double>(*std::max_element(first, first + shape_.experts)) /
                               static_cast<double>(rows_[layer].tokens));
    }
    return best;
}

std::int64_t RoutingCounts::maxCount() const {
    return counts_.empty() ? 0 : *std::max_element(counts_.begin(), counts_.end());
}

double RoutingCounts::entropyBits(int layer) const {
    const Row& row = rows_[layer];
    if (row.choices == 0) return kNone;
    // -sum (c/n) log2 (c/n) = log2 n - (1/n) sum c log2 c
    const auto n = static_cast<double>(row.choices);
    return std::max(0.0, std::log2(n) - row.count_log_count / n);
}

double RoutingCounts::weightEntropyBits(int layer) const {
    if (rows_[layer].choices == 0) return kNone;
    const double* first = weights_.data() + at({layer, 0});
    double sum = 0, log_sum = 0;
    for (int expert = 0; expert < shape_.experts; ++expert) {
        sum += std::max(0.0, first[expert]);
        log_sum += xLogX(std::max(0.0, first[expert]));
    }
    return sum > 0 ? std::max(0.0, std::log2(sum) - log_sum / sum) : kNone;
}

double RoutingCounts::meanEntropyBits() const {
    double sum = 0;
    int n = 0;
    for (int layer = 0; layer < shape_.layers; ++layer) {
        const double bits = entropyBits(layer);
        if (std::isnan(bits)) continue;
        sum += bits;
        ++n;
    }
    return n == 0 ? kNone : sum / n;
}

}  // namespace starglass::ui

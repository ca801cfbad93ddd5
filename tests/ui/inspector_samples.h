// SPDX-License-Identifier: MIT
//
// Made-up routing and tokens for the inspector's tests and screenshots: topical, as real routing
// is, and the same for the same seed on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/experts.h"
#include "inspector/routing_counts.h"

namespace starglass::ui::samples {

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::uint32_t next() {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<std::uint32_t>(state_ >> 33);
    }
    double unit() { return next() / 2147483648.0; }

private:
    std::uint64_t state_;
};

inline ModelInfo model(const RoutingShape& shape) {
    ModelInfo info;
    info.name = "sample";
    info.layers = shape.layers;
    info.hash_layers = shape.hashLayers;
    info.experts = shape.experts;
    info.experts_used = shape.expertsUsed;
    return info;
}

// Every layer prefers some experts; a topic prefers others on top.
inline RoutingSample routing(const RoutingShape& shape, std::int64_t position, int topic,
                             bool prefill = false) {
    RoutingSample out;
    out.position = position;
    out.prefill = prefill;
    out.layers = shape.layers;
    out.expertsUsed = shape.expertsUsed;
    Random random(static_cast<std::uint64_t>(position) * 977 + 13);
    for (int layer = 0; layer < shape.layers; ++layer) {
        std::vector<int> chosen;
        while (static_cast<int>(chosen.size()) < shape.expertsUsed) {
            const double skewed = std::pow(random.unit(), layer < shape.hashLayers ? 1.0 : 2.6);
            const auto rank = static_cast<std::uint64_t>(skewed * shape.experts);
            Random place(static_cast<std::uint64_t>(layer) * 7919 + rank * 31 +
                         (random.unit() < 0.35 ? static_cast<std::uint64_t>(topic) * 101 : 0));
            place.next();
            const int expert =
                static_cast<int>(place.next() % static_cast<std::uint32_t>(shape.experts));
            if (std::find(chosen.begin(), chosen.end(), expert) == chosen.end())
                chosen.push_back(expert);
        }
        double sum = 0;
        std::vector<double> weights;
        for (std::size_t k = 0; k < chosen.size(); ++k)
            sum += weights.emplace_back(std::exp(-0.5 * static_cast<double>(k)) *
                                        (0.6 + random.unit()));
        for (std::size_t k = 0; k < chosen.size(); ++k) {
            out.experts.push_back(chosen[k]);
            out.weights.push_back(static_cast<float>(1.5 * weights[k] / sum));
        }
    }
    return out;
}

inline TokenEvent token(std::int64_t position, TokenId id, const std::string& text, double seconds,
                        StreamPart part = StreamPart::answer) {
    TokenEvent out;
    out.position = position;
    out.id = id;
    out.probability = 0.712F;
    out.entropy_bits = 1.02F;
    out.seconds = seconds;
    out.part = part;
    out.alternatives = {{id, 0.712F, text},
                        {901, 0.149F, " packed"},
                        {902, 0.061F, " smaller"},
                        {903, 0.030F, " stored"},
                        {904, 0.014F, "\n"}};
    out.deltas = {{part, text}};
    return out;
}

// Experts read from disk as a plain least-recently-used cache would have read them: what a model
// under a ceiling sends, from the routing above.
class Disk {
public:
    Disk(const RoutingShape& shape, int budgetExperts, std::uint64_t expertBytes,
         int deviceLayers = 0)
        : shape_(shape), budget_(budgetExperts), bytes_(expertBytes) {
        const auto cells =
            static_cast<std::size_t>(shape.layers) * static_cast<std::size_t>(shape.experts);
        snapshot_.layers = shape.layers;
        snapshot_.experts = shape.experts;
        snapshot_.experts_used = shape.expertsUsed;
        snapshot_.hash_layers = shape.hashLayers;
        snapshot_.budget_bytes = static_cast<std::uint64_t>(budgetExperts) * expertBytes;
        snapshot_.routed_bytes = cells * expertBytes;
        snapshot_.tiers.assign(cells, ExpertTier::disk);
        snapshot_.hits.assign(cells, 0);
        snapshot_.misses.assign(cells, 0);
        used_.assign(cells, -1);
        device_ = shape.layers - deviceLayers;
        for (std::size_t i = at(device_, 0); i < cells; ++i)
            snapshot_.tiers[i] = ExpertTier::device;
        snapshot_.policy = "lru";
        snapshot_.reads = "io_uring, direct, registered memory";
    }

    ExpertsSample step(const RoutingSample& routing) {
        ExpertsSample out;
        out.position = routing.position;
        out.rows = 1;
        out.prefill = routing.prefill;
        out.layers.resize(static_cast<std::size_t>(shape_.layers));
        for (int layer = 0; layer < shape_.layers; ++layer) {
            ExpertLayerUse& use = out.layers[static_cast<std::size_t>(layer)];
            if (layer >= device_) continue;
            for (int k = 0; k < routing.expertsUsed; ++k) {
                const std::size_t cell =
                    at(layer,
                       routing.experts[static_cast<std::size_t>(layer * routing.expertsUsed + k)]);
                ++use.needed;
                if (snapshot_.tiers[cell] == ExpertTier::host) {
                    ++snapshot_.hits[cell];
                    ++snapshot_.totals.hits;
                } else {
                    ++use.misses;
                    ++snapshot_.misses[cell];
                    ++snapshot_.totals.misses;
                    come(cell);
                }
                used_[cell] = ++clock_;
            }
            use.read_bytes = static_cast<std::uint64_t>(use.misses) * bytes_;
            use.stall_seconds = 0.0034F * static_cast<float>(use.misses);
            out.stallSeconds += static_cast<double>(use.stall_seconds);
        }
        out.seconds = 0.041 + out.stallSeconds;
        snapshot_.totals.read_bytes += out.readBytes();
        snapshot_.totals.experts_read += static_cast<std::uint64_t>(out.misses());
        snapshot_.totals.stall_seconds += out.stallSeconds;
        snapshot_.latency = {std::min<std::uint64_t>(snapshot_.totals.experts_read, 4096), 0.0041,
                             0.0098, 0.022};
        snapshot_.read_bytes_s = 1.73e9;
        return out;
    }

    [[nodiscard]] ExpertMemorySnapshot& snapshot() { return snapshot_; }
    [[nodiscard]] ExpertSnapshotPtr taken() const {
        return std::make_shared<const ExpertMemorySnapshot>(snapshot_);
    }

private:
    [[nodiscard]] std::size_t at(int layer, int expert) const {
        return static_cast<std::size_t>(layer) * static_cast<std::size_t>(shape_.experts) +
               static_cast<std::size_t>(expert);
    }
    void come(std::size_t cell) {
        if (snapshot_.resident_experts == budget_) {
            std::size_t oldest = used_.size();
            for (std::size_t i = 0; i < at(device_, 0); ++i)
                if (snapshot_.tiers[i] == ExpertTier::host &&
                    (oldest == used_.size() || used_[i] < used_[oldest]))
                    oldest = i;
            snapshot_.tiers[oldest] = ExpertTier::disk;
        } else {
            ++snapshot_.resident_experts;
            snapshot_.resident_bytes += bytes_;
        }
        snapshot_.tiers[cell] = ExpertTier::host;
    }

    RoutingShape shape_;
    int budget_ = 0, device_ = 0;
    std::uint64_t bytes_ = 0;
    std::int64_t clock_ = 0;
    std::vector<std::int64_t> used_;
    ExpertMemorySnapshot snapshot_;
};

}  // namespace starglass::ui::samples

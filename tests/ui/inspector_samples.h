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

}  // namespace starglass::ui::samples

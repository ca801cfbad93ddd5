// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct ExpertsCase {
    DataType gate, up, down;
    std::int64_t dim, hidden;  // E, F
    int experts, used, rows;
    float clamp;
};

inline std::vector<ExpertsCase> experts_cases() {
    using enum DataType;
    return {{iq2_xxs, iq2_xxs, q2_k, 256, 256, 8, 6, 1, 10.0F},
            {iq2_xxs, iq2_xxs, q2_k, 512, 256, 8, 6, 9, 10.0F},
            {q4_k, q4_k, q4_k, 256, 512, 4, 2, 5, 10.0F},
            {q4_k, q4_k, q2_k, 256, 256, 4, 3, 2, 0.0F},
            {q8_0, q8_0, q8_0, 64, 96, 5, 3, 4, 0.5F},
            {f16, f16, f16, 40, 24, 5, 3, 6, 10.0F},
            {f32, f16, q8_0, 33, 32, 3, 2, 3, 10.0F},
            {q2_k, q8_0, f16, 256, 7, 3, 1, 2, 1.0F},
            {q8_0, q4_k, iq2_xxs, 256, 256, 16, 6, 33, 10.0F}};
}

// The shared expert of a case is its routed expert 0.
struct ExpertsProblem {
    ExpertsCase shape;
    OwnedWeight gate, up, down;
    Floats x, weights, y;
    std::vector<std::int32_t> selected;

    explicit ExpertsProblem(const ExpertsCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        const float in = 1.0F / std::sqrt(static_cast<float>(c.dim));
        gate = random_weight(random, c.gate, c.dim, c.hidden, c.experts, in);
        up = random_weight(random, c.up, c.dim, c.hidden, c.experts, in);
        down = random_weight(random, c.down, c.hidden, c.dim, c.experts,
                             1.0F / std::sqrt(static_cast<float>(c.hidden)));
        x = Floats::random(random, c.rows * c.dim);
        y = Floats(c.rows * c.dim, random.below(4));
        weights = Floats(c.rows * c.used);
        for (float& w : weights.span()) w = random.between(0.05F, 0.6F);
        for (int row = 0; row < c.rows; ++row) {
            std::vector<std::int32_t> rest(static_cast<std::size_t>(c.experts));
            for (int e = 0; e < c.experts; ++e) rest[e] = e;
            for (int k = 0; k < c.used; ++k) {
                const auto pick = rest.begin() + random.below(static_cast<int>(rest.size()));
                selected.push_back(*pick);
                rest.erase(pick);
            }
        }
    }
    [[nodiscard]] RoutedExperts routed() {
        return {.x = x.data(),
                .selected = selected.data(),
                .weights = weights.data(),
                .gate = gate.view(),
                .up = up.view(),
                .down = down.view(),
                .rows = shape.rows,
                .used = shape.used,
                .clamp = shape.clamp,
                .y = y.data()};
    }
    [[nodiscard]] SharedExpert shared() {
        Weight g = gate.view(), u = up.view(), d = down.view();
        g.count = u.count = d.count = 1;
        return {.x = x.data(),
                .gate = g,
                .up = u,
                .down = d,
                .rows = shape.rows,
                .clamp = shape.clamp,
                .y = y.data()};
    }
};

}  // namespace starglass::testing

// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct RmsNormCase {
    std::int64_t dim;
    std::int64_t rows;
    bool weighted;
    bool in_place;
};

inline std::vector<RmsNormCase> rms_norm_cases() {
    std::vector<RmsNormCase> cases;
    for (std::int64_t dim = 1; dim <= 33; ++dim)
        cases.push_back({dim, 1 + dim % 3, dim % 2 == 0, dim % 3 == 0});
    for (const std::int64_t dim : {192, 256, 511, 1024, 16384})
        for (const bool weighted : {false, true}) cases.push_back({dim, 3, weighted, false});
    return cases;
}

struct RmsNormProblem {
    RmsNormCase shape;
    Floats x, weight, y;

    explicit RmsNormProblem(const RmsNormCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        x = Floats::random(random, c.rows * c.dim, 3.0F);
        weight = Floats::random(random, c.dim);
        y = Floats(c.rows * c.dim, random.below(4));
        if (c.in_place) y = x;
    }
    [[nodiscard]] RmsNorm op() {
        return {.x = shape.in_place ? y.data() : x.data(),
                .weight = shape.weighted ? weight.data() : nullptr,
                .y = y.data(),
                .rows = shape.rows,
                .dim = shape.dim,
                .epsilon = 1e-6F};
    }
};

}  // namespace starglass::testing

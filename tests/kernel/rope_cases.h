// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

// The two kinds Flash has.
inline RopeParams plain_rope(int rotary = 64) {
    return {.rotary = rotary, .base = 10000.0F};
}
inline RopeParams yarn_rope() {
    return {
        .rotary = 64, .base = 160000.0F, .yarn = true, .scale = 16.0F, .low = 15.0F, .high = 25.0F};
}

struct RopeCase {
    RopeParams params;
    int heads, width;
    std::int64_t rows, first;
    bool inverse;
};

inline std::vector<RopeCase> rope_cases() {
    std::vector<RopeCase> cases;
    for (int rotary = 2; rotary <= 34; rotary += 2)
        cases.push_back(
            {plain_rope(rotary), 1 + rotary % 3, rotary + rotary % 5, 2, rotary, false});
    for (const bool inverse : {false, true}) {
        cases.push_back({plain_rope(), 4, 192, 5, 0, inverse});
        cases.push_back({yarn_rope(), 4, 192, 5, 1000, inverse});
        cases.push_back({yarn_rope(), 8, 128, 3, 100000, inverse});
        cases.push_back({yarn_rope(), 1, 64, 1, 1 << 20, inverse});
    }
    return cases;
}

struct RopeProblem {
    RopeCase shape;
    Floats x;
    std::vector<std::int64_t> positions;

    explicit RopeProblem(const RopeCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        x = Floats::random(random, c.rows * c.heads * c.width);
        // Rows need not be consecutive: compressed rows advance by the ratio.
        for (std::int64_t row = 0; row < c.rows; ++row) positions.push_back(c.first + 4 * row);
    }
    [[nodiscard]] Rope op() {
        return {.x = x.data(),
                .rows = shape.rows,
                .heads = shape.heads,
                .width = shape.width,
                .positions = positions.data(),
                .params = shape.params,
                .inverse = shape.inverse};
    }
};

}  // namespace starglass::testing

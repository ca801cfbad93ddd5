// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct EmbedCase {
    DataType type;
    std::int64_t dim;
    int rows, streams;
};

inline std::vector<EmbedCase> embed_cases() {
    return {{DataType::f16, 1, 1, 1},  {DataType::f16, 31, 3, 4},  {DataType::f16, 256, 5, 4},
            {DataType::f32, 33, 2, 2}, {DataType::q8_0, 64, 4, 4}, {DataType::q4_k, 512, 2, 3}};
}

struct EmbedProblem {
    static constexpr int kVocabulary = 23;
    EmbedCase shape;
    OwnedWeight table;
    std::vector<std::int32_t> tokens;
    Floats y;

    explicit EmbedProblem(const EmbedCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        table = random_weight(random, c.type, c.dim, kVocabulary);
        for (int i = 0; i < c.rows; ++i) tokens.push_back(random.below(kVocabulary));
        y = Floats(c.rows * c.streams * c.dim, random.below(4));
    }
    [[nodiscard]] Embed op() {
        return {.table = table.view(),
                .tokens = tokens.data(),
                .rows = shape.rows,
                .streams = shape.streams,
                .y = y.data()};
    }
};

}  // namespace starglass::testing

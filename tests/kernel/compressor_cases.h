// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct CompressCase {
    DataType ape;
    int ratio, coff, width;
    int tokens;
};

inline std::vector<CompressCase> compress_cases() {
    return {{DataType::f16, 4, 2, 128, 23}, {DataType::f16, 4, 2, 192, 40},
            {DataType::f32, 4, 2, 7, 17},   {DataType::f16, 128, 1, 192, 300},
            {DataType::f16, 8, 1, 33, 50},  {DataType::f32, 3, 1, 5, 10},
            {DataType::f16, 4, 2, 1, 9},    {DataType::f16, 1, 1, 16, 3}};
}

// A timeline of `tokens`; run() takes the next `rows` of it.
struct CompressProblem {
    CompressCase shape;
    std::int64_t columns;
    OwnedWeight ape;
    Floats kv, gate, frontier_kv, frontier_score, out;
    std::int64_t position = 0;

    explicit CompressProblem(const CompressCase& c, std::uint64_t seed = 1)
        : shape(c), columns(static_cast<std::int64_t>(c.coff) * c.width) {
        Random random(seed);
        ape = random_weight(random, c.ape, columns, c.ratio, 1, 0.5F);
        kv = Floats::random(random, c.tokens * columns);
        gate = Floats::random(random, c.tokens * columns, 2.0F);
        frontier_kv = Floats(c.coff * c.ratio * columns);
        frontier_score = Floats(c.coff * c.ratio * columns);
        for (float& score : frontier_score.span()) score = kEmptyScore;
        out = Floats(c.tokens / c.ratio * c.width, random.below(4));
    }
    [[nodiscard]] Compress next(int rows) {
        const Compress op{.kv = kv.data() + position * columns,
                          .gate = gate.data() + position * columns,
                          .ape = ape.view(),
                          .first_position = position,
                          .rows = rows,
                          .ratio = shape.ratio,
                          .coff = shape.coff,
                          .width = shape.width,
                          .frontier_kv = frontier_kv.data(),
                          .frontier_score = frontier_score.data(),
                          .out = out.data() + position / shape.ratio * shape.width};
        position += rows;
        return op;
    }
};

}  // namespace starglass::testing

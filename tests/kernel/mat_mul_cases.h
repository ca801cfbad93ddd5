// SPDX-License-Identifier: MIT
//
// Shapes of MatMul shared by test and bench.
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct MatMulCase {
    DataType type;
    std::int64_t in, out;
    std::int64_t rows = 1;
    int groups = 1;
};

inline std::vector<MatMulCase> mat_mul_cases() {
    std::vector<MatMulCase> cases;
    // Every length up to two vectors of the widest kind, and tails of the row tile.
    for (std::int64_t in = 1; in <= 33; ++in) {
        cases.push_back({DataType::f16, in, 3, 1 + in % 5});
        cases.push_back({DataType::f32, in, 5, 1 + in % 3});
    }
    for (const std::int64_t in : {32, 64, 96, 128, 160, 1024, 1056})
        for (const std::int64_t rows : {1, 2, 3, 4, 5, 8, 17})
            cases.push_back({DataType::q8_0, in, 7, rows});
    for (const DataType type : {DataType::q2_k, DataType::q4_k, DataType::iq2_xxs})
        for (const std::int64_t in : {256, 512, 1024})
            for (const std::int64_t rows : {1, 3, 6}) cases.push_back({type, in, 9, rows});
    for (const std::int64_t in : {255, 256, 257, 1000})
        for (const std::int64_t rows : {1, 4, 7}) cases.push_back({DataType::f16, in, 11, rows});
    for (const std::int64_t out : {1, 2, 15, 16, 17, 33, 64})
        for (const DataType type : {DataType::f16, DataType::q8_0})
            cases.push_back({type, 64, out, 2});
    // Runs long enough for panels of floats: every size of tile, tails of rows and of columns.
    for (const std::int64_t rows : {23, 24, 25, 27, 29, 33, 35, 48})
        cases.push_back({DataType::f16, 16 * rows - 300, 16 + rows, rows});
    for (const std::int64_t out : {15, 16, 31, 32, 47, 67})
        cases.push_back({DataType::f32, 3 * out + 1, out, 25});
    cases.push_back({DataType::q8_0, 96, 41, 26});
    cases.push_back({DataType::q4_k, 256, 37, 30});
    // Grouped output projection.
    cases.push_back({DataType::f16, 136, 99, 25, 3});
    cases.push_back({DataType::q8_0, 96, 8, 5, 4});
    cases.push_back({DataType::q8_0, 384, 128, 3, 2});
    cases.push_back({DataType::f16, 40, 6, 2, 3});
    cases.push_back({DataType::q4_k, 256, 8, 2, 2});
    return cases;
}

struct MatMulProblem {
    MatMulCase shape;
    OwnedWeight w;
    Floats x, y;

    explicit MatMulProblem(const MatMulCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        w = random_weight(random, c.type, c.in, c.out);
        x = Floats::random(random, c.rows * c.in * c.groups);
        y = Floats(c.rows * c.out, random.below(4));
    }
    [[nodiscard]] MatMul op() {
        return {.w = w.view(),
                .x = x.data(),
                .y = y.data(),
                .rows = shape.rows,
                .groups = shape.groups};
    }
};

}  // namespace starglass::testing

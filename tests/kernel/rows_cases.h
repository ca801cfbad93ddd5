// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct RowsCase {
    RowLayout layout;
    std::int64_t rows;
    bool hadamard;
};

inline std::vector<RowsCase> rows_cases() {
    return {{RowLayout::kv(192, 64), 5, false}, {RowLayout::kv(512, 64), 3, false},
            {RowLayout::kv(128, 0), 2, false},  {RowLayout::kv(66, 2), 4, false},
            {RowLayout::index(128), 7, true},   {RowLayout::index(32), 3, true},
            {RowLayout::index(64), 1, false},   {RowLayout::plain(128), 3, true},
            {RowLayout::plain(192), 3, false}};
}

struct RowsProblem {
    RowsCase shape;
    Floats x;
    std::vector<std::byte> bytes;
    std::vector<std::byte*> destination;

    explicit RowsProblem(const RowsCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        x = Floats::random(random, c.rows * c.layout.width);
        for (float& value : x.span()) value *= random.below(8) == 0 ? 30.0F : 1.0F;
        // Back to front, as a ring does at its seam.
        bytes.assign(static_cast<std::size_t>(c.rows * c.layout.stride), std::byte{0xEE});
        for (std::int64_t row = c.rows; row-- > 0;)
            destination.push_back(bytes.data() + row * c.layout.stride);
    }
    [[nodiscard]] EncodeRows op() {
        return {.x = x.data(),
                .rows = shape.rows,
                .layout = shape.layout,
                .destination = destination.data(),
                .hadamard = shape.hadamard};
    }
};

struct IndexQueryCase {
    std::int64_t rows;
    int heads, width;
    bool round;
};

inline std::vector<IndexQueryCase> index_query_cases() {
    return {{3, 8, 128, true}, {1, 1, 128, false}, {2, 4, 32, true}, {5, 3, 64, true}};
}

struct IndexQueryProblem {
    IndexQueryCase shape;
    Floats x;
    explicit IndexQueryProblem(const IndexQueryCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        x = Floats::random(random, c.rows * c.heads * c.width);
    }
    [[nodiscard]] IndexQuery op() {
        return {.x = x.data(),
                .rows = shape.rows,
                .heads = shape.heads,
                .width = shape.width,
                .round = shape.round};
    }
};

}  // namespace starglass::testing

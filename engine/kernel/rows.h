// SPDX-License-Identifier: MIT
//
// Stores KV or indexer rows as codes, and gives indexer queries the same treatment in place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/row_codec.h"

namespace starglass {

struct EncodeRows {
    const float* x;  // [rows, layout.width]
    std::int64_t rows;
    RowLayout layout;
    std::byte* const* destination;  // [rows] addresses
    bool hadamard = false;          // transform first (indexer rows); x is left untouched
};

// Hadamard transform and, unless `round` is false, FP4 rounding of every head.
struct IndexQuery {
    float* x;  // [rows, heads, width], in place
    std::int64_t rows;
    int heads;
    int width;
    bool round = true;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The indexer of ratio-4 layers (model spec section 3.6): scores every visible row, keeps the
// top_k best per query (ties: lower row first). With at most top_k rows all are kept, unscored.
#pragma once

#include <cstdint>

#include "tensor/row_codec.h"

namespace starglass {

struct IndexSelect {
    const float* query;    // [rows, heads, width], after IndexQuery
    const float* weights;  // [rows, heads], not yet scaled
    float weight_scale;    // 1/sqrt(width*heads)
    RowPages keys;         // layout.width = width
    std::int64_t first_position;
    int rows;
    int heads;
    int ratio;  // query at position p sees rows c < (p+1)/ratio
    int top_k;
    std::int32_t* selected;  // [rows, top_k] ascending row numbers
    std::int32_t* counts;    // [rows] how many of them are valid
    float* scores =
        nullptr;  // [rows, score_stride] for traces, or null; unscored queries untouched
    std::int64_t score_stride = 0;
};

}  // namespace starglass

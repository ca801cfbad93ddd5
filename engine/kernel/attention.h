// SPDX-License-Identifier: MIT
//
// One shared row per position is key and value of all heads (model spec section 3.7). Each query
// sees the raw rows of its sliding window and the visible compressed rows, selected or all; a
// sink per head joins maximum and denominator only.
#pragma once

#include <cstdint>

#include "tensor/row_codec.h"

namespace starglass {

struct Attention {
    const float* q;      // [rows, heads, width]
    const float* sinks;  // [heads]
    std::int64_t first_position;
    int rows;
    int heads;
    int width;
    int window;     // raw rows of positions max(0, p-window+1) .. p
    RowRing raw;    // holds window-1 rows before first_position and all of the batch
    int ratio = 0;  // 0: no compressed rows
    RowPages compressed;
    const std::int32_t* selected = nullptr;  // [rows, selected_stride] ascending, null: all
    const std::int32_t* counts = nullptr;    // [rows]
    int selected_stride = 0;
    float* out;  // [rows, heads, width], before the inverse rotation
    static constexpr float kTolerance = 1e-5F;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Pools groups of `ratio` tokens into one row by a softmax per dimension (model spec section 3.5).
// Ratio 4 overlaps: coff = 2, a group also sees the previous one's first half of the columns.
// The frontier is the part of the state that still changes; it is updated in place, and slots
// that hold nothing are cleared to 0 / kEmptyScore so that equal timelines have equal bytes. The
// caller clears all of it so before position 0.
#pragma once

#include <cstdint>

#include "tensor/weight.h"

namespace starglass {

inline constexpr float kEmptyScore = -1e30F;

struct Compress {
    const float* kv;    // [rows, coff*width]
    const float* gate;  // [rows, coff*width], without the position table
    Weight ape;         // in = coff*width, out = ratio; F16 or F32
    std::int64_t first_position;
    int rows;
    int ratio;
    int coff;  // 2 for ratio 4, else 1
    int width;
    float* frontier_kv;     // [coff*ratio, coff*width]
    float* frontier_score;  // the same shape
    float* out;  // [(first_position+rows)/ratio - first_position/ratio, width], not yet normed
};

}  // namespace starglass

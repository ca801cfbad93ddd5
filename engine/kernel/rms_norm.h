// SPDX-License-Identifier: MIT
//
// Normalises each row of x to unit root-mean-square, then scales by weight where there is one.
#pragma once

#include <cstdint>

namespace starglass {

struct RmsNorm {
    const float* x;       // [rows, dim]
    const float* weight;  // [dim] or null
    float* y;             // [rows, dim], may alias x
    std::int64_t rows;
    std::int64_t dim;
    float epsilon;
    static constexpr float kTolerance = 1e-5F;  // relative; reduction order only
};

}  // namespace starglass

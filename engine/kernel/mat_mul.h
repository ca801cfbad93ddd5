// SPDX-License-Identifier: MIT
//
// y = W x for every row of x. With groups > 1, rows [g*out/groups, (g+1)*out/groups) of W see only
// slice g of x (the grouped output projection, model spec section 3.8).
//
// With int8 activations (Activations::int8) the input is quantised as the weight's type asks for
// (block_format.h, activation_format); F16 and F32 weights always meet f32 activations.
// The result of a row of x does not depend on `rows`.
#pragma once

#include <cstdint>

#include "tensor/weight.h"

namespace starglass {

struct MatMul {
    Weight w;        // in = length of one slice
    const float* x;  // [rows, groups * in]
    float* y;        // [rows, out]
    std::int64_t rows;
    int groups = 1;
    static constexpr float kTolerance = 1e-5F;  // relative to the rms of y, f32 order only
};

}  // namespace starglass

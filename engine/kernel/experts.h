// SPDX-License-Identifier: MIT
//
// Feed-forward experts (model spec section 3.9): t = silu(min(g, clamp)) * clamp(u) [* weight],
// y = down t. Routed experts are summed in selection order per token, whatever order they are
// computed in. A clamp of at most 1e-6 means none.
#pragma once

#include <cstdint>

#include "kernel/expert_source.h"
#include "tensor/weight.h"

namespace starglass {

struct RoutedExperts {
    const float* x;                // [rows, E]
    const std::int32_t* selected;  // [rows, used]
    const float* weights;          // [rows, used]
    Weight gate, up;               // [experts of E -> F]
    Weight down;                   // [experts of F -> E]
    int rows;
    int used;
    float clamp;
    float* y;  // [rows, E]
    // Where the experts come from when they are not all in memory; null when they are. Some may
    // then be computed while others are still being read: same values, to the bit. When reading
    // fails `y` is undefined, and the source says why.
    ExpertSource* source = nullptr;
    int layer = 0;  // as the source counts them
};

struct SharedExpert {
    const float* x;  // [rows, E]
    Weight gate, up, down;
    int rows;
    float clamp;
    float* y;  // [rows, E]
};

// y += x
struct Add {
    const float* x;
    float* y;
    std::int64_t count;
};

}  // namespace starglass

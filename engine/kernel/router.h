// SPDX-License-Identifier: MIT
//
// Chooses experts (model spec section 3.9): sqrt(softplus(logit)), either the token's row of the
// hash table or the `used` best after adding the bias (ties: lower index, best first); weights
// are the unbiased values normalised and scaled.
#pragma once

#include <cstdint>

namespace starglass {

struct Router {
    const float* logits;         // [rows, experts]
    const float* bias;           // [experts] or null
    const std::int32_t* table;   // [vocabulary, used] or null; entries checked at load
    const std::int32_t* tokens;  // [rows], needed with a table
    int rows;
    int experts;
    int used;
    float scale;
    std::int32_t* selected;  // [rows, used]
    float* weights;          // [rows, used]
};

}  // namespace starglass

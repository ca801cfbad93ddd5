// SPDX-License-Identifier: MIT
//
// Manifold-constrained hyper-connections (model spec sections 3.1, 3.10): C residual streams are
// mixed into one input, and the block's output is spread over them again through a doubly
// stochastic matrix (Sinkhorn iterations: one row softmax, `sinkhorn` column steps and
// sinkhorn-1 row steps in between, ending with a column step).
#pragma once

#include <cstdint>

#include "tensor/weight.h"

namespace starglass {

struct HyperPre {
    const float* h;      // [rows, C, E]
    Weight fn;           // [C*E -> 2C + C*C]
    const float* scale;  // [3]
    const float* base;   // [2C + C*C]
    int rows;
    int streams;       // C
    std::int64_t dim;  // E
    int sinkhorn;
    float epsilon;  // of the norm
    float hyper_epsilon;
    float* u;     // [rows, E]
    float* post;  // [rows, C]
    float* comb;  // [rows, C, C], comb[source][destination]
};

struct HyperPost {
    const float* h;  // [rows, C, E], as it entered HyperPre
    const float* y;  // [rows, E]
    const float* post;
    const float* comb;
    int rows;
    int streams;
    std::int64_t dim;
    float* out;  // [rows, C, E], must not alias h
};

struct HyperHead {
    const float* h;      // [rows, C, E]
    Weight fn;           // [C*E -> C]
    const float* scale;  // [1]
    const float* base;   // [C]
    int rows;
    int streams;
    std::int64_t dim;
    float epsilon;
    float hyper_epsilon;
    float* v;  // [rows, E]
};

}  // namespace starglass

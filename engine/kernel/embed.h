// SPDX-License-Identifier: MIT
//
// Looks up token embeddings and writes each into every hyper-connection stream.
#pragma once

#include <cstdint>

#include "tensor/weight.h"

namespace starglass {

struct Embed {
    Weight table;                // [vocabulary rows of E]
    const std::int32_t* tokens;  // [rows], each checked against the vocabulary by the caller
    int rows;
    int streams;
    float* y;  // [rows, streams, E]
};

}  // namespace starglass

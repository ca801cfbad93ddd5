// SPDX-License-Identifier: MIT
//
// What decoding one token has to read, added up from the bound tensors and the rows of the state:
// the least that must come from memory, because no cache holds a model.
#pragma once

#include <cstdint>
#include <span>

#include "model/shape.h"
#include "model/weights.h"
#include "residency/kv_state.h"

namespace starglass {

struct DecodeBytes {
    std::int64_t dense = 0;   // every token's weights, head included; one row of a look-up table
    std::int64_t routed = 0;  // of `experts_used` experts in every layer
    std::int64_t kv = 0;      // raw window, compressed rows attended to, indexer rows scored
};

// For the token at `position`. What a layer does not read there is not counted: an indexer's
// weights and rows while all compressed rows are kept anyway.
DecodeBytes decode_bytes(const ModelShape& shape, const ModelWeights& weights,
                         std::span<const LayerStateShape> state, std::int64_t position);

}  // namespace starglass

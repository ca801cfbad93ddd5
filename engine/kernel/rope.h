// SPDX-License-Identifier: MIT
//
// Rotates adjacent pairs of the last `rotary` elements of every head (model spec section 3.3).
// scale <= 1 and no ramp for uncompressed layers; compressed layers use the YaRN ramp without a
// magnitude factor.
#pragma once

#include <cstdint>

namespace starglass {

struct RopeParams {
    int rotary = 0;
    float base = 10000.0F;
    bool yarn = false;  // compressed layers with scale > 1
    float scale = 1.0F;
    float low = 0.0F;  // ramp limits, pair indices; from rope_params() in model/shape
    float high = 0.0F;

    bool operator==(const RopeParams&) const = default;
};

struct Rope {
    float* x;  // [rows, heads, width], in place
    std::int64_t rows;
    int heads;
    int width;
    const std::int64_t* positions;  // [rows]
    RopeParams params;
    bool inverse = false;
};

}  // namespace starglass

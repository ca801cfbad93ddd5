// SPDX-License-Identifier: MIT
//
// Block formats in scalar form (model spec section 2): what the values of a row are, how
// activations are quantised against it, and the exact dot products. These are the truth that
// every faster kernel is tested against. To add a format: data_type.h, then one case in each
// function of block_format.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/data_type.h"

namespace starglass {

// Values of `count` elements of a row starting at its first; count is a multiple of the block.
void dequantise_row(DataType type, const std::byte* row, std::int64_t count, float* out);

// Q8_0-style activations (section 2.3): f32 scale per 32 values; a short last block is padded.
struct ActivationQ8_0 {
    std::vector<float> scale;       // [ceil(n/32)]
    std::vector<std::int8_t> code;  // [ceil(n/32)*32]
};
void quantise_q8_0(std::span<const float> x, ActivationQ8_0& out);

// Q8_K activations (section 2.4): 256 values a block, signed scale, sums of 16.
struct BlockQ8K {
    float d;
    std::array<std::int8_t, 256> q;
    std::array<std::int16_t, 16> bsum;
};
void quantise_q8_k(std::span<const float> x, std::vector<BlockQ8K>& out);

enum class ActivationFormat { f32, q8_0, q8_k };
// Which activation format int8 arithmetic uses against a weight type (section 2.10).
ActivationFormat activation_format(DataType weight);

// Dot products in canonical order (section 2.11).
float dot_q8_0(const std::byte* row, const ActivationQ8_0& x, std::int64_t first_block,
               std::int64_t blocks);
float dot_q8_k(DataType type, const std::byte* row, std::span<const BlockQ8K> x);
// Exactly dequantised weights times f32. F16 weights accumulate in f32, ascending (canonical);
// the others in double: their f32 form is a truth of our own, and the less it rounds, the fewer
// row codes flip against other engines.
float dot_f32(DataType type, const std::byte* row, const float* x, std::int64_t count);

}  // namespace starglass

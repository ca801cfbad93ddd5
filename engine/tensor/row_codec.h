// SPDX-License-Identifier: MIT
//
// KV and indexer rows as the codes the model itself rounds them to (model spec sections 2.8, 2.9).
// Decoding gives back the rounded values bit for bit, so nothing is lost against keeping floats.
//
// kv (width D, rotary part R, D-R a multiple of 64), little endian:
//
//   f16 rotary[R] | e4m3 code[D-R] | u8 exponent[(D-R)/64] | pad to 8
//
//   value = e4m3(code) * 2^(exponent-127), then rounded to f16; the sign is the code's top bit.
//   Flash: 128 + 448 + 7 + 1 = 584 bytes instead of 2,048.
//
// index (width ID, a multiple of 32):
//
//   e2m1 code[ID/2], element 2i in the low nibble | u8 exponent[ID/32] | pad to 4
//
//   value = e2m1(code) * 2^(exponent-127), then rounded to f16. Flash: 64 + 4 = 68 bytes.
//
// plain: f32 values, for the debugging numerics without rounding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace starglass {

enum class RowKind : std::uint8_t { kv, index, plain };

struct RowLayout {
    RowKind kind = RowKind::plain;
    std::int32_t width = 0;
    std::int32_t rotary = 0;  // kv only
    std::int32_t stride = 0;  // bytes from row to row

    static RowLayout kv(int width, int rotary);
    static RowLayout index(int width);
    static RowLayout plain(int width);
};

// Rounds `values` [width] and stores the codes; index rows are expected after their Hadamard
// transform. Codes have no NaN or infinity: both become the largest code of their sign and do not
// count towards the scale. Rotary values keep them, as f16 can.
void encode_row(const RowLayout& layout, const float* values, std::byte* row);
// What the model sees: the rounded values [width].
void decode_row(const RowLayout& layout, const std::byte* row, float* values);

// The rounding steps alone, in place.
void fp8_round(float* values, int count);  // groups of 64, count a multiple of 64
void fp4_round(float* values, int count);  // groups of 32
void hadamard(float* values, int count);   // power of two, scaled by 1/sqrt(count)

// What they are made of, for other forms of the same.
int fp4_exponent(float largest);  // of the scale, from the group's largest finite magnitude
float hadamard_scale(int count);

float e4m3_value(std::uint8_t code);  // code 0..254 without 127
std::uint8_t e4m3_code(float value);  // nearest, ties to even, |v| <= 448
float e2m1_value(std::uint8_t code);  // code 0..15
std::uint8_t e2m1_code(float value);

// Destination or source of rows that live in a ring: position p is row p % capacity.
struct RowRing {
    std::byte* data = nullptr;
    RowLayout layout;
    std::int64_t capacity = 0;
    [[nodiscard]] std::byte* row(std::int64_t position) const {
        return data + position % capacity * layout.stride;
    }
};

// Rows that are only ever appended, in pages that never move.
struct RowPages {
    std::byte* const* pages = nullptr;
    RowLayout layout;
    std::int64_t rows_per_page = 0;
    [[nodiscard]] std::byte* row(std::int64_t index) const {
        return pages[index / rows_per_page] + index % rows_per_page * layout.stride;
    }
};

}  // namespace starglass

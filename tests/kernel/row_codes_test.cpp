// SPDX-License-Identifier: MIT
//
// The shaders' integer form of the row codes against the codec, on the CPU: GLSL and C++ read the
// same file.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/f16.h"
#include "tensor/row_codec.h"

namespace starglass {
namespace glsl {

using uint = std::uint32_t;
using std::max;
using std::min;
int findMSB(uint value) {
    return std::bit_width(value) - 1;
}
#include "row_codes.glsl"

}  // namespace glsl
namespace {

float as_float(std::uint32_t bits) {
    return std::bit_cast<float>(bits);
}
std::uint32_t as_bits(float value) {
    return std::bit_cast<std::uint32_t>(value);
}

// Every exponent with the mantissas near `middle`, near none, near all, and some between.
template <class Body>
void for_magnitudes(std::uint32_t middle, Body&& body) {
    for (std::uint32_t field = 0; field < 255; ++field) {
        for (std::uint32_t step = 0; step < 400; ++step) {
            body((field << 23) | ((middle + step - 200) & 0x7FFFFFU));
            body((field << 23) | ((step - 200) & 0x7FFFFFU));
            body((field << 23) | ((step * 20971 + 11) & 0x7FFFFFU));
        }
    }
}

TEST(RowCodes, ScaleOfKvRows) {
    const RowLayout layout = RowLayout::kv(64, 0);
    std::vector<float> values(64);
    std::vector<std::byte> row(static_cast<std::size_t>(layout.stride));
    for_magnitudes(0x600000, [&](std::uint32_t bits) {
        values[17] = as_float(bits);
        encode_row(layout, values.data(), row.data());
        ASSERT_EQ(glsl::fp8_exponent_of(bits), std::to_integer<int>(row[64]) - 127) << bits;
    });
}

TEST(RowCodes, ScaleOfIndexRows) {
    for_magnitudes(0x400000, [&](std::uint32_t bits) {
        ASSERT_EQ(glsl::fp4_exponent_of(bits), fp4_exponent(as_float(bits))) << bits;
    });
}

TEST(RowCodes, KvCodes) {
    for (const int exponent : {-22, -21, -1, 0, 5, 120}) {
        const float scale = std::ldexp(1.0F, exponent);
        const auto check = [&](std::uint32_t bits) {
            ASSERT_EQ(glsl::e4m3_code_of(bits, exponent), e4m3_code(as_float(bits) / scale))
                << bits << " " << exponent;
        };
        for (std::uint32_t top = 0; top < 1U << 16; ++top)
            for (const std::uint32_t low : {0U, 1U, 0x7FFFU, 0x8000U, 0xFFFFU})
                check((top << 16) | low);
    }
}

TEST(RowCodes, IndexCodesAndValues) {
    for (const int exponent : {-126, -125, -3, 0, 7, 125, 126}) {
        const float scale = std::ldexp(1.0F, exponent);
        for (std::uint32_t top = 0; top < 1U << 16; ++top)
            for (const std::uint32_t low : {0U, 1U, 0xFFFFU}) {
                const std::uint32_t bits = (top << 16) | low;
                ASSERT_EQ(glsl::e2m1_code_of(bits, exponent), e2m1_code(as_float(bits) / scale))
                    << bits << " " << exponent;
            }
        for (std::uint8_t code = 0; code < 16; ++code)
            ASSERT_EQ(glsl::e2m1_bits(code, exponent), as_bits(e2m1_value(code) * scale))
                << int{code} << " " << exponent;
    }
}

TEST(RowCodes, Halves) {
    for (std::uint32_t top = 0; top < 1U << 16; ++top)
        for (const std::uint32_t low :
             {0U, 1U, 0xFFFU, 0x1000U, 0x1001U, 0x2000U, 0x3000U, 0xFFFFU}) {
            const std::uint32_t bits = (top << 16) | low;
            ASSERT_EQ(glsl::half_of(bits), f32_to_f16(as_float(bits))) << bits;
        }
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// IEEE half precision by integer arithmetic: exact, branch-light, the same on every machine.
// F32 -> F16 rounds to nearest, ties to even; |x| >= 65520 becomes infinity; NaN stays quiet NaN
// (model spec section 2.1).
#pragma once

#include <bit>
#include <cstdint>

namespace starglass {

constexpr float f16_to_f32(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1FU;
    std::uint32_t mantissa = half & 0x3FFU;
    if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
    if (exponent != 0)
        return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
    if (mantissa == 0) return std::bit_cast<float>(sign);
    // A subnormal half is mantissa * 2^-24, a normal float.
    const int shift = std::countl_zero(mantissa) - 21;
    mantissa = (mantissa << shift) & 0x3FFU;
    return std::bit_cast<float>(sign | (static_cast<std::uint32_t>(113 - shift) << 23) |
                                (mantissa << 13));
}

constexpr std::uint16_t f32_to_f16(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
    if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
    if (magnitude < 0x38800000U) {
        // Subnormal result: shift the full mantissa down to units of 2^-24.
        const std::uint32_t exponent = magnitude >> 23;
        if (exponent < 102) return sign;  // below half of the smallest subnormal
        const std::uint32_t mantissa = (magnitude & 0x7FFFFFU) | 0x800000U;
        const std::uint32_t shift = 126 - exponent;
        const std::uint32_t quotient = mantissa >> shift;
        const std::uint32_t remainder = mantissa & ((1U << shift) - 1U);
        const std::uint32_t half = 1U << (shift - 1);
        const std::uint32_t up = remainder > half || (remainder == half && (quotient & 1U)) ? 1 : 0;
        return static_cast<std::uint16_t>(sign | (quotient + up));
    }
    const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

constexpr float round_to_f16(float value) {
    return f16_to_f32(f32_to_f16(value));
}

}  // namespace starglass

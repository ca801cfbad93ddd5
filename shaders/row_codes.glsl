// SPDX-License-Identifier: MIT
//
// The codes of engine/tensor/row_codec.cpp in integers, so that no device rounds differently or
// loses a subnormal. Written so that C++ reads it too: a test compares it with the codec there.
#ifndef SG_ROW_CODES_GLSL
#define SG_ROW_CODES_GLSL

// How far above 2^k, in units of the last place, a float's logarithm still rounds to k.
uint near_power(int k) {
    uint distance = uint(k < 0 ? -k : k);
    if (distance == 0u) return 0u;
    int j = findMSB(distance);
    if (k < 0 && (distance & (distance - 1u)) == 0u) --j;
    return j < 0 ? 0u : (44u << uint(j)) >> 7u;
}

// ceil(log2(largest / 448)) by the codec's rule from the bits of `largest`, at least 1e-4. 448 is
// 1.75 * 2^8: a mantissa of d units above 1.75 divides to n = round(4d/7) units above a power of
// two, and n <= N is 8d <= 14N + 6. No tie is possible.
int fp8_exponent_of(uint largest) {
    uint bits = max(largest, 0x38D1B717u);  // 1e-4
    int k = int(bits >> 23u) - 135;
    int d = int(bits & 0x7FFFFFu) - 0x600000;
    return d > 0 && 8 * d > int(14u * near_power(k)) + 6 ? k + 1 : k;
}

// The same for 6 = 1.5 * 2^2, at least 6 * 2^-126: n = round(2d/3), n <= N is 4d <= 6N + 2.
int fp4_exponent_of(uint largest) {
    uint bits = max(largest, 0x01C00000u);  // 6 * 2^-126
    int k = int(bits >> 23u) - 129;
    int d = int(bits & 0x7FFFFFu) - 0x400000;
    return d > 0 && 4 * d > int(6u * near_power(k)) + 2 ? k + 1 : k;
}

// The code of value * 2^-exponent.
uint e4m3_code_of(uint bits, int exponent) {
    uint sign = bits >> 31u << 7u;
    uint magnitude = bits & 0x7FFFFFFFu;
    if (magnitude >= 0x7F800000u) return sign | 126u;
    int field = int(magnitude >> 23u) - exponent;  // of the quotient
    if (field < 121) {
        // Below 2^-6: units of 2^-9, ties to even.
        uint shift = uint(141 - field);
        if (shift > 24u || magnitude < 0x00800000u) return sign;
        uint mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
        uint quotient = mantissa >> shift;
        uint remainder = mantissa & ((1u << shift) - 1u);
        uint middle = 1u << (shift - 1u);
        bool up = remainder > middle || (remainder == middle && (quotient & 1u) != 0u);
        return sign | (quotient + (up ? 1u : 0u));
    }
    // Three mantissa bits, ties to even; a carry moves into the exponent by itself.
    uint mantissa = magnitude & 0x7FFFFFu;
    uint code = (uint(field - 120) << 3u) +
                ((mantissa + 0x7FFFFu + ((mantissa >> 20u) & 1u)) >> 20u);
    return sign | min(code, 126u);
}

// Bits of a float `bits` (normal, positive) times 2^exponent, at least 2^-149.
uint scaled_bits(uint bits, int exponent) {
    int field = int(bits >> 23u) + exponent;
    if (field > 0) return (uint(field) << 23u) | (bits & 0x7FFFFFu);
    return ((bits & 0x7FFFFFu) | 0x800000u) >> uint(1 - field);
}

uint e2m1_code_of(uint bits, int exponent) {
    uint magnitude = bits & 0x7FFFFFFFu;
    if (magnitude >= 0x7F800000u) return (bits >> 31u << 3u) | 7u;
    // Midpoints 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5; a tie belongs to the even code.
    uint code = 0u;
    code += magnitude > scaled_bits(0x3E800000u, exponent) ? 1u : 0u;
    code += magnitude >= scaled_bits(0x3F400000u, exponent) ? 1u : 0u;
    code += magnitude > scaled_bits(0x3FA00000u, exponent) ? 1u : 0u;
    code += magnitude >= scaled_bits(0x3FE00000u, exponent) ? 1u : 0u;
    code += magnitude > scaled_bits(0x40200000u, exponent) ? 1u : 0u;
    code += magnitude >= scaled_bits(0x40600000u, exponent) ? 1u : 0u;
    code += magnitude > scaled_bits(0x40A00000u, exponent) ? 1u : 0u;
    return (bits >> 31u << 3u) | code;
}

// Bits of e2m1(code) * 2^exponent.
uint e2m1_bits(uint code, int exponent) {
    uint sign = code >> 3u << 31u;
    uint magnitude = code & 7u;
    if (magnitude == 0u) return sign;
    uint unscaled = magnitude == 1u
                        ? 0x3F000000u
                        : 0x3F800000u + (((magnitude >> 1u) - 1u) << 23u) + ((magnitude & 1u) << 22u);
    return sign | min(scaled_bits(unscaled, exponent), 0x7F800000u);
}

// To half precision: nearest, ties to even; overflow to infinity, NaN stays NaN (base/f16.h).
uint half_of(uint bits) {
    uint sign = (bits >> 16u) & 0x8000u;
    uint magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return sign | 0x7E00u;
    if (magnitude >= 0x477FF000u) return sign | 0x7C00u;
    if (magnitude < 0x38800000u) {
        uint exponent = magnitude >> 23u;
        if (exponent < 102u) return sign;
        uint mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
        uint shift = 126u - exponent;
        uint quotient = mantissa >> shift;
        uint remainder = mantissa & ((1u << shift) - 1u);
        uint middle = 1u << (shift - 1u);
        bool up = remainder > middle || (remainder == middle && (quotient & 1u) != 0u);
        return sign | (quotient + (up ? 1u : 0u));
    }
    uint rounded = magnitude + 0xFFFu + ((magnitude >> 13u) & 1u);
    return sign | ((rounded - 0x38000000u) >> 13u);
}

#endif

// SPDX-License-Identifier: MIT
#include "tensor/row_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/f16.h"

namespace starglass {
namespace {

constexpr int kFp8Group = 64;
constexpr int kFp4Group = 32;
constexpr std::uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr std::uint32_t kInfinity = 0x7F800000U;

constexpr std::array<float, 8> kE2m1{0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F};

constexpr float power_of_two(int exponent) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
}

constexpr std::array<float, 256> make_e4m3() {
    std::array<float, 256> table{};
    for (int code = 0; code < 256; ++code) {
        const int exponent = (code >> 3) & 15;
        const float mantissa = static_cast<float>(code & 7);
        const float value = exponent == 0 ? mantissa * power_of_two(-9)
                                          : (1.0F + mantissa / 8.0F) * power_of_two(exponent - 7);
        table[code] = code & 128 ? -value : value;
    }
    return table;
}
constexpr std::array<float, 256> kE4m3 = make_e4m3();

// ceil(log2(x)) of a normal positive x as single precision gives it, in integers. The rule
// "scale = 2^ceil(log2(a/448))" is defined by a log2 that returns a float: just above 2^k the
// logarithm k + n*2^-23/ln 2 (n the mantissa) is nearer to k than to the next float while n is at
// most half a float's spacing at k, so there it counts as k itself. The spacing is halved below
// a power of two, which is where negative k lie. No math library, so every machine agrees.
int ceil_log2(float x) {
    constexpr std::array<std::uint32_t, 8> kNearest{0, 0, 1, 2, 5, 11, 22, 44};  // 2^j * ln(2)/2
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const int k = static_cast<int>(bits >> 23) - 127;
    const std::uint32_t n = bits & 0x7FFFFFU;
    if (n == 0) return k;
    const auto distance = static_cast<std::uint32_t>(k < 0 ? -k : k);
    if (distance == 0) return 1;
    int j = std::bit_width(distance) - 1;
    if (k < 0 && std::has_single_bit(distance)) --j;
    return j >= 0 && n <= kNearest[j] ? k : k + 1;
}

// Largest finite magnitude; what is not finite is clamped to the largest code instead.
float group_maximum(const float* values, int count) {
    float largest = 0.0F;
    for (int i = 0; i < count; ++i)
        if ((std::bit_cast<std::uint32_t>(values[i]) & kMagnitude) < kInfinity)
            largest = std::max(largest, std::fabs(values[i]));
    return largest;
}

// Codes of one group and the exponent of its scale.
int fp8_encode(const float* values, std::uint8_t* codes) {
    const int exponent = ceil_log2(std::max(group_maximum(values, kFp8Group), 1e-4F) / 448.0F);
    const float scale = power_of_two(exponent);
    for (int i = 0; i < kFp8Group; ++i) codes[i] = e4m3_code(values[i] / scale);
    return exponent;
}

int fp4_encode(const float* values, std::uint8_t* codes) {
    const int exponent = fp4_exponent(group_maximum(values, kFp4Group));
    const float scale = power_of_two(exponent);
    for (int i = 0; i < kFp4Group; ++i) codes[i] = e2m1_code(values[i] / scale);
    return exponent;
}

}  // namespace

RowLayout RowLayout::kv(int width, int rotary) {
    assert(rotary >= 0 && rotary <= width && (width - rotary) % kFp8Group == 0);
    const int coded = width - rotary;
    const int bytes = 2 * rotary + coded + coded / kFp8Group;
    return {RowKind::kv, width, rotary, (bytes + 7) / 8 * 8};
}

RowLayout RowLayout::index(int width) {
    assert(width % kFp4Group == 0);
    const int bytes = width / 2 + width / kFp4Group;
    return {RowKind::index, width, 0, (bytes + 3) / 4 * 4};
}

RowLayout RowLayout::plain(int width) {
    return {RowKind::plain, width, 0, width * static_cast<int>(sizeof(float))};
}

void encode_row(const RowLayout& layout, const float* values, std::byte* row) {
    const auto width = static_cast<std::size_t>(layout.width);
    if (layout.kind == RowKind::plain) {
        std::memcpy(row, values, width * sizeof(float));
        return;
    }
    std::byte* const end = row + layout.stride;
    if (layout.kind == RowKind::kv) {
        const int coded = layout.width - layout.rotary;
        for (int i = 0; i < layout.rotary; ++i) {
            const std::uint16_t half = f32_to_f16(values[coded + i]);
            std::memcpy(row + 2 * i, &half, sizeof half);
        }
        std::byte* code = row + 2 * layout.rotary;
        std::byte* exponent = code + coded;
        std::array<std::uint8_t, kFp8Group> codes;
        for (int first = 0; first < coded; first += kFp8Group) {
            *exponent++ = static_cast<std::byte>(fp8_encode(values + first, codes.data()) + 127);
            std::memcpy(code, codes.data(), codes.size());
            code += kFp8Group;
        }
        row = exponent;
    } else {
        std::byte* exponent = row + layout.width / 2;
        std::array<std::uint8_t, kFp4Group> codes;
        for (int first = 0; first < layout.width; first += kFp4Group) {
            *exponent++ = static_cast<std::byte>(fp4_encode(values + first, codes.data()) + 127);
            for (int i = 0; i < kFp4Group; i += 2)
                *row++ = static_cast<std::byte>(codes[i] | (codes[i + 1] << 4));
        }
        row = exponent;
    }
    std::fill(row, end, std::byte{0});  // equal rows are equal bytes
}

void decode_row(const RowLayout& layout, const std::byte* row, float* values) {
    switch (layout.kind) {
        case RowKind::plain:
            std::memcpy(values, row, static_cast<std::size_t>(layout.width) * sizeof(float));
            return;
        case RowKind::kv: {
            const int coded = layout.width - layout.rotary;
            const std::byte* code = row + 2 * layout.rotary;
            const std::byte* exponent = code + coded;
            for (int i = 0; i < coded; ++i) {
                const int biased = std::to_integer<int>(exponent[i / kFp8Group]);
                values[i] = round_to_f16(kE4m3[std::to_integer<std::size_t>(code[i])] *
                                         power_of_two(biased - 127));
            }
            for (int i = 0; i < layout.rotary; ++i) {
                std::uint16_t half;
                std::memcpy(&half, row + 2 * i, sizeof half);
                values[coded + i] = f16_to_f32(half);
            }
            return;
        }
        case RowKind::index: {
            const std::byte* exponent = row + layout.width / 2;
            for (int i = 0; i < layout.width; ++i) {
                const int nibble = (std::to_integer<int>(row[i / 2]) >> (4 * (i & 1))) & 15;
                const int biased = std::to_integer<int>(exponent[i / kFp4Group]);
                values[i] = round_to_f16(e2m1_value(static_cast<std::uint8_t>(nibble)) *
                                         power_of_two(biased - 127));
            }
            return;
        }
    }
}

void fp8_round(float* values, int count) {
    assert(count % kFp8Group == 0);
    std::array<std::uint8_t, kFp8Group> codes;
    for (int first = 0; first < count; first += kFp8Group) {
        const float scale = power_of_two(fp8_encode(values + first, codes.data()));
        for (int i = 0; i < kFp8Group; ++i) values[first + i] = kE4m3[codes[i]] * scale;
    }
}

void fp4_round(float* values, int count) {
    assert(count % kFp4Group == 0);
    std::array<std::uint8_t, kFp4Group> codes;
    for (int first = 0; first < count; first += kFp4Group) {
        const float scale = power_of_two(fp4_encode(values + first, codes.data()));
        for (int i = 0; i < kFp4Group; ++i) values[first + i] = e2m1_value(codes[i]) * scale;
    }
}

int fp4_exponent(float largest) {
    const float smallest = 6.0F * power_of_two(-126);
    return ceil_log2(std::max(largest, smallest) / 6.0F);
}

float hadamard_scale(int count) {
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(count)));
}

void hadamard(float* values, int count) {
    assert(count > 0 && std::has_single_bit(static_cast<unsigned>(count)));
    for (int stride = 1; stride < count; stride *= 2)
        for (int block = 0; block < count; block += 2 * stride)
            for (int i = block; i < block + stride; ++i) {
                const float a = values[i];
                const float b = values[i + stride];
                values[i] = a + b;
                values[i + stride] = a - b;
            }
    const float scale = hadamard_scale(count);
    for (int i = 0; i < count; ++i) values[i] *= scale;
}

float e4m3_value(std::uint8_t code) {
    return kE4m3[code];
}

std::uint8_t e4m3_code(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 31 << 7);
    const std::uint32_t magnitude = bits & kMagnitude;
    std::uint32_t code;
    if (magnitude >= std::bit_cast<std::uint32_t>(448.0F)) {
        code = 126;  // 127 would be NaN
    } else if (magnitude >= std::bit_cast<std::uint32_t>(0.015625F)) {
        // Keep three mantissa bits, ties to even; a carry moves into the exponent by itself.
        const std::uint32_t rounded = magnitude + 0x7FFFFU + ((magnitude >> 20) & 1U);
        code = (rounded >> 20) - (120U << 3);
    } else {
        // 2^14 has a spacing of 2^-9, the step of the subnormal codes: the addition rounds.
        const float shifted = std::bit_cast<float>(magnitude) + 16384.0F;
        code = std::bit_cast<std::uint32_t>(shifted) & 15U;
    }
    return static_cast<std::uint8_t>(sign | code);
}

float e2m1_value(std::uint8_t code) {
    const float value = kE2m1[code & 7U];
    return code & 8U ? -value : value;
}

std::uint8_t e2m1_code(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 31 << 3);
    const float magnitude = std::bit_cast<float>(bits & kMagnitude);
    std::uint32_t code;
    // Midpoints; a tie belongs to the even code. NaN fails every test and takes the largest.
    if (magnitude <= 0.25F)
        code = 0;
    else if (magnitude < 0.75F)
        code = 1;
    else if (magnitude <= 1.25F)
        code = 2;
    else if (magnitude < 1.75F)
        code = 3;
    else if (magnitude <= 2.5F)
        code = 4;
    else if (magnitude < 3.5F)
        code = 5;
    else if (magnitude <= 5.0F)
        code = 6;
    else
        code = 7;
    return static_cast<std::uint8_t>(sign | code);
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "tensor/row_codec.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/f16.h"

namespace starglass {
namespace {

std::uint32_t next(std::uint32_t& state) {
    return state = state * 1664525U + 1013904223U;
}

float next_float(std::uint32_t& state) {
    return static_cast<float>(next(state) >> 8) * 0x1p-23F - 1.0F;
}

std::uint32_t bits(float value) {
    return std::bit_cast<std::uint32_t>(value);
}

// Rounding by search, the definition of model spec sections 2.8 and 2.9.
float nearest(float value, const std::vector<float>& set) {
    const double magnitude = std::fabs(static_cast<double>(value));
    std::size_t best = 0;
    for (std::size_t c = 1; c < set.size(); ++c) {
        const double distance = std::fabs(magnitude - set[c]);
        const double shortest = std::fabs(magnitude - set[best]);
        if (distance < shortest || (distance == shortest && c % 2 == 0)) best = c;
    }
    return std::copysign(set[best], value);
}

std::vector<float> e4m3_set() {
    std::vector<float> set;
    for (int c = 0; c < 127; ++c) {
        const int e = c >> 3;
        const int m = c & 7;
        set.push_back(e == 0 ? std::ldexp(static_cast<float>(m), -9)
                             : std::ldexp(1.0F + static_cast<float>(m) / 8.0F, e - 7));
    }
    return set;
}
const std::vector<float> kE2m1Set{0, 0.5F, 1, 1.5F, 2, 3, 4, 6};

// log2 correctly rounded to single precision, up to ties that cannot occur.
int ceil_log2f(float x) {
    return static_cast<int>(std::ceil(static_cast<float>(std::log2(static_cast<double>(x)))));
}

void round_by_definition(float* x, int count, int group, float floor, float top,
                         const std::vector<float>& set) {
    for (int first = 0; first < count; first += group) {
        float a = floor;
        for (int i = 0; i < group; ++i) a = std::max(a, std::fabs(x[first + i]));
        const float scale = std::ldexp(1.0F, ceil_log2f(a / top));
        for (int i = 0; i < group; ++i) {
            const float v = std::min(std::max(x[first + i] / scale, -top), top);
            x[first + i] = nearest(v, set) * scale;
        }
    }
}

TEST(E4m3, AppendixA) {
    const std::array<std::array<float, 2>, 9> pairs{{{0.3F, 0.3125F},
                                                     {17, 16},
                                                     {19, 20},
                                                     {21, 20},
                                                     {447, 448},
                                                     {464, 448},
                                                     {0.001F, 0.001953125F},
                                                     {0.0029296875F, 0.00390625F},
                                                     {-0.3F, -0.3125F}}};
    for (const auto& [value, want] : pairs) EXPECT_EQ(e4m3_value(e4m3_code(value)), want) << value;
}

TEST(E4m3, EveryCodeSurvives) {
    const std::vector<float> set = e4m3_set();
    for (int code = 0; code < 255; ++code) {
        if (code == 127) continue;
        const float value = e4m3_value(static_cast<std::uint8_t>(code));
        EXPECT_EQ(std::fabs(value), set[code & 127]);
        EXPECT_EQ(std::signbit(value), code >= 128);
        EXPECT_EQ(e4m3_code(value), code);
    }
}

TEST(E4m3, RoundsToTheNearestTiesToEven) {
    const std::vector<float> set = e4m3_set();
    for (std::size_t c = 0; c + 1 < set.size(); ++c) {
        const float middle = (set[c] + set[c + 1]) / 2;
        for (const float v : {middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 1e9F)}) {
            EXPECT_EQ(bits(e4m3_value(e4m3_code(v))), bits(nearest(v, set))) << v;
            EXPECT_EQ(bits(e4m3_value(e4m3_code(-v))), bits(nearest(-v, set))) << v;
        }
    }
    std::uint32_t state = 1;
    for (int i = 0; i < 20000; ++i) {
        const float v = std::ldexp(next_float(state), static_cast<int>(next(state) >> 28) - 6);
        if (std::fabs(v) > 448) continue;
        ASSERT_EQ(bits(e4m3_value(e4m3_code(v))), bits(nearest(v, set))) << v;
    }
}

TEST(E4m3, BrokenNumbersTakeTheLargestCode) {
    EXPECT_EQ(e4m3_code(INFINITY), 126);
    EXPECT_EQ(e4m3_code(-INFINITY), 254);
    EXPECT_EQ(e4m3_code(NAN) & 127, 126);
    EXPECT_EQ(e4m3_code(-0.0F), 128);
}

TEST(E2m1, AppendixA) {
    const std::array<std::array<float, 2>, 8> pairs{{{0.25F, 0},
                                                     {0.74F, 0.5F},
                                                     {0.75F, 1},
                                                     {1.25F, 1},
                                                     {1.75F, 2},
                                                     {2.5F, 2},
                                                     {-3.5F, -4},
                                                     {5, 4}}};
    for (const auto& [value, want] : pairs) EXPECT_EQ(e2m1_value(e2m1_code(value)), want) << value;
}

TEST(E2m1, EveryCodeSurvivesAndRoundingIsNearest) {
    for (int code = 0; code < 16; ++code)
        EXPECT_EQ(e2m1_code(e2m1_value(static_cast<std::uint8_t>(code))), code);
    for (std::size_t c = 0; c + 1 < kE2m1Set.size(); ++c) {
        const float middle = (kE2m1Set[c] + kE2m1Set[c + 1]) / 2;
        for (const float v : {middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 9.0F)})
            EXPECT_EQ(bits(e2m1_value(e2m1_code(-v))), bits(nearest(-v, kE2m1Set))) << v;
    }
    EXPECT_EQ(e2m1_code(1e30F), 7);
    EXPECT_EQ(e2m1_code(-INFINITY), 15);
    EXPECT_EQ(e2m1_code(NAN) & 7, 7);
}

std::vector<float> appendix_a(int count) {
    std::vector<float> a(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) a[i] = static_cast<float>(37 * i % 101) / 50.0F - 1.0F;
    return a;
}

TEST(Fp8, AppendixA) {
    std::vector<float> a = appendix_a(192);
    fp8_round(a.data(), 128);
    const std::array<float, 8> want{-1,           -0.25F,  0.46875F, -0.8125F,
                                    -0.05859375F, 0.6875F, -0.625F,  0.140625F};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(a[i], want[i]) << i;
    const std::array<float, 4> second{-0.1015625F, 0.625F, -0.625F, 0.1015625F};
    for (int i = 0; i < 4; ++i) EXPECT_EQ(a[64 + i], second[i]) << i;
    EXPECT_FLOAT_EQ(a[128], 0.8F);
    EXPECT_FLOAT_EQ(a[129], -0.48F);
}

TEST(Fp4, AppendixA) {
    std::vector<float> a = appendix_a(128);
    hadamard(a.data(), 128);
    fp4_round(a.data(), 128);
    const std::array<float, 12> want{-0.125F, 0.25F,   0,     -0.125F, -0.125F, 0.125F,
                                     -0.125F, -0.125F, -0.5F, -0.5F,   -0.125F, -0.125F};
    float sum = 0;
    for (int i = 0; i < 12; ++i) EXPECT_EQ(a[i], want[i]) << i;
    for (const float v : a) sum += v;
    EXPECT_EQ(sum, -10.0F);
}

TEST(Hadamard, IsTheSylvesterMatrix) {
    std::uint32_t state = 2;
    for (int n = 1; n <= 256; n *= 2) {
        std::vector<float> x(static_cast<std::size_t>(n));
        for (float& v : x) v = next_float(state);
        std::vector<float> y = x;
        hadamard(y.data(), n);
        for (int i = 0; i < n; ++i) {
            double want = 0;
            for (int j = 0; j < n; ++j)
                want += __builtin_popcount(static_cast<unsigned>(i & j)) % 2 ? -x[j] : x[j];
            EXPECT_NEAR(y[i], want / std::sqrt(n), 1e-6);
        }
        hadamard(y.data(), n);  // its own inverse
        for (int i = 0; i < n; ++i) EXPECT_NEAR(y[i], x[i], 1e-6);
    }
}

// Group maxima around every power of two, where the logarithm's rounding decides the scale.
TEST(Scale, FollowsASinglePrecisionLogarithm) {
    for (int k = -20; k <= 118; ++k)
        for (int step = -50; step <= 50; ++step) {
            const float a = std::bit_cast<float>(bits(std::ldexp(448.0F, k)) + step);
            std::vector<float> x(64, 0.0F), want;
            x[5] = a;
            x[6] = -0.013F * a;
            want = x;
            fp8_round(x.data(), 64);
            round_by_definition(want.data(), 64, 64, 1e-4F, 448.0F, e4m3_set());
            ASSERT_EQ(bits(x[5]), bits(want[5])) << k << " " << step;
            ASSERT_EQ(bits(x[6]), bits(want[6])) << k << " " << step;
        }
    for (int k = -125; k <= 124; ++k)
        for (int step = -50; step <= 50; ++step) {
            const float a = std::bit_cast<float>(bits(std::ldexp(6.0F, k)) + step);
            std::vector<float> x(32, 0.0F), want;
            x[5] = a;
            x[6] = -0.26F * a;
            want = x;
            fp4_round(x.data(), 32);
            round_by_definition(want.data(), 32, 32, std::ldexp(6.0F, -126), 6.0F, kE2m1Set);
            ASSERT_EQ(bits(x[5]), bits(want[5])) << k << " " << step;
            ASSERT_EQ(bits(x[6]), bits(want[6])) << k << " " << step;
        }
}

// The rule of this codec against the math library the goldens were made with.
TEST(Scale, EqualsLog2fOfTheMathLibrary) {
    int differences = 0;
    for (int k = -126; k <= 126; ++k)
        for (int n = -60; n <= 60; ++n) {
            const float r = std::bit_cast<float>(bits(std::ldexp(1.0F, k)) + n);
            if (r < 0x1p-126F) continue;
            differences += static_cast<int>(std::ceil(std::log2(r))) != ceil_log2f(r);
        }
    RecordProperty("differences", differences);
    EXPECT_EQ(differences, 0);
}

std::vector<float> wild_row(std::uint32_t& state, int width) {
    std::vector<float> x(static_cast<std::size_t>(width));
    const int spread = 1 + static_cast<int>(next(state) >> 26);
    const int centre = static_cast<int>(next(state) >> 25) - 64;
    for (float& v : x) {
        const int e = centre + static_cast<int>(next(state) >> 16) % spread;
        v = std::ldexp(next_float(state), std::max(-140, std::min(127, e)));
        if (next(state) >> 28 == 0) v = std::copysign(0.0F, next_float(state));
    }
    return x;
}

TEST(KvRow, DecodingGivesTheRoundedValuesBitForBit) {
    std::uint32_t state = 3;
    for (const auto& [width, rotary] :
         {std::pair{192, 64}, {512, 64}, {64, 0}, {66, 2}, {64, 64}}) {
        const RowLayout layout = RowLayout::kv(width, rotary);
        for (int repeat = 0; repeat < 500; ++repeat) {
            const std::vector<float> x = wild_row(state, width);
            std::vector<float> want = x;
            round_by_definition(want.data(), width - rotary, 64, 1e-4F, 448.0F, e4m3_set());
            std::vector<float> rounded = x;
            fp8_round(rounded.data(), width - rotary);
            std::vector<std::byte> row(static_cast<std::size_t>(layout.stride), std::byte{0xAA});
            encode_row(layout, x.data(), row.data());
            std::vector<float> got(x.size());
            decode_row(layout, row.data(), got.data());
            for (int i = 0; i < width; ++i) {
                ASSERT_EQ(bits(rounded[i]), bits(want[i])) << i << ": " << x[i];
                ASSERT_EQ(bits(got[i]), bits(round_to_f16(want[i]))) << i << ": " << x[i];
            }
        }
    }
}

TEST(IndexRow, DecodingGivesTheRoundedValuesBitForBit) {
    std::uint32_t state = 4;
    for (const int width : {32, 64, 128, 256}) {
        const RowLayout layout = RowLayout::index(width);
        for (int repeat = 0; repeat < 500; ++repeat) {
            const std::vector<float> x = wild_row(state, width);
            std::vector<float> want = x;
            round_by_definition(want.data(), width, 32, std::ldexp(6.0F, -126), 6.0F, kE2m1Set);
            std::vector<float> rounded = x;
            fp4_round(rounded.data(), width);
            std::vector<std::byte> row(static_cast<std::size_t>(layout.stride), std::byte{0xAA});
            encode_row(layout, x.data(), row.data());
            std::vector<float> got(x.size());
            decode_row(layout, row.data(), got.data());
            for (int i = 0; i < width; ++i) {
                ASSERT_EQ(bits(rounded[i]), bits(want[i])) << i << ": " << x[i];
                ASSERT_EQ(bits(got[i]), bits(round_to_f16(want[i]))) << i << ": " << x[i];
            }
        }
    }
}

// Every code at every scale: encoding what a code means gives a code that means the same.
TEST(KvRow, EveryCodeAtEveryExponent) {
    const RowLayout layout = RowLayout::kv(128, 0);
    std::vector<std::byte> row(static_cast<std::size_t>(layout.stride));
    std::vector<float> values(128), again(128);
    for (int exponent = -22; exponent <= 119; ++exponent) {
        // Two groups hold the positive and the negative half, both with the largest code.
        for (int half = 0; half < 2; ++half) {
            const float scale = std::ldexp(1.0F, exponent);
            for (int i = 0; i < 64; ++i) {
                values[i] = e4m3_value(static_cast<std::uint8_t>(128 * half + i)) * scale;
                values[64 + i] =
                    e4m3_value(static_cast<std::uint8_t>(128 * half + std::min(126, 64 + i))) *
                    scale;
            }
            values[0] = 448.0F * scale;  // keeps the scale of the lower codes
            const std::vector<float> before = values;
            encode_row(layout, values.data(), row.data());
            EXPECT_EQ(std::to_integer<int>(row[128]), exponent + 127);
            EXPECT_EQ(std::to_integer<int>(row[129]), exponent + 127);
            decode_row(layout, row.data(), again.data());
            fp8_round(values.data(), 128);
            for (int i = 0; i < 128; ++i) {
                ASSERT_EQ(bits(values[i]), bits(before[i]));
                ASSERT_EQ(bits(again[i]), bits(round_to_f16(before[i])));
                if (i > 0 && i < 127) {
                    ASSERT_EQ(std::to_integer<int>(row[i]), 128 * half + std::min(126, i));
                }
            }
        }
    }
}

TEST(IndexRow, EveryCodeAtEveryExponent) {
    const RowLayout layout = RowLayout::index(32);
    std::vector<std::byte> row(static_cast<std::size_t>(layout.stride));
    for (int exponent = -126; exponent <= 125; ++exponent) {
        std::vector<float> values(32), again(32);
        for (int i = 0; i < 32; ++i)
            values[i] = e2m1_value(static_cast<std::uint8_t>(i % 16)) * std::ldexp(1.0F, exponent);
        encode_row(layout, values.data(), row.data());
        EXPECT_EQ(std::to_integer<int>(row[16]), exponent + 127);
        for (int i = 0; i < 16; ++i)
            EXPECT_EQ(std::to_integer<int>(row[i]), (2 * i % 16) | ((2 * i + 1) % 16 << 4));
        decode_row(layout, row.data(), again.data());
        for (int i = 0; i < 32; ++i) ASSERT_EQ(bits(again[i]), bits(round_to_f16(values[i])));
    }
}

TEST(Rows, LayoutsOfFlash) {
    EXPECT_EQ(RowLayout::kv(512, 64).stride, 584);
    EXPECT_EQ(RowLayout::index(128).stride, 68);
    EXPECT_EQ(RowLayout::plain(512).stride, 2048);
}

TEST(Rows, BrokenNumbersBecomeTheLargestCode) {
    const RowLayout layout = RowLayout::kv(128, 64);
    std::vector<float> x(128, 1.0F), got(128);
    x[3] = INFINITY;
    x[4] = -INFINITY;
    x[5] = std::copysign(NAN, 1.0F);
    x[70] = 1e6F;  // rotary: f16 has infinity
    std::vector<std::byte> row(static_cast<std::size_t>(layout.stride));
    encode_row(layout, x.data(), row.data());
    decode_row(layout, row.data(), got.data());
    const float largest = 448.0F * std::ldexp(1.0F, -8);
    EXPECT_EQ(got[0], 1.0F);
    EXPECT_EQ(got[3], largest);
    EXPECT_EQ(got[4], -largest);
    EXPECT_EQ(got[5], largest);
    EXPECT_EQ(got[70], INFINITY);
    EXPECT_EQ(got[64], 1.0F);
}

TEST(Rows, EqualRowsAreEqualBytes) {
    const RowLayout layout = RowLayout::kv(192, 64);  // two exponents, padded by six bytes
    std::vector<float> x(192, 0.7F);
    std::vector<std::byte> a(static_cast<std::size_t>(layout.stride), std::byte{1});
    std::vector<std::byte> b(a.size(), std::byte{2});
    encode_row(layout, x.data(), a.data());
    encode_row(layout, x.data(), b.data());
    EXPECT_EQ(a, b);
}

TEST(Rows, RingsAndPagesFindTheirRows) {
    std::vector<std::byte> bytes(8 * 100);
    RowRing ring{bytes.data(), RowLayout::plain(2), 100};
    EXPECT_EQ(ring.row(203), bytes.data() + 3 * 8);
    std::array<std::byte*, 2> pages{bytes.data(), bytes.data() + 400};
    const RowPages rows{pages.data(), RowLayout::plain(2), 4};
    EXPECT_EQ(rows.row(6), bytes.data() + 400 + 2 * 8);
}

}  // namespace
}  // namespace starglass

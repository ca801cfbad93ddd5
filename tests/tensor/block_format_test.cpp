// SPDX-License-Identifier: MIT
#include "tensor/block_format.h"
#include "tensor/iq2xxs_grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "base/f16.h"

namespace starglass {
namespace {

void put_f16(std::vector<std::byte>& bytes, std::size_t at, float value) {
    const std::uint16_t half = f32_to_f16(value);
    std::memcpy(bytes.data() + at, &half, sizeof half);
}

std::uint32_t next(std::uint32_t& state) {
    return state = state * 1664525U + 1013904223U;
}

float next_float(std::uint32_t& state) {
    return static_cast<float>(next(state) >> 8) * 0x1p-23F - 1.0F;
}

std::vector<std::byte> random_row(DataType type, std::int64_t count, std::uint32_t& state) {
    const DataTypeTraits traits = traits_of(type);
    std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(type, count)));
    for (std::byte& b : row) b = static_cast<std::byte>(next(state) >> 24);
    for (std::size_t at = 0; at < row.size(); at += static_cast<std::size_t>(traits.block_bytes)) {
        const float d = 0.01F * next_float(state);
        if (type == DataType::q2_k) {
            put_f16(row, at + 80, d);
            put_f16(row, at + 82, 0.5F * d);
        } else {
            put_f16(row, at, d);
            if (type == DataType::q4_k) put_f16(row, at + 2, 0.5F * d);
        }
    }
    return row;
}

// The activations of model spec appendix A.
std::vector<float> appendix_x() {
    std::vector<float> x(256);
    for (int i = 0; i < 256; ++i) x[i] = static_cast<float>(29 * i % 61 - 30);
    return x;
}

TEST(F16, AppendixA) {
    EXPECT_FLOAT_EQ(round_to_f16(1.0F / 3.0F), 0.333251953F);
    EXPECT_FLOAT_EQ(round_to_f16(1e-6F), 1.01327896e-06F);
    EXPECT_EQ(round_to_f16(2049.0F), 2048.0F);
    EXPECT_EQ(round_to_f16(2051.0F), 2052.0F);
}

TEST(F16, EveryHalfSurvives) {
    for (std::uint32_t half = 0; half < 0x10000; ++half) {
        const float value = f16_to_f32(static_cast<std::uint16_t>(half));
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(round_to_f16(value)));
            continue;
        }
        ASSERT_EQ(f32_to_f16(value), half);
    }
}

TEST(F16, RoundsToTheNearestHalf) {
    // Midpoints between neighbours go to the even one, everything else to the nearer one.
    for (std::uint32_t half = 0; half < 0x7BFF; ++half) {
        const float low = f16_to_f32(static_cast<std::uint16_t>(half));
        const float high = f16_to_f32(static_cast<std::uint16_t>(half + 1));
        const float middle = low + (high - low) / 2;
        ASSERT_EQ(f32_to_f16(middle), half + (half & 1));
        ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0F)), half);
        ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9F)), half + 1);
        ASSERT_EQ(f32_to_f16(-middle), 0x8000 | (half + (half & 1)));
    }
    EXPECT_EQ(f32_to_f16(65519.996F), 0x7BFF);
    EXPECT_EQ(f32_to_f16(65520.0F), 0x7C00);
    EXPECT_EQ(f32_to_f16(3e38F), 0x7C00);
}

TEST(Activation, Q8_0AppendixA) {
    ActivationQ8_0 out;
    quantise_q8_0(std::span<const float>(appendix_x()).first(32), out);
    ASSERT_EQ(out.scale.size(), 1U);
    EXPECT_FLOAT_EQ(out.scale[0], 0.236220479F);
    const std::array<int, 8> want{-127, -4, 119, -17, 106, -30, 93, -42};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(out.code[i], want[i]) << i;
}

TEST(Activation, Q8KAppendixA) {
    std::vector<BlockQ8K> out;
    quantise_q8_k(appendix_x(), out);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_FLOAT_EQ(out[0].d, 0.236220479F);
    const std::array<int, 8> want{-127, -4, 119, -17, 106, -30, 93, -42};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(out[0].q[i], want[i]) << i;
    EXPECT_EQ(out[0].bsum[0], 47);
}

TEST(Activation, Q8_0EveryLengthUpToTwoBlocks) {
    std::uint32_t state = 7;
    for (std::size_t count = 0; count <= 65; ++count) {
        std::vector<float> x(count);
        for (float& v : x) v = next_float(state);
        ActivationQ8_0 out;
        out.code.assign(7, 99);  // old content must not shine through
        quantise_q8_0(x, out);
        ASSERT_EQ(out.scale.size(), (count + 31) / 32);
        ASSERT_EQ(out.code.size(), (count + 31) / 32 * 32);
        for (std::size_t i = 0; i < out.code.size(); ++i) {
            if (i >= count) {
                ASSERT_EQ(out.code[i], 0);
                continue;
            }
            ASSERT_NEAR(out.code[i] * out.scale[i / 32], x[i], out.scale[i / 32] * 0.5001F);
        }
    }
}

TEST(Activation, TiesGoToEven) {
    std::vector<float> x(32, 0.0F);
    x[0] = 127.0F;
    x[1] = 0.5F;
    x[2] = 1.5F;
    x[3] = 2.5F;
    x[4] = -0.5F;
    x[5] = -1.5F;
    ActivationQ8_0 out;
    quantise_q8_0(x, out);
    EXPECT_EQ(out.scale[0], 1.0F);
    const std::array<int, 6> want{127, 0, 2, 2, 0, -2};
    for (int i = 0; i < 6; ++i) EXPECT_EQ(out.code[i], want[i]) << i;
}

TEST(Activation, SignOfQ8KFollowsTheExtreme) {
    std::vector<float> x(256, 0.25F);
    x[17] = 2.0F;
    x[200] = -2.0F;  // the first one decides
    std::vector<BlockQ8K> out;
    quantise_q8_k(x, out);
    EXPECT_LT(out[0].d, 0.0F);
    EXPECT_EQ(out[0].q[17], -127);
    EXPECT_EQ(out[0].q[200], 127);
    EXPECT_EQ(out[0].q[0], -16);
    EXPECT_EQ(out[0].bsum[0], -256);
}

TEST(Activation, ZerosAndBrokenNumbers) {
    std::vector<float> x(256, 0.0F);
    ActivationQ8_0 small;
    std::vector<BlockQ8K> large;
    quantise_q8_0(x, small);
    quantise_q8_k(x, large);
    EXPECT_EQ(small.scale[0], 0.0F);
    EXPECT_EQ(large[0].d, 0.0F);
    for (const auto q : large[0].q) EXPECT_EQ(q, 0);
    for (const auto bsum : large[0].bsum) EXPECT_EQ(bsum, 0);
    x[3] = INFINITY;  // must not be undefined; the values mean nothing
    x[9] = NAN;
    quantise_q8_0(x, small);
    quantise_q8_k(x, large);
}

TEST(Grid, HoldsTheThreeMagnitudes) {
    std::set<std::uint64_t> distinct;
    for (const std::uint64_t entry : kIq2XxsGrid) {
        distinct.insert(entry);
        for (int j = 0; j < 8; ++j) {
            const std::uint64_t magnitude = (entry >> (8 * j)) & 255U;
            EXPECT_TRUE(magnitude == 0x08 || magnitude == 0x19 || magnitude == 0x2B);
        }
    }
    EXPECT_EQ(distinct.size(), 256U);
    EXPECT_EQ(kIq2XxsGrid[0], 0x0808080808080808U);
    EXPECT_EQ(kIq2XxsGrid[1], 0x080808080808082BU);
}

TEST(Grid, SignsHaveEvenParity) {
    for (std::uint32_t i = 0; i < 128; ++i) {
        EXPECT_EQ(iq2xxs_signs(i) & 127, i);
        EXPECT_EQ(__builtin_popcount(iq2xxs_signs(i)) & 1, 0);
    }
}

TEST(Dot, Iq2XxsAppendixA) {
    std::vector<std::byte> row(66);
    put_f16(row, 0, 1.0F);
    for (int k = 0; k < 64; ++k) row[2 + k] = static_cast<std::byte>((73 * k + 11) % 256);
    std::vector<BlockQ8K> x;
    quantise_q8_k(appendix_x(), x);
    EXPECT_FLOAT_EQ(dot_q8_k(DataType::iq2_xxs, row.data(), x), 666.909485F);
}

TEST(Dot, Q2KAppendixA) {
    std::vector<std::byte> row(84);
    for (int k = 0; k < 16; ++k) row[k] = static_cast<std::byte>((37 * k + 5) % 256);
    for (int k = 0; k < 64; ++k) row[16 + k] = static_cast<std::byte>((73 * k + 11) % 256);
    put_f16(row, 80, 0.5F);
    put_f16(row, 82, 0.25F);
    std::vector<BlockQ8K> x;
    quantise_q8_k(appendix_x(), x);
    EXPECT_FLOAT_EQ(dot_q8_k(DataType::q2_k, row.data(), x), 1291.06311F);
}

// A block small enough to decode by hand.
TEST(Dequantise, Q4KScalesOfTheUpperGroups) {
    std::vector<std::byte> row(144, std::byte{0});
    put_f16(row, 0, 2.0F);
    put_f16(row, 2, 1.0F);
    // Group 0: S = 63, M = 1. Group 4: S = 0b100101, M = 0b111010.
    row[4 + 0] = static_cast<std::byte>(63 | (2 << 6));  // top bits: S of group 4
    row[4 + 4] = static_cast<std::byte>(1 | (3 << 6));   // top bits: M of group 4
    row[4 + 8] = static_cast<std::byte>(0b0101 | (0b1010 << 4));
    row[16] = static_cast<std::byte>(7);              // element 0, low nibble; element 32, high
    row[16 + 64] = static_cast<std::byte>(9 | 0x30);  // element 128 and 160
    std::vector<float> w(256);
    dequantise_row(DataType::q4_k, row.data(), 256, w.data());
    EXPECT_EQ(w[0], 2.0F * 63 * 7 - 1);
    EXPECT_EQ(w[1], -1.0F);
    EXPECT_EQ(w[128], 2.0F * 37 * 9 - 58);
    EXPECT_EQ(w[129], -58.0F);
    EXPECT_EQ(w[160], 0.0F);  // group 5 has no scale
}

TEST(Dequantise, PlainTypes) {
    const std::array<float, 3> values{1.5F, -2.0F, 0.333251953F};
    std::vector<std::byte> f32(12), f16(6), bf16(6);
    for (std::size_t i = 0; i < 3; ++i) {
        std::memcpy(f32.data() + 4 * i, &values[i], 4);
        put_f16(f16, 2 * i, values[i]);
        std::memcpy(bf16.data() + 2 * i, reinterpret_cast<const char*>(&values[i]) + 2, 2);
    }
    std::array<float, 3> out{};
    dequantise_row(DataType::f32, f32.data(), 3, out.data());
    EXPECT_EQ(out, values);
    dequantise_row(DataType::f16, f16.data(), 3, out.data());
    EXPECT_EQ(out, values);
    dequantise_row(DataType::bf16, bf16.data(), 3, out.data());
    EXPECT_EQ(out[0], 1.5F);
    EXPECT_EQ(out[1], -2.0F);
}

// The integer dot is the dot of what the codes mean, up to f32 rounding.
TEST(Dot, AgreesWithDequantisedValues) {
    std::uint32_t state = 11;
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
        for (const std::int64_t count : {256, 512, 2048}) {
            SCOPED_TRACE(std::string(traits_of(type).name) + " of " + std::to_string(count));
            for (int repeat = 0; repeat < 20; ++repeat) {
                const std::vector<std::byte> row = random_row(type, count, state);
                std::vector<float> w(static_cast<std::size_t>(count)), x(w.size());
                for (float& v : x) v = next_float(state);
                dequantise_row(type, row.data(), count, w.data());
                double want = 0.0, size = 0.0, exact = 0.0;
                float got;
                if (type == DataType::q8_0) {
                    ActivationQ8_0 q;
                    quantise_q8_0(x, q);
                    for (std::size_t i = 0; i < x.size(); ++i)
                        want += static_cast<double>(w[i]) * q.scale[i / 32] * q.code[i];
                    got = dot_q8_0(row.data(), q, 0, count / 32);
                } else {
                    std::vector<BlockQ8K> q;
                    quantise_q8_k(x, q);
                    for (std::size_t i = 0; i < x.size(); ++i)
                        want += static_cast<double>(w[i]) * q[i / 256].d * q[i / 256].q[i % 256];
                    got = dot_q8_k(type, row.data(), q);
                }
                for (std::size_t i = 0; i < x.size(); ++i) {
                    exact += static_cast<double>(w[i]) * x[i];
                    size += std::pow(static_cast<double>(w[i]) * x[i], 2);
                }
                size = std::sqrt(size);
                EXPECT_NEAR(got, want, 1e-5 * size);
                EXPECT_NEAR(got, exact, 0.05 * size);
                EXPECT_NEAR(dot_f32(type, row.data(), x.data(), count), exact, 1e-5 * size);
            }
        }
    }
}

TEST(Dot, FirstBlockChoosesTheSlice) {
    std::uint32_t state = 3;
    std::vector<float> x(160);
    for (float& v : x) v = next_float(state);
    const std::vector<std::byte> row = random_row(DataType::q8_0, 64, state);
    ActivationQ8_0 whole, part;
    quantise_q8_0(x, whole);
    quantise_q8_0(std::span<const float>(x).subspan(96, 64), part);
    EXPECT_EQ(dot_q8_0(row.data(), whole, 3, 2), dot_q8_0(row.data(), part, 0, 2));
}

TEST(Dot, F32AccumulatesInDouble) {
    const std::array<float, 4> w{1e8F, 1.0F, -1e8F, 0.5F};
    const std::array<float, 4> x{1.0F, 1.0F, 1.0F, 1.0F};
    std::vector<std::byte> row(16);
    std::memcpy(row.data(), w.data(), 16);
    EXPECT_EQ(dot_f32(DataType::f32, row.data(), x.data(), 4), 1.5F);
}

TEST(Dot, F16EveryLengthAscends) {
    std::uint32_t state = 5;
    for (std::int64_t count = 0; count <= 600; count += count < 66 ? 1 : 37) {
        std::vector<std::byte> row(static_cast<std::size_t>(2 * count));
        std::vector<float> x(static_cast<std::size_t>(count));
        float want = 0.0F;
        for (std::int64_t i = 0; i < count; ++i) {
            const float w = round_to_f16(next_float(state));
            put_f16(row, static_cast<std::size_t>(2 * i), w);
            x[i] = next_float(state);
            const float product = w * x[i];
            want += product;
        }
        ASSERT_EQ(dot_f32(DataType::f16, row.data(), x.data(), count), want) << count;
    }
}

TEST(Format, WhichActivationsMeetWhichWeights) {
    EXPECT_EQ(activation_format(DataType::q8_0), ActivationFormat::q8_0);
    EXPECT_EQ(activation_format(DataType::q2_k), ActivationFormat::q8_k);
    EXPECT_EQ(activation_format(DataType::q4_k), ActivationFormat::q8_k);
    EXPECT_EQ(activation_format(DataType::iq2_xxs), ActivationFormat::q8_k);
    EXPECT_EQ(activation_format(DataType::f16), ActivationFormat::f32);
    EXPECT_EQ(activation_format(DataType::f32), ActivationFormat::f32);
}

}  // namespace
}  // namespace starglass

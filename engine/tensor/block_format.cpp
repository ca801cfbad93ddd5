// SPDX-License-Identifier: MIT
#include "tensor/block_format.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/f16.h"
#include "tensor/iq2xxs_grid.h"

namespace starglass {
namespace {

static_assert(std::endian::native == std::endian::little, "block formats are little endian");

std::uint16_t load_u16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

std::uint32_t load_u32(const std::byte* at) {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

float load_f16(const std::byte* at) {
    return f16_to_f32(load_u16(at));
}

int u8(std::byte value) {
    return std::to_integer<int>(value);
}

using Codes = std::array<std::int8_t, 256>;

// Blocks as they lie in the file. Rows have no alignment, hence readers instead of structs.

struct Q8_0Block {
    const std::byte* at;
    [[nodiscard]] float d() const { return load_f16(at); }
    [[nodiscard]] const std::int8_t* codes() const {
        return reinterpret_cast<const std::int8_t*>(at + 2);
    }
};

struct Q2KBlock {
    const std::byte* at;
    [[nodiscard]] int scale(int group) const { return u8(at[group]) & 15; }
    [[nodiscard]] int min(int group) const { return u8(at[group]) >> 4; }
    [[nodiscard]] Codes codes() const {
        Codes q;
        for (int i = 0; i < 256; i += 32)
            for (int u = 0; u < 32; ++u)
                q[i + u] = static_cast<std::int8_t>(
                    (u8(at[16 + 32 * (i >> 7) + u]) >> (2 * ((i >> 5) & 3))) & 3);
        return q;
    }
    [[nodiscard]] float d() const { return load_f16(at + 80); }
    [[nodiscard]] float dmin() const { return load_f16(at + 82); }
};

struct Q4KBlock {
    const std::byte* at;
    [[nodiscard]] float d() const { return load_f16(at); }
    [[nodiscard]] float dmin() const { return load_f16(at + 2); }
    // Six bits each: the low four of groups 4..7 share bytes 8..11, their top two sit above
    // the six bits of groups 0..3.
    [[nodiscard]] int scale(int j) const {
        const std::byte* sc = at + 4;
        if (j < 4) return u8(sc[j]) & 63;
        return (u8(sc[j + 4]) & 15) | ((u8(sc[j - 4]) >> 6) << 4);
    }
    [[nodiscard]] int min(int j) const {
        const std::byte* sc = at + 4;
        if (j < 4) return u8(sc[j + 4]) & 63;
        return (u8(sc[j + 4]) >> 4) | ((u8(sc[j]) >> 6) << 4);
    }
    [[nodiscard]] Codes codes() const {
        Codes q;
        for (int j = 0; j < 8; ++j)
            for (int u = 0; u < 32; ++u)
                q[32 * j + u] = static_cast<std::int8_t>(
                    (u8(at[16 + 32 * (j >> 1) + u]) >> (4 * (j & 1))) & 15);
        return q;
    }
};

struct Iq2XxsBlock {
    const std::byte* at;
    [[nodiscard]] float d() const { return load_f16(at); }
    // Of 32 elements: four grid indices, then four 7-bit sign indices and the scale on top.
    [[nodiscard]] int scale(int b) const {
        return static_cast<int>(load_u32(at + 6 + 8 * b) >> 28);
    }
    // Magnitudes with their signs, eight at a time: flipping a byte and adding one negates it,
    // and cannot carry into its neighbour because no magnitude is zero.
    [[nodiscard]] Codes codes() const {
        Codes q;
        for (int part = 0; part < 32; ++part) {
            const std::byte* sub = at + 2 + 8 * (part >> 2);
            const std::uint32_t signs = load_u32(sub + 4) >> (7 * (part & 3));
            const std::uint64_t flip = kIq2XxsSignBytes[signs & 127U];
            const std::uint64_t eight =
                (kIq2XxsGrid[u8(sub[part & 3])] ^ flip) + (flip & 0x0101010101010101U);
            std::memcpy(q.data() + 8 * part, &eight, sizeof eight);
        }
        return q;
    }
};

// Exact, so any order will do.
std::int32_t dot_codes(const std::int8_t* a, const std::int8_t* b, int count) {
    std::int32_t sum = 0;
    for (int i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
}

// In every K format the products are exact in f32 (f16 times at most 10 bits), so only the
// subtraction of the minimum rounds.

void dequantise_q2_k(const std::byte* row, float* out) {
    const Q2KBlock block{row};
    const Codes q = block.codes();
    const float d = block.d();
    const float dmin = block.dmin();
    for (int i = 0; i < 256; ++i) {
        const int group = i >> 4;
        out[i] = d * static_cast<float>(block.scale(group)) * static_cast<float>(q[i]) -
                 dmin * static_cast<float>(block.min(group));
    }
}

void dequantise_q4_k(const std::byte* row, float* out) {
    const Q4KBlock block{row};
    const Codes q = block.codes();
    const float d = block.d();
    const float dmin = block.dmin();
    for (int i = 0; i < 256; ++i) {
        const int group = i >> 5;
        out[i] = d * static_cast<float>(block.scale(group)) * static_cast<float>(q[i]) -
                 dmin * static_cast<float>(block.min(group));
    }
}

void dequantise_iq2_xxs(const std::byte* row, float* out) {
    const Iq2XxsBlock block{row};
    const Codes q = block.codes();
    const float d = block.d();
    for (int b = 0; b < 8; ++b) {
        const float scale = d * (0.5F + static_cast<float>(block.scale(b))) * 0.25F;
        for (int i = 32 * b; i < 32 * b + 32; ++i) out[i] = scale * static_cast<float>(q[i]);
    }
}

// To nearest, ties to even, in the default rounding mode. NaN becomes the lowest code.
std::int8_t round_to_i8(float value) {
    if (!(value >= -128.0F)) return -128;
    if (value > 127.0F) return 127;
    return static_cast<std::int8_t>(std::lrint(value));
}

float dot_q2_k(const std::byte* row, std::span<const BlockQ8K> x) {
    float sum = 0.0F;
    for (const BlockQ8K& y : x) {
        const Q2KBlock block{row};
        const Codes q = block.codes();
        std::int32_t isum = 0;
        std::int32_t msum = 0;
        for (int group = 0; group < 16; ++group) {
            isum +=
                block.scale(group) * dot_codes(q.data() + 16 * group, y.q.data() + 16 * group, 16);
            msum += block.min(group) * y.bsum[group];
        }
        sum += (y.d * block.d()) * static_cast<float>(isum) -
               (y.d * block.dmin()) * static_cast<float>(msum);
        row += 84;
    }
    return sum;
}

float dot_q4_k(const std::byte* row, std::span<const BlockQ8K> x) {
    float sum = 0.0F;
    for (const BlockQ8K& y : x) {
        const Q4KBlock block{row};
        const Codes q = block.codes();
        std::int32_t isum = 0;
        std::int32_t msum = 0;
        for (int j = 0; j < 8; ++j) {
            isum += block.scale(j) * dot_codes(q.data() + 32 * j, y.q.data() + 32 * j, 32);
            msum += block.min(j) * (y.bsum[2 * j] + y.bsum[2 * j + 1]);
        }
        sum += (y.d * block.d()) * static_cast<float>(isum) -
               (y.d * block.dmin()) * static_cast<float>(msum);
        row += 144;
    }
    return sum;
}

float dot_iq2_xxs(const std::byte* row, std::span<const BlockQ8K> x) {
    float sum = 0.0F;
    for (const BlockQ8K& y : x) {
        const Iq2XxsBlock block{row};
        const Codes q = block.codes();
        std::int32_t isum = 0;
        for (int b = 0; b < 8; ++b)
            isum +=
                (2 * block.scale(b) + 1) * dot_codes(q.data() + 32 * b, y.q.data() + 32 * b, 32);
        sum += (block.d() * y.d) * static_cast<float>(isum);
        row += 66;
    }
    // The scale is (2t+1)/8 of the grid's magnitude; the eighth is taken once, at the end.
    return sum * 0.125F;
}

}  // namespace

void dequantise_row(DataType type, const std::byte* row, std::int64_t count, float* out) {
    const DataTypeTraits traits = traits_of(type);
    assert(count % traits.block_elements == 0);
    for (std::int64_t i = 0; i < count; i += traits.block_elements) {
        switch (type) {
            case DataType::f32:
                std::memcpy(out, row, sizeof(float));
                break;
            case DataType::f16:
                *out = load_f16(row);
                break;
            case DataType::bf16:
                *out = std::bit_cast<float>(static_cast<std::uint32_t>(load_u16(row)) << 16);
                break;
            case DataType::q8_0: {
                const Q8_0Block block{row};
                const float d = block.d();
                for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(block.codes()[j]);
                break;
            }
            case DataType::q2_k:
                dequantise_q2_k(row, out);
                break;
            case DataType::q4_k:
                dequantise_q4_k(row, out);
                break;
            case DataType::iq2_xxs:
                dequantise_iq2_xxs(row, out);
                break;
            case DataType::i32:
                *out = static_cast<float>(std::bit_cast<std::int32_t>(load_u32(row)));
        }
        row += traits.block_bytes;
        out += traits.block_elements;
    }
}

namespace {

// 0 when every value is finite, else NaN. The search for the largest magnitude passes over a NaN,
// so without this it would become a block of zeros and damaged weights would pass unnoticed; a
// NaN scale carries it on to the logits, where it is refused.
float poison(std::span<const float> x) {
    float sum = 0.0F;
    for (const float value : x) sum += value * 0.0F;
    return sum;
}

}  // namespace

void quantise_q8_0(std::span<const float> x, ActivationQ8_0& out) {
    const std::size_t blocks = (x.size() + 31) / 32;
    out.scale.resize(blocks);
    out.code.assign(blocks * 32, 0);
    for (std::size_t b = 0; b < blocks; ++b) {
        const std::span<const float> block =
            x.subspan(b * 32, std::min<std::size_t>(32, x.size() - b * 32));
        float largest = 0.0F;
        for (const float value : block) largest = std::max(largest, std::fabs(value));
        const float d = largest / 127.0F + poison(block);
        const float inverse = d != 0.0F ? 1.0F / d : 0.0F;
        out.scale[b] = d;
        for (std::size_t i = 0; i < block.size(); ++i)
            out.code[b * 32 + i] = round_to_i8(block[i] * inverse);
    }
}

void quantise_q8_k(std::span<const float> x, std::vector<BlockQ8K>& out) {
    assert(x.size() % 256 == 0);
    out.resize(x.size() / 256);
    for (std::size_t b = 0; b < out.size(); ++b) {
        const std::span<const float> block = x.subspan(b * 256, 256);
        BlockQ8K& y = out[b];
        if (std::isnan(poison(block))) {
            y = {};
            y.d = std::numeric_limits<float>::quiet_NaN();
            continue;
        }
        float extreme = 0.0F;
        for (const float value : block)
            if (std::fabs(value) > std::fabs(extreme)) extreme = value;
        if (extreme == 0.0F) {
            y = {};
            continue;
        }
        // The sign convention is part of the format: it decides how halves round.
        const float inverse = -127.0F / extreme;
        for (std::size_t j = 0; j < 16; ++j) {
            int sum = 0;
            for (std::size_t i = 16 * j; i < 16 * j + 16; ++i) {
                y.q[i] = round_to_i8(inverse * block[i]);
                sum += y.q[i];
            }
            y.bsum[j] = static_cast<std::int16_t>(sum);
        }
        y.d = 1.0F / inverse;
    }
}

ActivationFormat activation_format(DataType weight) {
    switch (weight) {
        case DataType::q8_0:
            return ActivationFormat::q8_0;
        case DataType::q2_k:
        case DataType::q4_k:
        case DataType::iq2_xxs:
            return ActivationFormat::q8_k;
        case DataType::f32:
        case DataType::f16:
        case DataType::bf16:
        case DataType::i32:
            break;
    }
    return ActivationFormat::f32;
}

float dot_q8_0(const std::byte* row, const ActivationQ8_0& x, std::int64_t first_block,
               std::int64_t blocks) {
    const float* scale = x.scale.data() + first_block;
    const std::int8_t* code = x.code.data() + first_block * 32;
    float sum = 0.0F;
    for (std::int64_t b = 0; b < blocks; ++b) {
        const Q8_0Block block{row + b * 34};
        const std::int32_t dot = dot_codes(block.codes(), code + b * 32, 32);
        sum += (block.d() * scale[b]) * static_cast<float>(dot);
    }
    return sum;
}

float dot_q8_k(DataType type, const std::byte* row, std::span<const BlockQ8K> x) {
    switch (type) {
        case DataType::q2_k:
            return dot_q2_k(row, x);
        case DataType::q4_k:
            return dot_q4_k(row, x);
        case DataType::iq2_xxs:
            return dot_iq2_xxs(row, x);
        default:
            break;
    }
    assert(false && "not a type that meets Q8_K activations");
    return 0.0F;
}

float dot_f32(DataType type, const std::byte* row, const float* x, std::int64_t count) {
    if (type == DataType::f32) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < count; ++i) {
            float w;
            std::memcpy(&w, row + i * 4, sizeof w);
            sum += static_cast<double>(w) * static_cast<double>(x[i]);
        }
        return static_cast<float>(sum);
    }
    // 256 is a multiple of every block length.
    std::array<float, 256> w;
    float sum = 0.0F;
    double exact = 0.0;
    for (std::int64_t first = 0; first < count; first += 256) {
        const std::int64_t part = std::min<std::int64_t>(256, count - first);
        dequantise_row(type, row + row_bytes(type, first), part, w.data());
        if (type == DataType::f16) {  // canonical order: f32, ascending
            for (std::int64_t i = 0; i < part; ++i) sum += w[i] * x[first + i];
        } else {
            for (std::int64_t i = 0; i < part; ++i)
                exact += static_cast<double>(w[i]) * static_cast<double>(x[first + i]);
        }
    }
    return type == DataType::f16 ? sum : static_cast<float>(exact);
}

}  // namespace starglass

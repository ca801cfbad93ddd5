// SPDX-License-Identifier: MIT
#include "kernel/weight_dot.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/f16.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/weight_dot_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// Activation vectors that meet one unpacked weight row at a time. Four sums and four integer
// accumulators leave room for weights, scales and temporaries in sixteen registers.
constexpr int kTile = 4;

template <class Body>
HWY_INLINE void for_each_tile(std::int64_t count, Body&& body) {
    std::int64_t i = 0;
    for (; i + 4 <= count; i += 4) body(std::integral_constant<int, 4>(), i);
    if (count - i >= 2) {
        body(std::integral_constant<int, 2>(), i);
        i += 2;
    }
    if (count - i == 1) body(std::integral_constant<int, 1>(), i);
}

// --- f32 activations -------------------------------------------------------------------------

// One row of weights against one tile of vectors.
template <int T, class W>
HWY_INLINE void dot_row_float(const DotRows& job, const W* w, std::int64_t o, std::int64_t first) {
    const DotInput& in = *job.input;
    const float* x[T];
    float y[T];
    for (int t = 0; t < T; ++t) x[t] = in.x + job.list[first + t] * in.in;
    dot_float<T>(w, x, in.in, y);
    for (int t = 0; t < T; ++t) job.out[(first + t) * job.out_stride + o] = y[t];
}

// 256 weights of any super-block format in one form:
//   value = d * scale[g] * q - dmin * min[g], g = i/16.
// IQ2_XXS has signed magnitudes up to 43; stored as q = 43 + value, its `min` is 43 * scale, so
// the offset leaves again in integers (one_factor).
struct alignas(64) Unpacked {
    std::uint8_t q[256];
    std::int16_t min[32];  // 16 used; zeros make it a whole vector everywhere
    std::int16_t scale[16];
    float d;
    float d_min;
};

#if HWY_TARGET == HWY_SCALAR

// Plain loops for machines without AVX2: the functions of tensor/block_format over our layout.

float dot_codes(DataType type, const std::byte* row, const DotInput& in, std::int64_t index,
                std::vector<BlockQ8K>& blocks) {
    const std::int8_t* code = in.code + index * in.in;
    if (type == DataType::q8_0) {
        float sum = 0.0F;
        for (std::int64_t b = 0; b < in.in / 32; ++b) {
            std::uint16_t half;
            std::memcpy(&half, row + 34 * b, sizeof half);
            const auto* q = reinterpret_cast<const std::int8_t*>(row + 34 * b + 2);
            std::int32_t dot = 0;
            for (int i = 0; i < 32; ++i) dot += q[i] * code[32 * b + i];
            sum +=
                (f16_to_f32(half) * in.scale[index * (in.in / 32) + b]) * static_cast<float>(dot);
        }
        return sum;
    }
    blocks.resize(static_cast<std::size_t>(in.in / 256));
    for (std::int64_t b = 0; b < in.in / 256; ++b) {
        BlockQ8K& block = blocks[static_cast<std::size_t>(b)];
        block.d = in.scale[index * (in.in / 256) + b];
        std::copy_n(code + 256 * b, 256, block.q.begin());
        std::copy_n(in.sum + index * (in.in / 16) + 16 * b, 16, block.bsum.begin());
    }
    return dot_q8_k(type, row, blocks);
}

void dot_rows_codes(const DotRows& job, Arena&) {
    std::vector<BlockQ8K> blocks;
    for (std::int64_t i = 0; i < job.count; ++i)
        for (std::int64_t o = 0; o < job.outputs; ++o)
            job.out[i * job.out_stride + o] =
                dot_codes(job.type, job.w + o * job.row_size, *job.input, job.list[i], blocks);
}

void dequantise(DataType type, const std::byte* row, std::int64_t count, float* out, Unpacked*) {
    dequantise_row(type, row, count, out);
}

#else  // SIMD

using D8 = hn::ScalableTag<std::uint8_t>;
using D16 = hn::ScalableTag<std::int16_t>;
using D32 = hn::ScalableTag<std::int32_t>;
constexpr int kBytes = hn::MaxLanes(D8());
constexpr int kFloats = kBytes / 4;

// --- integer products ------------------------------------------------------------------------

// Neighbouring products of unsigned and signed bytes, added in 16 bits. Exact when the sum of two
// products fits: unsigned values up to 128 here, 2*128*127 = 32,512.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
HWY_INLINE hn::Vec256<std::int16_t> multiply_pairs(hn::Vec256<std::uint8_t> u,
                                                   hn::Vec256<std::int8_t> s) {
    return hn::Vec256<std::int16_t>{_mm256_maddubs_epi16(u.raw, s.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> add_pairs(hn::Vec256<std::int32_t> sum,
                                              hn::Vec256<std::int16_t> a,
                                              hn::Vec256<std::int16_t> b) {
#if HWY_TARGET == HWY_AVX3_DL
    return hn::Vec256<std::int32_t>{_mm256_dpwssd_epi32(sum.raw, a.raw, b.raw)};
#else
    return hn::Vec256<std::int32_t>{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(a.raw, b.raw))};
#endif
}
HWY_INLINE hn::Vec256<std::int32_t> dot_quads(hn::Vec256<std::uint8_t> u,
                                              hn::Vec256<std::int8_t> s) {
#if HWY_TARGET == HWY_AVX3_DL
    return hn::Vec256<std::int32_t>{_mm256_dpbusd_epi32(_mm256_setzero_si256(), u.raw, s.raw)};
#else
    return hn::Vec256<std::int32_t>{
        _mm256_madd_epi16(_mm256_maddubs_epi16(u.raw, s.raw), _mm256_set1_epi16(1))};
#endif
}
#endif
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
HWY_INLINE hn::Vec512<std::int16_t> multiply_pairs(hn::Vec512<std::uint8_t> u,
                                                   hn::Vec512<std::int8_t> s) {
    return hn::Vec512<std::int16_t>{_mm512_maddubs_epi16(u.raw, s.raw)};
}
HWY_INLINE hn::Vec512<std::int32_t> add_pairs(hn::Vec512<std::int32_t> sum,
                                              hn::Vec512<std::int16_t> a,
                                              hn::Vec512<std::int16_t> b) {
#if HWY_TARGET == HWY_AVX3_DL
    return hn::Vec512<std::int32_t>{_mm512_dpwssd_epi32(sum.raw, a.raw, b.raw)};
#else
    return hn::Vec512<std::int32_t>{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(a.raw, b.raw))};
#endif
}
HWY_INLINE hn::Vec512<std::int32_t> dot_quads(hn::Vec512<std::uint8_t> u,
                                              hn::Vec512<std::int8_t> s) {
#if HWY_TARGET == HWY_AVX3_DL
    return hn::Vec512<std::int32_t>{_mm512_dpbusd_epi32(_mm512_setzero_si512(), u.raw, s.raw)};
#else
    return hn::Vec512<std::int32_t>{
        _mm512_madd_epi16(_mm512_maddubs_epi16(u.raw, s.raw), _mm512_set1_epi16(1))};
#endif
}
#endif
#if HWY_TARGET != HWY_AVX2 && HWY_TARGET != HWY_AVX3 && HWY_TARGET != HWY_AVX3_DL
// Any other instruction set, in terms Highway has everywhere.
template <class VU, class VS>
HWY_INLINE hn::Vec<D16> multiply_pairs(VU u, VS s) {
    const D16 d;
    const auto u16 = hn::BitCast(d, u);
    const auto s16 = hn::BitCast(d, s);
    const auto even =
        hn::Mul(hn::And(u16, hn::Set(d, 255)), hn::ShiftRight<8>(hn::ShiftLeft<8>(s16)));
    const hn::RebindToUnsigned<D16> du;
    const auto high = hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(du, u)));
    return hn::Add(even, hn::Mul(high, hn::ShiftRight<8>(s16)));
}
HWY_INLINE hn::Vec<D32> add_pairs(hn::Vec<D32> sum, hn::Vec<D16> a, hn::Vec<D16> b) {
    const D32 d;
    const auto low = [&](hn::Vec<D16> v) {
        return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v)));
    };
    const auto high = [&](hn::Vec<D16> v) { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
    return hn::Add(sum, hn::Add(hn::Mul(low(a), low(b)), hn::Mul(high(a), high(b))));
}
template <class VU, class VS>
HWY_INLINE hn::Vec<D32> dot_quads(VU u, VS s) {
    return add_pairs(hn::Zero(D32()), multiply_pairs(u, s), hn::Set(D16(), 1));
}
#endif

// --- Q8_0 ------------------------------------------------------------------------------------

// Signed times signed as |w| times x with w's sign: there is no instruction for two signed bytes.
// (x is never -128, so negating it is exact.)
template <class D>
struct SignedWeights {
    using DI = hn::RebindToSigned<D>;
    hn::Vec<D> magnitude;
    decltype(hn::Lt(hn::Zero(DI()), hn::Zero(DI()))) negative;

    explicit SignedWeights(hn::Vec<DI> w)
        : magnitude(hn::BitCast(D(), hn::Abs(w))), negative(hn::Lt(w, hn::Zero(DI()))) {}
    HWY_INLINE auto dot(const std::int8_t* code) const {
        const DI di;
        const auto x = hn::LoadU(di, code);
        return dot_quads(magnitude, hn::IfThenElse(negative, hn::Neg(x), x));
    }
};

HWY_INLINE std::uint16_t load_u16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// Codes of `kBytes` weights starting with block b of a row (two blocks a vector on AVX-512).
HWY_INLINE auto load_q8_0(const std::byte* row, std::int64_t b) {
    const hn::RebindToSigned<D8> d;
    const auto* q = reinterpret_cast<const std::int8_t*>(row + 34 * b + 2);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
    const hn::Half<decltype(d)> half;
    return hn::Combine(d, hn::LoadU(half, q + 34), hn::LoadU(half, q));
#else
    return hn::LoadU(d, q);
#endif
}

// Eight block scales, and from them those of the lanes of vector v of 256 weights: one permutation
// where a register holds all eight.
struct BlockScales {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
    FloatVec all;
    template <class V>
    HWY_INLINE void put(V scales, int) {
#if HWY_TARGET == HWY_AVX2
        all = scales;
#else
        all = hn::ZeroExtendVector(Float(), scales);
#endif
    }
    HWY_INLINE FloatVec lanes(int v) const {
        const Float d;
        return hn::TableLookupLanes(all, hn::SetTableIndices(d, kLaneBlocks.index[v]));
    }
    struct LaneBlocks {
        alignas(64) std::int32_t index[256 / kBytes][kFloats];
    };
    static constexpr LaneBlocks make_lane_blocks() {
        LaneBlocks blocks{};
        for (int v = 0; v < 256 / kBytes; ++v)
            for (int lane = 0; lane < kFloats; ++lane)
                blocks.index[v][lane] = (v * kBytes + 4 * lane) / 32;
        return blocks;
    }
    static const LaneBlocks kLaneBlocks;
#else
    alignas(64) float scale[8];
    template <class V>
    HWY_INLINE void put(V scales, int first) {
        hn::Store(scales, hn::CappedTag<float, 8>(), scale + first);
    }
    HWY_INLINE FloatVec lanes(int v) const {
        return hn::Set(Float(), scale[v * kBytes / 32]);
    }
#endif
};
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
constexpr BlockScales::LaneBlocks BlockScales::kLaneBlocks = BlockScales::make_lane_blocks();
#endif

template <int T>
HWY_INLINE void dot_q8_0_tile(const std::byte* HWY_RESTRICT row, std::int64_t blocks,
                              const std::int8_t* const* code, const float* const* scale,
                              float* out) {
    const Float d;
    const hn::RebindToSigned<D8> d8;
    using D8Block = hn::CappedTag<std::uint8_t, 32>;
    const hn::CappedTag<float, 8> d_block;
    const hn::Rebind<hwy::float16_t, decltype(d_block)> half;
    FloatVec sum[T];
    hn::Vec<decltype(d_block)> tail[T];
    for (int t = 0; t < T; ++t) {
        sum[t] = hn::Zero(d);
        tail[t] = hn::Zero(d_block);
    }
    std::int64_t b = 0;
    for (; b + 8 <= blocks; b += 8) {
        alignas(64) std::uint16_t d_w[8];
        for (int k = 0; k < 8; ++k) d_w[k] = load_u16(row + 34 * (b + k));
        BlockScales product[T];
        for (int k = 0; k < 8; k += static_cast<int>(hn::Lanes(d_block))) {
            const auto w = hn::PromoteTo(
                d_block, hn::Load(half, reinterpret_cast<const hwy::float16_t*>(d_w + k)));
            for (int t = 0; t < T; ++t)
                product[t].put(hn::Mul(w, hn::LoadU(d_block, scale[t] + b + k)), k);
        }
        for (int v = 0; v < 256 / kBytes; ++v) {
            const SignedWeights<D8> w(
                kBytes == 16 ? hn::LoadU(d8, reinterpret_cast<const std::int8_t*>(
                                                 row + 34 * (b + v / 2) + 2 + 16 * (v & 1)))
                             : load_q8_0(row, b + v * kBytes / 32));
            for (int t = 0; t < T; ++t)
                sum[t] = hn::MulAdd(product[t].lanes(v),
                                    hn::ConvertTo(d, w.dot(code[t] + 32 * b + v * kBytes)), sum[t]);
        }
    }
    for (; b < blocks; ++b) {
        const float d_w = f16_to_f32(load_u16(row + 34 * b));
        const auto* q = reinterpret_cast<const std::int8_t*>(row + 34 * b + 2);
        const hn::RebindToSigned<D8Block> d_codes;
        for (int part = 0; part < 32; part += static_cast<int>(hn::Lanes(D8Block()))) {
            const SignedWeights<D8Block> w(hn::LoadU(d_codes, q + part));
            for (int t = 0; t < T; ++t)
                tail[t] =
                    hn::MulAdd(hn::Set(d_block, d_w * scale[t][b]),
                               hn::ConvertTo(d_block, w.dot(code[t] + 32 * b + part)), tail[t]);
        }
    }
    for (int t = 0; t < T; ++t)
        out[t] = sum_of(sum[t]) + hn::GetLane(hn::SumOfLanes(d_block, tail[t]));
}

void dot_rows_q8_0(const DotRows& job) {
    const DotInput& in = *job.input;
    const std::int64_t blocks = in.in / 32;
    for_each_tile(job.count, [&](auto tile, std::int64_t first) {
        constexpr int T = decltype(tile)::value;
        const std::int8_t* code[T];
        const float* scale[T];
        float y[T];
        for (int t = 0; t < T; ++t) {
            code[t] = in.code + job.list[first + t] * in.in;
            scale[t] = in.scale + job.list[first + t] * blocks;
        }
        for (std::int64_t o = 0; o < job.outputs; ++o) {
            dot_q8_0_tile<T>(job.w + o * job.row_size, blocks, code, scale, y);
            for (int t = 0; t < T; ++t) job.out[(first + t) * job.out_stride + o] = y[t];
        }
    });
}

// --- K-quants and IQ2_XXS --------------------------------------------------------------------

// How a format's integer sums become floats.
struct Factors {
    bool one_factor;  // (isum - msum) * d instead of isum*d - msum*d_min
    float last;       // of the finished sum
};

using D8Half = hn::CappedTag<std::uint8_t, 32>;

// (bytes >> Low) & mask to `to`, (bytes >> High) & mask behind it; shifts in 16-bit steps because
// there are none for bytes. AVX-512 stores both at once: its wide loads cannot be served from two
// narrower stores that have not left the store buffer yet.
template <int Low, int High>
HWY_INLINE void unpack_bits(const std::uint8_t* from, std::uint8_t mask, std::uint8_t* to) {
    const D8Half d;
    const hn::RepartitionToWide<D8Half> wide;
    for (std::size_t i = 0; i < 32; i += hn::Lanes(d)) {
        const auto bytes = hn::BitCast(wide, hn::LoadU(d, from + i));
        const auto low = hn::And(hn::BitCast(d, hn::ShiftRight<Low>(bytes)), hn::Set(d, mask));
        const auto high = hn::And(hn::BitCast(d, hn::ShiftRight<High>(bytes)), hn::Set(d, mask));
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
        hn::Store(hn::Combine(D8(), high, low), D8(), to);
#else
        hn::Store(low, d, to + i);
        hn::Store(high, d, to + 32 + i);
#endif
    }
}

void unpack_q2_k(const std::byte* row, std::int64_t blocks, Unpacked* to) {
    for (std::int64_t b = 0; b < blocks; ++b, row += 84, ++to) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(row);
        for (int half = 0; half < 2; ++half) {
            const std::uint8_t* from = bytes + 16 + 32 * half;
            std::uint8_t* q = to->q + 128 * half;
            unpack_bits<0, 2>(from, 3, q);
            unpack_bits<4, 6>(from, 3, q + 64);
        }
        const hn::CappedTag<std::int16_t, 16> d16;
        const hn::Rebind<std::uint8_t, decltype(d16)> d8;
        for (std::size_t g = 0; g < 16; g += hn::Lanes(d16)) {
            const auto both = hn::PromoteTo(d16, hn::LoadU(d8, bytes + g));
            hn::StoreU(hn::And(both, hn::Set(d16, 15)), d16, to->scale + g);
            hn::StoreU(hn::ShiftRight<4>(both), d16, to->min + g);
            hn::StoreU(hn::Zero(d16), d16, to->min + 16 + g);
        }
        to->d = f16_to_f32(load_u16(row + 80));
        to->d_min = f16_to_f32(load_u16(row + 82));
    }
}

void unpack_q4_k(const std::byte* row, std::int64_t blocks, Unpacked* to) {
    for (std::int64_t b = 0; b < blocks; ++b, row += 144, ++to) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(row);
        const std::uint8_t* sc = bytes + 4;
        for (int j = 0; j < 4; ++j) unpack_bits<0, 4>(bytes + 16 + 32 * j, 15, to->q + 64 * j);
        for (int j = 0; j < 8; ++j) {
            const int scale = j < 4 ? sc[j] & 63 : (sc[j + 4] & 15) | ((sc[j - 4] >> 6) << 4);
            const int min = j < 4 ? sc[j + 4] & 63 : (sc[j + 4] >> 4) | ((sc[j] >> 6) << 4);
            to->scale[2 * j] = to->scale[2 * j + 1] = static_cast<std::int16_t>(scale);
            to->min[2 * j] = to->min[2 * j + 1] = static_cast<std::int16_t>(min);
            to->min[16 + 2 * j] = to->min[17 + 2 * j] = 0;
        }
        to->d = f16_to_f32(load_u16(row));
        to->d_min = f16_to_f32(load_u16(row + 2));
    }
}

// Two passes over the row: eight-byte stores of grid entries cannot be forwarded to the wide
// loads that apply the signs, so these come when the stores have left the store buffer.
void unpack_iq2_xxs(const std::byte* row, std::int64_t blocks, Unpacked* to) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        const auto* index = reinterpret_cast<const std::uint8_t*>(row + 66 * b + 2);
        std::uint8_t* q = to[b].q;
        for (int s = 0; s < 8; ++s, index += 8, q += 32)
            for (int l = 0; l < 4; ++l) std::memcpy(q + 8 * l, &kIq2XxsGrid[index[l]], 8);
    }
    const D8 d;
    const auto offset = hn::Set(d, 43);
    const hn::CappedTag<std::uint32_t, 8> d32;
    const auto lanes = static_cast<int>(hn::Lanes(d32));
    const hn::Repartition<std::uint16_t, decltype(d32)> d16;
    for (std::int64_t b = 0; b < blocks; ++b) {
        const std::byte* from = row + 66 * b;
        Unpacked& block = to[b];
        block.d = f16_to_f32(load_u16(from));
        block.d_min = block.d;
        alignas(64) std::uint8_t sign_bits[32];
        for (int s = 0; s < 8; s += lanes) {
            const auto* words = reinterpret_cast<const std::uint32_t*>(from + 2 + 8 * s);
            const auto a1 =
                hn::ConcatOdd(d32, hn::LoadU(d32, words + lanes), hn::LoadU(d32, words));
            // Four seven-bit fields to four bytes; the top bit of each makes their number even.
            const auto field = [&](std::uint32_t mask) { return hn::And(a1, hn::Set(d32, mask)); };
            const auto seven = hn::Or(
                hn::Or(field(0x7FU), hn::ShiftLeft<1>(field(0x3F80U))),
                hn::Or(hn::ShiftLeft<2>(field(0x1FC000U)), hn::ShiftLeft<3>(field(0xFE00000U))));
            auto parity = hn::Xor(seven, hn::ShiftRight<4>(seven));
            parity = hn::Xor(parity, hn::ShiftRight<2>(parity));
            parity = hn::Xor(parity, hn::ShiftRight<1>(parity));
            const auto top = hn::ShiftLeft<7>(hn::And(parity, hn::Set(d32, 0x01010101U)));
            hn::StoreU(hn::Or(seven, top), d32, reinterpret_cast<std::uint32_t*>(sign_bits) + s);
            // Twice the scale plus one, once for each half of a sub-block.
            const auto scale = hn::Add(hn::ShiftLeft<1>(hn::ShiftRight<28>(a1)), hn::Set(d32, 1));
            const auto pair = hn::BitCast(d16, hn::Or(scale, hn::ShiftLeft<16>(scale)));
            auto* scales = reinterpret_cast<std::uint16_t*>(block.scale);
            auto* mins = reinterpret_cast<std::uint16_t*>(block.min);
            hn::StoreU(pair, d16, scales + 2 * s);
            hn::StoreU(hn::Mul(pair, hn::Set(d16, 43)), d16, mins + 2 * s);
            hn::StoreU(hn::Zero(d16), d16, mins + 16 + 2 * s);
        }
        for (int i = 0; i < 256; i += kBytes) {
            const auto magnitude = hn::Load(d, block.q + i);
            const auto negative = hn::LoadMaskBits(d, sign_bits + i / 8);
            hn::Store(
                hn::IfThenElse(negative, hn::Sub(offset, magnitude), hn::Add(offset, magnitude)), d,
                block.q + i);
        }
    }
}

Factors unpack(DataType type, const std::byte* row, std::int64_t blocks, Unpacked* to) {
    switch (type) {
        case DataType::q2_k:
            unpack_q2_k(row, blocks, to);
            return {false, 1.0F};
        case DataType::q4_k:
            unpack_q4_k(row, blocks, to);
            return {false, 1.0F};
        default:
            unpack_iq2_xxs(row, blocks, to);
            return {true, 0.125F};
    }
}

struct ScalePatterns {
    alignas(64) std::uint8_t bytes[8][kBytes];
};
constexpr ScalePatterns make_scale_patterns() {
    ScalePatterns patterns{};
    for (int k = 0; k < 128 / kBytes; ++k)
        for (int i = 0; i < kBytes; ++i)
            patterns.bytes[k][i] =
                static_cast<std::uint8_t>(2 * (k * kBytes / 16 + i / 16) + i % 2);
    return patterns;
}
constexpr ScalePatterns kScalePatterns = make_scale_patterns();

template <int T, bool kOneFactor>
HWY_INLINE void dot_unpacked_tile(const Unpacked* HWY_RESTRICT blocks, std::int64_t count,
                                  const std::int8_t* const* code, const float* const* scale,
                                  const std::int16_t* const* sums, float* out) {
    const Float d;
    const D8 d8;
    const D16 d16;
    const D32 d32;
    const hn::RebindToSigned<D8> di8;
    constexpr int kPairs = kBytes / 2;
    // Every 128 bits of a vector are one group of 16; a byte shuffle brings each its scale. Eight
    // scales fill 128 bits, so vectors come in two halves of a block.
    constexpr int kPatterns = 128 / kBytes;
    hn::Vec<D8> pattern[kPatterns];
    for (int k = 0; k < kPatterns; ++k) pattern[k] = hn::Load(d8, kScalePatterns.bytes[k]);
    FloatVec sum[T];
    for (int t = 0; t < T; ++t) sum[t] = hn::Zero(d);
    for (std::int64_t b = 0; b < count; ++b) {
        const Unpacked& w = blocks[b];
        hn::Vec<D32> isum[T];
        hn::Vec<D32> msum[T];
        for (int t = 0; t < T; ++t) isum[t] = msum[t] = hn::Zero(d32);
        for (int half = 0; half < 2; ++half) {
            const auto scales = hn::BitCast(d8, hn::LoadDup128(d16, w.scale + 8 * half));
            for (int k = 0; k < kPatterns; ++k) {
                const int i = 128 * half + k * kBytes;
                const auto q = hn::Load(d8, w.q + i);
                const auto s = hn::BitCast(d16, hn::TableLookupBytes(scales, pattern[k]));
                for (int t = 0; t < T; ++t)
                    isum[t] = add_pairs(
                        isum[t], multiply_pairs(q, hn::LoadU(di8, code[t] + 256 * b + i)), s);
            }
        }
        for (int i = 0; i < 16; i += kPairs) {
            const auto m = hn::Load(d16, w.min + i);
            for (int t = 0; t < T; ++t)
                msum[t] = add_pairs(msum[t], m, hn::LoadU(d16, sums[t] + 16 * b + i));
        }
        for (int t = 0; t < T; ++t) {
            const float d8_ = scale[t][b];
            if constexpr (kOneFactor) {
                sum[t] = hn::MulAdd(hn::Set(d, w.d * d8_),
                                    hn::ConvertTo(d, hn::Sub(isum[t], msum[t])), sum[t]);
            } else {
                sum[t] = hn::MulAdd(hn::Set(d, d8_ * w.d), hn::ConvertTo(d, isum[t]), sum[t]);
                sum[t] =
                    hn::NegMulAdd(hn::Set(d, d8_ * w.d_min), hn::ConvertTo(d, msum[t]), sum[t]);
            }
        }
    }
    for (int t = 0; t < T; ++t) out[t] = sum_of(sum[t]);
}

void dot_rows_q8_k(const DotRows& job, Arena& arena) {
    const DotInput& in = *job.input;
    const std::int64_t blocks = in.in / 256;
    // With many vectors a few rows are unpacked together, so that a tile of codes serves them
    // all while it is in L1. With one tile, one row at a time stays there itself.
    const std::int64_t batch = job.count <= kTile ? 1 : std::clamp<std::int64_t>(64 / blocks, 1, 8);
    auto* rows = arena.take<Unpacked>(batch * blocks);
    for (std::int64_t o = 0; o < job.outputs; o += batch) {
        const std::int64_t part = std::min(batch, job.outputs - o);
        Factors factors{};
        for (std::int64_t r = 0; r < part; ++r)
            factors = unpack(job.type, job.w + (o + r) * job.row_size, blocks, rows + r * blocks);
        for_each_tile(job.count, [&](auto tile, std::int64_t first) {
            constexpr int T = decltype(tile)::value;
            const std::int8_t* code[T];
            const float* scale[T];
            const std::int16_t* sums[T];
            float y[T];
            for (int t = 0; t < T; ++t) {
                const std::int64_t index = job.list[first + t];
                code[t] = in.code + index * in.in;
                scale[t] = in.scale + index * blocks;
                sums[t] = in.sum + index * (in.in / 16);
            }
            for (std::int64_t r = 0; r < part; ++r) {
                if (factors.one_factor)
                    dot_unpacked_tile<T, true>(rows + r * blocks, blocks, code, scale, sums, y);
                else
                    dot_unpacked_tile<T, false>(rows + r * blocks, blocks, code, scale, sums, y);
                for (int t = 0; t < T; ++t)
                    job.out[(first + t) * job.out_stride + o + r] = y[t] * factors.last;
            }
        });
    }
}

void dot_rows_codes(const DotRows& job, Arena& arena) {
    if (job.type == DataType::q8_0)
        dot_rows_q8_0(job);
    else
        dot_rows_q8_k(job, arena);
}

// The same values as dequantise_row: every product below is exact, only the minimum's
// subtraction rounds.
void dequantise(DataType type, const std::byte* row, std::int64_t count, float* out,
                Unpacked* unpacked) {
    const hn::CappedTag<float, 16> d;
    const hn::Rebind<std::int32_t, decltype(d)> d32;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    switch (type) {
        case DataType::f16: {
            const auto* w = reinterpret_cast<const std::uint16_t*>(row);
            std::int64_t i = 0;
            for (; i + kFloats <= count; i += kFloats)
                hn::StoreU(load_weights(w + i), Float(), out + i);
            for (; i < count; ++i) out[i] = f16_to_f32(w[i]);
            return;
        }
        case DataType::q8_0: {
            const hn::Rebind<std::int8_t, decltype(d)> d8;
            for (std::int64_t b = 0; b < count / 32; ++b) {
                const auto scale = hn::Set(d, f16_to_f32(load_u16(row + 34 * b)));
                const auto* q = reinterpret_cast<const std::int8_t*>(row + 34 * b + 2);
                for (int i = 0; i < 32; i += lanes)
                    hn::StoreU(
                        hn::Mul(scale, hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, q + i)))),
                        d, out + 32 * b + i);
            }
            return;
        }
        case DataType::q2_k:
        case DataType::q4_k:
        case DataType::iq2_xxs: {
            const hn::Rebind<std::uint8_t, decltype(d)> d8;
            const std::int64_t blocks = count / 256;
            const Factors factors = unpack(type, row, blocks, unpacked);
            for (std::int64_t b = 0; b < blocks; ++b) {
                const Unpacked& w = unpacked[b];
                for (int g = 0; g < 16; ++g) {
                    const auto scale =
                        hn::Set(d, w.d * factors.last * static_cast<float>(w.scale[g]));
                    const auto minimum =
                        hn::Set(d, w.d_min * factors.last * static_cast<float>(w.min[g]));
                    for (int i = 16 * g; i < 16 * g + 16; i += lanes)
                        hn::StoreU(
                            hn::Sub(
                                hn::Mul(scale, hn::ConvertTo(
                                                   d, hn::PromoteTo(d32, hn::Load(d8, w.q + i)))),
                                minimum),
                            d, out + 256 * b + i);
                }
            }
            return;
        }
        default:
            dequantise_row(type, row, count, out);
            return;
    }
}

#endif  // SIMD

}  // namespace

void dot_rows_target(const DotRows& job, Arena& arena) {
    if (job.input->format != ActivationFormat::f32) {
        dot_rows_codes(job, arena);
        return;
    }
    const std::int64_t in = job.input->in;
    if (job.type == DataType::f32 || (job.type == DataType::f16 && job.count <= kTile)) {
        for_each_tile(job.count, [&](auto tile, std::int64_t first) {
            constexpr int T = decltype(tile)::value;
            for (std::int64_t o = 0; o < job.outputs; ++o) {
                const std::byte* w = job.w + o * job.row_size;
                if (job.type == DataType::f32)
                    dot_row_float<T>(job, reinterpret_cast<const float*>(w), o, first);
                else
                    dot_row_float<T>(job, reinterpret_cast<const std::uint16_t*>(w), o, first);
            }
        });
        return;
    }
    // Rows as floats, several at a time so that a tile of vectors is read once for all of them.
    const std::int64_t batch = job.count <= kTile ? 1 : std::clamp<std::int64_t>(32768 / in, 1, 16);
    auto* weights = arena.take<float>(batch * in);
    auto* unpacked = arena.take<Unpacked>(in / 256);
    for (std::int64_t o = 0; o < job.outputs; o += batch) {
        const std::int64_t part = std::min(batch, job.outputs - o);
        for (std::int64_t r = 0; r < part; ++r)
            dequantise(job.type, job.w + (o + r) * job.row_size, in, weights + r * in, unpacked);
        for_each_tile(job.count, [&](auto tile, std::int64_t first) {
            constexpr int T = decltype(tile)::value;
            for (std::int64_t r = 0; r < part; ++r)
                dot_row_float<T>(job, weights + r * in, o + r, first);
        });
    }
}

// --- quantisation ----------------------------------------------------------------------------

namespace {

// min and max in this argument order keep a NaN until the last step, where it becomes -128 as
// in tensor/block_format.
HWY_INLINE FloatVec clamp_code(FloatVec v) {
    const Float d;
    return hn::Max(hn::Min(hn::Set(d, 127.0F), v), hn::Set(d, -128.0F));
}

// NaN if any value is not finite: such a block keeps no usable codes, and its scale has to carry
// the damage on to the logits.
HWY_INLINE float largest_magnitude(const float* x, std::int64_t count) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec largest = hn::Zero(d);
    FloatVec poison = hn::Zero(d);
    for (std::int64_t i = 0; i < count; i += lanes) {
        const FloatVec v = hn::LoadU(d, x + i);
        largest = hn::Max(hn::Abs(v), largest);
        poison = hn::MulAdd(v, hn::Zero(d), poison);
    }
    return hn::GetLane(hn::MaxOfLanes(d, largest)) + sum_of(poison);
}

HWY_INLINE void round_codes(const float* x, float factor, std::int64_t count, std::int8_t* code) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec scale = hn::Set(d, factor);
#if HWY_TARGET == HWY_SCALAR
    for (std::int64_t i = 0; i < count; ++i) {
        const float v = x[i] * factor;
        code[i] = !(v >= -128.0F) ? std::int8_t{-128}
                  : v > 127.0F    ? std::int8_t{127}
                                  : static_cast<std::int8_t>(std::lrint(v));
    }
    (void)lanes;
    (void)scale;
#else
    const hn::Rebind<std::int8_t, Float> d8;
    for (std::int64_t i = 0; i < count; i += lanes) {
        const auto rounded = hn::NearestInt(clamp_code(hn::Mul(hn::LoadU(d, x + i), scale)));
        hn::StoreU(hn::DemoteTo(d8, rounded), d8, code + i);
    }
#endif
}

}  // namespace

void quantise_q8_0_target(const float* x, std::int64_t count, std::int8_t* code, float* scale) {
    for (std::int64_t b = 0; b < count / 32; ++b) {
        const float d = largest_magnitude(x + 32 * b, 32) / 127.0F;
        scale[b] = d;
        round_codes(x + 32 * b, d != 0.0F ? 1.0F / d : 0.0F, 32, code + 32 * b);
    }
}

void quantise_q8_k_target(const float* x, std::int64_t count, std::int8_t* code, float* scale,
                          std::int16_t* sum) {
    for (std::int64_t b = 0; b < count / 256; ++b, x += 256, code += 256, sum += 16) {
        const float largest = largest_magnitude(x, 256);
        if (!(largest > 0.0F)) {
            scale[b] = largest;  // zero or NaN
            std::memset(code, 0, 256);
            std::memset(sum, 0, 16 * sizeof *sum);
            continue;
        }
        // The first of the largest, with its sign.
        std::int64_t at = 0;
        while (std::fabs(x[at]) != largest) ++at;
        const float inverse = -127.0F / x[at];
        round_codes(x, inverse, 256, code);
        for (int j = 0; j < 16; ++j) {
            int total = 0;
            for (int i = 0; i < 16; ++i) total += code[16 * j + i];
            sum[j] = static_cast<std::int16_t>(total);
        }
        scale[b] = 1.0F / inverse;
    }
}

void swiglu_target(const float* gate, const float* up, std::int64_t count, float clamp,
                   float weight, float* hidden) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec one = hn::Set(d, 1.0F);
    // Minimum and maximum treat a NaN as the instruction set likes; it has to stay one.
    const auto kept = [](FloatVec v, FloatVec clamped) {
        return hn::IfThenElse(hn::IsNaN(v), v, clamped);
    };
    const auto value = [&](FloatVec g, FloatVec u) {
        if (clamp > 1e-6F) {
            g = kept(g, hn::Min(g, hn::Set(d, clamp)));
            u = kept(u, hn::Min(hn::Max(u, hn::Set(d, -clamp)), hn::Set(d, clamp)));
        }
        const FloatVec e = exp_vec(hn::Neg(hn::Abs(g)));
        const FloatVec numerator = hn::IfThenElse(hn::Lt(g, hn::Zero(d)), e, one);
        const FloatVec sigmoid = hn::Div(numerator, hn::Add(one, e));
        return hn::Mul(hn::Mul(hn::Mul(g, sigmoid), u), hn::Set(d, weight));
    };
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        hn::StoreU(value(hn::LoadU(d, gate + i), hn::LoadU(d, up + i)), d, hidden + i);
    if (i < count) {
        // The tail goes through the same arithmetic, padded.
        HWY_ALIGN float g[hn::MaxLanes(Float())] = {};
        HWY_ALIGN float u[hn::MaxLanes(Float())] = {};
        std::copy(gate + i, gate + count, g);
        std::copy(up + i, up + count, u);
        hn::Store(value(hn::Load(d, g), hn::Load(d, u)), d, g);
        std::copy(g, g + (count - i), hidden + i);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(dot_rows_target);
HWY_EXPORT(quantise_q8_0_target);
HWY_EXPORT(quantise_q8_k_target);
HWY_EXPORT(swiglu_target);

void dot_rows(const DotRows& job, Arena& arena) {
    HWY_DYNAMIC_DISPATCH(dot_rows_target)(job, arena);
}

void swiglu_rows(const float* gate, const float* up, std::int64_t count, float clamp, float weight,
                 float* hidden) {
    HWY_DYNAMIC_DISPATCH(swiglu_target)(gate, up, count, clamp, weight, hidden);
}

DotInput make_dot_input(CpuContext& context, Arena& arena, DataType weight, const float* x,
                        std::int64_t rows, std::int64_t in) {
    DotInput input{.in = in, .rows = rows, .x = x};
    if (context.activations() == Activations::int8) input.format = activation_format(weight);
    if (input.format == ActivationFormat::f32) return input;

    const bool q8_k = input.format == ActivationFormat::q8_k;
    auto* code = arena.take<std::int8_t>(rows * in);
    auto* scale = arena.take<float>(rows * (q8_k ? in / 256 : in / 32));
    auto* sum = q8_k ? arena.take<std::int16_t>(rows * (in / 16)) : nullptr;
    // About 20,000 values keep a core busy for as long as it takes to wake one.
    const std::int64_t grain = std::max<std::int64_t>(1, 20000 / in);
    context.pool().parallel_for(rows, grain, [&](std::int64_t row, int) {
        if (q8_k) HWY_DYNAMIC_DISPATCH(quantise_q8_k_target)
        (x + row * in, in, code + row * in, scale + row * (in / 256), sum + row * (in / 16));
        else HWY_DYNAMIC_DISPATCH(quantise_q8_0_target)(x + row * in, in, code + row * in,
                                                        scale + row * (in / 32));
    });
    input.code = code;
    input.scale = scale;
    input.sum = sum;
    return input;
}

}  // namespace starglass
#endif  // HWY_ONCE

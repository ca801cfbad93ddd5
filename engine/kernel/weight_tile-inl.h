// SPDX-License-Identifier: MIT
//
// Quantised weights with one row per lane, once per instruction set. Included after
// hwy/foreach_target.h.
//
// A tile is kTileRows rows of a matrix (16 with AVX-512, 8 with AVX2, 4 with NEON). Four
// neighbouring codes of each row fill a vector, as unsigned bytes: one step. A step meets four
// codes of an activation vector, the same four for all rows, in one dot product instruction per
// vector; no sum ever runs across lanes. Integer sums are exact and the few operations in floats
// follow tensor/block_format to the letter, so a result has the same bits there and here, for any
// instruction set and however many vectors share a call.
//
// Rows stay as they lie in the file: 16 bytes of each are loaded, and a 4x4 exchange within
// 128-bit blocks brings words of different rows side by side. That costs half a shuffle a word,
// before the codes are spread out, and needs no second copy of the weights in memory.
//
// A format says how its blocks become steps, scales and minimums (expand); a sink says what to do
// with them: multiply at once (Products) or store them for many vectors (Chunk).
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tensor/iq2xxs_grid.h"

#if defined(STARGLASS_KERNEL_WEIGHT_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STARGLASS_KERNEL_WEIGHT_TILE_INL
#undef STARGLASS_KERNEL_WEIGHT_TILE_INL
#else
#define STARGLASS_KERNEL_WEIGHT_TILE_INL
#endif

#include "kernel/simd_float-inl.h"

#undef SG_AVX512
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#define SG_AVX512 1
#else
#define SG_AVX512 0
#endif
#undef SG_INLINE_LAMBDA
#define SG_INLINE_LAMBDA __attribute__((always_inline))

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

using D32 = hn::ScalableTag<std::int32_t>;
using DU32 = hn::RebindToUnsigned<D32>;
using D16 = hn::Repartition<std::int16_t, D32>;
using DU16 = hn::RebindToUnsigned<D16>;
using D8 = hn::Repartition<std::uint8_t, D32>;
using DI8 = hn::Repartition<std::int8_t, D32>;
using DU64 = hn::Repartition<std::uint64_t, D32>;
using Int = hn::Vec<D32>;
using Word = hn::Vec<DU32>;
using Bytes = hn::Vec<D8>;

constexpr int kTileRows = hn::MaxLanes(D32());

// body(integral_constant 0), ..., body(integral_constant N-1), inlined.
template <int N, class Body>
HWY_INLINE void unroll(Body&& body) {
    [&]<int... I>(std::integer_sequence<int, I...>) SG_INLINE_LAMBDA {
        (body(std::integral_constant<int, I>()), ...);
    }
    (std::make_integer_sequence<int, N>());
}

// --- instructions ------------------------------------------------------------------------------

// sum + u0*s0 + u1*s1 + u2*s2 + u3*s3 in each lane. Without VNNI neighbouring products are first
// added in 16 bits: exact for u up to 128.
#if HWY_TARGET == HWY_AVX3_DL
HWY_INLINE Int add_quads(Int sum, Bytes u, hn::Vec<DI8> s) {
    return Int{_mm512_dpbusd_epi32(sum.raw, u.raw, s.raw)};
}
HWY_INLINE Int add_pairs(Int sum, hn::Vec<D16> a, hn::Vec<D16> b) {
    return Int{_mm512_dpwssd_epi32(sum.raw, a.raw, b.raw)};
}
#elif HWY_TARGET == HWY_AVX3
HWY_INLINE Int add_quads(Int sum, Bytes u, hn::Vec<DI8> s) {
    const auto pairs = _mm512_maddubs_epi16(u.raw, s.raw);
    return Int{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
}
HWY_INLINE Int add_pairs(Int sum, hn::Vec<D16> a, hn::Vec<D16> b) {
    return Int{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(a.raw, b.raw))};
}
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE Int add_quads(Int sum, Bytes u, hn::Vec<DI8> s) {
    const auto pairs = _mm256_maddubs_epi16(u.raw, s.raw);
    return Int{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
}
HWY_INLINE Int add_pairs(Int sum, hn::Vec<D16> a, hn::Vec<D16> b) {
    return Int{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(a.raw, b.raw))};
}
#else
// In terms Highway has everywhere (NEON: not measured).
HWY_INLINE Int add_pairs(Int sum, hn::Vec<D16> a, hn::Vec<D16> b) {
    const D32 d;
    const auto low = [&](hn::Vec<D16> v) {
        return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v)));
    };
    const auto high = [&](hn::Vec<D16> v) { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
    return hn::Add(sum, hn::Add(hn::Mul(low(a), low(b)), hn::Mul(high(a), high(b))));
}
HWY_INLINE Int add_quads(Int sum, Bytes u, hn::Vec<DI8> s) {
    const D16 d;
    const DU16 du;
    const auto u16 = hn::BitCast(d, u);
    const auto s16 = hn::BitCast(d, s);
    const auto even =
        hn::Mul(hn::And(u16, hn::Set(d, 255)), hn::ShiftRight<8>(hn::ShiftLeft<8>(s16)));
    const auto high = hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(du, u)));
    return add_pairs(sum, hn::Add(even, hn::Mul(high, hn::ShiftRight<8>(s16))), hn::Set(d, 1));
}
#endif

// Q8_0 codes are signed, and there is no instruction for two signed bytes. VNNI takes code + 128,
// and the sum starts at -128 times the sum of the activation codes; 16-bit products would
// overflow there, so elsewhere the sign moves to the activations (never -128, so negating is
// exact).
constexpr bool kOffsetCodes = HWY_TARGET == HWY_AVX3_DL;

HWY_INLINE Int add_signed_quads(Int sum, Bytes w, hn::Vec<DI8> x) {
    const DI8 d;
    const auto signed_w = hn::BitCast(d, w);
#if HWY_TARGET == HWY_AVX2
    const auto moved = hn::Vec<DI8>{_mm256_sign_epi8(x.raw, w.raw)};
#else
    const auto moved = hn::IfThenElse(hn::Lt(signed_w, hn::Zero(d)), hn::Neg(x), x);
#endif
    return add_quads(sum, hn::BitCast(D8(), hn::Abs(signed_w)), moved);
}

HWY_INLINE hn::Vec<DI8> broadcast_quad(const std::int8_t* code) {
    std::int32_t four;
    std::memcpy(&four, code, sizeof four);
    return hn::BitCast(DI8(), hn::Set(D32(), four));
}

// --- rows into lanes ---------------------------------------------------------------------------

// Row 0 of the tile at some place along it, and the distance to the next row in bytes.
struct TileAddress {
    const std::byte* at;
    std::ptrdiff_t stride;
    HWY_INLINE TileAddress operator+(std::ptrdiff_t bytes) const { return {at + bytes, stride}; }
};

// 16 bytes of rows i, 4+i, 8+i, ..., a block of 128 bits each.
HWY_INLINE Word load_blocks(TileAddress w, int i) {
    const std::byte* at = w.at + i * w.stride;
    [[maybe_unused]] const std::ptrdiff_t four = 4 * w.stride;
    [[maybe_unused]] const auto load = [&](int row) {
#if SG_AVX512 || HWY_TARGET == HWY_AVX2
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + row * four));
#endif
    };
#if SG_AVX512
    __m512i v = _mm512_castsi128_si512(load(0));
    v = _mm512_inserti32x4(v, load(1), 1);
    v = _mm512_inserti32x4(v, load(2), 2);
    return Word{_mm512_inserti32x4(v, load(3), 3)};
#elif HWY_TARGET == HWY_AVX2
    return Word{_mm256_inserti128_si256(_mm256_castsi128_si256(load(0)), load(1), 1)};
#else
    static_assert(kTileRows == 4, "128-bit vectors");
    return hn::BitCast(DU32(), hn::LoadU(D8(), reinterpret_cast<const std::uint8_t*>(at)));
#endif
}

HWY_INLINE Word interleave_pairs_lower(Word a, Word b) {
    const DU64 d;
    return hn::BitCast(DU32(), hn::InterleaveLower(d, hn::BitCast(d, a), hn::BitCast(d, b)));
}
HWY_INLINE Word interleave_pairs_upper(Word a, Word b) {
    const DU64 d;
    return hn::BitCast(DU32(), hn::InterleaveUpper(d, hn::BitCast(d, a), hn::BitCast(d, b)));
}

struct FourWords {
    Word word[4];
};

// Words 0..3 of rows i, 4+i, ... in a block of 128 bits each: [i] becomes word i of rows 0..3 in
// the first block, of rows 4..7 in the second, ...
HWY_INLINE FourWords exchange(Word a0, Word a1, Word a2, Word a3) {
    const DU32 d;
    const Word low01 = hn::InterleaveLower(d, a0, a1);
    const Word high01 = hn::InterleaveUpper(d, a0, a1);
    const Word low23 = hn::InterleaveLower(d, a2, a3);
    const Word high23 = hn::InterleaveUpper(d, a2, a3);
    return {{interleave_pairs_lower(low01, low23), interleave_pairs_upper(low01, low23),
             interleave_pairs_lower(high01, high23), interleave_pairs_upper(high01, high23)}};
}

// word[j] lane r = word j (of 32 bits) of the 16 bytes at row r.
HWY_INLINE FourWords load_words(TileAddress w) {
    return exchange(load_blocks(w, 0), load_blocks(w, 1), load_blocks(w, 2), load_blocks(w, 3));
}

struct EightWords {
    Word word[8];
};

// word[j] lane r = word j of the 32 bytes at row r.
HWY_INLINE EightWords load_eight_words(TileAddress w) {
#if SG_AVX512
    // Two rows a register, 256 bits of each: half as many loads as by 128, and what they leave
    // unordered one exchange of blocks mends.
    const auto rows = [&](int row) SG_INLINE_LAMBDA {
        const auto load = [&](int r) SG_INLINE_LAMBDA {
            return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.at + r * w.stride));
        };
        return Word{_mm512_inserti64x4(_mm512_castsi256_si512(load(row)), load(row + 4), 1)};
    };
    const FourWords u = exchange(rows(0), rows(1), rows(2), rows(3));
    const FourWords v = exchange(rows(8), rows(9), rows(10), rows(11));
    EightWords result;
    for (int j = 0; j < 4; ++j) {
        result.word[j] = Word{_mm512_shuffle_i64x2(u.word[j].raw, v.word[j].raw, 0x88)};
        result.word[4 + j] = Word{_mm512_shuffle_i64x2(u.word[j].raw, v.word[j].raw, 0xDD)};
    }
    return result;
#else
    const FourWords a = load_words(w);
    const FourWords b = load_words(w + 16);
    return {
        {a.word[0], a.word[1], a.word[2], a.word[3], b.word[0], b.word[1], b.word[2], b.word[3]}};
#endif
}

// Lane r = the first word at row r; nothing else is read.
HWY_INLINE Word load_first_word(TileAddress w) {
#if SG_AVX512 || HWY_TARGET == HWY_AVX2
    const auto word = [&](int row) SG_INLINE_LAMBDA {
        std::int32_t value;
        std::memcpy(&value, w.at + row * w.stride, sizeof value);
        return value;
    };
    const auto four = [&](int row) SG_INLINE_LAMBDA {
        return _mm_insert_epi32(
            _mm_insert_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(word(row)), word(row + 1), 1),
                             word(row + 2), 2),
            word(row + 3), 3);
    };
    const auto eight = [&](int row) SG_INLINE_LAMBDA {
        return _mm256_inserti128_si256(_mm256_castsi128_si256(four(row)), four(row + 4), 1);
    };
#if SG_AVX512
    return Word{_mm512_inserti64x4(_mm512_castsi256_si512(eight(0)), eight(8), 1)};
#else
    return Word{eight(0)};
#endif
#else
    alignas(64) std::uint32_t words[kTileRows];
    for (int row = 0; row < kTileRows; ++row)
        std::memcpy(&words[row], w.at + row * w.stride, sizeof words[row]);
    return hn::Load(DU32(), words);
#endif
}

// The lower half of each word is an f16.
HWY_INLINE FloatVec half_to_float(Word words) {
    const Float d;
    const hn::Rebind<std::uint16_t, Float> d16;
    const hn::Rebind<hwy::float16_t, Float> half;
#if SG_AVX512
    (void)d;
    (void)half;
    return FloatVec{_mm512_cvtph_ps(_mm512_cvtepi32_epi16(words.raw))};
#else
    const auto low = hn::And(words, hn::Set(DU32(), 0xFFFF));
    return hn::PromoteTo(d, hn::BitCast(half, hn::DemoteTo(d16, hn::BitCast(D32(), low))));
#endif
}

HWY_INLINE Bytes and_bytes(Word words, std::uint8_t mask) {
    return hn::And(hn::BitCast(D8(), words), hn::Set(D8(), mask));
}

// --- sinks -------------------------------------------------------------------------------------

// Neighbouring activation vectors at one block of the row (DotInput): vector t is at code + 256*t,
// scale + t, sum + 16*t and, for the block's group g of 32 columns, bias + g*rows + t.
struct Vectors {
    const std::int8_t* code;
    const float* scale;
    const std::int16_t* sum;
    const std::int32_t* bias;
    std::int64_t rows;

    // To the next block within 256 columns.
    template <class Format>
    HWY_INLINE void advance() {
        static_assert(Format::kBlock == 256 || Format::kBlock == 32);
        if constexpr (Format::kBlock == 32) {
            code += 32;
            scale += rows;
            if constexpr (Format::kBiased) bias += rows;
        }
    }
};

// Steps, scales and minimums of up to 256 columns of a tile, for many vectors.
struct alignas(64) Chunk {
    std::uint8_t q[64][4 * kTileRows];
    std::int32_t scale[8][kTileRows];  // per 32 columns
    std::int32_t min[8][kTileRows];    // two of 16 bits, for 32 columns
    float d[8][kTileRows];
    float d_min[kTileRows];
};

struct Store {
    static constexpr bool kFolds = true;  // scales into the codes where they fit
    Chunk& chunk;
    int first = 0;  // group of 32 columns where this block begins
    template <int Slot>
    HWY_INLINE void begin(int) {}
    template <int Slot>
    HWY_INLINE void step(int index, Bytes q) {
        hn::Store(q, D8(), chunk.q[8 * first + index]);
    }
    template <int Slot, int Sum = 0>
    HWY_INLINE void end(int group, Int scale) {
        hn::Store(scale, D32(), chunk.scale[first + group]);
    }
    template <int Slot>
    HWY_INLINE void take() {}
    HWY_INLINE void min(int pair, hn::Vec<D16> minimum) {
        hn::Store(hn::BitCast(D32(), minimum), D32(), chunk.min[first + pair]);
    }
    HWY_INLINE void factor(FloatVec d) { hn::Store(d, Float(), chunk.d[first]); }
    HWY_INLINE void min_factor(FloatVec d) { hn::Store(d, Float(), chunk.d_min); }
};

// Multiplies by T vectors. `Format` decides what a sum starts with and whether codes are signed.
// Weights on their way through (Streams) are followed by a request for later ones.
template <class Format, int T, bool Streams = true>
struct Products {
    static constexpr bool kFolds = T >= 3;
    const Vectors& x;
    const std::byte* ahead;  // what a later tile has at this block
    Int acc[Format::kSlots][T];
    Int isum[Format::kSums][T];
    Int msum[T];
    FloatVec d, d_min;

    HWY_INLINE Products(const Vectors& vectors, const std::byte* later)
        : x(vectors), ahead(later), d(hn::Zero(Float())), d_min(hn::Zero(Float())) {
        for (int t = 0; t < T; ++t) {
            msum[t] = hn::Zero(D32());
            for (auto& sum : isum) sum[t] = hn::Zero(D32());
        }
    }
    template <int Slot>
    HWY_INLINE void begin(int group) {
        if constexpr (Streams) prefetch_share();
        for (int t = 0; t < T; ++t)
            acc[Slot][t] =
                Format::kBiased ? hn::Set(D32(), x.bias[group * x.rows + t]) : hn::Zero(D32());
    }
    template <int Slot>
    HWY_INLINE void step(int index, Bytes q) {
        for (int t = 0; t < T; ++t) {
            const auto four = broadcast_quad(x.code + 256 * t + 4 * index);
            if constexpr (Format::kSigned)
                acc[Slot][t] = add_signed_quads(acc[Slot][t], q, four);
            else
                acc[Slot][t] = add_quads(acc[Slot][t], q, four);
        }
    }
    template <int Slot, int Sum = 0>
    HWY_INLINE void end(int, Int scale) {
        for (int t = 0; t < T; ++t)
            isum[Sum][t] = hn::Add(isum[Sum][t], hn::Mul(acc[Slot][t], scale));
    }
    // As end, where sums fit in 16 bits and scales have nothing above them: one multiply-add.
    template <int Slot, int Sum>
    HWY_INLINE void end_short(Int scale) {
        for (int t = 0; t < T; ++t)
            isum[Sum][t] = add_pairs(isum[Sum][t], hn::BitCast(D16(), acc[Slot][t]),
                                     hn::BitCast(D16(), scale));
    }
    // The finished sum of a slot that has its scales in its codes.
    template <int Slot>
    HWY_INLINE void take() {
        for (int t = 0; t < T; ++t) isum[0][t] = acc[Slot][t];
    }
    HWY_INLINE void min(int pair, hn::Vec<D16> minimum) {
        for (int t = 0; t < T; ++t) {
            std::int32_t two;
            std::memcpy(&two, x.sum + 16 * t + 2 * pair, sizeof two);
            msum[t] = add_pairs(msum[t], minimum, hn::BitCast(D16(), hn::Set(D32(), two)));
        }
    }
    HWY_INLINE void factor(FloatVec factor) { d = factor; }
    HWY_INLINE void min_factor(FloatVec factor) { d_min = factor; }

private:
    // A core waits for about sixteen lines at a time; asking for a whole block's at once would hold
    // up what comes after it, so every group asks for some.
    HWY_INLINE void prefetch_share() {
        constexpr int kLines = (kTileRows * Format::kBytes + 63) / 64;
        constexpr int kShare = (kLines + Format::begins(kFolds) - 1) / Format::begins(kFolds);
        for (int line = 0; line < kShare; ++line) __builtin_prefetch(ahead + 64 * line, 0, 2);
        ahead += 64 * kShare;
    }
};

// --- formats -----------------------------------------------------------------------------------
//
// kBlock columns in kBytes bytes; a block calls begin() as often as begins() says. expand() hands a
// block's parts to a sink in the order factor, minimums, then groups of 32 columns (begin, steps,
// end); replay() does so from a Chunk; add() turns a block's integer sums into floats as
// tensor/block_format does.

struct TileQ8_0 {
    static constexpr int kBlock = 32;
    static constexpr int kBytes = 34;
    static constexpr int kSlots = 1;
    static constexpr int kSums = 1;
    static constexpr bool kBiased = kOffsetCodes;
    static constexpr bool kMinimum = false;
    static constexpr bool kSigned = !kOffsetCodes;
    static constexpr int begins(bool) { return 1; }

    template <class Sink>
    static HWY_INLINE void expand(TileAddress w, Sink& sink) {
        sink.factor(half_to_float(load_first_word(w)));
        sink.template begin<0>(0);
        const EightWords words = load_eight_words(w + 2);
        unroll<8>([&](auto j) SG_INLINE_LAMBDA {
            Bytes q = hn::BitCast(D8(), words.word[j]);
            if constexpr (kOffsetCodes) q = hn::Xor(q, hn::Set(D8(), 0x80));
            sink.template step<0>(j, q);
        });
    }
    template <class Sink>
    static HWY_INLINE void replay(const Chunk& chunk, int first, Sink& sink) {
        sink.factor(hn::Load(Float(), chunk.d[first]));
        sink.template begin<0>(0);
        unroll<8>([&](auto j) SG_INLINE_LAMBDA {
            sink.template step<0>(j, hn::Load(D8(), chunk.q[8 * first + j]));
        });
    }
    template <int T, bool Streams>
    static HWY_INLINE void add(const Products<TileQ8_0, T, Streams>& p, FloatVec* sum) {
        const Float d;
        for (int t = 0; t < T; ++t) {
            const auto scale = hn::Mul(p.d, hn::Set(d, p.x.scale[t]));
            sum[t] = hn::Add(sum[t], hn::Mul(scale, hn::ConvertTo(d, p.acc[0][t])));
        }
    }
    static HWY_INLINE FloatVec finish(FloatVec sum) { return sum; }
};

template <class Format, int T, bool Streams>
HWY_INLINE void add_with_minimum(const Products<Format, T, Streams>& p, FloatVec* sum) {
    const Float d;
    for (int t = 0; t < T; ++t) {
        const auto scale = hn::Set(d, p.x.scale[t]);
        const auto main = hn::Mul(hn::Mul(scale, p.d), hn::ConvertTo(d, p.isum[0][t]));
        const auto minimum = hn::Mul(hn::Mul(scale, p.d_min), hn::ConvertTo(d, p.msum[t]));
        sum[t] = hn::Add(sum[t], hn::Sub(main, minimum));
    }
}

template <class Sink>
HWY_INLINE void replay_minimums(const Chunk& chunk, Sink& sink) {
    sink.factor(hn::Load(Float(), chunk.d[0]));
    sink.min_factor(hn::Load(Float(), chunk.d_min));
    unroll<8>([&](auto pair) SG_INLINE_LAMBDA {
        sink.min(pair, hn::BitCast(D16(), hn::Load(D32(), chunk.min[pair])));
    });
}

// 256 columns in groups of 32 with a scale each.
template <class Sink>
HWY_INLINE void replay_groups(const Chunk& chunk, Sink& sink) {
    for (int group = 0; group < 8; ++group) {
        sink.template begin<0>(group);
        unroll<8>([&](auto j) SG_INLINE_LAMBDA {
            sink.template step<0>(8 * group + j, hn::Load(D8(), chunk.q[8 * group + j]));
        });
        sink.template end<0>(group, hn::Load(D32(), chunk.scale[group]));
    }
}

// Codes of two bits, four to a byte. By one or two vectors (with VNNI) two of the four are met
// where they are: a mask is enough, products of the upper one come out four times too large, and
// are summed apart until the end of the block. From three vectors on (kFolds) a code and its
// four-bit scale, at most 45 together, share a byte, found in a table of {0, s, 2s, 3s} for each
// row: then a block needs one sum.
struct TileQ2K {
    static constexpr int kBlock = 256;
    static constexpr int kBytes = 84;
    static constexpr int kSlots = 1;
    static constexpr int kSums = kOffsetCodes ? 2 : 1;
    static constexpr bool kBiased = false;
    static constexpr bool kMinimum = true;
    static constexpr bool kSigned = false;
    static constexpr int begins(bool folds) { return folds ? 1 : 16; }

    template <class Sink>
    static HWY_INLINE void expand(TileAddress w, Sink& sink) {
        const DU32 du32;
        const Word factors = load_first_word(w + 80);
        sink.factor(half_to_float(factors));
        sink.min_factor(half_to_float(hn::ShiftRight<16>(factors)));
        const FourWords scales = load_words(w);
        unroll<4>([&](auto i) SG_INLINE_LAMBDA {
            const auto min = hn::BitCast(
                D8(), hn::And(hn::ShiftRight<4>(scales.word[i]), hn::Set(du32, 0x0F0F0F0FU)));
            sink.min(2 * i, pair_of<0>(min));
            sink.min(2 * i + 1, pair_of<2>(min));
        });
        Word low[4];
        for (int i = 0; i < 4; ++i) low[i] = hn::And(scales.word[i], hn::Set(du32, 0x0F0F0F0FU));
        if constexpr (Sink::kFolds) sink.template begin<0>(0);
        // Columns 128*half + 32*plane + 4*j: bits 2*plane of word j of these 32 bytes.
        unroll<2>([&](auto half) SG_INLINE_LAMBDA {
            EightWords words = load_eight_words(w + 16 + 32 * half);
            unroll<8>([&](auto at) SG_INLINE_LAMBDA {
                constexpr int plane = at / 2;
                constexpr int part = at % 2;
                constexpr int group = 8 * half + at;
                constexpr int first = 32 * half + 8 * plane + 4 * part;
                constexpr int together = kOffsetCodes && !Sink::kFolds ? 2 : 1;  // planes
                if constexpr (part == 0 && plane > 0 && plane % together == 0)
                    for (Word& word : words.word) word = hn::ShiftRight<2 * together>(word);
                const Int scale = byte_of<group % 4>(low[group / 4]);
                if constexpr (Sink::kFolds) {
                    const auto table = hn::BitCast(
                        D8(), hn::Mul(hn::BitCast(du32, scale), hn::Set(du32, 0x03020100U)));
                    unroll<4>([&](auto j) SG_INLINE_LAMBDA {
                        sink.template step<0>(first + j, scaled(words.word[4 * part + j], table));
                    });
                } else {
                    constexpr int in_place = plane % together;
                    sink.template begin<0>(0);
                    unroll<4>([&](auto j) SG_INLINE_LAMBDA {
                        sink.template step<0>(
                            first + j, and_bytes(words.word[4 * part + j], 3 << 2 * in_place));
                    });
                    // At most 4 * 3 * 128 * 16.
                    sink.template end_short<0, in_place>(scale);
                }
            });
        });
        if constexpr (Sink::kFolds) sink.template take<0>();
    }
    template <class Sink>
    static HWY_INLINE void replay(const Chunk& chunk, int, Sink& sink) {
        replay_minimums(chunk, sink);
        sink.template begin<0>(0);
        for (int group = 0; group < 64; group += 8)
            unroll<8>([&](auto j) SG_INLINE_LAMBDA {
                sink.template step<0>(group + j, hn::Load(D8(), chunk.q[group + j]));
            });
        sink.template take<0>();
    }
    template <int T, bool Streams>
    static HWY_INLINE void add(Products<TileQ2K, T, Streams>& p, FloatVec* sum) {
        if constexpr (kOffsetCodes)
            for (int t = 0; t < T; ++t)
                p.isum[0][t] = hn::Add(p.isum[0][t], hn::ShiftRight<2>(p.isum[1][t]));
        add_with_minimum(p, sum);
    }
    static HWY_INLINE FloatVec finish(FloatVec sum) { return sum; }

private:
    // Bytes First and First+1 of each word as two numbers of 16 bits.
    template <int First>
    static HWY_INLINE hn::Vec<D16> pair_of(Bytes bytes) {
        constexpr std::uint8_t a = First, b = First + 1, z = 0x80;  // 0x80 gives zero
        alignas(16) static constexpr std::uint8_t kTake[16] = {
            a, z, b, z, a + 4, z, b + 4, z, a + 8, z, b + 8, z, a + 12, z, b + 12, z};
        return hn::BitCast(D16(), hn::TableLookupBytesOr0(bytes, hn::LoadDup128(D8(), kTake)));
    }
    // Byte Index of each word.
    template <int Index>
    static HWY_INLINE Int byte_of(Word words) {
        constexpr std::uint8_t a = Index, z = 0x80;
        alignas(16) static constexpr std::uint8_t kTake[16] = {a,     z, z, z, a + 4,  z, z, z,
                                                               a + 8, z, z, z, a + 12, z, z, z};
        return hn::BitCast(
            D32(), hn::TableLookupBytesOr0(hn::BitCast(D8(), words), hn::LoadDup128(D8(), kTake)));
    }
    // A table look-up serves the four rows of 128 bits: row i has entries 4i..4i+3.
    static HWY_INLINE Bytes scaled(Word words, Bytes table) {
        alignas(16) static constexpr std::uint8_t kFirst[16] = {0, 0, 0, 0, 4,  4,  4,  4,
                                                                8, 8, 8, 8, 12, 12, 12, 12};
        const Bytes row = hn::LoadDup128(D8(), kFirst);
        return hn::TableLookupBytes(table,
                                    hn::OrAnd(row, hn::BitCast(D8(), words), hn::Set(D8(), 3)));
    }
};

struct TileQ4K {
    static constexpr int kBlock = 256;
    static constexpr int kBytes = 144;
    static constexpr int kSlots = 2;
    static constexpr int kSums = kOffsetCodes ? 2 : 1;
    static constexpr bool kBiased = false;
    static constexpr bool kMinimum = true;
    static constexpr bool kSigned = false;
    static constexpr int begins(bool) { return 8; }

    template <class Sink>
    static HWY_INLINE void expand(TileAddress w, Sink& sink) {
        const DU32 d;
        const FourWords head = load_words(w);
        sink.factor(half_to_float(head.word[0]));
        sink.min_factor(half_to_float(hn::ShiftRight<16>(head.word[0])));
        // Six bits each: four scales, four minimums, and a nibble each of the other four, whose
        // upper two bits sit above the first ones.
        const auto six = hn::Set(d, 0x3F3F3F3FU);
        const auto four = hn::Set(d, 0x0F0F0F0FU);
        const auto upper = hn::Set(d, 0x30303030U);
        const Word scales[2] = {
            hn::And(head.word[1], six),
            hn::Or(hn::And(head.word[3], four), hn::And(hn::ShiftRight<2>(head.word[1]), upper))};
        const Word mins[2] = {hn::And(head.word[2], six),
                              hn::Or(hn::And(hn::ShiftRight<4>(head.word[3]), four),
                                     hn::And(hn::ShiftRight<2>(head.word[2]), upper))};
        unroll<8>([&](auto g) SG_INLINE_LAMBDA {
            const Word min = byte_of<g % 4>(mins[g / 4]);
            sink.min(g, hn::BitCast(D16(), hn::Or(min, hn::ShiftLeft<16>(min))));
        });
        unroll<4>([&](auto pair) SG_INLINE_LAMBDA {
            sink.template begin<0>(2 * pair);
            sink.template begin<1>(2 * pair + 1);
            const EightWords words = load_eight_words(w + 16 + 32 * pair);
            unroll<8>([&](auto j) SG_INLINE_LAMBDA {
                sink.template step<0>(16 * pair + j, and_bytes(words.word[j], 15));
                sink.template step<1>(16 * pair + 8 + j,
                                      kUpperInPlace<Sink>
                                          ? and_bytes(words.word[j], 0xF0)
                                          : and_bytes(hn::ShiftRight<4>(words.word[j]), 15));
            });
            sink.template end<0>(2 * pair, scale_of<2 * pair>(scales));
            sink.template end<1, kUpperInPlace<Sink> ? 1 : 0>(2 * pair + 1,
                                                              scale_of<2 * pair + 1>(scales));
        });
    }
    template <class Sink>
    static HWY_INLINE void replay(const Chunk& chunk, int, Sink& sink) {
        replay_minimums(chunk, sink);
        replay_groups(chunk, sink);
    }
    template <int T, bool Streams>
    static HWY_INLINE void add(Products<TileQ4K, T, Streams>& p, FloatVec* sum) {
        if constexpr (kSums == 2)
            for (int t = 0; t < T; ++t)
                p.isum[0][t] = hn::Add(p.isum[0][t], hn::ShiftRight<4>(p.isum[1][t]));
        add_with_minimum(p, sum);
    }
    static HWY_INLINE FloatVec finish(FloatVec sum) { return sum; }

private:
    // As in Q2_K: the upper four bits of a byte stay there, 16 times too large, and have a sum of
    // their own.
    template <class Sink>
    static constexpr bool kUpperInPlace = kSums == 2 && !Sink::kFolds;
    template <int Index>
    static HWY_INLINE Word byte_of(Word words) {
        return hn::And(hn::ShiftRight<8 * Index>(words), hn::Set(DU32(), 255));
    }
    template <int Group>
    static HWY_INLINE Int scale_of(const Word* scales) {
        return hn::BitCast(D32(), byte_of<Group % 4>(scales[Group / 4]));
    }
};

#if HWY_TARGET == HWY_AVX3_DL
// The grid's entries have eight magnitudes of three values, 8, 25 and 43: two bits each. The 256
// codes of the first four and of the last four fill four registers each, where byte permutations
// find them by index. Products of bit matrices (GFNI) then make fields of three bits, two to a
// byte: a code and its sign, whose eighth per entry is the parity of the other seven.
//
// A step takes one place p of each of the four entries of 32 columns: columns 8e + p. The
// activation codes are stored in that order (kIq2Transposed).
struct Iq2Tables {
    alignas(64) std::uint8_t low[256];
    alignas(64) std::uint8_t high[256];
    alignas(64) std::uint8_t value[2][64];  // 43 +- magnitude by bits 0..2 and by bits 3..5
    alignas(64) std::uint8_t sign_fields[64];
    std::uint64_t code_matrix[2];  // places 0, 1 (or 4, 5) and 2, 3 (or 6, 7)
    std::uint64_t sign_matrix[4];
};
// `row[i]` says which bits of a byte make bit i of the result.
constexpr std::uint64_t bit_matrix(const std::array<std::uint8_t, 8>& row) {
    std::uint64_t matrix = 0;
    for (int i = 0; i < 8; ++i)
        matrix |= std::uint64_t{row[static_cast<std::size_t>(i)]} << 8 * (7 - i);
    return matrix;
}
constexpr Iq2Tables make_iq2_tables() {
    Iq2Tables t{};
    const auto code = [](std::uint64_t eight, int i) {
        const auto magnitude = static_cast<std::uint8_t>(eight >> (8 * i));
        return magnitude == 8 ? 0 : magnitude == 25 ? 1 : 2;
    };
    for (std::size_t e = 0; e < 256; ++e)
        for (int i = 0; i < 4; ++i) {
            t.low[e] = static_cast<std::uint8_t>(t.low[e] | code(kIq2XxsGrid[e], i) << 2 * i);
            t.high[e] = static_cast<std::uint8_t>(t.high[e] | code(kIq2XxsGrid[e], 4 + i) << 2 * i);
        }
    constexpr int kMagnitude[4] = {8, 25, 43, 0};
    for (int i = 0; i < 64; ++i)
        for (int field = 0; field < 2; ++field) {
            const int bits = i >> 3 * field;
            const int magnitude = kMagnitude[bits & 3];
            t.value[field][i] =
                static_cast<std::uint8_t>((bits & 4) != 0 ? 43 - magnitude : 43 + magnitude);
        }
    for (int byte = 0; byte < 64; ++byte)  // fields of seven bits, of two rows in 64 bits
        t.sign_fields[byte] = static_cast<std::uint8_t>(32 * (byte % 8 / 4) + 7 * (byte % 4));
    const auto bit = [](int i) { return static_cast<std::uint8_t>(1 << i); };
    t.code_matrix[0] = bit_matrix({bit(0), bit(1), 0, bit(2), bit(3), 0, 0, 0});
    t.code_matrix[1] = bit_matrix({bit(4), bit(5), 0, bit(6), bit(7), 0, 0, 0});
    for (int k = 0; k < 4; ++k) {
        const auto odd = static_cast<std::uint8_t>(k == 3 ? 0x7F : bit(2 * k + 1));
        t.sign_matrix[k] = bit_matrix({0, 0, bit(2 * k), 0, 0, odd, 0, 0});
    }
    return t;
}
inline constexpr Iq2Tables kIq2Tables = make_iq2_tables();
constexpr bool kIq2Transposed = true;
#else
constexpr bool kIq2Transposed = false;
#endif

// Magnitudes have signs: a code is 43 + value, and sums start at -43 times the sum of the
// activation codes.
struct TileIq2Xxs {
    static constexpr int kBlock = 256;
    static constexpr int kBytes = 66;
    static constexpr int kSlots = 1;
    static constexpr int kSums = 1;
    static constexpr bool kBiased = true;
    static constexpr bool kMinimum = false;
    static constexpr bool kSigned = false;
    static constexpr int begins(bool) { return 8; }

    template <class Sink>
    static HWY_INLINE void expand(TileAddress w, Sink& sink) {
        sink.factor(half_to_float(load_first_word(w)));
#if HWY_TARGET == HWY_AVX3_DL
        const auto table = [](const std::uint8_t* at)
                               SG_INLINE_LAMBDA { return _mm512_load_si512(at); };
        const auto matrix = [](std::uint64_t m) SG_INLINE_LAMBDA {
            return _mm512_set1_epi64(static_cast<long long>(m));
        };
        const __m512i fields = table(kIq2Tables.sign_fields);
        const __m512i first = table(kIq2Tables.value[0]);
        const __m512i second = table(kIq2Tables.value[1]);
        const auto find = [&](const std::uint8_t* codes, __m512i index,
                              __mmask64 upper) SG_INLINE_LAMBDA {
            return _mm512_mask_blend_epi8(
                upper, _mm512_permutex2var_epi8(table(codes), index, table(codes + 64)),
                _mm512_permutex2var_epi8(table(codes + 128), index, table(codes + 192)));
        };
        unroll<2>([&](auto half) SG_INLINE_LAMBDA {
            const EightWords words = load_eight_words(w + 2 + 32 * half);
            unroll<4>([&](auto quarter) SG_INLINE_LAMBDA {
                constexpr int group = 4 * half + quarter;
                const __m512i index = words.word[2 * quarter].raw;
                const __m512i rest = words.word[2 * quarter + 1].raw;
                const __mmask64 upper = _mm512_movepi8_mask(index);
                const __m512i low = find(kIq2Tables.low, index, upper);
                const __m512i high = find(kIq2Tables.high, index, upper);
                const __m512i signs = _mm512_multishift_epi64_epi8(fields, rest);
                sink.template begin<0>(group);
                unroll<4>([&](auto k) SG_INLINE_LAMBDA {
                    const __m512i codes = _mm512_gf2p8affine_epi64_epi8(
                        k < 2 ? low : high, matrix(kIq2Tables.code_matrix[k % 2]), 0);
                    const __m512i minus =
                        _mm512_gf2p8affine_epi64_epi8(signs, matrix(kIq2Tables.sign_matrix[k]), 0);
                    const __m512i both = _mm512_or_si512(codes, minus);
                    sink.template step<0>(8 * group + 2 * k,
                                          Bytes{_mm512_permutexvar_epi8(both, first)});
                    sink.template step<0>(8 * group + 2 * k + 1,
                                          Bytes{_mm512_permutexvar_epi8(both, second)});
                });
                // Twice the scale in the top four bits, plus one.
                const __m512i twice =
                    _mm512_and_si512(_mm512_srli_epi32(rest, 27), _mm512_set1_epi32(0x1E));
                sink.template end<0>(group, Int{_mm512_or_si512(twice, _mm512_set1_epi32(1))});
            });
        });
#else
        // Row by row through the table of eight bytes; then as any format of bytes.
        alignas(64) std::uint8_t codes[kTileRows][256];
        alignas(64) std::int32_t scale[8][kTileRows];
        for (int row = 0; row < kTileRows; ++row)
            spread_row(w.at + row * w.stride + 2, codes[row], &scale[0][row]);
        const TileAddress spread{reinterpret_cast<const std::byte*>(codes), 256};
        for (int group = 0; group < 8; ++group) {
            sink.template begin<0>(group);
            const EightWords words = load_eight_words(spread + 32 * group);
            for (int j = 0; j < 8; ++j)
                sink.template step<0>(8 * group + j, hn::BitCast(D8(), words.word[j]));
            sink.template end<0>(group, hn::Load(D32(), scale[group]));
        }
#endif
    }
    template <class Sink>
    static HWY_INLINE void replay(const Chunk& chunk, int, Sink& sink) {
        sink.factor(hn::Load(Float(), chunk.d[0]));
        replay_groups(chunk, sink);
    }
    template <int T, bool Streams>
    static HWY_INLINE void add(const Products<TileIq2Xxs, T, Streams>& p, FloatVec* sum) {
        const Float d;
        for (int t = 0; t < T; ++t) {
            const auto scale = hn::Mul(p.d, hn::Set(d, p.x.scale[t]));
            sum[t] = hn::Add(sum[t], hn::Mul(scale, hn::ConvertTo(d, p.isum[0][t])));
        }
    }
    // The scale is (2t+1)/8 of the grid's magnitude; the eighth is taken once, at the end.
    static HWY_INLINE FloatVec finish(FloatVec sum) {
        return hn::Mul(sum, hn::Set(Float(), 0.125F));
    }

private:
#if HWY_TARGET != HWY_AVX3_DL
    // 256 codes of one row's block, and a scale for every 32.
    static HWY_INLINE void spread_row(const std::byte* at, std::uint8_t* code,
                                      std::int32_t* scale) {
        constexpr std::uint64_t kOnes = 0x0101010101010101U;
        for (int group = 0; group < 8; ++group, at += 8, scale += kTileRows) {
            std::uint32_t signs;
            std::memcpy(&signs, at + 4, sizeof signs);
            *scale = static_cast<std::int32_t>(signs >> 27 & 0x1E) | 1;
            for (int e = 0; e < 4; ++e, signs >>= 7, code += 8) {
                // Flipping a byte and adding one negates it; 43 keeps every byte from carrying.
                const std::uint64_t flip = kIq2XxsSignBytes[signs & 127];
                const std::uint64_t eight =
                    (kIq2XxsGrid[std::to_integer<int>(at[e])] ^ flip) + (flip & kOnes);
                const std::uint64_t sum = add_bytes(eight, 43 * kOnes);
                std::memcpy(code, &sum, sizeof sum);
            }
        }
    }
    // Sums of bytes, modulo 256 each.
    static HWY_INLINE std::uint64_t add_bytes(std::uint64_t a, std::uint64_t b) {
        constexpr std::uint64_t kTop = 0x8080808080808080U;
        return ((a & ~kTop) + (b & ~kTop)) ^ ((a ^ b) & kTop);
    }
#endif
};

#endif  // SIMD

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#endif

// SPDX-License-Identifier: MIT
//
// Packed keys are scored as codes. A row's E2M1 codes become bytes, twice the value shifted by
// how far the exponent of the code's group lies above the row's lowest; a query becomes signed
// bytes the same way. A dot product is then one integer below 2^24 times powers of two, which is
// exactly what the scalar form computes, because there every partial sum is a multiple of the same
// unit and fits a float as well. Powers of two move out of the sum over heads unchanged, so the
// scores agree with the scalar form bit for bit.
//
// Exponents too far apart, or so extreme that rounding to f16 or the range of f32 would matter,
// send a row or a query's head to floats, in the scalar form's order. So do plain rows.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/index_select_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/row_decode-inl.h"

// Shared by all targets.
#ifndef STARGLASS_KERNEL_INDEX_SELECT_SHARED
#define STARGLASS_KERNEL_INDEX_SELECT_SHARED
namespace starglass {
namespace {

// Heads that go through the inner loop together.
constexpr std::int64_t kHeads = 4;

// Rows unpacked at a time: 64 of 128 bytes are 8 KiB, which stays in L1 beside the 8 KiB of a
// query's codes while all heads pass over them.
constexpr std::int64_t kTile = 64;

// A query ready to meet keys. Heads are padded to whole blocks with zeros.
struct PreparedQuery {
    const float* query;  // [heads, width] as given
    std::int64_t heads;
    const std::int32_t* code;   // [heads/4, width/4, 4]: four codes each
    const std::int32_t* start;  // [heads] what the keys' offset adds to a sum, negated
    const float* weight;        // [heads] times the unit of the codes; plain for a float head
    const float* plain_weight;  // [heads]
    const std::int32_t* place;  // [heads] of a head among the float heads, or -1
    const std::int32_t* float_heads;
    std::int64_t float_count;
    [[nodiscard]] bool coded() const { return float_count < heads; }
};

// A query and where its scores of keys [first, first+count) go.
struct Scoring {
    PreparedQuery query;
    std::int64_t count;
    float* score;
};

// Queries that share unpacked keys: one seventh of a single query's time is unpacking, and four
// queries' codes are 32 KiB, read from L2 once a tile.
constexpr std::int64_t kQueries = 4;

// Goes through rows one after the other without dividing for each.
class KeyRows {
public:
    KeyRows(const RowPages& rows, std::int64_t first)
        : rows_(rows), page_(first / rows.rows_per_page), left_(0) {
        const std::int64_t offset = first % rows.rows_per_page;
        left_ = rows.rows_per_page - offset;
        at_ = rows.pages[page_] + offset * rows.layout.stride;
    }
    const std::byte* next() {
        if (left_ == 0) {
            at_ = rows_.pages[++page_];
            left_ = rows_.rows_per_page;
        }
        --left_;
        const std::byte* row = at_;
        at_ += rows_.layout.stride;
        return row;
    }

private:
    RowPages rows_;
    const std::byte* at_;
    std::int64_t page_;
    std::int64_t left_;
};

}  // namespace
}  // namespace starglass
#endif

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

using Int = hn::ScalableTag<std::int32_t>;
using IntVec = hn::Vec<Int>;

// --- floats ----------------------------------------------------------------------------------

// dots[h*kTile + r] = query h . key r, added element after element, products rounded: the scalar
// form's order with one head a lane. Keys are [count, padded], `transposed` is [width, heads].
void float_dots(const float* transposed, std::int64_t heads, std::int64_t width, const float* keys,
                std::int64_t count, std::int64_t padded, float* dots) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    alignas(64) float lane[16];
    // Eight sums, because an addition waits four cycles for the one before it and two can start
    // in each.
    constexpr int kRows = 8;
    for (std::int64_t h = 0; h < heads; h += lanes)
        for (std::int64_t r = 0; r < count; r += kRows) {
            const float* key[kRows];
            FloatVec sum[kRows];
            for (int k = 0; k < kRows; ++k) {
                key[k] = keys + std::min(r + k, count - 1) * padded;
                sum[k] = hn::Zero(d);
            }
            for (std::int64_t i = 0; i < width; ++i) {
                const FloatVec query = hn::LoadU(d, transposed + i * heads + h);
                for (int k = 0; k < kRows; ++k)
                    sum[k] = hn::Add(sum[k], hn::Mul(query, hn::Set(d, key[k][i])));
            }
            for (int k = 0; k < kRows && r + k < count; ++k) {
                hn::Store(sum[k], d, lane);
                for (std::int64_t l = 0; l < lanes; ++l) dots[(h + l) * kTile + r + k] = lane[l];
            }
        }
}

// Chosen heads of a query, one a column; `stride` columns, the last ones zero.
void transpose_heads(const float* query, std::int64_t width, const std::int32_t* heads,
                     std::int64_t count, std::int64_t stride, float* out) {
    for (std::int64_t i = 0; i < width; ++i) {
        for (std::int64_t h = 0; h < count; ++h) out[i * stride + h] = query[heads[h] * width + i];
        std::fill(out + i * stride + count, out + (i + 1) * stride, 0.0F);
    }
}

// kTile rows as bytes, four elements of one row beside four of the next: an integer lane is a row.
// Within 32 elements those of the low nibbles come first.
struct KeyTile {
    std::uint8_t* bytes;  // [width/4, kTile, 4]
    float* scale;         // [kTile]
    std::int32_t* odd;    // rows that have to be scored in floats, ascending
    std::int64_t odd_count;
};

// --- codes -----------------------------------------------------------------------------------

#if HWY_TARGET == HWY_SCALAR

// Nothing is coded there, so these are never called.
void unpack_tile(const RowLayout&, KeyRows&, std::int64_t, KeyTile&) {
}
void add_heads(const PreparedQuery&, std::int64_t, const KeyTile&, const float*, const float*,
               float*) {
}

#else

// How far apart the exponents of a row may lie. Without VNNI two products are added in 16 bits:
// keys up to 2*(12 << 2) and queries up to 127 stay below 2*96*127 = 24,384.
#if HWY_TARGET == HWY_AVX3_DL
constexpr int kShifts = 3;
#else
constexpr int kShifts = 2;
#endif
constexpr int kOffset = 12 << kShifts;  // makes the bytes of keys unsigned

// At most 127 a query's code, 12 << 3 a key's and this many products: below 2^24.
constexpr std::int64_t kLargestWidth = 1024;

// Exponents (biased) at which twice-E2M1 times half the scale is a normal or subnormal f16
// without rounding; up to kZeroExponent every value rounds to zero.
constexpr int kLeastExponent = 104;
constexpr int kLargestExponent = 140;
constexpr int kZeroExponent = 99;

struct KeyTables {
    alignas(64) std::uint8_t table[kShifts + 2][16];  // by shift; the last for groups of zeros
};
constexpr KeyTables make_key_tables() {
    constexpr std::array<int, 8> kTwice{0, 1, 2, 3, 4, 6, 8, 12};
    KeyTables tables{};
    for (int shift = 0; shift <= kShifts + 1; ++shift)
        for (int code = 0; code < 16; ++code) {
            const int value = shift > kShifts ? 0 : kTwice[code & 7] << shift;
            tables.table[shift][code] =
                static_cast<std::uint8_t>(code & 8 ? kOffset - value : kOffset + value);
        }
    return tables;
}
constexpr KeyTables kKeyTables = make_key_tables();

// The table of each group, and half the scale of the row.
HWY_INLINE bool choose_tables(const std::byte* exponent, std::int64_t groups,
                              const std::uint8_t** table, float* scale) {
    int least = 255;
    int largest = 0;
    for (std::int64_t g = 0; g < groups; ++g) {
        const int e = std::to_integer<int>(exponent[g]);
        if (e <= kZeroExponent) continue;
        least = std::min(least, e);
        largest = std::max(largest, e);
    }
    if (largest == 0) least = largest = 127;
    const bool plain =
        least >= kLeastExponent && largest <= kLargestExponent && largest - least <= kShifts;
    for (std::int64_t g = 0; g < groups; ++g) {
        const int e = std::to_integer<int>(exponent[g]);
        const int shift = e <= kZeroExponent || !plain ? kShifts + 1 : e - least;
        table[g] = kKeyTables.table[shift];
    }
    *scale = std::bit_cast<float>(static_cast<std::uint32_t>(least - 1) << 23);
    return plain;
}

void unpack_tile_any(const RowLayout& layout, KeyRows& rows, std::int64_t count, KeyTile& tile) {
    const hn::FixedTag<std::uint8_t, 16> d8;
    const hn::FixedTag<std::uint16_t, 8> d16;
    const hn::FixedTag<std::uint32_t, 4> d32;
    const hn::FixedTag<std::uint64_t, 2> d64;
    const auto mask = hn::Set(d8, 15);
    const std::int64_t groups = layout.width / 32;
    const std::uint8_t* table[4][kLargestWidth / 32];
    const std::uint8_t* row[4];
    tile.odd_count = 0;
    for (std::int64_t r = 0; r < count; r += 4) {
        for (int k = 0; k < 4; ++k) {
            if (r + k >= count) {  // any row does where there is none
                row[k] = row[0];
                std::copy_n(table[0], groups, table[k]);
                continue;
            }
            const std::byte* bytes = rows.next();
            row[k] = reinterpret_cast<const std::uint8_t*>(bytes);
            if (!choose_tables(bytes + layout.width / 2, groups, table[k], tile.scale + r + k))
                tile.odd[tile.odd_count++] = static_cast<std::int32_t>(r + k);
        }
        for (std::int64_t g = 0; g < groups; ++g) {
            hn::Vec<decltype(d32)> part[2][4];  // low and high nibbles of four rows
            for (int k = 0; k < 4; ++k) {
                const auto bytes = hn::LoadU(d8, row[k] + 16 * g);
                const auto values = hn::Load(d8, table[k][g]);
                const auto high = hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, bytes)));
                part[0][k] = hn::BitCast(d32, hn::TableLookupBytes(values, hn::And(bytes, mask)));
                part[1][k] = hn::BitCast(d32, hn::TableLookupBytes(values, hn::And(high, mask)));
            }
            for (int half = 0; half < 2; ++half) {
                const auto* p = part[half];
                const auto a = hn::BitCast(d64, hn::InterleaveLower(d32, p[0], p[1]));
                const auto b = hn::BitCast(d64, hn::InterleaveLower(d32, p[2], p[3]));
                const auto c = hn::BitCast(d64, hn::InterleaveUpper(d32, p[0], p[1]));
                const auto e = hn::BitCast(d64, hn::InterleaveUpper(d32, p[2], p[3]));
                std::uint8_t* to = tile.bytes + ((8 * g + 4 * half) * kTile + r) * 4;
                hn::Store(hn::BitCast(d8, hn::InterleaveLower(d64, a, b)), d8, to);
                hn::Store(hn::BitCast(d8, hn::InterleaveUpper(d64, a, b)), d8, to + 4 * kTile);
                hn::Store(hn::BitCast(d8, hn::InterleaveLower(d64, c, e)), d8, to + 8 * kTile);
                hn::Store(hn::BitCast(d8, hn::InterleaveUpper(d64, c, e)), d8, to + 12 * kTile);
            }
        }
    }
}

#if HWY_TARGET == HWY_AVX3_DL

// The same for rows of 128 elements where none needs the care of choose_tables; returns false,
// with nothing promised, where one does. The four groups of a row are the four blocks of one
// register, and the byte permutation of VBMI looks up the tables of all shifts at once.
bool unpack_tile_128(KeyRows& rows, std::int64_t count, KeyTile& tile) {
    static_assert(kShifts == 3, "four tables fill one register");
    const hn::Full512<std::uint8_t> d8;
    const hn::Full512<std::uint16_t> d16;
    const hn::Full512<std::uint32_t> d32;
    const hn::Full512<std::uint64_t> d64;
    alignas(64) const std::byte* row[kTile];
    alignas(64) std::uint32_t exponents[kTile];
    for (std::int64_t r = 0; r < kTile; ++r) {
        row[r] = r < count ? rows.next() : row[0];
        std::memcpy(exponents + r, row[r] + 64, 4);
    }

    // Sixteen rows a vector: sixteen times a shift is where its table begins.
    alignas(64) std::uint32_t places[kTile];
    for (std::int64_t r = 0; r < kTile; r += 16) {
        const auto e = hn::BitCast(d8, hn::Load(d32, exponents + r));
        const auto turn2 = [&](auto v) {
            return hn::BitCast(d8, hn::RotateRight<16>(hn::BitCast(d32, v)));
        };
        const auto turn1 = [&](auto v) {
            return hn::BitCast(d8, hn::RotateRight<8>(hn::BitCast(d32, v)));
        };
        const auto least2 = hn::Min(e, turn2(e));
        const auto largest2 = hn::Max(e, turn2(e));
        const auto least = hn::Min(least2, turn1(least2));
        const auto largest = hn::Max(largest2, turn1(largest2));
        const auto fits = hn::Min(largest, hn::Set(d8, kLargestExponent));
        const auto above = hn::Max(least, hn::Set(d8, kLeastExponent));
        const auto spread = hn::Min(hn::Sub(largest, least), hn::Set(d8, kShifts));
        const auto wrong = hn::Or(hn::Or(hn::Xor(fits, largest), hn::Xor(above, least)),
                                  hn::Xor(spread, hn::Sub(largest, least)));
        if (HWY_UNLIKELY(!hn::AllTrue(d8, hn::Eq(wrong, hn::Zero(d8))))) return false;
        const auto shift = hn::Sub(e, least);  // at most 3, so nothing moves between bytes
        hn::Store(hn::ShiftLeft<4>(hn::BitCast(d32, shift)), d32, places + r);
        const auto lowest = hn::And(hn::BitCast(d32, least), hn::Set(d32, 255));
        hn::Store(hn::BitCast(Float(), hn::ShiftLeft<23>(hn::Sub(lowest, hn::Set(d32, 1)))),
                  Float(), tile.scale + r);
    }

    alignas(64) static constexpr std::uint8_t kBlock[64] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    const auto block = hn::Load(d8, kBlock);
    const auto table = hn::Load(d8, kKeyTables.table[0]);
    const auto mask = hn::Set(d8, 15);
    using Bytes = hn::Vec<decltype(d8)>;
    for (std::int64_t r = 0; r < kTile; r += 4) {
        hn::Vec<decltype(d32)> part[2][4];  // low and high nibbles of four rows
        for (int k = 0; k < 4; ++k) {
            const auto bytes = hn::LoadU(d8, reinterpret_cast<const std::uint8_t*>(row[r + k]));
            const auto place =
                hn::TableLookupBytes(hn::BitCast(d8, hn::Set(d32, places[r + k])), block);
            const auto low = hn::Or(hn::And(bytes, mask), place);
            const auto high = hn::Or(
                hn::And(hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, bytes))), mask), place);
            part[0][k] = hn::BitCast(d32, Bytes{_mm512_permutexvar_epi8(low.raw, table.raw)});
            part[1][k] = hn::BitCast(d32, Bytes{_mm512_permutexvar_epi8(high.raw, table.raw)});
        }
        for (int half = 0; half < 2; ++half) {
            const auto* p = part[half];
            const auto a = hn::BitCast(d64, hn::InterleaveLower(d32, p[0], p[1]));
            const auto b = hn::BitCast(d64, hn::InterleaveLower(d32, p[2], p[3]));
            const auto c = hn::BitCast(d64, hn::InterleaveUpper(d32, p[0], p[1]));
            const auto e = hn::BitCast(d64, hn::InterleaveUpper(d32, p[2], p[3]));
            std::uint8_t* to = tile.bytes + (4 * half * kTile + r) * 4;
            const auto store = [&](auto v, std::uint8_t* at) {
                constexpr std::int64_t kGroup = 8 * kTile * 4;
                const __m512i raw = hn::BitCast(d8, v).raw;
                auto* out = reinterpret_cast<__m128i*>(at);
                _mm_store_si128(out, _mm512_castsi512_si128(raw));
                _mm_store_si128(out + kGroup / 16, _mm512_extracti32x4_epi32(raw, 1));
                _mm_store_si128(out + 2 * kGroup / 16, _mm512_extracti32x4_epi32(raw, 2));
                _mm_store_si128(out + 3 * kGroup / 16, _mm512_extracti32x4_epi32(raw, 3));
            };
            store(hn::InterleaveLower(d64, a, b), to);
            store(hn::InterleaveUpper(d64, a, b), to + 4 * kTile);
            store(hn::InterleaveLower(d64, c, e), to + 8 * kTile);
            store(hn::InterleaveUpper(d64, c, e), to + 12 * kTile);
        }
    }
    tile.odd_count = 0;
    return true;
}

#endif

void unpack_tile(const RowLayout& layout, KeyRows& rows, std::int64_t count, KeyTile& tile) {
#if HWY_TARGET == HWY_AVX3_DL
    if (layout.width == 128) {
        const KeyRows again = rows;
        if (HWY_LIKELY(unpack_tile_128(rows, count, tile))) return;
        rows = again;
    }
#endif
    unpack_tile_any(layout, rows, count, tile);
}

// sum + the four products of each lane.
template <class V8>
HWY_INLINE IntVec add_quads(IntVec sum, V8 unsigned_bytes, V8 signed_bytes) {
#if HWY_TARGET == HWY_AVX3_DL
    // Not the intrinsic: GCC 12 then copies every sum to another register and back.
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(unsigned_bytes.raw), "v"(signed_bytes.raw));
    return sum;
#elif HWY_TARGET == HWY_AVX3
    return hn::Add(
        sum, IntVec{_mm512_madd_epi16(_mm512_maddubs_epi16(unsigned_bytes.raw, signed_bytes.raw),
                                      _mm512_set1_epi16(1))});
#elif HWY_TARGET == HWY_AVX2
    return hn::Add(
        sum, IntVec{_mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_bytes.raw, signed_bytes.raw),
                                      _mm256_set1_epi16(1))});
#else
    const Int d;
    const hn::Repartition<std::int16_t, Int> d16;
    const hn::RebindToUnsigned<decltype(d16)> du16;
    const auto u = hn::BitCast(d16, unsigned_bytes);
    const auto s = hn::BitCast(d16, signed_bytes);
    const auto even =
        hn::Mul(hn::And(u, hn::Set(d16, 255)), hn::ShiftRight<8>(hn::ShiftLeft<8>(s)));
    const auto odd =
        hn::Mul(hn::BitCast(d16, hn::ShiftRight<8>(hn::BitCast(du16, u))), hn::ShiftRight<8>(s));
    const auto pairs = hn::BitCast(d, hn::Add(even, odd));
    return hn::Add(
        sum, hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs)), hn::ShiftRight<16>(pairs)));
#endif
}

// dots of kHeads heads and V vectors of rows. Sixteen sums fill the registers of AVX-512 beside
// four keys and a query and need eight loads for sixteen products; AVX2 gets eight sums.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif
HWY_INLINE void dot_codes(const std::uint8_t* HWY_RESTRICT bytes, std::int64_t quads,
                          const std::int32_t* HWY_RESTRICT code, const std::int32_t* start,
                          IntVec (&dot)[kHeads][kVectors]) {
    const Int d;
    const hn::Repartition<std::uint8_t, Int> d8;
    constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(d8));
    for (int h = 0; h < kHeads; ++h)
        for (int v = 0; v < kVectors; ++v) dot[h][v] = hn::Set(d, start[h]);
    for (std::int64_t j = 0; j < quads; ++j, bytes += 4 * kTile, code += kHeads) {
        hn::Vec<decltype(d8)> key[kVectors];
        for (int v = 0; v < kVectors; ++v) key[v] = hn::Load(d8, bytes + v * kLanes);
        for (int h = 0; h < kHeads; ++h) {
            const auto query = hn::BitCast(d8, hn::Set(d, code[h]));
            for (int v = 0; v < kVectors; ++v) dot[h][v] = add_quads(dot[h][v], key[v], query);
        }
    }
}

// sums[r] += over all heads, ascending, nothing fused. In units of the row's scale, to which
// `inverse` brings the dots of float heads.
void add_heads(const PreparedQuery& query, std::int64_t quads, const KeyTile& tile,
               const float* dots, const float* inverse, float* sums) {
    const Float d;
    const Int di;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t h = 0; h < query.heads; h += kHeads)
        for (std::int64_t r = 0; r < kTile; r += kVectors * lanes) {
            IntVec dot[kHeads][kVectors];
            dot_codes(tile.bytes + 4 * r, quads, query.code + h * quads, query.start + h, dot);
            FloatVec sum[kVectors];
            for (int v = 0; v < kVectors; ++v) sum[v] = hn::Load(d, sums + r + v * lanes);
            for (int k = 0; k < kHeads; ++k) {
                const FloatVec weight = hn::Set(d, query.weight[h + k]);
                const std::int32_t place = query.place[h + k];
                for (int v = 0; v < kVectors; ++v) {
                    FloatVec value = hn::ConvertTo(d, hn::Max(dot[k][v], hn::Zero(di)));
                    if (HWY_UNLIKELY(place >= 0)) {
                        const std::int64_t at = r + v * lanes;
                        value = hn::Max(hn::Mul(hn::Load(d, dots + place * kTile + at),
                                                hn::Load(d, inverse + at)),
                                        hn::Zero(d));
                    }
                    sum[v] = hn::Add(sum[v], hn::Mul(value, weight));
                }
            }
            for (int v = 0; v < kVectors; ++v) hn::Store(sum[v], d, sums + r + v * lanes);
        }
}

// Codes of one head: x = unit * code, |code| <= 127. The unit follows from the largest value: E2M1
// has one mantissa bit, so that becomes 64 or 96 and groups may lie three exponents below.
// Returns false where a value is not such a multiple.
bool code_head(const float* x, std::int64_t width, int exponent, std::int8_t* code) {
    const Float d;
    const Int di;
    const hn::Rebind<std::int8_t, Float> d8;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec factor =
        hn::Set(d, std::bit_cast<float>(static_cast<std::uint32_t>(127 + 6 - exponent) << 23));
    auto same = hn::Zero(d);
    for (std::int64_t i = 0; i < width; i += lanes) {
        const FloatVec scaled = hn::Mul(hn::LoadU(d, x + i), factor);
        const IntVec rounded = hn::NearestInt(scaled);
        same = hn::Or(same, hn::Xor(hn::Add(scaled, hn::Zero(d)), hn::ConvertTo(d, rounded)));
        hn::StoreU(hn::DemoteTo(d8, rounded), d8, code + i);
    }
    return hn::AllTrue(di, hn::Eq(hn::BitCast(di, same), hn::Zero(di)));
}

// Even bytes of eight in the low half, odd ones in the high half.
HWY_INLINE std::uint64_t split_bytes(std::uint64_t bytes) {
    const auto gather = [](std::uint64_t v) {
        v &= 0x00FF00FF00FF00FFU;
        v = (v | v >> 8) & 0x0000FFFF0000FFFFU;
        return (v | v >> 16) & 0xFFFFFFFFU;
    };
    return gather(bytes) | gather(bytes >> 8) << 32;
}

#endif  // HWY_TARGET != HWY_SCALAR

// --- one query and a tile ---------------------------------------------------------------------

class TileScorer {
public:
    TileScorer(const IndexSelect& op, const PreparedQuery& query, Arena& scratch)
        : op_(op),
          query_(query),
          scratch_(scratch),
          width_(op.keys.layout.width),
          padded_(padded_width(width_)),
          sums_(scratch.take<float>(kTile)),
          inverse_(scratch.take<float>(kTile)) {
        // Padding heads of an all-float query are zeros, not columns of it.
        if (query.float_count > 0)
            floats_ =
                take_floats(query.float_heads, std::min<std::int64_t>(query.float_count, op.heads),
                            query.float_count);
    }

    // Keys [first, first+count), unpacked in `tile` if the query is coded.
    void score(std::int64_t first, std::int64_t count, const KeyTile& tile, float* out) {
        const Float d;
        const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
        std::fill_n(sums_, kTile, 0.0F);
        if (query_.float_count > 0) {
            for (std::int64_t r = 0; r < count; ++r)
                decode_row_vec(op_.keys.layout, op_.keys.row(first + r), keys_ + r * padded_);
            dot(floats_, count);
        }
        if (!query_.coded()) {
            for (std::int64_t r = 0; r < kTile; r += lanes) {
                FloatVec sum = hn::Zero(d);
                for (std::int64_t h = 0; h < query_.heads; ++h) {
                    const FloatVec value = hn::Load(d, floats_.dots + h * kTile + r);
                    sum = hn::Add(
                        sum, hn::Mul(hn::Max(value, hn::Zero(d)), hn::Set(d, query_.weight[h])));
                }
                hn::Store(sum, d, sums_ + r);
            }
            std::copy_n(sums_, count, out);
            return;
        }
        if (query_.float_count > 0)
            for (std::int64_t r = 0; r < kTile; ++r) inverse_[r] = 1.0F / tile.scale[r];
        add_heads(query_, width_ / 4, tile, floats_.dots, inverse_, sums_);
        for (std::int64_t r = 0; r < kTile; r += lanes)
            hn::Store(hn::Mul(hn::Load(d, sums_ + r), hn::Load(d, tile.scale + r)), d, sums_ + r);
        std::copy_n(sums_, count, out);
        if (HWY_UNLIKELY(tile.odd_count > 0)) score_odd(first, count, tile, out);
    }

private:
    // Some heads as columns, and room for their dots.
    struct FloatHeads {
        float* columns = nullptr;
        float* dots = nullptr;  // [stride, kTile]
        std::int64_t stride = 0;
    };

    FloatHeads take_floats(const std::int32_t* heads, std::int64_t count, std::int64_t room) {
        if (keys_ == nullptr) keys_ = scratch_.take<float>(kTile * padded_);
        const std::int64_t stride = padded_width(room);
        const FloatHeads result{scratch_.take<float>(width_ * stride),
                                scratch_.take<float>(stride * kTile), stride};
        transpose_heads(query_.query, width_, heads, count, stride, result.columns);
        std::fill_n(result.dots, stride * kTile, 0.0F);
        return result;
    }

    void dot(const FloatHeads& heads, std::int64_t count) {
        float_dots(heads.columns, heads.stride, width_, keys_, count, padded_, heads.dots);
    }

    void score_odd(std::int64_t first, std::int64_t count, const KeyTile& tile, float* out) {
        if (all_.columns == nullptr) {
            auto* heads = scratch_.take<std::int32_t>(op_.heads);
            std::iota(heads, heads + op_.heads, 0);
            all_ = take_floats(heads, op_.heads, op_.heads);
        }
        std::int64_t odd = 0;
        for (; odd < tile.odd_count && tile.odd[odd] < count; ++odd)
            decode_row_vec(op_.keys.layout, op_.keys.row(first + tile.odd[odd]),
                           keys_ + odd * padded_);
        dot(all_, odd);
        for (std::int64_t k = 0; k < odd; ++k) {
            float sum = 0.0F;
            for (std::int64_t h = 0; h < op_.heads; ++h)
                sum += std::max(0.0F, all_.dots[h * kTile + k]) * query_.plain_weight[h];
            out[tile.odd[k]] = sum;
        }
    }

    const IndexSelect& op_;
    const PreparedQuery& query_;
    Arena& scratch_;
    std::int64_t width_;
    std::int64_t padded_;
    float* sums_;
    float* inverse_;
    float* keys_ = nullptr;  // decoded, only where there is something to do in floats
    FloatHeads floats_;      // heads without codes
    FloatHeads all_;
};

// --- selection -------------------------------------------------------------------------------

// Integers in the order of scores. A NaN counts as minus infinity; the two zeros are equal.
HWY_INLINE IntVec ordered(FloatVec score) {
    const Float d;
    const Int di;
    score = hn::IfThenElse(hn::IsNaN(score), hn::Set(d, -std::numeric_limits<float>::infinity()),
                           score);
    const IntVec bits = hn::BitCast(di, hn::Add(score, hn::Zero(d)));
    const IntVec magnitude = hn::Set(di, std::numeric_limits<std::int32_t>::max());
    return hn::Xor(bits, hn::And(hn::ShiftRight<31>(bits), magnitude));
}

// Below every score.
constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();

// How many are `least` or more; least > kLowest.
std::int64_t count_from(const std::int32_t* values, std::int64_t vectors, std::int32_t least) {
    const Int d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const IntVec below = hn::Set(d, least - 1);
    IntVec count = hn::Zero(d);
    for (std::int64_t i = 0; i < vectors * lanes; i += lanes)
        count = hn::Sub(count, hn::VecFromMask(d, hn::Gt(hn::Load(d, values + i), below)));
    return hn::GetLane(hn::SumOfLanes(d, count));
}

// The k-th largest value, bit by bit from the top: 32 passes without a branch that depends on the
// values, which for the few thousand here is quicker than any partition. `values` is filled up
// with kLowest to whole vectors.
std::int32_t kth_largest(std::int32_t* values, std::int64_t count, std::int64_t k) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(Int()));
    const std::int64_t vectors = (count + lanes - 1) / lanes;
    std::fill(values + count, values + vectors * lanes, kLowest);
    std::uint32_t found = 0;  // order of unsigned numbers: the top bit flipped
    for (int bit = 31; bit >= 0; --bit) {
        const std::uint32_t next = found | 1U << bit;
        if (count_from(values, vectors, static_cast<std::int32_t>(next ^ 0x80000000U)) >= k)
            found = next;
    }
    return static_cast<std::int32_t>(found ^ 0x80000000U);
}

}  // namespace

// --- entry points ----------------------------------------------------------------------------

void prepare_query_target(const IndexSelect& op, std::int64_t row, PreparedQuery& out,
                          Arena& arena) {
    const std::int64_t width = op.keys.layout.width;
    const std::int64_t heads = (op.heads + kHeads - 1) / kHeads * kHeads;
    const float* query = op.query + row * op.heads * width;
    auto* code = arena.take<std::int32_t>(heads * width / 4);
    auto* start = arena.take<std::int32_t>(heads);
    auto* weight = arena.take<float>(heads);
    auto* plain_weight = arena.take<float>(heads);
    auto* place = arena.take<std::int32_t>(heads);
    auto* float_heads = arena.take<std::int32_t>(heads);
    std::fill_n(code, heads * width / 4, 0);
    std::fill_n(start, heads, 0);
    std::fill_n(place, heads, -1);
    std::int64_t float_count = 0;
    for (std::int64_t h = 0; h < heads; ++h)
        plain_weight[h] = h < op.heads ? op.weights[row * op.heads + h] * op.weight_scale : 0.0F;
    std::copy_n(plain_weight, heads, weight);
    out = {query, heads, code, start, weight, plain_weight, place, float_heads, 0};

    bool in_range = false;
#if HWY_TARGET != HWY_SCALAR
    const Int d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const IntVec magnitude = hn::Set(d, std::numeric_limits<std::int32_t>::max());
    auto* bytes = arena.take<std::int8_t>(width);
    in_range = op.keys.layout.kind == RowKind::index && width <= kLargestWidth;
    for (std::int64_t h = 0; in_range && h < op.heads; ++h) {
        const float* x = query + h * width;
        IntVec largest = hn::Zero(d);
        for (std::int64_t i = 0; i < width; i += lanes)
            largest =
                hn::Max(largest, hn::And(hn::BitCast(d, hn::LoadU(Float(), x + i)), magnitude));
        const std::int32_t bits = hn::GetLane(hn::MaxOfLanes(d, largest));
        if (bits == 0) continue;
        // Powers of two leave the sums only where nothing can overflow or become subnormal.
        const int exponent = (bits >> 23) - 127;
        const float scaled =
            plain_weight[h] *
            std::bit_cast<float>(
                static_cast<std::uint32_t>(std::clamp(exponent - 6, -126, 127) + 127) << 23);
        const float size = std::fabs(scaled);
        in_range = exponent >= -60 && exponent <= 60 &&
                   (plain_weight[h] == 0.0F || (size >= 0x1p-80F && size <= 0x1p80F));
        if (!in_range) break;
        if (!code_head(x, width, exponent, bytes)) {
            place[h] = static_cast<std::int32_t>(float_count);
            float_heads[float_count++] = static_cast<std::int32_t>(h);
            continue;
        }
        weight[h] = scaled;
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i < width; ++i) sum += bytes[i];
        start[h] = -kOffset * sum;
        std::int32_t* to = code + h / kHeads * kHeads * (width / 4) + h % kHeads;
        for (std::int64_t g = 0; g < width / 32; ++g)
            for (std::int64_t t = 0; t < 4; ++t) {
                std::uint64_t eight;
                std::memcpy(&eight, bytes + 32 * g + 8 * t, sizeof eight);
                eight = split_bytes(eight);
                to[(8 * g + t) * kHeads] = static_cast<std::int32_t>(eight & 0xFFFFFFFFU);
                to[(8 * g + 4 + t) * kHeads] = static_cast<std::int32_t>(eight >> 32);
            }
    }
#endif
    if (!in_range || float_count == op.heads) {
        std::copy_n(plain_weight, heads, weight);
        std::iota(place, place + heads, 0);
        std::iota(float_heads, float_heads + heads, 0);
        float_count = heads;
    }
    out.float_count = float_count;
}

// Scores of keys [first, first+count) of up to kQueries queries.
void score_keys_target(const IndexSelect& op, const Scoring* scoring, std::int64_t queries,
                       std::int64_t first, Arena& scratch) {
    const std::int64_t width = op.keys.layout.width;
    std::int64_t longest = 0;
    bool coded = false;
    std::optional<TileScorer> scorer[kQueries];
    for (std::int64_t q = 0; q < queries; ++q) {
        scorer[q].emplace(op, scoring[q].query, scratch);
        longest = std::max(longest, scoring[q].count);
        coded = coded || scoring[q].query.coded();
    }
    KeyTile tile{};
    if (coded) {
        tile.bytes = scratch.take<std::uint8_t>(width * kTile);
        tile.scale = scratch.take<float>(kTile);
        tile.odd = scratch.take<std::int32_t>(kTile);
        std::fill_n(tile.bytes, width * kTile, std::uint8_t{0});
        std::fill_n(tile.scale, kTile, 1.0F);
    }
    KeyRows rows(op.keys, first);
    for (std::int64_t at = 0; at < longest; at += kTile) {
        const std::int64_t part = std::min(kTile, longest - at);
        if (coded) unpack_tile(op.keys.layout, rows, part, tile);
        for (std::int64_t q = 0; q < queries; ++q) {
            const std::int64_t wanted = std::min(part, scoring[q].count - at);
            if (wanted > 0) scorer[q]->score(first + at, wanted, tile, scoring[q].score + at);
        }
    }
}

// The top_k rows of `visible` > top_k: higher score first, then lower row.
void select_top_target(const IndexSelect& op, const float* score, std::int64_t visible,
                       std::int32_t* selected, Arena& scratch) {
    const Float d;
    const Int di;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t k = op.top_k;
    const auto at = [&](std::int64_t i) {  // kLowest behind the end
        if (i + lanes <= visible) return ordered(hn::LoadU(d, score + i));
        alignas(64) float rest[16];
        std::fill_n(rest, lanes, -std::numeric_limits<float>::infinity());
        std::copy_n(score + i, visible - i, rest);
        return hn::IfThenElse(hn::Lt(hn::Iota(di, 0), hn::Set(di, static_cast<int>(visible - i))),
                              ordered(hn::Load(d, rest)), hn::Set(di, kLowest));
    };

    // The largest score of every n/m-th row: at least k scores reach the k-th largest of these m
    // maxima, and with m = 4k not many more do (0.75 of the sets stay below it).
    std::int32_t least = kLowest;
    const std::int64_t sets = (4 * k + 15) / 16 * 16;
    if (visible >= 2 * sets) {
        auto* largest = scratch.take<std::int32_t>(sets);
        std::fill_n(largest, sets, kLowest);
        for (std::int64_t i = 0; i < visible; i += sets)
            for (std::int64_t s = 0; s < sets && i + s < visible; s += lanes)
                hn::Store(hn::Max(hn::Load(di, largest + s), at(i + s)), di, largest + s);
        least = kth_largest(largest, sets, k);
    }
    auto* key = scratch.take<std::int32_t>(visible + 2 * lanes);
    auto* row = scratch.take<std::int32_t>(visible + 2 * lanes);
    const IntVec below = hn::Set(di, std::max(least, kLowest + 1) - 1);
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < visible; i += lanes) {
        const IntVec v = at(i);
        const auto mask = hn::Gt(v, below);
        if (HWY_LIKELY(hn::AllFalse(di, mask))) continue;
        // Not CompressStore: into memory that is a slow instruction on Zen 4.
        hn::StoreU(hn::Compress(v, mask), di, key + count);
        hn::StoreU(hn::Compress(hn::Iota(di, static_cast<std::int32_t>(i)), mask), di, row + count);
        count += static_cast<std::int64_t>(hn::CountTrue(di, mask));
    }

    const std::int32_t threshold = kth_largest(key, count, k);
    std::int64_t better = 0;
    for (std::int64_t i = 0; i < count; ++i) better += key[i] > threshold ? 1 : 0;
    std::int64_t ties = k - better;
    std::int64_t taken = 0;
    for (std::int64_t i = 0; taken < k; ++i) {
        const bool tie = key[i] == threshold && ties > 0;
        selected[taken] = row[i];
        ties -= tie ? 1 : 0;
        taken += tie || key[i] > threshold ? 1 : 0;
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(prepare_query_target);
HWY_EXPORT(score_keys_target);
HWY_EXPORT(select_top_target);

namespace {

void select_top(const IndexSelect& op, std::int64_t row, const float* score, std::int64_t visible,
                Arena& scratch) {
    HWY_DYNAMIC_DISPATCH(select_top_target)
    (op, score, visible, op.selected + row * op.top_k, scratch);
    op.counts[row] = op.top_k;
    if (op.scores != nullptr) std::copy_n(score, visible, op.scores + row * op.score_stride);
}

}  // namespace

void index_select_cpu(CpuContext& context, const IndexSelect& op) {
    Arena& arena = context.start_op();
    const auto visible_at = [&](std::int64_t row) {
        return (op.first_position + row + 1) / op.ratio;
    };
    const auto keep_all = [&](std::int64_t row) {
        std::int32_t* selected = op.selected + row * op.top_k;
        op.counts[row] = static_cast<std::int32_t>(visible_at(row));
        std::iota(selected, selected + op.counts[row], 0);
    };
    if (op.rows >= context.threads()) {
        const std::int64_t work =
            op.rows * visible_at(op.rows - 1) * op.heads * op.keys.layout.width;
        const std::int64_t block =
            std::clamp<std::int64_t>(op.rows / (4 * context.threads()), 1, kQueries);
        context.share((op.rows + block - 1) / block, work, [&](std::int64_t index, int worker) {
            const std::int64_t last = std::min<std::int64_t>(op.rows, (index + 1) * block);
            Arena& scratch = context.start_item(worker);
            Scoring scoring[kQueries];
            std::int64_t rows[kQueries];
            std::int64_t queries = 0;
            for (std::int64_t row = index * block; row < last; ++row) {
                const std::int64_t visible = visible_at(row);
                if (visible <= op.top_k) {
                    keep_all(row);
                    continue;
                }
                Scoring& next = scoring[queries];
                HWY_DYNAMIC_DISPATCH(prepare_query_target)(op, row, next.query, scratch);
                next.count = visible;
                next.score = scratch.take<float>(visible);
                rows[queries++] = row;
            }
            if (queries == 0) return;
            HWY_DYNAMIC_DISPATCH(score_keys_target)(op, scoring, queries, 0, scratch);
            for (std::int64_t q = 0; q < queries; ++q)
                select_top(op, rows[q], scoring[q].score, scoring[q].count, scratch);
        });
        return;
    }
    // Fewer queries than threads: the keys are spread instead.
    constexpr std::int64_t kPiece = 512;
    auto* score = arena.take<float>(visible_at(op.rows - 1));
    for (std::int64_t row = 0; row < op.rows; ++row) {
        const std::int64_t visible = visible_at(row);
        if (visible <= op.top_k) {
            keep_all(row);
            continue;
        }
        PreparedQuery query;
        HWY_DYNAMIC_DISPATCH(prepare_query_target)(op, row, query, arena);
        const std::int64_t work = visible * op.heads * op.keys.layout.width;
        context.share((visible + kPiece - 1) / kPiece, work, [&](std::int64_t index, int worker) {
            const std::int64_t first = index * kPiece;
            const Scoring scoring{query, std::min(kPiece, visible - first), score + first};
            HWY_DYNAMIC_DISPATCH(score_keys_target)
            (op, &scoring, 1, first, context.start_item(worker));
        });
        select_top(op, row, score, visible, context.start_item(0));
    }
}

}  // namespace starglass
#endif  // HWY_ONCE

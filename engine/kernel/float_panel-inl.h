// SPDX-License-Identifier: MIT
//
// Products of floats for many vectors at once, once per instruction set. Included after
// hwy/foreach_target.h.
//
// dot_float (simd_float-inl.h) forms a sum in 4 vectors of lanes along the row: 4 * lanes chains of
// additions, joined by halving. Here a register holds one such chain of as many rows as it has
// lanes, so that nothing is exchanged between lanes, a value of x serves two registers of rows and
// a register of rows serves twelve vectors: 14 loads for 24 multiply-adds. The chains come one
// after another and are joined in dot_float's order, so the bits are the same.
//
// For that, weights and vectors are copied into panels in the order in which they are met: chain
// after chain, chains in the order in which halving joins them.
#include <algorithm>
#include <cstdint>

#include "kernel/weight_dot.h"

#if defined(STARGLASS_KERNEL_FLOAT_PANEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STARGLASS_KERNEL_FLOAT_PANEL_INL
#undef STARGLASS_KERNEL_FLOAT_PANEL_INL
#else
#define STARGLASS_KERNEL_FLOAT_PANEL_INL
#endif

#include "kernel/weight_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

// Two registers of rows by twelve vectors of sums leave room for operands among the 32 of AVX-512
// and NEON; AVX2 has 16 and takes the vectors of a tile in two halves.
constexpr int kPanelRegisters = 2;
constexpr std::int64_t kPanelRows = kPanelRegisters * kTileRows;
constexpr std::int64_t kPanelRowsLeast = kTileRows;
constexpr int kPanelHalves = HWY_TARGET == HWY_AVX2 ? 2 : 1;
constexpr int kChainLanes = hn::MaxLanes(Float());

constexpr int log2_of(int value) {
    return value == 1 ? 0 : 1 + log2_of(value / 2);
}
constexpr int reversed_bits(int value, int bits) {
    int result = 0;
    for (int i = 0; i < bits; ++i) result |= (value >> i & 1) << (bits - 1 - i);
    return result;
}
struct ChainPlaces {
    int of_lane[kChainLanes];  // lane l comes as number of_lane[l]
};
inline constexpr ChainPlaces kChainPlaces = [] {
    ChainPlaces places{};
    for (int lane = 0; lane < kChainLanes; ++lane)
        places.of_lane[lane] = reversed_bits(lane, log2_of(kChainLanes));
    return places;
}();

// Where each column of a row of `in` values lies in a panel. One place is left empty behind the
// chains of a lane: neighbouring columns would otherwise lie powers of two apart, and push each
// other out of L1.
struct ChainOrder {
    std::int64_t whole;   // columns in groups of 4 * lanes
    std::int64_t end;     // ... of lanes: the rest goes to the first of the four chains
    std::int64_t length;  // of a chain
    std::int64_t more;    // what the first chain of a lane has beyond that

    HWY_INLINE explicit ChainOrder(std::int64_t in)
        : whole(in / (4 * kChainLanes) * (4 * kChainLanes)),
          end(in / kChainLanes * kChainLanes),
          length(whole / (4 * kChainLanes)),
          more((end - whole) / kChainLanes) {}

    // From the first place of one lane to that of the next to come.
    [[nodiscard]] HWY_INLINE std::int64_t step() const { return 4 * length + more + 1; }

    [[nodiscard]] HWY_INLINE std::int64_t place(std::int64_t column) const {
        if (column >= end) return column + kChainLanes;
        const auto lane = static_cast<int>(column % kChainLanes);
        const std::int64_t of_lane = kChainPlaces.of_lane[lane] * step();
        if (column >= whole) return of_lane + length + (column - whole) / kChainLanes;
        const std::int64_t chain = column / kChainLanes % 4;
        return of_lane + chain * length + (chain > 0 ? more : 0) + column / (4 * kChainLanes);
    }
};

// `count` vectors from `first` on become one tile: panel[place, count].
HWY_INLINE void pack_vectors(const DotInput& in, std::int64_t first, std::int64_t count,
                             float* panel) {
    const ChainOrder order(in.in);
    const float* x[kPanelVectors];
    for (std::int64_t t = 0; t < count; ++t) x[t] = in.vector(first + t);
    for (std::int64_t column = 0; column < in.in; ++column) {
        float* to = panel + order.place(column) * count;
        for (std::int64_t t = 0; t < count; ++t) to[t] = x[t][column];
    }
}

// put(i, place) for N columns from a multiple of N on: those of one group of lanes lie at fixed
// distances from its first.
template <int N, class Put>
HWY_INLINE void for_places(const ChainOrder& order, std::int64_t column, Put&& put) {
    constexpr int kTogether = std::min(N, kChainLanes);
    unroll<N / kTogether>([&](auto group) SG_INLINE_LAMBDA {
        const std::int64_t first = order.place(column + group * kTogether);
        unroll<kTogether>([&](auto i) SG_INLINE_LAMBDA {
            put(std::integral_constant<int, group * kTogether + i>(),
                first + kChainPlaces.of_lane[i] * order.step());
        });
    });
}

// Word j of 32 bytes at each row holds one column as f32, two as f16.
HWY_INLINE void put_columns(const ChainOrder& order, const EightWords& words, std::int64_t column,
                            std::int64_t width, const float*, float* panel) {
    for_places<8>(order, column, [&](auto i, std::int64_t place) SG_INLINE_LAMBDA {
        hn::StoreU(hn::BitCast(Float(), words.word[i]), Float(), panel + place * width);
    });
}
HWY_INLINE void put_columns(const ChainOrder& order, const EightWords& words, std::int64_t column,
                            std::int64_t width, const std::uint16_t*, float* panel) {
    for_places<16>(order, column, [&](auto i, std::int64_t place) SG_INLINE_LAMBDA {
        Word word = words.word[i / 2];
        if constexpr (i % 2 != 0) word = hn::ShiftRight<16>(word);
        hn::StoreU(half_to_float(word), Float(), panel + place * width);
    });
}

// kTileRows rows, `stride` values apart, into lanes of a panel whose places are `width` values.
template <class W>
HWY_INLINE void pack_rows(const W* w, std::int64_t stride, std::int64_t in, std::int64_t width,
                          float* panel) {
    const ChainOrder order(in);
    constexpr std::int64_t kColumns = 32 / sizeof(W);
    const auto bytes = static_cast<std::ptrdiff_t>(stride * sizeof(W));
    std::int64_t column = 0;
    for (; column + kColumns <= order.end; column += kColumns)
        put_columns(order,
                    load_eight_words({reinterpret_cast<const std::byte*>(w + column), bytes}),
                    column, width, w, panel);
    for (; column < in; ++column)
        for (std::int64_t row = 0; row < kTileRows; ++row)
            panel[order.place(column) * width + row] = weight_value(w[row * stride + column]);
}

// R registers of rows and T vectors of one tile of `tile` vectors. out[t * out_stride + row].
template <int R, int T>
HWY_NOINLINE void multiply_panel(const ChainOrder& order, std::int64_t in, const float* w,
                                 const float* x, std::int64_t tile, float* out,
                                 std::int64_t out_stride) {
    const Float d;
    constexpr int kWidth = R * kTileRows;
    struct Sums {
        FloatVec v[R][T];
        HWY_INLINE void add(const Sums& other) {
            for (int r = 0; r < R; ++r)
                for (int t = 0; t < T; ++t) v[r][t] = hn::Add(v[r][t], other.v[r][t]);
        }
    };
    const auto chain = [&](std::int64_t length, Sums& to) SG_INLINE_LAMBDA {
        FloatVec sum[R][T];
        for (int r = 0; r < R; ++r)
            for (int t = 0; t < T; ++t) sum[r][t] = hn::Zero(d);
        for (std::int64_t i = 0; i < length; ++i, w += kWidth, x += tile) {
            FloatVec rows[R];
            for (int r = 0; r < R; ++r) rows[r] = hn::LoadU(d, w + r * kTileRows);
            for (int t = 0; t < T; ++t) {
                const FloatVec value = hn::Set(d, x[t]);
                for (int r = 0; r < R; ++r) sum[r][t] = hn::MulAdd(rows[r], value, sum[r][t]);
            }
        }
        for (int r = 0; r < R; ++r)
            for (int t = 0; t < T; ++t) to.v[r][t] = sum[r][t];
    };
    // waiting[h]: what 2^h lanes came to, and waits for as many again.
    Sums waiting[log2_of(kChainLanes) + 1];
    Sums first, second;
    for (int lane = 0; lane < kChainLanes; ++lane) {
        chain(order.length + order.more, first);
        chain(order.length, second);
        first.add(second);
        Sums& half = second;
        chain(order.length, half);
        Sums last;
        chain(order.length, last);
        half.add(last);
        first.add(half);
        w += kWidth;
        x += tile;
        int h = 0;
        for (; (lane >> h & 1) != 0; ++h) first.add(waiting[h]);
        waiting[h] = first;
    }
    Sums& total = first;
    for (std::int64_t column = order.end; column < in; ++column, w += kWidth, x += tile)
        for (int r = 0; r < R; ++r)
            for (int t = 0; t < T; ++t)
                total.v[r][t] = hn::Add(total.v[r][t],
                                        hn::Mul(hn::LoadU(d, w + r * kTileRows), hn::Set(d, x[t])));
    for (int r = 0; r < R; ++r)
        for (int t = 0; t < T; ++t)
            hn::StoreU(total.v[r][t], d, out + t * out_stride + r * kTileRows);
}

// All of the input's vectors of one run with R registers of rows in `panel`.
template <int R>
HWY_INLINE void multiply_tiles(const DotInput& in, std::int64_t first, std::int64_t count,
                               const float* panel, float* out, std::int64_t out_stride) {
    const ChainOrder order(in.in);
    for_each_panel_tile(count, [&](std::int64_t at, std::int64_t tile) {
        const float* x = in.panels + (first + at) * panel_places(in.in);
        std::int64_t begin = 0;
        for (int half = 0; half < kPanelHalves; ++half) {
            const std::int64_t size = (tile - begin) / (kPanelHalves - half);
            unroll<kPanelVectors / kPanelHalves>([&](auto index) SG_INLINE_LAMBDA {
                constexpr int T = index + 1;
                if constexpr (T >= kPanelVectorsLeast / kPanelHalves)
                    if (size == T)
                        multiply_panel<R, T>(order, in.in, panel, x + begin, tile,
                                             out + (at + begin) * out_stride, out_stride);
            });
            begin += size;
        }
    });
}

// Rows o .. o+rows-1 of the job, `stride` values apart at `w`; at least kTileRows of them.
template <class W>
HWY_INLINE void multiply_panels(const DotRows& job, const W* w, std::int64_t stride, std::int64_t o,
                                std::int64_t rows, float* panel) {
    const std::int64_t in = job.input->in;
    std::int64_t at = 0;
    for (; at + kPanelRows <= rows; at += kPanelRows) {
        for (std::int64_t r = 0; r < kPanelRows; r += kTileRows)
            pack_rows(w + (at + r) * stride, stride, in, kPanelRows, panel + r);
        multiply_tiles<kPanelRegisters>(*job.input, job.first, job.count, panel, job.out + o + at,
                                        job.out_stride);
    }
    for (; at < rows; at += kTileRows) {
        // The last register reaches back over rows that were done already.
        const std::int64_t row = std::min<std::int64_t>(at, rows - kTileRows);
        pack_rows(w + row * stride, stride, in, kTileRows, panel);
        multiply_tiles<1>(*job.input, job.first, job.count, panel, job.out + o + row,
                          job.out_stride);
    }
}

#else  // no panels

constexpr std::int64_t kPanelRows = 8;
constexpr std::int64_t kPanelRowsLeast = 1;
template <class W>
HWY_INLINE void multiply_panels(const DotRows&, const W*, std::int64_t, std::int64_t, std::int64_t,
                                float*) {
}
HWY_INLINE void pack_vectors(const DotInput&, std::int64_t, std::int64_t, float*) {
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#endif

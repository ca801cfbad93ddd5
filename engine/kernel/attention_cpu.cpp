// SPDX-License-Identifier: MIT
//
// Three steps a query: scores of all rows, weights, weighted sum of the rows. Scores do not depend
// on each other, and a column of the output is added row after row, so nothing depends on how the
// steps are cut. That allows a few queries to be cut so that each packed row is decoded once a
// step, whatever the number of threads: scores by rows for all heads, weights by heads, sums by
// columns for all heads.
//
// Decoding costs about 80 cycles a row and step, the products of 64 heads 2,048: rows are decoded
// again rather than kept (640 rows of floats would be 1.3 MB, more than L2), and neighbouring
// queries do not share them, which would save 4 % at best while their vectors (128 KiB a query)
// and scores pushed each other out of L2.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/attention_cpu.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>

#include "kernel/row_decode-inl.h"

// Shared by all targets.
#ifndef STARGLASS_KERNEL_ATTENTION_SHARED
#define STARGLASS_KERNEL_ATTENTION_SHARED
namespace starglass {
namespace {

// Items of the first step are multiples of these rows: their scores fill whole cache lines.
constexpr std::int64_t kItemRows = 16;
// Columns of one item of the last step: one group of codes.
constexpr std::int64_t kItemColumns = 64;
// Heads that go through the inner loops together.
constexpr std::int64_t kHeads = 4;

// One query: the rows it sees in order, and what the steps hand on.
struct Query {
    const float* q;  // [heads, padded]
    const float* sinks;
    float* out;              // [heads, width]
    const std::byte** rows;  // [count] raw ones first
    std::int64_t raw;
    std::int64_t count;
    RowLayout raw_layout;
    RowLayout compressed_layout;
    std::int64_t heads;
    std::int64_t width;
    std::int64_t padded;  // width in whole vectors
    std::int64_t stride;  // of z
    float* z;             // [heads, stride] scores, then weights
    float* inverse;       // [heads] of the sum of weights
    [[nodiscard]] const RowLayout& layout(std::int64_t i) const {
        return i < raw ? raw_layout : compressed_layout;
    }
};

std::int64_t visible_rows(const Attention& op, std::int64_t row) {
    const std::int64_t position = op.first_position + row;
    const std::int64_t raw = std::min<std::int64_t>(position + 1, op.window);
    if (op.ratio == 0) return raw;
    return raw + (op.selected != nullptr ? op.counts[row] : (position + 1) / op.ratio);
}

// Addresses without a division for each: rows follow each other in the ring and in their pages.
void find_rows(const Attention& op, std::int64_t row, Query& query) {
    const std::int64_t position = op.first_position + row;
    query.raw = std::min<std::int64_t>(position + 1, op.window);
    query.count = visible_rows(op, row);
    const std::byte** to = query.rows;
    std::int64_t slot = (position + 1 - query.raw) % op.raw.capacity;
    for (std::int64_t i = 0; i < query.raw; ++i) {
        *to++ = op.raw.data + slot * op.raw.layout.stride;
        if (++slot == op.raw.capacity) slot = 0;
    }
    const RowPages& pages = op.compressed;
    const std::int64_t compressed = query.count - query.raw;
    if (op.selected != nullptr) {
        const std::int32_t* selected = op.selected + row * op.selected_stride;
        const auto per_page = static_cast<std::uint32_t>(pages.rows_per_page);
        for (std::int64_t i = 0; i < compressed; ++i) {
            const auto c = static_cast<std::uint32_t>(selected[i]);
            *to++ = pages.pages[c / per_page] +
                    static_cast<std::int64_t>(c % per_page) * pages.layout.stride;
        }
        return;
    }
    for (std::int64_t first = 0; first < compressed; first += pages.rows_per_page) {
        const std::byte* at = *(pages.pages + first / pages.rows_per_page);
        const std::int64_t part = std::min(pages.rows_per_page, compressed - first);
        for (std::int64_t i = 0; i < part; ++i, at += pages.layout.stride) *to++ = at;
    }
}

}  // namespace
}  // namespace starglass
#endif

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// out[k] = sum of the lanes of v[k], halves first and neighbours last as SumOfLanes has it. One
// tree for four vectors takes half of the steps.
HWY_INLINE void store_sums(const FloatVec (&v)[4], float* out) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
    const Float d;
    const auto halves = [&](FloatVec a, FloatVec b) {
        return hn::Add(hn::ConcatLowerLower(d, b, a), hn::ConcatUpperUpper(d, b, a));
    };
    const FloatVec ab = halves(v[0], v[1]);
    const FloatVec cd = halves(v[2], v[3]);
    FloatVec sum = hn::Add(FloatVec{_mm512_shuffle_f32x4(ab.raw, cd.raw, 0x88)},
                           FloatVec{_mm512_shuffle_f32x4(ab.raw, cd.raw, 0xDD)});
    sum = hn::Add(sum, hn::Shuffle1032(sum));
    sum = hn::Add(sum, hn::Shuffle2301(sum));
    const __m512i firsts = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
    _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, sum.raw)));
#elif HWY_TARGET == HWY_AVX2
    const Float d;
    const auto halves = [&](FloatVec a, FloatVec b) {
        return hn::Add(hn::ConcatLowerLower(d, b, a), hn::ConcatUpperUpper(d, b, a));
    };
    const FloatVec ab = halves(v[0], v[1]);
    const FloatVec cd = halves(v[2], v[3]);
    // (a c a c | b d b d) in pairs of lanes.
    FloatVec sum = hn::Add(hn::InterleaveLower(d, ab, cd), hn::InterleaveUpper(d, ab, cd));
    sum = hn::Add(sum, hn::Shuffle1032(sum));
    const hn::Half<Float> d4;
    hn::StoreU(hn::InterleaveLower(d4, hn::LowerHalf(d4, sum), hn::UpperHalf(d4, sum)), d4, out);
#else
    for (int k = 0; k < 4; ++k) out[k] = sum_of(v[k]);
#endif
}

// out[h*out_stride + r] = q[h] . rows[r] for H heads and four rows, one accumulator a pair.
template <int H>
HWY_INLINE void dot_heads(const float* HWY_RESTRICT q, std::int64_t padded,
                          const float* const (&rows)[4], float* out, std::int64_t out_stride) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec sum[H][4];
    for (int h = 0; h < H; ++h)
        for (int r = 0; r < 4; ++r) sum[h][r] = hn::Zero(d);
    for (std::int64_t i = 0; i < padded; i += lanes) {
        FloatVec row[4];
        for (int r = 0; r < 4; ++r) row[r] = hn::Load(d, rows[r] + i);
        for (int h = 0; h < H; ++h) {
            const FloatVec query = hn::LoadU(d, q + h * padded + i);
            for (int r = 0; r < 4; ++r) sum[h][r] = hn::MulAdd(query, row[r], sum[h][r]);
        }
    }
    for (int h = 0; h < H; ++h) store_sums(sum[h], out + h * out_stride);
}

// How many heads meet four rows, and how many vectors of columns four heads: sixteen sums fill the
// registers of AVX-512 beside five operands and hide an addition's four cycles; AVX2 has room for
// eight.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
constexpr int kDotHeads = 4;
constexpr int kVectors = 4;
#else
constexpr int kDotHeads = 2;
constexpr int kVectors = 2;
#endif

// out[h*kItemColumns + c] += weight[h*weight_stride + r] * rows[r*kItemColumns + c], rows
// ascending; `fresh` starts from zero.
template <int H, int V>
HWY_INLINE void add_weighted(const float* HWY_RESTRICT weight, std::int64_t weight_stride,
                             const float* HWY_RESTRICT rows, std::int64_t count, bool fresh,
                             float* HWY_RESTRICT out) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec sum[H][V];
    for (int h = 0; h < H; ++h)
        for (int v = 0; v < V; ++v)
            sum[h][v] = fresh ? hn::Zero(d) : hn::Load(d, out + h * kItemColumns + v * lanes);
    for (std::int64_t r = 0; r < count; ++r) {
        FloatVec row[V];
        for (int v = 0; v < V; ++v) row[v] = hn::Load(d, rows + r * kItemColumns + v * lanes);
        for (int h = 0; h < H; ++h) {
            const FloatVec w = hn::Set(d, weight[h * weight_stride + r]);
            for (int v = 0; v < V; ++v) sum[h][v] = hn::MulAdd(w, row[v], sum[h][v]);
        }
    }
    for (int h = 0; h < H; ++h)
        for (int v = 0; v < V; ++v) hn::Store(sum[h][v], d, out + h * kItemColumns + v * lanes);
}

template <int H>
HWY_INLINE void add_weighted_columns(const float* weight, std::int64_t stride, const float* rows,
                                     std::int64_t count, std::int64_t columns, bool fresh,
                                     float* out) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(Float()));
    std::int64_t c = 0;
    for (; c + kVectors * lanes <= columns; c += kVectors * lanes)
        add_weighted<H, kVectors>(weight, stride, rows + c, count, fresh, out + c);
    for (; c < columns; c += lanes)
        add_weighted<H, 1>(weight, stride, rows + c, count, fresh, out + c);
}

// z becomes exp(z*scale - m), with m the largest of these and the sink. Returns the denominator.
float softmax(float* z, std::int64_t count, float scale, float sink) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec factor = hn::Set(d, scale);
    FloatVec largest = hn::Set(d, sink);
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const FloatVec v = hn::Mul(hn::Load(d, z + i), factor);
        hn::Store(v, d, z + i);
        largest = hn::Max(v, largest);  // keeps the second when the first is NaN
    }
    float m = hn::GetLane(hn::MaxOfLanes(d, largest));
    for (; i < count; ++i) {
        z[i] *= scale;
        m = std::max(m, z[i]);
    }
    // The last vector is filled up with minus infinity, whose exponential is zero.
    const std::int64_t whole = (count + lanes - 1) / lanes * lanes;
    std::fill(z + count, z + whole, -std::numeric_limits<float>::infinity());
    const FloatVec shift = hn::Set(d, m);
    FloatVec sum = hn::Zero(d);
    for (i = 0; i < whole; i += lanes) {
        const FloatVec w = exp_vec(hn::Sub(hn::Load(d, z + i), shift));
        hn::Store(w, d, z + i);
        sum = hn::Add(sum, w);
    }
    return std::exp(sink - m) + sum_of(sum);
}

// What decode_part will read of a packed row: parts lie 584 bytes apart, which no hardware
// foresees.
HWY_INLINE void prefetch_part(const RowLayout& layout, const std::byte* row, std::int64_t first) {
    if (layout.kind == RowKind::plain) return;
    const std::int64_t codes = 2 * layout.rotary;
    const std::int64_t coded = layout.width - layout.rotary;
    const std::int64_t at = first < coded ? codes + first : 2 * (first - coded);
    hwy::Prefetch(row + at);
    hwy::Prefetch(row + at + 63);
    hwy::Prefetch(row + codes + coded);
}

}  // namespace

// Scores of rows [first, last) for all heads.
void attend_scores_target(const Query& query, std::int64_t first, std::int64_t last,
                          Arena& scratch) {
    // Eight rows of 512 floats are 16 KiB: with the 8 KiB of four heads they stay in L1, and the
    // other heads come from L2 at eight bytes a cycle.
    constexpr std::int64_t kTileRows = 8;
    const std::int64_t padded = query.padded;
    auto* tile = scratch.take<float>(kTileRows * padded);
    for (std::int64_t i = first; i < last; i += kTileRows) {
        const std::int64_t count = std::min(kTileRows, last - i);
        // A long context's rows come from memory: ask for the next while these are worked on.
        for (std::int64_t r = i + kTileRows; r < std::min(i + 2 * kTileRows, last); ++r)
            for (std::int64_t at = 0; at < query.layout(r).stride; at += 64)
                hwy::Prefetch(query.rows[r] + at);
        for (std::int64_t r = 0; r < count; ++r) {
            float* to = tile + r * padded;
            decode_row_vec(query.layout(i + r), query.rows[i + r], to);
            std::fill(to + query.width, to + padded, 0.0F);
        }
        const auto fours = [&](auto&& body) {
            for (std::int64_t r = 0; r < count; r += 4) {
                const float* rows[4];  // any row does where there is none
                for (int k = 0; k < 4; ++k) rows[k] = tile + (r + k < count ? r + k : r) * padded;
                body(rows, i + r);
            }
        };
        std::int64_t h = 0;
        for (; h + kDotHeads <= query.heads; h += kDotHeads)
            fours([&](const float* const(&rows)[4], std::int64_t at) {
                dot_heads<kDotHeads>(query.q + h * padded, padded, rows,
                                     query.z + h * query.stride + at, query.stride);
            });
        for (; h < query.heads; ++h)
            fours([&](const float* const(&rows)[4], std::int64_t at) {
                dot_heads<1>(query.q + h * padded, padded, rows, query.z + h * query.stride + at,
                             query.stride);
            });
    }
}

// Scores of heads [first, last) to weights.
void attend_weights_target(const Query& query, std::int64_t first, std::int64_t last) {
    const float scale = 1.0F / std::sqrt(static_cast<float>(query.width));
    for (std::int64_t h = first; h < last; ++h)
        query.inverse[h] =
            1.0F / softmax(query.z + h * query.stride, query.count, scale, query.sinks[h]);
}

// kItemColumns columns of the output from `first` for heads [first_head, last_head).
void attend_columns_target(const Query& query, std::int64_t first, std::int64_t first_head,
                           std::int64_t last_head, Arena& scratch) {
    // 64 rows of 64 columns are 16 KiB, which stay in L1 while heads pass over them; the heads'
    // sums and weights are read and written once for 64 rows.
    constexpr std::int64_t kTileRows = 64;
    const std::int64_t columns = std::min(kItemColumns, query.width - first);
    const std::int64_t whole = padded_width(columns);
    const std::int64_t heads = last_head - first_head;
    auto* tile = scratch.take<float>(kTileRows * kItemColumns);
    auto* sums = scratch.take<float>(heads * kItemColumns);
    const float* z = query.z + first_head * query.stride;
    for (std::int64_t i = 0; i < query.count; i += kTileRows) {
        const std::int64_t count = std::min(kTileRows, query.count - i);
        for (std::int64_t r = i + kTileRows; r < std::min(i + 2 * kTileRows, query.count); ++r)
            prefetch_part(query.layout(r), query.rows[r], first);
        for (std::int64_t r = 0; r < count; ++r) {
            float* to = tile + r * kItemColumns;
            decode_part(query.layout(i + r), query.rows[i + r], static_cast<int>(first),
                        static_cast<int>(columns), to);
            std::fill(to + columns, to + whole, 0.0F);
        }
        std::int64_t h = 0;
        for (; h + kHeads <= heads; h += kHeads)
            add_weighted_columns<kHeads>(z + h * query.stride + i, query.stride, tile, count, whole,
                                         i == 0, sums + h * kItemColumns);
        for (; h < heads; ++h)
            add_weighted_columns<1>(z + h * query.stride + i, query.stride, tile, count, whole,
                                    i == 0, sums + h * kItemColumns);
    }
    for (std::int64_t h = 0; h < heads; ++h) {
        const float inverse = query.inverse[first_head + h];
        float* out = query.out + (first_head + h) * query.width + first;
        for (std::int64_t c = 0; c < columns; ++c) out[c] = sums[h * kItemColumns + c] * inverse;
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(attend_scores_target);
HWY_EXPORT(attend_weights_target);
HWY_EXPORT(attend_columns_target);

namespace {

Query make_query(const Attention& op, std::int64_t row, Arena& arena) {
    const std::int64_t count = visible_rows(op, row);
    const std::int64_t padded = (op.width + 15) / 16 * 16;
    const std::int64_t stride = (count + kItemRows - 1) / kItemRows * kItemRows;
    const std::int64_t offset = row * op.heads * op.width;
    Query query{.q = op.q + offset,
                .sinks = op.sinks,
                .out = op.out + offset,
                .rows = arena.take<const std::byte*>(count),
                .raw = 0,
                .count = count,
                .raw_layout = op.raw.layout,
                .compressed_layout = op.compressed.layout,
                .heads = op.heads,
                .width = op.width,
                .padded = padded,
                .stride = stride,
                .z = arena.take<float>(op.heads * stride),
                .inverse = arena.take<float>(op.heads)};
    find_rows(op, row, query);
    if (padded == op.width) return query;
    auto* q = arena.take<float>(op.heads * padded);
    for (std::int64_t h = 0; h < op.heads; ++h) {
        std::copy_n(query.q + h * op.width, op.width, q + h * padded);
        std::fill(q + h * padded + op.width, q + (h + 1) * padded, 0.0F);
    }
    query.q = q;
    return query;
}

// The steps of one query over all threads.
void attend_together(CpuContext& context, const Attention& op, std::int64_t row) {
    const Query query = make_query(op, row, context.start_op());
    const std::int64_t work = query.count * op.heads * op.width;
    const std::int64_t rows = context.piece(query.count, kItemRows, 8 * kItemRows);
    context.share((query.count + rows - 1) / rows, work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index * rows;
        HWY_DYNAMIC_DISPATCH(attend_scores_target)
        (query, first, std::min(first + rows, query.count), context.start_item(worker));
    });
    // Ten cycles for a vector of exponentials.
    context.share((op.heads + kHeads - 1) / kHeads, 10 * query.count * op.heads,
                  [&](std::int64_t index, int) {
                      const std::int64_t first = index * kHeads;
                      HWY_DYNAMIC_DISPATCH(attend_weights_target)
                      (query, first, std::min(first + kHeads, query.heads));
                  });
    // Heads are cut as well when the columns alone would leave threads without work.
    const std::int64_t parts = (op.width + kItemColumns - 1) / kItemColumns;
    const std::int64_t wanted = std::max<std::int64_t>(1, 2 * context.threads() / parts);
    const std::int64_t heads = ((op.heads + wanted - 1) / wanted + kHeads - 1) / kHeads * kHeads;
    const std::int64_t head_parts = (op.heads + heads - 1) / heads;
    context.share(parts * head_parts, work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index / parts * heads;
        HWY_DYNAMIC_DISPATCH(attend_columns_target)
        (query, index % parts * kItemColumns, first, std::min(first + heads, query.heads),
         context.start_item(worker));
    });
}

void attend_alone(const Attention& op, std::int64_t row, Arena& arena) {
    const Query query = make_query(op, row, arena);
    HWY_DYNAMIC_DISPATCH(attend_scores_target)(query, 0, query.count, arena);
    HWY_DYNAMIC_DISPATCH(attend_weights_target)(query, 0, query.heads);
    for (std::int64_t first = 0; first < query.width; first += kItemColumns)
        HWY_DYNAMIC_DISPATCH(attend_columns_target)(query, first, 0, query.heads, arena);
}

}  // namespace

void attention_cpu(CpuContext& context, const Attention& op) {
    if (context.threads() > 1 && op.rows < 2 * context.threads()) {
        for (std::int64_t row = 0; row < op.rows; ++row) attend_together(context, op, row);
        return;
    }
    const std::int64_t work = 2 * visible_rows(op, 0) * op.rows * op.heads * op.width;
    context.share(op.rows, work, [&](std::int64_t row, int worker) {
        attend_alone(op, row, context.start_item(worker));
    });
}

}  // namespace starglass
#endif  // HWY_ONCE

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/attention_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/row_decode-inl.h"

// The rows of one query in order, by address. Shared by all targets.
#ifndef STARGLASS_KERNEL_ATTENTION_ROWS
#define STARGLASS_KERNEL_ATTENTION_ROWS
namespace starglass {
namespace {

struct VisibleRows {
    const Attention& op;
    std::int64_t first_raw;
    std::int64_t raw;
    std::int64_t count;
    const std::int32_t* selected = nullptr;

    VisibleRows(const Attention& attention, std::int64_t row) : op(attention) {
        const std::int64_t position = op.first_position + row;
        first_raw = std::max<std::int64_t>(0, position - op.window + 1);
        raw = position - first_raw + 1;
        count = raw;
        if (op.ratio == 0) return;
        if (op.selected != nullptr) {
            selected = op.selected + row * op.selected_stride;
            count += op.counts[row];
        } else {
            count += (position + 1) / op.ratio;
        }
    }
    [[nodiscard]] const std::byte* address(std::int64_t i) const {
        if (i < raw) return op.raw.row(first_raw + i);
        const std::int64_t c = i - raw;
        return op.compressed.row(selected != nullptr ? selected[c] : c);
    }
    [[nodiscard]] const RowLayout& layout(std::int64_t i) const {
        return i < raw ? op.raw.layout : op.compressed.layout;
    }
};

}  // namespace
}  // namespace starglass
#endif

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// Rows decoded at a time: 32 of 512 floats are 64 KiB, which with the queries of 64 heads
// (128 KiB) stays in L2 while every head passes over them.
constexpr std::int64_t kTileRows = 32;

// out[h] += sum over rows of weight[h] * row, rows ascending, for H heads and V vectors at once.
template <int H, int V>
HWY_INLINE void add_weighted(const float* weight, std::int64_t weight_stride, const float* rows,
                             std::int64_t count, std::int64_t padded, float* out) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec sum[H][V];
    for (int h = 0; h < H; ++h)
        for (int v = 0; v < V; ++v) sum[h][v] = hn::Load(d, out + h * padded + v * lanes);
    for (std::int64_t r = 0; r < count; ++r) {
        FloatVec row[V];
        for (int v = 0; v < V; ++v) row[v] = hn::Load(d, rows + r * padded + v * lanes);
        for (int h = 0; h < H; ++h) {
            const FloatVec w = hn::Set(d, weight[h * weight_stride + r]);
            for (int v = 0; v < V; ++v) sum[h][v] = hn::MulAdd(w, row[v], sum[h][v]);
        }
    }
    for (int h = 0; h < H; ++h)
        for (int v = 0; v < V; ++v) hn::Store(sum[h][v], d, out + h * padded + v * lanes);
}

template <int H>
HWY_INLINE void add_weighted_row(const float* weight, std::int64_t stride, const float* rows,
                                 std::int64_t count, std::int64_t padded, float* out) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(Float()));
    std::int64_t i = 0;
    for (; i + 4 * lanes <= padded; i += 4 * lanes)
        add_weighted<H, 4>(weight, stride, rows + i, count, padded, out + i);
    for (; i < padded; i += lanes)
        add_weighted<H, 1>(weight, stride, rows + i, count, padded, out + i);
}

void decode_tile(const VisibleRows& visible, std::int64_t first, std::int64_t count,
                 std::int64_t padded, float* tile) {
    const int width = visible.op.width;
    for (std::int64_t r = 0; r < count; ++r) {
        float* out = tile + r * padded;
        decode_row_vec(visible.layout(first + r), visible.address(first + r), out);
        std::fill(out + width, out + padded, 0.0F);
    }
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

}  // namespace

// One query and some of its heads.
void attend_target(const Attention& op, std::int64_t row, std::int64_t first_head,
                   std::int64_t heads, Arena& scratch) {
    const VisibleRows visible(op, row);
    const std::int64_t width = op.width;
    const std::int64_t padded = padded_width(width);
    const std::int64_t stride = padded_width(visible.count);
    auto* q = scratch.take<float>(heads * padded);
    auto* o = scratch.take<float>(heads * padded);
    auto* tile = scratch.take<float>(kTileRows * padded);
    auto* z = scratch.take<float>(heads * stride);
    const std::int64_t offset = (row * op.heads + first_head) * width;
    for (std::int64_t h = 0; h < heads; ++h) {
        std::copy_n(op.q + offset + h * width, width, q + h * padded);
        std::fill(q + h * padded + width, q + (h + 1) * padded, 0.0F);
    }
    std::fill_n(o, heads * padded, 0.0F);

    // Two passes. Scores do not depend on each other, and values are added row after row, so no
    // result depends on the tile.
    const auto tiles = [&](auto&& body) {
        for (std::int64_t first = 0; first < visible.count; first += kTileRows)
            body(first, std::min(kTileRows, visible.count - first));
    };
    tiles([&](std::int64_t first, std::int64_t count) {
        decode_tile(visible, first, count, padded, tile);
        dot_all(q, heads, tile, count, padded, z + first, stride);
    });
    const float scale = 1.0F / std::sqrt(static_cast<float>(width));
    auto* inverse = scratch.take<float>(heads);
    for (std::int64_t h = 0; h < heads; ++h)
        inverse[h] = 1.0F / softmax(z + h * stride, visible.count, scale, op.sinks[first_head + h]);
    tiles([&](std::int64_t first, std::int64_t count) {
        if (visible.count > kTileRows) decode_tile(visible, first, count, padded, tile);
        std::int64_t h = 0;
        for (; h + 4 <= heads; h += 4)
            add_weighted_row<4>(z + h * stride + first, stride, tile, count, padded,
                                o + h * padded);
        for (; h < heads; ++h)
            add_weighted_row<1>(z + h * stride + first, stride, tile, count, padded,
                                o + h * padded);
    });
    for (std::int64_t h = 0; h < heads; ++h)
        for (std::int64_t i = 0; i < width; ++i)
            op.out[offset + h * width + i] = o[h * padded + i] * inverse[h];
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(attend_target);

void attention_cpu(CpuContext& context, const Attention& op) {
    // All heads of a query share its decoded rows. With fewer queries than threads the heads are
    // split, four at the least because that many go through the inner loops together.
    std::int64_t heads = op.heads;
    if (op.rows < 2 * context.threads() && context.threads() > 1) {
        const std::int64_t parts = (context.threads() + op.rows - 1) / op.rows;
        heads = std::min<std::int64_t>(heads, ((op.heads + parts - 1) / parts + 3) / 4 * 4);
    }
    const std::int64_t parts = (op.heads + heads - 1) / heads;
    const std::int64_t last = op.first_position + op.rows;
    std::int64_t visible = std::min<std::int64_t>(op.window, last);
    if (op.ratio != 0) visible += op.counts != nullptr ? op.counts[0] : last / op.ratio;
    const std::int64_t work = 2 * visible * op.rows * op.heads * op.width;
    context.share(op.rows * parts, work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index % parts * heads;
        HWY_DYNAMIC_DISPATCH(attend_target)
        (op, index / parts, first, std::min<std::int64_t>(heads, op.heads - first),
         context.start_item(worker));
    });
}

}  // namespace starglass
#endif  // HWY_ONCE

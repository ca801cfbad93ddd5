// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <numeric>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/index_select_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/row_decode-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

// score[i] of key first+i for one query. Products of codes are small integers times powers of
// two, so their sums are nearly always exact in any order; over heads the order is ascending and
// nothing is fused, as in the scalar form. The scores then agree bit for bit.
void score_keys_target(const IndexSelect& op, std::int64_t row, std::int64_t first,
                       std::int64_t count, float* score, Arena& scratch) {
    constexpr std::int64_t kTile = 64;
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t width = op.keys.layout.width;
    const std::int64_t padded = padded_width(width);
    auto* query = scratch.take<float>(op.heads * padded);
    auto* weight = scratch.take<float>(op.heads);
    auto* keys = scratch.take<float>(kTile * padded);
    auto* dots = scratch.take<float>(op.heads * kTile);
    auto* sums = scratch.take<float>(kTile);
    for (std::int64_t h = 0; h < op.heads; ++h) {
        std::copy_n(op.query + (row * op.heads + h) * width, width, query + h * padded);
        std::fill(query + h * padded + width, query + (h + 1) * padded, 0.0F);
        weight[h] = op.weights[row * op.heads + h] * op.weight_scale;
    }
    std::fill_n(dots, op.heads * kTile, 0.0F);
    for (std::int64_t at = 0; at < count; at += kTile) {
        const std::int64_t part = std::min(kTile, count - at);
        for (std::int64_t r = 0; r < part; ++r) {
            decode_row_vec(op.keys.layout, op.keys.row(first + at + r), keys + r * padded);
            std::fill(keys + r * padded + width, keys + (r + 1) * padded, 0.0F);
        }
        dot_all(query, op.heads, keys, part, padded, dots, kTile);
        for (std::int64_t r = 0; r < kTile; r += lanes) {
            FloatVec sum = hn::Zero(d);
            for (std::int64_t h = 0; h < op.heads; ++h) {
                const FloatVec dot = hn::Load(d, dots + h * kTile + r);
                sum = hn::Add(sum, hn::Mul(hn::Max(dot, hn::Zero(d)), hn::Set(d, weight[h])));
            }
            hn::Store(sum, d, sums + r);
        }
        std::copy_n(sums, part, score + at);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(score_keys_target);

namespace {

// One number whose descending order is: higher score, then lower row. A NaN counts as minus
// infinity; the two zeros are equal.
std::uint64_t rank_key(float score, std::int64_t row) {
    if (!(score == score)) score = -std::numeric_limits<float>::infinity();
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(score + 0.0F);
    const std::uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000U;
    return static_cast<std::uint64_t>(ordered) << 32 |
           (0xFFFFFFFFU - static_cast<std::uint32_t>(row));
}

void select_top(const IndexSelect& op, std::int64_t row, const float* score, std::int64_t visible,
                Arena& scratch) {
    auto* key = scratch.take<std::uint64_t>(visible);
    for (std::int64_t c = 0; c < visible; ++c) key[c] = rank_key(score[c], c);
    std::nth_element(key, key + op.top_k, key + visible, std::greater<>());
    std::int32_t* selected = op.selected + row * op.top_k;
    for (int k = 0; k < op.top_k; ++k)
        selected[k] = static_cast<std::int32_t>(0xFFFFFFFFU - static_cast<std::uint32_t>(key[k]));
    std::sort(selected, selected + op.top_k);
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
        context.share(op.rows, work, [&](std::int64_t row, int worker) {
            const std::int64_t visible = visible_at(row);
            if (visible <= op.top_k) return keep_all(row);
            Arena& scratch = context.start_item(worker);
            auto* score = scratch.take<float>(visible);
            HWY_DYNAMIC_DISPATCH(score_keys_target)(op, row, 0, visible, score, scratch);
            select_top(op, row, score, visible, scratch);
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
        const std::int64_t work = visible * op.heads * op.keys.layout.width;
        context.share((visible + kPiece - 1) / kPiece, work, [&](std::int64_t index, int worker) {
            const std::int64_t first = index * kPiece;
            HWY_DYNAMIC_DISPATCH(score_keys_target)
            (op, row, first, std::min(kPiece, visible - first), score + first,
             context.start_item(worker));
        });
        select_top(op, row, score, visible, context.start_item(0));
    }
}

}  // namespace starglass
#endif  // HWY_ONCE

// SPDX-License-Identifier: MIT
#include <algorithm>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"
#include "tensor/block_format.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/compressor_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// Up to a vector of values; missing ones are zero.
HWY_INLINE FloatVec load_some(const float* from, std::int64_t count) {
    const Float d;
    if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, from);
    HWY_ALIGN float part[hn::MaxLanes(Float())] = {};
    std::copy_n(from, count, part);
    return hn::Load(d, part);
}

HWY_INLINE void store_some(FloatVec v, float* to, std::int64_t count) {
    const Float d;
    if (count >= static_cast<std::int64_t>(hn::Lanes(d))) {
        hn::StoreU(v, d, to);
        return;
    }
    HWY_ALIGN float part[hn::MaxLanes(Float())];
    hn::Store(v, d, part);
    std::copy_n(part, count, to);
}

}  // namespace

// Columns [first, last) of one output row from a full frontier; the sum over slots ascends as in
// the scalar form.
void pool_target(const Compress& op, std::int64_t first, std::int64_t last, float* out) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t columns = static_cast<std::int64_t>(op.coff) * op.width;
    for (std::int64_t j = first; j < last; j += lanes) {
        const std::int64_t n = std::min(lanes, last - j);
        const auto previous = [&](const float* state, int t) {
            return load_some(state + t * columns + j, n);
        };
        const auto current = [&](const float* state, int t) {
            return load_some(state + (op.ratio + t) * columns + op.width + j, n);
        };
        FloatVec largest = previous(op.frontier_score, 0);
        for (int t = 0; t < op.ratio; ++t) {
            largest = hn::Max(previous(op.frontier_score, t), largest);
            if (op.coff == 2) largest = hn::Max(current(op.frontier_score, t), largest);
        }
        FloatVec denominator = hn::Zero(d);
        FloatVec sum = hn::Zero(d);
        for (int t = 0; t < op.ratio; ++t) {
            const FloatVec a = exp_vec(hn::Sub(previous(op.frontier_score, t), largest));
            sum = hn::Add(sum, hn::Mul(a, previous(op.frontier_kv, t)));
            if (op.coff == 2) {
                const FloatVec b = exp_vec(hn::Sub(current(op.frontier_score, t), largest));
                denominator = hn::Add(denominator, hn::Add(a, b));
                sum = hn::Add(sum, hn::Mul(b, current(op.frontier_kv, t)));
            } else {
                denominator = hn::Add(denominator, a);
            }
        }
        store_some(hn::Div(sum, denominator), out + j, n);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(pool_target);

namespace {

// All tokens, in order, for columns [first, last) of the result and what they depend on.
void compress_columns(const Compress& op, std::int64_t first, std::int64_t last, Arena& scratch) {
    const std::int64_t columns = static_cast<std::int64_t>(op.coff) * op.width;
    const std::int64_t count = last - first;
    const int current = op.coff == 2 ? op.ratio : 0;  // first slot of the group being filled
    const std::int64_t ape_bytes = row_bytes(op.ape.type, 1);
    auto* ape = scratch.take<float>(count);
    float* out = op.out;
    for (int row = 0; row < op.rows; ++row) {
        const auto phase = static_cast<int>((op.first_position + row) % op.ratio);
        for (int half = 0; half < op.coff; ++half) {
            const std::int64_t j = half * op.width + first;
            const std::int64_t to = (current + phase) * columns + j;
            std::copy_n(op.kv + row * columns + j, count, op.frontier_kv + to);
            dequantise_row(op.ape.type, op.ape.row(phase) + j * ape_bytes, count, ape);
            const float* gate = op.gate + row * columns + j;
            for (std::int64_t i = 0; i < count; ++i) op.frontier_score[to + i] = gate[i] + ape[i];
        }
        if (phase + 1 < op.ratio) continue;

        HWY_DYNAMIC_DISPATCH(pool_target)(op, first, last, out);
        out += op.width;
        for (int half = 0; half < op.coff; ++half)
            for (int t = 0; t < op.ratio; ++t) {
                const std::int64_t slot = (current + t) * columns + half * op.width + first;
                if (op.coff == 2) {
                    const std::int64_t previous = slot - op.ratio * columns;
                    std::copy_n(op.frontier_kv + slot, count, op.frontier_kv + previous);
                    std::copy_n(op.frontier_score + slot, count, op.frontier_score + previous);
                }
                std::fill_n(op.frontier_kv + slot, count, 0.0F);
                std::fill_n(op.frontier_score + slot, count, kEmptyScore);
            }
    }
}

}  // namespace

void compress_cpu(CpuContext& context, const Compress& op) {
    // Columns are independent. Filling one slot is not worth waking anybody for.
    const bool emits = (op.first_position + op.rows) / op.ratio != op.first_position / op.ratio;
    const std::int64_t piece = emits || op.rows > 1 ? 64 : op.width;
    // Copies for every token, and about 20 operations an exponential where a group is complete.
    const std::int64_t columns = static_cast<std::int64_t>(op.coff) * op.width;
    const std::int64_t work = columns * (op.rows + (emits ? 20 * (op.rows + op.ratio) : 0));
    context.share((op.width + piece - 1) / piece, work, [&](std::int64_t index, int worker) {
        compress_columns(op, index * piece, std::min<std::int64_t>(op.width, (index + 1) * piece),
                         context.start_item(worker));
    });
}

}  // namespace starglass
#endif  // HWY_ONCE

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/rms_norm_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

void rms_norm_target(const RmsNorm& op, std::int64_t row) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const float* x = op.x + row * op.dim;
    float* y = op.y + row * op.dim;
    const float mean = static_cast<float>(sum_of_squares(x, op.dim) / static_cast<double>(op.dim));
    const float k = 1.0F / std::sqrt(mean + op.epsilon);
    const FloatVec scale = hn::Set(d, k);
    std::int64_t i = 0;
    for (; i + lanes <= op.dim; i += lanes) {
        FloatVec v = hn::Mul(hn::LoadU(d, x + i), scale);
        if (op.weight != nullptr) v = hn::Mul(v, hn::LoadU(d, op.weight + i));
        hn::StoreU(v, d, y + i);
    }
    for (; i < op.dim; ++i) y[i] = op.weight != nullptr ? x[i] * k * op.weight[i] : x[i] * k;
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(rms_norm_target);

void rms_norm_row(const RmsNorm& op, std::int64_t row) {
    HWY_DYNAMIC_DISPATCH(rms_norm_target)(op, row);
}

void rms_norm_cpu(CpuContext& context, const RmsNorm& op) {
    // The 64 heads of one token take five microseconds, no more than waking a thread.
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / op.dim);
    const std::int64_t work = 3 * op.rows * op.dim;
    context.share((op.rows + grain - 1) / grain, work, [&](std::int64_t index, int) {
        const std::int64_t last = std::min(op.rows, (index + 1) * grain);
        for (std::int64_t row = index * grain; row < last; ++row) rms_norm_row(op, row);
    });
}

}  // namespace starglass
#endif  // HWY_ONCE

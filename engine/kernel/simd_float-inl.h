// SPDX-License-Identifier: MIT
//
// Single precision building blocks of the SIMD files, once per instruction set. Included after
// hwy/foreach_target.h.
#include <cstdint>

#include "base/f16.h"

#if defined(STARGLASS_KERNEL_SIMD_FLOAT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STARGLASS_KERNEL_SIMD_FLOAT_INL
#undef STARGLASS_KERNEL_SIMD_FLOAT_INL
#else
#define STARGLASS_KERNEL_SIMD_FLOAT_INL
#endif

#include "kernel/simd_target_macros-inl.h"

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Float = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Float>;

HWY_INLINE FloatVec zero_vec() {
    return hn::Zero(Float());
}

// exp with NaN kept: Highway's own turns it into zero, which would hide a broken weight.
HWY_INLINE FloatVec exp_vec(FloatVec x) {
    const Float d;
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

HWY_INLINE float sum_of(FloatVec v) {
    return hn::GetLane(hn::SumOfLanes(Float(), v));
}

HWY_INLINE FloatVec load_weights(const float* w) {
    return hn::LoadU(Float(), w);
}
HWY_INLINE FloatVec load_weights(const std::uint16_t* w) {
    const Float d;
#if HWY_TARGET == HWY_SCALAR
    return hn::Set(d, f16_to_f32(*w));
#else
    const hn::Rebind<hwy::float16_t, Float> half;
    return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(w)));
#endif
}
HWY_INLINE float weight_value(float w) {
    return w;
}
HWY_INLINE float weight_value(std::uint16_t w) {
    return f16_to_f32(w);
}

// out[r] = w[r] . x. Four accumulators a vector of lanes each, because an addition has to wait four
// cycles for the one before it; then lanes, then the tail. The order is the same for every R.
// Several rows at a time because memory answers several streams sooner than one; what lies `ahead`
// bytes further is asked for.
template <int R, class W>
HWY_INLINE void dot_float(const W* const* w, const float* HWY_RESTRICT x, std::int64_t count,
                          std::int64_t ahead, float* out) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec sum[R][4];
    for (int r = 0; r < R; ++r)
        for (int u = 0; u < 4; ++u) sum[r][u] = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
        for (int r = 0; r < R; ++r) {
            const char* next = reinterpret_cast<const char*>(w[r] + i) + ahead;
            const auto bytes = 4 * lanes * static_cast<std::int64_t>(sizeof(W));
            for (std::int64_t line = 0; line < bytes; line += 64)
                __builtin_prefetch(next + line, 0, 2);
        }
        for (int u = 0; u < 4; ++u) {
            const FloatVec v = hn::LoadU(d, x + i + u * lanes);
            for (int r = 0; r < R; ++r)
                sum[r][u] = hn::MulAdd(load_weights(w[r] + i + u * lanes), v, sum[r][u]);
        }
    }
    for (; i + lanes <= count; i += lanes) {
        const FloatVec v = hn::LoadU(d, x + i);
        for (int r = 0; r < R; ++r) sum[r][0] = hn::MulAdd(load_weights(w[r] + i), v, sum[r][0]);
    }
    for (int r = 0; r < R; ++r) {
        float total = sum_of(hn::Add(hn::Add(sum[r][0], sum[r][1]), hn::Add(sum[r][2], sum[r][3])));
        for (std::int64_t k = i; k < count; ++k) total += weight_value(w[r][k]) * x[k];
        out[r] = total;
    }
}

// Mean of squares in double.
HWY_INLINE double sum_of_squares(const float* x, std::int64_t count) {
    double total = 0.0;
    std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> half;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    for (; i + 2 * lanes <= count; i += 2 * lanes) {
        const auto a = hn::PromoteTo(d, hn::LoadU(half, x + i));
        const auto b = hn::PromoteTo(d, hn::LoadU(half, x + i + lanes));
        sum0 = hn::MulAdd(a, a, sum0);
        sum1 = hn::MulAdd(b, b, sum1);
    }
    total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
#endif
    for (; i < count; ++i) total += static_cast<double>(x[i]) * x[i];
    return total;
}

// Width rounded up to whole vectors of any instruction set.
constexpr std::int64_t padded_width(std::int64_t width) {
    return (width + 15) / 16 * 16;
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#endif

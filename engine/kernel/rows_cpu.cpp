// SPDX-License-Identifier: MIT
//
// Storing a row is exact and rare, so it stays with tensor/row_codec; the rows are spread over
// threads. An indexer's queries are 64 rows for every token, so their transform and rounding are
// vectors here, with the same bits.
#include <algorithm>
#include <bit>
#include <limits>

#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/rows_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

using Int = hn::ScalableTag<std::int32_t>;

// One step of the transform inside every vector: a+b and a-b for elements `Stride` apart, as
// partner plus or minus itself.
HWY_INLINE void step_inside(float* x, std::int64_t count, std::int32_t stride) {
    const Float d;
    const Int di;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto lane = hn::Iota(di, 0);
    const auto distance = hn::Set(di, stride);
    alignas(64) std::int32_t partners[hn::MaxLanes(Int())];
    hn::Store(hn::Xor(lane, distance), di, partners);
    const auto partner = hn::SetTableIndices(d, partners);
    const auto upper = hn::Eq(hn::And(lane, distance), distance);
    const auto sign = hn::BitCast(
        d, hn::IfThenElseZero(upper, hn::Set(di, std::numeric_limits<std::int32_t>::min())));
    for (std::int64_t i = 0; i < count; i += lanes) {
        const FloatVec v = hn::LoadU(d, x + i);
        hn::StoreU(hn::Add(hn::TableLookupLanes(v, partner), hn::Xor(v, sign)), d, x + i);
    }
}

}  // namespace

// hadamard() of tensor/row_codec: the same sums in the same order.
void hadamard_target(float* x, std::int64_t count) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    if (count < lanes) return hadamard(x, static_cast<int>(count));
    for (std::int64_t stride = 1; stride < lanes; stride *= 2)
        step_inside(x, count, static_cast<std::int32_t>(stride));
    for (std::int64_t stride = lanes; stride < count; stride *= 2)
        for (std::int64_t block = 0; block < count; block += 2 * stride)
            for (std::int64_t i = block; i < block + stride; i += lanes) {
                const FloatVec a = hn::LoadU(d, x + i);
                const FloatVec b = hn::LoadU(d, x + i + stride);
                hn::StoreU(hn::Add(a, b), d, x + i);
                hn::StoreU(hn::Sub(a, b), d, x + i + stride);
            }
    const FloatVec scale = hn::Set(d, hadamard_scale(static_cast<int>(count)));
    for (std::int64_t i = 0; i < count; i += lanes)
        hn::StoreU(hn::Mul(hn::LoadU(d, x + i), scale), d, x + i);
}

// fp4_round() of tensor/row_codec.
void fp4_round_target(float* x, std::int64_t count) {
    const Float d;
    const Int di;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto magnitude = hn::Set(di, 0x7FFFFFFF);
    const auto infinity = hn::Set(di, 0x7F800000);
    const FloatVec six = hn::Set(d, 6.0F);
    const FloatVec half_steps = hn::Set(d, 4194304.0F);  // 2^22, where floats are 0.5 apart
    for (std::int64_t group = 0; group < count; group += 32) {
        auto largest = hn::Zero(di);
        for (std::int64_t i = group; i < group + 32; i += lanes) {
            const auto bits = hn::And(hn::BitCast(di, hn::LoadU(d, x + i)), magnitude);
            largest = hn::Max(largest, hn::IfThenElseZero(hn::Lt(bits, infinity), bits));
        }
        const int exponent =
            fp4_exponent(std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(di, largest))));
        const auto power = [](int e) {
            return std::bit_cast<float>(static_cast<std::uint32_t>(e + 127) << 23);
        };
        const FloatVec scale = hn::Set(d, power(exponent));
        const FloatVec inverse = hn::Set(d, power(-exponent));
        for (std::int64_t i = group; i < group + 32; i += lanes) {
            const FloatVec v = hn::Mul(hn::LoadU(d, x + i), inverse);
            const FloatVec size = hn::Abs(v);
            const FloatVec m = hn::IfThenElse(hn::Lt(size, six), size, six);  // NaN is largest
            // Ties to even: from 1 on one mantissa bit is kept, below 1 steps of a half.
            const auto bits = hn::BitCast(di, m);
            const auto odd = hn::And(hn::ShiftRight<22>(bits), hn::Set(di, 1));
            const auto kept =
                hn::And(hn::Add(bits, hn::Add(odd, hn::Set(di, 0x1FFFFF))), hn::Set(di, ~0x3FFFFF));
            const FloatVec below = hn::Sub(hn::Add(m, half_steps), half_steps);
            const FloatVec rounded =
                hn::IfThenElse(hn::Lt(m, hn::Set(d, 1.0F)), below, hn::BitCast(d, kept));
            hn::StoreU(hn::Mul(hn::CopySign(rounded, v), scale), d, x + i);
        }
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(hadamard_target);
HWY_EXPORT(fp4_round_target);

void encode_rows_cpu(CpuContext& context, const EncodeRows& op) {
    const int width = op.layout.width;
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int worker) {
        const float* values = op.x + row * width;
        if (op.hadamard) {
            auto* transformed = context.start_item(worker).take<float>(width);
            std::copy_n(values, width, transformed);
            HWY_DYNAMIC_DISPATCH(hadamard_target)(transformed, width);
            values = transformed;
        }
        encode_row(op.layout, values, op.destination[row]);
    });
}

void index_query_cpu(CpuContext& context, const IndexQuery& op) {
    constexpr std::int64_t kPiece = 32;
    const std::int64_t heads = op.rows * op.heads;
    context.share(
        (heads + kPiece - 1) / kPiece, 8 * heads * op.width, [&](std::int64_t index, int) {
            for (std::int64_t h = index * kPiece; h < std::min(heads, (index + 1) * kPiece); ++h) {
                float* x = op.x + h * op.width;
                HWY_DYNAMIC_DISPATCH(hadamard_target)(x, op.width);
                if (op.round) HWY_DYNAMIC_DISPATCH(fp4_round_target)(x, op.width);
            }
        });
}

}  // namespace starglass
#endif  // HWY_ONCE

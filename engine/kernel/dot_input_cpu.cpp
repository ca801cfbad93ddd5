// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernel/simd_targets.h"
#include "kernel/weight_dot.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/dot_input_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/float_panel-inl.h"

// What a DotInput will refer to. Shared by all targets.
#ifndef STARGLASS_KERNEL_DOT_BUFFERS
#define STARGLASS_KERNEL_DOT_BUFFERS
namespace starglass {
namespace {

struct DotBuffers {
    const DotInput& in;
    std::int8_t* code = nullptr;
    float* scale = nullptr;
    std::int16_t* sum = nullptr;
    std::int32_t* bias = nullptr;
    [[nodiscard]] std::int8_t* codes(std::int64_t row, std::int64_t column) const {
        return code + in.code_offset(row, column);
    }
};

}  // namespace
}  // namespace starglass
#endif

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// min and max in this argument order keep a NaN until the last step, where it becomes -128 as
// in tensor/block_format.
HWY_INLINE FloatVec clamp_code(FloatVec v) {
    const Float d;
    return hn::Max(hn::Min(hn::Set(d, 127.0F), v), hn::Set(d, -128.0F));
}

// NaN if any value is not finite: such a block keeps no usable codes, and its scale has to carry
// the damage on to the logits.
HWY_INLINE float largest_magnitude(const float* x, std::int64_t count) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    FloatVec largest = hn::Zero(d);
    FloatVec poison = hn::Zero(d);
    for (std::int64_t i = 0; i < count; i += lanes) {
        const FloatVec v = hn::LoadU(d, x + i);
        largest = hn::Max(hn::Abs(v), largest);
        poison = hn::MulAdd(v, hn::Zero(d), poison);
    }
    return hn::GetLane(hn::MaxOfLanes(d, largest)) + sum_of(poison);
}

HWY_INLINE void round_codes(const float* x, float factor, std::int64_t count, std::int8_t* code) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec scale = hn::Set(d, factor);
#if HWY_TARGET == HWY_SCALAR
    for (std::int64_t i = 0; i < count; ++i) {
        const float v = x[i] * factor;
        code[i] = !(v >= -128.0F) ? std::int8_t{-128}
                  : v > 127.0F    ? std::int8_t{127}
                                  : static_cast<std::int8_t>(std::lrint(v));
    }
    (void)lanes;
    (void)scale;
#else
    const hn::Rebind<std::int8_t, Float> d8;
    for (std::int64_t i = 0; i < count; i += lanes) {
        const auto rounded = hn::NearestInt(clamp_code(hn::Mul(hn::LoadU(d, x + i), scale)));
        hn::StoreU(hn::DemoteTo(d8, rounded), d8, code + i);
    }
#endif
}

// Sum of `count` codes, a multiple of 16.
HWY_INLINE std::int32_t sum_codes(const std::int8_t* code, int count) {
    std::int32_t total = 0;
    for (int i = 0; i < count; ++i) total += code[i];
    return total;
}

// IQ2_XXS weights meet the codes of 32 columns in another order (weight_tile-inl.h).
HWY_INLINE void transpose_codes(std::int8_t* code) {
#if HWY_TARGET == HWY_AVX3_DL
    struct Order {
        alignas(64) std::uint8_t from[64];
    };
    static constexpr Order kOrder = [] {
        Order order{};
        for (int i = 0; i < 64; ++i)
            order.from[i] = static_cast<std::uint8_t>(i / 32 * 32 + 8 * (i % 4) + i % 32 / 4);
        return order;
    }();
    const __m512i order = _mm512_load_si512(kOrder.from);
    for (int i = 0; i < 256; i += 64)
        _mm512_storeu_si512(code + i, _mm512_permutexvar_epi8(order, _mm512_loadu_si512(code + i)));
#else
    (void)code;
#endif
}

}  // namespace

// `bias`: what a sum of 32 products starts with because weights are met as code + 128.
void quantise_q8_0_target(const DotBuffers& to, std::int64_t row) {
    const float* x = to.in.vector(row);
    for (std::int64_t b = 0; b < to.in.in / 32; ++b) {
        std::int8_t* code = to.codes(row, 32 * b);
        const float d = largest_magnitude(x + 32 * b, 32) / 127.0F;
        to.scale[b * to.in.rows + row] = d;
        round_codes(x + 32 * b, d != 0.0F ? 1.0F / d : 0.0F, 32, code);
        to.bias[b * to.in.rows + row] = -128 * sum_codes(code, 32);
    }
}

// `bias`, unless null, is for IQ2_XXS weights, which are met as 43 + value.
void quantise_q8_k_target(const DotBuffers& to, std::int64_t row) {
    const std::int64_t rows = to.in.rows;
    const float* x = to.in.vector(row);
    for (std::int64_t b = 0; b < to.in.in / 256; ++b, x += 256) {
        std::int8_t* code = to.codes(row, 256 * b);
        float& scale = to.scale[b * rows + row];
        std::int16_t* sum = to.sum + 16 * (b * rows + row);
        const float largest = largest_magnitude(x, 256);
        if (largest > 0.0F) {
            // The first of the largest, with its sign.
            std::int64_t at = 0;
            while (std::fabs(x[at]) != largest) ++at;
            const float inverse = -127.0F / x[at];
            round_codes(x, inverse, 256, code);
            for (int j = 0; j < 16; ++j)
                sum[j] = static_cast<std::int16_t>(sum_codes(code + 16 * j, 16));
            scale = 1.0F / inverse;
        } else {
            scale = largest;  // zero or NaN
            std::memset(code, 0, 256);
            std::memset(sum, 0, 16 * sizeof *sum);
        }
        if (to.bias == nullptr) continue;
        for (int j = 0; j < 8; ++j)
            to.bias[(8 * b + j) * rows + row] = -43 * (sum[2 * j] + sum[2 * j + 1]);
        transpose_codes(code);
    }
}

void pack_vectors_target(const DotInput& in, std::int64_t first, std::int64_t count, float* panel) {
    pack_vectors(in, first, count, panel);
}
bool packs_vectors_target() {
    return HWY_TARGET != HWY_SCALAR;
}

void swiglu_target(const float* gate, const float* up, std::int64_t count, float clamp,
                   float weight, float* hidden) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const FloatVec one = hn::Set(d, 1.0F);
    // Minimum and maximum treat a NaN as the instruction set likes; it has to stay one.
    const auto kept = [](FloatVec v, FloatVec clamped) {
        return hn::IfThenElse(hn::IsNaN(v), v, clamped);
    };
    const auto value = [&](FloatVec g, FloatVec u) {
        if (clamp > 1e-6F) {
            g = kept(g, hn::Min(g, hn::Set(d, clamp)));
            u = kept(u, hn::Min(hn::Max(u, hn::Set(d, -clamp)), hn::Set(d, clamp)));
        }
        const FloatVec e = exp_vec(hn::Neg(hn::Abs(g)));
        const FloatVec numerator = hn::IfThenElse(hn::Lt(g, hn::Zero(d)), e, one);
        const FloatVec sigmoid = hn::Div(numerator, hn::Add(one, e));
        return hn::Mul(hn::Mul(hn::Mul(g, sigmoid), u), hn::Set(d, weight));
    };
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        hn::StoreU(value(hn::LoadU(d, gate + i), hn::LoadU(d, up + i)), d, hidden + i);
    if (i < count) {
        // The tail goes through the same arithmetic, padded.
        HWY_ALIGN float g[hn::MaxLanes(Float())] = {};
        HWY_ALIGN float u[hn::MaxLanes(Float())] = {};
        std::copy(gate + i, gate + count, g);
        std::copy(up + i, up + count, u);
        hn::Store(value(hn::Load(d, g), hn::Load(d, u)), d, g);
        std::copy(g, g + (count - i), hidden + i);
    }
}
}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {
namespace {

struct PanelTile {
    std::int64_t first, size;
};

}  // namespace

HWY_EXPORT(quantise_q8_0_target);
HWY_EXPORT(quantise_q8_k_target);
HWY_EXPORT(swiglu_target);
HWY_EXPORT(pack_vectors_target);
HWY_EXPORT(packs_vectors_target);

void swiglu_rows(const float* gate, const float* up, std::int64_t count, float clamp, float weight,
                 float* hidden) {
    HWY_DYNAMIC_DISPATCH(swiglu_target)(gate, up, count, clamp, weight, hidden);
}

DotInput make_dot_input(CpuContext& context, Arena& arena, DataType weight, const float* x,
                        std::int64_t rows, std::int64_t in, const std::int32_t* source,
                        std::int64_t run) {
    DotInput input{.in = in, .rows = rows, .x = x, .source = source};
    if (context.activations() == Activations::int8) input.format = activation_format(weight);
    if (input.format == ActivationFormat::f32) {
        if (run >= kPanelRun && HWY_DYNAMIC_DISPATCH(packs_vectors_target)()) {
            auto* const panels = arena.take<float>(rows * panel_places(in));
            auto* const tiles = arena.take<PanelTile>(rows / kPanelVectorsLeast + 1);
            std::int64_t count = 0;
            for (std::int64_t first = 0; first < rows; first += run)
                for_each_panel_tile(run, [&](std::int64_t at, std::int64_t size) {
                    tiles[count++] = {first + at, size};
                });
            context.share(count, rows * in, [&](std::int64_t tile, int) {
                const auto [first, size] = tiles[tile];
                HWY_DYNAMIC_DISPATCH(pack_vectors_target)
                (input, first, size, panels + first * panel_places(in));
            });
            input.panels = panels;
        }
        return input;
    }

    const bool q8_k = input.format == ActivationFormat::q8_k;
    DotBuffers to{input};
    to.code = arena.take<std::int8_t>(rows * ((in + 255) / 256 * 256));
    to.scale = arena.take<float>(rows * (q8_k ? in / 256 : in / 32));
    if (q8_k) to.sum = arena.take<std::int16_t>(rows * (in / 16));
    if (!q8_k || weight == DataType::iq2_xxs) to.bias = arena.take<std::int32_t>(rows * (in / 32));
    // About 20,000 values keep a core busy for as long as it takes to wake one.
    const std::int64_t grain = std::max<std::int64_t>(1, 20000 / in);
    context.pool().parallel_for(rows, grain, [&](std::int64_t row, int) {
        if (q8_k)
            HWY_DYNAMIC_DISPATCH(quantise_q8_k_target)(to, row);
        else
            HWY_DYNAMIC_DISPATCH(quantise_q8_0_target)(to, row);
    });
    input.code = to.code;
    input.scale = to.scale;
    input.sum = to.sum;
    input.bias = to.bias;
    return input;
}

}  // namespace starglass
#endif  // HWY_ONCE

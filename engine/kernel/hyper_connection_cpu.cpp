// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "kernel/reference_kernels.h"
#include "kernel/simd_targets.h"
#include "kernel/weight_dot.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/hyper_connection_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

// Values [first, last) of the streams of one token weighted into one vector, streams ascending.
void weighted_sum_target(const float* h, const float* weight, int streams, std::int64_t dim,
                         std::int64_t first, std::int64_t last, float* u) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes) {
        FloatVec sum = hn::Zero(d);
        for (int c = 0; c < streams; ++c)
            sum = hn::Add(sum, hn::Mul(hn::Set(d, weight[c]), hn::LoadU(d, h + c * dim + i)));
        hn::StoreU(sum, d, u + i);
    }
    for (; i < last; ++i) {
        float sum = 0.0F;
        for (int c = 0; c < streams; ++c) sum += weight[c] * h[c * dim + i];
        u[i] = sum;
    }
}

// Values [first, last) of every stream of one token after its block.
void spread_target(const HyperPost& op, std::int64_t row, std::int64_t first, std::int64_t last) {
    const Float d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const int streams = op.streams;
    const float* h = op.h + row * streams * op.dim;
    const float* y = op.y + row * op.dim;
    const float* post = op.post + row * streams;
    const float* comb = op.comb + row * streams * streams;
    float* out = op.out + row * streams * op.dim;
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes) {
        const FloatVec value = hn::LoadU(d, y + i);
        for (int to = 0; to < streams; ++to) {
            FloatVec sum = hn::Mul(value, hn::Set(d, post[to]));
            for (int from = 0; from < streams; ++from)
                sum = hn::Add(sum, hn::Mul(hn::Set(d, comb[from * streams + to]),
                                           hn::LoadU(d, h + from * op.dim + i)));
            hn::StoreU(sum, d, out + to * op.dim + i);
        }
    }
    for (; i < last; ++i)
        for (int to = 0; to < streams; ++to) {
            float sum = y[i] * post[to];
            for (int from = 0; from < streams; ++from)
                sum += comb[from * streams + to] * h[from * op.dim + i];
            out[to * op.dim + i] = sum;
        }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(weighted_sum_target);
HWY_EXPORT(spread_target);

namespace {

constexpr int kLargestStreams = 16;
constexpr int kLargestMix = 2 * kLargestStreams + kLargestStreams * kLargestStreams;

// Mix values to gates; `pre` receives the weights of the input streams.
void pre_gates(const HyperPre& op, std::int64_t row, const float* m, float* pre) {
    const int c = op.streams;
    float* post = op.post + row * c;
    float* comb = op.comb + row * c * c;
    for (int i = 0; i < c; ++i)
        pre[i] = 1.0F / (1.0F + std::exp(-(m[i] * op.scale[0] + op.base[i]))) + op.hyper_epsilon;
    for (int i = 0; i < c; ++i)
        post[i] = 2.0F / (1.0F + std::exp(-(m[c + i] * op.scale[1] + op.base[c + i])));
    for (int i = 0; i < c * c; ++i) comb[i] = m[2 * c + i] * op.scale[2] + op.base[2 * c + i];
    sinkhorn(comb, c, op.sinkhorn, op.hyper_epsilon);
}

void head_gates(const HyperHead& op, const float* m, float* weight) {
    for (int i = 0; i < op.streams; ++i) {
        const float z = m[i] * op.scale[0] + op.base[i];
        const float e = std::exp(z >= 0.0F ? -z : z);
        weight[i] = (z >= 0.0F ? 1.0F / (1.0F + e) : e / (1.0F + e)) + op.hyper_epsilon;
    }
}

// Norms the streams of each token as one vector, multiplies by fn, lets `gates(row, m, weight)`
// turn that into stream weights, and forms the weighted sum in `out` [rows, dim].
template <class Op, class Gates>
void mix(CpuContext& context, const Op& op, float* out, Gates&& gates) {
    Arena& arena = context.start_op();
    const std::int64_t in = op.fn.in;
    const auto norm = [&](std::int64_t row, float* to) {
        rms_norm_row({.x = op.h + row * in,
                      .weight = nullptr,
                      .y = to,
                      .rows = 1,
                      .dim = in,
                      .epsilon = op.epsilon},
                     0);
    };
    const auto finish = [&](std::int64_t row, const float* m) {
        std::array<float, kLargestStreams> weight;
        gates(row, m, weight.data());
        HWY_DYNAMIC_DISPATCH(weighted_sum_target)
        (op.h + row * in, weight.data(), op.streams, op.dim, 0, op.dim, out + row * op.dim);
    };

    const std::int64_t work = op.rows * op.fn.out * in;
    if (op.rows >= 4 * context.threads()) {
        // Four tokens at a time read fn once.
        context.share((op.rows + 3) / 4, work, [&](std::int64_t index, int worker) {
            const std::int64_t first = index * 4;
            const std::int64_t rows = std::min<std::int64_t>(4, op.rows - first);
            Arena& scratch = context.start_item(worker);
            auto* normed = scratch.take<float>(rows * in);
            auto* m = scratch.take<float>(rows * op.fn.out);
            for (std::int64_t r = 0; r < rows; ++r) norm(first + r, normed + r * in);
            const DotInput input{.in = in, .rows = rows, .x = normed};
            dot_rows({.type = op.fn.type,
                      .w = op.fn.row(0),
                      .row_size = op.fn.row_size(),
                      .outputs = op.fn.out,
                      .input = &input,
                      .first = 0,
                      .count = rows,
                      .out = m,
                      .out_stride = op.fn.out},
                     scratch);
            for (std::int64_t r = 0; r < rows; ++r) finish(first + r, m + r * op.fn.out);
        });
        return;
    }
    // Few tokens: the rows of fn are spread over the threads.
    auto* normed = arena.take<float>(in);
    std::array<float, kLargestMix> m;
    for (std::int64_t row = 0; row < op.rows; ++row) {
        norm(row, normed);
        const DotInput input{.in = in, .rows = 1, .x = normed};
        const std::int64_t piece = context.piece(op.fn.out, 2, 1024);
        const std::int64_t pieces = (op.fn.out + piece - 1) / piece;
        context.share(pieces, work / op.rows, [&](std::int64_t index, int worker) {
            const std::int64_t first = index * piece;
            dot_rows({.type = op.fn.type,
                      .w = op.fn.row(first),
                      .row_size = op.fn.row_size(),
                      .outputs = std::min(piece, op.fn.out - first),
                      .input = &input,
                      .first = 0,
                      .count = 1,
                      .out = m.data() + first,
                      .out_stride = op.fn.out},
                     context.start_item(worker));
        });
        finish(row, m.data());
    }
}

}  // namespace

void hyper_pre_cpu(CpuContext& context, const HyperPre& op) {
    mix(context, op, op.u,
        [&](std::int64_t row, const float* m, float* weight) { pre_gates(op, row, m, weight); });
}

void hyper_head_cpu(CpuContext& context, const HyperHead& op) {
    mix(context, op, op.v,
        [&](std::int64_t, const float* m, float* weight) { head_gates(op, m, weight); });
}

void hyper_post_cpu(CpuContext& context, const HyperPost& op) {
    constexpr std::int64_t kPiece = 2048;
    const std::int64_t pieces = (op.dim + kPiece - 1) / kPiece;
    const std::int64_t work = op.rows * op.dim * op.streams * (op.streams + 1);
    context.share(op.rows * pieces, work, [&](std::int64_t index, int) {
        const std::int64_t first = index % pieces * kPiece;
        HWY_DYNAMIC_DISPATCH(spread_target)
        (op, index / pieces, first, std::min(op.dim, first + kPiece));
    });
}

}  // namespace starglass
#endif  // HWY_ONCE

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "kernel/reference_kernels.h"
#include "tensor/block_format.h"

namespace starglass {
namespace {

struct Slice {
    std::int64_t group;
    std::int64_t first_output, last_output;
};

template <class Body>
void for_each_group(const MatMul& op, Body&& body) {
    const std::int64_t outputs = op.w.out / op.groups;
    for (std::int64_t group = 0; group < op.groups; ++group)
        body(Slice{group, group * outputs, (group + 1) * outputs});
}

void multiply_q8_0(const MatMul& op) {
    const std::int64_t width = op.groups * op.w.in;
    const std::int64_t blocks = op.w.in / 32;
    ActivationQ8_0 x;
    for (std::int64_t row = 0; row < op.rows; ++row) {
        quantise_q8_0({op.x + row * width, static_cast<std::size_t>(width)}, x);
        for_each_group(op, [&](const Slice& slice) {
            for (std::int64_t o = slice.first_output; o < slice.last_output; ++o)
                op.y[row * op.w.out + o] = dot_q8_0(op.w.row(o), x, slice.group * blocks, blocks);
        });
    }
}

void multiply_q8_k(const MatMul& op) {
    const std::int64_t width = op.groups * op.w.in;
    const auto blocks = static_cast<std::size_t>(op.w.in / 256);
    std::vector<BlockQ8K> x;
    for (std::int64_t row = 0; row < op.rows; ++row) {
        quantise_q8_k({op.x + row * width, static_cast<std::size_t>(width)}, x);
        for_each_group(op, [&](const Slice& slice) {
            const auto part = std::span<const BlockQ8K>(x).subspan(
                static_cast<std::size_t>(slice.group) * blocks, blocks);
            for (std::int64_t o = slice.first_output; o < slice.last_output; ++o)
                op.y[row * op.w.out + o] = dot_q8_k(op.w.type, op.w.row(o), part);
        });
    }
}

// Every weight row decoded once, the sums as in dot_f32 (`Sum` is its accumulator). Four rows of
// x at a time: each keeps its own ascending sum, and the four chains of additions overlap.
template <class Sum>
void multiply_decoded(const MatMul& op) {
    const std::int64_t width = op.groups * op.w.in;
    std::vector<float> w(static_cast<std::size_t>(op.w.in));
    for_each_group(op, [&](const Slice& slice) {
        for (std::int64_t o = slice.first_output; o < slice.last_output; ++o) {
            dequantise_row(op.w.type, op.w.row(o), op.w.in, w.data());
            for (std::int64_t row = 0; row < op.rows; row += 4) {
                const std::int64_t rows = std::min<std::int64_t>(4, op.rows - row);
                const float* x = op.x + row * width + slice.group * op.w.in;
                // Missing rows repeat the first one.
                const float* x1 = rows > 1 ? x + width : x;
                const float* x2 = rows > 2 ? x + 2 * width : x;
                const float* x3 = rows > 3 ? x + 3 * width : x;
                Sum sum[4] = {};
                for (std::int64_t i = 0; i < op.w.in; ++i) {
                    const Sum weight = w[i];
                    sum[0] += weight * static_cast<Sum>(x[i]);
                    sum[1] += weight * static_cast<Sum>(x1[i]);
                    sum[2] += weight * static_cast<Sum>(x2[i]);
                    sum[3] += weight * static_cast<Sum>(x3[i]);
                }
                for (std::int64_t r = 0; r < rows; ++r)
                    op.y[(row + r) * op.w.out + o] = static_cast<float>(sum[r]);
            }
        }
    });
}

void multiply_f32(const MatMul& op) {
    if (op.rows == 1) {
        for_each_group(op, [&](const Slice& slice) {
            for (std::int64_t o = slice.first_output; o < slice.last_output; ++o)
                op.y[o] = dot_f32(op.w.type, op.w.row(o), op.x + slice.group * op.w.in, op.w.in);
        });
    } else if (op.w.type == DataType::f16) {
        multiply_decoded<float>(op);
    } else {
        multiply_decoded<double>(op);
    }
}

}  // namespace

void mat_mul_ref(const MatMul& op, Activations activations) {
    const ActivationFormat format =
        activations == Activations::int8 ? activation_format(op.w.type) : ActivationFormat::f32;
    switch (format) {
        case ActivationFormat::q8_0:
            return multiply_q8_0(op);
        case ActivationFormat::q8_k:
            return multiply_q8_k(op);
        case ActivationFormat::f32:
            return multiply_f32(op);
    }
}

}  // namespace starglass

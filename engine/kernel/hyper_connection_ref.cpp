// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"
#include "tensor/block_format.h"

namespace starglass {
namespace {

// fn times the streams of one token, normed together as one vector of C*E.
void mix_values(const float* h, const Weight& fn, float epsilon, std::vector<float>& normed,
                float* m) {
    normed.resize(static_cast<std::size_t>(fn.in));
    rms_norm_ref({.x = h,
                  .weight = nullptr,
                  .y = normed.data(),
                  .rows = 1,
                  .dim = fn.in,
                  .epsilon = epsilon});
    for (std::int64_t o = 0; o < fn.out; ++o)
        m[o] = dot_f32(fn.type, fn.row(o), normed.data(), fn.in);
}

// One token's streams weighted into one vector. The raw streams, not the normed ones.
void weighted_sum(const float* h, const float* weight, int streams, std::int64_t dim, float* u) {
    for (std::int64_t i = 0; i < dim; ++i) {
        float sum = 0.0F;
        for (int c = 0; c < streams; ++c) sum += weight[c] * h[c * dim + i];
        u[i] = sum;
    }
}

// The output head uses this two-sided form, the mixing gates the plain one; they may differ in
// the last bit.
float sigmoid_two_sided(float x) {
    if (x >= 0.0F) return 1.0F / (1.0F + std::exp(-x));
    const float e = std::exp(x);
    return e / (1.0F + e);
}

}  // namespace

void sinkhorn(float* m, int size, int iterations, float epsilon) {
    const auto scale = [&](int first, int stride) {
        float sum = 0.0F;
        for (int k = 0; k < size; ++k) sum += m[first + k * stride];
        const float inverse = 1.0F / (sum + epsilon);
        for (int k = 0; k < size; ++k) m[first + k * stride] *= inverse;
    };
    for (int i = 0; i < size; ++i) {
        float* row = m + i * size;
        const float largest = *std::max_element(row, row + size);
        float sum = 0.0F;
        for (int j = 0; j < size; ++j) {
            row[j] = std::exp(row[j] - largest);
            sum += row[j];
        }
        const float inverse = 1.0F / sum;
        for (int j = 0; j < size; ++j) row[j] = row[j] * inverse + epsilon;
    }
    for (int iteration = 0; iteration < iterations; ++iteration) {
        if (iteration > 0)
            for (int i = 0; i < size; ++i) scale(i * size, 1);
        for (int j = 0; j < size; ++j) scale(j, size);
    }
}

void hyper_pre_ref(const HyperPre& op) {
    const int c = op.streams;
    std::vector<float> normed;
    std::vector<float> m(static_cast<std::size_t>(2 * c + c * c));
    std::vector<float> pre(static_cast<std::size_t>(c));
    for (int row = 0; row < op.rows; ++row) {
        const float* h = op.h + row * (c * op.dim);
        float* post = op.post + row * c;
        float* comb = op.comb + row * c * c;
        mix_values(h, op.fn, op.epsilon, normed, m.data());
        for (int i = 0; i < c; ++i) {
            const float z = m[i] * op.scale[0] + op.base[i];
            pre[i] = 1.0F / (1.0F + std::exp(-z)) + op.hyper_epsilon;
        }
        for (int i = 0; i < c; ++i) {
            const float z = m[c + i] * op.scale[1] + op.base[c + i];
            post[i] = 2.0F / (1.0F + std::exp(-z));
        }
        for (int i = 0; i < c * c; ++i) comb[i] = m[2 * c + i] * op.scale[2] + op.base[2 * c + i];
        sinkhorn(comb, c, op.sinkhorn, op.hyper_epsilon);
        weighted_sum(h, pre.data(), c, op.dim, op.u + row * op.dim);
    }
}

void hyper_post_ref(const HyperPost& op) {
    const int c = op.streams;
    for (int row = 0; row < op.rows; ++row) {
        const float* h = op.h + row * (c * op.dim);
        const float* y = op.y + row * op.dim;
        const float* post = op.post + row * c;
        const float* comb = op.comb + row * c * c;
        float* out = op.out + row * (c * op.dim);
        for (int d = 0; d < c; ++d)
            for (std::int64_t i = 0; i < op.dim; ++i) {
                float sum = y[i] * post[d];
                for (int s = 0; s < c; ++s) sum += comb[s * c + d] * h[s * op.dim + i];
                out[d * op.dim + i] = sum;
            }
    }
}

void hyper_head_ref(const HyperHead& op) {
    const int c = op.streams;
    std::vector<float> normed;
    std::vector<float> weight(static_cast<std::size_t>(c));
    for (int row = 0; row < op.rows; ++row) {
        const float* h = op.h + row * (c * op.dim);
        mix_values(h, op.fn, op.epsilon, normed, weight.data());
        for (int i = 0; i < c; ++i)
            weight[i] = sigmoid_two_sided(weight[i] * op.scale[0] + op.base[i]) + op.hyper_epsilon;
        weighted_sum(h, weight.data(), c, op.dim, op.v + row * op.dim);
    }
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"
#include "tensor/block_format.h"

namespace starglass {
namespace {

// One output row from a full frontier.
void pool(const Compress& op, float* out) {
    const int columns = op.coff * op.width;
    const auto at = [&](const float* state, int slot, int column) {
        return state[static_cast<std::int64_t>(slot) * columns + column];
    };
    for (int j = 0; j < op.width; ++j) {
        // With overlap the previous group (slots 0..ratio-1) gives the first half of its
        // columns, the current one (slots ratio..) the second half.
        float largest = at(op.frontier_score, 0, j);
        for (int t = 0; t < op.ratio; ++t) {
            largest = std::max(largest, at(op.frontier_score, t, j));
            if (op.coff == 2)
                largest = std::max(largest, at(op.frontier_score, op.ratio + t, op.width + j));
        }
        float denominator = 0.0F;
        float sum = 0.0F;
        for (int t = 0; t < op.ratio; ++t) {
            const float a = std::exp(at(op.frontier_score, t, j) - largest);
            if (op.coff == 2) {
                const float b =
                    std::exp(at(op.frontier_score, op.ratio + t, op.width + j) - largest);
                denominator += a + b;
                sum += a * at(op.frontier_kv, t, j);
                sum += b * at(op.frontier_kv, op.ratio + t, op.width + j);
            } else {
                denominator += a;
                sum += a * at(op.frontier_kv, t, j);
            }
        }
        out[j] = sum / denominator;  // the largest score alone makes the denominator at least 1
    }
}

}  // namespace

void compress_ref(const Compress& op) {
    const std::int64_t columns = static_cast<std::int64_t>(op.coff) * op.width;
    const std::int64_t group = op.ratio * columns;
    const int current = op.coff == 2 ? op.ratio : 0;  // first slot of the group being filled
    std::vector<float> ape(static_cast<std::size_t>(columns));
    float* out = op.out;
    for (int row = 0; row < op.rows; ++row) {
        const auto phase = static_cast<int>((op.first_position + row) % op.ratio);
        dequantise_row(op.ape.type, op.ape.row(phase), columns, ape.data());
        float* kv = op.frontier_kv + (current + phase) * columns;
        float* score = op.frontier_score + (current + phase) * columns;
        std::copy_n(op.kv + row * columns, columns, kv);
        for (std::int64_t j = 0; j < columns; ++j) score[j] = op.gate[row * columns + j] + ape[j];
        if (phase + 1 < op.ratio) continue;

        pool(op, out);
        out += op.width;
        if (op.coff == 2) {
            std::copy_n(op.frontier_kv + group, group, op.frontier_kv);
            std::copy_n(op.frontier_score + group, group, op.frontier_score);
        }
        std::fill_n(op.frontier_kv + current * columns, group, 0.0F);
        std::fill_n(op.frontier_score + current * columns, group, kEmptyScore);
    }
}

}  // namespace starglass

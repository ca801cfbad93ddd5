// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"

namespace starglass {
namespace {

// Every row one query sees, decoded: raw oldest to newest, then compressed ascending.
void gather(const Attention& op, int row, std::vector<float>& rows) {
    const std::int64_t position = op.first_position + row;
    const std::int64_t first = std::max<std::int64_t>(0, position - op.window + 1);
    const std::int64_t raw = position - first + 1;
    std::int64_t compressed = 0;
    if (op.ratio != 0)
        compressed = op.selected != nullptr ? op.counts[row] : (position + 1) / op.ratio;
    rows.resize(static_cast<std::size_t>((raw + compressed) * op.width));
    float* out = rows.data();
    for (std::int64_t p = first; p <= position; ++p, out += op.width)
        decode_row(op.raw.layout, op.raw.row(p), out);
    const std::int32_t* selected =
        op.selected != nullptr ? op.selected + static_cast<std::int64_t>(row) * op.selected_stride
                               : nullptr;
    for (std::int64_t c = 0; c < compressed; ++c, out += op.width)
        decode_row(op.compressed.layout, op.compressed.row(selected != nullptr ? selected[c] : c),
                   out);
}

}  // namespace

void attention_ref(const Attention& op) {
    const float scale = 1.0F / std::sqrt(static_cast<float>(op.width));
    std::vector<float> rows;
    std::vector<float> z;
    for (int row = 0; row < op.rows; ++row) {
        gather(op, row, rows);
        const std::size_t count = rows.size() / static_cast<std::size_t>(op.width);
        z.resize(count);
        for (int head = 0; head < op.heads; ++head) {
            const std::int64_t offset =
                (static_cast<std::int64_t>(row) * op.heads + head) * op.width;
            const float* q = op.q + offset;
            float* o = op.out + offset;
            float largest = op.sinks[head];
            for (std::size_t i = 0; i < count; ++i) {
                const float* k = rows.data() + i * op.width;
                float dot = 0.0F;
                for (int j = 0; j < op.width; ++j) dot += q[j] * k[j];
                z[i] = dot * scale;
                largest = std::max(largest, z[i]);
            }
            float denominator = std::exp(op.sinks[head] - largest);
            std::fill_n(o, op.width, 0.0F);
            for (std::size_t i = 0; i < count; ++i) {
                const float* v = rows.data() + i * op.width;
                const float w = std::exp(z[i] - largest);
                denominator += w;
                for (int j = 0; j < op.width; ++j) o[j] += w * v[j];
            }
            const float inverse = 1.0F / denominator;
            for (int j = 0; j < op.width; ++j) o[j] *= inverse;
        }
    }
}

}  // namespace starglass

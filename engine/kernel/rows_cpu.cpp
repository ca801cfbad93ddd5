// SPDX-License-Identifier: MIT
//
// Rounding to codes is exact, so it stays with tensor/row_codec; the rows are spread over threads.
#include <algorithm>

#include "kernel/cpu_context.h"

namespace starglass {

void encode_rows_cpu(CpuContext& context, const EncodeRows& op) {
    const int width = op.layout.width;
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int worker) {
        const float* values = op.x + row * width;
        if (op.hadamard) {
            auto* transformed = context.start_item(worker).take<float>(width);
            std::copy_n(values, width, transformed);
            hadamard(transformed, width);
            values = transformed;
        }
        encode_row(op.layout, values, op.destination[row]);
    });
}

void index_query_cpu(CpuContext& context, const IndexQuery& op) {
    context.pool().parallel_for(op.rows * op.heads, 8, [&](std::int64_t head, int) {
        float* x = op.x + head * op.width;
        hadamard(x, op.width);
        if (op.round) fp4_round(x, op.width);
    });
}

}  // namespace starglass

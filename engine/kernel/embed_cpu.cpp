// SPDX-License-Identifier: MIT
#include <algorithm>

#include "kernel/cpu_context.h"
#include "tensor/block_format.h"

namespace starglass {

void embed_cpu(CpuContext& context, const Embed& op) {
    const std::int64_t dim = op.table.in;
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int) {
        float* first = op.y + row * op.streams * dim;
        dequantise_row(op.table.type, op.table.row(op.tokens[row]), dim, first);
        for (int stream = 1; stream < op.streams; ++stream)
            std::copy_n(first, dim, first + stream * dim);
    });
}

}  // namespace starglass

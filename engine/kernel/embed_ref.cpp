// SPDX-License-Identifier: MIT
#include <algorithm>

#include "kernel/reference_kernels.h"
#include "tensor/block_format.h"

namespace starglass {

void embed_ref(const Embed& op) {
    const std::int64_t dim = op.table.in;
    for (int row = 0; row < op.rows; ++row) {
        float* first = op.y + static_cast<std::int64_t>(row) * op.streams * dim;
        dequantise_row(op.table.type, op.table.row(op.tokens[row]), dim, first);
        for (int stream = 1; stream < op.streams; ++stream)
            std::copy_n(first, dim, first + stream * dim);
    }
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "kernel/reference_kernels.h"

namespace starglass {

void encode_rows_ref(const EncodeRows& op) {
    const int width = op.layout.width;
    std::vector<float> values(static_cast<std::size_t>(width));
    for (std::int64_t row = 0; row < op.rows; ++row) {
        std::copy_n(op.x + row * width, width, values.data());
        if (op.hadamard) hadamard(values.data(), width);
        encode_row(op.layout, values.data(), op.destination[row]);
    }
}

void index_query_ref(const IndexQuery& op) {
    for (std::int64_t head = 0; head < op.rows * op.heads; ++head) {
        float* x = op.x + head * op.width;
        hadamard(x, op.width);
        if (op.round) fp4_round(x, op.width);
    }
}

}  // namespace starglass

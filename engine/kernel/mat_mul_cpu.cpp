// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "kernel/weight_dot.h"

namespace starglass {

void mat_mul_cpu(CpuContext& context, const MatMul& op) {
    Arena& arena = context.start_op();
    const std::int64_t groups = op.groups;
    // A slice is a vector of its own: slice g of row t is number t*groups + g of x. Those of one
    // group come together.
    std::int32_t* source = nullptr;
    if (groups > 1 && op.rows > 1) {
        source = arena.take<std::int32_t>(groups * op.rows);
        for (std::int64_t group = 0; group < groups; ++group)
            for (std::int64_t row = 0; row < op.rows; ++row)
                source[group * op.rows + row] = static_cast<std::int32_t>(row * groups + group);
    }
    const DotInput input =
        make_dot_input(context, arena, op.w.type, op.x, op.rows * groups, op.w.in, source, op.rows);

    const std::int64_t outputs = op.w.out / groups;
    // A lone vector waits for memory, and for the thread that comes last: smaller pieces.
    const std::int64_t piece =
        context.piece(op.w.out, kDotRowsTile, op.rows == 1 ? 2 * kDotRowsTile : 64);
    const std::int64_t pieces = (outputs + piece - 1) / piece;
    const std::int64_t work = op.rows * op.w.out * op.w.in;
    context.share(groups * pieces, work, [&](std::int64_t index, int worker) {
        const std::int64_t group = index / pieces;
        const std::int64_t first = group * outputs + index % pieces * piece;
        dot_rows({.type = op.w.type,
                  .w = op.w.row(first),
                  .row_size = op.w.row_size(),
                  .outputs = std::min(piece, (group + 1) * outputs - first),
                  .input = &input,
                  .first = group * op.rows,
                  .count = op.rows,
                  .out = op.y + first,
                  .out_stride = op.w.out},
                 context.start_item(worker));
    });
}

}  // namespace starglass

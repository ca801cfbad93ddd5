// SPDX-License-Identifier: MIT
//
// Sessions whose logits are in host memory read them there, so this form only has to be right: the
// scalar truth, rows over threads.
#include "kernel/cpu_context.h"
#include "kernel/reference_kernels.h"

namespace starglass {

void top_logits_cpu(CpuContext& context, const TopLogits& op) {
    context.pool().parallel_for(op.rows, 1, [&](std::int64_t row, int worker) {
        Arena& scratch = context.start_item(worker);
        top_logits_row(op, row, scratch.take<std::int32_t>(op.vocabulary));
    });
}

}  // namespace starglass

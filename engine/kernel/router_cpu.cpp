// SPDX-License-Identifier: MIT
//
// A few hundred values a token: the scalar form is fast enough, and being the same code makes
// the choice of experts the same. Only the tokens are spread over threads.
#include "kernel/cpu_context.h"
#include "kernel/reference_kernels.h"

namespace starglass {

void router_cpu(CpuContext& context, const Router& op) {
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int worker) {
        Arena& scratch = context.start_item(worker);
        auto* value = scratch.take<float>(op.experts);
        route_token(op, row, value, scratch.take<char>(op.experts));
    });
}

}  // namespace starglass

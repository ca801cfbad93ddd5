// SPDX-License-Identifier: MIT
//
// A few hundred values a token: the scalar form is fast enough, and being the same code makes
// the choice of experts the same. Only the tokens are spread over threads.
#include "kernel/cpu_context.h"
#include "kernel/reference_kernels.h"

namespace starglass {

void router_cpu(CpuContext& context, const Router& op) {
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int) {
        Router one = op;
        one.rows = 1;
        one.logits = op.logits + row * op.experts;
        if (op.tokens != nullptr) one.tokens = op.tokens + row;
        one.selected = op.selected + row * op.used;
        one.weights = op.weights + row * op.used;
        router_ref(one);
    });
}

}  // namespace starglass

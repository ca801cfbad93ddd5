// SPDX-License-Identifier: MIT
#include <cassert>

#include "kernel/vulkan_context.h"
#include "router_params.h"

namespace starglass {

void router_vk(VulkanContext& context, const Router& op) {
    assert(op.experts <= 512 && op.used <= 128);
    if (op.rows == 0) return;
    const std::int64_t rows = op.rows;
    const shaders::RouterParams params{
        .logits = address_of(op.logits),
        .bias = address_of(op.bias),
        .table = address_of(op.table),
        .tokens = op.table != nullptr ? context.stage(op.tokens, rows) : 0,
        .selected = address_of(op.selected),
        .weights = address_of(op.weights),
        .experts = op.experts,
        .used = op.used,
        .has_bias = op.bias != nullptr,
        .has_table = op.table != nullptr,
        .scale = op.scale};
    context.stream.dispatch(
        Shader::router, {}, params, {rows}, {range_of(op.logits, rows * op.experts)},
        {range_of(op.selected, rows * op.used), range_of(op.weights, rows * op.used)});
}

}  // namespace starglass

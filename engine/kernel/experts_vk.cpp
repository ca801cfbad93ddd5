// SPDX-License-Identifier: MIT
#include <algorithm>

#include "add_params.h"
#include "kernel/vulkan_context.h"

namespace starglass {

void routed_experts_vk(VulkanContext& context, const RoutedExperts& op) {
}

void shared_expert_vk(VulkanContext& context, const SharedExpert& op) {
}

void add_vk(VulkanContext& context, const Add& op) {
    const shaders::AddParams params{.x = address_of(op.x),
                                    .y = address_of(op.y),
                                    .count = static_cast<std::uint32_t>(op.count)};
    context.stream.dispatch(Shader::add, {}, params,
                            {std::min<std::int64_t>(divide_up(op.count, 1024), 4096)},
                            {range_of(op.x, op.count)}, {range_of(op.y, op.count)});
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void router_vk(VulkanContext& context, const Router& op) {
}

}  // namespace starglass

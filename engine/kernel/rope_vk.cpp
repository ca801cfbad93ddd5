// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void rope_vk(VulkanContext& context, const Rope& op) {
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void attention_vk(VulkanContext& context, const Attention& op) {
}

}  // namespace starglass

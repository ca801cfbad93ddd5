// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void embed_vk(VulkanContext& context, const Embed& op) {
}

}  // namespace starglass

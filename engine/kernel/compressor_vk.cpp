// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void compress_vk(VulkanContext& context, const Compress& op) {
}

}  // namespace starglass

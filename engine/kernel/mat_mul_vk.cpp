// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void mat_mul_vk(VulkanContext& context, const MatMul& op) {
}

}  // namespace starglass

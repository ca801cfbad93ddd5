// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void index_select_vk(VulkanContext& context, const IndexSelect& op) {
}

}  // namespace starglass

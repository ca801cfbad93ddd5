// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void hyper_pre_vk(VulkanContext& context, const HyperPre& op) {
}

void hyper_post_vk(VulkanContext& context, const HyperPost& op) {
}

void hyper_head_vk(VulkanContext& context, const HyperHead& op) {
}

}  // namespace starglass

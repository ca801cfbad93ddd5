// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

namespace starglass {

void encode_rows_vk(VulkanContext& context, const EncodeRows& op) {
}

void index_query_vk(VulkanContext& context, const IndexQuery& op) {
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// What everything that hands work to a queue needs: a pool for its command buffers, and a timeline
// semaphore that counts what has been done.
#pragma once

#include <cstdint>
#include <span>

#include "gpu/vulkan_api.h"

namespace starglass::gpu {

// Of command buffers that are recorded again one by one.
VkResult make_command_pool(VkDevice device, std::uint32_t queue_family, VkCommandPool& pool);
VkResult allocate_commands(VkDevice device, VkCommandPool pool, std::span<VkCommandBuffer> into);
VkResult begin_commands(VkCommandBuffer commands, VkCommandBufferUsageFlags usage);

// Neither exists when this fails.
VkResult make_timeline(VkDevice device, std::uint32_t queue_family, VkCommandPool& pool,
                       VkSemaphore& semaphore);
void destroy_timeline(VkDevice device, VkCommandPool& pool, VkSemaphore& semaphore);
// However long it takes: a long prefill on a slow device may take minutes, and one that is lost
// says so.
VkResult wait_for_ticket(VkDevice device, VkSemaphore semaphore, std::uint64_t ticket);

}  // namespace starglass::gpu

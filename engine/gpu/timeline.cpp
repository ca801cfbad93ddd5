// SPDX-License-Identifier: MIT
#include "gpu/timeline.h"

namespace starglass::gpu {

VkResult make_command_pool(VkDevice device, std::uint32_t queue_family, VkCommandPool& pool) {
    VkCommandPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    info.queueFamilyIndex = queue_family;
    return vkCreateCommandPool(device, &info, nullptr, &pool);
}

VkResult allocate_commands(VkDevice device, VkCommandPool pool, std::span<VkCommandBuffer> into) {
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = static_cast<std::uint32_t>(into.size());
    return vkAllocateCommandBuffers(device, &info, into.data());
}

VkResult begin_commands(VkCommandBuffer commands, VkCommandBufferUsageFlags usage) {
    VkCommandBufferBeginInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    info.flags = usage;
    return vkBeginCommandBuffer(commands, &info);
}

VkResult make_timeline(VkDevice device, std::uint32_t queue_family, VkCommandPool& pool,
                       VkSemaphore& semaphore) {
    VkSemaphoreTypeCreateInfo type{};
    type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo semaphore_info{};
    semaphore_info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    semaphore_info.pNext = &type;
    VkResult result = make_command_pool(device, queue_family, pool);
    if (result == VK_SUCCESS)
        result = vkCreateSemaphore(device, &semaphore_info, nullptr, &semaphore);
    if (result != VK_SUCCESS) destroy_timeline(device, pool, semaphore);
    return result;
}

void destroy_timeline(VkDevice device, VkCommandPool& pool, VkSemaphore& semaphore) {
    vkDestroySemaphore(device, semaphore, nullptr);
    vkDestroyCommandPool(device, pool, nullptr);
    semaphore = VK_NULL_HANDLE;
    pool = VK_NULL_HANDLE;
}

VkResult wait_for_ticket(VkDevice device, VkSemaphore semaphore, std::uint64_t ticket) {
    constexpr std::uint64_t kNanoseconds = 60'000'000'000;
    VkSemaphoreWaitInfo wait{};
    wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    wait.semaphoreCount = 1;
    wait.pSemaphores = &semaphore;
    wait.pValues = &ticket;
    VkResult result = VK_TIMEOUT;
    while (result == VK_TIMEOUT) result = vkWaitSemaphores(device, &wait, kNanoseconds);
    return result;
}

}  // namespace starglass::gpu

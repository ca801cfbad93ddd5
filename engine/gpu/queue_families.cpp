// SPDX-License-Identifier: MIT
#include "gpu/queue_families.h"

#include <vector>

namespace starglass::gpu {

std::optional<QueueFamilies> choose_queue_families(
    std::span<const VkQueueFamilyProperties> families, bool transfer) {
    // What a family of copies alone may say of itself besides.
    constexpr VkQueueFlags kBeside = VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT;
    QueueFamilies chosen;
    bool computes = false;
    bool quiet = false;
    std::uint32_t index = 0;
    for (const VkQueueFamilyProperties& family : families) {
        const std::uint32_t here = index++;
        if (family.queueCount == 0) continue;
        // A family without graphics is the quieter one where both are offered.
        if ((family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0 && !quiet) {
            quiet = (family.queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0;
            if (!computes || quiet) chosen.compute = here;
            computes = true;
        }
        if (transfer && !chosen.transfer &&
            (family.queueFlags & ~kBeside) == VkQueueFlags{VK_QUEUE_TRANSFER_BIT})
            chosen.transfer = here;
    }
    if (!computes) return std::nullopt;
    return chosen;
}

std::optional<QueueFamilies> queue_families_of(VkPhysicalDevice device, bool transfer) {
    std::uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
    return choose_queue_families(families, transfer);
}

}  // namespace starglass::gpu

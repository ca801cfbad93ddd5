// SPDX-License-Identifier: MIT
//
// Which queues of a device are used for what. Nothing here asks a device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "gpu/vulkan_api.h"

namespace starglass::gpu {

struct QueueFamilies {
    std::uint32_t compute = 0;
    // Of copies alone: a copy engine that works beside the kernels. Families that decode or encode
    // video copy as well and are left to what they are for.
    std::optional<std::uint32_t> transfer;
};

// Nothing where no family computes. `transfer`: whether one of its own is wanted.
std::optional<QueueFamilies> choose_queue_families(
    std::span<const VkQueueFamilyProperties> families, bool transfer);

// Those of a device.
std::optional<QueueFamilies> queue_families_of(VkPhysicalDevice device, bool transfer);

}  // namespace starglass::gpu

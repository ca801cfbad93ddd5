// SPDX-License-Identifier: MIT
//
// What device_info.cpp and device.cpp share: an instance, and the probe of one physical device.
#pragma once

#include <vector>

#include "base/result.h"
#include "gpu/device_info.h"
#include "gpu/vulkan_api.h"

namespace starglass::gpu {

struct Instance {
    VkInstance handle = VK_NULL_HANDLE;
    bool validated = false;
    std::vector<VkPhysicalDevice> devices;
};

// One for the whole process, with the validation layer and without. Errors: not_found when there is
// no loader or no driver. Any thread.
Result<Instance> make_instance(bool validation);
DeviceInfo probe(VkInstance instance, VkPhysicalDevice device, int index);

}  // namespace starglass::gpu

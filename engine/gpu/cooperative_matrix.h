// SPDX-License-Identifier: MIT
//
// VK_KHR_cooperative_matrix as far as it is needed here; Debian 12's headers are older than it.
#pragma once

#include "gpu/vulkan_api.h"

namespace starglass::gpu {

inline constexpr const char* kCooperativeMatrixExtension = "VK_KHR_cooperative_matrix";

struct CooperativeMatrixFeatures {
    VkStructureType sType = static_cast<VkStructureType>(1000506000);
    void* pNext = nullptr;
    VkBool32 cooperativeMatrix = VK_FALSE;
    VkBool32 cooperativeMatrixRobustBufferAccess = VK_FALSE;
};

struct CooperativeMatrixProperties {
    VkStructureType sType = static_cast<VkStructureType>(1000506001);
    void* pNext = nullptr;
    std::uint32_t MSize = 0, NSize = 0, KSize = 0;
    std::int32_t AType = 0, BType = 0, CType = 0, ResultType = 0;  // 0: f16, 1: f32
    VkBool32 saturatingAccumulation = VK_FALSE;
    std::int32_t scope = 0;  // 3: subgroup
};

using GetCooperativeMatrixProperties = VkResult(VKAPI_PTR*)(
    VkPhysicalDevice device, std::uint32_t* count, CooperativeMatrixProperties* properties);

}  // namespace starglass::gpu

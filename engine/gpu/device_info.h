// SPDX-License-Identifier: MIT
//
// What a Vulkan device can do, as probed. Nothing here opens a device.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace starglass::gpu {

enum class DeviceKind { discrete, integrated, virtual_gpu, software, other };

struct MemoryHeap {
    std::int64_t bytes = 0;
    std::int64_t free_bytes = 0;  // the driver's budget less its use; `bytes` where it says nothing
    bool device_local = false;
    bool host_visible = false;  // some type of memory in it can be mapped
};

// One m x n x k shape a cooperative matrix product of f16 into f32 may have, subgroup scope.
struct MatrixShape {
    std::uint32_t m = 0, n = 0, k = 0;
};

// What a kernel may choose by. `mask` of DeviceOptions can only take away.
struct Features {
    bool integer_dot = false;         // packed 4 x int8 products
    bool float16 = false;             // arithmetic on 16-bit floats
    bool int8 = false;                // arithmetic on bytes
    bool storage16 = false;           // 16-bit values in buffers
    bool storage8 = false;            // bytes in buffers
    bool cooperative_matrix = false;  // f16 x f16 into f32, 16 x 16 x 16, one subgroup
    bool subgroup_size_control = false;
    bool memory_budget = false;
    bool memory_model = false;    // with the scope of the device
    bool transfer_queue = false;  // of copies alone, beside the kernels'
};

struct DeviceInfo {
    int index = 0;  // in the order the loader gives
    std::string name;
    std::string driver;
    DeviceKind kind = DeviceKind::other;
    std::uint32_t api_version = 0;
    std::uint32_t vendor = 0, device = 0, driver_version = 0;
    std::string uuid;  // of the pipeline cache, hex
    std::uint32_t subgroup_size = 0, subgroup_min = 0, subgroup_max = 0;
    Features features;
    std::vector<MatrixShape> matrix_shapes;
    std::vector<MemoryHeap> heaps;
    std::uint32_t shared_memory = 0;   // bytes a workgroup may share
    std::uint32_t workgroup_size = 0;  // invocations
    std::array<std::uint32_t, 3>
        workgroups_max{};               // of a dispatch, by dimension; 65,535 is promised
    std::int64_t storage_range = 0;     // bytes of one descriptor; kernels use addresses instead
    std::int64_t allocation_max = 0;    // bytes of one allocation
    std::uint32_t allocations_max = 0;  // how many
    double timestamp_period = 0;        // nanoseconds a tick, 0: no timestamps
    std::string unusable;               // one sentence, empty where the engine can run on it

    [[nodiscard]] bool usable() const { return unusable.empty(); }
    [[nodiscard]] std::int64_t device_bytes() const;       // of all device-local heaps
    [[nodiscard]] std::int64_t device_free_bytes() const;  // of them
};

std::string_view name_of(DeviceKind kind);

// Every device the loader knows, software ones included. Errors: not_found when there is no Vulkan
// loader or no driver.
Result<std::vector<DeviceInfo>> list_devices();

// `wanted`: empty for the best real GPU (discrete before integrated, more memory first; never a
// software driver), else an index or part of a name in any case. Errors: not_found with the names
// there are.
Result<DeviceInfo> choose_device(const std::vector<DeviceInfo>& devices, const std::string& wanted);

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
//
// The Vulkan devices of this machine, as their drivers describe them: for lists that people choose
// from. Nothing here opens a device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/result.h"

namespace starglass {

struct DeviceDescription {
    enum class Kind { discrete, integrated, virtual_gpu, software, other };
    struct Heap {
        std::uint64_t bytes = 0;
        std::uint64_t free_bytes = 0;  // `bytes` where the driver does not say (no memory_budget)
        bool device_local = false;
        bool host_visible = false;
    };
    // A product of m x k and k x n matrices of f16 that one subgroup does at once.
    struct MatrixShape {
        int m = 0, n = 0, k = 0;
    };

    int index = 0;  // what EngineOptions::device takes
    std::string name;
    Kind kind = Kind::other;
    std::string kind_text;  // "discrete GPU", "software driver"
    std::string driver;
    std::string api_version;                         // "1.3.274"
    std::uint64_t memory_bytes = 0, free_bytes = 0;  // of its largest heap of its own
    std::vector<Heap> heaps;
    int subgroup_size = 0, subgroup_min = 0, subgroup_max = 0;
    bool storage8 = false, storage16 = false, float16 = false, int8 = false;
    bool integer_dot = false, cooperative_matrix = false;
    bool memory_budget = false, transfer_queue = false;
    std::vector<MatrixShape> matrix_shapes;

    std::string unusable;    // why the engine cannot run on it, one phrase; empty when it can
    bool automatic = false;  // the one that BackendKind::automatic compares with the CPU
};

// All of them, software drivers too; some tens of milliseconds, the first time. Any thread.
// Errors: not_found when there is no Vulkan loader or no driver.
Result<std::vector<DeviceDescription>> list_vulkan_devices();

// Whether an error is a graphics processor's or its driver's: then the CPU, or fewer layers on the
// device, may do what failed. All their sentences name the one or the other.
inline bool is_device_error(const Error& error) {
    for (const char* word : {"graphics processor", "graphics driver", "Vulkan"})
        if (error.message.find(word) != std::string::npos) return true;
    return false;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "engine/devices.h"

#include "gpu/device_info.h"

namespace starglass {
namespace {

using Kind = DeviceDescription::Kind;

Kind kind_of(gpu::DeviceKind kind) {
    switch (kind) {
        case gpu::DeviceKind::discrete:
            return Kind::discrete;
        case gpu::DeviceKind::integrated:
            return Kind::integrated;
        case gpu::DeviceKind::virtual_gpu:
            return Kind::virtual_gpu;
        case gpu::DeviceKind::software:
            return Kind::software;
        case gpu::DeviceKind::other:
            break;
    }
    return Kind::other;
}

DeviceDescription describe(const gpu::DeviceInfo& info) {
    DeviceDescription out;
    out.index = info.index;
    out.name = info.name;
    out.kind = kind_of(info.kind);
    out.kind_text = name_of(info.kind);
    out.driver = info.driver;
    // As Vulkan packs it: 3 bits of variant, then 7, 10 and 12.
    out.api_version = fmt::format("{}.{}.{}", info.api_version >> 22U & 0x7FU,
                                  info.api_version >> 12U & 0x3FFU, info.api_version & 0xFFFU);
    out.memory_bytes = static_cast<std::uint64_t>(info.device_bytes());
    out.free_bytes = static_cast<std::uint64_t>(info.device_free_bytes());
    for (const gpu::MemoryHeap& heap : info.heaps)
        out.heaps.push_back({static_cast<std::uint64_t>(heap.bytes),
                             static_cast<std::uint64_t>(heap.free_bytes), heap.device_local,
                             heap.host_visible});
    out.subgroup_size = static_cast<int>(info.subgroup_size);
    out.subgroup_min = static_cast<int>(info.subgroup_min);
    out.subgroup_max = static_cast<int>(info.subgroup_max);
    out.storage8 = info.features.storage8;
    out.storage16 = info.features.storage16;
    out.float16 = info.features.float16;
    out.int8 = info.features.int8;
    out.integer_dot = info.features.integer_dot;
    out.cooperative_matrix = info.features.cooperative_matrix;
    out.memory_budget = info.features.memory_budget;
    out.transfer_queue = info.features.transfer_queue;
    for (const gpu::MatrixShape& shape : info.matrix_shapes)
        out.matrix_shapes.push_back(
            {static_cast<int>(shape.m), static_cast<int>(shape.n), static_cast<int>(shape.k)});
    out.unusable = info.unusable;
    return out;
}

}  // namespace

Result<std::vector<DeviceDescription>> list_vulkan_devices() {
    TRY(const std::vector<gpu::DeviceInfo> infos, gpu::list_devices());
    if (infos.empty())
        return fail(ErrorCode::not_found,
                    "there is a Vulkan loader but no driver with a device; install the one of your "
                    "graphics card (mesa-vulkan-drivers for AMD and Intel), or run on the CPU");
    std::vector<DeviceDescription> result;
    const auto best = gpu::choose_device(infos, {});
    for (const gpu::DeviceInfo& info : infos) {
        result.push_back(describe(info));
        result.back().automatic = best && best->index == info.index;
    }
    return result;
}

}  // namespace starglass

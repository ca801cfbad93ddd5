// SPDX-License-Identifier: MIT
//
// An open device: memory, pipelines, one queue for work and, where it has one, another for copies.
// Buffers are known by device address (buffer_device_address), so no descriptor is ever bound and
// no range limit applies: a tensor may be larger than maxStorageBufferRange. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "gpu/device_info.h"
#include "gpu/vulkan_api.h"
#include "shader_modules.h"

namespace starglass::gpu {

struct DeviceOptions {
    std::string device;        // as choose_device takes it
    bool validation = false;   // the Khronos layer, where it is installed; messages are counted
    std::string cache_folder;  // of pipelines; empty: none is kept
    Features mask{true, true, true, true, true, true, true, true, true, true};  // false takes away
    std::int64_t memory_limit = 0;  // bytes of device memory at most; 0: what there is
};

// A piece of device memory. `host` is where the CPU sees it, null where it does not.
struct Buffer {
    std::uint64_t address = 0;
    std::int64_t bytes = 0;
    std::byte* host = nullptr;
};

enum class MemoryUse {
    device,    // fastest for kernels
    upload,    // written by the CPU, read by kernels and copies
    params,    // the same, small and read at once: on the device where the CPU can write there
    readback,  // written by copies, read by the CPU
};

using SpecConstants = std::array<std::uint32_t, 6>;

struct Pipeline {
    VkPipeline handle = VK_NULL_HANDLE;
    Shader shader{};
    SpecConstants constants{};
};

// Where a kernel finds its parameters: in push constants, or in memory at the address that these
// hold, for recordings that run again.
enum class Params : std::uint8_t { pushed, stored };

class Device {
public:
    static Result<std::unique_ptr<Device>> open(const DeviceOptions& options);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    [[nodiscard]] const DeviceInfo& info() const { return info_; }
    [[nodiscard]] const Features& features() const { return info_.features; }

    // Errors: out_of_memory. 256-byte aligned.
    Result<Buffer> allocate(std::int64_t bytes, MemoryUse use = MemoryUse::device);
    void release(const Buffer& buffer);
    [[nodiscard]] std::int64_t allocated_bytes() const { return allocated_; }
    // What may still be allocated, as the driver sees it now and within the limit.
    [[nodiscard]] std::int64_t free_bytes() const;

    // The buffer and offset behind an address, for copies.
    struct Place {
        VkBuffer buffer;
        VkDeviceSize offset;
    };
    [[nodiscard]] Place place(std::uint64_t address) const;

    // Counts buffers that are gone: a place from before may be another's now.
    [[nodiscard]] std::int64_t buffers_released() const { return buffers_released_; }

    // Built at first use and kept. Kernels of prefill only have no stored form (ShaderModule).
    // Errors: internal, out_of_memory.
    Result<const Pipeline*> pipeline(Shader shader, const SpecConstants& constants,
                                     Params params = Params::pushed);
    // Writes the pipelines built so far next to those of other devices; failures are not errors.
    void save_pipelines() const;
    // Whether the pipelines on disk were taken, and if not why, for `starglass-cli devices`.
    [[nodiscard]] const std::string& pipeline_note() const { return pipeline_note_; }

    [[nodiscard]] VkDevice handle() const { return device_; }
    [[nodiscard]] VkQueue queue() const { return queue_; }
    [[nodiscard]] std::uint32_t queue_family() const { return queue_family_; }
    // Of copies that may run beside it: its own where there is one (Features::transfer_queue), else
    // the same.
    [[nodiscard]] VkQueue transfer_queue() const { return transfer_queue_; }
    [[nodiscard]] std::uint32_t transfer_family() const { return transfer_family_; }
    [[nodiscard]] VkPipelineLayout layout() const { return layout_; }

    // Messages of the validation layer since the device was opened.
    [[nodiscard]] int validation_messages() const;
    [[nodiscard]] bool validated() const { return validated_; }

private:
    struct Block;
    Device() = default;
    Status create(const DeviceOptions& options);
    Result<Block*> new_block(std::int64_t bytes, MemoryUse use);
    Status load_pipelines();

    DeviceInfo info_;
    DeviceOptions options_;
    bool validated_ = false;
    VkInstance instance_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    std::uint32_t queue_family_ = 0;
    VkQueue transfer_queue_ = VK_NULL_HANDLE;
    std::uint32_t transfer_family_ = 0;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    std::string pipeline_note_;
    VkPhysicalDeviceMemoryProperties memory_{};

    std::vector<std::unique_ptr<Block>> blocks_;
    std::map<std::uint64_t, Block*> by_address_;
    std::int64_t allocated_ = 0;
    std::int64_t buffers_released_ = 0;
    std::int64_t block_bytes_ = 0;  // small pieces share one of these

    struct PipelineKey {
        Shader shader;
        Params params;
        SpecConstants constants;
        bool operator==(const PipelineKey&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const PipelineKey& key) const;
    };
    std::unordered_map<PipelineKey, Pipeline, KeyHash> pipelines_;
    std::unique_ptr<int> messages_ = std::make_unique<int>(0);
};

// One sentence about a failed call.
Error vulkan_error(VkResult result, const char* doing);

}  // namespace starglass::gpu

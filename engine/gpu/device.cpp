// SPDX-License-Identifier: MIT
#include "gpu/device.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/file_system.h"
#include "gpu/cooperative_matrix.h"
#include "gpu/instance.h"
#include "gpu/pipeline_file.h"
#include "gpu/queue_families.h"

namespace starglass::gpu {
namespace {

constexpr std::int64_t kAlignment = 256;
constexpr std::int64_t kBlockBytes = std::int64_t{64} << 20;
constexpr std::int64_t kBlockBytesLeast = std::int64_t{1} << 20;

std::int64_t round_up(std::int64_t value, std::int64_t step) {
    return (value + step - 1) / step * step;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT /*types*/,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data,
                                          void* count) {
    ++*static_cast<int*>(count);
    fmt::print(stderr, "Vulkan validation: {}\n", data->pMessage);
    return VK_FALSE;
}

}  // namespace

// One allocation of the driver's, and which parts of it are free.
struct Device::Block {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkBuffer buffer = VK_NULL_HANDLE;
    std::uint64_t address = 0;
    std::int64_t bytes = 0;
    std::byte* host = nullptr;
    MemoryUse use = MemoryUse::device;
    std::map<std::int64_t, std::int64_t> free;  // offset to length
    bool whole = false;                         // made for one piece
};

Error vulkan_error(VkResult result, const char* doing) {
    switch (result) {
        case VK_ERROR_OUT_OF_DEVICE_MEMORY:
            return {ErrorCode::out_of_memory,
                    fmt::format("the graphics processor ran out of memory while {}; keep fewer "
                                "layers on it, choose "
                                "a smaller context, or run on the CPU",
                                doing)};
        case VK_ERROR_OUT_OF_HOST_MEMORY:
            return {ErrorCode::out_of_memory,
                    fmt::format("the graphics driver ran out of host memory while {}", doing)};
        case VK_ERROR_DEVICE_LOST:
            return {
                ErrorCode::io,
                fmt::format(
                    "the graphics processor was lost while {}; open the model again, or run it on "
                    "the CPU",
                    doing)};
        default:
            return {
                ErrorCode::internal,
                fmt::format("the graphics driver failed while {} (Vulkan error {}); run on the CPU",
                            doing, static_cast<int>(result))};
    }
}

Result<std::unique_ptr<Device>> Device::open(const DeviceOptions& options) {
    std::unique_ptr<Device> device(new Device);
    if (auto status = device->create(options); !status)
        return tl::unexpected<Error>(status.error());
    return device;
}

Status Device::create(const DeviceOptions& options) {
    options_ = options;
    // Under a limit a block is a small part of it, so that what is allocated is what is used.
    block_bytes_ = kBlockBytes;
    if (options.memory_limit > 0)
        block_bytes_ = std::clamp(options.memory_limit / 256 / kBlockBytesLeast * kBlockBytesLeast,
                                  kBlockBytesLeast, kBlockBytes);
    TRY(const Instance instance, make_instance(options.validation));
    instance_ = instance.handle;
    validated_ = instance.validated;
    std::vector<DeviceInfo> infos;
    for (const VkPhysicalDevice physical : instance.devices)
        infos.push_back(probe(instance_, physical, static_cast<int>(infos.size())));
    TRY(info_, choose_device(infos, options.device));
    physical_ = instance.devices[static_cast<std::size_t>(info_.index)];
    vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);

    if (validated_) {
        VkDebugUtilsMessengerCreateInfoEXT create{};
        create.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
        create.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                                 VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
        create.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                             VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
        create.pfnUserCallback = on_message;
        create.pUserData = messages_.get();
        vkCreateDebugUtilsMessengerEXT(instance_, &create, nullptr, &messenger_);
    }

    const Features& m = options.mask;
    Features& f = info_.features;
    f.integer_dot &= m.integer_dot;
    f.float16 &= m.float16;
    f.int8 &= m.int8;
    f.storage16 &= m.storage16;
    f.storage8 &= m.storage8;
    f.memory_model &= m.memory_model;
    f.cooperative_matrix &= m.cooperative_matrix && f.float16 && f.storage16 && f.memory_model;
    f.subgroup_size_control &= m.subgroup_size_control;
    f.memory_budget &= m.memory_budget;
    f.transfer_queue &= m.transfer_queue;

    const std::optional<QueueFamilies> families = queue_families_of(physical_, f.transfer_queue);
    assert(families);  // else it would not have been chosen
    queue_family_ = families->compute;
    transfer_family_ = families->transfer.value_or(queue_family_);

    const float priority = 1.0F;
    std::array<VkDeviceQueueCreateInfo, 2> queues{};
    for (VkDeviceQueueCreateInfo& queue : queues) {
        queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
        queue.queueCount = 1;
        queue.pQueuePriorities = &priority;
    }
    queues[0].queueFamilyIndex = queue_family_;
    queues[1].queueFamilyIndex = transfer_family_;

    std::vector<const char*> extensions;
    VkPhysicalDeviceVulkan11Features f11{};
    f11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    f11.storageBuffer16BitAccess = f.storage16;
    VkPhysicalDeviceVulkan12Features f12{};
    f12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    f12.bufferDeviceAddress = VK_TRUE;
    f12.timelineSemaphore = VK_TRUE;
    f12.scalarBlockLayout = VK_TRUE;
    f12.storageBuffer8BitAccess = f.storage8;
    f12.shaderFloat16 = f.float16;
    f12.shaderInt8 = f.int8;
    // With the model alone, kernels whose workgroups see what others wrote would not be allowed.
    f12.vulkanMemoryModel = f.memory_model;
    f12.vulkanMemoryModelDeviceScope = f.memory_model;
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{};
    dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES;
    dot.shaderIntegerDotProduct = VK_TRUE;
    VkPhysicalDeviceSubgroupSizeControlFeatures control{};
    control.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES;
    control.subgroupSizeControl = VK_TRUE;
    control.computeFullSubgroups = VK_TRUE;
    CooperativeMatrixFeatures matrix;
    matrix.cooperativeMatrix = VK_TRUE;
    f11.pNext = &f12;
    void** tail = &f12.pNext;
    const auto chain = [&](auto& structure) {
        *tail = &structure;
        tail = &structure.pNext;
    };
    const bool core13 = info_.api_version >= VK_API_VERSION_1_3;
    if (f.integer_dot) {
        chain(dot);
        if (!core13) extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    }
    if (f.subgroup_size_control) {
        chain(control);
        if (!core13) extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    }
    if (f.cooperative_matrix) {
        chain(matrix);
        extensions.push_back(kCooperativeMatrixExtension);
    }
    if (f.memory_budget) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    const VkPhysicalDeviceFeatures2 features{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f11, {}};
    VkDeviceCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    create.pNext = &features;
    create.queueCreateInfoCount = transfer_family_ == queue_family_ ? 1 : 2;
    create.pQueueCreateInfos = queues.data();
    create.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();
    if (const VkResult result = vkCreateDevice(physical_, &create, nullptr, &device_);
        result != VK_SUCCESS)
        return tl::unexpected<Error>(vulkan_error(result, "opening it"));
    vkGetDeviceQueue(device_, queue_family_, 0, &queue_);
    vkGetDeviceQueue(device_, transfer_family_, 0, &transfer_queue_);

    const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, 128};
    VkPipelineLayoutCreateInfo layout{};
    layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &push;
    if (const VkResult result = vkCreatePipelineLayout(device_, &layout, nullptr, &layout_);
        result != VK_SUCCESS)
        return tl::unexpected<Error>(vulkan_error(result, "opening it"));
    return load_pipelines();
}

Device::~Device() {
    if (device_ != VK_NULL_HANDLE) {
        vkDeviceWaitIdle(device_);
        for (const auto& [key, pipeline] : pipelines_)
            vkDestroyPipeline(device_, pipeline.handle, nullptr);
        vkDestroyPipelineCache(device_, cache_, nullptr);
        vkDestroyPipelineLayout(device_, layout_, nullptr);
        for (const auto& block : blocks_) {
            vkDestroyBuffer(device_, block->buffer, nullptr);
            vkFreeMemory(device_, block->memory, nullptr);
        }
        vkDestroyDevice(device_, nullptr);
    }
    if (messenger_ != VK_NULL_HANDLE)
        vkDestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
}

int Device::validation_messages() const {
    return *messages_;
}

// --- memory ----------------------------------------------------------------------------------

std::int64_t Device::free_bytes() const {
    std::int64_t result = probe(instance_, physical_, info_.index).device_free_bytes();
    if (options_.memory_limit > 0)
        result = std::min(result, std::max<std::int64_t>(0, options_.memory_limit - allocated_));
    return result;
}

Result<Device::Block*> Device::new_block(std::int64_t bytes, MemoryUse use) {
    if (use == MemoryUse::device && options_.memory_limit > 0 &&
        allocated_ + bytes > options_.memory_limit)
        return tl::unexpected<Error>(
            vulkan_error(VK_ERROR_OUT_OF_DEVICE_MEMORY, "making room for a tensor"));
    auto block = std::make_unique<Block>();
    block->bytes = bytes;
    block->use = use;
    VkBufferCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    create.size = static_cast<VkDeviceSize>(bytes);
    create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                   VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    // Both families may use it without handing it over: that costs images their compression, and
    // buffers nothing.
    create.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
    const std::array families{queue_family_, transfer_family_};
    if (transfer_family_ != queue_family_) {
        create.sharingMode = VK_SHARING_MODE_CONCURRENT;
        create.queueFamilyIndexCount = static_cast<std::uint32_t>(families.size());
        create.pQueueFamilyIndices = families.data();
    }
    VkResult result = vkCreateBuffer(device_, &create, nullptr, &block->buffer);
    if (result != VK_SUCCESS)
        return tl::unexpected<Error>(vulkan_error(result, "making room for a tensor"));
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device_, block->buffer, &needs);

    // In order of preference; the first type that has room is taken.
    constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    constexpr VkMemoryPropertyFlags kMapped =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    std::vector<VkMemoryPropertyFlags> wishes;
    if (use == MemoryUse::device)
        wishes = {kLocal};
    else if (use == MemoryUse::upload)
        wishes = {kMapped};
    else if (use == MemoryUse::params)
        wishes = {kLocal | kMapped, kMapped};
    else
        wishes = {kMapped | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, kMapped};
    result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (const VkMemoryPropertyFlags wish : wishes) {
        for (std::uint32_t type = 0; type < memory_.memoryTypeCount && result != VK_SUCCESS;
             ++type) {
            const VkMemoryPropertyFlags flags = memory_.memoryTypes[type].propertyFlags;
            if ((needs.memoryTypeBits >> type & 1U) == 0 || (flags & wish) != wish) continue;
            VkMemoryAllocateFlagsInfo address{};
            address.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
            address.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
            VkMemoryAllocateInfo allocate{};
            allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
            allocate.pNext = &address;
            allocate.allocationSize = needs.size;
            allocate.memoryTypeIndex = type;
            result = vkAllocateMemory(device_, &allocate, nullptr, &block->memory);
        }
        if (result == VK_SUCCESS) break;
    }
    if (result == VK_SUCCESS) result = vkBindBufferMemory(device_, block->buffer, block->memory, 0);
    if (result == VK_SUCCESS && use != MemoryUse::device) {
        void* mapped = nullptr;
        result = vkMapMemory(device_, block->memory, 0, VK_WHOLE_SIZE, 0, &mapped);
        block->host = static_cast<std::byte*>(mapped);
    }
    if (result != VK_SUCCESS) {
        vkDestroyBuffer(device_, block->buffer, nullptr);
        vkFreeMemory(device_, block->memory, nullptr);
        return tl::unexpected<Error>(vulkan_error(result, "making room for a tensor"));
    }
    const VkBufferDeviceAddressInfo info{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr,
                                         block->buffer};
    block->address = vkGetBufferDeviceAddress(device_, &info);
    if (use == MemoryUse::device) allocated_ += bytes;
    by_address_[block->address] = block.get();
    blocks_.push_back(std::move(block));
    return blocks_.back().get();
}

Result<Buffer> Device::allocate(std::int64_t bytes, MemoryUse use) {
    assert(bytes > 0);
    const std::int64_t needed = round_up(bytes, kAlignment);
    const auto piece = [&](Block& block, std::int64_t offset) {
        return Buffer{block.address + static_cast<std::uint64_t>(offset), needed,
                      block.host != nullptr ? block.host + offset : nullptr};
    };
    if (needed >= block_bytes_ / 2 || use != MemoryUse::device) {
        TRY(Block* const block, new_block(needed, use));
        block->whole = true;
        return piece(*block, 0);
    }
    const auto take = [&](Block& block) -> std::optional<Buffer> {
        for (auto at = block.free.begin(); at != block.free.end(); ++at) {
            const auto [offset, length] = *at;
            if (length < needed) continue;
            block.free.erase(at);
            if (length > needed) block.free[offset + needed] = length - needed;
            return piece(block, offset);
        }
        return std::nullopt;
    };
    for (const auto& block : blocks_)
        if (!block->whole && block->use == use)
            if (auto buffer = take(*block)) return *buffer;
    auto block = new_block(block_bytes_, use);
    if (!block) {
        // A device that is nearly full may still have room for the piece alone.
        TRY(Block* const small, new_block(needed, use));
        small->whole = true;
        return piece(*small, 0);
    }
    (*block)->free[0] = block_bytes_;
    return *take(**block);
}

void Device::release(const Buffer& buffer) {
    if (buffer.address == 0) return;
    auto at = by_address_.upper_bound(buffer.address);
    assert(at != by_address_.begin());
    Block* const block = std::prev(at)->second;
    if (block->whole) {
        if (block->use == MemoryUse::device) allocated_ -= block->bytes;
        ++buffers_released_;
        vkDestroyBuffer(device_, block->buffer, nullptr);
        vkFreeMemory(device_, block->memory, nullptr);
        by_address_.erase(block->address);
        blocks_.erase(std::find_if(blocks_.begin(), blocks_.end(),
                                   [&](const auto& b) { return b.get() == block; }));
        return;
    }
    auto offset = static_cast<std::int64_t>(buffer.address - block->address);
    std::int64_t length = buffer.bytes;
    auto next = block->free.lower_bound(offset);
    if (next != block->free.end() && next->first == offset + length) {
        length += next->second;
        next = block->free.erase(next);
    }
    if (next != block->free.begin()) {
        const auto previous = std::prev(next);
        if (previous->first + previous->second == offset) {
            offset = previous->first;
            length += previous->second;
            block->free.erase(previous);
        }
    }
    block->free[offset] = length;
}

Device::Place Device::place(std::uint64_t address) const {
    const auto at = by_address_.upper_bound(address);
    assert(at != by_address_.begin());
    const Block* const block = std::prev(at)->second;
    assert(address < block->address + static_cast<std::uint64_t>(block->bytes));
    return {block->buffer, address - block->address};
}

// --- pipelines -------------------------------------------------------------------------------

std::size_t Device::KeyHash::operator()(const PipelineKey& key) const {
    std::uint64_t hash = 2 * static_cast<std::uint64_t>(key.shader) +
                         static_cast<std::uint64_t>(key.params) + 0x9E3779B97F4A7C15U;
    for (const std::uint32_t value : key.constants) hash = (hash ^ value) * 0xBF58476D1CE4E5B9U;
    return static_cast<std::size_t>(hash ^ hash >> 29);
}

Status Device::load_pipelines() {
    std::vector<std::byte> data;
    if (!options_.cache_folder.empty()) {
        auto read =
            read_pipeline_file(options_.cache_folder + "/" + pipeline_file_name(info_), info_);
        if (read)
            data = std::move(*read);
        else if (read.error().code != ErrorCode::not_found)
            pipeline_note_ = read.error().message;
    }
    VkPipelineCacheCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
    create.initialDataSize = data.size();
    create.pInitialData = data.data();
    VkResult result = vkCreatePipelineCache(device_, &create, nullptr, &cache_);
    if (result != VK_SUCCESS && !data.empty()) {
        create.initialDataSize = 0;
        result = vkCreatePipelineCache(device_, &create, nullptr, &cache_);
    }
    if (result != VK_SUCCESS)
        return tl::unexpected<Error>(vulkan_error(result, "opening its pipeline cache"));
    return {};
}

void Device::save_pipelines() const {
    if (options_.cache_folder.empty() || pipelines_.empty()) return;
    std::size_t size = 0;
    if (vkGetPipelineCacheData(device_, cache_, &size, nullptr) != VK_SUCCESS) return;
    std::vector<std::byte> data(size);
    if (vkGetPipelineCacheData(device_, cache_, &size, data.data()) != VK_SUCCESS) return;
    data.resize(size);
    if (!FileSystem::disk().make_directory(options_.cache_folder)) return;
    // Without it the next start builds pipelines again; nothing else is lost.
    static_cast<void>(
        write_pipeline_file(options_.cache_folder + "/" + pipeline_file_name(info_), info_, data));
}

Result<const Pipeline*> Device::pipeline(Shader shader, const SpecConstants& constants,
                                         Params params) {
    const PipelineKey key{shader, params, constants};
    if (const auto found = pipelines_.find(key); found != pipelines_.end()) return &found->second;

    const ShaderModule& source = shader_module(shader);
    VkShaderModuleCreateInfo code{};
    code.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    const auto words = params == Params::pushed ? source.words : source.stored_words;
    assert(!words.empty());
    code.codeSize = words.size_bytes();
    code.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    VkResult result = vkCreateShaderModule(device_, &code, nullptr, &module);
    Pipeline pipeline{VK_NULL_HANDLE, shader, constants};
    if (result == VK_SUCCESS) {
        std::array<VkSpecializationMapEntry, std::tuple_size_v<SpecConstants>> entries;
        for (std::uint32_t i = 0; i < entries.size(); ++i) entries[i] = {i, i * 4, 4};
        const VkSpecializationInfo specialization{static_cast<std::uint32_t>(entries.size()),
                                                  entries.data(), sizeof(SpecConstants),
                                                  constants.data()};
        VkComputePipelineCreateInfo create{};
        create.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
        create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
        create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
        create.stage.module = module;
        create.stage.pName = "main";
        create.stage.pSpecializationInfo = &specialization;
        // Kernels share work by subgroup, so each must be full.
        if (info_.features.subgroup_size_control)
            create.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
        create.layout = layout_;
        result = vkCreateComputePipelines(device_, cache_, 1, &create, nullptr, &pipeline.handle);
        vkDestroyShaderModule(device_, module, nullptr);
    }
    if (result != VK_SUCCESS)
        return tl::unexpected<Error>(
            vulkan_error(result, fmt::format("building the kernel {}", source.name).c_str()));
    return &pipelines_.emplace(key, pipeline).first->second;
}

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
#include "gpu/device_info.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <mutex>
#include <optional>

#include "gpu/cooperative_matrix.h"
#include "gpu/instance.h"
#include "gpu/queue_families.h"

namespace starglass::gpu {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

bool has_layer(const char* name) {
    std::uint32_t count = 0;
    vkEnumerateInstanceLayerProperties(&count, nullptr);
    std::vector<VkLayerProperties> layers(count);
    vkEnumerateInstanceLayerProperties(&count, layers.data());
    return std::any_of(layers.begin(), layers.end(), [&](const VkLayerProperties& layer) {
        return std::strcmp(layer.layerName, name) == 0;
    });
}

bool has_instance_extension(const char* name) {
    std::uint32_t count = 0;
    vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    vkEnumerateInstanceExtensionProperties(nullptr, &count, extensions.data());
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const VkExtensionProperties& extension) {
                           return std::strcmp(extension.extensionName, name) == 0;
                       });
}

std::vector<std::string> extensions_of(VkPhysicalDevice device) {
    std::uint32_t count = 0;
    vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
    std::vector<std::string> names;
    for (const VkExtensionProperties& extension : extensions)
        names.emplace_back(extension.extensionName);
    return names;
}

DeviceKind kind_of(VkPhysicalDeviceType type) {
    switch (type) {
        case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
            return DeviceKind::discrete;
        case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
            return DeviceKind::integrated;
        case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
            return DeviceKind::virtual_gpu;
        case VK_PHYSICAL_DEVICE_TYPE_CPU:
            return DeviceKind::software;
        default:
            return DeviceKind::other;
    }
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

void probe_matrices(VkInstance instance, VkPhysicalDevice device, DeviceInfo& info) {
    const auto query = reinterpret_cast<GetCooperativeMatrixProperties>(
        vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
    if (query == nullptr) return;
    std::uint32_t count = 0;
    if (query(device, &count, nullptr) != VK_SUCCESS) return;
    std::vector<CooperativeMatrixProperties> properties(count);
    if (query(device, &count, properties.data()) != VK_SUCCESS) return;
    for (const CooperativeMatrixProperties& p : properties)
        if (p.AType == 0 && p.BType == 0 && p.CType == 1 && p.ResultType == 1 && p.scope == 3)
            info.matrix_shapes.push_back({p.MSize, p.NSize, p.KSize});
}

}  // namespace

std::string_view name_of(DeviceKind kind) {
    switch (kind) {
        case DeviceKind::discrete:
            return "discrete GPU";
        case DeviceKind::integrated:
            return "integrated GPU";
        case DeviceKind::virtual_gpu:
            return "virtual GPU";
        case DeviceKind::software:
            return "software driver";
        case DeviceKind::other:
            break;
    }
    return "device";
}

std::int64_t DeviceInfo::device_bytes() const {
    std::int64_t total = 0;
    for (const MemoryHeap& heap : heaps)
        if (heap.device_local) total = std::max(total, heap.bytes);
    return total;
}

std::int64_t DeviceInfo::device_free_bytes() const {
    std::int64_t total = 0;
    for (const MemoryHeap& heap : heaps)
        if (heap.device_local) total = std::max(total, heap.free_bytes);
    return total;
}

namespace {

Result<Instance> create_instance(bool validation) {
    if (volkInitialize() != VK_SUCCESS)
        return fail(ErrorCode::not_found,
                    "there is no Vulkan loader (libvulkan.so.1) on this machine; install the "
                    "package libvulkan1 "
                    "and your graphics driver, or run on the CPU");
    if (volkGetInstanceVersion() < VK_API_VERSION_1_2)
        return fail(ErrorCode::unsupported,
                    "the Vulkan loader is older than 1.2; update libvulkan1");
    Instance result;
    const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                        .pNext = nullptr,
                                        .pApplicationName = "Starglass",
                                        .applicationVersion = 1,
                                        .pEngineName = "Starglass",
                                        .engineVersion = 1,
                                        .apiVersion = VK_API_VERSION_1_3};
    std::vector<const char*> layers;
    std::vector<const char*> extensions;
    if (validation && has_layer(kValidationLayer) &&
        has_instance_extension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME)) {
        layers.push_back(kValidationLayer);
        extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
        result.validated = true;
    }
    const VkInstanceCreateInfo create{
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = nullptr,
        .flags = 0,
        .pApplicationInfo = &application,
        .enabledLayerCount = static_cast<std::uint32_t>(layers.size()),
        .ppEnabledLayerNames = layers.data(),
        .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
        .ppEnabledExtensionNames = extensions.data()};
    const VkResult made = vkCreateInstance(&create, nullptr, &result.handle);
    if (made == VK_ERROR_INCOMPATIBLE_DRIVER)
        return fail(ErrorCode::not_found,
                    "no Vulkan driver is installed; install the one of your graphics card "
                    "(mesa-vulkan-drivers for AMD and Intel), or run on the CPU");
    if (made != VK_SUCCESS)
        return fail(ErrorCode::unsupported,
                    "Vulkan could not be started (error {}); run on the CPU",
                    static_cast<int>(made));
    // The loader's own entry points: they serve every instance and device.
    static std::once_flag loaded;
    std::call_once(loaded, [&] { volkLoadInstance(result.handle); });
    std::uint32_t count = 0;
    vkEnumeratePhysicalDevices(result.handle, &count, nullptr);
    result.devices.resize(count);
    vkEnumeratePhysicalDevices(result.handle, &count, result.devices.data());
    return result;
}

}  // namespace

Result<Instance> make_instance(bool validation) {
    static std::mutex mutex;
    static std::array<std::optional<Instance>, 2> instances;
    const std::lock_guard lock(mutex);
    std::optional<Instance>& instance = instances[validation ? 1 : 0];
    if (!instance) {
        TRY(instance, create_instance(validation));
    }
    return *instance;
}

DeviceInfo probe(VkInstance instance, VkPhysicalDevice device, int index) {
    DeviceInfo info;
    info.index = index;
    const std::vector<std::string> extensions = extensions_of(device);
    const auto has = [&](const char* name) {
        return std::find(extensions.begin(), extensions.end(), name) != extensions.end();
    };
    VkPhysicalDeviceProperties basic;
    vkGetPhysicalDeviceProperties(device, &basic);
    info.name = basic.deviceName;
    info.kind = kind_of(basic.deviceType);
    info.api_version = basic.apiVersion;
    info.vendor = basic.vendorID;
    info.device = basic.deviceID;
    info.driver_version = basic.driverVersion;
    for (const std::uint8_t byte : basic.pipelineCacheUUID)
        info.uuid += fmt::format("{:02x}", byte);
    info.shared_memory = basic.limits.maxComputeSharedMemorySize;
    info.workgroup_size = std::min(basic.limits.maxComputeWorkGroupInvocations,
                                   basic.limits.maxComputeWorkGroupSize[0]);
    std::copy_n(basic.limits.maxComputeWorkGroupCount, 3, info.workgroups_max.begin());
    info.storage_range = basic.limits.maxStorageBufferRange;
    info.allocations_max = basic.limits.maxMemoryAllocationCount;
    info.timestamp_period =
        basic.limits.timestampComputeAndGraphics ? basic.limits.timestampPeriod : 0;
    if (basic.apiVersion < VK_API_VERSION_1_2) {
        info.unusable = fmt::format("its driver offers Vulkan {}.{}, and 1.2 is needed",
                                    VK_API_VERSION_MAJOR(basic.apiVersion),
                                    VK_API_VERSION_MINOR(basic.apiVersion));
        return info;
    }

    VkPhysicalDeviceSubgroupSizeControlProperties subgroup_range{};
    subgroup_range.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES;
    VkPhysicalDeviceMaintenance3Properties maintenance{};
    maintenance.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
    VkPhysicalDeviceDriverProperties driver{};
    driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
    VkPhysicalDeviceSubgroupProperties subgroup{};
    subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    subgroup.pNext = &driver;
    driver.pNext = &maintenance;
    const bool size_control =
        basic.apiVersion >= VK_API_VERSION_1_3 || has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    if (size_control) maintenance.pNext = &subgroup_range;
    VkPhysicalDeviceProperties2 properties{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &subgroup, {}};
    vkGetPhysicalDeviceProperties2(device, &properties);
    info.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo);
    info.subgroup_size = subgroup.subgroupSize;
    info.subgroup_min = size_control ? subgroup_range.minSubgroupSize : subgroup.subgroupSize;
    info.subgroup_max = size_control ? subgroup_range.maxSubgroupSize : subgroup.subgroupSize;
    info.allocation_max = static_cast<std::int64_t>(
        std::min<VkDeviceSize>(maintenance.maxMemoryAllocationSize, INT64_MAX));

    // Features, each asked for only where its structure is known to the driver.
    VkPhysicalDeviceVulkan11Features f11{};
    f11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    VkPhysicalDeviceVulkan12Features f12{};
    f12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{};
    dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES;
    VkPhysicalDeviceSubgroupSizeControlFeatures control{};
    control.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES;
    CooperativeMatrixFeatures matrix;
    f11.pNext = &f12;
    void** tail = &f12.pNext;
    const auto chain = [&](auto& structure) {
        *tail = &structure;
        tail = &structure.pNext;
    };
    if (basic.apiVersion >= VK_API_VERSION_1_3 ||
        has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME))
        chain(dot);
    if (size_control) chain(control);
    if (has(kCooperativeMatrixExtension)) chain(matrix);
    VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f11, {}};
    vkGetPhysicalDeviceFeatures2(device, &features);
    info.features = {.integer_dot = dot.shaderIntegerDotProduct == VK_TRUE,
                     .float16 = f12.shaderFloat16 == VK_TRUE,
                     .int8 = f12.shaderInt8 == VK_TRUE,
                     .storage16 = f11.storageBuffer16BitAccess == VK_TRUE,
                     .storage8 = f12.storageBuffer8BitAccess == VK_TRUE,
                     .cooperative_matrix = false,
                     .subgroup_size_control = control.subgroupSizeControl == VK_TRUE &&
                                              control.computeFullSubgroups == VK_TRUE,
                     .memory_budget = has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME),
                     .memory_model = f12.vulkanMemoryModel == VK_TRUE &&
                                     f12.vulkanMemoryModelDeviceScope == VK_TRUE};
    if (matrix.cooperativeMatrix == VK_TRUE && info.features.float16 && info.features.storage16 &&
        info.features.memory_model) {
        probe_matrices(instance, device, info);
        info.features.cooperative_matrix =
            std::any_of(info.matrix_shapes.begin(), info.matrix_shapes.end(),
                        [](const MatrixShape& s) { return s.m == 16 && s.n == 16 && s.k == 16; });
    }

    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
    budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
    VkPhysicalDeviceMemoryProperties2 memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                             info.features.memory_budget ? &budget : nullptr,
                                             {}};
    vkGetPhysicalDeviceMemoryProperties2(device, &memory);
    const VkPhysicalDeviceMemoryProperties& types = memory.memoryProperties;
    for (std::uint32_t i = 0; i < types.memoryHeapCount; ++i) {
        MemoryHeap heap;
        heap.bytes = static_cast<std::int64_t>(types.memoryHeaps[i].size);
        heap.free_bytes =
            info.features.memory_budget
                ? std::max<std::int64_t>(0, static_cast<std::int64_t>(budget.heapBudget[i]) -
                                                static_cast<std::int64_t>(budget.heapUsage[i]))
                : heap.bytes;
        heap.device_local = (types.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
        for (std::uint32_t t = 0; t < types.memoryTypeCount; ++t)
            if (types.memoryTypes[t].heapIndex == i &&
                (types.memoryTypes[t].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0)
                heap.host_visible = true;
        info.heaps.push_back(heap);
    }

    const std::optional<QueueFamilies> queues = queue_families_of(device, true);
    info.features.transfer_queue = queues && queues->transfer;

    constexpr VkSubgroupFeatureFlags kNeeded = VK_SUBGROUP_FEATURE_BASIC_BIT |
                                               VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
                                               VK_SUBGROUP_FEATURE_BALLOT_BIT;
    if (!queues)
        info.unusable = "it has no queue for compute work";
    else if (f12.bufferDeviceAddress != VK_TRUE)
        info.unusable = "it has no buffer device addresses";
    else if (f12.timelineSemaphore != VK_TRUE)
        info.unusable = "it has no timeline semaphores";
    else if (f12.scalarBlockLayout != VK_TRUE)
        info.unusable = "it has no scalar block layout";
    else if ((subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) == 0 ||
             (subgroup.supportedOperations & kNeeded) != kNeeded)
        info.unusable = "its compute shaders have no subgroup arithmetic";
    else if (info.workgroup_size < 256 || info.shared_memory < 32768)
        info.unusable = "its workgroups are smaller than 256 invocations and 32 KiB";
    return info;
}

Result<std::vector<DeviceInfo>> list_devices() {
    TRY(const Instance instance, make_instance(false));
    std::vector<DeviceInfo> result;
    for (const VkPhysicalDevice device : instance.devices)
        result.push_back(probe(instance.handle, device, static_cast<int>(result.size())));
    return result;
}

Result<DeviceInfo> choose_device(const std::vector<DeviceInfo>& devices,
                                 const std::string& wanted) {
    std::string names;
    for (const DeviceInfo& device : devices)
        names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", device.index, device.name);
    if (wanted.empty()) {
        const DeviceInfo* best = nullptr;
        const auto rank = [](const DeviceInfo& d) {
            return std::pair(d.kind == DeviceKind::discrete ? 1 : 0, d.device_bytes());
        };
        for (const DeviceInfo& device : devices) {
            if (!device.usable() || device.kind == DeviceKind::software) continue;
            if (best == nullptr || rank(device) > rank(*best)) best = &device;
        }
        if (best != nullptr) return *best;
        return fail(
            ErrorCode::not_found,
            "no graphics processor that the engine can use was found (Vulkan devices: {}); name a "
            "device to use a software driver",
            names.empty() ? "none" : names);
    }
    const DeviceInfo* found = nullptr;
    int number = -1;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (error == std::errc() && end == wanted.data() + wanted.size()) {
        for (const DeviceInfo& device : devices)
            if (device.index == number) found = &device;
    } else {
        for (const DeviceInfo& device : devices)
            if (found == nullptr && lower(device.name).find(lower(wanted)) != std::string::npos)
                found = &device;
    }
    if (found == nullptr)
        return fail(ErrorCode::not_found, "there is no Vulkan device '{}'; there are: {}", wanted,
                    names.empty() ? "none" : names);
    if (!found->usable())
        return fail(ErrorCode::unsupported, "the Vulkan device '{}' cannot run the engine: {}",
                    found->name, found->unusable);
    return *found;
}

}  // namespace starglass::gpu

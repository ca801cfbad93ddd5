// SPDX-License-Identifier: MIT
//
// Models on a Vulkan device through the facade, with what only tests may ask for: features taken
// away, matrices emulated, ops kept apart.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/mapped_file.h"
#include "session/engine_impl.h"
#include "session/placement.h"
#include "vulkan/vulkan_backend.h"

namespace starglass::test {

// Any device will do, a software driver too; SG_TEST_DEVICE names another.
inline std::string test_device() {
    const char* wanted = std::getenv("SG_TEST_DEVICE");
    return wanted != nullptr ? wanted : "0";
}

struct VulkanModelOptions {
    Numerics numerics = Numerics::act8;
    bool plain = false;           // without optional features
    bool emulate_matrix = false;  // matrix kernels in ordinary arithmetic
    bool apart = false;           // every op on its own
    int expert_layers = -1;
    std::int64_t memory = 0;
    std::int64_t context = 4096;
    int threads = 1;
};

// An engine, its backend within reach. Throws where it cannot be.
struct VulkanModel {
    std::shared_ptr<EngineImpl> engine;
    VulkanBackend* backend = nullptr;

    static Result<VulkanModel> open(std::span<const std::byte> bytes,
                                    const VulkanModelOptions& wanted) {
        EngineOptions options;
        options.backend = BackendKind::vulkan;
        options.numerics = wanted.numerics;
        options.context_tokens = wanted.context;
        options.device_expert_layers = wanted.expert_layers;
        options.threads = wanted.threads;
        TRY(EngineImpl::Parts parts, EngineImpl::read(bytes, options, {}, CancelToken()));
        gpu::DeviceOptions device;
        device.device = test_device();
        device.validation = true;
        device.memory_limit = wanted.memory;
        if (wanted.plain) device.mask = {};
        TRY(auto backend,
            make_vulkan_backend(
                wanted.numerics == Numerics::act8 ? Activations::int8 : Activations::f32, device));
        if (wanted.emulate_matrix) backend->emulate_matrix();
        if (wanted.apart) backend->keep_ops_apart();
        VulkanModel model;
        model.backend = backend.get();
        const auto kv_bytes =
            static_cast<std::int64_t>(parts.info.kv_bytes_per_1k_tokens) * wanted.context / 1000;
        TRY(PlacedModel placed, place_on(std::move(backend), parts.shape, parts.weights, kv_bytes,
                                         options, {}, CancelToken()));
        parts.backend = std::move(placed.backend);
        parts.weights = std::move(placed.weights);
        parts.placement = std::move(placed.summary);
        parts.prefill_chunk = placed.prefill_chunk;
        model.engine = std::make_shared<EngineImpl>(std::move(parts));
        return model;
    }
    static VulkanModel get(std::span<const std::byte> bytes, const VulkanModelOptions& wanted) {
        auto model = open(bytes, wanted);
        if (!model) throw std::runtime_error(model.error().message);
        return std::move(*model);
    }
    [[nodiscard]] std::unique_ptr<Session> session() const {
        auto made = engine->create_session();
        if (!made) throw std::runtime_error(made.error().message);
        return std::move(*made);
    }
};

// A file's bytes for as long as a test lasts.
inline std::span<const std::byte> mapped(const std::string& path) {
    static std::map<std::string, MappedFile> files;
    auto at = files.find(path);
    if (at == files.end()) {
        auto file = MappedFile::open(path);
        if (!file) throw std::runtime_error(file.error().message);
        at = files.emplace(path, std::move(*file)).first;
    }
    return at->second.bytes();
}

}  // namespace starglass::test

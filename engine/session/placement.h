// SPDX-License-Identifier: MIT
//
// Which backend a model runs on, and where its weights lie. Everything but routed experts goes to
// the device first, then the experts of whole layers while memory lasts; what is left stays in host
// memory and is computed there.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/cancel.h"
#include "engine/engine.h"
#include "kernel/backend.h"
#include "model/shape.h"
#include "model/weights.h"
#include "vulkan/vulkan_backend.h"

namespace starglass {

struct PlacedModel {
    std::unique_ptr<Backend> backend;
    ModelWeights weights;  // in the backend's memory
    PlacementSummary summary;
    int prefill_chunk = 0;  // 0: as the CPU has it
};

// As `options` ask; BackendKind::automatic decides and says why. `kv_bytes`: what the context's
// rows will take. Errors: not_found when a device is asked for that is not there, out_of_memory
// when even the shared parts do not fit it, cancelled.
Result<PlacedModel> place_model(
    const ModelShape& shape, const ModelWeights& weights, std::int64_t kv_bytes,
    const EngineOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
    const CancelToken& cancel);

// The same on a device that is open. Tests hand in one with features of their choice.
Result<PlacedModel> place_on(
    std::unique_ptr<VulkanBackend> backend, const ModelShape& shape, const ModelWeights& weights,
    std::int64_t kv_bytes, const EngineOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
    const CancelToken& cancel);

// Bytes a second at which memory is read.
struct ReadSpeeds {
    double device = 0, host = 0;
};

// BackendKind::automatic's choice, given a device or why there is none. Whatever goes wrong with
// the device ends on the CPU, and is said. `speeds` are measured where they are not given.
Result<PlacedModel> place_by_speed(
    Result<std::unique_ptr<VulkanBackend>> backend, std::optional<ReadSpeeds> speeds,
    const ModelShape& shape, const ModelWeights& weights, std::int64_t kv_bytes,
    const EngineOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
    const CancelToken& cancel);

// Where place_model() would bring a model, without bringing it there: a device is opened and asked,
// nothing goes to it. Speeds that are 0 are measured where they matter (`host` must be known).
struct PlacementForecast {
    PlacementSummary summary;  // device_bytes: of weights alone
    int prefill_chunk = 0;     // 0: as the CPU has it
    ReadSpeeds speeds;
};
// Errors: as place_model().
Result<PlacementForecast> forecast_placement(const ModelShape& shape, const ModelWeights& weights,
                                             std::int64_t kv_bytes, const EngineOptions& options,
                                             ReadSpeeds speeds, const CancelToken& cancel);

}  // namespace starglass

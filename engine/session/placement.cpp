// SPDX-License-Identifier: MIT
#include "session/placement.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "cpu/machine_speed.h"
#include "cpu/thread_choice.h"
#include "kernel/device_weight.h"
#include "model/decode_bytes.h"
#include "model/forward.h"
#include "model/weight_walk.h"
#include "reference/reference_backend.h"
#include "vulkan/vulkan_backend.h"

namespace starglass {
namespace {

// Tokens of a prefill batch on a device: more give each expert enough rows to fill its tiles, and
// take more scratch, of which at most an eighth of the free memory is given.
constexpr std::array kDeviceChunks{4096, 2048, 1024, 512, 256};
// Left free for the driver, the desktop and what else grows.
constexpr std::int64_t kDeviceReserve = std::int64_t{256} << 20;

int measured_threads() {
    const int logical = static_cast<int>(std::thread::hardware_concurrency());
    return choose_threads(
        measure_thread_speeds(thread_candidates(ThreadPool::default_threads(), logical)));
}

Activations activations_of(const EngineOptions& options) {
    return options.numerics == Numerics::act8 ? Activations::int8 : Activations::f32;
}

PlacedModel on_host(const ModelWeights& weights, const EngineOptions& options) {
    PlacedModel result;
    result.weights = weights;
    if (options.backend == BackendKind::reference) {
        result.backend = make_reference_backend(activations_of(options));
    } else {
        result.backend = make_cpu_backend(
            activations_of(options),
            options.threads == kThreadsByMeasurement ? measured_threads() : options.threads);
    }
    result.summary.backend =
        options.backend == BackendKind::reference ? BackendKind::reference : BackendKind::cpu;
    result.summary.layers = static_cast<int>(weights.layers.size());
    return result;
}

// Every weight and vector of a model in the order they are placed, with where its pointer stands.
// Without a backend their bytes are only counted.
class Placer {
public:
    Placer(VulkanBackend* backend, std::function<void(std::uint64_t, std::uint64_t)> progress,
           const CancelToken& cancel, std::uint64_t total)
        : backend_(backend), progress_(std::move(progress)), cancel_(cancel), total_(total) {}

    Status weight(Weight& w) {
        if (!w) return {};
        if (cancel_.cancelled()) return fail(ErrorCode::cancelled, "loading was cancelled");
        done_ += static_cast<std::uint64_t>(device_layout(w).bytes);
        if (backend_ == nullptr) return {};
        TRY(w, backend_->place(w));
        if (progress_) progress_(done_, total_);
        return {};
    }
    Status vector(const float*& values, std::int64_t count) {
        if (values == nullptr) return {};
        Weight w{reinterpret_cast<const std::byte*>(values), DataType::f32, count, 1, 1};
        TRY_STATUS(weight(w));
        values = reinterpret_cast<const float*>(w.data);
        return {};
    }
    Status table(const std::int32_t*& values, std::int64_t columns, std::int64_t rows) {
        if (values == nullptr) return {};
        Weight w{reinterpret_cast<const std::byte*>(values), DataType::i32, columns, rows, 1};
        TRY_STATUS(weight(w));
        values = reinterpret_cast<const std::int32_t*>(w.data);
        return {};
    }

    [[nodiscard]] std::uint64_t done() const { return done_; }

private:
    VulkanBackend* backend_;
    std::function<void(std::uint64_t, std::uint64_t)> progress_;
    const CancelToken& cancel_;
    std::uint64_t done_ = 0, total_;
};

// Of all that is placed whatever happens to the experts.
Result<std::uint64_t> shared_bytes(const ModelShape& shape, ModelWeights weights,
                                   const CancelToken& cancel) {
    Placer count(nullptr, nullptr, cancel, 0);
    TRY_STATUS(walk_shared_weights(count, shape, weights));
    return count.done();
}

std::int64_t expert_bytes(const LayerWeights& w) {
    return device_layout(w.gate_experts).bytes + device_layout(w.up_experts).bytes +
           device_layout(w.down_experts).bytes;
}

// Scratch of a prefill batch on the device, by the largest things an op keeps for a token.
std::int64_t scratch_bytes(const ModelShape& s, std::int64_t chunk) {
    const std::int64_t heads = static_cast<std::int64_t>(s.heads) * s.head_width;
    const std::int64_t streams = static_cast<std::int64_t>(s.streams) * s.embedding;
    const std::int64_t experts =
        static_cast<std::int64_t>(s.experts_used) * (2 * s.expert_width + s.embedding);
    const std::int64_t index = static_cast<std::int64_t>(s.index_heads) * s.index_width;
    return chunk * 4 * (5 * heads / 2 + 3 * streams + 2 * experts + index + 16 * s.embedding);
}

// Experts go to a device while there is room for the rows of the context and a batch's scratch
// besides.
struct DeviceRoom {
    int chunk = 0;
    std::int64_t kept = 0;
};

DeviceRoom device_room(const ModelShape& shape, std::int64_t kv_bytes, std::int64_t free_bytes) {
    DeviceRoom room;
    for (const int chunk : kDeviceChunks) {
        room.chunk = chunk;
        room.kept = kv_bytes + kDeviceReserve + scratch_bytes(shape, chunk);
        if (scratch_bytes(shape, chunk) <= free_bytes / 8) break;
    }
    return room;
}

// Errors: invalid_input for a feature nobody knows.
Result<gpu::DeviceOptions> device_options(const EngineOptions& options) {
    gpu::DeviceOptions device;
    device.device = options.device;
    device.cache_folder = options.pipeline_folder;
    device.memory_limit = options.device_memory;
    device.validation = options.device_validation;
    constexpr std::array<std::pair<std::string_view, bool gpu::Features::*>, 8> kFeatures{{
        {"integer_dot", &gpu::Features::integer_dot},
        {"cooperative_matrix", &gpu::Features::cooperative_matrix},
        {"float16", &gpu::Features::float16},
        {"int8", &gpu::Features::int8},
        {"storage16", &gpu::Features::storage16},
        {"storage8", &gpu::Features::storage8},
        {"subgroup_size_control", &gpu::Features::subgroup_size_control},
        {"transfer_queue", &gpu::Features::transfer_queue},
    }};
    std::string_view left = options.device_off;
    while (!left.empty()) {
        const std::string_view name = left.substr(0, left.find(','));
        left.remove_prefix(std::min(left.size(), name.size() + 1));
        const auto known = std::find_if(kFeatures.begin(), kFeatures.end(),
                                        [&](const auto& feature) { return feature.first == name; });
        if (known == kFeatures.end())
            return fail(ErrorCode::invalid_input,
                        "'{}' is no feature of a graphics processor that can be left unused", name);
        device.mask.*(known->second) = false;
    }
    return device;
}

// Seconds a token needs at least.
struct Prospect {
    double device_seconds = 0, host_seconds = 0;
};

Prospect compare(const ReadSpeeds& speeds, const ModelShape& shape, const ModelWeights& weights,
                 std::int64_t kept_bytes, const EngineOptions& options, std::int64_t free_bytes) {
    const std::vector<LayerStateShape> state = layer_state_shapes(shape, Rounding::model);
    const DecodeBytes bytes = decode_bytes(shape, weights, state, 128);
    std::int64_t experts = 0;
    for (const LayerWeights& layer : weights.layers) experts += expert_bytes(layer);
    const std::int64_t room = std::max<std::int64_t>(0, free_bytes - kept_bytes);
    double share =
        experts == 0
            ? 1.0
            : std::clamp(static_cast<double>(room) / static_cast<double>(experts), 0.0, 1.0);
    if (options.device_expert_layers >= 0)
        share = std::min(share, static_cast<double>(options.device_expert_layers) / shape.layers);
    const auto dense = static_cast<double>(bytes.dense + bytes.kv);
    const auto routed = static_cast<double>(bytes.routed);
    return {.device_seconds =
                (dense + share * routed) / speeds.device + (1.0 - share) * routed / speeds.host,
            .host_seconds = (dense + routed) / speeds.host};
}

Result<ReadSpeeds> measure_speeds(VulkanBackend& backend, const CancelToken& cancel) {
    const int threads = ThreadPool::default_threads();
    constexpr std::int64_t kHostProbe = std::int64_t{256} << 20;
    ReadSpeeds result;
    TRY(const std::vector<double> host,
        measure_read_speed(std::span(&threads, 1), kHostProbe, cancel));
    result.host = host.front();
    TRY(result.device, backend.measure_read_speed());
    return result;
}

}  // namespace

Result<PlacedModel> place_on(std::unique_ptr<VulkanBackend> backend, const ModelShape& shape,
                             const ModelWeights& weights, std::int64_t kv_bytes,
                             const EngineOptions& options,
                             const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                             const CancelToken& cancel) {
    PlacedModel result;
    result.weights = weights;
    ModelWeights& placed = result.weights;
    TRY(const std::uint64_t shared, shared_bytes(shape, weights, cancel));
    std::uint64_t experts = 0;
    for (const LayerWeights& layer : weights.layers)
        experts += static_cast<std::uint64_t>(expert_bytes(layer));
    Placer place(backend.get(), progress, cancel, shared + experts);
    TRY_STATUS(walk_shared_weights(place, shape, placed));

    const DeviceRoom room = device_room(shape, kv_bytes, backend->device().free_bytes());
    const std::int64_t kept = room.kept;
    result.prefill_chunk = room.chunk;
    PlacementSummary& summary = result.summary;
    for (LayerWeights& layer : placed.layers) {
        if (options.device_expert_layers >= 0 &&
            summary.device_expert_layers >= options.device_expert_layers)
            break;
        if (backend->device().free_bytes() - kept < expert_bytes(layer)) break;
        const LayerWeights before = layer;
        Status status = place.weight(layer.gate_experts);
        if (status) status = place.weight(layer.up_experts);
        if (status) status = place.weight(layer.down_experts);
        if (!status) {
            if (status.error().code != ErrorCode::out_of_memory)
                return tl::unexpected<Error>(status.error());
            // The driver had less than it said: this layer and the rest stay on the host.
            if (layer.gate_experts.data != before.gate_experts.data)
                backend->release(const_cast<std::byte*>(layer.gate_experts.data));
            if (layer.up_experts.data != before.up_experts.data)
                backend->release(const_cast<std::byte*>(layer.up_experts.data));
            layer = before;
            break;
        }
        ++summary.device_expert_layers;
    }
    TRY_STATUS(backend->finish());
    summary.backend = BackendKind::vulkan;
    summary.device = backend->device().info().name;
    summary.layers = shape.layers;
    summary.device_bytes = static_cast<std::uint64_t>(backend->device().allocated_bytes());
    for (std::size_t i = static_cast<std::size_t>(summary.device_expert_layers);
         i < placed.layers.size(); ++i)
        summary.host_bytes += static_cast<std::uint64_t>(expert_bytes(placed.layers[i]));
    if (summary.host_bytes > 0) {
        const int threads =
            options.threads == kThreadsByMeasurement ? measured_threads() : options.threads;
        backend->compute_experts_with(make_cpu_backend(activations_of(options), threads));
    }
    result.backend = std::move(backend);
    return result;
}

Result<PlacedModel> place_by_speed(
    Result<std::unique_ptr<VulkanBackend>> backend, std::optional<ReadSpeeds> speeds,
    const ModelShape& shape, const ModelWeights& weights, std::int64_t kv_bytes,
    const EngineOptions& options, const std::function<void(std::uint64_t, std::uint64_t)>& progress,
    const CancelToken& cancel) {
    const auto attempt = [&]() -> Result<PlacedModel> {
        if (!backend) return tl::unexpected<Error>(backend.error());
        if (!speeds) {
            TRY(speeds, measure_speeds(**backend, cancel));
        }
        const std::string reason =
            fmt::format("{} reads {:.0f} GB/s and the processor {:.0f} GB/s, both measured",
                        (*backend)->device().info().name, speeds->device / 1e9, speeds->host / 1e9);
        TRY(const std::uint64_t shared, shared_bytes(shape, weights, cancel));
        const Prospect prospect = compare(
            *speeds, shape, weights, static_cast<std::int64_t>(shared) + kv_bytes + kDeviceReserve,
            options, (*backend)->device().free_bytes());
        PlacedModel placed;
        if (prospect.device_seconds < prospect.host_seconds) {
            TRY(placed,
                place_on(std::move(*backend), shape, weights, kv_bytes, options, progress, cancel));
        } else {
            placed = on_host(weights, options);
        }
        placed.summary.reason = reason;
        placed.summary.considered = true;
        return placed;
    };
    const bool considered = backend.has_value();
    auto placed = attempt();
    if (placed || placed.error().code == ErrorCode::cancelled) return placed;
    PlacedModel instead = on_host(weights, options);
    instead.summary.reason = placed.error().message;
    instead.summary.considered = considered;
    return instead;
}

Result<PlacedModel> place_model(const ModelShape& shape, const ModelWeights& weights,
                                std::int64_t kv_bytes, const EngineOptions& options,
                                const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                const CancelToken& cancel) {
    if (options.backend == BackendKind::cpu || options.backend == BackendKind::reference)
        return on_host(weights, options);
    TRY(const gpu::DeviceOptions device, device_options(options));
    auto backend = make_vulkan_backend(activations_of(options), device);
    if (options.backend == BackendKind::automatic && backend &&
        (*backend)->device().info().kind == gpu::DeviceKind::software) {
        PlacedModel placed = on_host(weights, options);
        placed.summary.reason =
            fmt::format("{} is a software driver", (*backend)->device().info().name);
        return placed;
    }
    if (options.backend == BackendKind::automatic)
        return place_by_speed(std::move(backend), std::nullopt, shape, weights, kv_bytes, options,
                              progress, cancel);
    if (!backend) return tl::unexpected<Error>(backend.error());
    TRY(PlacedModel placed,
        place_on(std::move(*backend), shape, weights, kv_bytes, options, progress, cancel));
    placed.summary.reason = "asked for";
    placed.summary.considered = true;
    return placed;
}

Result<PlacementForecast> forecast_placement(const ModelShape& shape, const ModelWeights& weights,
                                             std::int64_t kv_bytes, const EngineOptions& options,
                                             ReadSpeeds speeds, const CancelToken& cancel) {
    PlacementForecast out;
    out.speeds = speeds;
    out.summary.layers = shape.layers;
    if (options.backend == BackendKind::cpu || options.backend == BackendKind::reference) {
        out.summary.backend = options.backend;
        return out;
    }
    const bool automatic = options.backend == BackendKind::automatic;
    out.summary.backend = BackendKind::cpu;
    TRY(const gpu::DeviceOptions wanted, device_options(options));
    const auto backend = make_vulkan_backend(activations_of(options), wanted);
    if (!backend) {
        if (!automatic) return tl::unexpected<Error>(backend.error());
        out.summary.reason = backend.error().message;
        return out;
    }
    const gpu::Device& device = (*backend)->device();
    if (automatic && device.info().kind == gpu::DeviceKind::software) {
        out.summary.reason = fmt::format("{} is a software driver", device.info().name);
        return out;
    }
    if (out.speeds.device <= 0) {
        TRY(out.speeds.device, (*backend)->measure_read_speed());
    }
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, "planning was cancelled");
    TRY(const std::uint64_t shared, shared_bytes(shape, weights, cancel));
    std::int64_t free = device.free_bytes();
    if (automatic) {
        out.summary.considered = true;
        out.summary.reason =
            fmt::format("{} reads {:.0f} GB/s and the processor {:.0f} GB/s, both measured",
                        device.info().name, out.speeds.device / 1e9, out.speeds.host / 1e9);
        const Prospect prospect =
            compare(out.speeds, shape, weights,
                    static_cast<std::int64_t>(shared) + kv_bytes + kDeviceReserve, options, free);
        if (prospect.device_seconds >= prospect.host_seconds) return out;
    }
    free -= static_cast<std::int64_t>(shared);
    if (free < 0)
        return fail(ErrorCode::out_of_memory,
                    "the graphics processor has {} MiB of free memory, and the weights every token "
                    "needs are {} MiB",
                    device.free_bytes() >> 20, shared >> 20U);
    const DeviceRoom room = device_room(shape, kv_bytes, free);
    out.prefill_chunk = room.chunk;
    out.summary.backend = BackendKind::vulkan;
    out.summary.device = device.info().name;
    out.summary.device_bytes = shared;
    for (const LayerWeights& layer : weights.layers) {
        const std::int64_t bytes = expert_bytes(layer);
        const int placed = out.summary.device_expert_layers;
        if (options.device_expert_layers >= 0 && placed >= options.device_expert_layers) break;
        if (free - room.kept < bytes) break;
        free -= bytes;
        out.summary.device_bytes += static_cast<std::uint64_t>(bytes);
        ++out.summary.device_expert_layers;
    }
    return out;
}

}  // namespace starglass

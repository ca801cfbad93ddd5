// SPDX-License-Identifier: MIT
#include "session/memory_plan.h"

#include <algorithm>
#include <map>

#include "experts/expert_store.h"
#include "experts/table_reader.h"
#include "model/forward.h"
#include "model/weight_walk.h"
#include "session/expert_layout.h"

namespace starglass {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kDesktopLeast = 1536 * kMiB;
// Text, events, buffers of the allocator; and a hundredth of the ceiling.
constexpr std::int64_t kSpareLeast = 24 * kMiB;
constexpr std::int64_t kSpareShare = 100;
// A thread's stack, its part of the allocator, what a work item of it uses.
constexpr std::int64_t kThread = 2 * kMiB;
// Saved states in memory (Timeline::Options::snapshots_max) and on their way to disk.
constexpr std::int64_t kSnapshots = 8 + 3;
constexpr int kChunkMost = 4096, kChunkUsual = 512, kChunkStep = 32;

// Sums up distinct bytes: tensors of a file may lie over each other.
class Extents {
public:
    Status weight(Weight& w) {
        if (w) add(w.data, w.row_size() * w.out * w.count);
        return {};
    }
    Status vector(const float*& values, std::int64_t count) {
        if (values != nullptr) add(values, count * 4);
        return {};
    }
    Status table(const std::int32_t*& values, std::int64_t columns, std::int64_t rows) {
        if (values != nullptr) add(values, columns * rows * 4);
        return {};
    }
    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t total = 0;
        const std::byte* end = nullptr;
        for (const auto& [begin, length] : extents_) {
            const std::byte* const from = std::max(begin, end);
            if (begin + length > from) total += static_cast<std::uint64_t>(begin + length - from);
            end = std::max(end, begin + length);
        }
        return total;
    }

private:
    void add(const void* at, std::int64_t bytes) {
        std::int64_t& length = extents_[static_cast<const std::byte*>(at)];
        length = std::max(length, bytes);
    }
    std::map<const std::byte*, std::int64_t> extents_;
};

// Left to the desktop when the ceiling is chosen here: a tenth of the memory there is. A control
// group has no desktop in it.
std::int64_t left_alone(const AvailableMemory& available) {
    return available.limited ? available.total / 10 : std::max(kDesktopLeast, available.total / 10);
}

std::int64_t frontier_bytes(const LayerStateShape& layer) {
    if (layer.ratio == 0) return 0;
    const std::int64_t slots = std::int64_t{layer.coff} * layer.ratio * layer.coff;
    return slots * 2 * 4 * (layer.kv_width + (layer.indexed ? layer.index_width : 0));
}

// Rows of the whole context, windows and frontiers, and those of the states that are remembered.
std::int64_t context_bytes(const ModelShape& shape, const MemoryPlanInput& input,
                           std::int64_t chunk) {
    const std::vector<LayerStateShape> layers =
        layer_state_shapes(shape, input.plain_rows ? Rounding::none : Rounding::model);
    std::int64_t rows = 0, state = 0, window = 0;
    for (const LayerStateShape& layer : layers) {
        // Sixteen bytes a row for where it is.
        if (layer.ratio != 0) {
            rows += input.context_tokens / layer.ratio * (layer.kv_row.stride + 16);
            if (layer.indexed)
                rows += input.context_tokens / layer.ratio * (layer.index_row.stride + 16);
        }
        window += (shape.window + chunk) * layer.kv_row.stride;
        state += shape.window * layer.kv_row.stride + frontier_bytes(layer);
    }
    return rows + window + (kSnapshots + 2) * state;
}

// What a batch of `chunk` tokens works in on the CPU.
std::int64_t scratch_bytes(const ModelShape& s, std::int64_t chunk, std::int64_t context,
                           int threads, bool device) {
    const std::int64_t E = s.embedding;
    const std::int64_t heads = std::int64_t{s.heads} * s.head_width;
    const std::int64_t streams = std::int64_t{s.streams} * E;
    const std::int64_t low = std::int64_t{s.output_groups} * s.output_rank;
    const std::int64_t index = std::int64_t{s.index_heads} * s.index_width;
    // Experts: hidden values and their codes, and a vector of each pair while experts arrive. Ops
    // share one arena, so the largest counts; what an arena holds beyond that is never touched.
    const std::int64_t experts =
        s.experts_used * (4 * std::int64_t{s.expert_width} * 13 / 10 + 4 * E) + 2 * E;
    const std::int64_t codes = std::max({heads, streams, low}) * 5 / 4;
    const std::int64_t values = 2 * streams + 4 * E + s.query_rank + 2 * heads + low + index +
                                s.index_top_k + s.experts + 4 * std::int64_t{s.head_width} +
                                4 * std::int64_t{s.index_width};
    const std::int64_t rows = (device ? 4 * (2 * E) : 4 * values) + std::max(experts, codes);
    const std::int64_t scores = device ? 0 : (context / 4 + s.window) * 8 * threads;
    const std::int64_t logits = 4 * std::int64_t{s.vocabulary} * 3;
    return chunk * rows + scores + logits + threads * kThread;
}

}  // namespace

std::uint64_t shared_weight_bytes(const ModelShape& shape, const ModelWeights& weights) {
    ModelWeights copy = weights;
    copy.embedding = {};
    Extents extents;
    static_cast<void>(walk_shared_weights(extents, shape, copy));
    return extents.bytes();
}

Result<MemoryPlan> plan_memory(const MemoryPlanInput& input) {
    const ModelShape& shape = input.shape;
    MemoryPlan plan;
    plan.available_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, input.available.bytes));
    const std::int64_t shared =
        input.device
            ? 0
            : static_cast<std::int64_t>(shared_weight_bytes(shape, input.weights)) + 4096 * 64;
    const int streamed_layers = shape.layers - (input.device ? input.device_expert_layers : 0);
    std::int64_t all_experts = 0;
    ExpertStoreOptions store;
    store.experts = shape.experts;
    store.used = shape.experts_used;
    store.layers = expert_layouts(input.weights, input.file);
    for (int layer = 0; layer < shape.layers; ++layer) {
        store.layers[static_cast<std::size_t>(layer)].streamed =
            layer >= shape.layers - streamed_layers;
        if (layer >= shape.layers - streamed_layers)
            all_experts += shape.experts *
                           static_cast<std::int64_t>(ExpertStore::slot_bytes(
                               store.layers[static_cast<std::size_t>(layer)], input.alignment));
    }
    const auto least_experts =
        streamed_layers == 0
            ? std::int64_t{0}
            : static_cast<std::int64_t>(ExpertStore::least_budget(store, input.alignment));

    // Everything but experts, for batches of `chunk` tokens under `ceiling`.
    struct Needs {
        std::int64_t context = 0, scratch = 0, spare = 0;
    };
    const auto needs = [&](std::int64_t chunk, std::int64_t ceiling) {
        return Needs{
            context_bytes(shape, input, chunk),
            scratch_bytes(shape, chunk, input.context_tokens, input.threads, input.device) +
                (input.device ? 0 : TableReader::memory_bytes(input.weights.embedding, chunk)),
            kSpareLeast + ceiling / kSpareShare};
    };
    const auto total = [&](const Needs& need) {
        return input.process_bytes + shared + need.context + need.scratch + need.spare;
    };
    const int usual = input.chunk > 0       ? input.chunk
                      : input.chunk_max > 0 ? input.chunk_max
                                            : kChunkUsual;

    plan.automatic = input.memory_bytes == kMemoryAutomatic;
    std::int64_t ceiling = input.memory_bytes;
    if (input.memory_bytes <= 0)
        ceiling = std::max<std::int64_t>(
            0, input.available.bytes + input.process_bytes - left_alone(input.available));
    const std::int64_t everything =
        total(needs(usual, ceiling)) - shared + static_cast<std::int64_t>(input.file_bytes);
    plan.mapped = input.memory_bytes == kMemoryMapped || streamed_layers == 0 ||
                  (plan.automatic && input.expert_bytes == 0 && everything <= ceiling);
    const int all = shape.layers * shape.experts;
    plan.device_experts = (shape.layers - streamed_layers) * shape.experts;

    const std::int64_t smallest = input.chunk > 0 ? input.chunk : kChunkStep;
    // The spare is a share of the ceiling itself.
    std::int64_t least = total(needs(smallest, 0)) + least_experts;
    least += least / (kSpareShare - 1) + 1;
    plan.least_ceiling = static_cast<std::uint64_t>(least);

    // A longer batch reads each expert for more tokens, and takes memory from experts.
    const auto share_kept = [&](int chunk) { return chunk > kChunkUsual ? 12 : 3; };
    Needs need = needs(usual, ceiling);
    plan.prefill_chunk = usual;
    std::int64_t experts_most = all_experts;
    if (!plan.mapped && input.chunk == 0) {
        const int most = input.chunk_max > 0 ? input.chunk_max : kChunkMost;
        for (int chunk = most; chunk > 0; chunk -= kChunkStep) {
            need = needs(chunk, ceiling);
            plan.prefill_chunk = chunk;
            const std::int64_t left = ceiling - total(need);
            if (left >= all_experts || need.scratch <= left / share_kept(chunk)) break;
            // So much experts have when this batch is the one: more memory is never fewer experts.
            experts_most = std::min(all_experts, need.scratch * share_kept(chunk));
        }
        experts_most = std::max(experts_most, least_experts);
    }
    const auto add = [&](const char* name, std::int64_t bytes) {
        plan.parts.push_back({name, static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes))});
    };
    add("the program itself", input.process_bytes);
    if (!input.device) add("weights every token needs", shared);
    add("the context's rows and saved states", need.context);
    add("working memory of a batch", need.scratch);
    if (plan.mapped) {
        add("routed experts, mapped",
            streamed_layers == 0 ? 0 : static_cast<std::int64_t>(input.file_bytes) - shared);
        plan.host_experts = all - plan.device_experts;
        return plan;
    }
    add("spare", need.spare);
    std::int64_t left = ceiling - total(need);
    if (input.expert_bytes > 0) {
        if (plan.automatic) {
            ceiling += input.expert_bytes - left;
            left = input.expert_bytes;
        }
        if (left < input.expert_bytes)
            return fail(ErrorCode::out_of_memory,
                        "a ceiling of {} MiB leaves {} MiB for experts, not the {} MiB asked for",
                        ceiling / kMiB, std::max<std::int64_t>(0, left) / kMiB,
                        input.expert_bytes / kMiB);
        left = input.expert_bytes;
        if (left < least_experts)
            return fail(ErrorCode::out_of_memory,
                        "{} KiB are not enough memory for experts of this model; the least that "
                        "works is {} KiB",
                        left >> 10, (least_experts >> 10) + 1);
    }
    if (left < least_experts)
        return fail(ErrorCode::out_of_memory,
                    "{} MiB of memory are not enough for this model and a context of {} tokens; "
                    "the least that works is {} MiB",
                    ceiling / kMiB, input.context_tokens, least / kMiB + 1);
    plan.ceiling = static_cast<std::uint64_t>(ceiling);
    plan.expert_budget =
        static_cast<std::uint64_t>(std::min(left, std::max(experts_most, input.expert_bytes)));
    add("routed experts", static_cast<std::int64_t>(plan.expert_budget));
    // Layers differ in size, so this is by bytes.
    plan.host_experts =
        static_cast<int>(static_cast<double>(plan.expert_budget) /
                         static_cast<double>(all_experts) * (all - plan.device_experts));
    plan.disk_experts = all - plan.device_experts - plan.host_experts;
    return plan;
}

}  // namespace starglass

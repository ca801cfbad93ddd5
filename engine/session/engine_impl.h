// SPDX-License-Identifier: MIT
//
// The facade's Engine: a mapped file, or what of it is kept in memory, its shape, weights,
// tokenizer and one backend.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "cache/checkpoint_io.h"
#include "engine/engine.h"
#include "experts/expert_store.h"
#include "experts/table_reader.h"
#include "format/gguf.h"
#include "kernel/backend.h"
#include "model/forward.h"
#include "model/shape.h"
#include "model/weights.h"
#include "session/streaming.h"
#include "text/tokenizer.h"

namespace starglass {

inline constexpr int kReferenceChunk = 32;

class EngineImpl final : public Engine, public std::enable_shared_from_this<EngineImpl> {
public:
    struct Parts {
        std::optional<MappedFile> file;  // absent for a model in memory
        ModelShape shape;
        ModelWeights weights;
        Tokenizer tokenizer;
        ChatDialect dialect;
        ModelInfo info;
        EngineOptions options;
        // Under a memory ceiling instead of `file`.
        HostBlock shared_weights;
        std::unique_ptr<ExpertStore> experts;
        std::unique_ptr<TableReader> embedding;
        std::string hot_list;  // path; empty: what is used is not remembered
        std::unique_ptr<Backend> backend;
        PlacementSummary placement;
        int prefill_chunk = 0;  // 0: by the rules below
    };
    // All parts of a model in memory but the backend, which is what the caller chooses.
    static Result<Parts> read(std::span<const std::byte> bytes, const EngineOptions& options,
                              const LoadListener& progress, const CancelToken& cancel);
    explicit EngineImpl(Parts parts) : parts_(std::move(parts)) {}
    ~EngineImpl() override { remember_experts(true); }

    [[nodiscard]] const ModelInfo& info() const override { return parts_.info; }
    [[nodiscard]] const EngineOptions& options() const override { return parts_.options; }
    [[nodiscard]] const PlacementSummary& placement() const override { return parts_.placement; }
    [[nodiscard]] std::vector<TokenId> tokenize(std::string_view text,
                                                TokenizeMode mode) const override;
    [[nodiscard]] const ExpertMemory* expert_memory() const override {
        return parts_.experts.get();
    }
    [[nodiscard]] std::string token_text(TokenId id) const override;
    [[nodiscard]] const ChatDialect& dialect() const override { return parts_.dialect; }
    [[nodiscard]] std::vector<TokenId> encode(const RenderedPrompt& prompt) const override;
    using Engine::create_session;
    Result<std::unique_ptr<Session>> create_session(const SessionOptions& options) override;

    [[nodiscard]] const ModelShape& shape() const { return parts_.shape; }
    [[nodiscard]] const ModelWeights& weights() const { return parts_.weights; }
    [[nodiscard]] const Tokenizer& tokenizer() const { return parts_.tokenizer; }
    [[nodiscard]] Backend& backend() { return *parts_.backend; }
    // Null where all routed experts are in memory.
    [[nodiscard]] ExpertStore* experts() { return parts_.experts.get(); }
    [[nodiscard]] WeightFeeds feeds() { return {parts_.experts.get(), parts_.embedding.get()}; }
    // Writes down what was used, now and then; failing costs nothing but a slower start.
    void remember_experts(bool now = false);
    // Tokens of a prefill batch. The reference evaluates a token at a time anyway; small batches
    // keep it responsive. Scratch of 512 tokens of Flash is 0.33 GB; where the rows of a context
    // take 2 GB and more, half of that is worth more than the little a larger batch still saves.
    [[nodiscard]] int prefill_chunk() const {
        if (parts_.prefill_chunk > 0) return parts_.prefill_chunk;
        if (parts_.options.backend == BackendKind::reference) return kReferenceChunk;
        return parts_.options.context_tokens > (std::int64_t{1} << 19) ? 256 : 512;
    }
    // A token has a workgroup for each of its experts, and a device takes 65,535 on a dimension.
    [[nodiscard]] int chunk_max() const {
        if (parts_.options.backend != BackendKind::vulkan) return 0;
        return std::min(4096, 65535 / std::max(1, parts_.shape.experts_used));
    }
    [[nodiscard]] Rounding rounding() const {
        return parts_.options.numerics == Numerics::cont ? Rounding::none : Rounding::model;
    }

private:
    Parts parts_;
    std::chrono::steady_clock::time_point remembered_ = std::chrono::steady_clock::now();
};

// What there is when a plan is made.
struct MemoryPlanMachine {
    AvailableMemory available;
    std::int64_t process_bytes = 0;  // without the model
    int threads = 1;
};
// For a model that is about to be opened, or only thought about: both plan alike. `chunk_max`:
// tokens of a batch on a device; 0: none.
MemoryPlanInput memory_plan_input(const EngineImpl::Parts& parts, std::span<const std::byte> file,
                                  std::int64_t alignment, const PlacementSummary& placement,
                                  int chunk_max, const MemoryPlanMachine& machine);

// What a checkpoint of this engine's sessions looks like.
ModelStateShape model_state_shape(const EngineImpl& engine);

// session.cpp
std::unique_ptr<Session> make_session(std::shared_ptr<EngineImpl> engine,
                                      const SessionOptions& options);

}  // namespace starglass

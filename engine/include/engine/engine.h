// SPDX-License-Identifier: MIT
//
// An Engine is a loaded model; create_session gives timelines on it. This header, session.h,
// chat.h and result.h are all that the window and the command line see of the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"
#include "engine/experts.h"
#include "engine/result.h"
#include "engine/session.h"

namespace starglass {

// automatic: a real graphics processor where there is one and it promises to be faster, else the
// CPU; never a software driver. A model so small that no device could win asks for none.
enum class BackendKind { cpu, reference, vulkan, automatic };

// act8: int8 activations against quantised weights (as the reference engine does); fp: f32
// activations; cont: f32 and no rounding of KV or indexer rows, a debugging truth.
enum class Numerics { act8, fp, cont };

// EngineOptions::threads: tries some numbers and takes the fastest; about a tenth of a second.
inline constexpr int kThreadsByMeasurement = -1;

// EngineOptions::memory_bytes. automatic: the file stays mapped where it fits into what is free,
// else a ceiling that leaves the desktop room. mapped: all of the file, whatever is free.
inline constexpr std::int64_t kMemoryAutomatic = 0;
inline constexpr std::int64_t kMemoryMapped = -1;

struct EngineOptions {
    BackendKind backend = BackendKind::cpu;
    Numerics numerics = Numerics::act8;
    int threads = 0;                  // 0: one per physical core; or kThreadsByMeasurement
    std::int64_t context_tokens = 0;  // 0: the model's own, at most 32,768

    // Most that the process keeps in memory, all of it together; experts that do not fit are read
    // from the file when they are needed.
    std::int64_t memory_bytes = kMemoryAutomatic;
    std::int64_t expert_bytes = 0;  // of it for experts; 0: what the rest leaves
    std::string expert_policy;      // one of expert_policies(); empty: the first
    std::string expert_folder;      // where what is used often is remembered; empty: nowhere
    std::string expert_reads;       // "io_uring" or "threads"; empty: what works here
    Lookahead expert_lookahead = Lookahead::automatic;

    // For vulkan and automatic.
    std::string device;              // index or part of a name; empty: the best real one
    std::int64_t device_memory = 0;  // bytes of it at most; 0: what is free
    int device_expert_layers = -1;   // layers whose experts go there at most; -1: while they fit
    std::string pipeline_folder;     // where compiled kernels are kept; empty: nowhere
    // Features not to use although the device has them, separated by commas: integer_dot,
    // cooperative_matrix, float16, int8, storage16, storage8, subgroup_size_control,
    // transfer_queue.
    std::string device_off;
    bool device_validation = false;  // the Khronos layer, for developers
};

// Where a model runs and lies.
struct PlacementSummary {
    BackendKind backend = BackendKind::cpu;  // never automatic
    std::string device;                      // its name, for vulkan
    std::string reason;                      // why, one phrase; empty when it was not a question
    bool considered = false;  // a graphics processor was there and `reason` says what came of it
    int layers = 0;
    int device_expert_layers = 0;      // layers whose routed experts are on the device
    std::uint64_t device_bytes = 0;    // of its memory, all that is allocated after loading
    std::uint64_t host_bytes = 0;      // of experts that stay in host memory and run there
    std::uint64_t memory_ceiling = 0;  // of the whole process; 0: none, the file is mapped
    std::uint64_t expert_budget = 0;   // of experts in host memory under that ceiling
    // Of all routed experts, those in host memory once it is full, and those on disk only.
    int host_experts = 0, disk_experts = 0;
};

struct LoadProgress {
    enum class Stage { open, metadata, tensors, tokenizer, weights, ready };
    Stage stage = Stage::open;
    std::uint64_t bytes_done = 0;  // of this stage, 0 when it has no bytes
    std::uint64_t bytes_total = 0;
};
using LoadListener = std::function<void(const LoadProgress&)>;

struct TensorSummary {
    std::string name;
    std::string type;
    std::vector<std::int64_t> shape;
    std::uint64_t bytes = 0;
};

// What the metadata says, for people and for views. Sizes as in spec section 0.
struct ModelInfo {
    std::string name;
    std::string path;  // empty for a model in memory
    // Hex, 32 digits: metadata, tokenizer, tensor directory and a sample of every tensor. Two
    // files with the same one are taken for the same model by the KV cache.
    std::string fingerprint;
    std::uint64_t file_bytes = 0;
    bool builtin = false;
    int layers = 0;
    int hash_layers = 0;  // layers 0..hash_layers-1 route by token id
    int experts = 0;
    int experts_used = 0;
    int embedding = 0;
    int vocabulary = 0;
    int heads = 0;
    int head_width = 0;
    int sliding_window = 0;
    int index_top_k = 0;
    int hyper_streams = 0;
    std::vector<int> compress_ratios;       // per layer: 0, 4 or another ratio
    std::vector<std::string> expert_types;  // per layer, "IQ2_XXS/Q2_K"
    std::int64_t context_length = 0;        // trained
    std::uint64_t parameters = 0;
    std::uint64_t routed_bytes = 0;  // logical bytes of routed experts
    std::uint64_t other_bytes = 0;
    std::uint64_t kv_bytes_per_1k_tokens = 0;
    SamplingOptions sampling;  // what the file recommends, else spec section 7
    std::vector<TensorSummary> tensors;
};

class KvCache;

struct SessionOptions {
    std::shared_ptr<KvCache> cache;  // empty: nothing is read from or written to disk
};

enum class TokenizeMode {
    plain,     // everything is text
    rendered,  // the control strings of a rendered prompt become their tokens
};

class Engine {
public:
    virtual ~Engine() = default;

    [[nodiscard]] virtual const ModelInfo& info() const = 0;
    [[nodiscard]] virtual const EngineOptions& options() const = 0;  // as resolved
    [[nodiscard]] virtual const PlacementSummary& placement() const = 0;
    // Null where all experts lie in memory, mapped or on a device. Lives as long as the engine.
    [[nodiscard]] virtual const ExpertMemory* expert_memory() const { return nullptr; }

    [[nodiscard]] virtual std::vector<TokenId> tokenize(std::string_view text,
                                                        TokenizeMode mode) const = 0;
    // Raw bytes of a token, possibly part of a UTF-8 character; empty outside the vocabulary.
    [[nodiscard]] virtual std::string token_text(TokenId id) const = 0;
    [[nodiscard]] virtual const ChatDialect& dialect() const = 0;
    // Control spans by id, text spans as plain text.
    [[nodiscard]] virtual std::vector<TokenId> encode(const RenderedPrompt& prompt) const = 0;

    // The engine outlives its sessions. Errors: out_of_memory.
    virtual Result<std::unique_ptr<Session>> create_session(const SessionOptions& options) = 0;
    Result<std::unique_ptr<Session>> create_session() { return create_session({}); }
};

// Opens a GGUF. Every rejection is one sentence naming the key or tensor. `cancel` is looked at
// between stages and every few megabytes.
Result<std::shared_ptr<Engine>> open_engine(const std::string& path, const EngineOptions& options,
                                            const LoadListener& progress,
                                            const CancelToken& cancel);

// The same from bytes that outlive the engine (the built-in model's resource). `bytes` must be
// aligned to 32.
Result<std::shared_ptr<Engine>> open_engine(std::span<const std::byte> bytes, std::string name,
                                            const EngineOptions& options,
                                            const LoadListener& progress,
                                            const CancelToken& cancel);

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Routed experts under a memory ceiling: where each one is, what was read and waited for, and what
// another ceiling would bring. Everything here was measured unless its name says predicted.
//
// An expert is gate, up and down of one layer together, the unit that is read and given up. A hit
// is an expert that was in memory, or on its way because it had been asked for ahead, when its
// layer's tokens were routed; in a batch each expert of a layer counts once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "engine/result.h"

namespace starglass {

enum class ExpertTier : std::uint8_t { disk, host, device };

struct ExpertTotals {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t read_bytes = 0;  // from the file, alignment included, read ahead or not
    std::uint64_t experts_read = 0;
    std::uint64_t ahead_used = 0;    // read ahead of their layer and then needed by it
    std::uint64_t ahead_wasted = 0;  // read ahead and given up unused
    double stall_seconds = 0;        // the forward pass waited for reads, nothing else to compute
    [[nodiscard]] double hit_rate() const {  // 0..1; 0 when nothing was needed
        return hits + misses == 0 ? 0.0
                                  : static_cast<double>(hits) / static_cast<double>(hits + misses);
    }
};

inline ExpertTotals& operator+=(ExpertTotals& a, const ExpertTotals& b) {
    a.hits += b.hits;
    a.misses += b.misses;
    a.read_bytes += b.read_bytes;
    a.experts_read += b.experts_read;
    a.ahead_used += b.ahead_used;
    a.ahead_wasted += b.ahead_wasted;
    a.stall_seconds += b.stall_seconds;
    return a;
}
inline ExpertTotals operator-(ExpertTotals a, const ExpertTotals& b) {
    a.hits -= b.hits;
    a.misses -= b.misses;
    a.read_bytes -= b.read_bytes;
    a.experts_read -= b.experts_read;
    a.ahead_used -= b.ahead_used;
    a.ahead_wasted -= b.ahead_wasted;
    a.stall_seconds -= b.stall_seconds;
    return a;
}

// One layer in one batch.
struct ExpertLayerUse {
    std::int32_t needed = 0;  // experts
    std::int32_t misses = 0;
    std::uint64_t read_bytes = 0;
    float stall_seconds = 0;
};

// One batch of the forward pass: a decoded token or a chunk of a prompt. `layers` is valid during
// the call only.
struct ExpertsFrame {
    std::int64_t position = 0;  // of the first row
    int rows = 0;
    bool prefill = false;
    double seconds = 0;  // of the whole batch
    double stall_seconds = 0;
    std::span<const ExpertLayerUse> layers;
};

// Time from giving a read to its end, of whole experts; over the last few thousand.
struct ReadLatency {
    std::uint64_t count = 0;
    double median_seconds = 0, p95_seconds = 0, longest_seconds = 0;
};

struct ExpertMemorySnapshot {
    int layers = 0, experts = 0, experts_used = 0, hash_layers = 0;
    std::uint64_t budget_bytes = 0;           // for experts in host memory
    std::uint64_t resident_bytes = 0;         // of experts in host memory now
    std::uint64_t routed_bytes = 0;           // of all routed experts
    int resident_experts = 0;                 // in host memory
    std::vector<ExpertTier> tiers;            // [layers, experts]
    std::vector<std::uint32_t> hits, misses;  // [layers, experts] since the model was opened
    ExpertTotals totals;                      // since the model was opened
    ReadLatency latency;
    double read_bytes_s = 0;  // while reads were under way; 0 before the first
    // What is done at present, and what trying both showed: seconds of a decoded token; 0 where it
    // was not tried.
    bool looking_ahead = false;
    double seconds_with_lookahead = 0, seconds_without_lookahead = 0;
    std::string policy;  // "lru"
    std::string reads;   // "io_uring, direct, registered memory"
    std::string note;    // one sentence when something is not as it should be; else empty
};

// Whether what the next layer will choose is predicted, by its router on the streams as they are
// one layer earlier, and read ahead while the layers in between are computed. automatic: tries both
// for some tokens now and then, and keeps what was faster.
enum class Lookahead { automatic, off, on };

// --- traces ------------------------------------------------------------------------------------

// What the routers of a run chose, in the order it was evaluated: enough to replay it under any
// budget and policy. Kept for the most recent batches; written to and read from a file.
struct ExpertTrace {
    struct Batch {
        std::int64_t position = 0;
        std::int32_t rows = 0;              // 1: decode
        std::vector<std::int16_t> experts;  // [layers, rows, used]
        // [layers, used], decode only, what the router of the layer was predicted to choose from
        // the layer before; -1 where nothing was predicted. Empty: no prediction was made.
        std::vector<std::int16_t> predicted;
    };
    int layers = 0, experts = 0, used = 0, hash_layers = 0;
    std::vector<std::uint64_t> expert_bytes;  // [layers] of one expert, as read
    std::string model;                        // its name
    // Measured while recording; 0 where it is not known.
    double compute_seconds = 0;  // of a decoded token without waiting
    double prefill_seconds = 0;  // of a prompt's token without waiting
    double read_bytes_s = 0;
    // How the run began: what the policy was told to expect, [layers * experts] or empty, and what
    // was in memory before the first batch, layer * experts + expert in the order it came.
    std::vector<float> expected;
    std::vector<std::int32_t> preloaded;
    std::vector<Batch> batches;

    [[nodiscard]] std::int64_t tokens() const;  // rows of all batches
};

// A file of documented format (docs/expert_trace.md). Errors: those of files; invalid_input names
// what is wrong.
Status write_expert_trace(const ExpertTrace& trace, const std::string& path);
Result<ExpertTrace> read_expert_trace(const std::string& path);

// Names of the policies that a budget can be kept by; the first is the default. "optimum" knows the
// future and can only be simulated.
std::span<const std::string_view> expert_policies();

struct SimulationOptions {
    std::string policy;  // empty: the default; or "optimum"
    std::uint64_t budget_bytes = 0;
    bool lookahead = true;  // as it was recorded: read what was predicted ahead; false: never
    bool start_full =
        false;  // the first experts of every layer are in memory before the first batch
    // For the predicted times; 0: what the trace says.
    double compute_seconds = 0, read_bytes_s = 0;
};
struct Simulation {
    std::string policy;
    ExpertTotals totals;  // stall_seconds is predicted
    ExpertTotals decode;  // of batches of one row
    int decoded_tokens = 0;
    double predicted_tokens_s = 0;     // decode; 0 where the times are not known
    std::vector<ExpertTotals> layers;  // decode
};
// Errors: invalid_input (no such policy, a budget below what one token needs), cancelled.
Result<Simulation> simulate_experts(const ExpertTrace& trace, const SimulationOptions& options,
                                    const CancelToken& cancel);

// --- the live side -----------------------------------------------------------------------------

// Of an engine whose experts are read from disk. Safe from any thread.
class ExpertMemory {
public:
    virtual ~ExpertMemory() = default;
    [[nodiscard]] virtual ExpertMemorySnapshot snapshot() const = 0;
    // The most recent batches, a copy.
    [[nodiscard]] virtual ExpertTrace trace() const = 0;
};

}  // namespace starglass

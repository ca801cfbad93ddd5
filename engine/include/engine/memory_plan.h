// SPDX-License-Identifier: MIT
//
// Where a model's parts will lie under a memory ceiling, and what speed to expect of it, before it
// is opened.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/result.h"

namespace starglass {

struct MemoryPlan {
    struct Part {
        std::string name;  // "weights every token needs"; for people
        std::uint64_t bytes = 0;
    };
    std::uint64_t ceiling = 0;  // of everything the process keeps in host memory
    bool automatic = false;     // the ceiling was chosen, not asked for
    bool mapped = false;        // all of the file stays mapped; no experts are read or given up
    std::uint64_t available_bytes = 0;  // measured when the plan was made
    std::vector<Part> parts;            // of host memory, experts last
    std::uint64_t least_ceiling = 0;    // below it the model does not work
    std::uint64_t expert_budget = 0;    // host memory for experts
    // Routed experts by where they are once memory is full.
    int device_experts = 0, host_experts = 0, disk_experts = 0;
    int prefill_chunk = 0;  // tokens
};

// Bytes a second; 0: not known. All of them are measured, by plan_model() or by whoever gives them.
struct PlanSpeeds {
    double memory = 0;  // read by as many threads as there are cores
    double device = 0;  // a device's memory, read by its kernels
    double disk = 0;    // whole experts at random places of the file, several at a time
    std::string reads;  // how they were read: "io_uring, direct"; empty where disk is 0
};

// What to expect of decoding, all of it predicted. Low: experts are chosen evenly, so the share
// that is in memory is the hit rate; the context is full; kernels reach half of the memory's speed.
// High: the hit rate that `source` gives, a short context, all of the memory's speed.
struct DecodeForecast {
    struct End {
        double hit_rate = 0;         // 0..1; 1 where nothing is read from disk
        double compute_seconds = 0;  // a token's, all experts in memory
        double read_seconds = 0;     // a token's, as far as the disk is busy
        double tokens_s = 0;
    };
    End low, high;
    enum class Source { none, made_up, learned, trace };  // of the high hit rate
    Source source = Source::none;                         // none: nothing is read
    std::vector<std::string> reasons;                     // sentences, in the order of the sum
};

struct MemoryReport {
    std::string model, path;
    std::uint64_t file_bytes = 0;
    int layers = 0, experts = 0, experts_used = 0;
    std::int64_t context_tokens = 0;  // as resolved
    int threads = 0;                  // of the CPU
    PlacementSummary placement;       // where it would run; bytes are of weights alone
    MemoryPlan plan;
    // Why it does not work that way, one sentence; then the parts in `plan` are those of the least
    // ceiling that works, and nothing is forecast. Empty when it works.
    std::string problem;
    // What decoding a token reads: weights of every token, of its experts, rows of a full context.
    std::uint64_t dense_bytes = 0, routed_bytes = 0, kv_bytes = 0;
    PlanSpeeds speeds;
    DecodeForecast decode;
};

struct PlanRequest {
    EngineOptions engine;                // as for open_engine()
    PlanSpeeds speeds;                   // what is 0 and needed is measured
    const ExpertTrace* trace = nullptr;  // of this model; for the high hit rate
    // What the process keeps without a model, as process_memory() said then; 0: what it has now.
    std::int64_t process_bytes = 0;
};

// Looks at a file, asks the system and the disk, and loads nothing: metadata is read, and the
// samples of its tensors that name it. Takes about half a second where speeds are measured; reads
// at most 512 MB. Without a trace the high hit rate comes from what was learned in
// `engine.expert_folder`, and where there is nothing from a made-up trace (docs/streaming.md). Any
// thread. Errors: those of files and models, invalid_input for a trace of another shape, cancelled.
Result<MemoryReport> plan_model(const std::string& path, const PlanRequest& request,
                                const CancelToken& cancel);
// The same for several ceilings, each a value of EngineOptions::memory_bytes, one report each: what
// is measured is measured once.
Result<std::vector<MemoryReport>> plan_model(const std::string& path, const PlanRequest& request,
                                             std::span<const std::int64_t> ceilings,
                                             const CancelToken& cancel);

// What this process keeps in memory now, for PlanRequest; 0 where the system does not say.
std::int64_t process_memory();

}  // namespace starglass

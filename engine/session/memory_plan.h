// SPDX-License-Identifier: MIT
//
// What a model needs of host memory, piece by piece, and how much of a ceiling is left for routed
// experts. Arithmetic alone: nothing is allocated or read.
#pragma once

#include <cstdint>

#include "base/memory_info.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "model/shape.h"
#include "model/weights.h"

namespace starglass {

struct MemoryPlanInput {
    const ModelShape& shape;
    const ModelWeights& weights;      // in the file's bytes
    const std::byte* file = nullptr;  // the first of them
    std::uint64_t file_bytes = 0;
    std::int64_t alignment = 4096;  // of reads from the file
    std::int64_t memory_bytes = 0;  // EngineOptions::memory_bytes
    std::int64_t expert_bytes = 0;  // EngineOptions::expert_bytes
    std::int64_t context_tokens = 0;
    std::int64_t process_bytes = 0;  // what the process has without the model
    AvailableMemory available;
    int threads = 1;
    bool plain_rows = false;  // rows as f32 (Numerics::cont)
    // On a device: everything but routed experts, and these of so many layers, from the first.
    bool device = false;
    int device_expert_layers = 0;
    int chunk = 0;      // tokens of a batch, when something else decides; 0: chosen here
    int chunk_max = 0;  // chosen here, but no more; 0: any
};

// Errors: out_of_memory when the ceiling is below the least that works, with both in the sentence.
Result<MemoryPlan> plan_memory(const MemoryPlanInput& input);

// Bytes that are different ones of all weights a token needs whatever it is routed to, but for the
// embedding, of which it needs a row.
std::uint64_t shared_weight_bytes(const ModelShape& shape, const ModelWeights& weights);

}  // namespace starglass

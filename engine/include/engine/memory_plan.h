// SPDX-License-Identifier: MIT
//
// Where a model's parts will lie under a memory ceiling.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace starglass

// SPDX-License-Identifier: MIT
#pragma once

#include "engine/experts.h"

namespace starglass::test {

// Two layers of four experts, two used; some of them in memory.
inline ExpertMemorySnapshot small_snapshot() {
    ExpertMemorySnapshot out;
    out.layers = 2;
    out.experts = 4;
    out.experts_used = 2;
    out.hash_layers = 1;
    out.budget_bytes = 4'000'000;
    out.resident_bytes = 3'000'000;
    out.routed_bytes = 8'000'000;
    out.resident_experts = 3;
    using enum ExpertTier;
    out.tiers = {host, disk, disk, host, disk, host, disk, disk};
    out.hits = {9, 0, 0, 3, 0, 4, 0, 0};
    out.misses = {1, 2, 0, 1, 5, 0, 0, 0};
    out.totals.hits = 16;
    out.totals.misses = 9;
    out.totals.read_bytes = 9'000'000;
    out.totals.experts_read = 9;
    out.latency = {9, 0.0041, 0.0098, 0.022};
    out.read_bytes_s = 1.1e9;
    out.policy = "lru";
    out.reads = "io_uring, direct, registered memory";
    return out;
}

}  // namespace starglass::test

// SPDX-License-Identifier: MIT
#include "expert_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace starglass::cli {

Json expert_totals_to_json(const ExpertTotals& totals) {
    return {{"hits", totals.hits},
            {"misses", totals.misses},
            {"hit_rate", totals.hit_rate()},
            {"read_bytes", totals.read_bytes},
            {"experts_read", totals.experts_read},
            {"ahead_used", totals.ahead_used},
            {"ahead_wasted", totals.ahead_wasted},
            {"stall_seconds", totals.stall_seconds}};
}

Json expert_memory_to_json(const ExpertMemory& memory) {
    const ExpertMemorySnapshot now = memory.snapshot();
    Json note;
    if (!now.note.empty()) note = now.note;
    return {{"budget_bytes", now.budget_bytes},
            {"resident_bytes", now.resident_bytes},
            {"resident_experts", now.resident_experts},
            {"routed_bytes", now.routed_bytes},
            {"policy", now.policy},
            {"reads", now.reads},
            {"lookahead",
             {{"on", now.looking_ahead},
              {"seconds_with", now.seconds_with_lookahead},
              {"seconds_without", now.seconds_without_lookahead}}},
            {"read_bytes_s", now.read_bytes_s},
            {"latency",
             {{"count", now.latency.count},
              {"median_seconds", now.latency.median_seconds},
              {"p95_seconds", now.latency.p95_seconds},
              {"longest_seconds", now.latency.longest_seconds}}},
            {"note", std::move(note)}};
}

std::string expert_totals_text(const ExpertTotals& totals) {
    return fmt::format(
        "experts {:.1f} % of {} in memory when needed, {} read ({:.1f} MB), {:.0f} ms waited",
        100 * totals.hit_rate(), totals.hits + totals.misses, totals.experts_read,
        static_cast<double>(totals.read_bytes) / 1e6, 1e3 * totals.stall_seconds);
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// What was read from the file for routed experts, in words and as JSON.
#pragma once

#include <string>

#include "engine/engine.h"
#include "output.h"

namespace starglass::cli {

Json expert_totals_to_json(const ExpertTotals& totals);
// Budget, policy, way of reading, speed and latencies; for a run's end.
Json expert_memory_to_json(const ExpertMemory& memory);
// "experts 93.1 % of 4,128 in memory when needed, 284 read (2.0 GB), 310 ms waited"
std::string expert_totals_text(const ExpertTotals& totals);

}  // namespace starglass::cli

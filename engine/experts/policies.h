// SPDX-License-Identifier: MIT
//
// The policies one by one; everybody else asks make_expert_policy for one by its name.
#pragma once

#include <memory>

#include "experts/expert_policy.h"

namespace starglass {

struct ExpertTrace;

// "lru": the one whose last use is longest ago.
std::unique_ptr<ExpertPolicy> make_lru_policy(const ExpertPolicyShape& shape);

// "decayed": the one used least, where use long ago counts less.
std::unique_ptr<ExpertPolicy> make_decayed_policy(const ExpertPolicyShape& shape);

// "hazard": the one least likely to be used by the next token, by weights measured on the way.
std::unique_ptr<ExpertPolicy> make_hazard_policy(const ExpertPolicyShape& shape);

// "optimum": the one whose next use in the trace is farthest away. It must be asked for exactly the
// trace's batches, from the first. With experts of one size nothing can miss less when tokens are
// decoded.
inline constexpr std::string_view kOptimumPolicy = "optimum";
std::unique_ptr<ExpertPolicy> make_optimum_policy(const ExpertTrace& trace);

}  // namespace starglass

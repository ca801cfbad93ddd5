// SPDX-License-Identifier: MIT
//
// The policies one by one; everybody else asks make_expert_policy for one by its name.
#pragma once

#include <memory>

#include "experts/expert_policy.h"

namespace starglass {

// "lru": the one whose last use is longest ago.
std::unique_ptr<ExpertPolicy> make_lru_policy(const ExpertPolicyShape& shape);

}  // namespace starglass

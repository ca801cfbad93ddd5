// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "experts/expert_store.h"
#include "model/weights.h"

namespace starglass {

// Where routed experts lie in a file whose first byte is `file`, one entry a layer.
std::vector<ExpertLayout> expert_layouts(const ModelWeights& weights, const std::byte* file);

}  // namespace starglass

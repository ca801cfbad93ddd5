// SPDX-License-Identifier: MIT
//
// A state as a long timeline leaves it, without evaluating one: rows of random values in the
// model's own codes, frontiers filled as far as they would be. For measuring what a long context
// costs; what a model says after it means nothing.
#pragma once

#include <cstdint>

#include "base/cancel.h"
#include "base/result.h"
#include "kernel/backend.h"
#include "residency/kv_state.h"

namespace starglass {

// Makes `state` one of `positions` positions. The same seed and layouts give the same rows on
// backends that encode alike. Errors: cancelled, or the backend's; the state is then empty.
Status fill_synthetic(KvState& state, Backend& backend, std::int64_t positions, std::uint64_t seed,
                      const CancelToken& cancel);

}  // namespace starglass

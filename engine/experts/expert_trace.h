// SPDX-License-Identifier: MIT
//
// The bytes of a trace file (docs/expert_trace.md), as pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/experts.h"

namespace starglass {

// That sizes fit each other and every expert exists. Errors: invalid_input.
Status check_expert_trace(const ExpertTrace& trace);

// Of a trace that passes the check; what does not is refused with its sentence.
Result<std::vector<std::byte>> pack_expert_trace(const ExpertTrace& trace);
// Errors: invalid_input. Takes no more memory than the bytes really unpack to.
Result<ExpertTrace> unpack_expert_trace(std::span<const std::byte> bytes);

}  // namespace starglass

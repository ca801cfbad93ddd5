// SPDX-License-Identifier: MIT
//
// A turn's result for scripts, and the one line about it for people.
#pragma once

#include <string>

#include "output.h"
#include "turn.h"

namespace starglass::cli {

std::string_view stop_name(StopReason reason);

// {"thinking", "answer", "tool_calls", "stop", "tokens", ..., "experts" when they were counted}
Json turn_to_json(const TurnResult& result);

// "34 tokens at 41.2 tok/s · first token after 0.11 s · prompt 28 tokens (20 reused) · ..."
std::string turn_summary(const TurnResult& result, std::int64_t context_tokens);

}  // namespace starglass::cli

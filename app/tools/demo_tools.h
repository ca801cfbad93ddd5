// SPDX-License-Identifier: MIT
//
// The two tools a model may call on this machine: a clock and a calculator. Their schemas as the
// model reads them, and what happens when it calls one. No state, no Qt; any thread. A failure is
// a text for the model that begins with "error: ", never an exception.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"

namespace starglass {

// A model may be answered by tools this many times in one turn; more is a loop, not a plan.
inline constexpr int kToolRoundsMax = 4;

// One JSON object each, for Conversation::tools; the text the built-in model was trained on.
std::vector<std::string> demo_tool_schemas();

[[nodiscard]] bool is_demo_tool(std::string_view name);

// The tool's answer to `call`; `now` is what the clock reads, shown in local time.
std::string run_demo_tool(const ToolCall& call, std::chrono::system_clock::time_point now);

// "3 * (2 + 4)" -> "18": + - * / ( ), decimals, signs. At most six decimals in the result.
std::string calculate(std::string_view expression);

// "2026-03-14 14:32:05 Saturday", in local time and English.
std::string clock_text(std::chrono::system_clock::time_point now);

}  // namespace starglass

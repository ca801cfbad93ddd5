// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two tools the window offers a model: a clock and a calculator. Their schemas as the model
// reads them, and what happens when it calls one. No Qt, no state; any thread. A failure is a text
// for the model, as a tool's answer, never an exception.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"

namespace starglass::ui {

// A model may call tools this many times in one turn; more is a loop, not a plan.
inline constexpr int kToolRoundsMax = 8;

// One JSON object each, for Conversation::tools.
std::vector<std::string> demoToolSchemas();

// The tool's answer to `call`, at the local time `now`.
std::string runDemoTool(const ToolCall& call, std::chrono::system_clock::time_point now);

// "3 * (2 + 4)" -> "18". + - * / ( ), decimals, unary signs. Errors begin with "error: ".
std::string calculate(std::string_view expression);

// "2026-03-14 14:32:05 Saturday", in local time.
std::string clockText(std::chrono::system_clock::time_point now);

}  // namespace starglass::ui

// SPDX-License-Identifier: MIT
//
// `run --jsonl`: many questions on one loaded model, a JSON object per line in and out.
#pragma once

#include <string_view>

#include "sampling_flags.h"
#include "turn.h"

namespace starglass::cli {

// What a line leaves open.
struct LineDefaults {
    TurnOptions turn;  // sampling is taken from `sampling`
    SamplingFlags sampling;
    std::string system;
    bool tools = false;
};

// Each line is {"user": TEXT} or {"messages": [...]} with, as wanted: "id", "system", "thinking"
// (true or false) or "think" (off, on, max), "tools" (true: the demo tools, answered here; a list
// of schemas: only reported), "max_tokens", "stop", "temperature", "top_k", "top_p", "min_p",
// "seed". A line that cannot be answered gives {"error": SENTENCE}. Returns the exit code: failed
// if any line was. Errors: cancelled.
Result<int> run_lines(Engine& engine, Session& session, std::string_view lines,
                      const LineDefaults& defaults, const CancelToken& cancel);

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// One turn of a conversation: render, generate, answer the demo tools' calls, until there is an
// answer. Shared by `run` and `chat`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace starglass::cli {

class ExpertTraceRecorder;

struct TurnOptions {
    ThinkMode think = ThinkMode::on;
    SamplingOptions sampling;
    int max_tokens = -1;  // per generation; -1: what the context has room for
    std::vector<std::string> stop;
    bool run_tools = false;  // answer calls of the demo tools here
    bool count_experts = false;
    ExpertTraceRecorder* recorder = nullptr;  // sees all routing; may be null
};

struct AnsweredCall {
    ToolCall call;
    bool answered = false;
    std::string result;
};

// How often each expert was chosen, [layer][expert].
using ExpertCounts = std::vector<std::vector<std::uint64_t>>;

struct TurnResult {
    std::string thinking;  // of all generations of the turn, joined by a line feed
    std::string answer;    // likewise, joined by an empty line
    std::vector<AnsweredCall> calls;
    StopReason stop = StopReason::end_of_turn;
    int generations = 0;
    int prompt_tokens = 0;  // of the first generation
    int reused_tokens = 0;
    int tokens = 0;  // sampled, all generations
    int thinking_tokens = 0;
    double prefill_seconds = 0;      // all generations
    double first_token_seconds = 0;  // of the first generation
    double decode_seconds = 0;
    std::int64_t context_used = 0;  // tokens of the timeline at the end
    bool think_lowered = false;     // max was asked for, but the context is too small for it
    ExpertCounts prefill_experts, decode_experts;
    ExpertTotals experts;    // all generations, where experts are read from the file
    ReuseReport reuse;       // of the first generation
    std::string checkpoint;  // at the end of the last one; empty without a cache
};

// What becomes visible while a turn runs.
class TurnView {
public:
    virtual ~TurnView() = default;
    virtual void on_prefill(const PrefillProgress&) {}
    virtual void on_text(StreamPart, std::string_view) {}
    virtual void on_call(const AnsweredCall&) {}
};

// Answers `conversation` and appends the turn's messages to it. Errors are the engine's; then the
// conversation is as it was. A cancelled turn is a result and keeps what had been said, if
// anything.
Result<TurnResult> run_turn(Engine& engine, Session& session, Conversation& conversation,
                            const TurnOptions& options, TurnView& view, const CancelToken& cancel);

}  // namespace starglass::cli

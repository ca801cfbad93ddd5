// SPDX-License-Identifier: MIT
#include "turn_json.h"

#include <nlohmann/json.hpp>

#include "expert_text.h"

namespace starglass::cli {

std::string_view stop_name(StopReason reason) {
    switch (reason) {
        case StopReason::end_of_turn:
            return "end_of_turn";
        case StopReason::tool_calls:
            return "tool_calls";
        case StopReason::length:
            return "length";
        case StopReason::stop_text:
            return "stop_text";
        case StopReason::cancelled:
            return "cancelled";
    }
    return "";
}

namespace {

std::string_view source_name(ReuseSource source) {
    switch (source) {
        case ReuseSource::none:
            return "none";
        case ReuseSource::live:
            return "live";
        case ReuseSource::snapshot:
            return "snapshot";
        case ReuseSource::disk:
            return "disk";
    }
    return "";
}

Json reuse_to_json(const ReuseReport& reuse) {
    Json out{{"source", source_name(reuse.source)}, {"tokens", reuse.tokens}};
    if (reuse.source == ReuseSource::disk) {
        out["checkpoint"] = reuse.checkpoint;
        out["load_seconds"] = reuse.load_seconds;
        out["evaluate_seconds"] = reuse.saved_seconds;
        out["other_arithmetic"] = reuse.other_arithmetic;
    }
    if (!reuse.note.empty()) out["note"] = reuse.note;
    if (reuse.left)
        out["left"] = {
            {"checkpoint", reuse.left->checkpoint},     {"common_bytes", reuse.left->common_bytes},
            {"cached_bytes", reuse.left->cached_bytes}, {"prompt_bytes", reuse.left->prompt_bytes},
            {"common_end", reuse.left->common_end},     {"cached_next", reuse.left->cached_next},
            {"prompt_next", reuse.left->prompt_next}};
    return out;
}

}  // namespace

Json turn_to_json(const TurnResult& result) {
    Json out;
    out["thinking"] = result.thinking;
    out["answer"] = result.answer;
    Json calls = Json::array();
    for (const AnsweredCall& entry : result.calls) {
        Json call{{"name", entry.call.name}, {"arguments", entry.call.arguments}};
        if (entry.answered) call["result"] = entry.result;
        calls.push_back(std::move(call));
    }
    out["tool_calls"] = std::move(calls);
    out["stop"] = stop_name(result.stop);
    out["tokens"] = result.tokens;
    out["thinking_tokens"] = result.thinking_tokens;
    out["prompt_tokens"] = result.prompt_tokens;
    out["reused_tokens"] = result.reused_tokens;
    out["reuse"] = reuse_to_json(result.reuse);
    if (!result.checkpoint.empty()) out["checkpoint"] = result.checkpoint;
    out["generations"] = result.generations;
    out["first_token_seconds"] = result.first_token_seconds;
    out["prefill_seconds"] = result.prefill_seconds;
    out["decode_seconds"] = result.decode_seconds;
    if (!result.decode_experts.empty())
        out["experts"] = {{"prefill", result.prefill_experts}, {"decode", result.decode_experts}};
    return out;
}

std::string turn_summary(const TurnResult& result, std::int64_t context_tokens) {
    std::string text = fmt::format("{} tokens", result.tokens);
    if (result.decode_seconds > 0 && result.tokens > 0)
        text += fmt::format(" at {:.1f} tok/s", result.tokens / result.decode_seconds);
    if (result.thinking_tokens > 0)
        text += fmt::format(", {} of them thinking", result.thinking_tokens);
    text += fmt::format(
        " · first token after {:.2f} s · prompt {} tokens, {} reused · context {} of {} · {}",
        result.first_token_seconds, result.prompt_tokens, result.reused_tokens, result.context_used,
        context_tokens, stop_name(result.stop));
    if (result.experts.hits + result.experts.misses > 0)
        text += " · " + expert_totals_text(result.experts);
    return text;
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
#include "turn.h"

#include <fmt/format.h>

#include "expert_trace_recorder.h"
#include "tools/demo_tools.h"

namespace starglass::cli {
namespace {

constexpr std::string_view kThinkClose = "</think>";

void join(std::string& all, std::string_view part, std::string_view separator) {
    if (part.empty()) return;
    if (!all.empty()) all += separator;
    all += part;
}

// A reply cut off inside its reasoning reads as all content by the parser's rules (protocol
// section 2.3), and so does one with a broken tool block; a person wants them apart.
void separate_thinking(const GenerateResult& result, bool thinking, ParsedReply& reply) {
    if (!thinking || (reply.well_formed && !reply.reasoning.empty())) return;
    const std::size_t close = result.text.find(kThinkClose);
    if (close == std::string::npos) {
        reply.reasoning = result.text;
        reply.content.clear();
    } else if (!reply.well_formed) {
        reply.reasoning = result.text.substr(0, close);
        reply.content = result.text.substr(close + kThinkClose.size());
    }
}

class TurnListener final : public SessionListener {
public:
    TurnListener(const ModelInfo& info, const TurnOptions& options, TurnView& view,
                 TurnResult& result)
        : info_(info), view_(view), result_(result), recorder_(options.recorder) {
        if (!options.count_experts) return;
        const ExpertCounts zero(static_cast<std::size_t>(info.layers),
                                std::vector<std::uint64_t>(static_cast<std::size_t>(info.experts)));
        result.prefill_experts = zero;
        result.decode_experts = zero;
    }
    void on_prefill(const PrefillProgress& progress) override {
        if (recorder_ != nullptr) recorder_->end_chunk();
        view_.on_prefill(progress);
    }
    void on_token(const TokenEvent& event) override {
        for (const StreamDelta& delta : event.deltas) view_.on_text(delta.part, delta.text);
    }
    void on_routing(const RoutingFrame& frame) override {
        if (recorder_ != nullptr) recorder_->on_routing(frame);
        ExpertCounts& counts = frame.prefill ? result_.prefill_experts : result_.decode_experts;
        if (counts.empty()) return;
        for (std::size_t i = 0; i < frame.experts.size(); ++i) {
            const std::size_t layer = i / static_cast<std::size_t>(frame.experts_used);
            const std::int32_t expert = frame.experts[i];
            if (layer < counts.size() && expert >= 0 && expert < info_.experts)
                ++counts[layer][static_cast<std::size_t>(expert)];
        }
    }

private:
    const ModelInfo& info_;
    TurnView& view_;
    TurnResult& result_;
    ExpertTraceRecorder* recorder_;
};

}  // namespace

Result<TurnResult> run_turn(Engine& engine, Session& session, Conversation& conversation,
                            const TurnOptions& options, TurnView& view, const CancelToken& cancel) {
    TurnResult out;
    TurnListener listener(engine.info(), options, view, out);
    const std::size_t messages_before = conversation.messages.size();
    const auto undo = [&](Error error) {
        conversation.messages.resize(messages_before);
        return tl::unexpected<Error>(std::move(error));
    };
    for (int tool_rounds = 0;;) {
        auto rendered = render_prompt(conversation, {.think = options.think,
                                                     .context_tokens = session.context_tokens(),
                                                     .dialect = engine.dialect()});
        if (!rendered) return undo(std::move(rendered.error()));
        out.think_lowered = rendered->think != options.think;
        GenerateRequest request;
        request.prompt = engine.encode(*rendered);
        request.sampling = options.sampling;
        request.max_tokens = options.max_tokens;
        request.stop = options.stop;
        request.thinking = rendered->think != ThinkMode::off;
        request.tools = !conversation.tools.empty();
        request.top_alternatives = 0;
        request.routing = options.count_experts || options.recorder != nullptr;
        auto generated = session.generate(request, listener, cancel);
        if (!generated) return undo(std::move(generated.error()));
        if (options.recorder != nullptr) options.recorder->on_result(*generated);

        const GenerateTimings& timings = generated->timings;
        if (out.generations++ == 0) {
            out.prompt_tokens = timings.prompt_tokens;
            out.reused_tokens = timings.reused_tokens;
            out.first_token_seconds = timings.first_token_seconds;
            out.reuse = generated->reuse;
        }
        out.tokens += timings.generated_tokens;
        out.thinking_tokens += timings.thinking_tokens;
        out.prefill_seconds += timings.prefill_seconds;
        out.decode_seconds += timings.decode_seconds;
        out.experts += generated->experts;
        out.context_used = static_cast<std::int64_t>(session.tokens().size());
        out.stop = generated->stop;
        out.checkpoint = generated->checkpoint;

        ParsedReply reply = generated->reply;
        separate_thinking(*generated, request.thinking, reply);
        join(out.thinking, reply.reasoning, "\n");
        join(out.answer, reply.content, "\n\n");
        if (out.stop == StopReason::cancelled && generated->text.empty()) return out;

        Message said;
        said.role = Role::assistant;
        said.content = reply.content;
        said.reasoning = reply.reasoning;
        std::vector<Message> results;
        const bool answer_calls = options.run_tools && tool_rounds < kToolRoundsMax;
        if (reply.well_formed) {
            for (ToolCall& call : reply.calls) {
                call.id = fmt::format("call_{}", out.calls.size() + 1);
                AnsweredCall& entry = out.calls.emplace_back();
                entry.call = call;
                // A model that invents a tool is told so and may do better in the next round.
                if (answer_calls) {
                    entry.answered = true;
                    entry.result = run_demo_tool(call, std::chrono::system_clock::now());
                    Message result;
                    result.role = Role::tool;
                    result.content = entry.result;
                    result.tool_call_id = call.id;
                    results.push_back(std::move(result));
                }
                view.on_call(entry);
                said.tool_calls.push_back(std::move(call));
            }
        }
        conversation.messages.push_back(std::move(said));
        if (results.empty() || out.stop == StopReason::cancelled) return out;
        for (Message& result : results) conversation.messages.push_back(std::move(result));
        ++tool_rounds;
    }
}

}  // namespace starglass::cli

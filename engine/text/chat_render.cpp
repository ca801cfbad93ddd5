// SPDX-License-Identifier: MIT
//
// A conversation as the prompt the model was trained on (protocol section 2; where the reference
// engine and the public encoder differ, the public encoder).
#include <algorithm>
#include <map>
#include <utility>

#include "engine/chat.h"
#include "text/control_tokens.h"
#include "text/json_value.h"

namespace starglass {
namespace {

// A wire constant of the public encoder (MIT), directly behind BOS in ThinkMode::max.
constexpr std::string_view kMaxPrefix =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to "
    "resolve the root cause, rigorously stress-testing your logic against all potential paths, "
    "edge "
    "cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, "
    "considered alternative, and rejected hypothesis to ensure absolutely no assumption is left "
    "unchecked.\n\n";

constexpr std::string_view kBlankLine = "\n\n";

class PromptBuilder {
public:
    void control(PromptSpan::Kind kind) {
        spans_.push_back({kind, std::string(kControlTokens[control_index(kind)].text)});
    }

    // Text from anywhere: stays text whatever it spells.
    void text(std::string_view text) {
        if (text.empty()) return;
        if (spans_.empty() || spans_.back().kind != PromptSpan::Kind::text)
            spans_.push_back({PromptSpan::Kind::text, {}});
        spans_.back().text += text;
    }

    // Wording that belongs to the model's format: control spellings in it are meant as such.
    void wording(std::string_view wording) {
        std::size_t begin = 0;
        for (std::size_t at = 0; at < wording.size();) {
            const ControlToken* token = control_token_at(wording.substr(at));
            if (token == nullptr) {
                ++at;
                continue;
            }
            text(wording.substr(begin, at - begin));
            control(token->kind);
            at += token->text.size();
            begin = at;
        }
        text(wording.substr(begin));
    }

    std::vector<PromptSpan> take() { return std::move(spans_); }

private:
    std::vector<PromptSpan> spans_;
};

// --- tool calls of earlier turns ---

void append_call(PromptBuilder& out, const ToolCall& call) {
    out.wording("<｜DSML｜invoke name=\"");
    out.text(call.name);
    out.text("\">\n");

    const auto parameter = [&](std::string_view name, bool is_string, std::string_view value) {
        out.wording("<｜DSML｜parameter name=\"");
        out.text(name);
        out.text(is_string ? "\" string=\"true\">" : "\" string=\"false\">");
        out.text(value);
        out.wording("</｜DSML｜parameter>");
    };
    const auto arguments = JsonValue::parse(call.arguments);
    if (arguments && arguments->is(JsonValue::Kind::object)) {
        bool first = true;
        for (const auto& [name, value] : arguments->members) {
            if (!std::exchange(first, false)) out.text("\n");
            const bool is_string = value.is(JsonValue::Kind::string);
            parameter(name, is_string, is_string ? value.text : value.spaced());
        }
    } else {
        parameter("arguments", true, call.arguments);
    }
    out.wording("\n</｜DSML｜invoke>\n");
}

void append_calls(PromptBuilder& out, const std::vector<ToolCall>& calls) {
    if (calls.empty()) return;
    out.wording("\n\n<｜DSML｜tool_calls>\n");
    for (const ToolCall& call : calls) append_call(out, call);
    out.wording("</｜DSML｜tool_calls>");
}

// --- turns ---

// A stretch of messages that share one marker: neighbouring user and tool messages are one turn.
struct Turn {
    Role role = Role::user;
    std::vector<const Message*> messages;
};

[[nodiscard]] bool is_user_like(Role role) {
    return role == Role::user || role == Role::tool || role == Role::developer;
}

// Tool results in the order of the calls they answer; those without a known id count as the
// first, as in the public encoder. Text between results keeps its place.
void sort_results(std::vector<const Message*>& messages, const std::vector<ToolCall>& calls) {
    std::map<std::string_view, std::size_t> order;
    for (std::size_t i = 0; i < calls.size(); ++i)
        if (!calls[i].id.empty()) order[calls[i].id] = i;
    if (order.empty()) return;
    std::vector<const Message*> results;
    for (const Message* message : messages)
        if (message->role == Role::tool) results.push_back(message);
    const auto position = [&](const Message* message) {
        const auto found = order.find(message->tool_call_id);
        return found == order.end() ? std::size_t{0} : found->second;
    };
    std::ranges::stable_sort(results, {}, position);
    auto next = results.begin();
    for (const Message*& message : messages)
        if (message->role == Role::tool) message = *next++;
}

// Everything but system text, in order. `keeps` false leaves out developer messages in front of
// the last user-like one, as the public encoder does when it drops reasoning.
[[nodiscard]] std::vector<Turn> collect_turns(const std::vector<Message>& messages, bool keeps) {
    std::size_t last_user = 0;
    for (std::size_t i = 0; i < messages.size(); ++i)
        if (is_user_like(messages[i].role)) last_user = i;

    std::vector<Turn> turns;
    bool joins = false;  // the message before belongs to the same turn if this one may
    const std::vector<ToolCall>* calls = nullptr;
    const auto finish = [&] {
        if (calls != nullptr && !turns.empty() && turns.back().role == Role::user)
            sort_results(turns.back().messages, *calls);
    };
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const Message& message = messages[i];
        const bool user = message.role == Role::user || message.role == Role::tool;
        if (user && joins) {
            turns.back().messages.push_back(&message);
            continue;
        }
        finish();
        joins = user;
        if (message.role == Role::system || message.role == Role::other) continue;
        if (message.role == Role::developer && !keeps && i < last_user) continue;
        turns.push_back({user ? Role::user : message.role, {&message}});
        if (message.role == Role::assistant && !message.tool_calls.empty())
            calls = &message.tool_calls;
    }
    finish();
    return turns;
}

void append_user_turn(PromptBuilder& out, const Turn& turn) {
    out.control(PromptSpan::Kind::user);
    bool first = true;
    for (const Message* message : turn.messages) {
        if (!std::exchange(first, false)) out.text(kBlankLine);
        if (message->role == Role::tool) {
            out.text("<tool_result>");
            out.text(message->content);
            out.text("</tool_result>");
        } else {
            out.text(message->content);
        }
    }
}

// --- the front ---

void append_system(PromptBuilder& out, const Conversation& conversation,
                   const std::vector<std::string>& tools, const ChatDialect& dialect) {
    std::string system;
    for (const Message& message : conversation.messages) {
        if (message.role != Role::system) continue;
        if (!system.empty()) system += kBlankLine;
        system += message.content;
    }
    out.text(system);
    if (tools.empty()) return;
    out.text(kBlankLine);
    out.wording(dialect.tools_head);
    bool first = true;
    for (const std::string& tool : tools) {
        if (!std::exchange(first, false)) out.text("\n");
        out.text(tool);
    }
    out.wording(dialect.tools_tail);
}

[[nodiscard]] Result<std::vector<std::string>> spell_tools(const std::vector<std::string>& tools) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < tools.size(); ++i) {
        const auto tool = JsonValue::parse(tools[i]);
        if (!tool)
            return fail(ErrorCode::invalid_input, "tools[{}] cannot be read: {}", i,
                        tool.error().message);
        if (!tool->is(JsonValue::Kind::object))
            return fail(ErrorCode::invalid_input, "tools[{}] is not a JSON object", i);
        out.push_back(tool->spaced());
    }
    return out;
}

[[nodiscard]] ThinkMode effective_mode(const RenderOptions& options) {
    const bool too_small =
        options.context_tokens != 0 && options.context_tokens < kMaxThinkContextTokens;
    return options.think == ThinkMode::max && too_small ? ThinkMode::on : options.think;
}

}  // namespace

Result<RenderedPrompt> render_prompt(const Conversation& conversation,
                                     const RenderOptions& options) {
    using Kind = PromptSpan::Kind;
    TRY(const auto tools, spell_tools(conversation.tools));

    RenderedPrompt prompt;
    prompt.think = effective_mode(options);
    const bool thinks = prompt.think != ThinkMode::off;
    // Plain chat forgets earlier reasoning, a conversation with tools keeps all of it.
    prompt.keeps_reasoning = thinks && !tools.empty();

    PromptBuilder out;
    out.control(Kind::bos);
    if (prompt.think == ThinkMode::max) out.text(kMaxPrefix);
    append_system(out, conversation, tools, options.dialect);

    const std::vector<Turn> turns =
        collect_turns(conversation.messages, !thinks || prompt.keeps_reasoning);
    std::size_t last_user_turn = 0;
    for (std::size_t i = 0; i < turns.size(); ++i)
        if (turns[i].role != Role::assistant) last_user_turn = i;

    bool pending = false;  // somebody waits for the assistant's turn to open
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const Turn& turn = turns[i];
        if (turn.role != Role::assistant) {
            append_user_turn(out, turn);
            pending = true;
            continue;
        }
        const Message& message = *turn.messages.front();
        if (std::exchange(pending, false)) {
            out.control(Kind::assistant);
            if (thinks && (prompt.keeps_reasoning || i > last_user_turn)) {
                out.control(Kind::think_open);
                out.text(message.reasoning);
            }
            out.control(Kind::think_close);
        }
        out.text(message.content);
        append_calls(out, message.tool_calls);
        out.control(Kind::eos);
    }
    if (pending) {
        out.control(Kind::assistant);
        out.control(thinks ? Kind::think_open : Kind::think_close);
    }
    prompt.spans = out.take();
    return prompt;
}

std::string RenderedPrompt::text() const {
    std::string out;
    for (const PromptSpan& span : spans) out += span.text;
    return out;
}

}  // namespace starglass

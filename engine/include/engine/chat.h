// SPDX-License-Identifier: MIT
//
// A conversation as data, its rendering to the model's prompt, and the reading of what the
// model wrote: thinking, answer, tool calls. Implemented by engine/text; pure functions, safe
// from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace starglass {

using TokenId = std::int32_t;

// `other` is a role nobody knows: its message is kept but never rendered.
enum class Role { system, developer, user, assistant, tool, other };
enum class ThinkMode { off, on, max };

struct ToolCall {
    std::string id;  // empty when the conversation has none
    std::string name;
    std::string arguments;  // JSON text; normally an object
};

struct Message {
    Role role = Role::user;
    std::string content{};
    std::string reasoning{};             // assistant only
    std::vector<ToolCall> tool_calls{};  // assistant only
    std::string tool_call_id{};          // tool only
};

struct Conversation {
    std::vector<std::string> tools{};  // one JSON object each, the text shown to the model
    std::vector<Message> messages{};
    // What a request body asked for (parse_conversation_json); empty when it does not say.
    // Rendering goes by RenderOptions alone.
    std::optional<ThinkMode> think{};
};

// What a model expects around tool schemas. The default is the public encoder's wording; a GGUF
// may carry its own in `starglass.chat.tools_head` / `.tools_tail` (the built-in model does).
struct ChatDialect {
    std::string tools_head;
    std::string tools_tail;
    static ChatDialect official();
};

inline constexpr std::int64_t kMaxThinkContextTokens = 393'216;

struct RenderOptions {
    ThinkMode think = ThinkMode::on;
    // Of the session the prompt is for. ThinkMode::max needs kMaxThinkContextTokens and is `on`
    // below (protocol section 2.2); 0 means no session in particular and max stays max.
    std::int64_t context_tokens = 0;
    ChatDialect dialect = ChatDialect::official();
};

// A rendered prompt is a list of spans: control tokens by name, everything else plain text that
// can never become a control token (protocol section 1.5, third consequence).
struct PromptSpan {
    enum class Kind { text, bos, eos, user, assistant, think_open, think_close, dsml };
    Kind kind = Kind::text;
    std::string text;  // spelled out also for control tokens, so that concatenation is the prompt
};

struct RenderedPrompt {
    std::vector<PromptSpan> spans;
    ThinkMode think = ThinkMode::on;  // after the context rule
    bool keeps_reasoning = false;     // earlier reasoning stayed in the prompt
    [[nodiscard]] std::string text() const;
};

// Renders by the public encoder's rules (protocol section 2; where reference and official differ,
// the official one). After a last message by the assistant there is no opening for a new turn.
// Errors: invalid_input for a tool that is not a JSON object.
Result<RenderedPrompt> render_prompt(const Conversation& conversation,
                                     const RenderOptions& options);

// Reads {"messages": [...], "tools": [...]} in the OpenAI chat shape (content as string or text
// parts; other parts are dropped) into a Conversation. Of the rest of a request body `tool_choice`
// "none" (drops the tools), `thinking`, `think`, `reasoning_effort` and the two model names that
// imply a thinking mode are looked at (protocol sections 3.1 and 5). A bare array is taken as the
// messages. Errors name the offending member.
Result<Conversation> parse_conversation_json(std::string_view json);

// The finished text of one assistant turn, taken apart (protocol sections 2.3, 3.3).
struct ParsedReply {
    std::string content;
    std::string reasoning;
    std::vector<ToolCall> calls;  // ids are empty
    bool well_formed = true;      // false: a tool block was opened but malformed; it is in content
    // Thinking was on and never ended. `content` then holds the whole text, as the protocol has
    // it (quirk Q7); a caller that showed it as thinking had better keep it as reasoning.
    bool thinking_unfinished = false;
    std::string raw_block;  // the text of the block as written, for exact replay
};
ParsedReply parse_reply(std::string_view text, bool thinking);

enum class StreamPart { thinking, answer, tool };

struct StreamDelta {
    StreamPart part = StreamPart::answer;
    std::string text;  // whole UTF-8 characters only
};

// Splits a growing reply into thinking, answer and tool-block text. Never emits half a UTF-8
// character, half a tag, or the tags themselves. Feed token bytes; flush once at the end.
class ReplyStream {
public:
    struct Options {
        bool thinking = true;  // generation starts inside <think>
        bool tools = true;     // hold back text that may begin a tool block
    };
    explicit ReplyStream(Options options);
    ReplyStream(ReplyStream&&) noexcept;
    ReplyStream& operator=(ReplyStream&&) noexcept;
    ~ReplyStream();

    std::vector<StreamDelta> feed(std::string_view bytes);
    std::vector<StreamDelta> flush();
    [[nodiscard]] bool in_thinking() const;
    // The closing tool_calls tag has been seen: the turn is complete.
    [[nodiscard]] bool tool_block_closed() const;
    // The next token belongs to tool syntax, which is decoded greedily (protocol section 3.4).
    [[nodiscard]] bool next_is_structural() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Any bytes through the reading side of the text library: a finished reply, the same as a
// stream in small pieces, a conversation to be rendered, and the tokenizer. Beyond not crashing,
// what must always hold is checked: streams do not depend on how the bytes arrive, tokens decode
// to the text they came from, and what is shown is UTF-8.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"
#include "text/byte_alphabet.h"
#include "text/control_tokens.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using namespace starglass;

void require(bool holds) {
    if (!holds) std::abort();
}

const Tokenizer& tokenizer() {
    static const Tokenizer kTokenizer = [] {
        std::vector<std::string> tokens;
        for (const ControlToken& control : kControlTokens) tokens.emplace_back(control.text);
        for (int b = 0; b < 256; ++b)
            tokens.emplace_back(byte_spelling(static_cast<unsigned char>(b)));
        const std::vector<std::string_view> merges = {"t h", "th e", "Ġ the",
                                                      "Ã ©", "a a",  "aa aa"};
        for (const char* merged : {"th", "the", "Ġthe", "Ã©", "aa", "aaaa"})
            tokens.emplace_back(merged);
        const std::vector<std::string_view> views(tokens.begin(), tokens.end());
        return Tokenizer::create({views, merges, {}}).value();
    }();
    return kTokenizer;
}

using Shown = std::array<std::string, 3>;

Shown stream(std::string_view text, ReplyStream::Options options, std::size_t piece) {
    Shown shown;
    ReplyStream reply(options);
    const auto add = [&](const std::vector<StreamDelta>& deltas) {
        for (const StreamDelta& delta : deltas) {
            require(is_valid_utf8(delta.text));
            shown[static_cast<std::size_t>(delta.part)] += delta.text;
        }
    };
    for (std::size_t at = 0; at < text.size(); at += piece) {
        add(reply.feed(text.substr(at, piece)));
        (void)reply.next_is_structural();
        (void)reply.in_thinking();
    }
    add(reply.flush());
    return shown;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const unsigned flags = data[0];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool thinking = (flags & 1U) != 0;

    const ParsedReply reply = parse_reply(text, thinking);
    require(reply.well_formed || reply.calls.empty());

    const ReplyStream::Options options{.thinking = thinking, .tools = (flags & 2U) != 0};
    const Shown whole = stream(text, options, text.size() + 1);
    require(whole == stream(text, options, 1 + flags / 4 % 8));

    require(tokenizer().decode(tokenizer().encode(text)) == text);
    require(tokenizer().decode(tokenizer().encode_rendered(text)) == text);

    Conversation conversation;
    if (auto parsed = parse_conversation_json(text)) conversation = std::move(*parsed);
    conversation.messages.push_back({.role = Role::assistant,
                                     .content = reply.content,
                                     .reasoning = reply.reasoning,
                                     .tool_calls = reply.calls});
    conversation.messages.push_back({.role = Role::tool, .content = std::string(text)});
    const auto prompt = render_prompt(conversation, {});
    require(prompt.has_value());
    require(tokenizer().decode(tokenizer().encode(*prompt)) == prompt->text());
    return 0;
}

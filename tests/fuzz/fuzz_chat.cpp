// SPDX-License-Identifier: MIT
//
// libFuzzer target for text that comes from outside: conversations as JSON, and what a model
// wrote, whole and in pieces.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/chat.h"

namespace starglass {
namespace {

void render(std::string_view json) {
    const auto conversation = parse_conversation_json(json);
    if (!conversation) return;
    for (const ThinkMode think : {ThinkMode::off, ThinkMode::on, ThinkMode::max}) {
        RenderOptions options;
        options.think = think;
        options.context_tokens = 1 << 20;
        (void)render_prompt(*conversation, options);
    }
}

// What a reader has seen of each part in the end.
using Seen = std::array<std::string, 3>;

Seen stream(std::string_view reply, std::size_t piece, bool thinking) {
    ReplyStream reader({.thinking = thinking, .tools = true});
    Seen seen;
    const auto add = [&](const std::vector<StreamDelta>& deltas) {
        for (const StreamDelta& delta : deltas)
            seen[static_cast<std::size_t>(delta.part)] += delta.text;
    };
    for (std::size_t at = 0; at < reply.size(); at += piece)
        add(reader.feed(reply.substr(at, piece)));
    add(reader.flush());
    return seen;
}

}  // namespace
}  // namespace starglass

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool thinking = (data[0] & 1U) != 0;
    render(text);
    (void)parse_reply(text, thinking);
    // However the bytes arrive, the same text becomes visible.
    const std::size_t piece = 1 + data[0] / 2U % 16U;
    if (stream(text, piece, thinking) !=
        stream(text, std::max<std::size_t>(text.size(), 1), thinking))
        std::abort();
    return 0;
}

// SPDX-License-Identifier: MIT
//
// The finished text of one assistant turn, taken apart (protocol sections 2.3 and 3.3).
#include <utility>

#include "engine/chat.h"
#include "text/control_tokens.h"
#include "text/dsml.h"
#include "text/json_value.h"

namespace starglass {
namespace {

// Nested parameters are a leniency for confused models; nobody means this many levels.
constexpr int kNestingMax = 32;

struct BlockStart {
    std::size_t at = 0;  // of the two line ends in front, when they are there
    std::size_t inside = 0;
    const DsmlStyle* style = nullptr;
};

// By preference, not by position: the official spelling after a blank line first.
[[nodiscard]] BlockStart find_block(std::string_view text, std::size_t from) {
    for (const DsmlStyle& style : kDsmlStyles) {
        for (const std::string_view lead : {std::string_view("\n\n"), std::string_view()}) {
            std::string marker(lead);
            marker += style.block_open;
            const std::size_t at = text.find(marker, from);
            if (at != std::string_view::npos) return {at, at + marker.size(), &style};
        }
    }
    return {};
}

// Reads a block from behind its opening tag. Every step says whether the block is well formed.
class BlockParser {
public:
    BlockParser(std::string_view text, std::size_t at, const DsmlStyle& style)
        : text_(text), at_(at), style_(style) {}

    bool block(std::vector<ToolCall>& calls) {
        for (;;) {
            at_ = skip_blanks(text_, at_);
            if (take(style_.block_close)) return true;
            ToolCall call;
            if (!invoke(call)) return false;
            calls.push_back(std::move(call));
        }
    }
    [[nodiscard]] std::size_t at() const { return at_; }

private:
    bool invoke(ToolCall& call) {
        std::string_view tag;
        if (!open_tag(style_.invoke_open, tag)) return false;
        auto name = dsml_attribute(tag, "name");
        if (!name) return false;
        call.name = std::move(*name);
        call.arguments += '{';
        for (;;) {
            at_ = skip_blanks(text_, at_);
            if (take(style_.invoke_close)) break;
            if (call.arguments.size() > 1) call.arguments += ", ";
            if (!parameter(call.arguments, ": ", 0)) return false;
        }
        call.arguments += '}';
        return true;
    }

    bool parameter(std::string& out, std::string_view colon, int depth) {
        std::string_view tag;
        if (!open_tag(style_.parameter_open, tag)) return false;
        const auto name = dsml_attribute(tag, "name");
        if (!name) return false;
        append_json_string(out, *name);
        out += colon;

        const bool untyped = !dsml_attribute(tag, "string");
        const std::size_t child = skip_blanks(text_, at_);
        if (untyped && text_.substr(child).starts_with(style_.parameter_open))
            return nested(out, depth + 1);

        const std::size_t end = text_.find(style_.parameter_close, at_);
        if (end == std::string_view::npos) return false;
        append_value(out, text_.substr(at_, end - at_), dsml_value_kind(tag));
        at_ = end + style_.parameter_close.size();
        return true;
    }

    // A parameter that holds parameters is an object. Its own closing tag may be missing.
    bool nested(std::string& out, int depth) {
        if (depth > kNestingMax) return false;
        out += '{';
        bool first = true;
        for (;;) {
            at_ = skip_blanks(text_, at_);
            if (!text_.substr(at_).starts_with(style_.parameter_open)) break;
            if (!std::exchange(first, false)) out += ',';
            if (!parameter(out, ":", depth)) return false;
        }
        out += '}';
        take(style_.parameter_close);
        return true;
    }

    static void append_value(std::string& out, std::string_view value, DsmlValue kind) {
        if (kind == DsmlValue::string) {
            append_json_string(out, decode_entities(value));
            return;
        }
        value = trim_end(value.substr(skip_blanks(value, 0)));
        if (value.empty()) {
            out += "null";
            return;
        }
        // The first value counts. What is no JSON at all is kept for whoever looks at the call;
        // the arguments are then not valid JSON, which the caller finds out.
        const std::size_t length = json_value_length(value);
        out += length == 0 ? std::string(value) : minify_json(value.substr(0, length));
    }

    bool open_tag(std::string_view start, std::string_view& inside) {
        if (!take(start)) return false;
        const std::size_t end = text_.find('>', at_);
        if (end == std::string_view::npos) return false;
        inside = text_.substr(at_, end - at_);
        at_ = end + 1;
        return true;
    }

    bool take(std::string_view tag) {
        if (!text_.substr(at_).starts_with(tag)) return false;
        at_ += tag.size();
        return true;
    }

    std::string_view text_;
    std::size_t at_;
    const DsmlStyle& style_;
};

// Reasoning and content of a text without its tool block.
void split_thinking(std::string_view text, ParsedReply& reply) {
    const std::size_t close = text.find(kThinkCloseText);
    if (close == std::string_view::npos) {
        reply.content = text;
        return;
    }
    std::string_view reasoning = text.substr(0, close);
    if (reasoning.starts_with(kThinkOpenText)) reasoning.remove_prefix(kThinkOpenText.size());
    reply.reasoning = reasoning;
    reply.content = text.substr(close + kThinkCloseText.size());
}

}  // namespace

ParsedReply parse_reply(std::string_view text, bool thinking) {
    ParsedReply reply;
    std::size_t from = 0;
    if (thinking) {
        const std::size_t last = text.rfind(kThinkCloseText);
        reply.thinking_unfinished = last == std::string_view::npos;
        from = reply.thinking_unfinished ? text.size() : last + kThinkCloseText.size();
    }
    const BlockStart start = find_block(text, from);
    if (start.style == nullptr) {
        split_thinking(text, reply);
        return reply;
    }
    BlockParser parser(text, start.inside, *start.style);
    if (!parser.block(reply.calls)) {
        reply.calls.clear();
        reply.well_formed = false;
        // The reasoning stays reasoning; the reference returns it as content too (quirk Q8).
        if (thinking)
            split_thinking(text, reply);
        else
            reply.content = text;
        return reply;
    }
    reply.raw_block = text.substr(start.at, parser.at() - start.at);
    split_thinking(trim_end(text.substr(0, start.at)), reply);
    return reply;
}

}  // namespace starglass

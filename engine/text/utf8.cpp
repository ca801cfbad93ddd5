// SPDX-License-Identifier: MIT
#include "text/utf8.h"

#include <algorithm>

namespace starglass {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

[[nodiscard]] bool is_continuation(unsigned char byte) {
    return (byte & 0xC0U) == 0x80U;
}

// Table 3-7 of the Unicode standard: what may follow each lead byte. `second_min`/`second_max`
// exclude overlong forms, surrogates and code points past U+10FFFF.
struct LeadRule {
    std::size_t length = 1;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xBF;
};

[[nodiscard]] LeadRule lead_rule(unsigned char lead) {
    if (lead < 0x80) return {};
    if (lead >= 0xC2 && lead <= 0xDF) return {.length = 2};
    if (lead == 0xE0) return {.length = 3, .second_min = 0xA0};
    if (lead == 0xED) return {.length = 3, .second_max = 0x9F};
    if (lead >= 0xE1 && lead <= 0xEF) return {.length = 3};
    if (lead == 0xF0) return {.length = 4, .second_min = 0x90};
    if (lead == 0xF4) return {.length = 4, .second_max = 0x8F};
    if (lead >= 0xF1 && lead <= 0xF3) return {.length = 4};
    return {.length = 0};
}

// Length of the longest prefix of `text` that begins some well-formed character; `complete`
// tells whether it is one.
[[nodiscard]] std::size_t maximal_subpart(std::string_view text, bool& complete) {
    complete = false;
    if (text.empty()) return 0;
    const LeadRule rule = lead_rule(static_cast<unsigned char>(text[0]));
    std::size_t length = 1;
    if (rule.length == 0) return 1;
    while (length < rule.length && length < text.size()) {
        const auto byte = static_cast<unsigned char>(text[length]);
        const bool fits = length == 1 ? byte >= rule.second_min && byte <= rule.second_max
                                      : is_continuation(byte);
        if (!fits) return length;
        ++length;
    }
    complete = length == rule.length;
    return length;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    bool complete = false;
    const std::size_t length = maximal_subpart(text, complete);
    return complete ? length : 0;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

char32_t utf8_decode(std::string_view text, std::size_t length) {
    const auto byte = [&](std::size_t i) {
        return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
    };
    switch (length) {
        case 2:
            return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
        case 3:
            return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
        case 4:
            return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U |
                   (byte(3) & 0x3FU);
        default:
            return byte(0);
    }
}

void append_utf8(std::string& out, char32_t code_point) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0U | code_point >> 6U);
        put(0x80U | (code_point & 0x3FU));
    } else if (code_point < 0x10000) {
        put(0xE0U | code_point >> 12U);
        put(0x80U | (code_point >> 6U & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    } else {
        put(0xF0U | code_point >> 18U);
        put(0x80U | (code_point >> 12U & 0x3FU));
        put(0x80U | (code_point >> 6U & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    }
}

std::size_t utf8_complete_prefix(std::string_view text) {
    // Only the last three bytes can belong to a character that still waits for more.
    const std::size_t window = std::min<std::size_t>(text.size(), 3);
    for (std::size_t back = 1; back <= window; ++back) {
        const std::size_t start = text.size() - back;
        if (is_continuation(static_cast<unsigned char>(text[start]))) continue;
        bool complete = false;
        const std::size_t length = maximal_subpart(text.substr(start), complete);
        const bool waits = !complete && length == back &&
                           lead_rule(static_cast<unsigned char>(text[start])).length > length;
        return waits ? start : text.size();
    }
    return text.size();
}

std::string to_valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        bool complete = false;
        const std::size_t length = maximal_subpart(text, complete);
        out.append(complete ? text.substr(0, length) : kReplacement);
        text.remove_prefix(length);
    }
    return out;
}

std::string Utf8HoldBack::feed(std::string_view bytes) {
    pending_.append(bytes);
    const std::size_t shown = utf8_complete_prefix(pending_);
    std::string out = to_valid_utf8(std::string_view(pending_).substr(0, shown));
    pending_.erase(0, shown);
    return out;
}

std::string Utf8HoldBack::flush() {
    std::string out = to_valid_utf8(pending_);
    pending_.clear();
    return out;
}

}  // namespace starglass

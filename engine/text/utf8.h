// SPDX-License-Identifier: MIT
//
// UTF-8 as this engine needs it: strict validation of what comes in, and the rule for how much
// of a growing byte buffer may be shown (protocol section 1.6).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starglass {

// Length in bytes of the well-formed character at the start of `text`; 0 when there is none
// (overlong forms, surrogates, code points past U+10FFFF, cut sequences, stray bytes).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);

// The code point of the well-formed character at the start of `text`, whose length is known.
[[nodiscard]] char32_t utf8_decode(std::string_view text, std::size_t length);

void append_utf8(std::string& out, char32_t code_point);

// How many leading bytes of `text` may be shown now: everything except a last character whose
// bytes have not all arrived. Bytes that can never become a character count as complete.
[[nodiscard]] std::size_t utf8_complete_prefix(std::string_view text);

// `text` with every ill-formed stretch replaced by U+FFFD, as Unicode advises (one per maximal
// subpart).
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

// A growing text that hands out whole characters. Not thread-safe; owned by one stream.
class Utf8HoldBack {
public:
    // Returns what `bytes` completed. Bytes that can never be UTF-8 come out as U+FFFD.
    [[nodiscard]] std::string feed(std::string_view bytes);
    // The rest; a character cut by the end becomes U+FFFD.
    [[nodiscard]] std::string flush();

private:
    std::string pending_;
};

}  // namespace starglass

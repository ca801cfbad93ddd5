// SPDX-License-Identifier: MIT
//
// The byte-level alphabet of BPE vocabularies: every byte has a printable code point, so a token
// can be written as text (protocol section 1.2).
#pragma once

#include <string>
#include <string_view>

namespace starglass {

// The spelling of one byte: UTF-8 of a code point between U+0021 and U+0143.
[[nodiscard]] std::string_view byte_spelling(unsigned char byte);

// The byte a code point stands for, or -1 for a code point outside the alphabet.
[[nodiscard]] int byte_of_spelling(char32_t code_point);

// Bytes of a vocabulary entry (protocol section 1.6): entries with U+FF5C in them are literal;
// in all others each code point goes back through the alphabet, and one outside it is dropped.
[[nodiscard]] std::string token_bytes(std::string_view spelling);

}  // namespace starglass

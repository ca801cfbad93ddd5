// SPDX-License-Identifier: MIT
#include "text/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace starglass {
namespace {

constexpr char32_t kFirstExtra = 0x100;
constexpr char32_t kExtras = 68;  // bytes without a printable code point of their own

struct Alphabet {
    std::array<std::string, 256> spelling;
    std::array<int, kFirstExtra + kExtras> byte;

    Alphabet() {
        byte.fill(-1);
        char32_t extra = kFirstExtra;
        for (int b = 0; b < 256; ++b) {
            const bool own = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            const char32_t code_point = own ? static_cast<char32_t>(b) : extra++;
            append_utf8(spelling[static_cast<std::size_t>(b)], code_point);
            byte[code_point] = b;
        }
    }
};

[[nodiscard]] const Alphabet& alphabet() {
    static const Alphabet kAlphabet;
    return kAlphabet;
}

}  // namespace

std::string_view byte_spelling(unsigned char byte) {
    return alphabet().spelling[byte];
}

int byte_of_spelling(char32_t code_point) {
    const auto& table = alphabet().byte;
    return code_point < table.size() ? table[code_point] : -1;
}

std::string token_bytes(std::string_view spelling) {
    constexpr std::string_view kBar = "\xEF\xBD\x9C";  // U+FF5C
    if (spelling.find(kBar) != std::string_view::npos) return std::string(spelling);
    std::string out;
    out.reserve(spelling.size());
    while (!spelling.empty()) {
        const std::size_t length = utf8_length(spelling);
        if (length != 0) {
            const int byte = byte_of_spelling(utf8_decode(spelling, length));
            if (byte >= 0) out.push_back(static_cast<char>(byte));
        }
        spelling.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "output.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace starglass::cli {
namespace {

int write_errno = 0;  // the first failure on standard output

// Length of the well-formed UTF-8 character at text[at], 0 if there is none.
std::size_t character_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned lead = byte(at);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xC0U) != 0x80U) return 0;
    const unsigned second = byte(at + 1);
    // Overlong forms, surrogates and values past U+10FFFF.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

// C0, DEL and C1 (U+0080..U+009F, which is C2 80..C2 9F).
bool steers_terminal(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return first < 0x20 || first == 0x7F;
    return character.size() == 2 && first == 0xC2 &&
           static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

void write_out(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() && write_errno == 0)
        write_errno = errno != 0 ? errno : EIO;
}

void flush_out() {
    if (std::fflush(stdout) != 0 && write_errno == 0) write_errno = errno != 0 ? errno : EIO;
}

Status finish_output() {
    flush_out();
    if (write_errno != 0)
        return fail(ErrorCode::io, "cannot write to standard output: {}",
                    std::strerror(write_errno));
    return {};
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character_length(text, at);
        const std::string_view character = text.substr(at, length == 0 ? 1 : length);
        const bool keep =
            length != 0 && (character == "\n" || character == "\t" || !steers_terminal(character));
        out += keep ? character : std::string_view("\xEF\xBF\xBD");
        at += character.size();
    }
    return out;
}

std::string quoted_text(std::string_view text) {
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character_length(text, at);
        const std::string_view character = text.substr(at, length == 0 ? 1 : length);
        if (character == "\n")
            out += "\\n";
        else if (character == "\t")
            out += "\\t";
        else if (character == "\r")
            out += "\\r";
        else if (character == "\"" || character == "\\")
            (out += '\\') += character;
        else if (length == 0 || steers_terminal(character))
            for (const char byte : character)
                out += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
        else
            out += character;
        at += character.size();
    }
    return out + "\"";
}

std::string json_text(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_json(const Json& json) {
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace));
    write_out("\n");
}

void print_error(std::string_view sentence) {
    flush_out();
    print_note(fmt::format("starglass-cli: {}", printable(sentence)));
}

void print_note(std::string_view text) {
    std::string line(text);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return fmt::format("{} bytes", bytes);
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, kUnits[unit]);
}

}  // namespace starglass::cli

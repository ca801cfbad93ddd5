// SPDX-License-Identifier: MIT
//
// Standard output and standard error: bytes, JSON, one-sentence errors. Main thread only.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace starglass::cli {

using Json = nlohmann::ordered_json;  // keys in the order a reader wants them

// Raw bytes to standard output. Failures are remembered and reported by finish_output().
void write_out(std::string_view bytes);
void flush_out();
[[nodiscard]] Status finish_output();

// Text without what would steer a terminal: control characters other than line feed and tab
// become U+FFFD. For everything that came from a model, a file or a user and meets a terminal.
std::string printable(std::string_view text);

// printable() in double quotes on one line: line feeds, quotes, and bytes that are not UTF-8 are
// escaped (\n \" \xE2), so that the exact bytes can be read off.
std::string quoted_text(std::string_view text);

// Bytes that are not UTF-8 become U+FFFD: JSON has no other way to hold them.
std::string json_text(const Json& json);  // one line
void write_json(const Json& json);        // indented, with a line feed

void print_error(std::string_view sentence);  // "starglass-cli: sentence"
void print_note(std::string_view text);       // as it is, on standard error

// "1.4 GiB"
std::string size_text(std::uint64_t bytes);

}  // namespace starglass::cli

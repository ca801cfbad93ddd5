// SPDX-License-Identifier: MIT
//
// Files and standard input as text, and what is written in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"
#include "engine/result.h"

namespace starglass::cli {

// The whole of a file, or of standard input for "-". Errors: not_found, io, cancelled (Ctrl-C),
// invalid_input for more than 1 GiB.
Result<std::string> read_input(const std::string& path);

// Integers separated by commas or white space. Errors name the first piece that is none.
Result<std::vector<TokenId>> parse_token_list(std::string_view text);

// "off", "on" or "max".
Result<ThinkMode> parse_think_mode(std::string_view text);

}  // namespace starglass::cli

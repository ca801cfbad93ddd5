// SPDX-License-Identifier: MIT
//
// Sizes as people write them: "8GB" (powers of ten) or "7.5GiB" (of two).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starglass::cli {

// Bytes; empty when it is no size, is negative or reaches 2^50.
std::optional<std::int64_t> parse_size(std::string_view text);

// For CLI::Validator: turns a size into bytes in digits; else returns what is wrong.
std::string size_value(std::string& text);

}  // namespace starglass::cli

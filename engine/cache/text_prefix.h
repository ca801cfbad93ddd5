// SPDX-License-Identifier: MIT
//
// Where two rendered texts part, for people to see. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/session.h"

namespace starglass {

// Bytes both begin with, cut back to a whole character.
std::size_t common_prefix(std::string_view a, std::string_view b);

// Of `cached` (or its beginning, when `cached_bytes` says there is more) against a prompt.
PrefixReport prefix_report(std::string_view cached, std::size_t cached_bytes,
                           std::string_view prompt);

}  // namespace starglass

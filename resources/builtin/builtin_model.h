// SPDX-License-Identifier: MIT
//
// The built-in model: a small GGUF inside the executable. The bytes live as long as the program,
// are aligned to 64, and may be read from any thread.
#pragma once

#include <cstddef>
#include <span>

namespace starglass {

std::span<const std::byte> builtin_model();

}  // namespace starglass

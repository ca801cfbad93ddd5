// SPDX-License-Identifier: MIT
//
// The two things every file of the cache is made of: a run of bytes with its checksum (XXH3, 64
// bits) and a zstd frame whose size is known before it is unpacked. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace starglass {

std::uint64_t checksum(std::span<const std::byte> bytes);

// KV codes are nearly random: the fastest level finds what there is to find (about 10 %), and
// unpacks faster than a disk delivers.
std::vector<std::byte> pack(std::span<const std::byte> bytes);

// Unpacks into exactly `out`. `what` opens the sentence of an error.
Status unpack(std::span<const std::byte> packed, std::span<std::byte> out, std::string_view what);
// The same into memory that is taken only when the frame claims the same size.
Result<std::vector<std::byte>> unpack(std::span<const std::byte> packed, std::uint64_t size,
                                      std::string_view what);
// Whether it would unpack to `size` bytes; takes the same small memory whatever the size.
Status check_frame(std::span<const std::byte> packed, std::uint64_t size, std::string_view what);

}  // namespace starglass

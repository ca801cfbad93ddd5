// SPDX-License-Identifier: MIT
//
// Address space set aside now and filled with memory when it is first written to, and given back to
// the system piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace starglass {

// Page aligned, zero until written; no memory yet. In large pages where the system has them: what
// is read through from end to end needs fewer look-ups of addresses, and is filled with fewer
// faults. Errors: out_of_memory.
[[nodiscard]] Result<std::byte*> reserve_memory(std::uint64_t bytes);
// Fills it with memory now, so that whoever comes first need not wait for it; what was written
// stays. False where the system cannot. Page aligned. Any thread, also beside others who use the
// memory.
bool populate_memory(std::span<std::byte> memory) noexcept;
// Gives the memory back, the addresses stay. Page aligned.
void forget_memory(std::span<std::byte> memory) noexcept;
// Gives the addresses back too; null is fine.
void release_memory(std::byte* memory, std::uint64_t bytes) noexcept;

}  // namespace starglass

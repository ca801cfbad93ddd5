// SPDX-License-Identifier: MIT
#include "base/address_space.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace starglass {

Result<std::byte*> reserve_memory(std::uint64_t bytes) {
    if (bytes == 0) return nullptr;
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return fail(ErrorCode::out_of_memory, "there is no address space for {} bytes: {}", bytes,
                    std::strerror(errno));
#ifdef MADV_HUGEPAGE
    ::madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<std::byte*>(memory);
}

bool populate_memory(std::span<std::byte> memory) noexcept {
#ifdef MADV_POPULATE_WRITE
    return ::madvise(memory.data(), memory.size(), MADV_POPULATE_WRITE) == 0;
#else
    static_cast<void>(memory);
    return false;
#endif
}

void forget_memory(std::span<std::byte> memory) noexcept {
    ::madvise(memory.data(), memory.size(), MADV_DONTNEED);
}

void release_memory(std::byte* memory, std::uint64_t bytes) noexcept {
    if (memory != nullptr) ::munmap(memory, bytes);
}

}  // namespace starglass

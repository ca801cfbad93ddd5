// SPDX-License-Identifier: MIT
//
// The memory of a backend that works in the host's.
#include "kernel/backend.h"

#include <cstring>
#include <new>

namespace starglass {
namespace {

constexpr std::align_val_t kAlignment{64};  // a cache line, and the widest SIMD register

}  // namespace

Result<void*> Backend::allocate(std::size_t bytes) {
    void* const memory = ::operator new(bytes, kAlignment, std::nothrow);
    if (memory == nullptr)
        return fail(ErrorCode::out_of_memory, "there is no memory for another {} bytes", bytes);
    return memory;
}

void Backend::release(void* memory) noexcept {
    ::operator delete(memory, kAlignment);
}

void Backend::write(void* to, const void* from_host, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from_host, bytes);
}

void Backend::copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
}

Status Backend::read(void* to_host, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to_host, from, bytes);
    return {};
}

Status Backend::read_all(std::span<const Reading> readings) {
    for (const Reading& one : readings) TRY_STATUS(read(one.to_host, one.from, one.bytes));
    return finish();
}

Status Backend::finish() {
    return {};
}

}  // namespace starglass

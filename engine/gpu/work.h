// SPDX-License-Identifier: MIT
//
// What a stream is given: kernels, copies and fills, with the bytes they touch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gpu/device.h"

namespace starglass::gpu {

// Bytes [address, address + bytes) of device memory.
struct Range {
    std::uint64_t address = 0;
    std::int64_t bytes = 0;
};

struct Groups {
    std::int64_t x = 1, y = 1, z = 1;
};

constexpr std::size_t kPushBytes = 128;

struct Work {
    enum class Kind : std::uint8_t { dispatch, copy, fill };
    static constexpr int kRangesMax = 14;
    Kind kind = Kind::dispatch;
    std::uint8_t reads = 0, writes = 0;
    std::uint16_t push_bytes = 0;
    int level = 0;  // of a batch: it runs beside what has the same, after what has less
    const Pipeline* pipeline = nullptr;
    Groups groups;
    std::uint64_t to = 0, from = 0;
    std::int64_t bytes = 0;
    const std::byte* staged = nullptr;  // what a copy reads, where that was staged for it
    std::uint32_t word = 0;
    std::array<Range, kRangesMax> ranges;  // reads, then writes
    std::array<std::byte, kPushBytes> push;
};

}  // namespace starglass::gpu

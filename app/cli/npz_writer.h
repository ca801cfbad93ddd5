// SPDX-License-Identifier: MIT
//
// Named arrays as an uncompressed .npz (a zip of .npy files, format 1.0), readable by numpy.load.
//
//   per array   local header · KEY.npy: magic, header padded to 64 bytes, little-endian values
//   at the end  central directory · end record
//
// Plain zip offsets end at 4 GiB; add() refuses what would pass that.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace starglass::cli {

class NpzWriter {
public:
    NpzWriter() = default;
    NpzWriter(const NpzWriter&) = delete;
    NpzWriter& operator=(const NpzWriter&) = delete;
    ~NpzWriter();  // removes a file that was not finished

    Status open(const std::string& path);
    // Errors: io, invalid_input past 4 GiB. `values` has the product of `shape` elements.
    Status add(std::string_view key, std::span<const std::int64_t> shape,
               std::span<const float> values);
    Status add(std::string_view key, std::span<const std::int64_t> shape,
               std::span<const std::int32_t> values);
    Status finish();

private:
    struct Entry {
        std::string name;
        std::uint32_t crc = 0, bytes = 0, offset = 0;
    };
    Status add_bytes(std::string_view key, std::string_view type,
                     std::span<const std::int64_t> shape, std::string_view values);
    Status write(std::string_view bytes);

    std::string path_;
    std::FILE* file_ = nullptr;
    std::uint64_t written_ = 0;
    std::vector<Entry> entries_;
};

}  // namespace starglass::cli

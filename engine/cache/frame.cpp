// SPDX-License-Identifier: MIT
#include "cache/frame.h"

#include <xxhash.h>
#include <zstd.h>

#include <memory>
#include <new>

namespace starglass {
namespace {

constexpr int kLevel = 1;

}  // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::vector<std::byte> pack(std::span<const std::byte> bytes) {
    std::vector<std::byte> out(ZSTD_compressBound(bytes.size()));
    const std::size_t size =
        ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
    // With this bound only memory can be missing.
    if (ZSTD_isError(size) != 0) throw std::bad_alloc();
    out.resize(size);
    return out;
}

Status unpack(std::span<const std::byte> packed, std::span<std::byte> out, std::string_view what) {
    // The frame's own claim is compared before anything is unpacked.
    if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != out.size())
        return fail(ErrorCode::invalid_input, "{} does not unpack to the {} bytes it should", what,
                    out.size());
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0 || size != out.size())
        return fail(ErrorCode::invalid_input, "{} cannot be unpacked ({})", what,
                    ZSTD_isError(size) != 0 ? ZSTD_getErrorName(size) : "it is too short");
    return {};
}

}  // namespace starglass

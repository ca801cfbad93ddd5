// SPDX-License-Identifier: MIT
#include "cache/frame.h"

#include <xxhash.h>
#include <zstd.h>

#include <memory>
#include <new>

namespace starglass {
namespace {

constexpr int kLevel = 1;
// What zstd makes of one byte at most is 2^15 (a block of 128 KiB from 4); a claim far beyond it
// is damage, whatever the frame says.
constexpr std::uint64_t kFactorMax = std::uint64_t{1} << 16;
// 8 MB, the window that every decoder is asked to support; kLevel never needs more than 512 KB.
constexpr int kWindowLogMax = 23;

// The frame's own claim is compared before anything is unpacked.
Status check_claim(std::span<const std::byte> packed, std::uint64_t size, std::string_view what) {
    if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != size ||
        size / kFactorMax > packed.size())
        return fail(ErrorCode::invalid_input, "{} does not unpack to the {} bytes it should", what,
                    size);
    return {};
}

tl::unexpected<Error> broken(std::size_t result, std::string_view what) {
    return fail(ErrorCode::invalid_input, "{} cannot be unpacked ({})", what,
                ZSTD_isError(result) != 0 ? ZSTD_getErrorName(result) : "it is too short");
}

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
    TRY_STATUS(check_claim(packed, out.size(), what));
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0 || size != out.size()) return broken(size, what);
    return {};
}

Result<std::vector<std::byte>> unpack(std::span<const std::byte> packed, std::uint64_t size,
                                      std::string_view what) {
    TRY_STATUS(check_claim(packed, size, what));
    std::vector<std::byte> out(size);
    TRY_STATUS(unpack(packed, std::span(out), what));
    return out;
}

Status check_frame(std::span<const std::byte> packed, std::uint64_t size, std::string_view what) {
    TRY_STATUS(check_claim(packed, size, what));
    const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                          &ZSTD_freeDCtx);
    if (context == nullptr) throw std::bad_alloc();
    (void)ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    std::vector<std::byte> piece(ZSTD_DStreamOutSize());
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    std::uint64_t done = 0;
    for (;;) {
        ZSTD_outBuffer out{piece.data(), piece.size(), 0};
        const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
        done += out.pos;
        if (ZSTD_isError(left) != 0) return broken(left, what);
        // 0: a frame has ended and all of it came out.
        const bool ended = left == 0 && in.pos == in.size;
        if (ended && done == size) return {};
        if (ended || done > size || (in.pos == in.size && out.pos < out.size))
            return broken(0, what);
    }
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "session/fingerprint.h"

#include <algorithm>

#include "base/digest.h"

namespace starglass {
namespace {

// Pieces of a tensor, evenly spaced. Each costs one page of a mapped file: for Flash 4,000 pages,
// 16 MB. Training or quantising anew changes nearly every block, so few pieces tell.
constexpr std::uint64_t kSamples = 3;
constexpr std::uint64_t kSampleBytes = 64;

}  // namespace

std::string model_fingerprint(const Gguf& gguf, std::span<const std::byte> file) {
    Sha256 hash;
    const std::uint64_t size = file.size();
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(file.first(std::min<std::size_t>(gguf.data_start(), file.size())));
    for (const GgufTensor& tensor : gguf.tensors()) {
        const std::uint64_t length = std::min<std::uint64_t>(kSampleBytes, tensor.data.size());
        for (std::uint64_t i = 1; i <= kSamples; ++i)
            hash.update(
                tensor.data.subspan((tensor.data.size() - length) / (kSamples + 1) * i, length));
    }
    return hash.hex().substr(0, 32);
}

}  // namespace starglass

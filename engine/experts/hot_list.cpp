// SPDX-License-Identifier: MIT
#include "experts/hot_list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/byte_reader.h"
#include "base/digest.h"

namespace starglass {
namespace {

constexpr std::array kMagic{std::byte{'S'}, std::byte{'G'}, std::byte{'H'}, std::byte{'L'}};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHead = 16;
constexpr std::size_t kDigest = Sha256::kBytes;

std::size_t file_bytes(int layers, int experts) {
    return kHead + static_cast<std::size_t>(layers) * static_cast<std::size_t>(experts) * 4 +
           kDigest;
}

}  // namespace

Status write_hot_list(FileSystem& files, const std::string& path, int layers, int experts,
                      std::span<const float> shares) {
    std::vector<std::byte> bytes(kHead);
    std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
    const std::uint32_t head[] = {kVersion, static_cast<std::uint32_t>(layers),
                                  static_cast<std::uint32_t>(experts)};
    std::memcpy(bytes.data() + kMagic.size(), head, sizeof head);
    const std::span<const std::byte> values = std::as_bytes(shares);
    bytes.insert(bytes.end(), values.begin(), values.end());
    Sha256 hash;
    hash.update(bytes);
    const Sha256::Value digest = hash.value();
    const std::span<const std::byte> end = std::as_bytes(std::span(digest));
    bytes.insert(bytes.end(), end.begin(), end.end());
    const std::span<const std::byte> part(bytes);
    return write_durably(files, path, std::span(&part, 1));
}

Result<std::vector<float>> read_hot_list(FileSystem& files, const std::string& path, int layers,
                                         int experts) {
    const std::size_t size = file_bytes(layers, experts);
    TRY(const std::vector<std::byte> bytes,
        files.read(path, 0, static_cast<std::int64_t>(size) + 1));
    const auto damaged = [&](const char* what) {
        return fail(ErrorCode::invalid_input, "'{}' {}; use is learned anew", path, what);
    };
    if (bytes.size() != size) return damaged("is not of this model's size");
    const std::uint32_t head[] = {kVersion, static_cast<std::uint32_t>(layers),
                                  static_cast<std::uint32_t>(experts)};
    if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin()) ||
        std::memcmp(bytes.data() + kMagic.size(), head, sizeof head) != 0)
        return damaged("is not a list of this model's experts");
    Sha256 hash;
    hash.update(std::span(bytes).first(size - kDigest));
    const Sha256::Value digest = hash.value();
    if (std::memcmp(digest.data(), bytes.data() + size - kDigest, kDigest) != 0)
        return damaged("is damaged");
    std::vector<float> shares(static_cast<std::size_t>(layers) * static_cast<std::size_t>(experts));
    std::memcpy(shares.data(), bytes.data() + kHead, shares.size() * sizeof(float));
    for (const float share : shares)
        if (!(share >= 0.0F && share <= 1.0F)) return damaged("has shares that cannot be");
    return shares;
}

std::vector<ExpertId> hottest_first(std::span<const float> shares) {
    std::vector<ExpertId> order;
    for (std::size_t id = 0; id < shares.size(); ++id)
        if (shares[id] > 0) order.push_back(static_cast<ExpertId>(id));
    std::stable_sort(order.begin(), order.end(), [&](ExpertId a, ExpertId b) {
        return shares[static_cast<std::size_t>(a)] > shares[static_cast<std::size_t>(b)];
    });
    return order;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "gpu/pipeline_file.h"

#include <xxhash.h>

#include <array>
#include <cstring>

#include "base/file_system.h"

namespace starglass::gpu {
namespace {

constexpr std::int64_t kLargest = std::int64_t{256} << 20;

struct Header {
    std::array<char, 8> magic{'S', 'G', 'P', 'I', 'P', 'E', '0', '1'};
    std::uint32_t vendor = 0, device = 0, driver = 0, length = 0;
    std::array<char, 32> uuid{};
    std::uint64_t checksum = 0;
};
static_assert(sizeof(Header) == 64);

Header header_for(const DeviceInfo& device, const std::byte* data, std::size_t length) {
    Header header;
    header.vendor = device.vendor;
    header.device = device.device;
    header.driver = device.driver_version;
    header.length = static_cast<std::uint32_t>(length);
    std::memcpy(header.uuid.data(), device.uuid.data(),
                std::min(header.uuid.size(), device.uuid.size()));
    header.checksum = XXH3_64bits(data, length);
    return header;
}

}  // namespace

std::string pipeline_file_name(const DeviceInfo& device) {
    return fmt::format("pipelines-{:04x}-{:04x}-{}.bin", device.vendor, device.device,
                       device.uuid.substr(0, 8));
}

Result<std::vector<std::byte>> read_pipeline_file(const std::string& path,
                                                  const DeviceInfo& device) {
    FileSystem& disk = FileSystem::disk();
    TRY(const std::int64_t size, disk.size(path));
    if (size < static_cast<std::int64_t>(sizeof(Header)) || size > kLargest)
        return fail(ErrorCode::invalid_input, "'{}' has an impossible size; it is built anew",
                    path);
    TRY(const std::vector<std::byte> bytes, disk.read(path, 0, size));
    Header found;
    if (bytes.size() < sizeof found)
        return fail(ErrorCode::invalid_input, "'{}' is cut off; it is built anew", path);
    std::memcpy(&found, bytes.data(), sizeof found);
    const Header wanted =
        header_for(device, bytes.data() + sizeof found, bytes.size() - sizeof found);
    if (std::memcmp(&found, &wanted, sizeof found) != 0)
        return fail(ErrorCode::invalid_input,
                    "'{}' is damaged or was made by another driver; it is built anew", path);
    return std::vector<std::byte>(bytes.begin() + sizeof found, bytes.end());
}

Status write_pipeline_file(const std::string& path, const DeviceInfo& device,
                           const std::vector<std::byte>& data) {
    const Header header = header_for(device, data.data(), data.size());
    const std::array<std::span<const std::byte>, 2> parts{std::as_bytes(std::span(&header, 1)),
                                                          std::span<const std::byte>(data)};
    return write_durably(FileSystem::disk(), path, parts);
}

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
#include "npz_writer.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace starglass::cli {
namespace {

// numpy reads the values as '<f4' and '<i4'.
static_assert(std::endian::native == std::endian::little, "swap bytes in NpzWriter::add first");

constexpr std::uint64_t kZipBytesMax = 0xFFFFFFFFULL;
constexpr std::size_t kEntriesMax = 0xFFFF;
constexpr std::uint16_t kZipVersion = 20;
// 1980-01-01: the earliest date a zip can hold; the same arrays give the same file.
constexpr std::uint16_t kZipDate = 0x21;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
        table[i] = value;
    }
    return table;
}

std::uint32_t crc32(std::uint32_t crc, std::string_view bytes) {
    static constexpr auto kTable = make_crc_table();
    crc = ~crc;
    for (const char byte : bytes)
        crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8U);
    return ~crc;
}

void put16(std::string& out, std::uint32_t value) {
    out += static_cast<char>(value & 0xFFU);
    out += static_cast<char>((value >> 8U) & 0xFFU);
}

void put32(std::string& out, std::uint32_t value) {
    put16(out, value & 0xFFFFU);
    put16(out, value >> 16U);
}

std::string npy_header(std::string_view type, std::span<const std::int64_t> shape) {
    std::string dimensions = fmt::format("{}", fmt::join(shape, ", "));
    if (shape.size() == 1) dimensions += ',';  // a Python tuple of one
    std::string header =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, dimensions);
    constexpr std::size_t kPrefix = 10;  // magic, version, length
    while ((kPrefix + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    put16(out, static_cast<std::uint32_t>(header.size()));
    return out + header;
}

// The fields that the local header and the central directory share.
void put_entry(std::string& out, std::uint32_t crc, std::uint32_t bytes, std::size_t name_bytes) {
    put16(out, kZipVersion);
    put16(out, 0);  // flags
    put16(out, 0);  // stored
    put16(out, 0);  // time
    put16(out, kZipDate);
    put32(out, crc);
    put32(out, bytes);
    put32(out, bytes);
    put16(out, static_cast<std::uint32_t>(name_bytes));
    put16(out, 0);  // extra field
}

}  // namespace

NpzWriter::~NpzWriter() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path_, ignored)) std::filesystem::remove(path_, ignored);
}

Status NpzWriter::open(const std::string& path) {
    path_ = path;
    file_ = std::fopen(path.c_str(), "wb");
    if (file_ == nullptr)
        return fail(ErrorCode::io, "cannot create '{}': {}", path, std::strerror(errno));
    return {};
}

Status NpzWriter::add(std::string_view key, std::span<const std::int64_t> shape,
                      std::span<const float> values) {
    return add_bytes(key, "<f4", shape,
                     {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

Status NpzWriter::add(std::string_view key, std::span<const std::int64_t> shape,
                      std::span<const std::int32_t> values) {
    return add_bytes(key, "<i4", shape,
                     {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

Status NpzWriter::add_bytes(std::string_view key, std::string_view type,
                            std::span<const std::int64_t> shape, std::string_view values) {
    const std::string header = npy_header(type, shape);
    const std::string name = std::string(key) + ".npy";
    // Room for the directory is small change; a MiB covers 10,000 entries.
    if (written_ + header.size() + values.size() + (1U << 20U) > kZipBytesMax ||
        entries_.size() == kEntriesMax)
        return fail(ErrorCode::invalid_input,
                    "the arrays do not fit into '{}', which ends at 4 GiB; choose some with "
                    "--names",
                    path_);
    const auto bytes = static_cast<std::uint32_t>(header.size() + values.size());
    const std::uint32_t crc = crc32(crc32(0, header), values);
    const auto offset = static_cast<std::uint32_t>(written_);
    std::string local("PK\x03\x04", 4);
    put_entry(local, crc, bytes, name.size());
    TRY_STATUS(write(local + name + header));
    TRY_STATUS(write(values));
    entries_.push_back({name, crc, bytes, offset});
    return {};
}

Status NpzWriter::finish() {
    const auto directory_offset = static_cast<std::uint32_t>(written_);
    std::string directory;
    for (const Entry& entry : entries_) {
        directory += std::string("PK\x01\x02", 4);
        put16(directory, kZipVersion);  // made by
        put_entry(directory, entry.crc, entry.bytes, entry.name.size());
        put16(directory, 0);  // comment
        put16(directory, 0);  // disk
        put16(directory, 0);  // internal attributes
        put32(directory, 0);  // external attributes
        put32(directory, entry.offset);
        directory += entry.name;
    }
    const auto directory_bytes = static_cast<std::uint32_t>(directory.size());
    directory += std::string("PK\x05\x06", 4);
    put16(directory, 0);
    put16(directory, 0);
    put16(directory, static_cast<std::uint32_t>(entries_.size()));
    put16(directory, static_cast<std::uint32_t>(entries_.size()));
    put32(directory, directory_bytes);
    put32(directory, directory_offset);
    put16(directory, 0);
    TRY_STATUS(write(directory));
    if (std::fflush(file_) != 0)
        return fail(ErrorCode::io, "cannot write '{}': {}", path_, std::strerror(errno));
    std::FILE* file = file_;
    file_ = nullptr;
    if (std::fclose(file) != 0)
        return fail(ErrorCode::io, "cannot write '{}': {}", path_, std::strerror(errno));
    return {};
}

Status NpzWriter::write(std::string_view bytes) {
    // An array of no rows has no bytes, and fwrite wants an address even so.
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
        return fail(ErrorCode::io, "cannot write '{}': {}", path_, std::strerror(errno));
    written_ += bytes.size();
    return {};
}

}  // namespace starglass::cli

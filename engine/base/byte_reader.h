// SPDX-License-Identifier: MIT
//
// A cursor over bytes nobody has checked yet. Every read is bounded: it either succeeds whole
// and moves the cursor, or returns false and moves nothing. Values are little endian, as in
// every file format this project reads. The reader borrows the bytes; one thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace starglass {

static_assert(std::endian::native == std::endian::little,
              "files are little endian and read as they lie; another host needs byte swaps here");

// A value from possibly unaligned bytes; the caller has checked that sizeof(T) of them exist.
template <class T>
[[nodiscard]] T load_unaligned(const std::byte* from) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t remaining() const { return bytes_.size() - position_; }

    template <class T>
    [[nodiscard]] bool read(T& value) {
        static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
        if (remaining() < sizeof value) return false;
        value = load_unaligned<T>(bytes_.data() + position_);
        position_ += sizeof value;
        return true;
    }

    [[nodiscard]] bool skip(std::uint64_t count) {
        if (remaining() < count) return false;
        position_ += count;
        return true;
    }

    [[nodiscard]] bool read_bytes(std::uint64_t count, std::span<const std::byte>& out) {
        if (remaining() < count) return false;
        out = bytes_.subspan(position_, count);
        position_ += count;
        return true;
    }

    // A u64 length and that many bytes, seen in place.
    [[nodiscard]] bool read_string(std::string_view& out) {
        const std::uint64_t start = position_;
        std::uint64_t length = 0;
        std::span<const std::byte> body;
        if (!read(length) || !read_bytes(length, body)) {
            position_ = start;
            return false;
        }
        out = {reinterpret_cast<const char*>(body.data()), body.size()};
        return true;
    }

private:
    std::span<const std::byte> bytes_;
    std::uint64_t position_ = 0;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Bytes of a file being put together, little endian: the other side of ByteReader. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace starglass {

class ByteWriter {
public:
    template <class T>
    void put(T value) {
        static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof value);
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    void put_bytes(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void put_text(std::string_view text) { put_bytes(std::as_bytes(std::span(text))); }
    template <class T>
    void put_all(std::span<const T> values) {
        put_bytes(std::as_bytes(values));
    }
    // Room for `count` bytes, to be filled by the caller before the next call.
    std::byte* extend(std::size_t count) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + count);
        return bytes_.data() + at;
    }
    template <class T>
    void patch(std::size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    void reserve(std::size_t count) { bytes_.reserve(count); }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

}  // namespace starglass

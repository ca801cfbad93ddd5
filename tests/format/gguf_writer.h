// SPDX-License-Identifier: MIT
//
// Builds GGUF files in memory for tests, correct ones and, through the raw setters, broken ones.
//
//   GgufWriter gguf;
//   gguf.u32("deepseek4.block_count", 6).string("general.architecture", "deepseek4");
//   gguf.tensor("output_norm.weight", DataType::f32, {64}, bytes);
//   std::vector<std::byte> file = gguf.build();
//
// Entries are written in the order they were added; a name added twice is written twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "format/gguf.h"

namespace starglass {

using GgufBytes = std::vector<std::byte>;

inline void append(GgufBytes& bytes, std::span<const std::byte> more) {
    // Not insert(): gcc 12 warns of an overflow that is not there.
    const std::size_t end = bytes.size();
    bytes.resize(end + more.size());
    if (!more.empty()) std::memcpy(bytes.data() + end, more.data(), more.size());
}

template <class T>
requires std::is_arithmetic_v<T>
void append(GgufBytes& bytes, T value) {
    append(bytes, std::as_bytes(std::span(&value, 1)));
}

inline void append_string(GgufBytes& bytes, std::string_view text) {
    append(bytes, static_cast<std::uint64_t>(text.size()));
    append(bytes, std::as_bytes(std::span(text)));
}

class GgufWriter {
public:
    // Header fields for broken files; by default they are right.
    std::uint32_t magic = 0x46554747;
    std::uint32_t version = 3;
    std::optional<std::uint64_t> tensor_count;
    std::optional<std::uint64_t> metadata_count;
    // Where data is placed. Writes no key: add general.alignment too when it is not 32.
    std::uint64_t alignment = 32;

    GgufWriter& u32(std::string_view key, std::uint32_t v) { return scalar(key, GgufType::u32, v); }
    GgufWriter& i32(std::string_view key, std::int32_t v) { return scalar(key, GgufType::i32, v); }
    GgufWriter& u64(std::string_view key, std::uint64_t v) { return scalar(key, GgufType::u64, v); }
    GgufWriter& f32(std::string_view key, float v) { return scalar(key, GgufType::f32, v); }
    GgufWriter& f64(std::string_view key, double v) { return scalar(key, GgufType::f64, v); }
    GgufWriter& boolean(std::string_view key, bool v) {
        return scalar(key, GgufType::boolean, static_cast<std::uint8_t>(v));
    }
    GgufWriter& string(std::string_view key, std::string_view text) {
        GgufBytes body;
        append_string(body, text);
        return raw(key, static_cast<std::uint32_t>(GgufType::string), body);
    }
    GgufWriter& strings(std::string_view key, std::span<const std::string> texts) {
        GgufBytes body = array_head(GgufType::string, texts.size());
        for (const std::string& text : texts) append_string(body, text);
        return raw(key, static_cast<std::uint32_t>(GgufType::array), body);
    }
    template <class T>
    GgufWriter& numbers(std::string_view key, GgufType element_type, std::span<const T> values) {
        GgufBytes body = array_head(element_type, values.size());
        append(body, std::as_bytes(values));
        return raw(key, static_cast<std::uint32_t>(GgufType::array), body);
    }
    GgufWriter& i32s(std::string_view key, std::span<const std::int32_t> v) {
        return numbers(key, GgufType::i32, v);
    }
    GgufWriter& u32s(std::string_view key, std::span<const std::uint32_t> v) {
        return numbers(key, GgufType::u32, v);
    }
    GgufWriter& f32s(std::string_view key, std::span<const float> v) {
        return numbers(key, GgufType::f32, v);
    }
    GgufWriter& f64s(std::string_view key, std::span<const double> v) {
        return numbers(key, GgufType::f64, v);
    }
    template <class T>
    GgufWriter& scalar(std::string_view key, GgufType type, T value) {
        GgufBytes body;
        append(body, value);
        return raw(key, static_cast<std::uint32_t>(type), body);
    }
    // Any type id with any bytes behind it.
    GgufWriter& raw(std::string_view key, std::uint32_t type, std::span<const std::byte> body) {
        append_string(metadata_, key);
        append(metadata_, type);
        append(metadata_, body);
        ++metadata_written_;
        return *this;
    }

    // The data is placed behind the tensors added before, aligned.
    GgufWriter& tensor(std::string_view name, DataType type, std::span<const std::int64_t> dims,
                       std::span<const std::byte> data) {
        data_.resize(round_up(data_.size()));
        const std::uint64_t offset = data_.size();
        append(data_, data);
        return directory_entry(name, dims, static_cast<std::uint32_t>(type), offset);
    }
    GgufWriter& tensor(std::string_view name, DataType type,
                       std::initializer_list<std::int64_t> dims, std::span<const std::byte> data) {
        return tensor(name, type, std::span(dims.begin(), dims.size()), data);
    }
    // A directory line alone: shared offsets, unknown types, offsets past the end.
    GgufWriter& directory_entry(std::string_view name, std::span<const std::int64_t> dims,
                                std::uint32_t type_id, std::uint64_t offset) {
        append_string(directory_, name);
        append(directory_, static_cast<std::uint32_t>(dims.size()));
        append(directory_, std::as_bytes(dims));
        append(directory_, type_id);
        append(directory_, offset);
        ++tensors_written_;
        return *this;
    }
    GgufWriter& directory_entry(std::string_view name, std::initializer_list<std::int64_t> dims,
                                std::uint32_t type_id, std::uint64_t offset) {
        return directory_entry(name, std::span(dims.begin(), dims.size()), type_id, offset);
    }

    [[nodiscard]] GgufBytes build() const {
        GgufBytes file;
        append(file, magic);
        append(file, version);
        append(file, tensor_count.value_or(tensors_written_));
        append(file, metadata_count.value_or(metadata_written_));
        append(file, metadata_);
        append(file, directory_);
        file.resize(round_up(file.size()));
        append(file, data_);
        return file;
    }

private:
    static GgufBytes array_head(GgufType element_type, std::size_t count) {
        GgufBytes body;
        append(body, static_cast<std::uint32_t>(element_type));
        append(body, static_cast<std::uint64_t>(count));
        return body;
    }
    [[nodiscard]] std::size_t round_up(std::size_t size) const {
        return (size + alignment - 1) / alignment * alignment;
    }

    GgufBytes metadata_;
    GgufBytes directory_;
    GgufBytes data_;
    std::uint64_t metadata_written_ = 0;
    std::uint64_t tensors_written_ = 0;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// A GGUF file (version 3) as typed metadata and a checked tensor directory: model spec 1.1.
//
// Goals: every number in the file is checked before it is used; nothing is allocated from a count
// the file merely claims; a file that cannot be read is refused with one sentence naming the key
// or tensor. Not here: which keys and tensors a model needs, and their shapes (engine/model).
//
// A Gguf borrows the bytes it was parsed from: strings, arrays and tensor data are views into
// them, valid as long as the bytes are. After parse it is immutable and safe from any thread.
// On duplicate names the first wins. Overlapping tensors are allowed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "base/result.h"
#include "tensor/data_type.h"

namespace starglass {

// Values are the ids stored in the file.
enum class GgufType : std::uint32_t {
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    boolean = 7,
    string = 8,
    array = 9,
    u64 = 10,
    i64 = 11,
    f64 = 12,
};

// "u32", "string", ...; "unknown" for an id outside the list.
std::string_view name_of(GgufType type);

// One metadata entry. Its bytes have been walked to the end, so views of them need no checks.
struct GgufValue {
    std::string_view key;
    GgufType type = GgufType::u8;
    GgufType element_type = GgufType::u8;  // of an array
    std::uint64_t count = 1;               // elements of an array; 1 otherwise
    std::span<const std::byte> payload;    // scalar bytes, string bytes, or array elements
};

// Strings of an array, walked in order (they have different lengths, so there is no index).
class GgufStrings {
public:
    class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string_view*;
        using reference = std::string_view;

        Iterator() = default;
        Iterator(const std::byte* at, std::uint64_t index) : at_(at), index_(index) {}
        std::string_view operator*() const {
            return {reinterpret_cast<const char*>(at_ + sizeof(std::uint64_t)), length()};
        }
        Iterator& operator++() {
            at_ += sizeof(std::uint64_t) + length();
            ++index_;
            return *this;
        }
        Iterator operator++(int) {
            const Iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const Iterator& other) const { return index_ == other.index_; }

    private:
        [[nodiscard]] std::uint64_t length() const { return load_unaligned<std::uint64_t>(at_); }
        const std::byte* at_ = nullptr;
        std::uint64_t index_ = 0;
    };

    explicit GgufStrings(const GgufValue& value)
        : data_(value.payload.data()), size_(value.count) {}
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Iterator begin() const { return {data_, 0}; }
    [[nodiscard]] Iterator end() const { return {nullptr, size_}; }
    // Sixteen bytes per string, at most twice what the strings take in the file.
    [[nodiscard]] std::vector<std::string_view> to_vector() const { return {begin(), end()}; }

private:
    const std::byte* data_;
    std::uint64_t size_;
};

// Elements of an i32 or u32 array, or of an f32 or f64 array, seen as one wide type.
template <class Narrow, class Other, GgufType kOther, class Wide>
class GgufNumbers {
public:
    explicit GgufNumbers(const GgufValue& value)
        : data_(value.payload.data()), size_(value.count), other_(value.element_type == kOther) {}
    [[nodiscard]] std::uint64_t size() const { return size_; }
    // index < size()
    [[nodiscard]] Wide operator[](std::uint64_t index) const {
        return other_ ? static_cast<Wide>(load_unaligned<Other>(data_ + index * sizeof(Other)))
                      : static_cast<Wide>(load_unaligned<Narrow>(data_ + index * sizeof(Narrow)));
    }

private:
    const std::byte* data_;
    std::uint64_t size_;
    bool other_;
};
using GgufInts = GgufNumbers<std::int32_t, std::uint32_t, GgufType::u32, std::int64_t>;
using GgufFloats = GgufNumbers<float, double, GgufType::f64, double>;

inline constexpr int kGgufDimsMax = 8;

struct GgufTensor {
    std::string_view name;
    std::uint32_t type_id = 0;     // as in the file
    std::optional<DataType> type;  // nullopt: unknown to this build, `bytes` is 0
    int dim_count = 0;
    std::array<std::int64_t, kGgufDimsMax> dims{};  // dims[0] is contiguous
    std::uint64_t offset = 0;                       // from the start of the file
    std::uint64_t bytes = 0;
    std::span<const std::byte> data;

    [[nodiscard]] std::span<const std::int64_t> shape() const {
        return {dims.data(), static_cast<std::size_t>(dim_count)};
    }
    [[nodiscard]] std::uint64_t elements() const;  // never overflows: checked by parse
    [[nodiscard]] std::string type_name() const;   // "Q8_0", or "type 99"
};

class Gguf {
public:
    static constexpr std::uint32_t kVersion = 3;
    static constexpr std::uint64_t kHeaderBytesMin = 32;
    static constexpr std::uint32_t kAlignmentDefault = 32;
    // Numbers are read where they lie, so their natural alignment is the least a file may have;
    // GGUF itself asks for a multiple of 8.
    static constexpr std::uint32_t kAlignmentMin = 8;
    static constexpr std::uint32_t kAlignmentMax = 1U << 20U;
    static constexpr int kArrayDepthMax = 8;

    // Errors: invalid_input, or unsupported for another version; one sentence each.
    static Result<Gguf> parse(std::span<const std::byte> bytes);

    // Entries and tensors in file order, duplicates included.
    [[nodiscard]] std::span<const GgufValue> metadata() const { return metadata_; }
    [[nodiscard]] std::span<const GgufTensor> tensors() const { return tensors_; }
    [[nodiscard]] std::uint32_t alignment() const { return alignment_; }
    [[nodiscard]] std::uint64_t data_start() const { return data_start_; }

    // nullptr when there is none.
    [[nodiscard]] const GgufValue* find_value(std::string_view key) const;
    [[nodiscard]] const GgufTensor* find_tensor(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view key) const { return find_value(key) != nullptr; }

    // A key of exactly this type (spec 1.2: "an i32 counts as missing"), else nullopt.
    [[nodiscard]] std::optional<std::uint32_t> u32(std::string_view key) const;
    [[nodiscard]] std::optional<std::uint64_t> u64_or_u32(std::string_view key) const;
    [[nodiscard]] std::optional<float> f32_like(std::string_view key) const;  // f32 f64 u32 i32
    [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
    [[nodiscard]] std::optional<std::string_view> string(std::string_view key) const;

    // The same, with a sentence saying whether the key is missing (not_found) or has another type
    // (invalid_input). f32_like also refuses infinities and NaN.
    [[nodiscard]] Result<std::uint32_t> require_u32(std::string_view key) const;
    [[nodiscard]] Result<std::uint64_t> require_u64_or_u32(std::string_view key) const;
    [[nodiscard]] Result<float> require_f32_like(std::string_view key) const;
    [[nodiscard]] Result<bool> require_boolean(std::string_view key) const;
    [[nodiscard]] Result<std::string_view> require_string(std::string_view key) const;
    [[nodiscard]] Result<GgufStrings> require_strings(std::string_view key) const;
    [[nodiscard]] Result<GgufInts> require_ints(std::string_view key) const;      // i32 or u32
    [[nodiscard]] Result<GgufFloats> require_floats(std::string_view key) const;  // f32 or f64

    // Errors: not_found; unsupported when its type is unknown. Never nullptr.
    [[nodiscard]] Result<const GgufTensor*> require_tensor(std::string_view name) const;

private:
    std::vector<GgufValue> metadata_;
    std::vector<GgufTensor> tensors_;
    // Indices in name order, the first of equal names first. Sorting has no worst case that a
    // file could aim at, which a hash with a known seed has.
    std::vector<std::uint32_t> metadata_order_;
    std::vector<std::uint32_t> tensor_order_;
    std::uint32_t alignment_ = kAlignmentDefault;
    std::uint64_t data_start_ = 0;

    friend class GgufParser;
};

// Text from a file made fit for a sentence: control and non-ASCII bytes as \xNN, long names cut.
std::string printable(std::string_view text);

// The value as a person would write it; long strings and arrays are cut. For `info`.
std::string describe(const GgufValue& value);

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The element types a GGUF tensor can have and how many bytes a row of them takes
// (model spec sections 1.1 and 2). A new block format starts with one entry here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starglass {

// Values are the ggml type ids stored in the file.
enum class DataType : std::uint32_t {
    f32 = 0,
    f16 = 1,
    q8_0 = 8,
    q2_k = 10,
    q4_k = 12,
    iq2_xxs = 16,
    i32 = 26,
    bf16 = 30,
};

struct DataTypeTraits {
    DataType type;
    std::string_view name;
    std::int64_t block_elements;
    std::int64_t block_bytes;
};

inline constexpr std::array kDataTypes{
    DataTypeTraits{DataType::f32, "F32", 1, 4},
    DataTypeTraits{DataType::f16, "F16", 1, 2},
    DataTypeTraits{DataType::q8_0, "Q8_0", 32, 34},
    DataTypeTraits{DataType::q2_k, "Q2_K", 256, 84},
    DataTypeTraits{DataType::q4_k, "Q4_K", 256, 144},
    DataTypeTraits{DataType::iq2_xxs, "IQ2_XXS", 256, 66},
    DataTypeTraits{DataType::i32, "I32", 1, 4},
    DataTypeTraits{DataType::bf16, "BF16", 1, 2},
};

// nullopt for a type id this build does not know.
constexpr std::optional<DataTypeTraits> find_data_type(std::uint32_t id) {
    for (const DataTypeTraits& traits : kDataTypes)
        if (static_cast<std::uint32_t>(traits.type) == id) return traits;
    return std::nullopt;
}

constexpr DataTypeTraits traits_of(DataType type) {
    return *find_data_type(static_cast<std::uint32_t>(type));
}

// Bytes of one row of `elements` values; elements is a multiple of the block for block types.
constexpr std::int64_t row_bytes(DataType type, std::int64_t elements) {
    const DataTypeTraits traits = traits_of(type);
    return (elements + traits.block_elements - 1) / traits.block_elements * traits.block_bytes;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// A weight matrix, or a stack of equally shaped ones, as it lies in the file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/data_type.h"

namespace starglass {

// `count` matrices of `out` rows of `in` values; y = W x. The bytes belong to the model file, or to
// whoever keeps some of the matrices in memory.
struct Weight {
    const std::byte* data = nullptr;
    DataType type = DataType::f32;
    std::int64_t in = 0;
    std::int64_t out = 0;
    std::int64_t count = 1;  // experts
    // Where each of `count` matrices begins, when they do not follow each other from `data`. An
    // entry holds while its matrix is in memory (kernel/expert_source.h).
    const std::byte* const* matrices = nullptr;

    [[nodiscard]] std::int64_t row_size() const { return row_bytes(type, in); }
    [[nodiscard]] const std::byte* row(std::int64_t o, std::int64_t matrix = 0) const {
        if (matrices != nullptr) return matrices[matrix] + o * row_size();
        return data + (matrix * out + o) * row_size();
    }
    explicit operator bool() const { return data != nullptr || matrices != nullptr; }
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// A weight matrix, or a stack of equally shaped ones, as it lies in the file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/data_type.h"

namespace starglass {

// `count` matrices of `out` rows of `in` values; y = W x. The bytes belong to the model file.
struct Weight {
    const std::byte* data = nullptr;
    DataType type = DataType::f32;
    std::int64_t in = 0;
    std::int64_t out = 0;
    std::int64_t count = 1;  // experts

    [[nodiscard]] std::int64_t row_size() const { return row_bytes(type, in); }
    [[nodiscard]] const std::byte* row(std::int64_t o, std::int64_t matrix = 0) const {
        return data + (matrix * out + o) * row_size();
    }
    explicit operator bool() const { return data != nullptr; }
};

}  // namespace starglass

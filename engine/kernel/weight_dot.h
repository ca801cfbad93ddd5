// SPDX-License-Identifier: MIT
//
// Rows of a weight matrix times several activation vectors: the one inner routine behind matrix
// products and experts.
//
// The sum of one (weight row, activation vector) pair is formed in a fixed order, however many
// vectors share a call: for int8 activations that of tensor/block_format, bit for bit; for f32
// activations lanes run along the row, so there it depends on the instruction set.
#pragma once

#include <cstdint>

#include "kernel/backend.h"
#include "kernel/cpu_context.h"
#include "tensor/block_format.h"

namespace starglass {

// `rows` vectors of `in` values as the weight type wants to meet them. Codes and scales equal
// those of tensor/block_format bit for bit. Codes lie by blocks of 256 columns: rows a power of
// two apart would share a set of the first cache. Within 32 columns their order is the kernel's.
struct DotInput {
    ActivationFormat format = ActivationFormat::f32;
    std::int64_t in = 0;
    std::int64_t rows = 0;
    const float* x = nullptr;           // [rows, in]
    const std::int8_t* code = nullptr;  // [in/256, rows, 256], the last block perhaps narrower
    const float* scale = nullptr;       // [rows, in/32] of q8_0, [rows, in/256] of q8_k
    const std::int16_t* sum = nullptr;  // [rows, in/16] of q8_k: sums of 16 codes
    // [rows, in/32] where the weights' codes are met with an offset: minus it, times the sum of
    // 32 codes.
    const std::int32_t* bias = nullptr;

    // Where in `code` those of a row begin at a column, a multiple of 32.
    [[nodiscard]] std::int64_t code_offset(std::int64_t row, std::int64_t column) const {
        const std::int64_t first = column / 256 * 256;
        const std::int64_t width = in - first < 256 ? in - first : 256;
        return first * rows + row * width + (column - first);
    }
};

// Quantises where the context's activations and the weight type ask for it (memory from `arena`);
// f32 activations refer to x itself. In parallel when there are many rows.
DotInput make_dot_input(CpuContext& context, Arena& arena, DataType weight, const float* x,
                        std::int64_t rows, std::int64_t in);

// Rows are best handed to dot_rows by multiples of this.
inline constexpr std::int64_t kDotRowsTile = 16;

// out[i*out_stride + o] = row o . vector list[i], 0 <= o < outputs, 0 <= i < count.
struct DotRows {
    DataType type;
    const std::byte* w;  // first row
    std::int64_t row_size;
    std::int64_t outputs;
    const DotInput* input;
    const std::int32_t* list;
    std::int64_t count;
    float* out;
    std::int64_t out_stride;
};
// Scratch comes from `arena` (one thread's).
void dot_rows(const DotRows& job, Arena& arena);

// hidden[i] = swiglu(gate[i], up[i], clamp) * weight
void swiglu_rows(const float* gate, const float* up, std::int64_t count, float clamp, float weight,
                 float* hidden);

}  // namespace starglass

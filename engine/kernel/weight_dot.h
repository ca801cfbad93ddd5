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

// `rows` vectors of `in` values as the weight type wants to meet them. Codes, scales and sums equal
// those of tensor/block_format bit for bit. They lie by blocks of columns, and in a block vector
// after vector, so that a tile of neighbouring vectors is one short stretch of memory. Within 32
// columns the order of the codes is the kernel's.
struct DotInput {
    ActivationFormat format = ActivationFormat::f32;
    std::int64_t in = 0;
    std::int64_t rows = 0;
    const float* x = nullptr;
    const std::int32_t* source = nullptr;  // vector i is row source[i] of x; without it, row i
    const std::int8_t* code = nullptr;     // [in/256 rounded up, rows, 256]
    const float* scale = nullptr;          // [in/32, rows] of q8_0, [in/256, rows] of q8_k
    const std::int16_t* sum = nullptr;     // [in/256, rows, 16] of q8_k: sums of 16 codes
    // [in/32, rows] where the weights' codes are met with an offset: minus it, times the sum of
    // 32 codes.
    const std::int32_t* bias = nullptr;
    // Of f32, where vectors come in long runs: their values as float_panel-inl.h wants them, tile
    // after tile of a run, [tiles, panel_places(in), vectors of the tile].
    const float* panels = nullptr;

    // Where in `code` those of a vector begin at a column, a multiple of 32.
    [[nodiscard]] std::int64_t code_offset(std::int64_t row, std::int64_t column) const {
        return (column / 256 * rows + row) * 256 + column % 256;
    }
    [[nodiscard]] const float* vector(std::int64_t row) const {
        return x + (source != nullptr ? source[row] : row) * in;
    }
};

// Vectors of a run of at least kPanelRun are met in tiles of kPanelVectors or a few less, none much
// smaller than another. Fewer are not worth rearranging the weights for.
inline constexpr std::int64_t kPanelVectors = 12;
inline constexpr std::int64_t kPanelVectorsLeast = 6;
inline constexpr std::int64_t kPanelRun = 6;

// Places of a panel of rows of `in` values: some stay empty.
constexpr std::int64_t panel_places(std::int64_t in) {
    return in + 16;
}

// body(first, size) for each tile of a run.
template <class Body>
void for_each_panel_tile(std::int64_t run, Body&& body) {
    std::int64_t tiles = (run + kPanelVectors - 1) / kPanelVectors;
    for (std::int64_t first = 0; tiles > 0; --tiles) {
        const std::int64_t size = (run - first + tiles - 1) / tiles;
        body(first, size);
        first += size;
    }
}

// Quantises where the context's activations and the weight type ask for it (memory from `arena`);
// f32 activations refer to x itself. `source`, unless null, names the row of x for each of `rows`
// vectors, and has to live as long as the result. In parallel when there are many. `run`, unless
// zero, promises that every job takes vectors [n*run, (n+1)*run).
DotInput make_dot_input(CpuContext& context, Arena& arena, DataType weight, const float* x,
                        std::int64_t rows, std::int64_t in, const std::int32_t* source = nullptr,
                        std::int64_t run = 0);

// Rows are best handed to dot_rows by multiples of this.
inline constexpr std::int64_t kDotRowsTile = 16;

// out[i*out_stride + o] = row o . vector first+i, 0 <= o < outputs, 0 <= i < count.
struct DotRows {
    DataType type;
    const std::byte* w;  // first row
    std::int64_t row_size;
    std::int64_t outputs;
    const DotInput* input;
    std::int64_t first;
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

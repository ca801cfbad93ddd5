// SPDX-License-Identifier: MIT
//
// How a weight lies in device memory. Blocks of a file have odd sizes (34, 66, 84 bytes), which a
// GPU reads badly; on the way to the device they are taken apart into planes of aligned words.
// Nothing is lost and, but for the eighth sign of IQ2_XXS (6 % of it), nothing is added; kernels
// need neither 8- nor 16-bit loads.
//
//   Q8_0     i8 codes [rows][in] | f16 scales [rows][in/32, even]
//   Q2_K     2-bit codes [rows][in/4] | scale and minimum bytes [rows][in/16] | f16 d, dmin
//   [rows][in/256] Q4_K     as in the file: 144 bytes a block IQ2_XXS  of 32 values four grid
//   indices and four bytes of signs [rows][in/4] | f16 d [rows][in/256,
//            even] | eight 4-bit scales [rows][in/256]
//   F16      [rows][in, even];   F32, I32  as in the file
//
// A plane begins at a multiple of 256 bytes; rows = out * count.
#pragma once

#include <array>
#include <cstdint>

#include "tensor/weight.h"

namespace starglass {

struct DevicePlane {
    std::int64_t offset = 0;      // bytes from the weight's beginning
    std::int64_t row_stride = 0;  // bytes
};

struct DeviceLayout {
    std::array<DevicePlane, 3> planes;
    int count = 1;
    std::int64_t bytes = 0;
};

DeviceLayout device_layout(DataType type, std::int64_t in, std::int64_t rows);
inline DeviceLayout device_layout(const Weight& w) {
    return device_layout(w.type, w.in, w.out * w.count);
}

// Writes row `row` of plane `plane` of a weight in file form to `out` (row_stride bytes).
void pack_device_row(const Weight& w, const DeviceLayout& layout, int plane, std::int64_t row,
                     std::byte* out);

}  // namespace starglass

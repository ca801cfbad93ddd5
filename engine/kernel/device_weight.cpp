// SPDX-License-Identifier: MIT
#include "kernel/device_weight.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace starglass {
namespace {

constexpr std::int64_t kPlaneAlignment = 256;

std::int64_t even_halves(std::int64_t count) {
    return (count + 1) / 2 * 4;
}

// The signs of eight values are seven bits in the file; the eighth makes their number even.
void pack_iq2_row(const std::byte* from, std::int64_t blocks, int plane, std::byte* out) {
    for (std::int64_t block = 0; block < blocks; ++block, from += 66) {
        std::uint32_t scales = 0;
        for (int group = 0; group < 8; ++group) {
            std::uint32_t words[2];
            std::memcpy(words, from + 2 + 8 * group, sizeof words);
            scales |= (words[1] >> 28) << (4 * group);
            if (plane != 0) continue;
            std::uint32_t signs = 0;
            for (int part = 0; part < 4; ++part) {
                const std::uint32_t seven = (words[1] >> (7 * part)) & 127U;
                const auto eighth = static_cast<std::uint32_t>(std::popcount(seven) & 1);
                signs |= (seven | eighth << 7) << (8 * part);
            }
            words[1] = signs;
            std::memcpy(out, words, sizeof words);
            out += sizeof words;
        }
        if (plane == 0) continue;
        std::memcpy(out, &scales, sizeof scales);
        out += sizeof scales;
    }
}

}  // namespace

DeviceLayout device_layout(DataType type, std::int64_t in, std::int64_t rows) {
    DeviceLayout layout;
    const auto set = [&](std::initializer_list<std::int64_t> strides) {
        layout.count = static_cast<int>(strides.size());
        std::int64_t offset = 0;
        int plane = 0;
        for (const std::int64_t stride : strides) {
            layout.planes[static_cast<std::size_t>(plane++)] = {offset, stride};
            offset += (stride * rows + kPlaneAlignment - 1) / kPlaneAlignment * kPlaneAlignment;
        }
        layout.bytes = offset;
    };
    switch (type) {
        case DataType::q8_0:
            set({in, even_halves(in / 32)});
            break;
        case DataType::q2_k:
            set({in / 4, in / 16, in / 256 * 4});
            break;
        case DataType::iq2_xxs:
            set({in / 4, even_halves(in / 256), in / 256 * 4});
            break;
        case DataType::f16:
        case DataType::bf16:
            set({even_halves(in)});
            break;
        case DataType::q4_k:
        case DataType::f32:
        case DataType::i32:
            set({row_bytes(type, in)});
            break;
    }
    return layout;
}

void pack_device_row(const Weight& w, const DeviceLayout& layout, int plane, std::int64_t row,
                     std::byte* out) {
    const std::int64_t size = w.row_size();
    const std::byte* from = w.data + row * size;
    const auto copies = [&](std::int64_t block, std::int64_t begin, std::int64_t bytes) {
        std::byte* to = out;
        for (std::int64_t at = 0; at < size; at += block, to += bytes)
            std::memcpy(to, from + at + begin, static_cast<std::size_t>(bytes));
        std::fill(to, out + layout.planes[static_cast<std::size_t>(plane)].row_stride,
                  std::byte{0});
    };
    switch (w.type) {
        case DataType::q8_0:
            return plane == 0 ? copies(34, 2, 32) : copies(34, 0, 2);
        case DataType::q2_k:
            return plane == 0   ? copies(84, 16, 64)
                   : plane == 1 ? copies(84, 0, 16)
                                : copies(84, 80, 4);
        case DataType::iq2_xxs:
            if (plane == 1) return copies(66, 0, 2);
            return pack_iq2_row(from, w.in / 256, plane, out);
        default:
            return copies(size, 0, size);
    }
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// What products of weights share on Vulkan: which kernel meets which type, where planes lie, and the
// sizes of a workgroup's work.
#pragma once

#include "kernel/device_weight.h"
#include "kernel/vulkan_context.h"

namespace starglass {

enum class VectorProduct { mat_vec, gate_up, down };

// The kernel for a few vectors. F16 and F32 weights meet f32 values always.
Shader vector_shader(const VulkanContext& context, VectorProduct kind, DataType type);

struct PlaneAddresses {
    std::uint64_t codes, scales, extra;
};
PlaneAddresses plane_addresses(const Weight& w);
gpu::Range weight_range(const Weight& w);

// y = W x as MatMul has it, and with a matrix for each row of y: row r of y meets matrix selected[r] of a
// stack and row r / used of x.
struct Product {
    Weight w;
    std::uint64_t x;  // [rows / used, groups * in]
    std::uint64_t y;  // [rows, out]
    std::int64_t rows;
    int groups = 1;
    const std::int32_t* selected = nullptr;  // device memory, [rows]
    int used = 1;
};
void mat_vec(VulkanContext& context, const Product& op);

// Rows a subgroup keeps under way at once, and blocks of rows a workgroup goes through.
struct RowBlocks {
    std::uint32_t together, blocks;
    std::int64_t workgroups;
};
RowBlocks row_blocks(const VulkanContext& context, std::int64_t rows, std::uint32_t together,
                     std::int64_t other_workgroups);

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_vk.h"

#include <algorithm>
#include <cassert>

#include "mat_vec_params.h"

namespace starglass {
namespace {

constexpr std::int64_t kWorkgroup = 256;
// Vectors met by one pass over the weights; more share registers and shared memory among them.
constexpr std::int64_t kColumnsMax = 4;

#define SG_QUANTISED(mode)                                                                     \
    {                                                                                          \
        {Shader::mode##_q8_0_f32, Shader::mode##_q8_0_int8, Shader::mode##_q8_0_dot},          \
            {Shader::mode##_q2_k_f32, Shader::mode##_q2_k_int8, Shader::mode##_q2_k_dot},      \
            {Shader::mode##_q4_k_f32, Shader::mode##_q4_k_int8, Shader::mode##_q4_k_dot},      \
            {Shader::mode##_iq2_xxs_f32, Shader::mode##_iq2_xxs_int8,                          \
             Shader::mode##_iq2_xxs_dot},                                                      \
    }
constexpr Shader kQuantised[3][4][3] = {SG_QUANTISED(mat_vec), SG_QUANTISED(gate_up),
                                        SG_QUANTISED(down)};
#undef SG_QUANTISED

}  // namespace

Shader vector_shader(const VulkanContext& context, VectorProduct kind, DataType type) {
    const auto mode = static_cast<std::size_t>(kind);
    int quantised = -1;
    switch (type) {
        case DataType::q8_0:
            quantised = 0;
            break;
        case DataType::q2_k:
            quantised = 1;
            break;
        case DataType::q4_k:
            quantised = 2;
            break;
        case DataType::iq2_xxs:
            quantised = 3;
            break;
        case DataType::f16: {
            constexpr Shader kHalf[3] = {Shader::mat_vec_f16_f32, Shader::gate_up_f16_f32,
                                         Shader::down_f16_f32};
            return kHalf[mode];
        }
        default:
            assert(type == DataType::f32 && kind == VectorProduct::mat_vec);
            return Shader::mat_vec_f32_f32;
    }
    const int arithmetic = context.activations == Activations::f32                  ? 0
                           : context.device.features().integer_dot ? 2 : 1;
    return kQuantised[mode][quantised][arithmetic];
}

PlaneAddresses plane_addresses(const Weight& w) {
    const DeviceLayout layout = device_layout(w);
    const std::uint64_t base = address_of(w.data);
    const auto at = [&](std::size_t plane) {
        return base + static_cast<std::uint64_t>(layout.planes[plane].offset);
    };
    // F16 and F32 rows that are no vectors are read as words of the same plane.
    return {base, layout.count > 1 ? at(1) : base, layout.count > 2 ? at(2) : base};
}

gpu::Range weight_range(const Weight& w) {
    return {address_of(w.data), device_layout(w).bytes};
}

RowBlocks row_blocks(const VulkanContext& context, std::int64_t rows, std::uint32_t together,
                     std::int64_t other_workgroups) {
    const std::int64_t subgroups = kWorkgroup / context.device.info().subgroup_size;
    // Few rows keep fewer of them together, so that every subgroup has work.
    while (together > 1 && rows * other_workgroups < subgroups * together * 512) together /= 2;
    const std::int64_t block = subgroups * together;
    // Enough workgroups to fill a large device several times over, and no more.
    const std::int64_t blocks =
        std::clamp<std::int64_t>(rows * other_workgroups / (block * 2048), 1, 8);
    return {together, static_cast<std::uint32_t>(blocks), divide_up(rows, block * blocks)};
}

void mat_vec(VulkanContext& context, const Product& op) {
    const bool half = op.w.type == DataType::f16;
    const bool aligned =
        !(half && op.w.in % 8 != 0) && !(op.w.type == DataType::f32 && op.w.in % 4 != 0);
    const bool chosen = op.selected != nullptr;
    const std::int64_t out_rows = op.w.out / op.groups;
    const auto columns = static_cast<std::uint32_t>(chosen                   ? 1
                                                    : op.rows >= kColumnsMax ? kColumnsMax
                                                    : op.rows >= 2           ? 2
                                                                             : 1);
    const std::int64_t passes = divide_up(op.rows, columns);
    const RowBlocks blocks =
        row_blocks(context, out_rows, columns > 1 ? 2 : 4, passes * op.groups);
    const PlaneAddresses planes = plane_addresses(op.w);
    const std::int64_t x_rows = chosen ? op.rows / op.used : op.rows;
    const shaders::MatVecParams params{.codes = planes.codes,
                                       .scales = planes.scales,
                                       .extra = planes.extra,
                                       .grid = context.iq2_grid(),
                                       .x = op.x,
                                       .y = op.y,
                                       .selected = address_of(op.selected),
                                       .width = static_cast<std::int32_t>(op.w.in),
                                       .out_rows = static_cast<std::int32_t>(out_rows),
                                       .rows = static_cast<std::int32_t>(op.rows),
                                       .x_stride = static_cast<std::int32_t>(op.groups * op.w.in),
                                       .y_stride = static_cast<std::int32_t>(op.w.out),
                                       .aligned = aligned,
                                       .used = chosen ? op.used : 0};
    context.stream.dispatch(vector_shader(context, VectorProduct::mat_vec, op.w.type),
                            {blocks.together, columns, blocks.blocks}, params,
                            {blocks.workgroups, passes, op.groups},
                            {weight_range(op.w), range_of(op.x, x_rows * op.groups * op.w.in * 4),
                             range_of(op.selected, chosen ? op.rows : 0)},
                            {range_of(op.y, op.rows * op.w.out * 4)});
}

void mat_mul_vk(VulkanContext& context, const MatMul& op) {
    mat_vec(context, {op.w, address_of(op.x), address_of(op.y), op.rows, op.groups});
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include <cassert>

#include "compress_params.h"
#include "kernel/device_weight.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

enum Mode : std::uint32_t { pool = 0, frontier = 1, both = 2 };
constexpr std::int64_t kInvocations = 64;
constexpr int kFewRows = 32;  // for one kernel

}  // namespace

void compress_vk(VulkanContext& context, const Compress& op) {
    assert(op.ape.type == DataType::f16 || op.ape.type == DataType::f32);
    if (op.rows == 0) return;
    const auto phase = static_cast<int>(op.first_position % op.ratio);
    const std::int64_t complete = (phase + op.rows) / op.ratio;
    const std::int64_t columns = std::int64_t{op.coff} * op.width;
    // Until a group is complete only the slots of the new rows change.
    const shaders::CompressParams params{
        .kv = address_of(op.kv),
        .gate = address_of(op.gate),
        .ape = address_of(op.ape.data),
        .frontier_kv = address_of(op.frontier_kv),
        .frontier_score = address_of(op.frontier_score),
        .y = address_of(op.out),
        .phase = phase,
        .rows = op.rows,
        .ratio = op.ratio,
        .width = op.width,
        .ape_words = static_cast<std::int32_t>(device_layout(op.ape).planes[0].row_stride / 4),
        .first_slot = complete == 0 ? phase : 0,
        .slots = complete == 0 ? op.rows : op.ratio,
        .empty = kEmptyScore};
    const gpu::Range kv = range_of(op.kv, op.rows * columns);
    const gpu::Range gate = range_of(op.gate, op.rows * columns);
    const gpu::Range state_kv = range_of(op.frontier_kv, op.coff * op.ratio * columns);
    const gpu::Range state_score = range_of(op.frontier_score, op.coff * op.ratio * columns);
    const gpu::Range out = range_of(op.out, complete * op.width);
    const auto constants = [&](Mode mode) {
        return gpu::SpecConstants{mode, op.ape.type == DataType::f16, op.coff == 2};
    };
    if (complete <= 1 && op.rows <= kFewRows) {
        context.stream.dispatch(Shader::compress, constants(both), params,
                                {divide_up(op.width, kInvocations)},
                                {kv, gate, state_kv, state_score}, {state_kv, state_score, out});
        return;
    }
    context.stream.dispatch(Shader::compress, constants(pool), params,
                            {divide_up(op.width, kInvocations), complete},
                            {kv, gate, state_kv, state_score}, {out});
    context.stream.dispatch(Shader::compress, constants(frontier), params,
                            {divide_up(columns, kInvocations), params.slots},
                            {kv, gate, state_kv, state_score}, {state_kv, state_score});
}

}  // namespace starglass

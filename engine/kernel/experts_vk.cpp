// SPDX-License-Identifier: MIT
#include <algorithm>

#include "add_params.h"
#include "experts_params.h"
#include "kernel/mat_mul_vk.h"
#include "mat_vec_params.h"

namespace starglass {
namespace {

struct Pairs {
    const std::int32_t* selected = nullptr;  // null: the only expert there is
    const float* weights = nullptr;
    int rows;
    int used;
};

// hidden[pair] for every (token, place), and as `next` is to meet it.
void gate_up(VulkanContext& context, const float* x, const Pairs& pairs, const Weight& gate,
             const Weight& up, float clamp, std::uint64_t hidden, const Weight& next) {
    const std::int64_t count = static_cast<std::int64_t>(pairs.rows) * pairs.used;
    const PlaneAddresses g = plane_addresses(gate);
    const PlaneAddresses u = plane_addresses(up);
    RowBlocks blocks = row_blocks(context, gate.out * pairs.used, units_of(gate.type, gate.in), 2,
                                  pairs.rows * pairs.used, gate.out, 2);
    blocks.depth = 1;
    // Before x is looked for: what x lay in may be taken for it.
    const JointForm joint = joint_form(
        context, {hidden, count * gate.out, gate.out, blocks.rows, pairs.used * gate.out}, &next);
    const VectorInput in = vector_input(context, address_of(x), pairs.rows, gate.in, gate.type);
    if (in.address == 0) return;
    const shaders::GateUpParams params{.gate_codes = g.codes,
                                       .gate_scales = g.scales,
                                       .gate_extra = g.extra,
                                       .up_codes = u.codes,
                                       .up_scales = u.scales,
                                       .up_extra = u.extra,
                                       .grid = context.iq2_grid(),
                                       .x = in.address,
                                       .selected = address_of(pairs.selected),
                                       .weights = address_of(pairs.weights),
                                       .hidden = hidden,
                                       .form = joint.form.range.address,
                                       .ended = joint.ended.address,
                                       .width = static_cast<std::int32_t>(gate.in),
                                       .out_rows = static_cast<std::int32_t>(gate.out),
                                       .used = pairs.used,
                                       .routed = pairs.selected != nullptr,
                                       .clamp = clamp,
                                       .form_width = static_cast<std::int32_t>(joint.form.width)};
    context.stream.dispatch(
        vector_shader(context, VectorProduct::gate_up, gate.type),
        blocks.constants(1, joint.form.kind), params, {blocks.workgroups, count},
        {weight_range(gate), weight_range(up), range_of(in.address, in.bytes),
         range_of(pairs.selected, pairs.selected != nullptr ? count : 0),
         range_of(pairs.weights, pairs.weights != nullptr ? count : 0)},
        {range_of(hidden, count * gate.out * 4), joint.form.range, joint.ended});
    keep_form(context, hidden, joint);
}

void down(VulkanContext& context, std::uint64_t hidden, const Pairs& pairs, const Weight& w,
          const float* addend, float* y) {
    const std::int64_t count = static_cast<std::int64_t>(pairs.rows) * pairs.used;
    const PlaneAddresses planes = plane_addresses(w);
    RowBlocks blocks =
        row_blocks(context, w.out, units_of(w.type, w.in) * pairs.used, 2, pairs.rows, w.out);
    blocks.depth = 1;
    const VectorInput in = vector_input(context, hidden, pairs.rows, w.in * pairs.used, w.type);
    if (in.address == 0) return;
    const shaders::DownParams params{.codes = planes.codes,
                                     .scales = planes.scales,
                                     .extra = planes.extra,
                                     .grid = context.iq2_grid(),
                                     .x = in.address,
                                     .selected = address_of(pairs.selected),
                                     .addend = address_of(addend),
                                     .y = address_of(y),
                                     .width = static_cast<std::int32_t>(w.in),
                                     .out_rows = static_cast<std::int32_t>(w.out),
                                     .used = pairs.used,
                                     .routed = pairs.selected != nullptr,
                                     .added = addend != nullptr};
    context.stream.dispatch(vector_shader(context, VectorProduct::down, w.type),
                            blocks.constants(1), params, {blocks.workgroups, pairs.rows},
                            {weight_range(w), range_of(in.address, in.bytes),
                             range_of(addend, addend != nullptr ? pairs.rows * w.out : 0),
                             range_of(pairs.selected, pairs.selected != nullptr ? count : 0)},
                            {range_of(y, pairs.rows * w.out)});
}

// Whether the fused kernels can take a layer: one type for gate and up, rows of whole vectors. What
// a model file holds is always so.
bool fused(const Weight& gate, const Weight& up, const Weight& down) {
    const auto whole = [](const Weight& w) {
        return w.type == DataType::f16 ? w.in % 8 == 0 : w.type != DataType::f32;
    };
    return gate.type == up.type && whole(gate) && whole(down);
}

// Each product on its own; many rows in tiles.
void apart(VulkanContext& context, const float* x, const Pairs& pairs, const Weight& gate,
           const Weight& up, const Weight& down, float clamp, const float* addend, float* y) {
    const std::int64_t count = static_cast<std::int64_t>(pairs.rows) * pairs.used;
    const std::int64_t hidden_bytes = count * gate.out * 4;
    const std::uint64_t memory =
        context.scratch(VulkanContext::expert_parts, 2 * hidden_bytes + count * down.out * 4);
    if (memory == 0) return;
    const std::uint64_t gates = memory;
    const std::uint64_t ups = gates + static_cast<std::uint64_t>(hidden_bytes);
    const std::uint64_t parts = ups + static_cast<std::uint64_t>(hidden_bytes);
    const bool tiled = may_tile(context, gate, count) && may_tile(context, up, count) &&
                       may_tile(context, down, count);
    TileGroups groups;
    const TileGroups* by_matrix = nullptr;
    if (tiled && pairs.selected != nullptr) {
        groups = tile_groups(context, pairs.selected, count, gate.count);
        by_matrix = &groups;
    }
    if (tiled) {
        TileInput in = tile_input(context, address_of(x), pairs.rows, gate.in, gate.type,
                                  VulkanContext::mat_input);
        mat_tile(context, gate, in, gates, count, 1, by_matrix, pairs.used);
        if (up.type != gate.type)
            in = tile_input(context, address_of(x), pairs.rows, up.in, up.type,
                            VulkanContext::mat_input);
        mat_tile(context, up, in, ups, count, 1, by_matrix, pairs.used);
    } else {
        mat_vec(context, {gate, address_of(x), gates, count, 1, pairs.selected, pairs.used});
        mat_vec(context, {up, address_of(x), ups, count, 1, pairs.selected, pairs.used});
    }
    const shaders::HiddenParams hidden{.gate = gates,
                                       .up = ups,
                                       .weights = address_of(pairs.weights),
                                       .hidden = gates,
                                       .width = static_cast<std::int32_t>(gate.out),
                                       .weighted = pairs.weights != nullptr,
                                       .clamp = clamp};
    context.stream.dispatch(Shader::experts_hidden, {}, hidden, {divide_up(gate.out, 256), count},
                            {range_of(ups, hidden_bytes),
                             range_of(pairs.weights, pairs.weights != nullptr ? count : 0)},
                            {range_of(gates, hidden_bytes)});
    if (tiled) {
        const TileInput in =
            tile_input(context, gates, count, down.in, down.type, VulkanContext::mat_input);
        mat_tile(context, down, in, parts, count, 1, by_matrix, 1);
    } else {
        mat_vec(context, {down, gates, parts, count, 1, pairs.selected, 1});
    }
    const shaders::PairSumParams sum{.parts = parts,
                                     .addend = address_of(addend),
                                     .y = address_of(y),
                                     .width = static_cast<std::int32_t>(down.out),
                                     .used = pairs.used,
                                     .added = addend != nullptr};
    context.stream.dispatch(Shader::experts_sum, {}, sum, {divide_up(down.out, 256), pairs.rows},
                            {range_of(parts, count * down.out * 4),
                             range_of(addend, addend != nullptr ? pairs.rows * down.out : 0)},
                            {range_of(y, pairs.rows * down.out)});
}

void run_experts(VulkanContext& context, const float* x, const Pairs& pairs, const Weight& gate,
                 const Weight& up, const Weight& down_weight, float clamp,
                 VulkanContext::Scratch slot, const float* addend, float* y) {
    const std::int64_t count = static_cast<std::int64_t>(pairs.rows) * pairs.used;
    if (!fused(gate, up, down_weight) || may_tile(context, gate, count))
        return apart(context, x, pairs, gate, up, down_weight, clamp, addend, y);
    const std::uint64_t hidden =
        context.scratch(slot, static_cast<std::int64_t>(pairs.rows) * pairs.used * gate.out * 4);
    if (hidden == 0) return;
    gate_up(context, x, pairs, gate, up, clamp, hidden, down_weight);
    down(context, hidden, pairs, down_weight, addend, y);
}

}  // namespace

void routed_experts_vk(VulkanContext& context, const RoutedExperts& op, const float* addend) {
    run_experts(context, op.x, {op.selected, op.weights, op.rows, op.used}, op.gate, op.up, op.down,
                op.clamp, VulkanContext::routed_hidden, addend, op.y);
}

void shared_expert_vk(VulkanContext& context, const SharedExpert& op) {
    run_experts(context, op.x, {nullptr, nullptr, op.rows, 1}, op.gate, op.up, op.down, op.clamp,
                VulkanContext::shared_hidden, nullptr, op.y);
}

void add_vk(VulkanContext& context, const Add& op) {
    const shaders::AddParams params{.x = address_of(op.x),
                                    .y = address_of(op.y),
                                    .count = static_cast<std::uint32_t>(op.count)};
    context.stream.dispatch(Shader::add, {}, params,
                            {std::min<std::int64_t>(divide_up(op.count, 1024), 4096)},
                            {range_of(op.x, op.count)}, {range_of(op.y, op.count)});
}

}  // namespace starglass

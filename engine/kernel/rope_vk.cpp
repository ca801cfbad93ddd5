// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "kernel/vulkan_context.h"
#include "rms_norm_rope_params.h"
#include "rope_params.h"

namespace starglass {
namespace {

// As rope_ref computes them.
std::vector<float> cosines_and_sines(const RopeParams& params,
                                     std::span<const std::int64_t> positions) {
    const float step = std::pow(params.base, -2.0F / static_cast<float>(params.rotary));
    const float stretch = 1.0F / params.scale;
    const float width = std::max(0.001F, params.high - params.low);
    std::vector<float> table;
    table.reserve(positions.size() * static_cast<std::size_t>(params.rotary));
    for (const std::int64_t position : positions) {
        float angle = static_cast<float>(position);
        for (int pair = 0; pair < params.rotary / 2; ++pair) {
            float phi = stretch * angle;
            if (params.yarn) {
                const float ramp = (static_cast<float>(pair) - params.low) / width;
                const float g = 1.0F - std::min(1.0F, std::max(0.0F, ramp));
                phi = phi * (1.0F - g) + angle * g;
            }
            table.push_back(std::cos(phi));
            table.push_back(std::sin(phi));
            angle *= step;
        }
    }
    return table;
}

}  // namespace

gpu::Range VulkanContext::rope_table(const RopeParams& params,
                                     std::span<const std::int64_t> positions) {
    const auto bytes = static_cast<std::int64_t>(positions.size()) * params.rotary *
                       static_cast<std::int64_t>(sizeof(float));
    if (stream.error()) return {};  // what is written now is dropped
    RopeTable* oldest = rope_tables_.data();
    for (RopeTable& table : rope_tables_) {
        if (table.used != 0 && table.failures == stream.failures() && table.params == params &&
            std::ranges::equal(table.positions, positions)) {
            table.used = ++rope_uses_;
            return {table.buffer.address, bytes};
        }
        if (table.used < oldest->used) oldest = &table;
    }
    RopeTable& table = *oldest;
    table.used = 0;
    if (table.buffer.bytes < bytes) {
        // What still runs may use the old one.
        if (auto status = stream.finish(); !status) return {};
        device.release(table.buffer);
        table.buffer = {};
        auto room = device.allocate(bytes + bytes / 4);
        if (!room) {
            stream.fail_with(room.error());
            return {};
        }
        table.buffer = *room;
    }
    table.params = params;
    table.positions.assign(positions.begin(), positions.end());
    table.failures = stream.failures();
    table.used = ++rope_uses_;
    const std::vector<float> values = cosines_and_sines(params, positions);
    stream.write(table.buffer.address, values.data(), bytes);
    return {table.buffer.address, bytes};
}

void rope_vk(VulkanContext& context, const Rope& op) {
    if (op.params.rotary == 0 || op.rows == 0) return;
    const gpu::Range table =
        context.rope_table(op.params, {op.positions, static_cast<std::size_t>(op.rows)});
    const gpu::Range x = range_of(op.x, op.rows * op.heads * op.width);
    const int pairs = op.params.rotary / 2;
    const shaders::RopeParams params{.x = x.address,
                                     .table = table.address,
                                     .heads = op.heads,
                                     .width = op.width,
                                     .pairs = pairs,
                                     .inverse = op.inverse};
    context.stream.dispatch(Shader::rope, {}, params,
                            {divide_up(std::int64_t{op.heads} * pairs, 64), op.rows}, {x, table},
                            {x});
}

void rms_norm_rope_vk(VulkanContext& context, const RmsNorm& norm, const Rope& rope) {
    if (rope.params.rotary == 0) return rms_norm_vk(context, norm);
    if (rope.rows == 0) return;
    const gpu::Range table =
        context.rope_table(rope.params, {rope.positions, static_cast<std::size_t>(rope.rows)});
    const shaders::RmsNormRopeParams params{.x = address_of(norm.x),
                                            .weight = address_of(norm.weight),
                                            .y = address_of(norm.y),
                                            .table = table.address,
                                            .dim = static_cast<std::int32_t>(norm.dim),
                                            .has_weight = norm.weight != nullptr,
                                            .pairs = rope.params.rotary / 2,
                                            .inverse = rope.inverse,
                                            .epsilon = norm.epsilon};
    const bool vectors =
        whole_vectors(norm.x) && whole_vectors(norm.y) && whole_vectors(norm.weight);
    context.stream.dispatch(Shader::rms_norm_rope, {vectors ? own_vectors(norm.dim) : 0}, params,
                            {rope.heads, rope.rows},
                            {range_of(norm.x, norm.rows * norm.dim), table},
                            {range_of(norm.y, norm.rows * norm.dim)});
}

}  // namespace starglass

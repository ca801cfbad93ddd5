// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cassert>

#include "encode_rows_params.h"
#include "index_query_params.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

constexpr std::size_t kRangesMax = 8;
constexpr int kWidthMax = 4096;  // of the row in shared memory

// Destinations as a few ranges: rows that follow one another are one, and where that leaves too
// many, all that lies between the first and the last.
std::vector<gpu::Range> destination_ranges(const EncodeRows& op) {
    std::vector<std::uint64_t> at;
    for (std::int64_t row = 0; row < op.rows; ++row) at.push_back(address_of(op.destination[row]));
    std::ranges::sort(at);
    std::vector<gpu::Range> ranges;
    for (const std::uint64_t address : at) {
        if (ranges.empty() ||
            ranges.back().address + static_cast<std::uint64_t>(ranges.back().bytes) != address)
            ranges.push_back({address, 0});
        ranges.back().bytes += op.layout.stride;
    }
    if (ranges.size() > kRangesMax) {
        const std::uint64_t first = at.front();
        const auto bytes = static_cast<std::int64_t>(at.back() - first) + op.layout.stride;
        ranges.assign(1, {first, bytes});
    }
    return ranges;
}

shaders::IndexQueryParams index_query_params(const IndexQuery& op) {
    assert(op.width <= kWidthMax);
    return {.x = address_of(op.x),
            .table = 0,
            .heads = op.heads,
            .width = op.width,
            .round = op.round,
            .pairs = 0,
            .inverse = 0,
            .scale = hadamard_scale(op.width)};
}

}  // namespace

void encode_rows_vk(VulkanContext& context, const EncodeRows& op) {
    if (op.rows == 0) return;
    assert(op.layout.width <= kWidthMax);
    const shaders::EncodeRowsParams params{
        .x = address_of(op.x),
        .destinations = op.rows == 1 ? 0 : context.stage(op.destination, op.rows),
        .destination = address_of(op.destination[0]),
        .width = op.layout.width,
        .rotary = op.layout.rotary,
        .words = op.layout.stride / 4,
        .transform = op.hadamard,
        .scale = hadamard_scale(op.layout.width)};
    const gpu::Range read = range_of(op.x, op.rows * op.layout.width);
    context.stream.dispatch_bytes(Shader::encode_rows, {static_cast<std::uint32_t>(op.layout.kind)},
                                  &params, sizeof params, {op.rows}, {&read, 1},
                                  destination_ranges(op));
}

void index_query_vk(VulkanContext& context, const IndexQuery& op) {
    const gpu::Range x = range_of(op.x, op.rows * op.heads * op.width);
    context.stream.dispatch(Shader::index_query, {}, index_query_params(op), {op.heads, op.rows},
                            {x}, {x});
}

void rope_index_query_vk(VulkanContext& context, const Rope& rope, const IndexQuery& query) {
    if (rope.params.rotary == 0) return index_query_vk(context, query);
    if (rope.rows == 0) return;
    const gpu::Range table =
        context.rope_table(rope.params, {rope.positions, static_cast<std::size_t>(rope.rows)});
    shaders::IndexQueryParams params = index_query_params(query);
    params.table = table.address;
    params.pairs = rope.params.rotary / 2;
    params.inverse = rope.inverse;
    const gpu::Range x = range_of(query.x, query.rows * query.heads * query.width);
    context.stream.dispatch(Shader::index_query, {}, params, {query.heads, query.rows}, {x, table},
                            {x});
}

}  // namespace starglass

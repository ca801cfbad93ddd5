// SPDX-License-Identifier: MIT
#include "embed_params.h"
#include "kernel/device_weight.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

// The shader's words for a table's type.
std::uint32_t embed_format(DataType type) {
    switch (type) {
        case DataType::f16:
            return 1;
        case DataType::bf16:
            return 2;
        case DataType::q8_0:
            return 3;
        case DataType::q4_k:
            return 4;
        default:
            return 0;
    }
}

}  // namespace

void embed_vk(VulkanContext& context, const Embed& op) {
    // Tokens are known here, so the kernel gets addresses and no index into a large table.
    const DeviceLayout layout = device_layout(op.table);
    std::vector<std::uint64_t> sources;
    sources.reserve(2 * static_cast<std::size_t>(op.rows));
    for (int row = 0; row < op.rows; ++row)
        for (const DevicePlane& plane : {layout.planes[0], layout.planes[1]})
            sources.push_back(
                address_of(op.table.data) +
                static_cast<std::uint64_t>(plane.offset + op.tokens[row] * plane.row_stride));
    const std::int64_t dim = op.table.in;
    const shaders::EmbedParams params{
        .sources = context.stage(sources.data(), static_cast<std::int64_t>(sources.size())),
        .y = address_of(op.y),
        .dim = static_cast<std::int32_t>(dim),
        .streams = op.streams};
    context.stream.dispatch(Shader::embed, {embed_format(op.table.type)}, params,
                            {divide_up(dim, 256), op.rows}, {},
                            {range_of(op.y, op.rows * op.streams * dim)});
}

}  // namespace starglass

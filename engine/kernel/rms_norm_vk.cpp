// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"
#include "rms_norm_params.h"

namespace starglass {

void rms_norm_vk(VulkanContext& context, const RmsNorm& op) {
    const shaders::RmsNormParams params{.x = address_of(op.x),
                                        .weight = address_of(op.weight),
                                        .y = address_of(op.y),
                                        .rows = static_cast<std::int32_t>(op.rows),
                                        .dim = static_cast<std::int32_t>(op.dim),
                                        .has_weight = op.weight != nullptr,
                                        .epsilon = op.epsilon};
    context.stream.dispatch(Shader::rms_norm, {}, params, folded(op.rows),
                            {range_of(op.x, op.rows * op.dim)}, {range_of(op.y, op.rows * op.dim)});
}

}  // namespace starglass

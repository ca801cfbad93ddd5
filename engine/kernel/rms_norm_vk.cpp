// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_vk.h"
#include "kernel/vulkan_context.h"
#include "rms_norm_params.h"

namespace starglass {

void rms_norm_vk(VulkanContext& context, const RmsNorm& op) {
    const std::uint32_t own = whole_vectors(op.x) && whole_vectors(op.y) && whole_vectors(op.weight)
                                  ? own_vectors(op.dim)
                                  : 0;
    std::array<MadeForm, 2> forms;
    if (own != 0) forms = forms_to_make(context, op.y, op.rows, op.dim, form_of_row);
    const MadeForm& form = forms[0];  // another that may be wanted is made by its product
    const shaders::RmsNormParams params{.x = address_of(op.x),
                                        .weight = address_of(op.weight),
                                        .y = address_of(op.y),
                                        .form = form.range.address,
                                        .rows = static_cast<std::int32_t>(op.rows),
                                        .dim = static_cast<std::int32_t>(op.dim),
                                        .has_weight = op.weight != nullptr,
                                        .epsilon = op.epsilon};
    context.stream.dispatch(Shader::rms_norm, {own, form.kind}, params, folded(op.rows),
                            {range_of(op.x, op.rows * op.dim)},
                            {range_of(op.y, op.rows * op.dim), form.range});
    keep_forms(context, op.y, {form});
}

}  // namespace starglass

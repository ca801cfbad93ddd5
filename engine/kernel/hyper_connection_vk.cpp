// SPDX-License-Identifier: MIT
//
// The projection runs in two kernels: partial sums over chunks of columns, spread over the whole
// device, then one workgroup a row that adds them and finishes. Chunks are fixed, so a row's bits
// do not depend on its batch.
#include <cassert>

#include "hyper_finish_params.h"
#include "hyper_mix_params.h"
#include "hyper_post_params.h"
#include "kernel/device_weight.h"
#include "kernel/mat_mul_vk.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

constexpr std::int64_t kSlots = 256;     // columns of a chunk, all streams together
constexpr std::int64_t kSharedRows = 8;  // that read the weights once
constexpr std::int64_t kManyRows = 32;   // from here on they do
constexpr int kOwnStreams = 4;           // that an invocation has in registers

struct Mix {
    gpu::Range parts;
    std::int64_t chunks = 0;
};

// Partial sums of `fn` times h, which `post` makes first where it is given.
Mix mix(VulkanContext& context, const float* h, const Weight& fn, int rows, int streams,
        std::int64_t dim, const HyperPost* post) {
    assert(streams <= 16 && (fn.type == DataType::f16 || fn.type == DataType::f32));
    const std::int64_t width = kSlots / streams;
    const std::int64_t chunks = divide_up(dim, width);
    const std::int64_t bytes =
        rows * (fn.out + 1) * chunks * static_cast<std::int64_t>(sizeof(float));
    const gpu::Range parts{context.scratch(VulkanContext::hyper_parts, bytes), bytes};
    const std::int64_t shared = rows >= kManyRows ? kSharedRows : 1;
    const bool half = fn.type == DataType::f16;
    const gpu::SpecConstants constants{static_cast<std::uint32_t>(streams),
                                       static_cast<std::uint32_t>(shared), half,
                                       half && dim % 2 == 0 && width % 2 == 0, post != nullptr};
    shaders::HyperMixParams params{
        .h = address_of(h),
        .fn = address_of(fn.data),
        .parts = parts.address,
        .y = 0,
        .post = 0,
        .comb = 0,
        .made = 0,
        .rows = rows,
        .dim = static_cast<std::int32_t>(dim),
        .mix = static_cast<std::int32_t>(fn.out),
        .fn_words = static_cast<std::int32_t>(device_layout(fn).planes[0].row_stride / 4),
        .chunks = static_cast<std::int32_t>(chunks)};
    const gpu::Groups groups{chunks, divide_up(rows, shared)};
    const std::int64_t values = rows * streams * dim;
    if (post == nullptr) {
        context.stream.dispatch(Shader::hyper_mix, constants, params, groups, {range_of(h, values)},
                                {parts});
        return {parts, chunks};
    }
    params.h = address_of(post->h);
    params.y = address_of(post->y);
    params.post = address_of(post->post);
    params.comb = address_of(post->comb);
    params.made = address_of(post->out);
    context.stream.dispatch(Shader::hyper_mix, constants, params, groups,
                            {range_of(post->h, values), range_of(post->y, rows * dim),
                             range_of(post->post, std::int64_t{rows} * streams),
                             range_of(post->comb, std::int64_t{rows} * streams * streams)},
                            {parts, range_of(post->out, values)});
    return {parts, chunks};
}

// Vectors of each stream that an invocation of hyper_finish keeps in registers.
std::uint32_t own_values(std::int64_t dim, int streams) {
    return streams <= kOwnStreams ? own_vectors(dim) : 0;
}

void pre(VulkanContext& context, const HyperPre& op, const HyperPost* post, const RmsNorm* norm) {
    if (op.rows == 0) return;
    const auto [parts, chunks] = mix(context, op.h, op.fn, op.rows, op.streams, op.dim, post);
    const std::int64_t rows = op.rows;
    const std::int64_t c = op.streams;
    const bool vectors =
        whole_vectors(op.h) && whole_vectors(op.u) &&
        (norm == nullptr || (whole_vectors(norm->weight) && whole_vectors(norm->y)));
    const std::uint32_t own = vectors ? own_values(op.dim, op.streams) : 0;
    std::array<MadeForm, 2> forms;
    if (norm != nullptr && own != 0)
        forms = forms_to_make(context, norm->y, rows, op.dim, form_of_row);
    const shaders::HyperFinishParams params{
        .parts = parts.address,
        .h = address_of(op.h),
        .scale = address_of(op.scale),
        .base = address_of(op.base),
        .u = address_of(op.u),
        .post = address_of(op.post),
        .comb = address_of(op.comb),
        .weight = norm != nullptr ? address_of(norm->weight) : 0,
        .x = norm != nullptr ? address_of(norm->y) : 0,
        .form = forms[0].range.address,
        .other_form = forms[1].range.address,
        .dim = static_cast<std::int32_t>(op.dim),
        .chunks = static_cast<std::int32_t>(chunks),
        .sinkhorn = op.sinkhorn,
        .has_weight = norm != nullptr && norm->weight != nullptr,
        .epsilon = op.epsilon,
        .hyper_epsilon = op.hyper_epsilon,
        .norm_epsilon = norm != nullptr ? norm->epsilon : 0.0F};
    const gpu::Range u = range_of(op.u, rows * op.dim);
    context.stream.dispatch(
        Shader::hyper_finish,
        {static_cast<std::uint32_t>(op.streams), 0, norm != nullptr, own, forms[0].kind,
         forms[1].kind},
        params, {rows, 2}, {parts, range_of(op.h, rows * c * op.dim)},
        {u, range_of(op.post, rows * c), range_of(op.comb, rows * c * c),
         norm != nullptr ? range_of(norm->y, rows * op.dim) : u, forms[0].range, forms[1].range});
    if (norm != nullptr) keep_forms(context, norm->y, forms);
}

}  // namespace

void hyper_pre_vk(VulkanContext& context, const HyperPre& op) {
    pre(context, op, nullptr, nullptr);
}

void hyper_pre_norm_vk(VulkanContext& context, const HyperPre& op, const RmsNorm& norm) {
    assert(norm.x == op.u && norm.rows == op.rows && norm.dim == op.dim);
    pre(context, op, nullptr, &norm);
}

void hyper_post_pre_vk(VulkanContext& context, const HyperPost& post, const HyperPre& op,
                       const RmsNorm* norm) {
    assert(op.h == post.out && op.rows == post.rows && op.streams == post.streams);
    pre(context, op, &post, norm);
}

void hyper_post_vk(VulkanContext& context, const HyperPost& op) {
    const std::int64_t rows = op.rows;
    const std::int64_t c = op.streams;
    const shaders::HyperPostParams params{.h = address_of(op.h),
                                          .y = address_of(op.y),
                                          .post = address_of(op.post),
                                          .comb = address_of(op.comb),
                                          .made = address_of(op.out),
                                          .dim = static_cast<std::int32_t>(op.dim)};
    context.stream.dispatch(Shader::hyper_post, {static_cast<std::uint32_t>(op.streams)}, params,
                            {divide_up(op.dim, 256), rows},
                            {range_of(op.h, rows * c * op.dim), range_of(op.y, rows * op.dim),
                             range_of(op.post, rows * c), range_of(op.comb, rows * c * c)},
                            {range_of(op.out, rows * c * op.dim)});
}

void hyper_head_vk(VulkanContext& context, const HyperHead& op) {
    if (op.rows == 0) return;
    const auto [parts, chunks] = mix(context, op.h, op.fn, op.rows, op.streams, op.dim, nullptr);
    const std::int64_t rows = op.rows;
    const shaders::HyperFinishParams params{.parts = parts.address,
                                            .h = address_of(op.h),
                                            .scale = address_of(op.scale),
                                            .base = address_of(op.base),
                                            .u = address_of(op.v),
                                            .post = 0,
                                            .comb = 0,
                                            .weight = 0,
                                            .x = 0,
                                            .form = 0,
                                            .other_form = 0,
                                            .dim = static_cast<std::int32_t>(op.dim),
                                            .chunks = static_cast<std::int32_t>(chunks),
                                            .sinkhorn = 0,
                                            .has_weight = 0,
                                            .epsilon = op.epsilon,
                                            .hyper_epsilon = op.hyper_epsilon,
                                            .norm_epsilon = 0.0F};
    context.stream.dispatch(
        Shader::hyper_finish,
        {static_cast<std::uint32_t>(op.streams), 1, 0,
         whole_vectors(op.h) && whole_vectors(op.v) ? own_values(op.dim, op.streams) : 0},
        params, {rows}, {parts, range_of(op.h, rows * op.streams * op.dim)},
        {range_of(op.v, rows * op.dim)});
}

}  // namespace starglass

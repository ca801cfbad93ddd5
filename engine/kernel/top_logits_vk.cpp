// SPDX-License-Identifier: MIT
//
// A vocabulary is cut into slices, each by a workgroup of its own; what is best of them meets in
// one more. One workgroup alone would read 129,280 values eight times while the device idles.
#include <cassert>

#include "kernel/vulkan_context.h"
#include "top_logits_params.h"

namespace starglass {
namespace {

constexpr std::int64_t kSlice = 4096;  // at least kMost: a whole slice gives k
static_assert(kSlice >= TopLogits::kMost);
static_assert(sizeof(TopLogitsRest) == 5 * 4);

}  // namespace

void top_logits_vk(VulkanContext& context, const TopLogits& op) {
    assert(op.k >= 1 && op.k <= TopLogits::kMost && op.temperature > 0.0F);
    if (op.rows <= 0 || op.vocabulary <= 0) return;
    const std::int64_t rows = op.rows;
    const std::int64_t kept = op.kept();
    const gpu::Range logits = range_of(op.logits, rows * op.vocabulary);
    const gpu::Range ids = range_of(op.ids, rows * kept);
    const gpu::Range values = range_of(op.values, rows * kept);
    const gpu::Range rest = range_of(op.rest, rows);
    shaders::TopLogitsParams last{
        .values = logits.address,
        .names = 0,
        .parts = 0,
        .ids = ids.address,
        .best = values.address,
        .rest = rest.address,
        .count = op.vocabulary,
        .stride = op.vocabulary,
        .slice = op.vocabulary,
        .k = op.k,
        .best_stride = static_cast<std::int32_t>(kept),
        .part_count = 0,
        .temperature = op.temperature,
    };
    if (op.vocabulary <= 2 * kSlice) {
        context.stream.dispatch(Shader::top_logits, {}, last, {1, rows}, {logits},
                                {ids, values, rest});
        return;
    }
    const std::int64_t slices = divide_up(op.vocabulary, kSlice);
    const std::int64_t found =
        (slices - 1) * op.k + std::min<std::int64_t>(op.k, op.vocabulary - (slices - 1) * kSlice);
    const std::int64_t parts = slices * static_cast<std::int64_t>(sizeof(TopLogitsRest));
    const std::uint64_t scratch =
        context.scratch(VulkanContext::top_logits, rows * (found * 8 + parts));
    if (scratch == 0) return;
    const gpu::Range between = range_of(scratch, rows * (found * 8 + parts));
    shaders::TopLogitsParams first = last;
    first.ids = scratch;
    first.best = first.ids + static_cast<std::uint64_t>(rows * found * 4);
    first.rest = first.best + static_cast<std::uint64_t>(rows * found * 4);
    first.slice = static_cast<std::int32_t>(kSlice);
    first.best_stride = static_cast<std::int32_t>(found);
    context.stream.dispatch(Shader::top_logits, {}, first, {slices, rows}, {logits}, {between});
    last.values = first.best;
    last.names = first.ids;
    last.parts = first.rest;
    last.count = last.stride = last.slice = static_cast<std::int32_t>(found);
    last.part_count = static_cast<std::int32_t>(slices);
    context.stream.dispatch(Shader::top_logits, {}, last, {1, rows}, {between},
                            {ids, values, rest});
}

}  // namespace starglass

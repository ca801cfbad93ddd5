// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cassert>
#include <vector>

#include "index_score_params.h"
#include "index_top_params.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

// Keys a workgroup has. Few rows need many workgroups to fill a device.
constexpr std::int64_t kKeys = 128, kKeysOfFew = 32;
constexpr std::int64_t kFewRows = 8;
constexpr std::int64_t kScoreBytes = std::int64_t{256} << 20;
constexpr std::int64_t kPagesListed = 6;
// Few rows with many scores are cut into slices, each by its own workgroup, the best of which meet.
constexpr std::int64_t kSlice = 8192;
constexpr std::int64_t kSlicedRows = 32;

}  // namespace

void index_select_vk(VulkanContext& context, const IndexSelect& op) {
    if (op.rows <= 0) return;
    const RowLayout& layout = op.keys.layout;
    const std::int64_t last = op.first_position + op.rows - 1;
    const std::int64_t most = (last + 1) / op.ratio;
    const std::int64_t pages = divide_up(most, op.keys.rows_per_page);
    const bool scored = most > op.top_k;

    const gpu::Range page_list = scored ? context.table(op.keys.pages, pages) : gpu::Range{};
    shaders::IndexScoreParams score{
        .query = address_of(op.query),
        .weights = address_of(op.weights),
        .pages = page_list.address,
        .scores = 0,
        .first_position = 0,
        .heads = op.heads,
        .width = layout.width,
        .stride = layout.stride,
        .rows_per_page = static_cast<std::int32_t>(op.keys.rows_per_page),
        .ratio = op.ratio,
        .top_k = op.top_k,
        .score_stride = static_cast<std::int32_t>(op.scores != nullptr ? op.score_stride : most),
        .weight_scale = op.weight_scale,
    };
    const std::int64_t slice = std::max<std::int64_t>(kSlice, op.top_k);
    const bool sliced = scored && op.rows <= kSlicedRows && most > 2 * slice;
    const std::int64_t slices = sliced ? divide_up(most, slice) : 0;
    const std::int64_t found = slices * op.top_k;  // a row
    const std::int64_t row_bytes = ((op.scores != nullptr ? 0 : most) + 2 * found) * 4;
    const std::int64_t step =
        std::clamp<std::int64_t>(kScoreBytes / std::max<std::int64_t>(1, row_bytes), 1, op.rows);
    std::uint64_t scratch = 0;
    if (scored && row_bytes != 0) {
        scratch = context.scratch(VulkanContext::index_scores, step * row_bytes);
        if (scratch == 0) return;
    }
    const std::uint64_t found_rows = scratch;
    const std::uint64_t found_scores = found_rows + static_cast<std::uint64_t>(step * found * 4);
    const std::uint64_t own_scores = found_scores + static_cast<std::uint64_t>(step * found * 4);

    for (std::int64_t row = 0; row < op.rows; row += step) {
        const std::int64_t count = std::min(step, op.rows - row);
        const std::int64_t position = op.first_position + row;
        const std::int64_t visible = (position + count) / op.ratio;
        const std::int64_t query = static_cast<std::int64_t>(op.heads) * layout.width;
        const gpu::Range scores = op.scores != nullptr ? range_of(op.scores + row * op.score_stride,
                                                                  count * op.score_stride)
                                                       : range_of(own_scores, count * most * 4);
        score.query = address_of(op.query + row * query);
        score.weights = address_of(op.weights + row * op.heads);
        score.scores = scores.address;
        score.first_position = static_cast<std::int32_t>(position);
        if (visible > op.top_k) {
            std::vector<gpu::Range> reads{range_of(op.query + row * query, count * query),
                                          range_of(op.weights + row * op.heads, count * op.heads),
                                          page_list};
            if (pages > kPagesListed)
                reads = {{0, INT64_MAX}};
            else
                for (std::int64_t page = 0; page < pages; ++page)
                    reads.push_back(
                        range_of(op.keys.pages[page], op.keys.rows_per_page * layout.stride));
            const std::int64_t keys = op.rows <= kFewRows ? kKeysOfFew : kKeys;
            context.stream.dispatch_bytes(
                layout.kind == RowKind::plain ? Shader::index_score_plain : Shader::index_score,
                {static_cast<std::uint32_t>(keys)}, &score, sizeof score,
                {divide_up(visible, keys), count}, reads, {&scores, 1});
        }

        std::int32_t* const selected = op.selected + row * op.top_k;
        const gpu::Range results = range_of(selected, count * op.top_k);
        const gpu::Range counts = range_of(op.counts + row, count);
        shaders::IndexTopParams top{
            .scores = scores.address,
            .names = 0,
            .best = results.address,
            .best_scores = 0,
            .counts = counts.address,
            .first_position = score.first_position,
            .ratio = op.ratio,
            .top_k = op.top_k,
            .score_stride = score.score_stride,
            .best_stride = op.top_k,
            .slice = 0,
            .named = 0,
        };
        if (!sliced) {
            context.stream.dispatch(Shader::index_top, {}, top, {1, count},
                                    {visible > op.top_k ? scores : gpu::Range{}},
                                    {results, counts});
            continue;
        }
        shaders::IndexTopParams part = top;
        part.best = found_rows;
        part.best_scores = found_scores;
        part.best_stride = static_cast<std::int32_t>(found);
        part.slice = static_cast<std::int32_t>(slice);
        const gpu::Range between = range_of(found_rows, step * found * 8);
        context.stream.dispatch(Shader::index_top, {}, part, {slices, count}, {scores}, {between});
        top.scores = found_scores;
        top.names = found_rows;
        top.score_stride = static_cast<std::int32_t>(found);
        top.named = static_cast<std::int32_t>(slice);
        context.stream.dispatch(Shader::index_top, {}, top, {1, count}, {between},
                                {results, counts});
    }
}

}  // namespace starglass

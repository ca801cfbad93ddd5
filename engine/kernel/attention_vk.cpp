// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "attention_params.h"
#include "kernel/mat_mul_vk.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

// Fewer queries than this do not fill a device by themselves: their rows are split.
constexpr int kWholeRows = 48;
constexpr int kSplitHeads = 8;  // heads a workgroup, as in shaders.cmake
constexpr int kWholeHeads = 32;
// Rows of a split. A large device wants many; a software driver pays for each.
constexpr std::int64_t kSplitStep = 16, kSplitStepSoftware = 32;
constexpr std::int64_t kSplitsMax = 64;
constexpr std::int64_t kPartBytes = std::int64_t{128} << 20;
constexpr std::int64_t kPagesListed = 6;
constexpr std::int64_t kScoreBytes = std::int64_t{256} << 20;

// How the results are turned: [rows, rotary / 2] of (cosine, sine); not at all where rotary is 0.
struct Rotation {
    gpu::Range table;
    int rotary = 0;
    bool inverse = false;
};

// What the products of many queries are made of.
enum class Products { matrix, matrix_emulated, scalar };

// What the kernel that adds the splits of a head can make of it.
bool form_of_heads(DataType type, std::int64_t width, std::int64_t values) {
    return type == DataType::q8_0 && values % width == 0;
}

void attention(VulkanContext& context, const Attention& op, const Rotation& rotation,
               Products products) {
    const RowLayout& layout = op.raw.layout;
    assert(op.width <= 512);
    assert(op.ratio == 0 || op.compressed.layout.stride == layout.stride);
    if (op.rows <= 0) return;
    const bool plain = layout.kind == RowKind::plain;
    const auto last = op.first_position + op.rows - 1;
    const std::int64_t compressed = op.ratio == 0 ? 0 : (last + 1) / op.ratio;
    const std::int64_t pages =
        compressed == 0 ? 0 : divide_up(compressed, op.compressed.rows_per_page);

    const gpu::Range page_list =
        pages == 0 ? gpu::Range{} : context.table(op.compressed.pages, pages);
    shaders::AttentionParams params{
        .q = address_of(op.q),
        .sinks = address_of(op.sinks),
        .y = address_of(op.out),
        .state = 0,
        .ring = address_of(op.raw.data),
        .pages = page_list.address,
        .selected = address_of(op.selected),
        .counts = address_of(op.counts),
        .rotation = rotation.table.address,
        .form = 0,
        .first_position = static_cast<std::int32_t>(op.first_position),
        .heads = op.heads,
        .window = op.window,
        .capacity = static_cast<std::int32_t>(op.raw.capacity),
        .ratio = op.ratio,
        .rows_per_page = static_cast<std::int32_t>(op.compressed.rows_per_page),
        .selected_stride = op.selected != nullptr ? op.selected_stride : 0,
        .splits = 0,
        .rope_rotary = rotation.rotary,
        .form_width = 0,
        .scale = 1.0F / std::sqrt(static_cast<float>(op.width)),
        .turn = rotation.inverse ? -1.0F : 1.0F,
    };
    const bool vectors =
        op.width % 4 == 0 && address_of(op.q) % 16 == 0 && address_of(op.out) % 16 == 0;
    const std::int64_t split_step = context.software() ? kSplitStepSoftware : kSplitStep;
    const gpu::SpecConstants constants{static_cast<std::uint32_t>(op.width),
                                       static_cast<std::uint32_t>(layout.rotary),
                                       static_cast<std::uint32_t>(layout.stride), vectors ? 1U : 0U,
                                       // Matrices a subgroup has of the 16 of a workgroup of 256.
                                       std::max(1U, context.device.info().subgroup_size / 16),
                                       static_cast<std::uint32_t>(split_step)};

    const std::int64_t row_values = static_cast<std::int64_t>(op.heads) * op.width;
    std::vector<gpu::Range> reads{
        range_of(op.q, op.rows * row_values),
        range_of(op.raw.data, op.raw.capacity * layout.stride),
    };
    if (op.selected != nullptr && op.ratio != 0) {
        reads.push_back(
            range_of(op.selected, static_cast<std::int64_t>(op.rows) * op.selected_stride));
        reads.push_back(range_of(op.counts, op.rows));
    }
    reads.push_back(rotation.table);
    reads.push_back(page_list);
    if (pages > kPagesListed)
        reads = {{0, INT64_MAX}};
    else
        for (std::int64_t page = 0; page < pages; ++page)
            reads.push_back(
                range_of(op.compressed.pages[page], op.compressed.rows_per_page * layout.stride));

    const std::int64_t visible =
        std::min<std::int64_t>(op.window, last + 1) + (op.ratio == 0            ? 0
                                                       : op.selected != nullptr ? op.selected_stride
                                                                                : compressed);
    // For the dispatches of rows from `row` on.
    const auto start_at = [&](std::int64_t row) {
        params.q = address_of(op.q + row * row_values);
        params.y = address_of(op.out + row * row_values);
        params.first_position = static_cast<std::int32_t>(op.first_position + row);
        if (op.selected != nullptr) {
            params.selected = address_of(op.selected + row * op.selected_stride);
            params.counts = address_of(op.counts + row);
        }
        params.rotation =
            rotation.table.address + static_cast<std::uint64_t>(row * rotation.rotary * 4);
    };

    if (op.rows >= kWholeRows && products != Products::scalar && !plain) {
        const bool real = products == Products::matrix;
        const std::int64_t width = divide_up(visible, 64) * 64;
        const std::int64_t row_bytes = op.heads * width * 4;
        const std::int64_t step = std::clamp<std::int64_t>(kScoreBytes / row_bytes, 1, op.rows);
        params.state = context.scratch(VulkanContext::attention_scores, step * row_bytes);
        if (params.state == 0) return;
        params.splits = static_cast<std::int32_t>(width);
        const gpu::Range scores{params.state, step * row_bytes};
        const std::int64_t blocks = divide_up(op.heads, 64);
        for (std::int64_t row = 0; row < op.rows; row += step) {
            const std::int64_t count = std::min(step, op.rows - row);
            start_at(row);
            context.stream.dispatch_bytes(
                real ? Shader::attention_scores : Shader::attention_scores_emulated, constants,
                &params, sizeof params, {width / 64, count, blocks}, reads, {&scores, 1});
            context.stream.dispatch(Shader::attention_softmax, constants, params, {op.heads, count},
                                    {scores}, {scores});
            // q is done with; where everything is listed the scores are too.
            const gpu::Range result = range_of(op.out + row * row_values, count * row_values);
            std::vector<gpu::Range> values_reads = reads;
            if (values_reads.front().address != 0) values_reads.front() = scores;
            context.stream.dispatch_bytes(
                real ? Shader::attention_values : Shader::attention_values_emulated, constants,
                &params, sizeof params, {divide_up(op.width, 64), count, blocks}, values_reads,
                {&result, 1});
        }
        return;
    }
    if (op.rows >= kWholeRows) {
        const gpu::Range result = range_of(op.out, op.rows * row_values);
        context.stream.dispatch_bytes(
            plain ? Shader::attention_whole_plain : Shader::attention_whole, constants, &params,
            sizeof params, {divide_up(op.heads, kWholeHeads), op.rows}, reads, {&result, 1});
        return;
    }

    const std::int64_t splits = std::min(kSplitsMax, divide_up(visible, split_step));
    const std::int64_t part_bytes = splits * op.heads * divide_up(op.width, 4) * 16;
    const std::int64_t state_bytes = splits * op.heads * 8;
    const std::int64_t step =
        std::clamp<std::int64_t>(kPartBytes / (part_bytes + state_bytes), 1, op.rows);
    const std::uint64_t parts =
        context.scratch(VulkanContext::attention_parts, step * (part_bytes + state_bytes));
    if (parts == 0) return;
    params.splits = static_cast<std::int32_t>(splits);
    params.state = parts + static_cast<std::uint64_t>(step * part_bytes);
    std::array<MadeForm, 2> forms;
    if (step >= op.rows && op.width % 32 == 0)
        forms = forms_to_make(context, op.out, op.rows, row_values, form_of_heads);
    const MadeForm* const form = std::ranges::find_if(
        forms, [&](const MadeForm& made) { return made.kind != 0 && made.width % op.width == 0; });
    const bool quantises = form != forms.end();
    if (quantises) {
        params.form = form->range.address;
        params.form_width = static_cast<std::int32_t>(form->width);
    }
    for (std::int64_t row = 0; row < op.rows; row += step) {
        const std::int64_t count = std::min(step, op.rows - row);
        const gpu::Range written{parts, step * (part_bytes + state_bytes)};
        start_at(row);
        params.y = parts;
        context.stream.dispatch_bytes(
            plain ? Shader::attention_split_plain : Shader::attention_split, constants, &params,
            sizeof params, {splits, divide_up(op.heads, kSplitHeads), count}, reads, {&written, 1});
        params.q = parts;
        params.y = address_of(op.out + row * row_values);
        context.stream.dispatch(
            Shader::attention_combine, constants, params, {op.heads, count},
            {written, rotation.table, range_of(op.counts, op.selected != nullptr ? op.rows : 0)},
            {range_of(op.out + row * row_values, count * row_values),
             quantises ? form->range : gpu::Range{}});
    }
    if (quantises) keep_forms(context, op.out, {*form});
}

Products products_of(const VulkanContext& context) {
    if (context.emulate_matrix) return Products::matrix_emulated;
    return context.device.features().cooperative_matrix ? Products::matrix : Products::scalar;
}

}  // namespace

void attention_vk(VulkanContext& context, const Attention& op) {
    attention(context, op, {}, products_of(context));
}

void attention_rope_vk(VulkanContext& context, const Attention& op, const Rope& rope) {
    assert(rope.x == op.out && rope.rows == op.rows && rope.heads == op.heads &&
           rope.width == op.width);
    const int rotary = rope.params.rotary;
    if (rotary == 0) return attention_vk(context, op);
    attention(
        context, op,
        {context.rope_table(rope.params, {rope.positions, static_cast<std::size_t>(rope.rows)}),
         rotary, rope.inverse},
        products_of(context));
}

void attention_emulated_vk(VulkanContext& context, const Attention& op) {
    attention(context, op, {}, Products::matrix_emulated);
}

}  // namespace starglass

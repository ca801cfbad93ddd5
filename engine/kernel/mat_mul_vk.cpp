// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_vk.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "experts_group_params.h"
#include "mat_input_params.h"
#include "mat_quantise_params.h"
#include "mat_tile_params.h"
#include "mat_vec_params.h"
#include "tensor/block_format.h"

namespace starglass {
namespace {

constexpr std::int64_t kWorkgroup = 256;
// Vectors met by one pass over the weights; more share registers and shared memory among them.
constexpr std::int64_t kColumnsMax = 4;
// As kJointValues in quantise_joint.glsl.
constexpr std::int64_t kJointPiece = 256;

#define SG_QUANTISED(mode)                                                                         \
    {                                                                                              \
        {Shader::mode##_q8_0_f32, Shader::mode##_q8_0_int8, Shader::mode##_q8_0_dot},              \
            {Shader::mode##_q2_k_f32, Shader::mode##_q2_k_int8, Shader::mode##_q2_k_dot},          \
            {Shader::mode##_q4_k_f32, Shader::mode##_q4_k_int8, Shader::mode##_q4_k_dot},          \
            {Shader::mode##_iq2_xxs_f32, Shader::mode##_iq2_xxs_int8, Shader::mode##_iq2_xxs_dot}, \
    }
constexpr Shader kQuantised[4][4][3] = {SG_QUANTISED(mat_vec), SG_QUANTISED(gate_up),
                                        SG_QUANTISED(down), SG_QUANTISED(mat_vec_many)};
#undef SG_QUANTISED

}  // namespace

Shader vector_shader(const VulkanContext& context, VectorProduct kind, DataType type) {
    const auto mode = static_cast<std::size_t>(kind);
    int quantised = -1;
    switch (type) {
        case DataType::q8_0:
            quantised = 0;
            break;
        case DataType::q2_k:
            quantised = 1;
            break;
        case DataType::q4_k:
            quantised = 2;
            break;
        case DataType::iq2_xxs:
            quantised = 3;
            break;
        case DataType::f16: {
            constexpr Shader kHalf[4] = {Shader::mat_vec_f16_f32, Shader::gate_up_f16_f32,
                                         Shader::down_f16_f32, Shader::mat_vec_many_f16_f32};
            return kHalf[mode];
        }
        default:
            assert(type == DataType::f32 && kind == VectorProduct::mat_vec);
            return Shader::mat_vec_f32_f32;
    }
    const int arithmetic = context.activations == Activations::f32 ? 0
                           : context.device.features().integer_dot ? 2
                                                                   : 1;
    return kQuantised[mode][quantised][arithmetic];
}

PlaneAddresses plane_addresses(const Weight& w) {
    const DeviceLayout layout = device_layout(w);
    const std::uint64_t base = address_of(w.data);
    const auto at = [&](std::size_t plane) {
        return base + static_cast<std::uint64_t>(layout.planes[plane].offset);
    };
    // F16 and F32 rows that are no vectors are read as words of the same plane.
    return {base, layout.count > 1 ? at(1) : base, layout.count > 2 ? at(2) : base};
}

gpu::Range weight_range(const Weight& w) {
    return {address_of(w.data), device_layout(w).bytes};
}

std::int64_t units_of(DataType type, std::int64_t width) {
    switch (type) {
        case DataType::q8_0:
            return width / 16;
        case DataType::q4_k:
            return width / 32;
        case DataType::f16:
            return divide_up(width, 8);
        case DataType::f32:
            return divide_up(width, 4);
        default:
            return width / 64;
    }
}

RowBlocks row_blocks(const VulkanContext& context, std::int64_t rows, std::int64_t units,
                     std::uint32_t together, std::int64_t other_workgroups, std::int64_t out_rows,
                     std::int64_t matrices) {
    // A large device runs about 8,000 subgroups at once (132 multiprocessors, 64 each). A software
    // driver runs a workgroup a core, and pays for each to start.
    const bool software = context.software();
    const std::int64_t kResident = software ? 128 : 8192;
    const std::int64_t width = context.device.info().subgroup_size;
    const std::int64_t subgroups = kWorkgroup / width / matrices;
    // More subgroups to a row while there are too few of them and each keeps two steps.
    std::int64_t split = 1;
    while (split < subgroups && rows * matrices * split < kResident && units >= 4 * split * width)
        split *= 2;
    while (together > 1 && rows * matrices * other_workgroups * split < kResident * together)
        together /= 2;
    const std::int64_t block = subgroups / split * together;
    const std::int64_t wanted = software ? 8 : kResident / 4;  // workgroups
    // A power of two and at most a piece of rows, so that workgroups share pieces evenly.
    const std::int64_t most = std::clamp<std::int64_t>(kJointPiece / block, 1, 8);
    const auto blocks = static_cast<std::int64_t>(
        std::bit_floor(static_cast<std::uint64_t>(std::clamp<std::int64_t>(
            divide_up(out_rows, block) * other_workgroups / wanted, 1, most))));
    // More on its way gains nothing where that many subgroups run, and longer code is read from
    // memory by itself: a kernel comes once a layer.
    const std::int64_t depth =
        std::min<std::int64_t>(software ? 1 : 2, divide_up(units, split * width));
    return {together,
            static_cast<std::uint32_t>(split),
            static_cast<std::uint32_t>(blocks),
            static_cast<std::uint32_t>(depth),
            divide_up(out_rows, block * blocks),
            block * blocks};
}

namespace {

// As in quantise_vector.glsl.
std::uint32_t form_kind(DataType type) {
    switch (type) {
        case DataType::q8_0:
            return 1;
        case DataType::q2_k:
            return 2;
        case DataType::q4_k:
            return 3;
        default:
            assert(type == DataType::iq2_xxs);
            return 4;
    }
}

std::int64_t form_bytes(DataType type, std::int64_t vectors, std::int64_t width) {
    // As quantised_stride in mat_quantised.glsl.
    const bool sums = type == DataType::q2_k || type == DataType::q4_k;
    const std::int64_t bytes =
        width + (type == DataType::q8_0 ? width / 8 : width / 64) + (sums ? width / 4 : 0);
    return vectors * divide_up(bytes, 16) * 16;
}

// The next place for a form; what it held is forgotten. Null after a failure.
VulkanContext::QuantisedForm* next_form(VulkanContext& context, std::int64_t bytes) {
    VulkanContext::QuantisedForm& form = context.quantised[context.quantised_next];
    context.quantised_next = (context.quantised_next + 1) % context.quantised.size();
    form.x = 0;
    if (form.buffer.bytes < bytes) {
        if (!context.stream.finish()) return nullptr;
        context.device.release(form.buffer);
        form.buffer = {};
        auto room = context.device.allocate(bytes + bytes / 4);
        if (!room) {
            context.stream.fail_with(room.error());
            return nullptr;
        }
        form.buffer = *room;
    }
    return &form;
}

// To be found from now on: what makes it has been given.
void keep_form(VulkanContext& context, VulkanContext::QuantisedForm& form, std::uint64_t x,
               std::int64_t vectors, std::int64_t width, DataType type) {
    form.x = x;
    form.vectors = vectors;
    form.width = width;
    form.type = type;
    form.source_watch = context.stream.watch(range_of(x, vectors * width * 4));
    form.own_watch =
        context.stream.watch(range_of(form.buffer.address, form_bytes(type, vectors, width)));
}

void want_form(VulkanContext& context, std::uint64_t x, std::int64_t width, DataType type) {
    for (const VulkanContext::WantedForm& wanted : context.wanted)
        if (wanted.x == x && wanted.width == width && wanted.type == type) return;
    context.wanted[context.wanted_next] = {x, width, type};
    context.wanted_next = (context.wanted_next + 1) % context.wanted.size();
}

}  // namespace

VectorInput vector_input(VulkanContext& context, std::uint64_t x, std::int64_t vectors,
                         std::int64_t width, DataType type) {
    if (context.activations == Activations::f32 || activation_format(type) == ActivationFormat::f32)
        return {x, vectors * width * 4};
    const std::int64_t needed = form_bytes(type, vectors, width);
    for (const VulkanContext::QuantisedForm& form : context.quantised)
        if (form.x == x && form.vectors == vectors && form.width == width && form.type == type &&
            context.stream.intact(form.source_watch) && context.stream.intact(form.own_watch))
            return {form.buffer.address, needed};
    want_form(context, x, width, type);
    VulkanContext::QuantisedForm* const form = next_form(context, needed);
    if (form == nullptr) return {};
    const shaders::MatQuantiseParams params{
        .x = x, .to = form->buffer.address, .width = static_cast<std::int32_t>(width)};
    context.stream.dispatch(Shader::mat_quantise, {form_kind(type)}, params,
                            {divide_up(width, 4096), vectors}, {range_of(x, vectors * width * 4)},
                            {range_of(form->buffer.address, needed)});
    keep_form(context, *form, x, vectors, width, type);
    return {form->buffer.address, needed};
}

namespace {

MadeForm new_form(VulkanContext& context, DataType type, std::int64_t vectors, std::int64_t width) {
    const std::int64_t bytes = form_bytes(type, vectors, width);
    VulkanContext::QuantisedForm* const place = next_form(context, bytes);
    if (place == nullptr) return {};
    return {.kind = form_kind(type),
            .range = {place->buffer.address, bytes},
            .width = width,
            .type = type,
            .vectors = vectors,
            .place = place};
}

}  // namespace

std::array<MadeForm, 2> forms_to_make(VulkanContext& context, const float* x, std::int64_t rows,
                                      std::int64_t values,
                                      bool (*fits)(DataType, std::int64_t, std::int64_t)) {
    std::array<MadeForm, 2> forms;
    std::size_t count = 0;
    if (rows >= kTileRows) return forms;
    for (const VulkanContext::WantedForm& wanted : context.wanted) {
        if (count == forms.size() || wanted.x != address_of(x) ||
            !fits(wanted.type, wanted.width, values))
            continue;
        forms[count] = new_form(context, wanted.type, rows * values / wanted.width, wanted.width);
        if (forms[count++].place == nullptr) break;
    }
    return forms;
}

void keep_forms(VulkanContext& context, const float* x, const std::array<MadeForm, 2>& forms) {
    for (const MadeForm& form : forms)
        if (form.place != nullptr)
            keep_form(context, *form.place, address_of(x), form.vectors, form.width, form.type);
}

JointForm joint_form(VulkanContext& context, const JointOutput& out, const Weight* next) {
    JointForm result;
    if (out.row % kJointPiece != 0 || kJointPiece % out.made != 0 ||
        out.values / kJointPiece > VulkanContext::kCounts)
        return result;
    const auto fits = [](DataType, std::int64_t width, std::int64_t all) {
        return width % kJointPiece == 0 && all % width == 0;
    };
    const auto* const y = reinterpret_cast<const float*>(out.y);
    if (next == nullptr)
        result.form = forms_to_make(context, y, 1, out.values, fits)[0];
    else if (context.activations == Activations::int8 &&
             activation_format(next->type) != ActivationFormat::f32)
        result.form = new_form(context, next->type, out.values / out.width, out.width);
    if (result.form.kind != 0) result.ended = context.counts();
    return result;
}

void keep_form(VulkanContext& context, std::uint64_t y, const JointForm& joint) {
    keep_forms(context, reinterpret_cast<const float*>(y), {joint.form});
}

bool form_of_row(DataType type, std::int64_t width, std::int64_t values) {
    return width == values && own_vectors(width) != 0 &&
           width % (type == DataType::q8_0 ? 32 : 256) == 0;
}

void mat_vec(VulkanContext& context, const Product& op) {
    const bool half = op.w.type == DataType::f16;
    const bool aligned =
        !(half && op.w.in % 8 != 0) && !(op.w.type == DataType::f32 && op.w.in % 4 != 0);
    const bool chosen = op.selected != nullptr;
    const std::int64_t out_rows = op.w.out / op.groups;
    const auto columns = static_cast<std::uint32_t>(chosen                   ? 1
                                                    : op.rows >= kColumnsMax ? kColumnsMax
                                                    : op.rows >= 2           ? 2
                                                                             : 1);
    const std::int64_t passes = divide_up(op.rows, columns);
    const RowBlocks blocks = row_blocks(context, op.w.out, units_of(op.w.type, op.w.in),
                                        columns > 1 ? 2 : 4, chosen ? op.rows : passes, out_rows);
    const PlaneAddresses planes = plane_addresses(op.w);
    // Before x is looked for: what x lay in may be taken for it.
    JointForm joint;
    if (op.rows == 1 && !chosen && aligned)
        joint = joint_form(context, {op.y, op.w.out, out_rows, blocks.rows, 0}, nullptr);
    const std::int64_t x_rows = chosen ? op.rows / op.used : op.rows;
    const VectorInput x = vector_input(context, op.x, x_rows * op.groups, op.w.in, op.w.type);
    if (x.address == 0) return;
    const shaders::MatVecParams params{.codes = planes.codes,
                                       .scales = planes.scales,
                                       .extra = planes.extra,
                                       .grid = context.iq2_grid(),
                                       .x = x.address,
                                       .y = op.y,
                                       .selected = address_of(op.selected),
                                       .form = joint.form.range.address,
                                       .ended = joint.ended.address,
                                       .width = static_cast<std::int32_t>(op.w.in),
                                       .out_rows = static_cast<std::int32_t>(out_rows),
                                       .rows = static_cast<std::int32_t>(op.rows),
                                       .x_stride = static_cast<std::int32_t>(op.groups * op.w.in),
                                       .y_stride = static_cast<std::int32_t>(op.w.out),
                                       .aligned = aligned,
                                       .used = chosen ? op.used : 0,
                                       .form_width = static_cast<std::int32_t>(joint.form.width)};
    context.stream.dispatch(
        vector_shader(context, VectorProduct::mat_vec, op.w.type),
        blocks.constants(columns, joint.form.kind), params, {blocks.workgroups, passes, op.groups},
        {weight_range(op.w), range_of(x.address, x.bytes),
         range_of(op.selected, chosen ? op.rows : 0)},
        {range_of(op.y, op.rows * op.w.out * 4), joint.form.range, joint.ended});
    keep_form(context, op.y, joint);
}

// --- many rows ---------------------------------------------------------------------------------

namespace {

enum class TileForm { registers, matrix, emulated };

TileForm tile_form(const VulkanContext& context) {
    if (context.emulate_matrix) return TileForm::emulated;
    return context.device.features().cooperative_matrix ? TileForm::matrix : TileForm::registers;
}

std::int64_t tile_edge(const VulkanContext& context) {
    return tile_form(context) == TileForm::registers ? 64 : 128;
}

#define SG_FORMS(type)                                             \
    {                                                              \
        Shader::mat_tile_##type, Shader::mat_tile_##type##_matrix, \
            Shader::mat_tile_##type##_emulated                     \
    }
Shader tile_shader(DataType type, TileForm form) {
    constexpr Shader kShaders[5][3] = {SG_FORMS(q8_0), SG_FORMS(q2_k), SG_FORMS(q4_k),
                                       SG_FORMS(iq2_xxs), SG_FORMS(f16)};
    int index = 4;
    if (type == DataType::q8_0) index = 0;
    if (type == DataType::q2_k) index = 1;
    if (type == DataType::q4_k) index = 2;
    if (type == DataType::iq2_xxs) index = 3;
    return kShaders[index][static_cast<std::size_t>(form)];
}
#undef SG_FORMS

// How the subgroups of a workgroup share a tile of 8 x 8 matrices.
gpu::SpecConstants subgroup_grid(const VulkanContext& context) {
    const std::uint32_t subgroups = 256 / context.device.info().subgroup_size;
    std::uint32_t across = 1;
    while (across * across * 4 <= subgroups) across *= 2;
    return {across, subgroups / across};
}

}  // namespace

bool may_tile(const VulkanContext& context, const Weight& w, std::int64_t rows) {
    // A stack's tiles are filled by those rows that chose the same matrix.
    const std::int64_t each = rows / w.count;
    return context.activations == Activations::int8 && rows >= kTileRows &&
           w.type != DataType::f32 &&
           (w.count == 1 || each >= (tile_form(context) == TileForm::registers ? 12 : 4));
}

TileInput tile_input(VulkanContext& context, std::uint64_t x, std::int64_t rows, std::int64_t width,
                     DataType type, VulkanContext::Scratch slot) {
    constexpr std::int64_t kStep = 32;
    const ActivationFormat format = activation_format(type);
    TileInput result;
    result.rows = rows;
    result.twice = format == ActivationFormat::f32;
    result.row_words = divide_up(width, kStep) * kStep / 2 * (result.twice ? 2 : 1);
    result.address = context.scratch(slot, rows * result.row_words * 4);
    if (result.address == 0) return result;
    const std::uint32_t kind = format == ActivationFormat::q8_0   ? 1
                               : format == ActivationFormat::q8_k ? 2
                                                                  : 3;
    const shaders::MatInputParams params{.x = x,
                                         .y = result.address,
                                         .width = static_cast<std::int32_t>(width),
                                         .x_stride = static_cast<std::int32_t>(width),
                                         .y_stride = static_cast<std::int32_t>(result.row_words),
                                         .rows = static_cast<std::int32_t>(rows)};
    const gpu::Groups by_row = folded(rows);
    context.stream.dispatch(
        Shader::mat_input, {kind}, params, {divide_up(width, 4096), by_row.x, by_row.y},
        {range_of(x, rows * width * 4)}, {range_of(result.address, rows * result.row_words * 4)});
    return result;
}

TileGroups tile_groups(VulkanContext& context, const std::int32_t* selected, std::int64_t pairs,
                       std::int64_t experts) {
    assert(experts <= 1024);
    TileGroups groups;
    const std::int64_t edge = tile_edge(context);
    groups.pairs = pairs;
    groups.count = std::min(pairs, pairs / edge + experts);
    const std::int64_t tile_bytes = divide_up(groups.count * 16, 256) * 256;
    groups.tiles = context.scratch(VulkanContext::expert_groups, tile_bytes + pairs * 4);
    if (groups.tiles == 0) return groups;
    groups.order = groups.tiles + static_cast<std::uint64_t>(tile_bytes);
    const shaders::ExpertsGroupParams params{.selected = address_of(selected),
                                             .tiles = groups.tiles,
                                             .order = groups.order,
                                             .pairs = static_cast<std::int32_t>(pairs),
                                             .experts = static_cast<std::int32_t>(experts),
                                             .tile = static_cast<std::int32_t>(edge),
                                             .tiles_max = static_cast<std::int32_t>(groups.count)};
    context.stream.dispatch(Shader::experts_group, {}, params, {1}, {range_of(selected, pairs)},
                            {range_of(groups.tiles, tile_bytes + pairs * 4)});
    return groups;
}

void mat_tile(VulkanContext& context, const Weight& w, const TileInput& x, std::uint64_t y,
              std::int64_t rows, int groups, const TileGroups* by_matrix, int used) {
    if (x.address == 0 || (by_matrix != nullptr && by_matrix->tiles == 0)) return;
    const std::int64_t edge = tile_edge(context);
    const std::int64_t out_rows = w.out / groups;
    const PlaneAddresses planes = plane_addresses(w);
    const bool stacked = by_matrix != nullptr;
    const shaders::MatTileParams params{.codes = planes.codes,
                                        .scales = planes.scales,
                                        .extra = planes.extra,
                                        .grid = context.iq2_grid(),
                                        .x = x.address,
                                        .y = y,
                                        .tiles = stacked ? by_matrix->tiles : 0,
                                        .order = stacked ? by_matrix->order : 0,
                                        .width = static_cast<std::int32_t>(w.in),
                                        .out_rows = static_cast<std::int32_t>(out_rows),
                                        .rows = static_cast<std::int32_t>(rows),
                                        .x_stride = static_cast<std::int32_t>(x.row_words / 4),
                                        .y_stride = static_cast<std::int32_t>(w.out),
                                        .groups = groups,
                                        .used = stacked ? used : 0,
                                        .twice = x.twice};
    context.stream.dispatch(
        tile_shader(w.type, tile_form(context)), subgroup_grid(context), params,
        {stacked ? by_matrix->count : divide_up(rows, edge), divide_up(out_rows, edge), groups},
        {weight_range(w), range_of(x.address, x.rows * x.row_words * 4),
         range_of(stacked ? by_matrix->tiles : 0,
                  stacked ? by_matrix->count * 16 + 256 + by_matrix->pairs * 4 : 0)},
        {range_of(y, rows * w.out * 4)});
}

bool may_join(const VulkanContext& context, const MatMul& op) {
    // A software driver is faster with rows met together.
    return (context.join_products || !context.software()) && op.rows == 1 && op.groups == 1 &&
           op.w.type != DataType::f32 && (op.w.type != DataType::f16 || op.w.in % 8 == 0) &&
           !may_tile(context, op.w, 1);
}

void mat_mul_many_vk(VulkanContext& context, std::span<const MatMul> ops) {
    if (ops.size() == 1) return mat_mul_vk(context, ops.front());
    assert(ops.size() <= kJoinedMost);
    const MatMul& first = ops.front();
    const VectorInput x = vector_input(context, address_of(first.x), 1, first.w.in, first.w.type);
    if (x.address == 0) return;
    std::array<shaders::MatVecJob, kJoinedMost> jobs{};
    std::array<gpu::Range, kJoinedMost + 2> reads;
    std::array<gpu::Range, kJoinedMost> writes;
    const std::int64_t subgroups = kWorkgroup / context.device.info().subgroup_size;
    std::int64_t workgroups = 0;
    std::uint32_t depth = 1;
    for (std::size_t i = 0; i < ops.size(); ++i) {
        const MatMul& op = ops[i];
        assert(op.x == first.x && op.w.type == first.w.type && op.w.in == first.w.in);
        const PlaneAddresses planes = plane_addresses(op.w);
        // As when it comes alone, so that its sums have the same order.
        const RowBlocks blocks =
            row_blocks(context, op.w.out, units_of(op.w.type, op.w.in), 1, 1, op.w.out);
        jobs[i] = {.codes = planes.codes,
                   .scales = planes.scales,
                   .extra = planes.extra,
                   .y = address_of(op.y),
                   .out_rows = static_cast<std::uint32_t>(op.w.out),
                   .first = static_cast<std::uint32_t>(workgroups),
                   .split = blocks.split,
                   .unused = 0};
        workgroups += divide_up(op.w.out, subgroups / blocks.split);
        depth = std::max(depth, blocks.depth);
        reads[i] = weight_range(op.w);
        writes[i] = range_of(op.y, op.w.out);
    }
    const gpu::Range list = context.table(jobs.data(), static_cast<std::int64_t>(ops.size()));
    reads[ops.size()] = list;
    reads[ops.size() + 1] = range_of(x.address, x.bytes);
    const shaders::MatVecManyParams params{.jobs = list.address,
                                           .grid = context.iq2_grid(),
                                           .x = x.address,
                                           .width = static_cast<std::int32_t>(first.w.in),
                                           .count = static_cast<std::int32_t>(ops.size())};
    context.stream.dispatch_bytes(vector_shader(context, VectorProduct::mat_vec_many, first.w.type),
                                  {1, 1, 1, 1, depth}, &params, sizeof params, {workgroups},
                                  std::span(reads).first(ops.size() + 2),
                                  std::span(writes).first(ops.size()));
}

void mat_mul_vk(VulkanContext& context, const MatMul& op) {
    if (may_tile(context, op.w, op.rows)) {
        const TileInput x = tile_input(context, address_of(op.x), op.rows * op.groups, op.w.in,
                                       op.w.type, VulkanContext::mat_input);
        return mat_tile(context, op.w, x, address_of(op.y), op.rows, op.groups, nullptr, 0);
    }
    mat_vec(context, {op.w, address_of(op.x), address_of(op.y), op.rows, op.groups});
}

}  // namespace starglass

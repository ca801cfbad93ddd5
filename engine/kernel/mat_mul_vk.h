// SPDX-License-Identifier: MIT
//
// What products of weights share on Vulkan: which kernel meets which type, where planes lie, and
// the sizes of a workgroup's work.
#pragma once

#include "kernel/device_weight.h"
#include "kernel/vulkan_context.h"

namespace starglass {

enum class VectorProduct { mat_vec, gate_up, down, mat_vec_many };

// The kernel for a few vectors. F16 and F32 weights meet f32 values always.
Shader vector_shader(const VulkanContext& context, VectorProduct kind, DataType type);

struct PlaneAddresses {
    std::uint64_t codes, scales, extra;
};
PlaneAddresses plane_addresses(const Weight& w);
gpu::Range weight_range(const Weight& w);

// y = W x as MatMul has it, and with a matrix for each row of y: row r of y meets matrix
// selected[r] of a stack and row r / used of x.
struct Product {
    Weight w;
    std::uint64_t x;  // [rows / used, groups * in]
    std::uint64_t y;  // [rows, out]
    std::int64_t rows;
    int groups = 1;
    const std::int32_t* selected = nullptr;  // device memory, [rows]
    int used = 1;
};
void mat_vec(VulkanContext& context, const Product& op);

// Many rows meet weights that were unpacked to f16 once for a tile of them. Both factors are
// rounded to f16 (F16 weights meet x in two parts instead), so results differ from mat_vec by about
// 2^-11 of their rms. Only in int8 arithmetic, which is coarser than that.
inline constexpr std::int64_t kTileRows = 9;  // fewer are met as vectors
// `rows`: of y, all matrices of a stack together.
bool may_tile(const VulkanContext& context, const Weight& w, std::int64_t rows);
// x as the tiles of weights of type `type` want it, in scratch; 0 after a failure.
struct TileInput {
    std::uint64_t address = 0;
    std::int64_t row_words = 0;  // from row to row, words of two f16
    std::int64_t rows = 0;
    bool twice = false;
};
TileInput tile_input(VulkanContext& context, std::uint64_t x, std::int64_t rows, std::int64_t width,
                     DataType type, VulkanContext::Scratch slot);
// The tiles of rows by matrix, for stacks.
struct TileGroups {
    std::uint64_t tiles = 0, order = 0;
    std::int64_t count = 0;  // at most
    std::int64_t pairs = 0;
};
TileGroups tile_groups(VulkanContext& context, const std::int32_t* selected, std::int64_t pairs,
                       std::int64_t experts);
void mat_tile(VulkanContext& context, const Weight& w, const TileInput& x, std::uint64_t y,
              std::int64_t rows, int groups, const TileGroups* by_matrix, int used);

// How the subgroups of a kernel share its rows: rows a subgroup keeps under way at once, subgroups
// that share a row, blocks of rows a workgroup goes through, units of a row a lane has on their
// way. `rows` and `units` (16-byte loads of a row) alone decide the split, because it orders sums,
// and a result may not depend on its batch.
struct RowBlocks {
    std::uint32_t together, split, blocks, depth;
    std::int64_t workgroups;
    std::int64_t rows;  // a workgroup's
    [[nodiscard]] gpu::SpecConstants constants(std::uint32_t columns,
                                               std::uint32_t form = 0) const {
        return {together, columns, blocks, split, depth, form};
    }
};
RowBlocks row_blocks(const VulkanContext& context, std::int64_t rows, std::int64_t units,
                     std::uint32_t together, std::int64_t other_workgroups, std::int64_t out_rows,
                     std::int64_t matrices = 1);  // met by the subgroups of a workgroup, in turn
std::int64_t units_of(DataType type, std::int64_t width);

// What a kernel of `vector_shader` reads as x: the values, or with int8 arithmetic their codes.
struct VectorInput {
    std::uint64_t address = 0;
    std::int64_t bytes = 0;
};
VectorInput vector_input(VulkanContext& context, std::uint64_t x, std::int64_t vectors,
                         std::int64_t width, DataType type);

// A quantised form that a kernel makes together with the vectors it makes.
struct MadeForm {
    std::uint32_t kind = 0;  // as in quantise_vector.glsl; 0: none
    gpu::Range range;
    std::int64_t width = 0;  // of a vector of the form
    DataType type = DataType::f32;
    std::int64_t vectors = 0;
    VulkanContext::QuantisedForm* place = nullptr;
};
// The forms that products had to make for themselves when few vectors lay at x the last time, at
// most two: the kernel that fills x's `rows` rows of `values` values is to make them as well.
// `fits` says which it can. Nobody finds them before `keep_forms`, which follows that kernel.
std::array<MadeForm, 2> forms_to_make(VulkanContext& context, const float* x, std::int64_t rows,
                                      std::int64_t values,
                                      bool (*fits)(DataType type, std::int64_t width,
                                                   std::int64_t values));
void keep_forms(VulkanContext& context, const float* x, const std::array<MadeForm, 2>& forms);
// What several workgroups of a kernel make together (quantise_joint.glsl): `values` values at y, in
// rows of `row`; each workgroup makes `made` of a row.
struct JointOutput {
    std::uint64_t y;
    std::int64_t values, row, made;
    std::int64_t width;  // of the vectors that `next` meets
};
struct JointForm {
    MadeForm form;
    gpu::Range ended;
};
// The form that `next` wants of it, or without `next` one that a product had to make for itself;
// none where the workgroups cannot. Nobody finds it before `keep_form`, which follows that kernel.
JointForm joint_form(VulkanContext& context, const JointOutput& out, const Weight* next);
void keep_form(VulkanContext& context, std::uint64_t y, const JointForm& joint);
// Whether a workgroup of 256 can make a form of each of its rows: at most 4,096 values, whole
// blocks.
bool form_of_row(DataType type, std::int64_t width, std::int64_t values);

}  // namespace starglass

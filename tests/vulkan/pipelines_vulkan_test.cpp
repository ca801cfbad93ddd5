// SPDX-License-Identifier: MIT
//
// Every kernel becomes a pipeline, and its parameters lie where the C++ struct has them: the
// offsets in the compiled modules are compared with offsetof, member by member.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "add_params.h"
#include "attention_params.h"
#include "compress_params.h"
#include "embed_params.h"
#include "encode_rows_params.h"
#include "experts_group_params.h"
#include "experts_params.h"
#include "gpu/device.h"
#include "gpu/stream.h"
#include "hyper_finish_params.h"
#include "hyper_mix_params.h"
#include "hyper_post_params.h"
#include "index_query_params.h"
#include "index_score_params.h"
#include "index_top_params.h"
#include "mat_input_params.h"
#include "mat_quantise_params.h"
#include "mat_tile_params.h"
#include "mat_vec_params.h"
#include "read_speed_params.h"
#include "rms_norm_params.h"
#include "rms_norm_rope_params.h"
#include "rope_params.h"
#include "router_params.h"
#include "top_logits_params.h"

namespace starglass::test {
namespace {

struct Member {
    std::string name;
    std::uint32_t offset = 0, bytes = 0;
    bool operator==(const Member&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Member& member) {
    return out << member.name << " at " << member.offset << ", " << member.bytes << " bytes";
}

// --- SPIR-V, as far as it says how parameters lie ------------------------------------------------

class Module {
public:
    // `specialised`: values of the specialization constants; their defaults without.
    explicit Module(std::span<const std::uint32_t> words,
                    const gpu::SpecConstants* specialised = nullptr) {
        std::map<std::uint32_t, std::uint32_t> spec_ids;
        for (std::size_t at = 5; at < words.size(); at += words[at] >> 16U) {
            const std::uint32_t op = words[at] & 0xFFFFU;
            const auto arg = [&](std::size_t i) { return words[at + 1 + i]; };
            const std::size_t count = (words[at] >> 16U) - 1;
            switch (op) {
                case 6:  // OpMemberName
                    names_[{arg(0), arg(1)}] = reinterpret_cast<const char*>(words.data() + at + 3);
                    break;
                case 16:  // OpExecutionMode
                    if (arg(1) == 17) local_ = {arg(2), arg(3), arg(4)};
                    break;
                case 21:  // OpTypeInt
                case 22:  // OpTypeFloat
                    sizes_[arg(0)] = arg(1) / 8;
                    break;
                case 23:  // OpTypeVector
                    sizes_[arg(0)] = sizes_[arg(1)] * arg(2);
                    break;
                case 28:  // OpTypeArray
                    sizes_[arg(0)] = sizes_[arg(1)] * constants_[arg(2)];
                    break;
                case 30: {  // OpTypeStruct
                    std::vector<std::uint32_t>& members = structs_[arg(0)];
                    std::uint32_t total = 0;
                    for (std::size_t i = 1; i < count; ++i) {
                        members.push_back(arg(i));
                        total += sizes_[arg(i)];
                    }
                    sizes_[arg(0)] = total;
                    break;
                }
                case 39:  // OpTypeForwardPointer: of a buffer, an address
                    sizes_[arg(0)] = 8;
                    break;
                case 32:  // OpTypePointer
                    pointers_[arg(0)] = {arg(1), arg(2)};
                    if (arg(1) == kPhysicalBuffer) sizes_[arg(0)] = 8;
                    break;
                case 41:  // OpConstantTrue
                case 42:  // OpConstantFalse
                    constants_[arg(1)] = op == 41;
                    break;
                case 43:  // OpConstant
                    constants_[arg(1)] = arg(2);
                    break;
                case 50:  // OpSpecConstant
                    constants_[arg(1)] = specialised != nullptr && spec_ids.contains(arg(1))
                                             ? specialised->at(spec_ids[arg(1)])
                                             : arg(2);
                    break;
                case 52: {  // OpSpecConstantOp
                    const auto value = [&](std::size_t i) { return constants_[arg(i)]; };
                    std::uint32_t& result = constants_[arg(1)];
                    switch (arg(2)) {
                        case 128:
                            result = value(3) + value(4);
                            break;
                        case 130:
                            result = value(3) - value(4);
                            break;
                        case 132:
                            result = value(3) * value(4);
                            break;
                        case 134:
                            result = value(4) != 0 ? value(3) / value(4) : 0;
                            break;
                        case 169:
                            result = value(3) != 0 ? value(4) : value(5);
                            break;
                        case 170:
                            result = value(3) == value(4);
                            break;
                        case 171:
                            result = value(3) != value(4);
                            break;
                        default:
                            break;
                    }
                    break;
                }
                case 71:  // OpDecorate
                    if (arg(1) == 1) spec_ids[arg(0)] = arg(2);
                    break;
                case 59:  // OpVariable
                    variables_.push_back({arg(0), arg(2)});
                    break;
                case 72:  // OpMemberDecorate
                    if (arg(2) == 35) offsets_[{arg(0), arg(1)}] = arg(3);
                    break;
                default:
                    break;
            }
        }
    }
    [[nodiscard]] std::vector<Member> push_constants() const {
        for (const auto& [pointer, storage] : variables_)
            if (storage == kPushConstant) return members_of(pointers_.at(pointer).second);
        return {};
    }
    // Of the struct that lies where the one push constant says.
    [[nodiscard]] std::vector<Member> stored_params() const {
        for (const auto& [pointer, storage] : variables_) {
            if (storage != kPushConstant) continue;
            const std::uint32_t address = structs_.at(pointers_.at(pointer).second).front();
            const auto at = pointers_.find(address);
            if (at == pointers_.end()) return {};  // values, not an address
            return members_of(structs_.at(at->second.second).front());
        }
        return {};
    }
    [[nodiscard]] std::array<std::uint32_t, 3> local_size() const { return local_; }
    [[nodiscard]] std::uint32_t shared_bytes() const {
        std::uint32_t total = 0;
        for (const auto& [pointer, storage] : variables_)
            if (storage == kWorkgroup) {
                const std::uint32_t bytes = sizes_.at(pointers_.at(pointer).second);
                if (bytes == 0) return UINT32_MAX;  // a size that is not understood
                total += bytes;
            }
        return total;
    }

private:
    [[nodiscard]] std::vector<Member> members_of(std::uint32_t type) const {
        std::vector<Member> out;
        const std::vector<std::uint32_t>& members = structs_.at(type);
        for (std::uint32_t i = 0; i < members.size(); ++i)
            out.push_back({names_.at({type, i}), offsets_.at({type, i}), sizes_.at(members[i])});
        return out;
    }

    static constexpr std::uint32_t kWorkgroup = 4, kPushConstant = 9, kPhysicalBuffer = 5349;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> names_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> offsets_;
    std::map<std::uint32_t, std::uint32_t> sizes_, constants_;
    std::map<std::uint32_t, std::vector<std::uint32_t>> structs_;
    std::map<std::uint32_t, std::pair<std::uint32_t, std::uint32_t>> pointers_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> variables_;
    std::array<std::uint32_t, 3> local_{};
};

// --- the structs ---------------------------------------------------------------------------------

#define SG_AT(type, member)                                                     \
    Member {                                                                    \
#member, offsetof(shaders::type, member), sizeof(shaders::type::member) \
    }

struct Parameters {
    std::size_t bytes;
    std::vector<Member> members;
};

// By the beginning of a kernel's name; the longest that fits counts.
const std::map<std::string, Parameters>& parameters() {
    static const std::map<std::string, Parameters> known{
        {"add",
         {sizeof(shaders::AddParams),
          {SG_AT(AddParams, x), SG_AT(AddParams, y), SG_AT(AddParams, count)}}},
        {"attention",
         {sizeof(shaders::AttentionParams),
          {SG_AT(AttentionParams, q),
           SG_AT(AttentionParams, sinks),
           SG_AT(AttentionParams, y),
           SG_AT(AttentionParams, state),
           SG_AT(AttentionParams, ring),
           SG_AT(AttentionParams, pages),
           SG_AT(AttentionParams, selected),
           SG_AT(AttentionParams, counts),
           SG_AT(AttentionParams, rotation),
           SG_AT(AttentionParams, form),
           SG_AT(AttentionParams, first_position),
           SG_AT(AttentionParams, heads),
           SG_AT(AttentionParams, window),
           SG_AT(AttentionParams, capacity),
           SG_AT(AttentionParams, ratio),
           SG_AT(AttentionParams, rows_per_page),
           SG_AT(AttentionParams, selected_stride),
           SG_AT(AttentionParams, splits),
           SG_AT(AttentionParams, rope_rotary),
           SG_AT(AttentionParams, form_width),
           SG_AT(AttentionParams, scale),
           SG_AT(AttentionParams, turn)}}},
        {"compress",
         {sizeof(shaders::CompressParams),
          {SG_AT(CompressParams, kv), SG_AT(CompressParams, gate), SG_AT(CompressParams, ape),
           SG_AT(CompressParams, frontier_kv), SG_AT(CompressParams, frontier_score),
           SG_AT(CompressParams, y), SG_AT(CompressParams, phase), SG_AT(CompressParams, rows),
           SG_AT(CompressParams, ratio), SG_AT(CompressParams, width),
           SG_AT(CompressParams, ape_words), SG_AT(CompressParams, first_slot),
           SG_AT(CompressParams, slots), SG_AT(CompressParams, empty)}}},
        {"embed",
         {sizeof(shaders::EmbedParams),
          {SG_AT(EmbedParams, sources), SG_AT(EmbedParams, y), SG_AT(EmbedParams, dim),
           SG_AT(EmbedParams, streams)}}},
        {"encode_rows",
         {sizeof(shaders::EncodeRowsParams),
          {SG_AT(EncodeRowsParams, x), SG_AT(EncodeRowsParams, destinations),
           SG_AT(EncodeRowsParams, destination), SG_AT(EncodeRowsParams, width),
           SG_AT(EncodeRowsParams, rotary), SG_AT(EncodeRowsParams, words),
           SG_AT(EncodeRowsParams, transform), SG_AT(EncodeRowsParams, scale)}}},
        {"experts_group",
         {sizeof(shaders::ExpertsGroupParams),
          {SG_AT(ExpertsGroupParams, selected), SG_AT(ExpertsGroupParams, tiles),
           SG_AT(ExpertsGroupParams, order), SG_AT(ExpertsGroupParams, pairs),
           SG_AT(ExpertsGroupParams, experts), SG_AT(ExpertsGroupParams, tile),
           SG_AT(ExpertsGroupParams, tiles_max)}}},
        {"experts_hidden",
         {sizeof(shaders::HiddenParams),
          {SG_AT(HiddenParams, gate), SG_AT(HiddenParams, up), SG_AT(HiddenParams, weights),
           SG_AT(HiddenParams, hidden), SG_AT(HiddenParams, width), SG_AT(HiddenParams, weighted),
           SG_AT(HiddenParams, clamp)}}},
        {"experts_sum",
         {sizeof(shaders::PairSumParams),
          {SG_AT(PairSumParams, parts), SG_AT(PairSumParams, addend), SG_AT(PairSumParams, y),
           SG_AT(PairSumParams, width), SG_AT(PairSumParams, used), SG_AT(PairSumParams, added)}}},
        {"hyper_finish",
         {sizeof(shaders::HyperFinishParams),
          {SG_AT(HyperFinishParams, parts), SG_AT(HyperFinishParams, h),
           SG_AT(HyperFinishParams, scale), SG_AT(HyperFinishParams, base),
           SG_AT(HyperFinishParams, u), SG_AT(HyperFinishParams, post),
           SG_AT(HyperFinishParams, comb), SG_AT(HyperFinishParams, weight),
           SG_AT(HyperFinishParams, x), SG_AT(HyperFinishParams, form),
           SG_AT(HyperFinishParams, other_form), SG_AT(HyperFinishParams, dim),
           SG_AT(HyperFinishParams, chunks), SG_AT(HyperFinishParams, sinkhorn),
           SG_AT(HyperFinishParams, has_weight), SG_AT(HyperFinishParams, epsilon),
           SG_AT(HyperFinishParams, hyper_epsilon), SG_AT(HyperFinishParams, norm_epsilon)}}},
        {"hyper_mix",
         {sizeof(shaders::HyperMixParams),
          {SG_AT(HyperMixParams, h), SG_AT(HyperMixParams, fn), SG_AT(HyperMixParams, parts),
           SG_AT(HyperMixParams, y), SG_AT(HyperMixParams, post), SG_AT(HyperMixParams, comb),
           SG_AT(HyperMixParams, made), SG_AT(HyperMixParams, rows), SG_AT(HyperMixParams, dim),
           SG_AT(HyperMixParams, mix), SG_AT(HyperMixParams, fn_words),
           SG_AT(HyperMixParams, chunks)}}},
        {"hyper_post",
         {sizeof(shaders::HyperPostParams),
          {SG_AT(HyperPostParams, h), SG_AT(HyperPostParams, y), SG_AT(HyperPostParams, post),
           SG_AT(HyperPostParams, comb), SG_AT(HyperPostParams, made),
           SG_AT(HyperPostParams, dim)}}},
        {"index_query",
         {sizeof(shaders::IndexQueryParams),
          {SG_AT(IndexQueryParams, x), SG_AT(IndexQueryParams, table),
           SG_AT(IndexQueryParams, heads), SG_AT(IndexQueryParams, width),
           SG_AT(IndexQueryParams, round), SG_AT(IndexQueryParams, pairs),
           SG_AT(IndexQueryParams, inverse), SG_AT(IndexQueryParams, scale)}}},
        {"index_score",
         {sizeof(shaders::IndexScoreParams),
          {SG_AT(IndexScoreParams, query), SG_AT(IndexScoreParams, weights),
           SG_AT(IndexScoreParams, pages), SG_AT(IndexScoreParams, scores),
           SG_AT(IndexScoreParams, first_position), SG_AT(IndexScoreParams, heads),
           SG_AT(IndexScoreParams, width), SG_AT(IndexScoreParams, stride),
           SG_AT(IndexScoreParams, rows_per_page), SG_AT(IndexScoreParams, ratio),
           SG_AT(IndexScoreParams, top_k), SG_AT(IndexScoreParams, score_stride),
           SG_AT(IndexScoreParams, weight_scale)}}},
        {"index_top",
         {sizeof(shaders::IndexTopParams),
          {SG_AT(IndexTopParams, scores), SG_AT(IndexTopParams, names), SG_AT(IndexTopParams, best),
           SG_AT(IndexTopParams, best_scores), SG_AT(IndexTopParams, counts),
           SG_AT(IndexTopParams, first_position), SG_AT(IndexTopParams, ratio),
           SG_AT(IndexTopParams, top_k), SG_AT(IndexTopParams, score_stride),
           SG_AT(IndexTopParams, best_stride), SG_AT(IndexTopParams, slice),
           SG_AT(IndexTopParams, named)}}},
        {"top_logits",
         {sizeof(shaders::TopLogitsParams),
          {SG_AT(TopLogitsParams, values), SG_AT(TopLogitsParams, names),
           SG_AT(TopLogitsParams, parts), SG_AT(TopLogitsParams, ids), SG_AT(TopLogitsParams, best),
           SG_AT(TopLogitsParams, rest), SG_AT(TopLogitsParams, count),
           SG_AT(TopLogitsParams, stride), SG_AT(TopLogitsParams, slice), SG_AT(TopLogitsParams, k),
           SG_AT(TopLogitsParams, best_stride), SG_AT(TopLogitsParams, part_count),
           SG_AT(TopLogitsParams, temperature)}}},
        {"mat_input",
         {sizeof(shaders::MatInputParams),
          {SG_AT(MatInputParams, x), SG_AT(MatInputParams, y), SG_AT(MatInputParams, width),
           SG_AT(MatInputParams, x_stride), SG_AT(MatInputParams, y_stride),
           SG_AT(MatInputParams, rows)}}},
        {"mat_tile",
         {sizeof(shaders::MatTileParams),
          {SG_AT(MatTileParams, codes), SG_AT(MatTileParams, scales), SG_AT(MatTileParams, extra),
           SG_AT(MatTileParams, grid), SG_AT(MatTileParams, x), SG_AT(MatTileParams, y),
           SG_AT(MatTileParams, tiles), SG_AT(MatTileParams, order), SG_AT(MatTileParams, width),
           SG_AT(MatTileParams, out_rows), SG_AT(MatTileParams, rows),
           SG_AT(MatTileParams, x_stride), SG_AT(MatTileParams, y_stride),
           SG_AT(MatTileParams, groups), SG_AT(MatTileParams, used), SG_AT(MatTileParams, twice)}}},
        {"mat_vec",
         {sizeof(shaders::MatVecParams),
          {SG_AT(MatVecParams, codes), SG_AT(MatVecParams, scales), SG_AT(MatVecParams, extra),
           SG_AT(MatVecParams, grid), SG_AT(MatVecParams, x), SG_AT(MatVecParams, y),
           SG_AT(MatVecParams, selected), SG_AT(MatVecParams, form), SG_AT(MatVecParams, ended),
           SG_AT(MatVecParams, width), SG_AT(MatVecParams, out_rows), SG_AT(MatVecParams, rows),
           SG_AT(MatVecParams, x_stride), SG_AT(MatVecParams, y_stride),
           SG_AT(MatVecParams, aligned), SG_AT(MatVecParams, used),
           SG_AT(MatVecParams, form_width)}}},
        {"mat_vec_many",
         {sizeof(shaders::MatVecManyParams),
          {SG_AT(MatVecManyParams, jobs), SG_AT(MatVecManyParams, grid), SG_AT(MatVecManyParams, x),
           SG_AT(MatVecManyParams, width), SG_AT(MatVecManyParams, count)}}},
        {"mat_quantise",
         {sizeof(shaders::MatQuantiseParams),
          {SG_AT(MatQuantiseParams, x), SG_AT(MatQuantiseParams, to),
           SG_AT(MatQuantiseParams, width)}}},
        {"gate_up",
         {sizeof(shaders::GateUpParams),
          {SG_AT(GateUpParams, gate_codes), SG_AT(GateUpParams, gate_scales),
           SG_AT(GateUpParams, gate_extra), SG_AT(GateUpParams, up_codes),
           SG_AT(GateUpParams, up_scales), SG_AT(GateUpParams, up_extra), SG_AT(GateUpParams, grid),
           SG_AT(GateUpParams, x), SG_AT(GateUpParams, selected), SG_AT(GateUpParams, weights),
           SG_AT(GateUpParams, hidden), SG_AT(GateUpParams, form), SG_AT(GateUpParams, ended),
           SG_AT(GateUpParams, width), SG_AT(GateUpParams, out_rows), SG_AT(GateUpParams, used),
           SG_AT(GateUpParams, routed), SG_AT(GateUpParams, clamp),
           SG_AT(GateUpParams, form_width)}}},
        {"down",
         {sizeof(shaders::DownParams),
          {SG_AT(DownParams, codes), SG_AT(DownParams, scales), SG_AT(DownParams, extra),
           SG_AT(DownParams, grid), SG_AT(DownParams, x), SG_AT(DownParams, selected),
           SG_AT(DownParams, addend), SG_AT(DownParams, y), SG_AT(DownParams, width),
           SG_AT(DownParams, out_rows), SG_AT(DownParams, used), SG_AT(DownParams, routed),
           SG_AT(DownParams, added)}}},
        {"read_speed",
         {sizeof(shaders::ReadSpeedParams),
          {SG_AT(ReadSpeedParams, from), SG_AT(ReadSpeedParams, to),
           SG_AT(ReadSpeedParams, vecs)}}},
        {"rms_norm",
         {sizeof(shaders::RmsNormParams),
          {SG_AT(RmsNormParams, x), SG_AT(RmsNormParams, weight), SG_AT(RmsNormParams, y),
           SG_AT(RmsNormParams, form), SG_AT(RmsNormParams, rows), SG_AT(RmsNormParams, dim),
           SG_AT(RmsNormParams, has_weight), SG_AT(RmsNormParams, epsilon)}}},
        {"rms_norm_rope",
         {sizeof(shaders::RmsNormRopeParams),
          {SG_AT(RmsNormRopeParams, x), SG_AT(RmsNormRopeParams, weight),
           SG_AT(RmsNormRopeParams, y), SG_AT(RmsNormRopeParams, table),
           SG_AT(RmsNormRopeParams, dim), SG_AT(RmsNormRopeParams, has_weight),
           SG_AT(RmsNormRopeParams, pairs), SG_AT(RmsNormRopeParams, inverse),
           SG_AT(RmsNormRopeParams, epsilon)}}},
        {"rope",
         {sizeof(shaders::RopeParams),
          {SG_AT(RopeParams, x), SG_AT(RopeParams, table), SG_AT(RopeParams, heads),
           SG_AT(RopeParams, width), SG_AT(RopeParams, pairs), SG_AT(RopeParams, inverse)}}},
        {"router",
         {sizeof(shaders::RouterParams),
          {SG_AT(RouterParams, logits), SG_AT(RouterParams, bias), SG_AT(RouterParams, table),
           SG_AT(RouterParams, tokens), SG_AT(RouterParams, selected), SG_AT(RouterParams, weights),
           SG_AT(RouterParams, experts), SG_AT(RouterParams, used), SG_AT(RouterParams, has_bias),
           SG_AT(RouterParams, has_table), SG_AT(RouterParams, scale)}}},
    };
    return known;
}

const Parameters* parameters_of(std::string_view kernel) {
    const Parameters* best = nullptr;
    std::size_t length = 0;
    for (const auto& [name, at] : parameters())
        if (kernel.starts_with(name) && name.size() > length) {
            best = &at;
            length = name.size();
        }
    return best;
}

bool is_matrix(std::string_view name) {
    return name.ends_with("_matrix") || name == "attention_scores" || name == "attention_values";
}

std::vector<Shader> all_shaders() {
    std::vector<Shader> out;
    for (int i = 0; i < static_cast<int>(Shader::count); ++i) out.push_back(static_cast<Shader>(i));
    return out;
}

// The constants a kernel is used with, as the files kernel/*_vk.cpp give them.
std::vector<gpu::SpecConstants> constants_of(std::string_view name, std::uint32_t subgroup) {
    const std::uint32_t subgroups = 256 / subgroup;
    if (name == "compress")
        return {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {0, 0, 0}, {1, 0, 0}, {2, 1, 0}};
    if (name == "embed") return {{0}, {1}, {2}, {3}, {4}};
    if (name == "encode_rows") return {{0}, {1}, {2}};
    if (name == "hyper_finish") return {{4, 0, 0}, {4, 0, 1, 4, 1, 4}, {4, 1, 0, 2}, {16, 0, 1}};
    if (name == "hyper_mix")
        return {{4, 1, 1, 1, 0}, {4, 8, 1, 1, 0}, {4, 1, 0, 0, 1}, {4, 8, 1, 1, 1}};
    if (name == "hyper_post") return {{4}};
    if (name.starts_with("index_score")) return {{32}, {128}};
    if (name == "mat_quantise") return {{1}, {2}, {3}, {4}};
    if (name == "rms_norm") return {{0}, {1}, {4}, {1, 1}, {4, 4}};
    if (name == "rms_norm_rope") return {{0}, {1}, {4}};
    if (name == "mat_input") return {{1}, {2}, {3}};
    if (name.starts_with("mat_tile")) {
        std::uint32_t across = 1;
        while (across * across * 4 <= subgroups) across *= 2;
        return {{across, subgroups / across}};
    }
    if (name.starts_with("mat_vec_"))
        return {{4, 1, 1, 1, 1}, {1, 1, 1, 1, 4}, {2, 2, 1, 1, 2}, {2, 4, 8, 1, 1, 1}};
    if (name.starts_with("gate_up_")) return {{4, 1, 1, 1, 1}, {2, 1, 8, 1, 2, 2}};
    if (name.starts_with("down_")) return {{4, 1, 1, 1, 1}, {2, 1, 8, 1, 2}};
    if (name.starts_with("attention"))
        return {{512, 64, 584, 1, std::max(1U, subgroup / 16), 16},
                {192, 64, 260, 0, std::max(1U, subgroup / 16), 32}};
    return {{}};
}

TEST(Pipelines, ParametersLieAlikeOnBothSides) {
    std::set<const Parameters*> seen;
    int stored = 0;
    for (const Shader shader : all_shaders()) {
        const ShaderModule& module = shader_module(shader);
        SCOPED_TRACE(module.name);
        const Parameters* const wanted = parameters_of(module.name);
        ASSERT_NE(wanted, nullptr);
        seen.insert(wanted);
        const std::vector<Member> got = Module(module.words).push_constants();
        EXPECT_EQ(got, wanted->members);
        ASSERT_FALSE(got.empty());
        EXPECT_LE(got.back().offset + got.back().bytes, wanted->bytes);
        EXPECT_LE(wanted->bytes, gpu::kPushBytes);
        if (!module.stored_words.empty()) {
            EXPECT_EQ(Module(module.stored_words).stored_params(), wanted->members);
            ++stored;
        }
    }
    EXPECT_GT(stored, 60);
    EXPECT_EQ(seen.size(), parameters().size()) << "a struct nobody uses";
}

// 256 invocations and 32 KiB are what DeviceInfo asks of a device. Cooperative matrices come with
// more.
TEST(Pipelines, WorkgroupsFitEveryUsableDevice) {
    for (const Shader shader : all_shaders()) {
        const ShaderModule& module = shader_module(shader);
        SCOPED_TRACE(module.name);
        for (const gpu::SpecConstants& constants : constants_of(module.name, 32)) {
            const Module parsed(module.words, &constants);
            const auto size = parsed.local_size();
            EXPECT_GT(size[0] * size[1] * size[2], 0U);
            EXPECT_LE(size[0] * size[1] * size[2], 256U);
            EXPECT_LE(parsed.shared_bytes(), is_matrix(module.name) ? 49152U : 32768U);
        }
    }
}

// --- building them -------------------------------------------------------------------------------

TEST(Pipelines, EveryKernelIsBuilt) {
    const char* wanted = std::getenv("SG_TEST_DEVICE");
    gpu::DeviceOptions options;
    options.device = wanted != nullptr ? wanted : "0";
    options.validation = true;
    auto device = gpu::Device::open(options);
    ASSERT_TRUE(device) << device.error().message;
    int built = 0;
    for (const Shader shader : all_shaders()) {
        const std::string_view name = shader_module(shader).name;
        if (is_matrix(name) && !(*device)->features().cooperative_matrix) continue;
        if (name.ends_with("_dot") && !(*device)->features().integer_dot) continue;
        SCOPED_TRACE(name);
        for (const gpu::SpecConstants& constants :
             constants_of(name, (*device)->info().subgroup_size)) {
            auto pipeline = (*device)->pipeline(shader, constants);
            EXPECT_TRUE(pipeline) << pipeline.error().message;
            ++built;
            if (shader_module(shader).stored_words.empty()) continue;
            auto stored = (*device)->pipeline(shader, constants, gpu::Params::stored);
            EXPECT_TRUE(stored) << stored.error().message;
        }
    }
    EXPECT_GT(built, 100);
    EXPECT_EQ((*device)->validation_messages(), 0);
}

}  // namespace
}  // namespace starglass::test

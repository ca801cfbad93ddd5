// SPDX-License-Identifier: MIT
#include "model/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>

namespace starglass {
namespace {

using Types = std::initializer_list<DataType>;
constexpr std::array kRoutedTypes{DataType::iq2_xxs, DataType::q2_k, DataType::q4_k, DataType::q8_0,
                                  DataType::f16};

// Looks tensors up by name and checks them; remembers the first failure so that binding reads
// like the table in the specification. After a failure every later call does nothing.
class Binder {
public:
    Binder(const Gguf& gguf, std::string prefix, bool plain_f32)
        : gguf_(gguf), prefix_(std::move(prefix)), plain_f32_(plain_f32) {}

    void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
    [[nodiscard]] bool ok() const { return error_.message.empty(); }
    [[nodiscard]] const Error& error() const { return error_; }

    const float* vector(const char* name, std::int64_t length) {
        const GgufTensor* tensor = checked(name, {DataType::f32}, {length});
        if (tensor == nullptr) return nullptr;
        const auto* values = reinterpret_cast<const float*>(tensor->data.data());
        for (std::int64_t i = 0; i < length; ++i) {
            if (std::isfinite(values[i])) continue;
            set_error(
                ErrorCode::invalid_input,
                fmt::format("tensor '{}' has a value that is not a finite number at index {}; "
                            "the file is damaged",
                            prefix_ + name, i));
            return nullptr;
        }
        return values;
    }
    const float* optional_vector(const char* name, std::int64_t length) {
        return gguf_.find_tensor(prefix_ + name) == nullptr ? nullptr : vector(name, length);
    }
    Weight matrix(const char* name, DataType type, std::int64_t in, std::int64_t out) {
        return weight(checked(name, {type}, {in, out}), in, out, 1);
    }
    // F16, in an MTP file F32 as well ("plain" in section 1.4).
    Weight plain(const char* name, std::int64_t in, std::int64_t out) {
        return weight(plain_f32_ ? checked(name, {DataType::f16, DataType::f32}, {in, out})
                                 : checked(name, {DataType::f16}, {in, out}),
                      in, out, 1);
    }
    Weight experts(const char* name, std::int64_t in, std::int64_t out, std::int64_t count) {
        return weight(checked(name, kRoutedTypes, {in, out, count}), in, out, count);
    }
    const std::int32_t* table(const char* name, std::int64_t columns, std::int64_t rows,
                              std::int32_t limit) {
        const GgufTensor* tensor = checked(name, {DataType::i32}, {columns, rows});
        if (tensor == nullptr) return nullptr;
        const auto* values = reinterpret_cast<const std::int32_t*>(tensor->data.data());
        for (std::int64_t i = 0; i < columns * rows; ++i) {
            if (values[i] >= 0 && values[i] < limit) continue;
            set_error(
                ErrorCode::invalid_input,
                fmt::format("tensor '{}' routes token {} to expert {}, but experts are numbered "
                            "0 to {}; the file is damaged",
                            prefix_ + name, i / columns, values[i], limit - 1));
            return nullptr;
        }
        return values;
    }
    void require_equal_types(const char* a, const Weight& first, const char* b,
                             const Weight& second) {
        if (!ok() || first.type == second.type) return;
        set_error(
            ErrorCode::unsupported,
            fmt::format("tensor '{}' is {} but '{}' is {}; gate and up of a layer must have the "
                        "same type",
                        prefix_ + a, traits_of(first.type).name, prefix_ + b,
                        traits_of(second.type).name));
    }

private:
    void set_error(ErrorCode code, std::string message) {
        if (ok()) error_ = {code, std::move(message)};
    }

    template <class TypeList>
    const GgufTensor* checked(const char* name, const TypeList& types,
                              std::initializer_list<std::int64_t> shape) {
        return checked_list(name, {types.begin(), types.end()}, shape);
    }
    const GgufTensor* checked(const char* name, Types types,
                              std::initializer_list<std::int64_t> shape) {
        return checked_list(name, types, shape);
    }

    const GgufTensor* checked_list(const char* name, std::vector<DataType> types,
                                   std::initializer_list<std::int64_t> shape) {
        if (!ok()) return nullptr;
        const std::string full = prefix_ + name;
        auto found = gguf_.require_tensor(full);
        if (!found) {
            error_ = found.error();
            return nullptr;
        }
        const GgufTensor* tensor = *found;
        if (!tensor->type || std::find(types.begin(), types.end(), *tensor->type) == types.end()) {
            std::string wanted;
            for (const DataType type : types)
                wanted += (wanted.empty() ? "" : " or ") + std::string(traits_of(type).name);
            set_error(ErrorCode::unsupported, fmt::format("tensor '{}' has type {}, expected {}",
                                                          full, tensor->type_name(), wanted));
            return nullptr;
        }
        // Trailing dimensions of 1 may be left out or written.
        const auto dim = [&](std::size_t i) {
            return i < static_cast<std::size_t>(tensor->dim_count) ? tensor->dims[i] : 1;
        };
        bool same = true;
        std::size_t index = 0;
        for (const std::int64_t want : shape) same &= dim(index++) == want;
        for (; index < static_cast<std::size_t>(kGgufDimsMax); ++index) same &= dim(index) == 1;
        if (!same) {
            set_error(ErrorCode::invalid_input,
                      fmt::format("tensor '{}' has shape [{}], expected [{}]", full,
                                  fmt::join(tensor->shape(), ", "), fmt::join(shape, ", ")));
            return nullptr;
        }
        const std::int64_t block = traits_of(*tensor->type).block_elements;
        if (*shape.begin() % block != 0) {
            set_error(ErrorCode::unsupported,
                      fmt::format("tensor '{}' has rows of {} values; {} needs a multiple of {}",
                                  full, *shape.begin(), tensor->type_name(), block));
            return nullptr;
        }
        return tensor;
    }

    static Weight weight(const GgufTensor* tensor, std::int64_t in, std::int64_t out,
                         std::int64_t count) {
        if (tensor == nullptr) return {};
        return {tensor->data.data(), *tensor->type, in, out, count};
    }

    const Gguf& gguf_;
    std::string prefix_;
    bool plain_f32_;
    Error error_{ErrorCode::internal, ""};
};

LayerWeights bind_layer(Binder& bind, const ModelShape& s, int ratio, bool hashed) {
    const std::int64_t E = s.embedding;
    const std::int64_t D = s.head_width;
    const std::int64_t LQ = s.query_rank;
    const std::int64_t F = s.expert_width;
    const std::int64_t N = s.experts;
    const std::int64_t streams = static_cast<std::int64_t>(s.streams) * E;
    const std::int64_t low = static_cast<std::int64_t>(s.output_groups) * s.output_rank;

    LayerWeights w{};
    w.hc_attn_fn = bind.plain("hc_attn_fn.weight", streams, s.hyper_mix());
    w.hc_attn_scale = bind.vector("hc_attn_scale.weight", 3);
    w.hc_attn_base = bind.vector("hc_attn_base.weight", s.hyper_mix());
    w.attn_norm = bind.vector("attn_norm.weight", E);
    w.q_a = bind.matrix("attn_q_a.weight", DataType::q8_0, E, LQ);
    w.q_a_norm = bind.vector("attn_q_a_norm.weight", LQ);
    w.q_b = bind.matrix("attn_q_b.weight", DataType::q8_0, LQ, s.heads * D);
    w.kv = bind.matrix("attn_kv.weight", DataType::q8_0, E, D);
    w.kv_norm = bind.vector("attn_kv_a_norm.weight", D);
    w.sinks = bind.vector("attn_sinks.weight", s.heads);
    w.output_a =
        bind.matrix("attn_output_a.weight", DataType::q8_0, D * s.heads / s.output_groups, low);
    w.output_b = bind.matrix("attn_output_b.weight", DataType::q8_0, low, E);
    if (ratio != 0) {
        const std::int64_t columns = ModelShape::coff(ratio) * D;
        w.compressor_ape = bind.matrix("attn_compressor_ape.weight", DataType::f16, columns, ratio);
        w.compressor_kv = bind.matrix("attn_compressor_kv.weight", DataType::f16, E, columns);
        w.compressor_gate = bind.matrix("attn_compressor_gate.weight", DataType::f16, E, columns);
        w.compressor_norm = bind.vector("attn_compressor_norm.weight", D);
    }
    if (ModelShape::indexed(ratio)) {
        const std::int64_t ID = s.index_width;
        const std::int64_t columns = ModelShape::coff(ratio) * ID;
        w.index_q_b = bind.matrix("indexer.attn_q_b.weight", DataType::f16, LQ, s.index_heads * ID);
        w.index_proj = bind.matrix("indexer.proj.weight", DataType::f16, E, s.index_heads);
        w.index_compressor_ape =
            bind.matrix("indexer_compressor_ape.weight", DataType::f16, columns, ratio);
        w.index_compressor_kv =
            bind.matrix("indexer_compressor_kv.weight", DataType::f16, E, columns);
        w.index_compressor_gate =
            bind.matrix("indexer_compressor_gate.weight", DataType::f16, E, columns);
        w.index_compressor_norm = bind.vector("indexer_compressor_norm.weight", ID);
    }
    w.hc_ffn_fn = bind.plain("hc_ffn_fn.weight", streams, s.hyper_mix());
    w.hc_ffn_scale = bind.vector("hc_ffn_scale.weight", 3);
    w.hc_ffn_base = bind.vector("hc_ffn_base.weight", s.hyper_mix());
    w.ffn_norm = bind.vector("ffn_norm.weight", E);
    w.router = bind.plain("ffn_gate_inp.weight", E, N);
    w.router_bias = bind.optional_vector("exp_probs_b.bias", N);
    if (hashed)
        w.hash_table =
            bind.table("ffn_gate_tid2eid.weight", s.experts_used, s.vocabulary, s.experts);
    w.gate_experts = bind.experts("ffn_gate_exps.weight", E, F, N);
    w.up_experts = bind.experts("ffn_up_exps.weight", E, F, N);
    bind.require_equal_types("ffn_gate_exps.weight", w.gate_experts, "ffn_up_exps.weight",
                             w.up_experts);
    w.down_experts = bind.experts("ffn_down_exps.weight", F, E, N);
    w.gate_shared = bind.matrix("ffn_gate_shexp.weight", DataType::q8_0, E, F);
    w.up_shared = bind.matrix("ffn_up_shexp.weight", DataType::q8_0, E, F);
    w.down_shared = bind.matrix("ffn_down_shexp.weight", DataType::q8_0, F, E);
    return w;
}

}  // namespace

Result<ModelWeights> ModelWeights::bind(const Gguf& gguf, const ModelShape& shape) {
    Binder bind(gguf, "", false);
    const std::int64_t streams = static_cast<std::int64_t>(shape.streams) * shape.embedding;
    ModelWeights w;
    w.embedding =
        bind.matrix("token_embd.weight", DataType::f16, shape.embedding, shape.vocabulary);
    w.head.hc_base = bind.vector("output_hc_base.weight", shape.streams);
    w.head.hc_fn = bind.plain("output_hc_fn.weight", streams, shape.streams);
    w.head.hc_scale = bind.vector("output_hc_scale.weight", 1);
    w.head.norm = bind.vector("output_norm.weight", shape.embedding);
    w.output = bind.matrix("output.weight", DataType::q8_0, shape.embedding, shape.vocabulary);
    for (int layer = 0; layer < shape.layers && bind.ok(); ++layer) {
        bind.set_prefix(fmt::format("blk.{}.", layer));
        w.layers.push_back(bind_layer(bind, shape, shape.ratio[static_cast<std::size_t>(layer)],
                                      layer < shape.hash_layers));
    }
    if (!bind.ok()) return tl::unexpected<Error>(bind.error());
    return w;
}

Result<MtpWeights> MtpWeights::bind(const Gguf& gguf, const ModelShape& shape) {
    Binder bind(gguf, "mtp.0.", true);
    const std::int64_t E = shape.embedding;
    MtpWeights w;
    w.head.hc_base = bind.vector("hc_head_base.weight", shape.streams);
    w.head.hc_fn = bind.plain("hc_head_fn.weight", shape.streams * E, shape.streams);
    w.head.hc_scale = bind.vector("hc_head_scale.weight", 1);
    w.head.norm = bind.vector("norm.weight", E);
    w.e_proj = bind.matrix("e_proj.weight", DataType::q8_0, E, E);
    w.h_proj = bind.matrix("h_proj.weight", DataType::q8_0, E, E);
    w.e_norm = bind.vector("enorm.weight", E);
    w.h_norm = bind.vector("hnorm.weight", E);
    w.layer = bind_layer(bind, shape, 0, false);
    if (bind.ok() && w.layer.router_bias == nullptr)
        w.layer.router_bias = bind.vector("exp_probs_b.bias", shape.experts);
    if (!bind.ok()) return tl::unexpected<Error>(bind.error());
    return w;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Random but well conditioned deepseek4 models of any shape, as GGUF bytes in memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/f16.h"
#include "format/gguf_writer.h"

namespace starglass::test {

struct SyntheticShape {
    int embedding = 256, vocabulary = 300, heads = 4, head_width = 128, rotary = 64;
    int query_rank = 64, output_rank = 32, output_groups = 2;
    int experts = 8, experts_used = 3, expert_width = 256, hash_layers = 1;
    int window = 16, index_heads = 4, index_width = 64, index_top_k = 5;
    int streams = 4, sinkhorn = 20;
    float rope_base = 10000, compress_rope_base = 160000, rope_scale = 16;
    std::uint32_t original_context = 65536;
    float expert_scale = 1.5F;
    std::vector<int> ratios{0, 4, 12, 4};
    std::vector<float> clamps;  // empty: 10 everywhere
    struct Routed {
        DataType gate_up, down;
    };
    std::vector<Routed> routed{{DataType::iq2_xxs, DataType::q2_k}};  // cycled over layers
    bool bias = true;
};

// `tokenizer`: the bytes, then fillers, then the control strings.
inline void add_vocabulary(GgufWriter& gguf, int vocabulary) {
    std::vector<std::string> tokens{"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
                                    "<｜▁pad▁｜>"};
    const auto utf8 = [](int code) {
        std::string text;
        if (code < 0x80) return text += static_cast<char>(code);
        text += static_cast<char>(0xC0 | code >> 6);
        return text += static_cast<char>(0x80 | (code & 63));
    };
    int extra = 256;
    for (int byte = 0; byte < 256; ++byte) {
        const bool printable =
            (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        tokens.push_back(utf8(printable ? byte : extra++));
    }
    const std::vector<std::string> tail{"<｜User｜>", "<｜Assistant｜>", "<think>", "</think>",
                                        "｜DSML｜"};
    for (int filler = 0; static_cast<int>(tokens.size() + tail.size()) < vocabulary; ++filler)
        tokens.push_back("<｜filler " + std::to_string(filler) + "｜>");
    tokens.insert(tokens.end(), tail.begin(), tail.end());
    gguf.strings("tokenizer.ggml.tokens", tokens);
    gguf.strings("tokenizer.ggml.merges", std::vector<std::string>{});
}

class SyntheticModel {
public:
    explicit SyntheticModel(const SyntheticShape& shape, std::uint32_t seed = 1)
        : s_(shape), random_(seed) {}

    GgufBytes build() {
        const SyntheticShape& s = s_;
        const auto layers = static_cast<std::uint32_t>(s.ratios.size());
        const std::string a = "deepseek4.";
        const auto u = [&](const std::string& key, std::int64_t value) {
            gguf_.u32(a + key, static_cast<std::uint32_t>(value));
        };
        gguf_.string("general.architecture", "deepseek4");
        u("block_count", layers);
        u("embedding_length", s.embedding);
        u("vocab_size", s.vocabulary);
        u("attention.head_count", s.heads);
        u("attention.head_count_kv", 1);
        u("attention.key_length", s.head_width);
        u("attention.value_length", s.head_width);
        u("rope.dimension_count", s.rotary);
        u("attention.q_lora_rank", s.query_rank);
        u("attention.output_lora_rank", s.output_rank);
        u("attention.output_group_count", s.output_groups);
        u("expert_count", s.experts);
        u("expert_used_count", s.experts_used);
        u("expert_feed_forward_length", s.expert_width);
        u("expert_shared_count", 1);
        u("hash_layer_count", s.hash_layers);
        u("attention.sliding_window", s.window);
        u("attention.indexer.head_count", s.index_heads);
        u("attention.indexer.key_length", s.index_width);
        u("attention.indexer.top_k", s.index_top_k);
        u("hyper_connection.count", s.streams);
        u("hyper_connection.sinkhorn_iterations", s.sinkhorn);
        u("rope.scaling.original_context_length", s.original_context);
        gguf_.f32(a + "hyper_connection.epsilon", 1e-6F);
        gguf_.f32(a + "attention.layer_norm_rms_epsilon", 1e-6F);
        gguf_.f32(a + "rope.freq_base", s.rope_base);
        gguf_.f32(a + "rope.scaling.factor", s.rope_scale);
        gguf_.f32(a + "rope.scaling.yarn_beta_fast", 32);
        gguf_.f32(a + "rope.scaling.yarn_beta_slow", 1);
        gguf_.f32(a + "attention.compress_rope_freq_base", s.compress_rope_base);
        gguf_.f32(a + "expert_weights_scale", s.expert_scale);
        gguf_.boolean(a + "expert_weights_norm", true);
        gguf_.i32s(a + "attention.compress_ratios",
                   std::vector<std::int32_t>(s.ratios.begin(), s.ratios.end()));
        gguf_.f32s(a + "swiglu_clamp_exp",
                   s.clamps.empty() ? std::vector<float>(layers, 10.0F) : s.clamps);
        add_vocabulary(gguf_, s.vocabulary);

        const std::int64_t E = s.embedding;
        const std::int64_t CE = E * s.streams;
        const int mix = 2 * s.streams + s.streams * s.streams;
        matrix("token_embd.weight", DataType::f16, {E, s.vocabulary},
               std::sqrt(static_cast<float>(E)));
        for (std::uint32_t layer = 0; layer < layers; ++layer) {
            const std::string p = "blk." + std::to_string(layer) + ".";
            const int ratio = s.ratios[layer];
            const std::int64_t D = s.head_width;
            const std::int64_t low = static_cast<std::int64_t>(s.output_groups) * s.output_rank;
            for (const std::string half : {"attn", "ffn"}) {
                matrix(p + "hc_" + half + "_fn.weight", DataType::f16, {CE, mix}, 1);
                vector(p + "hc_" + half + "_scale.weight", 3, 0.5F, 0.1F);
                vector(p + "hc_" + half + "_base.weight", mix, 0, 0.5F);
            }
            vector(p + "attn_norm.weight", E, 1, 0.1F);
            matrix(p + "attn_q_a.weight", DataType::q8_0, {E, s.query_rank}, 1);
            vector(p + "attn_q_a_norm.weight", s.query_rank, 1, 0.1F);
            matrix(p + "attn_q_b.weight", DataType::q8_0, {s.query_rank, s.heads * D}, 1);
            matrix(p + "attn_kv.weight", DataType::q8_0, {E, D}, 1);
            vector(p + "attn_kv_a_norm.weight", D, 1, 0.1F);
            vector(p + "attn_sinks.weight", s.heads, 0, 1);
            matrix(p + "attn_output_a.weight", DataType::q8_0, {D * s.heads / s.output_groups, low},
                   1);
            matrix(p + "attn_output_b.weight", DataType::q8_0, {low, E}, 1);
            if (ratio != 0) {
                const std::int64_t w = (ratio == 4 ? 2 : 1) * D;
                matrix(p + "attn_compressor_ape.weight", DataType::f16, {w, ratio}, 5);
                matrix(p + "attn_compressor_kv.weight", DataType::f16, {E, w}, 1);
                matrix(p + "attn_compressor_gate.weight", DataType::f16, {E, w}, 1.5F);
                vector(p + "attn_compressor_norm.weight", D, 1, 0.1F);
            }
            if (ratio == 4) {
                const std::int64_t I = s.index_width;
                matrix(p + "indexer.attn_q_b.weight", DataType::f16,
                       {s.query_rank, s.index_heads * I}, 1);
                matrix(p + "indexer.proj.weight", DataType::f16, {E, s.index_heads}, 1);
                matrix(p + "indexer_compressor_ape.weight", DataType::f16, {2 * I, ratio}, 5);
                matrix(p + "indexer_compressor_kv.weight", DataType::f16, {E, 2 * I}, 1);
                matrix(p + "indexer_compressor_gate.weight", DataType::f16, {E, 2 * I}, 1.5F);
                vector(p + "indexer_compressor_norm.weight", I, 1, 0.1F);
            }
            vector(p + "ffn_norm.weight", E, 1, 0.1F);
            matrix(p + "ffn_gate_inp.weight", DataType::f16, {E, s.experts}, 1.5F);
            if (s.bias && static_cast<int>(layer) >= s.hash_layers)
                vector(p + "exp_probs_b.bias", s.experts, 0, 0.15F);
            if (static_cast<int>(layer) < s.hash_layers) {
                std::vector<std::int32_t> table;
                for (int token = 0; token < s.vocabulary; ++token)
                    for (int k = 0; k < s.experts_used; ++k)
                        table.push_back((token * 7 + k * 3 + static_cast<int>(layer)) % s.experts);
                gguf_.tensor(p + "ffn_gate_tid2eid.weight", DataType::i32,
                             {s.experts_used, s.vocabulary}, std::as_bytes(std::span(table)));
            }
            const SyntheticShape::Routed types = s.routed[layer % s.routed.size()];
            const std::int64_t F = s.expert_width;
            matrix(p + "ffn_gate_exps.weight", types.gate_up, {E, F, s.experts}, 3);
            matrix(p + "ffn_up_exps.weight", types.gate_up, {E, F, s.experts}, 3);
            matrix(p + "ffn_down_exps.weight", types.down, {F, E, s.experts}, 0.1F);
            matrix(p + "ffn_gate_shexp.weight", DataType::q8_0, {E, F}, 3);
            matrix(p + "ffn_up_shexp.weight", DataType::q8_0, {E, F}, 3);
            matrix(p + "ffn_down_shexp.weight", DataType::q8_0, {F, E}, 0.1F);
        }
        matrix("output_hc_fn.weight", DataType::f16, {CE, s.streams}, 1);
        vector("output_hc_scale.weight", 1, 0.9F, 0);
        vector("output_hc_base.weight", s.streams, 0, 0.5F);
        vector("output_norm.weight", E, 1, 0.1F);
        matrix("output.weight", DataType::q8_0, {E, s.vocabulary}, 3);
        return gguf_.build();
    }

private:
    float uniform() { return static_cast<float>(random_() % 65536U) / 32768.0F - 1.0F; }

    void vector(const std::string& name, std::int64_t length, float mean, float spread) {
        std::vector<float> values(static_cast<std::size_t>(length));
        for (float& value : values) value = mean + spread * uniform();
        gguf_.tensor(name, DataType::f32, {length}, std::as_bytes(std::span(values)));
    }

    // Random valid blocks whose values have a standard deviation of about gain / sqrt(in).
    void matrix(const std::string& name, DataType type, std::vector<std::int64_t> dims,
                float gain) {
        std::int64_t rows = 1;
        for (std::size_t i = 1; i < dims.size(); ++i) rows *= dims[i];
        const float deviation = gain / std::sqrt(static_cast<float>(dims[0]));
        GgufBytes bytes(static_cast<std::size_t>(rows * row_bytes(type, dims[0])));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_() & 255U);
        const auto put_half = [&](std::size_t at, float value) {
            const std::uint16_t half = f32_to_f16(value);
            std::memcpy(bytes.data() + at, &half, 2);
        };
        const auto block = static_cast<std::size_t>(traits_of(type).block_bytes);
        for (std::size_t at = 0; at < bytes.size(); at += block) {
            const float vary = 1.0F + 0.25F * uniform();
            switch (type) {
                case DataType::f16:
                    put_half(at, 1.73F * deviation * uniform());
                    break;
                case DataType::q8_0:
                    put_half(at, vary * deviation / 74.0F);
                    break;
                case DataType::iq2_xxs:
                    put_half(at, vary * deviation / 53.0F);
                    break;
                case DataType::q2_k:
                    put_half(at + 80, vary * deviation / 10.0F);
                    put_half(at + 82, vary * deviation * 0.15F);
                    break;
                case DataType::q4_k:
                    put_half(at, vary * deviation / 170.0F);
                    put_half(at + 2, vary * deviation * 7.5F / 170.0F);
                    break;
                default:
                    std::abort();
            }
        }
        gguf_.tensor(name, type, dims, bytes);
    }

    SyntheticShape s_;
    std::mt19937 random_;
    GgufWriter gguf_;
};

}  // namespace starglass::test

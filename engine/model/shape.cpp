// SPDX-License-Identifier: MIT
#include "model/shape.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>

namespace starglass {
namespace {

// Sizes that no tensor of the file confirms could otherwise ask for any amount of memory. Far
// above every published shape, far below what would hurt.
constexpr std::uint32_t kLayersMax = 4096;
constexpr std::uint32_t kWindowMax = 1U << 20;
constexpr std::uint32_t kTopKMax = 1U << 20;
constexpr std::uint32_t kStreamsMax = 16;
constexpr std::uint32_t kSinkhornMax = 1000;
constexpr std::uint32_t kSizeMax = 1U << 24;
constexpr std::int64_t kRatioMax = 1 << 16;

constexpr int kHadamardMin = 32;  // one FP4 group
constexpr int kFp8Group = 64;

Status read_size(const Gguf& gguf, const char* name, std::uint32_t max, int& out) {
    const std::string key = std::string("deepseek4.") + name;
    TRY(const std::uint32_t value, gguf.require_u32(key));
    if (value == 0 || value > max)
        return fail(ErrorCode::invalid_input, "metadata key '{}' is {}; it must be 1 to {}", key,
                    value, max);
    out = static_cast<int>(value);
    return {};
}

Status read_float(const Gguf& gguf, const char* name, bool positive, float& out) {
    const std::string key = std::string("deepseek4.") + name;
    TRY(const float value, gguf.require_f32_like(key));
    if (positive ? !(value > 0.0F) : !(value >= 0.0F))
        return fail(ErrorCode::invalid_input, "metadata key '{}' is {}; it must be {}", key, value,
                    positive ? "positive" : "zero or positive");
    out = value;
    return {};
}

Status reject(const char* key, const std::string& reason) {
    return fail(ErrorCode::unsupported, "metadata key 'deepseek4.{}' {}", key, reason);
}

Status check_constraints(const ModelShape& s) {
    if (s.rotary % 2 != 0)
        return reject("rope.dimension_count", fmt::format("is {}; it must be even", s.rotary));
    if (s.rotary > s.head_width || s.rotary > s.index_width)
        return reject("rope.dimension_count",
                      fmt::format("is {}; it must not exceed the key length {} or the indexer's {}",
                                  s.rotary, s.head_width, s.index_width));
    if ((s.head_width - s.rotary) % kFp8Group != 0)
        return reject("attention.key_length",
                      fmt::format("is {}; without the {} rotary values it must be a multiple of {}",
                                  s.head_width, s.rotary, kFp8Group));
    if (!std::has_single_bit(static_cast<unsigned>(s.index_width)) || s.index_width < kHadamardMin)
        return reject("attention.indexer.key_length",
                      fmt::format("is {}; it must be a power of two of at least {}", s.index_width,
                                  kHadamardMin));
    if (s.heads % s.output_groups != 0)
        return reject("attention.output_group_count",
                      fmt::format("is {}; it must divide the {} heads", s.output_groups, s.heads));
    if (s.experts_used > s.experts)
        return reject("expert_used_count", fmt::format("is {}, but there are only {} experts",
                                                       s.experts_used, s.experts));
    // Products of these sizes are bounded by tensors, but they are computed before a tensor is
    // seen, so keep them inside 31 bits first.
    const auto fits = [](std::int64_t a, std::int64_t b) { return a * b < (1LL << 31); };
    if (!fits(s.heads, s.head_width))
        return reject(
            "attention.head_count",
            fmt::format("is {}; times the key length {} it is too large", s.heads, s.head_width));
    if (!fits(s.index_heads, s.index_width))
        return reject("attention.indexer.head_count",
                      fmt::format("is {}; it is too large", s.index_heads));
    if (!fits(s.output_groups, s.output_rank))
        return reject("attention.output_lora_rank",
                      fmt::format("is {}; times the {} groups it is too large", s.output_rank,
                                  s.output_groups));
    if (!fits(s.streams, s.embedding))
        return reject("embedding_length", fmt::format("is {}; it is too large", s.embedding));
    return {};
}

}  // namespace

Result<ModelShape> ModelShape::read(const Gguf& gguf) {
    ModelShape s;
    TRY(const std::string_view architecture, gguf.require_string("general.architecture"));
    if (architecture != "deepseek4")
        return fail(ErrorCode::unsupported,
                    "metadata key 'general.architecture' is '{}'; this program runs 'deepseek4' "
                    "models only",
                    printable(architecture));
    TRY_STATUS(read_size(gguf, "block_count", kLayersMax, s.layers));
    TRY_STATUS(read_size(gguf, "embedding_length", kSizeMax, s.embedding));
    TRY_STATUS(read_size(gguf, "vocab_size", kSizeMax, s.vocabulary));
    TRY_STATUS(read_size(gguf, "attention.head_count", kSizeMax, s.heads));
    int kv_heads = 0;
    TRY_STATUS(read_size(gguf, "attention.head_count_kv", kSizeMax, kv_heads));
    if (kv_heads != 1)
        return fail(ErrorCode::unsupported,
                    "metadata key 'deepseek4.attention.head_count_kv' is {}; it must be 1",
                    kv_heads);
    TRY_STATUS(read_size(gguf, "attention.key_length", kSizeMax, s.head_width));
    int value_width = 0;
    TRY_STATUS(read_size(gguf, "attention.value_length", kSizeMax, value_width));
    if (value_width != s.head_width)
        return fail(
            ErrorCode::unsupported,
            "metadata key 'deepseek4.attention.value_length' is {}, but the key length is {}; "
            "they must be equal",
            value_width, s.head_width);
    TRY_STATUS(read_size(gguf, "rope.dimension_count", kSizeMax, s.rotary));
    TRY_STATUS(read_size(gguf, "attention.q_lora_rank", kSizeMax, s.query_rank));
    TRY_STATUS(read_size(gguf, "attention.output_lora_rank", kSizeMax, s.output_rank));
    TRY_STATUS(read_size(gguf, "attention.output_group_count", kSizeMax, s.output_groups));
    TRY_STATUS(read_size(gguf, "expert_count", kSizeMax, s.experts));
    TRY_STATUS(read_size(gguf, "expert_used_count", kSizeMax, s.experts_used));
    TRY_STATUS(read_size(gguf, "expert_feed_forward_length", kSizeMax, s.expert_width));
    int shared = 0;
    TRY_STATUS(read_size(gguf, "expert_shared_count", kSizeMax, shared));
    if (shared != 1)
        return fail(ErrorCode::unsupported,
                    "metadata key 'deepseek4.expert_shared_count' is {}; it must be 1", shared);
    TRY(const std::uint32_t hash_layers, gguf.require_u32("deepseek4.hash_layer_count"));
    if (hash_layers > static_cast<std::uint32_t>(s.layers))
        return fail(ErrorCode::invalid_input,
                    "metadata key 'deepseek4.hash_layer_count' is {}, but there are only {} layers",
                    hash_layers, s.layers);
    s.hash_layers = static_cast<int>(hash_layers);
    for (const char* key : {"deepseek4.expert_group_count", "deepseek4.expert_group_used_count"}) {
        if (!gguf.has(key)) continue;
        TRY(const std::uint32_t groups, gguf.require_u32(key));
        if (groups > 1)
            return fail(ErrorCode::unsupported,
                        "metadata key '{}' is {}; expert groups are not part of this architecture",
                        key, groups);
    }
    TRY_STATUS(read_size(gguf, "attention.sliding_window", kWindowMax, s.window));
    TRY_STATUS(read_size(gguf, "attention.indexer.head_count", kSizeMax, s.index_heads));
    TRY_STATUS(read_size(gguf, "attention.indexer.key_length", kSizeMax, s.index_width));
    TRY_STATUS(read_size(gguf, "attention.indexer.top_k", kTopKMax, s.index_top_k));
    TRY_STATUS(read_size(gguf, "hyper_connection.count", kStreamsMax, s.streams));
    TRY_STATUS(read_size(gguf, "hyper_connection.sinkhorn_iterations", kSinkhornMax, s.sinkhorn));
    TRY_STATUS(read_float(gguf, "hyper_connection.epsilon", false, s.hyper_epsilon));
    TRY_STATUS(read_float(gguf, "attention.layer_norm_rms_epsilon", false, s.epsilon));
    TRY_STATUS(read_float(gguf, "rope.freq_base", true, s.rope_base));
    TRY_STATUS(read_float(gguf, "rope.scaling.factor", true, s.rope_scale));
    TRY_STATUS(read_float(gguf, "rope.scaling.yarn_beta_fast", true, s.rope_beta_fast));
    TRY_STATUS(read_float(gguf, "rope.scaling.yarn_beta_slow", true, s.rope_beta_slow));
    TRY_STATUS(read_float(gguf, "attention.compress_rope_freq_base", true, s.compress_rope_base));
    TRY_STATUS(read_float(gguf, "expert_weights_scale", true, s.expert_scale));
    TRY(const std::uint64_t original,
        gguf.require_u64_or_u32("deepseek4.rope.scaling.original_context_length"));
    if (original == 0 || original > (1ULL << 40))
        return fail(
            ErrorCode::invalid_input,
            "metadata key 'deepseek4.rope.scaling.original_context_length' is {}; it must be "
            "1 to 2^40",
            original);
    s.rope_original_context = static_cast<std::int64_t>(original);
    TRY(const bool normed, gguf.require_boolean("deepseek4.expert_weights_norm"));
    if (!normed)
        return fail(ErrorCode::unsupported,
                    "metadata key 'deepseek4.expert_weights_norm' is false; only normalised expert "
                    "weights are supported");
    if (const auto context = gguf.u64_or_u32("deepseek4.context_length"))
        s.context_length = static_cast<std::int64_t>(std::min<std::uint64_t>(*context, 1ULL << 40));

    TRY(const GgufInts ratios, gguf.require_ints("deepseek4.attention.compress_ratios"));
    TRY(const GgufFloats clamps, gguf.require_floats("deepseek4.swiglu_clamp_exp"));
    if (ratios.size() < static_cast<std::uint64_t>(s.layers))
        return fail(
            ErrorCode::invalid_input,
            "metadata key 'deepseek4.attention.compress_ratios' has {} entries for {} layers",
            ratios.size(), s.layers);
    if (clamps.size() < static_cast<std::uint64_t>(s.layers))
        return fail(ErrorCode::invalid_input,
                    "metadata key 'deepseek4.swiglu_clamp_exp' has {} entries for {} layers",
                    clamps.size(), s.layers);
    for (int layer = 0; layer < s.layers; ++layer) {
        const std::int64_t ratio = ratios[static_cast<std::uint64_t>(layer)];
        if (ratio < 0 || ratio > kRatioMax)
            return fail(
                ErrorCode::invalid_input,
                "metadata key 'deepseek4.attention.compress_ratios' has {} for layer {}; it "
                "must be 0 to {}",
                ratio, layer, kRatioMax);
        s.ratio.push_back(static_cast<int>(ratio));
        const double clamp = clamps[static_cast<std::uint64_t>(layer)];
        if (!std::isfinite(clamp))
            return fail(
                ErrorCode::invalid_input,
                "metadata key 'deepseek4.swiglu_clamp_exp' is not a finite number for layer {}",
                layer);
        s.clamp.push_back(static_cast<float>(clamp));
    }
    TRY_STATUS(check_constraints(s));
    return s;
}

RopeParams ModelShape::rope(int layer_ratio) const {
    RopeParams params;
    params.rotary = rotary;
    if (layer_ratio == 0) {
        params.base = rope_base;
        return params;
    }
    params.base = compress_rope_base;
    params.scale = rope_scale;
    if (rope_scale <= 1.0F) return params;
    // Pair index at which a wavelength fits `beta` times into the original context
    // (model spec section 3.3).
    const auto pair = [&](float beta) {
        return static_cast<double>(rotary) *
               std::log(static_cast<double>(rope_original_context) /
                        (static_cast<double>(beta) * 2.0 * std::numbers::pi)) /
               (2.0 * std::log(static_cast<double>(compress_rope_base)));
    };
    params.yarn = true;
    params.low = static_cast<float>(std::max(0.0, std::floor(pair(rope_beta_fast))));
    params.high = static_cast<float>(
        std::min(static_cast<double>(rotary - 1), std::ceil(pair(rope_beta_slow))));
    return params;
}

}  // namespace starglass

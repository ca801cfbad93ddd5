// SPDX-License-Identifier: MIT
#include "model/decode_bytes.h"

#include <algorithm>
#include <cassert>

namespace starglass {
namespace {

std::int64_t bytes_of(const Weight& weight) {
    return weight ? weight.row_size() * weight.out * weight.count : 0;
}

// One row of a table.
std::int64_t row_of(const Weight& table) {
    return table ? table.row_size() : 0;
}

std::int64_t floats(const float* vector, std::int64_t length) {
    return vector != nullptr ? length * static_cast<std::int64_t>(sizeof(float)) : 0;
}

std::int64_t dense_bytes(const ModelShape& s, const LayerWeights& w, bool index_scores) {
    const std::int64_t E = s.embedding;
    std::int64_t total = 0;
    for (const Weight* weight :
         {&w.hc_attn_fn, &w.q_a, &w.q_b, &w.kv, &w.output_a, &w.output_b, &w.compressor_kv,
          &w.compressor_gate, &w.index_compressor_kv, &w.index_compressor_gate, &w.hc_ffn_fn,
          &w.router, &w.gate_shared, &w.up_shared, &w.down_shared})
        total += bytes_of(*weight);
    if (index_scores) total += bytes_of(w.index_q_b) + bytes_of(w.index_proj);
    total += row_of(w.compressor_ape) + row_of(w.index_compressor_ape);
    total += floats(w.hc_attn_scale, 3) + floats(w.hc_attn_base, s.hyper_mix()) +
             floats(w.hc_ffn_scale, 3) + floats(w.hc_ffn_base, s.hyper_mix()) +
             floats(w.attn_norm, E) + floats(w.ffn_norm, E) + floats(w.q_a_norm, s.query_rank) +
             floats(w.kv_norm, s.head_width) + floats(w.sinks, s.heads) +
             floats(w.compressor_norm, s.head_width) +
             floats(w.index_compressor_norm, s.index_width);
    if (w.hash_table != nullptr)
        total += static_cast<std::int64_t>(s.experts_used) * 4;
    else
        total += floats(w.router_bias, s.experts);
    return total;
}

}  // namespace

DecodeBytes decode_bytes(const ModelShape& shape, const ModelWeights& weights,
                         std::span<const LayerStateShape> state, std::int64_t position) {
    assert(state.size() == weights.layers.size());
    DecodeBytes result;
    result.dense = row_of(weights.embedding) + bytes_of(weights.head.hc_fn) +
                   floats(weights.head.hc_scale, 1) + floats(weights.head.hc_base, shape.streams) +
                   floats(weights.head.norm, shape.embedding) + bytes_of(weights.output);
    for (std::size_t index = 0; index < state.size(); ++index) {
        const LayerWeights& w = weights.layers[index];
        const LayerStateShape& layer = state[index];
        const std::int64_t visible = layer.ratio == 0 ? 0 : (position + 1) / layer.ratio;
        const bool scored = layer.indexed && visible > shape.index_top_k;
        result.dense += dense_bytes(shape, w, scored);
        for (const Weight* experts : {&w.gate_experts, &w.up_experts, &w.down_experts})
            result.routed += bytes_of(*experts) / shape.experts * shape.experts_used;
        const std::int64_t attended =
            std::min<std::int64_t>(position + 1, shape.window) +
            (scored ? static_cast<std::int64_t>(shape.index_top_k) : visible);
        result.kv += attended * layer.kv_row.stride;
        if (scored) result.kv += visible * layer.index_row.stride;
    }
    return result;
}

}  // namespace starglass

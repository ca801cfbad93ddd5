// SPDX-License-Identifier: MIT
//
// Every weight and vector of a model that each token needs, once and in a fixed order: all but
// routed experts. For whoever moves them somewhere else and changes where they are said to be.
#pragma once

#include "model/shape.h"
#include "model/weights.h"

namespace starglass {

// `to` has weight(Weight&), vector(const float*&, count) and table(const std::int32_t*&, columns,
// rows), each of which returns a Status and is called for what is not there too. Errors: theirs.
template <class Visitor>
Status walk_layer(Visitor& to, const ModelShape& s, LayerWeights& w) {
    const std::int64_t mix = s.hyper_mix();
    TRY_STATUS(to.weight(w.hc_attn_fn));
    TRY_STATUS(to.vector(w.hc_attn_scale, 3));
    TRY_STATUS(to.vector(w.hc_attn_base, mix));
    TRY_STATUS(to.vector(w.attn_norm, s.embedding));
    TRY_STATUS(to.weight(w.q_a));
    TRY_STATUS(to.vector(w.q_a_norm, s.query_rank));
    TRY_STATUS(to.weight(w.q_b));
    TRY_STATUS(to.weight(w.kv));
    TRY_STATUS(to.vector(w.kv_norm, s.head_width));
    TRY_STATUS(to.vector(w.sinks, s.heads));
    TRY_STATUS(to.weight(w.output_a));
    TRY_STATUS(to.weight(w.output_b));
    TRY_STATUS(to.weight(w.compressor_ape));
    TRY_STATUS(to.weight(w.compressor_kv));
    TRY_STATUS(to.weight(w.compressor_gate));
    TRY_STATUS(to.vector(w.compressor_norm, s.head_width));
    TRY_STATUS(to.weight(w.index_q_b));
    TRY_STATUS(to.weight(w.index_proj));
    TRY_STATUS(to.weight(w.index_compressor_ape));
    TRY_STATUS(to.weight(w.index_compressor_kv));
    TRY_STATUS(to.weight(w.index_compressor_gate));
    TRY_STATUS(to.vector(w.index_compressor_norm, s.index_width));
    TRY_STATUS(to.weight(w.hc_ffn_fn));
    TRY_STATUS(to.vector(w.hc_ffn_scale, 3));
    TRY_STATUS(to.vector(w.hc_ffn_base, mix));
    TRY_STATUS(to.vector(w.ffn_norm, s.embedding));
    TRY_STATUS(to.weight(w.router));
    TRY_STATUS(to.vector(w.router_bias, s.experts));
    TRY_STATUS(to.table(w.hash_table, s.experts_used, s.vocabulary));
    TRY_STATUS(to.weight(w.gate_shared));
    TRY_STATUS(to.weight(w.up_shared));
    return to.weight(w.down_shared);
}

template <class Visitor>
Status walk_shared_weights(Visitor& to, const ModelShape& shape, ModelWeights& weights) {
    TRY_STATUS(to.weight(weights.embedding));
    TRY_STATUS(to.weight(weights.head.hc_fn));
    TRY_STATUS(to.vector(weights.head.hc_scale, 1));
    TRY_STATUS(to.vector(weights.head.hc_base, shape.streams));
    TRY_STATUS(to.vector(weights.head.norm, shape.embedding));
    TRY_STATUS(to.weight(weights.output));
    for (LayerWeights& layer : weights.layers) TRY_STATUS(walk_layer(to, shape, layer));
    return {};
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "model/forward.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numeric>

namespace starglass {
namespace {

using Shape = std::span<const std::int64_t>;

void trace(const ForwardHooks& hooks, std::string_view name, int layer, std::int64_t position,
           std::initializer_list<std::int64_t> shape, const float* values) {
    if (!hooks.trace) return;
    std::int64_t count = 1;
    for (const std::int64_t dim : shape) count *= dim;
    hooks.trace(name, layer, position, Shape(shape.begin(), shape.size()),
                {values, static_cast<std::size_t>(count)});
}

// Slots [first, first+count) of the group being filled, as they are before anything is in them.
void empty_slots(const LayerStateShape& shape, std::int64_t first, std::int64_t count,
                 std::vector<float>& kv, std::vector<float>& score) {
    const std::int64_t slots = static_cast<std::int64_t>(shape.coff) * shape.ratio;
    const std::int64_t columns = static_cast<std::int64_t>(kv.size()) / slots;
    const std::int64_t begin = ((shape.coff == 2 ? shape.ratio : 0) + first) * columns;
    std::fill_n(kv.begin() + begin, count * columns, 0.0F);
    std::fill_n(score.begin() + begin, count * columns, kEmptyScore);
}

}  // namespace

void Forward::Undo::keep(const LayerState& layer, std::int64_t first, std::int64_t rows) {
    if (layer.shape.ratio == 0) return;
    slot = first % layer.shape.ratio;
    filled = rows;
    copied = slot + rows >= layer.shape.ratio;
    if (!copied) return;
    // Assigned, not rebuilt: the buffers keep their room from token to token.
    kv = layer.frontier_kv;
    score = layer.frontier_score;
    index_kv = layer.index_frontier_kv;
    index_score = layer.index_frontier_score;
}

void Forward::Undo::restore(LayerState& layer) const {
    if (layer.shape.ratio == 0) return;
    if (copied) {
        layer.frontier_kv = kv;
        layer.frontier_score = score;
        layer.index_frontier_kv = index_kv;
        layer.index_frontier_score = index_score;
        return;
    }
    empty_slots(layer.shape, slot, filled, layer.frontier_kv, layer.frontier_score);
    if (layer.shape.indexed)
        empty_slots(layer.shape, slot, filled, layer.index_frontier_kv, layer.index_frontier_score);
}

std::vector<LayerStateShape> layer_state_shapes(const ModelShape& shape, Rounding rounding) {
    std::vector<LayerStateShape> result;
    const bool packed = rounding == Rounding::model;
    for (const int ratio : shape.ratio) {
        LayerStateShape layer;
        layer.ratio = ratio;
        layer.coff = ModelShape::coff(ratio);
        layer.indexed = ModelShape::indexed(ratio);
        layer.kv_row = packed ? RowLayout::kv(shape.head_width, shape.rotary)
                              : RowLayout::plain(shape.head_width);
        layer.index_row =
            packed ? RowLayout::index(shape.index_width) : RowLayout::plain(shape.index_width);
        layer.kv_width = shape.head_width;
        layer.index_width = shape.index_width;
        result.push_back(layer);
    }
    return result;
}

Forward::Forward(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
                 Rounding rounding)
    : shape_(shape), weights_(weights), backend_(backend), rounding_(rounding) {
}

float* Forward::room(std::vector<float>& buffer, std::int64_t count) {
    if (buffer.size() < static_cast<std::size_t>(count))
        buffer.resize(static_cast<std::size_t>(count));
    return buffer.data();
}

Status Forward::run(std::span<const std::int32_t> tokens, KvState& state,
                    const ForwardHooks& hooks) {
    const int rows = static_cast<int>(tokens.size());
    const std::int64_t first = state.positions();
    state.reserve_batch(rows);
    const std::int64_t stream_size = static_cast<std::int64_t>(shape_.streams) * shape_.embedding;
    room(h_, rows * stream_size);
    backend_.run(Embed{.table = weights_.embedding,
                       .tokens = tokens.data(),
                       .rows = rows,
                       .streams = shape_.streams,
                       .y = h_.data()});
    if (hooks.trace) {
        float* one = room(u_, static_cast<std::int64_t>(rows) * shape_.embedding);
        for (int row = 0; row < rows; ++row)
            std::copy_n(h_.data() + row * stream_size, shape_.embedding,
                        one + static_cast<std::int64_t>(row) * shape_.embedding);
        trace(hooks, "embed", -1, first, {rows, shape_.embedding}, one);
    }
    TRY_STATUS(run_layers(0, shape_.layers, tokens, state, h_, hooks));
    state.advance(first + rows);
    last_rows_ = rows;
    return {};
}

Status Forward::run_layers(int first_layer, int last_layer, std::span<const std::int32_t> tokens,
                           KvState& state, std::vector<float>& h, const ForwardHooks& hooks) {
    const std::int64_t first = state.positions();
    // Layers already run have folded this batch into their frontiers; to cancel is to put these
    // back. Everything else they wrote lies beyond `positions` and is written again.
    undo_.resize(static_cast<std::size_t>(last_layer - first_layer));
    for (int index = first_layer; index < last_layer; ++index) {
        LayerState& layer = state.layer(index);
        if (hooks.cancel != nullptr) {
            if (hooks.cancel->cancelled()) {
                for (int done = first_layer; done < index; ++done)
                    undo_[static_cast<std::size_t>(done - first_layer)].restore(state.layer(done));
                return fail(ErrorCode::cancelled, "stopped at the caller's request");
            }
            undo_[static_cast<std::size_t>(index - first_layer)].keep(
                layer, first, static_cast<std::int64_t>(tokens.size()));
        }
        const auto at = static_cast<std::size_t>(index);
        const LayerWeights& weights = weights_.layers[at];
        run_layer({weights, index, shape_.ratio[at], shape_.clamp[at], weights.hash_table}, tokens,
                  first, layer, state.raw_ring(index), h, hooks);
    }
    return {};
}

void Forward::run_layer(const LayerPlace& place, std::span<const std::int32_t> tokens,
                        std::int64_t first_position, LayerState& state, RowRing raw,
                        std::vector<float>& h, const ForwardHooks& hooks) {
    attention_half(place, first_position, static_cast<int>(tokens.size()), state, raw, h, hooks);
    ffn_half(place, tokens, first_position, h, hooks);
}

void Forward::gather(const Weight& fn, const float* scale, const float* base,
                     const std::vector<float>& h, int rows) {
    const std::int64_t C = shape_.streams;
    backend_.run(HyperPre{.h = h.data(),
                          .fn = fn,
                          .scale = scale,
                          .base = base,
                          .rows = rows,
                          .streams = shape_.streams,
                          .dim = shape_.embedding,
                          .sinkhorn = shape_.sinkhorn,
                          .epsilon = shape_.epsilon,
                          .hyper_epsilon = shape_.hyper_epsilon,
                          .u = room(u_, static_cast<std::int64_t>(rows) * shape_.embedding),
                          .post = room(post_, rows * C),
                          .comb = room(comb_, rows * C * C)});
}

void Forward::spread(std::vector<float>& h, int rows) {
    room(h_next_, static_cast<std::int64_t>(rows) * shape_.streams * shape_.embedding);
    backend_.run(HyperPost{h.data(), block_out_.data(), post_.data(), comb_.data(), rows,
                           shape_.streams, shape_.embedding, h_next_.data()});
    std::swap(h, h_next_);
}

void Forward::attention_half(const LayerPlace& place, std::int64_t first_position, int rows,
                             LayerState& state, RowRing raw, std::vector<float>& h,
                             const ForwardHooks& hooks) {
    const LayerWeights& w = place.weights;
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    const int D = shape_.head_width;
    const int H = shape_.heads;
    const RopeParams rope = shape_.rope(place.ratio);

    positions_.resize(static_cast<std::size_t>(rows));
    std::iota(positions_.begin(), positions_.end(), first_position);

    gather(w.hc_attn_fn, w.hc_attn_scale, w.hc_attn_base, h, rows);
    trace(hooks, "hc_attn_post", place.layer, first_position, {rows, C}, post_.data());
    trace(hooks, "hc_attn_comb", place.layer, first_position, {rows, C, C}, comb_.data());

    const float* x = room(x_, rows * E);
    backend_.run(RmsNorm{u_.data(), w.attn_norm, x_.data(), rows, E, shape_.epsilon});
    trace(hooks, "attn_norm", place.layer, first_position, {rows, E}, x);

    // Queries: low rank, then per head.
    const std::int64_t LQ = shape_.query_rank;
    room(z_, rows * LQ);
    backend_.run(MatMul{w.q_a, x, z_.data(), rows});
    backend_.run(RmsNorm{z_.data(), w.q_a_norm, z_.data(), rows, LQ, shape_.epsilon});
    room(q_, static_cast<std::int64_t>(rows) * H * D);
    backend_.run(MatMul{w.q_b, z_.data(), q_.data(), rows});
    backend_.run(RmsNorm{q_.data(), nullptr, q_.data(), static_cast<std::int64_t>(rows) * H, D,
                         shape_.epsilon});
    backend_.run(Rope{q_.data(), rows, H, D, positions_.data(), rope});
    trace(hooks, "q", place.layer, first_position, {rows, H, D}, q_.data());

    // The row that is key and value.
    room(kv_, static_cast<std::int64_t>(rows) * D);
    backend_.run(MatMul{w.kv, x, kv_.data(), rows});
    backend_.run(RmsNorm{kv_.data(), w.kv_norm, kv_.data(), rows, D, shape_.epsilon});
    backend_.run(Rope{kv_.data(), rows, 1, D, positions_.data(), rope});
    row_addresses_.clear();
    for (int row = 0; row < rows; ++row) row_addresses_.push_back(raw.row(first_position + row));
    backend_.run(EncodeRows{kv_.data(), rows, raw.layout, row_addresses_.data()});
    if (hooks.trace) {
        // The golden data show the row after the FP8 round trip and before f16 storage.
        std::vector<float> rounded(kv_.begin(),
                                   kv_.begin() + static_cast<std::ptrdiff_t>(rows) * D);
        if (rounding_ == Rounding::model)
            for (int row = 0; row < rows; ++row)
                fp8_round(rounded.data() + static_cast<std::ptrdiff_t>(row) * D, D - shape_.rotary);
        trace(hooks, "kv", place.layer, first_position, {rows, D}, rounded.data());
    }

    Attention attention{.q = q_.data(),
                        .sinks = w.sinks,
                        .first_position = first_position,
                        .rows = rows,
                        .heads = H,
                        .width = D,
                        .window = shape_.window,
                        .raw = raw,
                        .compressed = {},
                        .out = room(heads_, static_cast<std::int64_t>(rows) * H * D)};
    if (place.ratio != 0) {
        compress(place, first_position, rows, state, false);
        attention.ratio = place.ratio;
        attention.compressed = state.compressed.view();
        if (state.shape.indexed) {
            compress(place, first_position, rows, state, true);
            const std::int64_t visible = (first_position + rows) / place.ratio;
            if (visible > shape_.index_top_k) {
                const int IH = shape_.index_heads;
                const int ID = shape_.index_width;
                room(index_query_, static_cast<std::int64_t>(rows) * IH * ID);
                room(index_weights_, static_cast<std::int64_t>(rows) * IH);
                backend_.run(MatMul{w.index_q_b, z_.data(), index_query_.data(), rows});
                backend_.run(Rope{index_query_.data(), rows, IH, ID, positions_.data(), rope});
                backend_.run(
                    IndexQuery{index_query_.data(), rows, IH, ID, rounding_ == Rounding::model});
                backend_.run(MatMul{w.index_proj, x, index_weights_.data(), rows});
                selected_.resize(static_cast<std::size_t>(rows) * shape_.index_top_k);
                counts_.resize(static_cast<std::size_t>(rows));
                float* scores = nullptr;
                if (hooks.trace) {
                    scores = room(index_scores_, rows * visible);
                    std::fill_n(scores, rows * visible, std::nanf(""));
                }
                backend_.run(
                    IndexSelect{.query = index_query_.data(),
                                .weights = index_weights_.data(),
                                .weight_scale = 1.0F / std::sqrt(static_cast<float>(ID * IH)),
                                .keys = state.index.view(),
                                .first_position = first_position,
                                .rows = rows,
                                .heads = IH,
                                .ratio = place.ratio,
                                .top_k = shape_.index_top_k,
                                .selected = selected_.data(),
                                .counts = counts_.data(),
                                .scores = scores,
                                .score_stride = scores != nullptr ? visible : 0});
                attention.selected = selected_.data();
                attention.counts = counts_.data();
                attention.selected_stride = shape_.index_top_k;
                if (hooks.trace) {
                    trace(hooks, "index_scores", place.layer, first_position, {rows, visible},
                          scores);
                    std::vector<float> mask(static_cast<std::size_t>(rows * visible), 0.0F);
                    for (int row = 0; row < rows; ++row)
                        for (int k = 0; k < counts_[static_cast<std::size_t>(row)]; ++k)
                            mask[static_cast<std::size_t>(
                                row * visible + selected_[static_cast<std::size_t>(
                                                    row * shape_.index_top_k + k)])] = 1.0F;
                    trace(hooks, "index_selected", place.layer, first_position, {rows, visible},
                          mask.data());
                }
            }
        }
    }
    backend_.run(attention);
    trace(hooks, "heads", place.layer, first_position, {rows, H, D}, heads_.data());

    Rope back{heads_.data(), rows, H, D, positions_.data(), rope};
    back.inverse = true;
    backend_.run(back);
    room(low_, static_cast<std::int64_t>(rows) * shape_.output_groups * shape_.output_rank);
    backend_.run(MatMul{w.output_a, heads_.data(), low_.data(), rows, shape_.output_groups});
    room(block_out_, rows * E);
    backend_.run(MatMul{w.output_b, low_.data(), block_out_.data(), rows});
    trace(hooks, "attn_out", place.layer, first_position, {rows, E}, block_out_.data());

    spread(h, rows);
    trace(hooks, "hc_after_attn", place.layer, first_position, {rows, C, E}, h.data());
}

void Forward::compress(const LayerPlace& place, std::int64_t first_position, int rows,
                       LayerState& state, bool index) {
    const LayerWeights& w = place.weights;
    const int width = index ? shape_.index_width : shape_.head_width;
    const int coff = ModelShape::coff(place.ratio);
    const std::int64_t columns = static_cast<std::int64_t>(coff) * width;
    room(compress_kv_, rows * columns);
    room(compress_gate_, rows * columns);
    backend_.run(MatMul{index ? w.index_compressor_kv : w.compressor_kv, x_.data(),
                        compress_kv_.data(), rows});
    backend_.run(MatMul{index ? w.index_compressor_gate : w.compressor_gate, x_.data(),
                        compress_gate_.data(), rows});
    const std::int64_t first_row = first_position / place.ratio;
    const std::int64_t emitted = (first_position + rows) / place.ratio - first_row;
    room(pooled_, std::max<std::int64_t>(emitted, 1) * width);
    backend_.run(Compress{
        .kv = compress_kv_.data(),
        .gate = compress_gate_.data(),
        .ape = index ? w.index_compressor_ape : w.compressor_ape,
        .first_position = first_position,
        .rows = rows,
        .ratio = place.ratio,
        .coff = coff,
        .width = width,
        .frontier_kv = (index ? state.index_frontier_kv : state.frontier_kv).data(),
        .frontier_score = (index ? state.index_frontier_score : state.frontier_score).data(),
        .out = pooled_.data()});
    if (emitted == 0) return;
    backend_.run(RmsNorm{pooled_.data(), index ? w.index_compressor_norm : w.compressor_norm,
                         pooled_.data(), emitted, width, shape_.epsilon});
    // A row is rotated at the first token of its own group.
    group_positions_.resize(static_cast<std::size_t>(emitted));
    for (std::int64_t row = 0; row < emitted; ++row)
        group_positions_[static_cast<std::size_t>(row)] = (first_row + row) * place.ratio;
    backend_.run(
        Rope{pooled_.data(), emitted, 1, width, group_positions_.data(), shape_.rope(place.ratio)});
    PagedRows& rows_store = index ? state.index : state.compressed;
    rows_store.prepare(first_row, emitted, row_addresses_);
    backend_.run(
        EncodeRows{pooled_.data(), emitted, rows_store.layout(), row_addresses_.data(), index});
}

void Forward::ffn_half(const LayerPlace& place, std::span<const std::int32_t> tokens,
                       std::int64_t first_position, std::vector<float>& h,
                       const ForwardHooks& hooks) {
    const LayerWeights& w = place.weights;
    const int rows = static_cast<int>(tokens.size());
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    const int K = shape_.experts_used;

    gather(w.hc_ffn_fn, w.hc_ffn_scale, w.hc_ffn_base, h, rows);
    room(x_, rows * E);
    backend_.run(RmsNorm{u_.data(), w.ffn_norm, x_.data(), rows, E, shape_.epsilon});
    trace(hooks, "ffn_norm", place.layer, first_position, {rows, E}, x_.data());

    room(router_logits_, static_cast<std::int64_t>(rows) * shape_.experts);
    backend_.run(MatMul{w.router, x_.data(), router_logits_.data(), rows});
    router_selected_.resize(static_cast<std::size_t>(rows) * K);
    room(router_weights_, static_cast<std::int64_t>(rows) * K);
    backend_.run(Router{.logits = router_logits_.data(),
                        .bias = place.hash_table != nullptr ? nullptr : w.router_bias,
                        .table = place.hash_table,
                        .tokens = tokens.data(),
                        .rows = rows,
                        .experts = shape_.experts,
                        .used = K,
                        .scale = shape_.expert_scale,
                        .selected = router_selected_.data(),
                        .weights = router_weights_.data()});
    if (hooks.routing)
        hooks.routing(place.layer, first_position, rows,
                      {router_selected_.data(), static_cast<std::size_t>(rows) * K},
                      {router_weights_.data(), static_cast<std::size_t>(rows) * K});
    if (hooks.trace) {
        const std::vector<float> ids(router_selected_.begin(), router_selected_.end());
        trace(hooks, "router_sel", place.layer, first_position, {rows, K}, ids.data());
        trace(hooks, "router_w", place.layer, first_position, {rows, K}, router_weights_.data());
    }

    room(block_out_, rows * E);
    room(shared_out_, rows * E);
    backend_.run(RoutedExperts{.x = x_.data(),
                               .selected = router_selected_.data(),
                               .weights = router_weights_.data(),
                               .gate = w.gate_experts,
                               .up = w.up_experts,
                               .down = w.down_experts,
                               .rows = rows,
                               .used = K,
                               .clamp = place.clamp,
                               .y = block_out_.data()});
    trace(hooks, "ffn_moe", place.layer, first_position, {rows, E}, block_out_.data());
    backend_.run(SharedExpert{x_.data(), w.gate_shared, w.up_shared, w.down_shared, rows,
                              place.clamp, shared_out_.data()});
    trace(hooks, "ffn_shared", place.layer, first_position, {rows, E}, shared_out_.data());
    backend_.run(Add{shared_out_.data(), block_out_.data(), rows * E});

    spread(h, rows);
    trace(hooks, "hc_after_ffn", place.layer, first_position, {rows, C, E}, h.data());
}

void Forward::head(const HeadWeights& head, std::span<const float> h, int rows,
                   std::span<float> out) {
    const std::int64_t E = shape_.embedding;
    room(head_in_, rows * E);
    backend_.run(HyperHead{.h = h.data(),
                           .fn = head.hc_fn,
                           .scale = head.hc_scale,
                           .base = head.hc_base,
                           .rows = rows,
                           .streams = shape_.streams,
                           .dim = E,
                           .epsilon = shape_.epsilon,
                           .hyper_epsilon = shape_.hyper_epsilon,
                           .v = head_in_.data()});
    backend_.run(RmsNorm{head_in_.data(), head.norm, head_in_.data(), rows, E, shape_.epsilon});
    backend_.run(MatMul{weights_.output, head_in_.data(), out.data(), rows});
}

std::span<const float> Forward::streams(int row) const {
    assert(row >= 0 && row < last_rows_);
    const auto size = static_cast<std::size_t>(shape_.streams) * shape_.embedding;
    return {h_.data() + static_cast<std::size_t>(row) * size, size};
}

void Forward::logits(int row, std::span<float> out) {
    assert(out.size() == static_cast<std::size_t>(shape_.vocabulary));
    head(weights_.head, streams(row), 1, out);
}

}  // namespace starglass

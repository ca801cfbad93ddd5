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

// Hands on values that are already on the host.
void show(const ForwardHooks& hooks, std::string_view name, int layer, std::int64_t position,
          std::initializer_list<std::int64_t> shape, std::span<const float> values) {
    hooks.trace(name, layer, position, Shape(shape.begin(), shape.size()), values);
}

// Slots [first, first+count) of the group being filled, as they are before anything is in them.
void empty_slots(Backend& backend, const LayerStateShape& shape, std::int64_t first,
                 std::int64_t count, const WorkingState::Frontier& frontier) {
    const std::int64_t slots = static_cast<std::int64_t>(shape.coff) * shape.ratio;
    const std::int64_t columns = frontier.values / slots;
    const std::int64_t begin = ((shape.coff == 2 ? shape.ratio : 0) + first) * columns;
    std::vector<float> values(static_cast<std::size_t>(count * columns), 0.0F);
    backend.write(frontier.kv + begin, values.data(), values.size() * sizeof(float));
    std::fill(values.begin(), values.end(), kEmptyScore);
    backend.write(frontier.score + begin, values.data(), values.size() * sizeof(float));
}

// Rows a batch completes in a layer.
std::int64_t emitted_rows(std::int64_t first_position, std::int64_t rows, int ratio) {
    return (first_position + rows) / ratio - first_position / ratio;
}

}  // namespace

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
                 Rounding rounding, const WeightFeeds& feeds)
    : shape_(shape),
      weights_(weights),
      backend_(backend),
      rounding_(rounding),
      experts_(feeds.experts),
      embedding_(feeds.embedding),
      h_(backend),
      h_next_(backend),
      u_(backend),
      post_(backend),
      comb_(backend),
      x_(backend),
      z_(backend),
      q_(backend),
      kv_(backend),
      heads_(backend),
      low_(backend),
      block_out_(backend),
      compressor_(backend),
      index_compressor_(backend),
      index_query_(backend),
      index_weights_(backend),
      index_scores_(backend),
      router_logits_(backend),
      shared_out_(backend),
      head_in_(backend),
      logits_(backend),
      top_ids_(backend),
      top_values_(backend),
      top_rest_(backend),
      selected_(backend),
      counts_(backend),
      routing_(backend) {
}

// --- scratch -----------------------------------------------------------------------------------

Status Forward::prepare(int rows, WorkingState& state, const ForwardHooks& hooks) {
    const std::int64_t n = rows;
    const std::int64_t E = shape_.embedding;
    const std::int64_t C = shape_.streams;
    const std::int64_t D = shape_.head_width;
    TRY_STATUS(h_next_.reserve(n * C * E));
    TRY_STATUS(u_.reserve(n * E));
    TRY_STATUS(post_.reserve(n * C));
    TRY_STATUS(comb_.reserve(n * C * C));
    TRY_STATUS(x_.reserve(n * E));
    TRY_STATUS(z_.reserve(n * shape_.query_rank));
    TRY_STATUS(q_.reserve(n * shape_.heads * D));
    TRY_STATUS(kv_.reserve(n * D));
    TRY_STATUS(heads_.reserve(n * shape_.heads * D));
    TRY_STATUS(low_.reserve(n * shape_.output_groups * shape_.output_rank));
    TRY_STATUS(block_out_.reserve(n * E));
    TRY_STATUS(shared_out_.reserve(n * E));
    TRY_STATUS(router_logits_.reserve(n * shape_.experts));
    routed_layers_ = state.layers();
    TRY_STATUS(routing_.reserve(routed_layers_ * n * shape_.experts_used *
                                static_cast<std::int64_t>(sizeof(std::int32_t) + sizeof(float))));

    const std::int64_t first = state.positions();
    const std::int64_t IH = shape_.index_heads;
    const std::int64_t ID = shape_.index_width;
    for (int layer = 0; layer < state.layers(); ++layer) {
        const LayerStateShape& at = state.shape(layer);
        if (at.ratio == 0) continue;
        const std::int64_t emitted = std::max<std::int64_t>(emitted_rows(first, n, at.ratio), 1);
        const auto reserve = [&](CompressorScratch& scratch, std::int64_t width) -> Status {
            TRY_STATUS(scratch.kv.reserve(n * at.coff * width));
            TRY_STATUS(scratch.gate.reserve(n * at.coff * width));
            return scratch.pooled.reserve(emitted * width);
        };
        TRY_STATUS(reserve(compressor_, D));
        if (!at.indexed) continue;
        TRY_STATUS(reserve(index_compressor_, ID));
        const std::int64_t visible = (first + n) / at.ratio;
        if (visible <= shape_.index_top_k) continue;
        TRY_STATUS(index_query_.reserve(n * IH * ID));
        TRY_STATUS(index_weights_.reserve(n * IH));
        TRY_STATUS(selected_.reserve(n * shape_.index_top_k));
        TRY_STATUS(counts_.reserve(n));
        if (hooks.trace) TRY_STATUS(index_scores_.reserve(n * visible));
    }
    if (hooks.cancel != nullptr || experts_ != nullptr) TRY_STATUS(prepare_undo(n, state));
    looking_ = {};
    return state.prepare(rows);
}

Status Forward::prepare_top(const LogitsSummary& top) {
    const auto kept = std::min<std::int64_t>(top.k, shape_.vocabulary);
    TRY_STATUS(head_in_.reserve(shape_.embedding));
    TRY_STATUS(logits_.reserve(shape_.vocabulary));
    TRY_STATUS(top_ids_.reserve(kept));
    TRY_STATUS(top_values_.reserve(kept));
    return top_rest_.reserve(1);
}

Status Forward::prepare_undo(std::int64_t rows, WorkingState& state) {
    for (int layer = 0; layer < state.layers(); ++layer) {
        if (undo_.size() <= static_cast<std::size_t>(layer)) undo_.emplace_back(backend_);
        Undo& undo = undo_[static_cast<std::size_t>(layer)];
        const LayerStateShape& at = state.shape(layer);
        if (at.ratio == 0) continue;
        undo.slot = state.positions() % at.ratio;
        undo.filled = rows;
        undo.copied = undo.slot + rows >= at.ratio;
        if (!undo.copied) continue;
        const std::int64_t slots = static_cast<std::int64_t>(at.coff) * at.ratio * at.coff;
        TRY_STATUS(undo.kv.reserve(slots * at.kv_width));
        TRY_STATUS(undo.score.reserve(slots * at.kv_width));
        if (!at.indexed) continue;
        TRY_STATUS(undo.index_kv.reserve(slots * at.index_width));
        TRY_STATUS(undo.index_score.reserve(slots * at.index_width));
    }
    return {};
}

void Forward::keep(int layer, WorkingState& state) {
    const LayerStateShape& at = state.shape(layer);
    const Undo& undo = undo_[static_cast<std::size_t>(layer)];
    if (at.ratio == 0 || !undo.copied) return;
    for (const bool index : {false, true}) {
        if (index && !at.indexed) continue;
        const WorkingState::Frontier from = state.frontier(layer, index);
        const auto bytes = static_cast<std::size_t>(from.values) * sizeof(float);
        backend_.copy((index ? undo.index_kv : undo.kv).data(), from.kv, bytes);
        backend_.copy((index ? undo.index_score : undo.score).data(), from.score, bytes);
    }
}

void Forward::put_back(int layer, WorkingState& state) {
    const LayerStateShape& at = state.shape(layer);
    const Undo& undo = undo_[static_cast<std::size_t>(layer)];
    if (at.ratio == 0) return;
    for (const bool index : {false, true}) {
        if (index && !at.indexed) continue;
        const WorkingState::Frontier to = state.frontier(layer, index);
        if (!undo.copied) {
            empty_slots(backend_, at, undo.slot, undo.filled, to);
            continue;
        }
        const auto bytes = static_cast<std::size_t>(to.values) * sizeof(float);
        backend_.copy(to.kv, (index ? undo.index_kv : undo.kv).data(), bytes);
        backend_.copy(to.score, (index ? undo.index_score : undo.score).data(), bytes);
    }
}

// --- what the host sees ------------------------------------------------------------------------

template <class T>
std::span<const T> Forward::look(const T* values, std::int64_t count) {
    const auto size = static_cast<std::size_t>(count);
    if (backend_.host_memory()) return {values, size};
    if (!looking_) return {};
    looked_at_.resize(size * sizeof(T));
    looking_ = backend_.read(looked_at_.data(), values, looked_at_.size());
    if (!looking_) return {};
    return {reinterpret_cast<const T*>(looked_at_.data()), size};
}

void Forward::trace(const ForwardHooks& hooks, std::string_view name, int layer,
                    std::int64_t position, std::initializer_list<std::int64_t> shape,
                    const float* values) {
    if (!hooks.trace) return;
    std::int64_t count = 1;
    for (const std::int64_t dim : shape) count *= dim;
    const std::span<const float> seen = look(values, count);
    if (looking_) show(hooks, name, layer, position, shape, seen);
}

std::int32_t* Forward::selected_experts(int state_layer, int rows) const {
    return reinterpret_cast<std::int32_t*>(routing_.data()) +
           static_cast<std::int64_t>(state_layer) * rows * shape_.experts_used;
}

float* Forward::expert_weights(int state_layer, int rows) const {
    return reinterpret_cast<float*>(selected_experts(routed_layers_, rows)) +
           static_cast<std::int64_t>(state_layer) * rows * shape_.experts_used;
}

// --- a batch -----------------------------------------------------------------------------------

Status Forward::run(std::span<const std::int32_t> tokens, WorkingState& state,
                    const ForwardHooks& hooks) {
    const int rows = static_cast<int>(tokens.size());
    const std::int64_t first = state.positions();
    const std::int64_t stream_size = static_cast<std::int64_t>(shape_.streams) * shape_.embedding;
    last_rows_ = 0;
    TRY_STATUS(h_.reserve(rows * stream_size));
    TRY_STATUS(prepare(rows, state, hooks));
    if (hooks.top != nullptr) TRY_STATUS(prepare_top(*hooks.top));
    Weight table = weights_.embedding;
    std::span<const std::int32_t> table_rows = tokens;
    if (embedding_ != nullptr) {
        TRY(table, embedding_->gather(tokens));
        row_numbers_.resize(tokens.size());
        std::iota(row_numbers_.begin(), row_numbers_.end(), 0);
        table_rows = row_numbers_;
    }
    if (experts_ != nullptr) {
        TRY_STATUS(experts_->begin_batch(first, rows));
        announce_experts(tokens);
    }
    backend_.run(Embed{.table = table,
                       .tokens = table_rows.data(),
                       .rows = rows,
                       .streams = shape_.streams,
                       .y = h_.data()});
    if (hooks.trace) {
        const std::span<const float> all = look(h_.data(), rows * stream_size);
        std::vector<float> one;
        for (std::int64_t row = 0; row < rows && looking_; ++row) {
            const auto at = all.begin() + row * stream_size;
            one.insert(one.end(), at, at + shape_.embedding);
        }
        if (looking_) show(hooks, "embed", -1, first, {rows, shape_.embedding}, one);
    }
    Status status = run_layers(0, shape_.layers, tokens, state, h_, hooks);
    if (experts_ != nullptr) {
        // Given up already when it failed or was cancelled.
        const bool failed = experts_->failed();
        const Status ended = experts_->end_batch(status.has_value());
        if (failed) return ended;
    }
    if (!status && status.error().code == ErrorCode::cancelled) return status;
    // A batch is the unit: what went wrong in it is known before its positions count.
    if (status) status = finish_batch(first, rows, hooks);
    if (!status) {
        state.abandon();
        return status;
    }
    state.advance(first + rows);
    last_rows_ = rows;
    return {};
}

Status Forward::finish_batch(std::int64_t first_position, int rows, const ForwardHooks& hooks) {
    std::array<Reading, 4> readings;
    std::size_t count = 0;
    const auto frame =
        static_cast<std::size_t>(rows) * static_cast<std::size_t>(shape_.experts_used);
    const std::size_t experts = frame * static_cast<std::size_t>(routed_layers_);
    const std::byte* routing = routing_.data();
    if (hooks.routing && !backend_.host_memory()) {
        looked_at_.resize(experts * (sizeof(std::int32_t) + sizeof(float)));
        readings[count++] = {looked_at_.data(), routing, looked_at_.size()};
        routing = looked_at_.data();
    }
    if (hooks.top != nullptr) {
        LogitsSummary& top = *hooks.top;
        const std::int64_t row = rows - 1;
        give_head(weights_.head, h_.data() + row * shape_.streams * shape_.embedding, 1,
                  logits_.data());
        const TopLogits op{.logits = logits_.data(),
                           .rows = 1,
                           .vocabulary = shape_.vocabulary,
                           .k = top.k,
                           .temperature = top.temperature,
                           .ids = top_ids_.data(),
                           .values = top_values_.data(),
                           .rest = top_rest_.data()};
        backend_.run(op);
        const auto kept = static_cast<std::size_t>(op.kept());
        top.vocabulary = shape_.vocabulary;
        top.ids.resize(kept);
        top.values.resize(kept);
        readings[count++] = {top.ids.data(), op.ids, kept * sizeof top.ids[0]};
        readings[count++] = {top.values.data(), op.values, kept * sizeof top.values[0]};
        readings[count++] = {&top.rest, op.rest, sizeof top.rest};
    }
    TRY_STATUS(backend_.read_all(std::span(readings).first(count)));
    if (!hooks.routing) return {};
    const auto* const ids = reinterpret_cast<const std::int32_t*>(routing);
    const auto* const weights = reinterpret_cast<const float*>(ids + experts);
    for (int layer = 0; layer < shape_.layers; ++layer) {
        const std::size_t at = frame * static_cast<std::size_t>(layer);
        hooks.routing(layer, first_position, rows, {ids + at, frame}, {weights + at, frame});
    }
    return {};
}

Status Forward::run_layers(int first_layer, int last_layer, std::span<const std::int32_t> tokens,
                           WorkingState& state, BackendArray<float>& h, const ForwardHooks& hooks) {
    // Layers already run have folded this batch into their frontiers; to give it up is to put these
    // back. Everything else they wrote lies beyond `positions` and is written again.
    const auto give_up = [&](int end) {
        for (int done = first_layer; done < end; ++done) put_back(done, state);
    };
    for (int index = first_layer; index < last_layer; ++index) {
        if (hooks.cancel != nullptr && hooks.cancel->cancelled()) {
            give_up(index);
            return fail(ErrorCode::cancelled, "stopped at the caller's request");
        }
        if (hooks.cancel != nullptr || experts_ != nullptr) keep(index, state);
        const auto at = static_cast<std::size_t>(index);
        const LayerWeights& weights = weights_.layers[at];
        run_layer({weights, index, index, shape_.ratio[at], shape_.clamp[at], weights.hash_table},
                  tokens, state, h, hooks);
        if (experts_ != nullptr && experts_->failed()) {
            give_up(index + 1);
            return fail(ErrorCode::io, "experts of layer {} could not be read", index);
        }
    }
    return looking_;
}

void Forward::run_layer(const LayerPlace& place, std::span<const std::int32_t> tokens,
                        WorkingState& state, BackendArray<float>& h, const ForwardHooks& hooks) {
    attention_half(place, static_cast<int>(tokens.size()), state, h, hooks);
    ffn_half(place, tokens, state.positions(), h, hooks);
}

void Forward::gather(const Weight& fn, const float* scale, const float* base,
                     const BackendArray<float>& h, int rows, const Gathered& to) {
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
                          .u = to.u,
                          .post = to.post,
                          .comb = to.comb});
}

void Forward::spread(BackendArray<float>& h, int rows) {
    backend_.run(HyperPost{h.data(), block_out_.data(), post_.data(), comb_.data(), rows,
                           shape_.streams, shape_.embedding, h_next_.data()});
    std::swap(h, h_next_);
}

// Ops that do not need each other stand together, so that a backend may run them side by side.
void Forward::attention_half(const LayerPlace& place, int rows, WorkingState& state,
                             BackendArray<float>& h, const ForwardHooks& hooks) {
    const LayerWeights& w = place.weights;
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    const int D = shape_.head_width;
    const int H = shape_.heads;
    const int IH = shape_.index_heads;
    const int ID = shape_.index_width;
    const std::int64_t LQ = shape_.query_rank;
    const std::int64_t first_position = state.positions();
    const RopeParams rope = shape_.rope(place.ratio);
    const bool compressed = place.ratio != 0;
    const bool indexed = compressed && state.shape(place.state_layer).indexed;
    const std::int64_t visible = compressed ? (first_position + rows) / place.ratio : 0;
    const bool selecting = indexed && visible > shape_.index_top_k;

    positions_.resize(static_cast<std::size_t>(rows));
    std::iota(positions_.begin(), positions_.end(), first_position);

    gather(w.hc_attn_fn, w.hc_attn_scale, w.hc_attn_base, h, rows,
           {u_.data(), post_.data(), comb_.data()});
    trace(hooks, "hc_attn_post", place.layer, first_position, {rows, C}, post_.data());
    trace(hooks, "hc_attn_comb", place.layer, first_position, {rows, C, C}, comb_.data());

    const float* x = x_.data();
    backend_.run(RmsNorm{u_.data(), w.attn_norm, x_.data(), rows, E, shape_.epsilon});
    trace(hooks, "attn_norm", place.layer, first_position, {rows, E}, x);

    // All products of x: low rank queries, the row that is key and value, what is pooled, and how
    // the indexer weighs its heads.
    backend_.run(MatMul{w.q_a, x, z_.data(), rows});
    backend_.run(MatMul{w.kv, x, kv_.data(), rows});
    if (compressed) compress_project(place, rows, false);
    if (indexed) compress_project(place, rows, true);
    if (selecting) backend_.run(MatMul{w.index_proj, x, index_weights_.data(), rows});

    backend_.run(RmsNorm{z_.data(), w.q_a_norm, z_.data(), rows, LQ, shape_.epsilon});
    if (compressed) compress_pool(place, rows, state, false);
    if (indexed) compress_pool(place, rows, state, true);

    backend_.run(MatMul{w.q_b, z_.data(), q_.data(), rows});
    if (selecting) backend_.run(MatMul{w.index_q_b, z_.data(), index_query_.data(), rows});

    // A norm and the rotation behind it stand together: some backends do both at once.
    backend_.run(RmsNorm{kv_.data(), w.kv_norm, kv_.data(), rows, D, shape_.epsilon});
    backend_.run(Rope{kv_.data(), rows, 1, D, positions_.data(), rope});
    backend_.run(RmsNorm{q_.data(), nullptr, q_.data(), static_cast<std::int64_t>(rows) * H, D,
                         shape_.epsilon});
    backend_.run(Rope{q_.data(), rows, H, D, positions_.data(), rope});
    if (selecting) {
        backend_.run(Rope{index_query_.data(), rows, IH, ID, positions_.data(), rope});
        backend_.run(IndexQuery{index_query_.data(), rows, IH, ID, rounding_ == Rounding::model});
    }
    const RowRing raw = state.raw(place.state_layer);
    row_addresses_.clear();
    for (int row = 0; row < rows; ++row) row_addresses_.push_back(raw.row(first_position + row));
    backend_.run(EncodeRows{kv_.data(), rows, raw.layout, row_addresses_.data()});
    if (compressed) compress_emit(place, rows, state, false);
    if (indexed) compress_emit(place, rows, state, true);
    trace(hooks, "q", place.layer, first_position, {rows, H, D}, q_.data());
    if (hooks.trace) {
        // The golden data show the row after the FP8 round trip and before f16 storage.
        const std::span<const float> seen = look(kv_.data(), static_cast<std::int64_t>(rows) * D);
        std::vector<float> rounded(seen.begin(), seen.end());
        if (rounding_ == Rounding::model && looking_)
            for (int row = 0; row < rows; ++row)
                fp8_round(rounded.data() + static_cast<std::ptrdiff_t>(row) * D, D - shape_.rotary);
        if (looking_) show(hooks, "kv", place.layer, first_position, {rows, D}, rounded);
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
                        .out = heads_.data()};
    if (compressed) {
        attention.ratio = place.ratio;
        attention.compressed = state.rows(place.state_layer, false);
    }
    if (selecting) {
        select_rows(place, rows, visible, state, hooks);
        attention.selected = selected_.data();
        attention.counts = counts_.data();
        attention.selected_stride = shape_.index_top_k;
    }
    backend_.run(attention);
    trace(hooks, "heads", place.layer, first_position, {rows, H, D}, heads_.data());

    Rope back{heads_.data(), rows, H, D, positions_.data(), rope};
    back.inverse = true;
    backend_.run(back);
    backend_.run(MatMul{w.output_a, heads_.data(), low_.data(), rows, shape_.output_groups});
    backend_.run(MatMul{w.output_b, low_.data(), block_out_.data(), rows});
    trace(hooks, "attn_out", place.layer, first_position, {rows, E}, block_out_.data());

    spread(h, rows);
    trace(hooks, "hc_after_attn", place.layer, first_position, {rows, C, E}, h.data());
}

void Forward::select_rows(const LayerPlace& place, int rows, std::int64_t visible,
                          WorkingState& state, const ForwardHooks& hooks) {
    const int IH = shape_.index_heads;
    const int ID = shape_.index_width;
    const int K = shape_.index_top_k;
    const std::int64_t first_position = state.positions();
    float* scores = nullptr;
    if (hooks.trace) {
        scores = index_scores_.data();
        const std::vector<float> none(static_cast<std::size_t>(rows * visible), std::nanf(""));
        backend_.write(scores, none.data(), none.size() * sizeof(float));
    }
    backend_.run(IndexSelect{.query = index_query_.data(),
                             .weights = index_weights_.data(),
                             .weight_scale = 1.0F / std::sqrt(static_cast<float>(ID * IH)),
                             .keys = state.rows(place.state_layer, true),
                             .first_position = first_position,
                             .rows = rows,
                             .heads = IH,
                             .ratio = place.ratio,
                             .top_k = K,
                             .selected = selected_.data(),
                             .counts = counts_.data(),
                             .scores = scores,
                             .score_stride = scores != nullptr ? visible : 0});
    if (!hooks.trace) return;
    trace(hooks, "index_scores", place.layer, first_position, {rows, visible}, scores);
    const std::span<const std::int32_t> seen_counts = look(counts_.data(), rows);
    const std::vector<std::int32_t> counts(seen_counts.begin(), seen_counts.end());
    const std::span<const std::int32_t> selected =
        look(selected_.data(), static_cast<std::int64_t>(rows) * K);
    if (!looking_) return;
    std::vector<float> mask(static_cast<std::size_t>(rows * visible), 0.0F);
    for (int row = 0; row < rows; ++row)
        for (int k = 0; k < counts[static_cast<std::size_t>(row)]; ++k)
            mask[static_cast<std::size_t>(row * visible +
                                          selected[static_cast<std::size_t>(row * K + k)])] = 1.0F;
    show(hooks, "index_selected", place.layer, first_position, {rows, visible}, mask);
}

void Forward::compress_project(const LayerPlace& place, int rows, bool index) {
    const LayerWeights& w = place.weights;
    const CompressorScratch& scratch = index ? index_compressor_ : compressor_;
    backend_.run(MatMul{index ? w.index_compressor_kv : w.compressor_kv, x_.data(),
                        scratch.kv.data(), rows});
    backend_.run(MatMul{index ? w.index_compressor_gate : w.compressor_gate, x_.data(),
                        scratch.gate.data(), rows});
}

void Forward::compress_pool(const LayerPlace& place, int rows, WorkingState& state, bool index) {
    const CompressorScratch& scratch = index ? index_compressor_ : compressor_;
    const WorkingState::Frontier frontier = state.frontier(place.state_layer, index);
    backend_.run(
        Compress{.kv = scratch.kv.data(),
                 .gate = scratch.gate.data(),
                 .ape = index ? place.weights.index_compressor_ape : place.weights.compressor_ape,
                 .first_position = state.positions(),
                 .rows = rows,
                 .ratio = place.ratio,
                 .coff = ModelShape::coff(place.ratio),
                 .width = index ? shape_.index_width : shape_.head_width,
                 .frontier_kv = frontier.kv,
                 .frontier_score = frontier.score,
                 .out = scratch.pooled.data()});
}

void Forward::compress_emit(const LayerPlace& place, int rows, WorkingState& state, bool index) {
    const std::int64_t first_row = state.positions() / place.ratio;
    const std::int64_t emitted = emitted_rows(state.positions(), rows, place.ratio);
    if (emitted == 0) return;
    const LayerWeights& w = place.weights;
    const LayerStateShape& at = state.shape(place.state_layer);
    const int width = index ? shape_.index_width : shape_.head_width;
    float* const pooled = (index ? index_compressor_ : compressor_).pooled.data();
    backend_.run(RmsNorm{pooled, index ? w.index_compressor_norm : w.compressor_norm, pooled,
                         emitted, width, shape_.epsilon});
    // A row is rotated at the first token of its own group.
    group_positions_.resize(static_cast<std::size_t>(emitted));
    for (std::int64_t row = 0; row < emitted; ++row)
        group_positions_[static_cast<std::size_t>(row)] = (first_row + row) * place.ratio;
    backend_.run(
        Rope{pooled, emitted, 1, width, group_positions_.data(), shape_.rope(place.ratio)});
    state.append(place.state_layer, index, first_row, emitted, row_addresses_);
    backend_.run(EncodeRows{pooled, emitted, index ? at.index_row : at.kv_row,
                            row_addresses_.data(), index});
}

void Forward::ffn_half(const LayerPlace& place, std::span<const std::int32_t> tokens,
                       std::int64_t first_position, BackendArray<float>& h,
                       const ForwardHooks& hooks) {
    const LayerWeights& w = place.weights;
    const int rows = static_cast<int>(tokens.size());
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    const int K = shape_.experts_used;

    gather(w.hc_ffn_fn, w.hc_ffn_scale, w.hc_ffn_base, h, rows,
           {u_.data(), post_.data(), comb_.data()});
    backend_.run(RmsNorm{u_.data(), w.ffn_norm, x_.data(), rows, E, shape_.epsilon});
    trace(hooks, "ffn_norm", place.layer, first_position, {rows, E}, x_.data());

    std::int32_t* const selected = selected_experts(place.state_layer, rows);
    float* const weights = expert_weights(place.state_layer, rows);
    backend_.run(MatMul{w.router, x_.data(), router_logits_.data(), rows});
    backend_.run(Router{.logits = router_logits_.data(),
                        .bias = place.hash_table != nullptr ? nullptr : w.router_bias,
                        .table = place.hash_table,
                        .tokens = tokens.data(),
                        .rows = rows,
                        .experts = shape_.experts,
                        .used = K,
                        .scale = shape_.expert_scale,
                        .selected = selected,
                        .weights = weights});
    if (hooks.trace) {
        const std::span<const std::int32_t> seen =
            look(selected, static_cast<std::int64_t>(rows) * K);
        const std::vector<float> ids(seen.begin(), seen.end());
        if (looking_) show(hooks, "router_sel", place.layer, first_position, {rows, K}, ids);
        trace(hooks, "router_w", place.layer, first_position, {rows, K}, weights);
    }

    // Reading begins before the shared expert is computed.
    ExpertFeed* const experts = w.gate_experts.matrices != nullptr ? experts_ : nullptr;
    if (experts != nullptr && backend_.host_memory()) {
        experts->request(place.layer,
                         {selected, static_cast<std::size_t>(rows) * static_cast<std::size_t>(K)});
        predict_experts(place, tokens, h);
    }
    backend_.run(SharedExpert{x_.data(), w.gate_shared, w.up_shared, w.down_shared, rows,
                              place.clamp, shared_out_.data()});
    backend_.run(RoutedExperts{.x = x_.data(),
                               .selected = selected,
                               .weights = weights,
                               .gate = w.gate_experts,
                               .up = w.up_experts,
                               .down = w.down_experts,
                               .rows = rows,
                               .used = K,
                               .clamp = place.clamp,
                               .y = block_out_.data(),
                               .source = experts,
                               .layer = place.layer});
    trace(hooks, "ffn_moe", place.layer, first_position, {rows, E}, block_out_.data());
    trace(hooks, "ffn_shared", place.layer, first_position, {rows, E}, shared_out_.data());
    backend_.run(Add{shared_out_.data(), block_out_.data(), rows * E});

    spread(h, rows);
    trace(hooks, "hc_after_ffn", place.layer, first_position, {rows, C, E}, h.data());
}

void Forward::announce_experts(std::span<const std::int32_t> tokens) {
    if (!backend_.host_memory()) return;  // tables are not here
    const auto K = static_cast<std::size_t>(shape_.experts_used);
    for (int layer = 0; layer < shape_.layers; ++layer) {
        const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
        if (w.hash_table == nullptr || w.gate_experts.matrices == nullptr) continue;
        known_.clear();
        for (const std::int32_t token : tokens) {
            const std::int32_t* const row = w.hash_table + static_cast<std::size_t>(token) * K;
            known_.insert(known_.end(), row, row + K);
        }
        experts_->announce(layer, known_);
    }
}

// The streams as they enter this layer's feed-forward half are gathered, normed and routed as the
// next layer will do after its attention has changed them.
void Forward::predict_experts(const LayerPlace& place, std::span<const std::int32_t> tokens,
                              const BackendArray<float>& h) {
    const auto rows = static_cast<int>(tokens.size());
    const std::size_t next = static_cast<std::size_t>(place.layer) + 1;
    if (!experts_->predicts(rows) || next >= weights_.layers.size()) return;
    const LayerWeights& w = weights_.layers[next];
    // A layer that routes by token is known, not predicted.
    if (w.hash_table != nullptr || w.gate_experts.matrices == nullptr) return;
    const auto n = static_cast<std::size_t>(rows);
    const auto C = static_cast<std::size_t>(shape_.streams);
    guess_u_.resize(n * static_cast<std::size_t>(shape_.embedding));
    guess_post_.resize(n * C);
    guess_comb_.resize(n * C * C);
    guess_logits_.resize(n * static_cast<std::size_t>(shape_.experts));
    guess_weights_.resize(n * static_cast<std::size_t>(shape_.experts_used));
    guess_.resize(guess_weights_.size());
    gather(w.hc_ffn_fn, w.hc_ffn_scale, w.hc_ffn_base, h, rows,
           {guess_u_.data(), guess_post_.data(), guess_comb_.data()});
    backend_.run(RmsNorm{guess_u_.data(), w.ffn_norm, guess_u_.data(), rows, shape_.embedding,
                         shape_.epsilon});
    backend_.run(MatMul{w.router, guess_u_.data(), guess_logits_.data(), rows});
    backend_.run(Router{.logits = guess_logits_.data(),
                        .bias = w.router_bias,
                        .table = nullptr,
                        .tokens = tokens.data(),
                        .rows = rows,
                        .experts = shape_.experts,
                        .used = shape_.experts_used,
                        .scale = shape_.expert_scale,
                        .selected = guess_.data(),
                        .weights = guess_weights_.data()});
    experts_->predict(static_cast<int>(next), guess_);
}

void Forward::give_head(const HeadWeights& head, const float* h, int rows, float* logits) {
    const std::int64_t E = shape_.embedding;
    backend_.run(HyperHead{.h = h,
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
    backend_.run(MatMul{weights_.output, head_in_.data(), logits, rows});
}

Status Forward::head(const HeadWeights& head, const float* h, int rows, std::span<float> out) {
    const std::int64_t E = shape_.embedding;
    TRY_STATUS(head_in_.reserve(rows * E));
    float* logits = out.data();
    if (!backend_.host_memory()) {
        TRY_STATUS(logits_.reserve(static_cast<std::int64_t>(rows) * shape_.vocabulary));
        logits = logits_.data();
    }
    give_head(head, h, rows, logits);
    if (backend_.host_memory()) return {};
    return backend_.read(out.data(), logits, out.size_bytes());
}

const float* Forward::streams(int row) const {
    assert(row >= 0 && row < last_rows_);
    return h_.data() + static_cast<std::int64_t>(row) * shape_.streams * shape_.embedding;
}

Status Forward::logits(int first_row, std::span<float> out) {
    const auto rows = static_cast<int>(out.size() / static_cast<std::size_t>(shape_.vocabulary));
    assert(rows > 0 && first_row + rows <= last_rows_);
    assert(out.size() == static_cast<std::size_t>(rows) * shape_.vocabulary);
    return head(weights_.head, streams(first_row), rows, out);
}

Status Forward::read_logits(std::span<float> out) {
    assert(std::ssize(out) == shape_.vocabulary && logits_.size() >= shape_.vocabulary);
    return backend_.read(out.data(), logits_.data(), out.size_bytes());
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The forward pass (model spec sections 3 and 4) over a range of layers and a batch of tokens.
// What enters a range is the residual streams [tokens, C, E], what leaves it too: embedding and
// head are the ends of the whole range. One thread.
//
// Streams lie in the backend's memory (kernel/backend.h), as everything in between does; what
// leaves through spans, traces and hooks is on the host.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "kernel/backend.h"
#include "kernel/backend_array.h"
#include "kernel/table_feed.h"
#include "model/shape.h"
#include "model/weights.h"
#include "residency/working_state.h"

namespace starglass {

// Whether KV and indexer rows are rounded to codes (the model) or kept as f32 (debugging truth).
enum class Rounding { model, none };

// Named intermediates, [rows..., fastest]; layer -1 where there is none.
using TraceFn =
    std::function<void(std::string_view name, int layer, std::int64_t first_position,
                       std::span<const std::int64_t> shape, std::span<const float> values)>;
// Experts of one layer for a batch: [rows, used] each. Called for every layer after the last one.
using RoutingFn =
    std::function<void(int layer, std::int64_t first_position, int rows,
                       std::span<const std::int32_t> experts, std::span<const float> weights)>;

struct ForwardHooks {
    const CancelToken* cancel = nullptr;  // looked at between layers
    TraceFn trace;
    RoutingFn routing;
    // Logits of the last row are computed with the batch and chosen from where they lie; what comes
    // of it is read in the wait that ends the batch. All of them are then there for read_logits().
    LogitsSummary* top = nullptr;
};

// What a KvState must look like for layers of this model.
std::vector<LayerStateShape> layer_state_shapes(const ModelShape& shape, Rounding rounding);

// Where weights come from that are not all in memory; null where they are.
struct WeightFeeds {
    ExpertFeed* experts = nullptr;   // routed experts; their weights have Weight::matrices
    TableFeed* embedding = nullptr;  // rows of the embedding, for a backend in host memory
};

class Forward {
public:
    // `feeds` outlive the forward pass.
    Forward(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
            Rounding rounding, const WeightFeeds& feeds = {});

    // Runs `tokens` at positions state.positions().. through all layers and advances `state`.
    // Errors: cancelled, out_of_memory before anything began, or io when experts could not be
    // read: `state` is as it was before the call. What else the backend reports: the state fell
    // back (WorkingState::abandon).
    Status run(std::span<const std::int32_t> tokens, WorkingState& state,
               const ForwardHooks& hooks);

    // Logits of the rows from `first_row` of the last batch, as many as `out` [rows, V] takes.
    Status logits(int first_row, std::span<float> out);
    // Those that the last run() with ForwardHooks::top computed, [V], until the next run or head.
    Status read_logits(std::span<float> out);
    // The streams after the last layer from row `row` of the last batch on, [C, E] each.
    [[nodiscard]] const float* streams(int row) const;

    // Scratch and state for `rows` further positions; in front of the two below. Errors:
    // out_of_memory.
    Status prepare(int rows, WorkingState& state, const ForwardHooks& hooks);
    // One range of layers on streams already in place: h [rows, C, E] in and out. Errors:
    // cancelled, or io from `experts`: `state` is as it was; the backend's: the caller abandons
    // the state.
    Status run_layers(int first_layer, int last_layer, std::span<const std::int32_t> tokens,
                      WorkingState& state, BackendArray<float>& h, const ForwardHooks& hooks);

    // One layer with explicit weights and state (the MTP block is one more layer).
    struct LayerPlace {
        const LayerWeights& weights;
        int layer;        // for hooks
        int state_layer;  // of the WorkingState
        int ratio;
        float clamp;
        const std::int32_t* hash_table;
    };
    void run_layer(const LayerPlace& place, std::span<const std::int32_t> tokens,
                   WorkingState& state, BackendArray<float>& h, const ForwardHooks& hooks);
    // The head of section 3.10 on `rows` rows of streams: logits [rows, V].
    Status head(const HeadWeights& head, const float* h, int rows, std::span<float> out);

private:
    // What a layer's compressor, or its indexer's, works on.
    struct CompressorScratch {
        explicit CompressorScratch(Backend& backend)
            : kv(backend), gate(backend), pooled(backend) {}
        BackendArray<float> kv, gate, pooled;
    };
    // A layer's frontiers before the running batch, to put back when it is given up. Copied only
    // when a group becomes complete: until then a batch fills slots that were empty, and copying
    // would cost half a megabyte a layer and token.
    struct Undo {
        explicit Undo(Backend& backend)
            : kv(backend), score(backend), index_kv(backend), index_score(backend) {}
        std::int64_t slot = 0, filled = 0;
        bool copied = false;
        BackendArray<float> kv, score, index_kv, index_score;
    };

    void attention_half(const LayerPlace& place, int rows, WorkingState& state,
                        BackendArray<float>& h, const ForwardHooks& hooks);
    void ffn_half(const LayerPlace& place, std::span<const std::int32_t> tokens,
                  std::int64_t first_position, BackendArray<float>& h, const ForwardHooks& hooks);
    // The indexer's choice of compressed rows, into selected_ and counts_.
    void select_rows(const LayerPlace& place, int rows, std::int64_t visible, WorkingState& state,
                     const ForwardHooks& hooks);
    // A compressor in three steps, so that both of a layer run side by side.
    void compress_project(const LayerPlace& place, int rows, bool index);
    void compress_pool(const LayerPlace& place, int rows, WorkingState& state, bool index);
    void compress_emit(const LayerPlace& place, int rows, WorkingState& state, bool index);
    // What the router of the layer behind `place` would choose if its input were this layer's.
    void predict_experts(const LayerPlace& place, std::span<const std::int32_t> tokens,
                         const BackendArray<float>& h);
    // The streams into one input, with `post` and `comb` for the way back; and block_out_ over the
    // streams again.
    struct Gathered {
        float *u, *post, *comb;
    };
    void gather(const Weight& fn, const float* scale, const float* base,
                const BackendArray<float>& h, int rows, const Gathered& to);
    void spread(BackendArray<float>& h, int rows);

    // What experts_ may be told before the first layer runs.
    void announce_experts(std::span<const std::int32_t> tokens);
    Status prepare_top(const LogitsSummary& top);
    Status prepare_undo(std::int64_t rows, WorkingState& state);
    void keep(int layer, WorkingState& state);
    void put_back(int layer, WorkingState& state);

    // Values where the host can look at them, until the next call; empty when that failed, which
    // `looking_` then says.
    template <class T>
    std::span<const T> look(const T* values, std::int64_t count);
    void trace(const ForwardHooks& hooks, std::string_view name, int layer, std::int64_t position,
               std::initializer_list<std::int64_t> shape, const float* values);
    // The end of a batch: everything given has run, and what hooks want is on the host.
    Status finish_batch(std::int64_t first_position, int rows, const ForwardHooks& hooks);
    void give_head(const HeadWeights& head, const float* h, int rows, float* logits);
    [[nodiscard]] std::int32_t* selected_experts(int state_layer, int rows) const;
    [[nodiscard]] float* expert_weights(int state_layer, int rows) const;

    const ModelShape& shape_;
    const ModelWeights& weights_;
    Backend& backend_;
    Rounding rounding_;
    ExpertFeed* experts_;
    TableFeed* embedding_;

    // Scratch of a batch, grown to the largest batch seen and reused.
    BackendArray<float> h_, h_next_, u_, post_, comb_, x_, z_, q_, kv_, heads_, low_, block_out_;
    CompressorScratch compressor_, index_compressor_;
    BackendArray<float> index_query_, index_weights_, index_scores_;
    BackendArray<float> router_logits_, shared_out_, head_in_, logits_;
    BackendArray<std::int32_t> top_ids_;
    BackendArray<float> top_values_;
    BackendArray<TopLogitsRest> top_rest_;
    std::vector<float> guess_u_, guess_post_, guess_comb_, guess_logits_, guess_weights_;
    std::vector<std::int32_t> guess_, known_, row_numbers_;
    BackendArray<std::int32_t> selected_, counts_;
    // Experts of every layer, then their weights: [layers][rows, used] each, read in one go.
    BackendArray<std::byte> routing_;
    int routed_layers_ = 0;
    std::vector<std::int64_t> positions_, group_positions_;
    std::vector<std::byte*> row_addresses_;
    std::vector<Undo> undo_;  // by layer of the state
    std::vector<std::byte> looked_at_;
    Status looking_;
    int last_rows_ = 0;
};

}  // namespace starglass

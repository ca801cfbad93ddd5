// SPDX-License-Identifier: MIT
//
// The forward pass (model spec sections 3 and 4) over a range of layers and a batch of tokens.
// What enters a range is the residual streams [tokens, C, E], what leaves it too: embedding and
// head are the ends of the whole range. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "kernel/backend.h"
#include "model/shape.h"
#include "model/weights.h"
#include "residency/kv_state.h"

namespace starglass {

// Whether KV and indexer rows are rounded to codes (the model) or kept as f32 (debugging truth).
enum class Rounding { model, none };

// Named intermediates, [rows..., fastest]; layer -1 where there is none.
using TraceFn =
    std::function<void(std::string_view name, int layer, std::int64_t first_position,
                       std::span<const std::int64_t> shape, std::span<const float> values)>;
// Experts of one layer for a batch: [rows, used] each.
using RoutingFn =
    std::function<void(int layer, std::int64_t first_position, int rows,
                       std::span<const std::int32_t> experts, std::span<const float> weights)>;

struct ForwardHooks {
    const CancelToken* cancel = nullptr;  // looked at between layers
    TraceFn trace;
    RoutingFn routing;
};

// What a KvState must look like for layers of this model.
std::vector<LayerStateShape> layer_state_shapes(const ModelShape& shape, Rounding rounding);

class Forward {
public:
    Forward(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
            Rounding rounding);

    // Runs `tokens` at positions state.positions().. through all layers and advances `state`.
    // Errors: cancelled; `state` is then as it was before the call.
    Status run(std::span<const std::int32_t> tokens, KvState& state, const ForwardHooks& hooks);

    // Logits of row `row` of the last batch, [V], into `out`.
    void logits(int row, std::span<float> out);
    // The streams after the last layer for row `row` of the last batch, [C, E].
    [[nodiscard]] std::span<const float> streams(int row) const;

    // One range of layers on streams already in place: h [rows, C, E] in and out.
    Status run_layers(int first_layer, int last_layer, std::span<const std::int32_t> tokens,
                      KvState& state, std::vector<float>& h, const ForwardHooks& hooks);

    // One layer with explicit weights and state (the MTP block is one more layer).
    struct LayerPlace {
        const LayerWeights& weights;
        int layer;  // for hooks
        int ratio;
        float clamp;
        const std::int32_t* hash_table;
    };
    void run_layer(const LayerPlace& place, std::span<const std::int32_t> tokens,
                   std::int64_t first_position, LayerState& state, RowRing raw,
                   std::vector<float>& h, const ForwardHooks& hooks);
    // The head of section 3.10 on `rows` rows of streams: logits [rows, V].
    void head(const HeadWeights& head, std::span<const float> h, int rows, std::span<float> out);

private:
    void attention_half(const LayerPlace& place, std::int64_t first_position, int rows,
                        LayerState& state, RowRing raw, std::vector<float>& h,
                        const ForwardHooks& hooks);
    void ffn_half(const LayerPlace& place, std::span<const std::int32_t> tokens,
                  std::int64_t first_position, std::vector<float>& h, const ForwardHooks& hooks);
    void compress(const LayerPlace& place, std::int64_t first_position, int rows, LayerState& state,
                  bool index);
    // The streams into one input (u_, with post_ and comb_ for the way back), and block_out_
    // over the streams again.
    void gather(const Weight& fn, const float* scale, const float* base,
                const std::vector<float>& h, int rows);
    void spread(std::vector<float>& h, int rows);
    float* room(std::vector<float>& buffer, std::int64_t count);

    const ModelShape& shape_;
    const ModelWeights& weights_;
    Backend& backend_;
    Rounding rounding_;

    // Scratch of a batch, grown to the largest batch seen and reused.
    std::vector<float> h_, h_next_, u_, post_, comb_, x_, z_, q_, kv_, heads_, low_, block_out_;
    std::vector<float> compress_kv_, compress_gate_, pooled_;
    std::vector<float> index_query_, index_weights_, index_scores_;
    std::vector<float> router_logits_, router_weights_, shared_out_, head_in_;
    std::vector<std::int32_t> selected_, counts_, router_selected_;
    std::vector<std::int64_t> positions_, group_positions_;
    std::vector<std::byte*> row_addresses_;
    // A layer's frontiers before the running batch, to put back when it is cancelled. Copied only
    // when a group becomes complete: until then a batch fills slots that were empty, and copying
    // would cost half a megabyte a layer and token.
    struct Undo {
        void keep(const LayerState& layer, std::int64_t first, std::int64_t rows);
        void restore(LayerState& layer) const;

        std::int64_t slot = 0, filled = 0;
        bool copied = false;
        std::vector<float> kv, score, index_kv, index_score;
    };
    std::vector<Undo> undo_;
    int last_rows_ = 0;
};

}  // namespace starglass

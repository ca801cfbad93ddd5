// SPDX-License-Identifier: MIT
//
// The tokens a session has evaluated, the state they left, and the snapshots it can go back to.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/forward.h"
#include "residency/kv_state.h"

namespace starglass {

class Timeline {
public:
    struct Options {
        int chunk = 512;           // tokens per prefill batch
        std::int64_t context = 0;  // most tokens it will ever hold; bounds the raw window
        int snapshots_max = 8;
    };
    struct Hooks {
        const CancelToken* cancel = nullptr;
        TraceFn trace;
        RoutingFn routing;
        // After each batch: rows of it, and how many of `tokens` are done.
        std::function<void(std::int64_t first_position, int rows)> batch_done;
    };

    Timeline(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
             Rounding rounding, Options options);

    [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
    [[nodiscard]] std::int64_t bytes() const;
    [[nodiscard]] KvState& state() { return state_; }
    [[nodiscard]] Forward& forward() { return forward_; }

    // Tokens of `prompt` that need no evaluation: from the live state or a snapshot.
    [[nodiscard]] std::int64_t reusable(std::span<const std::int32_t> prompt) const;
    // Goes back (or stays) so that tokens() is a prefix of `prompt` of reusable() length.
    void rewind_for(std::span<const std::int32_t> prompt);

    // Evaluates further tokens in batches of at most `chunk` (0: the default). Stops with
    // `cancelled` between layers; what was complete stays.
    Status extend(std::span<const std::int32_t> tokens, int chunk, const Hooks& hooks);

    // Remembers the present state. Equal or too many snapshots replace the oldest.
    void remember();
    void clear();

private:
    struct Saved {
        std::vector<std::int32_t> tokens;
        KvState::Snapshot state;
    };
    [[nodiscard]] const Saved* best_snapshot(std::span<const std::int32_t> prompt) const;

    Options options_;
    KvState state_;
    Forward forward_;
    std::vector<std::int32_t> tokens_;
    std::deque<Saved> saved_;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The tokens a session has evaluated, the state they left, and the snapshots it can go back to.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cache/segment_file.h"
#include "model/forward.h"
#include "residency/working_state.h"

namespace starglass {

// Where a timeline's tokens come from and what they cost; travels with its snapshots.
struct TimelineHistory {
    double evaluate_seconds = 0;  // measured, for all of its tokens
    std::string checkpoint;       // the last one saved or loaded on the way, empty for none
    bool mixed = false;           // some of its rows came from other arithmetic
    std::vector<ChainId> chain;   // segments on disk that its first tokens were loaded from
};

class Timeline {
public:
    struct Options {
        int chunk = 512;           // tokens per prefill batch
        std::int64_t context = 0;  // most tokens it will ever hold; bounds the raw window
        int snapshots_max = 8;
        int chunk_max = 0;  // tokens of a batch whoever asks for more; 0: any
    };
    struct Hooks {
        const CancelToken* cancel = nullptr;
        TraceFn trace;
        RoutingFn routing;
        LogitsSummary* top = nullptr;  // of the last token (ForwardHooks::top)
        // After each batch: rows of it, and how many of `tokens` are done.
        std::function<void(std::int64_t first_position, int rows)> batch_done;
    };
    struct Saved {
        std::vector<std::int32_t> tokens;
        KvState::Snapshot state;
        TimelineHistory history;
    };

    Timeline(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
             Rounding rounding, Options options, const WeightFeeds& feeds = {});

    [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
    [[nodiscard]] std::int64_t bytes() const;
    [[nodiscard]] const KvState& state() const { return state_; }
    [[nodiscard]] KvState& state() { return state_; }
    [[nodiscard]] Forward& forward() { return forward_; }
    [[nodiscard]] TimelineHistory& history() { return history_; }
    [[nodiscard]] const TimelineHistory& history() const { return history_; }

    // Oldest first. A snapshot holds no logits.
    [[nodiscard]] const std::deque<Saved>& snapshots() const { return saved_; }
    void restore(const Saved& saved);
    // Takes over a state from elsewhere; snapshots stay.
    void install(std::vector<std::int32_t> tokens, const KvState::Snapshot& state,
                 TimelineHistory history);

    // Evaluates further tokens in batches of at most `chunk` (0: the default). Stops with
    // `cancelled` between layers; what was complete stays. After any other error of the backend
    // what only it had is gone, and the tokens end where the state does.
    Status extend(std::span<const std::int32_t> tokens, int chunk, const Hooks& hooks);

    // Remembers the present state. Equal or too many snapshots replace the oldest. Errors: as
    // KvState::snapshot; nothing changes.
    Status remember();
    // Back to nothing; snapshots stay.
    void restart();
    void clear();

private:
    Options options_;
    KvState state_;
    WorkingState working_;
    Forward forward_;
    std::vector<std::int32_t> tokens_;
    TimelineHistory history_;
    std::deque<Saved> saved_;
};

}  // namespace starglass

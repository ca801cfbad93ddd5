// SPDX-License-Identifier: MIT
#include "session/timeline.h"

#include <algorithm>
#include <chrono>

namespace starglass {

Timeline::Timeline(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
                   Rounding rounding, Options options, const WeightFeeds& feeds)
    : options_(options),
      state_(layer_state_shapes(shape, rounding),
             static_cast<int>(std::min<std::int64_t>(shape.window, options.context))),
      working_(state_, backend),
      forward_(shape, weights, backend, rounding, feeds) {
}

std::int64_t Timeline::bytes() const {
    std::int64_t total = state_.bytes() + working_.bytes();
    for (const Saved& saved : saved_) total += saved.state.bytes();
    return total;
}

void Timeline::restore(const Saved& saved) {
    state_.restore(saved.state);
    tokens_ = saved.tokens;
    history_ = saved.history;
}

void Timeline::install(std::vector<std::int32_t> tokens, const KvState::Snapshot& state,
                       TimelineHistory history) {
    state_.restore(state);
    tokens_ = std::move(tokens);
    history_ = std::move(history);
}

Status Timeline::extend(std::span<const std::int32_t> tokens, int chunk, const Hooks& hooks) {
    const int wanted = chunk > 0 ? chunk : options_.chunk;
    const auto step = static_cast<std::size_t>(
        options_.chunk_max > 0 ? std::min(wanted, options_.chunk_max) : wanted);
    for (std::size_t at = 0; at < tokens.size(); at += step) {
        const auto batch = tokens.subspan(at, std::min(step, tokens.size() - at));
        const std::int64_t first = state_.positions();
        const auto start = std::chrono::steady_clock::now();
        const bool last = at + batch.size() == tokens.size();
        Status status =
            forward_.run(batch, working_,
                         {hooks.cancel, hooks.trace, hooks.routing, last ? hooks.top : nullptr});
        if (!status) {
            if (state_.positions() < static_cast<std::int64_t>(tokens_.size()))
                tokens_.resize(static_cast<std::size_t>(state_.positions()));
            return status;
        }
        history_.evaluate_seconds +=
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        tokens_.insert(tokens_.end(), batch.begin(), batch.end());
        if (hooks.batch_done) hooks.batch_done(first, static_cast<int>(batch.size()));
    }
    return {};
}

Status Timeline::remember() {
    TRY(KvState::Snapshot state, state_.snapshot());
    for (auto saved = saved_.begin(); saved != saved_.end(); ++saved) {
        if (saved->tokens == tokens_) {
            saved_.erase(saved);
            break;
        }
    }
    while (!saved_.empty() && saved_.size() >= static_cast<std::size_t>(options_.snapshots_max))
        saved_.pop_front();
    saved_.push_back({tokens_, std::move(state), history_});
    return {};
}

void Timeline::restart() {
    state_.clear();
    tokens_.clear();
    history_ = {};
}

void Timeline::clear() {
    restart();
    saved_.clear();
}

}  // namespace starglass

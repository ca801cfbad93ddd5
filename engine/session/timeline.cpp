// SPDX-License-Identifier: MIT
#include "session/timeline.h"

#include <algorithm>

namespace starglass {
namespace {

bool is_prefix(std::span<const std::int32_t> prefix, std::span<const std::int32_t> whole) {
    return prefix.size() <= whole.size() && std::equal(prefix.begin(), prefix.end(), whole.begin());
}

}  // namespace

Timeline::Timeline(const ModelShape& shape, const ModelWeights& weights, Backend& backend,
                   Rounding rounding, Options options)
    : options_(options),
      state_(layer_state_shapes(shape, rounding),
             static_cast<int>(std::min<std::int64_t>(shape.window, options.context))),
      forward_(shape, weights, backend, rounding) {
}

std::int64_t Timeline::bytes() const {
    std::int64_t total = state_.bytes();
    for (const Saved& saved : saved_) total += saved.state.bytes();
    return total;
}

const Timeline::Saved* Timeline::best_snapshot(std::span<const std::int32_t> prompt) const {
    const Saved* best = nullptr;
    for (const Saved& saved : saved_) {
        // A snapshot holds no logits, so at least one token must be left to evaluate.
        if (saved.tokens.size() >= prompt.size() || !is_prefix(saved.tokens, prompt)) continue;
        if (best == nullptr || saved.tokens.size() > best->tokens.size()) best = &saved;
    }
    return best;
}

std::int64_t Timeline::reusable(std::span<const std::int32_t> prompt) const {
    if (is_prefix(tokens_, prompt)) {
        const Saved* saved = best_snapshot(prompt);
        const std::size_t further = saved != nullptr ? saved->tokens.size() : 0;
        return static_cast<std::int64_t>(std::max(tokens_.size(), further));
    }
    const Saved* saved = best_snapshot(prompt);
    return saved != nullptr ? static_cast<std::int64_t>(saved->tokens.size()) : 0;
}

void Timeline::rewind_for(std::span<const std::int32_t> prompt) {
    const bool live = is_prefix(tokens_, prompt);
    const Saved* saved = best_snapshot(prompt);
    if (live && (saved == nullptr || saved->tokens.size() <= tokens_.size())) return;
    if (saved != nullptr) {
        state_.restore(saved->state);
        tokens_ = saved->tokens;
        return;
    }
    state_.clear();
    tokens_.clear();
}

Status Timeline::extend(std::span<const std::int32_t> tokens, int chunk, const Hooks& hooks) {
    const auto step = static_cast<std::size_t>(chunk > 0 ? chunk : options_.chunk);
    for (std::size_t at = 0; at < tokens.size(); at += step) {
        const auto batch = tokens.subspan(at, std::min(step, tokens.size() - at));
        const std::int64_t first = state_.positions();
        TRY_STATUS(forward_.run(batch, state_, {hooks.cancel, hooks.trace, hooks.routing}));
        tokens_.insert(tokens_.end(), batch.begin(), batch.end());
        if (hooks.batch_done) hooks.batch_done(first, static_cast<int>(batch.size()));
    }
    return {};
}

void Timeline::remember() {
    for (auto saved = saved_.begin(); saved != saved_.end(); ++saved) {
        if (saved->tokens == tokens_) {
            saved_.erase(saved);
            break;
        }
    }
    while (!saved_.empty() && saved_.size() >= static_cast<std::size_t>(options_.snapshots_max))
        saved_.pop_front();
    saved_.push_back({tokens_, state_.snapshot()});
}

void Timeline::clear() {
    state_.clear();
    tokens_.clear();
    saved_.clear();
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Chooses the next token from logits (model spec section 7). Equal seeds and logits give equal
// tokens; the generator is xorshift64* with 24-bit uniforms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/session.h"
#include "kernel/top_logits.h"

namespace starglass {

class Sampler {
public:
    explicit Sampler(const SamplingOptions& options);

    // logits [V], finite. `greedy` overrides the temperature for this token (tool syntax).
    TokenId sample(std::span<const float> logits, bool greedy = false);

    // The token that all the logits would give, or nothing, and then the generator is as it was,
    // where what is known of them does not decide it: candidates may lie beyond the k best, or the
    // mass of top_p ends too close to a token to say on which side.
    std::optional<TokenId> sample(const LogitsSummary& top, bool greedy = false);
    // What to ask for (k and temperature), to show `alternatives` besides.
    [[nodiscard]] LogitsSummary wanted(int alternatives) const;

    static TokenId argmax(std::span<const float> logits);  // ties: lowest id

private:
    double uniform();
    TokenId sample_by_min_p(std::span<const float> logits, TokenId best);
    TokenId sample_sorted(std::span<const float> logits, TokenId best);
    // With candidates_ of what is kept; `beyond`: what is left out is less probable, 0 or below:
    // nothing of it can be drawn.
    std::optional<TokenId> sample_by_min_p(TokenId best, double beyond);
    std::optional<TokenId> sample_sorted(const LogitsSummary& top, double beyond);
    // Of candidates in the order they are drawn in, whose values sum up to `sum`.
    TokenId draw(std::size_t count, double sum);

    SamplingOptions options_;
    std::uint64_t state_;
    bool missed_ = false;                                // the k best did not decide a token
    std::vector<std::pair<float, TokenId>> candidates_;  // scratch
};

}  // namespace starglass

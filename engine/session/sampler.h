// SPDX-License-Identifier: MIT
//
// Chooses the next token from logits (model spec section 7). Equal seeds and logits give equal
// tokens; the generator is xorshift64* with 24-bit uniforms.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/session.h"

namespace starglass {

class Sampler {
public:
    explicit Sampler(const SamplingOptions& options);

    // logits [V], finite. `greedy` overrides the temperature for this token (tool syntax).
    TokenId sample(std::span<const float> logits, bool greedy = false);

    static TokenId argmax(std::span<const float> logits);  // ties: lowest id

private:
    double uniform();
    TokenId sample_by_min_p(std::span<const float> logits, TokenId best);
    TokenId sample_sorted(std::span<const float> logits, TokenId best);

    SamplingOptions options_;
    std::uint64_t state_;
    std::vector<std::pair<float, TokenId>> candidates_;  // scratch
};

}  // namespace starglass

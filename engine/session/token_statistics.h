// SPDX-License-Identifier: MIT
//
// What a distribution over the vocabulary looks like at temperature 1: for the inspector.
#pragma once

#include <span>
#include <vector>

#include "engine/session.h"
#include "kernel/top_logits.h"

namespace starglass {

struct TokenStatistics {
    float probability = 0;  // of the chosen token
    float entropy_bits = 0;
    std::vector<TokenAlternative> alternatives;  // most probable first, texts not filled in
};

// logits [V], finite; `count` alternatives at most.
TokenStatistics token_statistics(std::span<const float> logits, TokenId chosen, int count);

// The same from what is known of finite logits, up to a float's rounding of the part that is not
// among the k best. `chosen` is among them, and so are `count` alternatives (tells_statistics).
TokenStatistics token_statistics(const LogitsSummary& top, TokenId chosen, int count);
bool tells_statistics(const LogitsSummary& top, TokenId chosen, int count);

}  // namespace starglass

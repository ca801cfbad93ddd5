// SPDX-License-Identifier: MIT
#include "session/token_statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace starglass {

TokenStatistics token_statistics(std::span<const float> logits, TokenId chosen, int count) {
    TokenStatistics result;
    if (logits.empty()) return result;
    const float top = *std::max_element(logits.begin(), logits.end());
    // Entropy in bits from sums alone: log2(Z) - sum(e^z z) / (Z ln 2), z relative to the top.
    double z_sum = 0;
    double weighted = 0;
    for (const float logit : logits) {
        const double z = static_cast<double>(logit) - top;
        if (z < -60.0) continue;  // below 1e-26 of the top: beyond a float's sum
        const double p = std::exp(z);
        z_sum += p;
        weighted += p * z;
    }
    const auto probability = [&](float logit) {
        return static_cast<float>(std::exp(static_cast<double>(logit) - top) / z_sum);
    };
    result.entropy_bits =
        static_cast<float>(std::max(0.0, (std::log(z_sum) - weighted / z_sum) / std::numbers::ln2));
    result.probability = probability(logits[static_cast<std::size_t>(chosen)]);

    // The few best by insertion: `count` is small and most logits fail the first comparison.
    const auto room = static_cast<std::size_t>(std::clamp(count, 0, 64));
    std::vector<TokenId> best;
    best.reserve(room + 1);
    for (std::size_t id = 0; id < logits.size() && room > 0; ++id) {
        if (best.size() == room && !(logits[id] > logits[static_cast<std::size_t>(best.back())]))
            continue;
        const auto at = std::find_if(best.begin(), best.end(), [&](TokenId other) {
            return logits[id] > logits[static_cast<std::size_t>(other)];
        });
        best.insert(at, static_cast<TokenId>(id));
        if (best.size() > room) best.pop_back();
    }
    for (const TokenId id : best)
        result.alternatives.push_back({id, probability(logits[static_cast<std::size_t>(id)]), {}});
    return result;
}

}  // namespace starglass

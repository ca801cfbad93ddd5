// SPDX-License-Identifier: MIT
#include "session/token_statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace starglass {
namespace {

constexpr int kAlternativesMost = 64;

// Sums over a row, relative to its maximum.
struct Sums {
    double top = 0;
    double mass = 0;    // sum of e^z
    double moment = 0;  // sum of e^z z

    void add(float logit) {
        const double z = static_cast<double>(logit) - top;
        if (z < -60.0) return;  // below 1e-26 of the top: beyond a float's sum
        const double p = std::exp(z);
        mass += p;
        moment += p * z;
    }
    [[nodiscard]] float probability(float logit) const {
        return static_cast<float>(std::exp(static_cast<double>(logit) - top) / mass);
    }
    // From sums alone: log2(Z) - sum(e^z z) / (Z ln 2).
    [[nodiscard]] float entropy_bits() const {
        return static_cast<float>(
            std::max(0.0, (std::log(mass) - moment / mass) / std::numbers::ln2));
    }
};

// Places of the few largest, largest first, by insertion: `count` is small and most logits fail the
// first comparison.
std::vector<std::size_t> largest(std::span<const float> logits, int count) {
    const auto room = static_cast<std::size_t>(std::clamp(count, 0, kAlternativesMost));
    std::vector<std::size_t> best;
    best.reserve(room + 1);
    for (std::size_t at = 0; at < logits.size() && room > 0; ++at) {
        if (best.size() == room && !(logits[at] > logits[best.back()])) continue;
        const auto before = std::find_if(best.begin(), best.end(), [&](std::size_t other) {
            return logits[at] > logits[other];
        });
        best.insert(before, at);
        if (best.size() > room) best.pop_back();
    }
    return best;
}

}  // namespace

TokenStatistics token_statistics(std::span<const float> logits, TokenId chosen, int count) {
    TokenStatistics result;
    if (logits.empty()) return result;
    Sums sums{.top = *std::max_element(logits.begin(), logits.end())};
    for (const float logit : logits) sums.add(logit);
    result.entropy_bits = sums.entropy_bits();
    result.probability = sums.probability(logits[static_cast<std::size_t>(chosen)]);
    for (const std::size_t id : largest(logits, count))
        result.alternatives.push_back({static_cast<TokenId>(id), sums.probability(logits[id]), {}});
    return result;
}

bool tells_statistics(const LogitsSummary& top, TokenId chosen, int count) {
    return (top.whole() || count <= std::ssize(top.ids)) &&
           std::binary_search(top.ids.begin(), top.ids.end(), chosen);
}

TokenStatistics token_statistics(const LogitsSummary& top, TokenId chosen, int count) {
    assert(tells_statistics(top, chosen, count));
    TokenStatistics result;
    Sums sums{.top = top.rest.maximum};
    for (const float value : top.values) sums.add(value);
    sums.mass += top.rest.rest_mass;
    sums.moment += top.rest.rest_moment;
    const auto at = std::lower_bound(top.ids.begin(), top.ids.end(), chosen) - top.ids.begin();
    result.entropy_bits = sums.entropy_bits();
    result.probability = sums.probability(top.values[static_cast<std::size_t>(at)]);
    for (const std::size_t place : largest(top.values, count))
        result.alternatives.push_back({top.ids[place], sums.probability(top.values[place]), {}});
    return result;
}

}  // namespace starglass

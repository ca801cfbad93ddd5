// SPDX-License-Identifier: MIT
#include "session/sampler.h"

#include <algorithm>
#include <cmath>

namespace starglass {
namespace {

constexpr int kTopKMax = 1024;
constexpr std::uint64_t kSeedOfZero = 0x9E3779B97F4A7C15ULL;

}  // namespace

Sampler::Sampler(const SamplingOptions& options)
    : options_(options), state_(options.seed != 0 ? options.seed : kSeedOfZero) {
    if (!(options_.top_p > 0.0F) || options_.top_p > 1.0F) options_.top_p = 1.0F;
    if (!(options_.min_p >= 0.0F)) options_.min_p = 0.0F;
    options_.top_k = std::clamp(options_.top_k, 0, kTopKMax);
}

double Sampler::uniform() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    const std::uint64_t value = state_ * 0x2545F4914F6CDD1DULL;
    return static_cast<double>(value >> 40) / 16777216.0;
}

TokenId Sampler::argmax(std::span<const float> logits) {
    TokenId best = 0;
    float threshold = -1e30F;
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (logits[id] > threshold) {
            threshold = logits[id];
            best = static_cast<TokenId>(id);
        }
    }
    return best;
}

TokenId Sampler::sample(std::span<const float> logits, bool greedy) {
    const TokenId best = argmax(logits);
    if (greedy || !(options_.temperature > 0.0F)) return best;
    if (options_.top_k == 0 && options_.top_p >= 1.0F) return sample_by_min_p(logits, best);
    return sample_sorted(logits, best);
}

// No sort: everything at least min_p as probable as the best, drawn in id order.
TokenId Sampler::sample_by_min_p(std::span<const float> logits, TokenId best) {
    const float top = logits[static_cast<std::size_t>(best)];
    candidates_.clear();
    double sum = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (!std::isfinite(logits[id])) continue;
        const float p = std::exp((logits[id] - top) / options_.temperature);
        if (p < options_.min_p) continue;
        candidates_.emplace_back(p, static_cast<TokenId>(id));
        sum += p;
    }
    if (!(sum > 0) || !std::isfinite(sum)) return best;
    double rest = uniform() * sum;
    for (const auto& [p, id] : candidates_) {
        rest -= p;
        if (rest < 0) return id;
    }
    return candidates_.back().second;
}

TokenId Sampler::sample_sorted(std::span<const float> logits, TokenId best) {
    const float top = logits[static_cast<std::size_t>(best)];
    candidates_.clear();
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (!std::isfinite(logits[id])) continue;
        candidates_.emplace_back(std::exp((logits[id] - top) / options_.temperature),
                                 static_cast<TokenId>(id));
    }
    const auto more_probable = [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    if (options_.top_k > 0 && candidates_.size() > static_cast<std::size_t>(options_.top_k)) {
        std::partial_sort(candidates_.begin(), candidates_.begin() + options_.top_k,
                          candidates_.end(), more_probable);
        candidates_.resize(static_cast<std::size_t>(options_.top_k));
    } else {
        std::sort(candidates_.begin(), candidates_.end(), more_probable);
    }
    double total = 0;
    for (const auto& candidate : candidates_) total += candidate.first;
    if (!(total > 0) || !std::isfinite(total)) return best;
    double kept = 0;
    std::size_t count = 0;
    for (const auto& [p, id] : candidates_) {
        if (count > 0 && p < options_.min_p * candidates_.front().first) break;
        kept += p;
        ++count;
        if (kept / total >= options_.top_p) break;
    }
    double rest = uniform() * kept;
    for (std::size_t i = 0; i < count; ++i) {
        rest -= candidates_[i].first;
        if (rest < 0) return candidates_[i].second;
    }
    return candidates_[count - 1].second;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "session/sampler.h"

#include <algorithm>
#include <cmath>

namespace starglass {
namespace {

constexpr int kTopKMax = 1024;
// Asked for where the number of candidates is not known. At temperature 1 and min_p 0.05 a model
// that is not at a loss has a few dozen.
constexpr int kUsualTop = 256;
// Beyond the top_k best, so that those next to them are seen to be less probable.
constexpr int kBeyondTopK = 32;
// Exponentials of floats order as their arguments do up to a rounding; this is well above it.
constexpr double kClearly = 1 + 1e-5;
// Of a sum that a device made in floats, relative: exponents up to 87 with three roundings each.
constexpr double kRestError = 1e-4;
constexpr double kSumError = 1e-12;  // the order of a sum in double
// Beyond these a device's quotients are not to be trusted.
constexpr float kTemperatureLeast = 1e-3F;
constexpr float kTemperatureMost = 1e3F;
constexpr std::uint64_t kSeedOfZero = 0x9E3779B97F4A7C15ULL;

bool more_probable(const std::pair<float, TokenId>& a, const std::pair<float, TokenId>& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
}

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
    return draw(candidates_.size(), sum);
}

TokenId Sampler::draw(std::size_t count, double sum) {
    double rest = uniform() * sum;
    for (std::size_t i = 0; i < count; ++i) {
        rest -= candidates_[i].first;
        if (rest < 0) return candidates_[i].second;
    }
    return candidates_[count - 1].second;
}

TokenId Sampler::sample_sorted(std::span<const float> logits, TokenId best) {
    const float top = logits[static_cast<std::size_t>(best)];
    candidates_.clear();
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (!std::isfinite(logits[id])) continue;
        candidates_.emplace_back(std::exp((logits[id] - top) / options_.temperature),
                                 static_cast<TokenId>(id));
    }
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
    return draw(count, kept);
}

// --- without all logits ------------------------------------------------------------------------

LogitsSummary Sampler::wanted(int alternatives) const {
    LogitsSummary top;
    const bool greedy = !(options_.temperature > 0.0F);
    if (greedy)
        top.k = 1;
    else if (options_.top_k > 0)
        top.k = options_.top_k + kBeyondTopK;
    else
        top.k = missed_ ? TopLogits::kMost : kUsualTop;
    top.k = std::clamp(std::max(top.k, alternatives), 1, TopLogits::kMost);
    if (options_.temperature >= kTemperatureLeast && options_.temperature <= kTemperatureMost)
        top.temperature = options_.temperature;
    return top;
}

// What is left out is at most as probable as the least that is kept. Where that is 0, what is left
// out adds nothing to any sum, and nothing of probability 0 is ever drawn: the draw is below the
// sum by 2^-24 of it, and is used up by the others.
std::optional<TokenId> Sampler::sample(const LogitsSummary& top, bool greedy) {
    if (top.ids.empty() || !(top.rest.maximum > -1e30F)) return std::nullopt;  // as argmax
    std::size_t at = 0;
    for (std::size_t i = 1; i < top.ids.size(); ++i)
        if (top.values[i] > top.values[at]) at = i;
    const TokenId best = top.ids[at];
    if (greedy || !(options_.temperature > 0.0F)) return best;

    candidates_.clear();
    float least = 1.0F;
    for (std::size_t i = 0; i < top.ids.size(); ++i) {
        const float p = std::exp((top.values[i] - top.rest.maximum) / options_.temperature);
        least = std::min(least, p);
        candidates_.emplace_back(p, top.ids[i]);
    }
    const double beyond = top.whole() ? -1.0 : static_cast<double>(least) * kClearly;
    const auto token = options_.top_k == 0 && options_.top_p >= 1.0F ? sample_by_min_p(best, beyond)
                                                                     : sample_sorted(top, beyond);
    missed_ = missed_ || !token;
    return token;
}

std::optional<TokenId> Sampler::sample_by_min_p(TokenId best, double beyond) {
    if (beyond > 0 && !(beyond < options_.min_p)) return std::nullopt;
    std::erase_if(candidates_, [&](const auto& one) { return one.first < options_.min_p; });
    if (candidates_.empty()) return best;  // min_p above 1
    double sum = 0;
    for (const auto& candidate : candidates_) sum += candidate.first;
    return draw(candidates_.size(), sum);
}

std::optional<TokenId> Sampler::sample_sorted(const LogitsSummary& top, double beyond) {
    std::sort(candidates_.begin(), candidates_.end(), more_probable);
    double rest = 0;
    if (options_.top_k > 0) {
        const auto most = static_cast<std::size_t>(options_.top_k);
        if (candidates_.size() < most && !top.whole()) return std::nullopt;
        candidates_.resize(std::min(candidates_.size(), most));
        if (beyond > 0 && !(beyond < candidates_.back().first)) return std::nullopt;
    } else if (!top.whole()) {
        if (top.temperature != options_.temperature) return std::nullopt;
        rest = top.rest.rest_tempered;
    }
    double known = 0;
    for (const auto& candidate : candidates_) known += candidate.first;
    // The sum over all, between two bounds: equal where it is known.
    const bool exact = top.whole() || options_.top_k > 0;
    const double low = exact ? known : (known + rest * (1 - kRestError)) * (1 - kSumError);
    const double high = exact ? known : (known + rest * (1 + kRestError)) * (1 + kSumError);
    double kept = 0;
    std::size_t count = 0;
    bool ended = exact;
    for (const auto& [p, id] : candidates_) {
        const float floor = options_.min_p * candidates_.front().first;
        if (count > 0 && p < floor) {
            ended = exact || beyond < floor;
            break;
        }
        // What is left out might stand in front of it.
        if (!exact && beyond > 0 && !(beyond < p)) return std::nullopt;
        kept += p;
        ++count;
        if (kept / high >= options_.top_p) {
            ended = true;
            break;
        }
        if (kept / low >= options_.top_p) return std::nullopt;
    }
    if (!ended) return std::nullopt;
    return draw(count, kept);
}

}  // namespace starglass

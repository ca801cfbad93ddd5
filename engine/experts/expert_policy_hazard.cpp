// SPDX-License-Identifier: MIT
//
// Both policies here give up the expert that the next token is least likely to need, by what is
// known of its use so far. They differ in what they make of it.
//
// Use so far is kept as decayed shares: x_k = share of the tokens that used the expert, where one
// that is half_life_k tokens old counts half. "decayed" ranks by one of them. "hazard" keeps
// several, of decoded tokens and of prompts apart, and ranks by their weighted sum
//
//     p = sum_k w_k x_k,
//
// an estimate of the probability that the next token needs the expert (the intensity of a process
// that excites itself: each use makes another more likely, less and less as time goes by). A short
// half-life alone is recency, a very long one is frequency. The weights are not chosen but
// measured: whenever a token's experts are known, they are the answers to what the estimates should
// have been, and the weights are those of least squares over the last thousands of tokens (normal
// equations with a ridge towards the weights of the start). So a model whose experts are spread by
// chance is kept by frequency, one that stays with a subject by recency, and prompts count for as
// much as they turn out to say about answers.
//
// Cost on Flash (43 x 256 experts, 8 shares): a layer's shares decay when the layer runs, in loops
// the compiler vectorises; a victim is found by comparing 43 layers' smallest estimates and reading
// the row of one.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "experts/policies.h"

namespace starglass {
namespace {

constexpr float kAbsent = std::numeric_limits<float>::infinity();
// Four experts side by side, which every processor we run on adds and multiplies at once; rows are
// padded to whole ones.
using Lanes [[gnu::vector_size(16)]] = float;
constexpr std::size_t kLanes = 4;

Lanes load(const float* from) {
    Lanes value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
void store(float* to, Lanes value) {
    std::memcpy(to, &value, sizeof value);
}
// Keeps shares from becoming so small that processors multiply them a hundred times more slowly.
constexpr float kNearlyNothing = 1e-12F;
// Until so many tokens were seen a share is their plain mean, so that what is slow to forget is not
// slow to learn; in the beginning all experts have been used alike for kBeginTokens.
constexpr double kBeginTokens = 40;
// What expect() says counts as much as so many tokens.
constexpr double kExpectedTokens = 400;
// The weights are worked out every so many decoded tokens, and what was measured before counts 2 %
// less each time: half of it is 1,100 tokens old.
constexpr int kSolveTokens = 32;
constexpr double kKeep = 0.98;
constexpr double kRidge = 1e-3;
// Experts measured per token; more than these would cost time and tell little more.
constexpr std::size_t kMeasuredExperts = 512;

struct Settings {
    std::string_view name;
    std::vector<double> half_lives;           // tokens
    std::vector<double> prompt_half_lives{};  // tokens of prompts; empty: all tokens are alike
    std::vector<double> weights;              // of the start, of both
    bool learn = false;
    // How much more an expert of the next layer is worth than one of the layer just run, which is
    // not needed before the next token.
    float next_layer = 0;
};

class UseSharePolicy final : public ExpertPolicy {
public:
    UseSharePolicy(const ExpertPolicyShape& shape, Settings settings)
        : settings_(std::move(settings)),
          layers_(static_cast<std::size_t>(shape.layers)),
          experts_(static_cast<std::size_t>(shape.experts)),
          stride_((experts_ + kLanes - 1) / kLanes * kLanes),
          own_(settings_.half_lives.size()),
          count_(own_ + settings_.prompt_half_lives.size()),
          shares_(layers_ * count_ * stride_,
                  static_cast<float>(shape.used) / static_cast<float>(shape.experts)),
          estimates_(layers_ * stride_),
          ranks_(layers_ * stride_, kAbsent),
          present_(layers_ * stride_),
          least_(layers_, kAbsent),
          worth_least_(layers_),
          stale_(layers_, 0),
          run_(layers_, 0),
          measured_(count_ * stride_),
          keep_(count_),
          scale_(settings_.weights.begin(), settings_.weights.end()),
          products_(count_ * count_),
          answers_(count_),
          measure_every_(std::clamp<std::uint64_t>(layers_ * experts_ / kMeasuredExperts, 1, 16)) {
        std::vector<double> half_lives = settings_.half_lives;
        half_lives.insert(half_lives.end(), settings_.prompt_half_lives.begin(),
                          settings_.prompt_half_lives.end());
        for (const double half_life : half_lives) rates_.push_back(1 - std::exp2(-1 / half_life));
        for (std::size_t until = 0; until <= layers_; ++until)
            worths_.push_back(1 + settings_.next_layer * (1 - static_cast<float>(until) /
                                                                  static_cast<float>(layers_)));
        estimate_all();
    }

    [[nodiscard]] std::string_view name() const override { return settings_.name; }

    void begin_batch(int rows) override {
        rows_ = rows;
        ++batch_;
        const bool apart = count_ > own_;
        prompt_ = apart && rows > 1;
        (prompt_ ? prompt_tokens_ : tokens_) += rows;
        for (std::size_t k = 0; k < count_; ++k) {
            const bool counts = !apart || (k >= own_) == prompt_;
            const double seen = k < own_ ? tokens_ : prompt_tokens_;
            const double rate = std::max(rates_[k], 1 / (begin_tokens_ + seen));
            keep_[k] = counts ? static_cast<float>(std::pow(1 - rate, rows)) : 1.0F;
        }
        if (settings_.learn && rows == 1 && ++decoded_ % kSolveTokens == 0) solve();
    }

    void used(ExpertId id, int rows) override {
        const std::size_t layer = static_cast<std::size_t>(id) / experts_;
        const std::size_t expert = static_cast<std::size_t>(id) % experts_;
        if (run_[layer] != batch_) run(layer);
        if (measuring_)
            for (std::size_t k = 0; k < count_; ++k)
                answers_[k] += static_cast<double>(measured_[k * stride_ + expert]);
        const float part = static_cast<float>(rows) / static_cast<float>(rows_);
        float estimate = 0;
        for (std::size_t k = 0; k < count_; ++k) {
            float& share = shares(layer, k)[expert];
            share += (1 - keep_[k]) * part;
            estimate += scale_[k] * share;
        }
        estimates_[layer * stride_ + expert] = estimate;
        enter(layer, expert);
    }

    void loaded_ahead(ExpertId id) override {
        enter(static_cast<std::size_t>(id) / experts_, static_cast<std::size_t>(id) % experts_);
    }

    void removed(ExpertId id) override {
        const std::size_t layer = static_cast<std::size_t>(id) / experts_;
        const std::size_t at = layer * stride_ + static_cast<std::size_t>(id) % experts_;
        present_[at] = 0;
        ranks_[at] = kAbsent;
        stale_[layer] = 1;
    }

    [[nodiscard]] ExpertId victim(int running,
                                  const std::function<bool(ExpertId)>& may_go) override {
        const auto layer = static_cast<std::size_t>(running);
        // The layer that looks best first: most others need not be read then.
        std::size_t first = 0;
        float promise = kAbsent;
        for (std::size_t l = 0; l < layers_; ++l) {
            if (stale_[l] != 0) find_least(l);
            worth_least_[l] = least_[l] * worth(l, layer);
            if (!(worth_least_[l] < promise)) continue;
            promise = worth_least_[l];
            first = l;
        }
        ExpertId best = kNoExpert;
        float smallest = kAbsent;
        const auto look = [&](std::size_t l) {
            if (least_[l] == kAbsent) return;
            const float factor = worth(l, layer);
            const float* const ranks = ranks_.data() + l * stride_;
            const float* const least = std::find(ranks, ranks + experts_, least_[l]);
            const auto nearest =
                static_cast<ExpertId>(l * experts_) + static_cast<ExpertId>(least - ranks);
            if (least < ranks + experts_ && may_go(nearest)) {
                smallest = *least * factor;
                best = nearest;
                return;
            }
            for (std::size_t expert = 0; expert < experts_; ++expert) {
                if (!(ranks[expert] * factor < smallest)) continue;
                const auto id = static_cast<ExpertId>(l * experts_ + expert);
                if (!may_go(id)) continue;
                smallest = ranks[expert] * factor;
                best = id;
            }
        };
        look(first);
        for (std::size_t l = 0; l < layers_; ++l)
            if (worth_least_[l] < smallest && l != first) look(l);
        return best;
    }

    void expect(std::span<const float> shares_of) override {
        if (shares_of.size() != layers_ * experts_) return;
        begin_tokens_ = kExpectedTokens;
        for (std::size_t layer = 0; layer < layers_; ++layer) {
            for (std::size_t k = 0; k < count_; ++k)
                std::copy_n(shares_of.data() + layer * experts_, experts_, shares(layer, k));
        }
        estimate_all();
    }

private:
    float* shares(std::size_t layer, std::size_t k) {
        return shares_.data() + (layer * count_ + k) * stride_;
    }

    // 1 for the layer that runs, which comes again last, up to 1 + next_layer for the next one.
    [[nodiscard]] float worth(std::size_t of, std::size_t running) const {
        return worths_[of > running ? of - running : of + layers_ - running];
    }

    void enter(std::size_t layer, std::size_t expert) {
        const std::size_t at = layer * stride_ + expert;
        present_[at] = 1;
        ranks_[at] = estimates_[at];
        stale_[layer] = 1;
    }

    void find_least(std::size_t layer) {
        const float* const ranks = ranks_.data() + layer * stride_;
        // Eight chains, so that one comparison need not wait for another.
        std::array<float, 2 * kLanes> least{};
        least.fill(kAbsent);
        std::size_t i = 0;
        for (; i + least.size() <= stride_; i += least.size())
            for (std::size_t lane = 0; lane < least.size(); ++lane)
                least[lane] = ranks[i + lane] < least[lane] ? ranks[i + lane] : least[lane];
        for (; i < stride_; ++i) least[0] = std::min(least[0], ranks[i]);
        least_[layer] = *std::min_element(least.begin(), least.end());
        stale_[layer] = 0;
    }

    // The layer's turn in this batch: what is known becomes older.
    void run(std::size_t layer) {
        run_[layer] = batch_;
        measuring_ = settings_.learn && rows_ == 1 && (batch_ + layer) % measure_every_ == 0;
        if (measuring_) measure(layer);
        estimate(layer, keep_);
    }

    void estimate_all() {
        const std::vector<float> as_they_are(count_, 1.0F);
        for (std::size_t layer = 0; layer < layers_; ++layer) estimate(layer, as_they_are);
    }

    // Shares become older by `keep`, and what follows from them.
    void estimate(std::size_t layer, const std::vector<float>& keep) {
        float* const share = shares(layer, 0);
        float* const to = estimates_.data() + layer * stride_;
        float* const ranks = ranks_.data() + layer * stride_;
        const std::uint8_t* const present = present_.data() + layer * stride_;
        for (std::size_t i = 0; i < stride_; i += kLanes) {
            Lanes sum{};
            for (std::size_t k = 0; k < count_; ++k) {
                float* const x = share + k * stride_ + i;
                const Lanes older = load(x) * keep[k] + kNearlyNothing;
                store(x, older);
                sum += older * scale_[k];
            }
            store(to + i, sum);
        }
        for (std::size_t i = 0; i < stride_; ++i) ranks[i] = present[i] != 0 ? to[i] : kAbsent;
        stale_[layer] = 1;
    }

    // The shares before this token are the questions; used() brings the answers.
    void measure(std::size_t layer) {
        std::copy_n(shares(layer, 0), count_ * stride_, measured_.data());
        for (std::size_t k = 0; k < count_; ++k)
            for (std::size_t j = 0; j <= k; ++j) {
                const float* const x = measured_.data() + k * stride_;
                const float* const y = measured_.data() + j * stride_;
                Lanes sums{};
                for (std::size_t i = 0; i < stride_; i += kLanes) sums += load(x + i) * load(y + i);
                double sum = 0;
                for (std::size_t lane = 0; lane < kLanes; ++lane)
                    sum += static_cast<double>(sums[lane]);
                products_[k * count_ + j] += sum;
            }
    }

    // (A + ridge) w = b + ridge w0, by Cholesky: A is a sum of squares.
    void solve() {
        double trace = 0;
        for (std::size_t k = 0; k < count_; ++k) trace += products_[k * count_ + k];
        const double ridge = kRidge * trace / static_cast<double>(count_);
        if (!(ridge > 0)) return;
        factor_ = products_;
        solution_ = answers_;
        for (std::size_t k = 0; k < count_; ++k) {
            factor_[k * count_ + k] += ridge;
            solution_[k] += ridge * settings_.weights[k];
        }
        for (std::size_t k = 0; k < count_; ++k) {
            for (std::size_t j = 0; j <= k; ++j) {
                double sum = factor_[k * count_ + j];
                for (std::size_t i = 0; i < j; ++i)
                    sum -= factor_[k * count_ + i] * factor_[j * count_ + i];
                if (j == k && !(sum > 0)) return;  // rounding; the old weights stay
                factor_[k * count_ + j] = j == k ? std::sqrt(sum) : sum / factor_[j * count_ + j];
            }
        }
        for (std::size_t k = 0; k < count_; ++k) {
            for (std::size_t i = 0; i < k; ++i)
                solution_[k] -= factor_[k * count_ + i] * solution_[i];
            solution_[k] /= factor_[k * count_ + k];
        }
        for (std::size_t k = count_; k-- > 0;) {
            for (std::size_t i = k + 1; i < count_; ++i)
                solution_[k] -= factor_[i * count_ + k] * solution_[i];
            solution_[k] /= factor_[k * count_ + k];
        }
        std::copy(solution_.begin(), solution_.end(), scale_.begin());
        for (double& product : products_) product *= kKeep;
        for (double& answer : answers_) answer *= kKeep;
    }

    const Settings settings_;
    const std::size_t layers_, experts_, stride_;
    const std::size_t own_, count_;  // shares of decoded tokens, and all of them
    std::vector<float> worths_;      // [layers + 1] by how many layers until it runs again
    std::vector<double> rates_;      // [count]
    std::vector<float> shares_;      // [layers, count, stride]
    std::vector<float> estimates_;   // [layers, stride]
    std::vector<float> ranks_;       // the same; kAbsent for what is not in memory
    std::vector<std::uint8_t> present_;
    std::vector<float> least_;        // [layers] of the ranks
    std::vector<float> worth_least_;  // [layers] the same, for the layer being run
    std::vector<std::uint8_t> stale_;
    std::vector<std::uint64_t> run_;  // [layers] the last batch it ran in
    std::vector<float> measured_;     // [count, stride] of the layer being measured
    std::vector<float> keep_;         // [count] in this batch
    std::vector<float> scale_;        // [count] the weights
    std::vector<double> products_, answers_, factor_, solution_;
    const std::uint64_t measure_every_;  // batches between two measurements of a layer
    bool measuring_ = false, prompt_ = false;
    int rows_ = 1;
    std::uint64_t batch_ = 0, decoded_ = 0;
    double tokens_ = 0, prompt_tokens_ = 0, begin_tokens_ = kBeginTokens;
};

}  // namespace

std::unique_ptr<ExpertPolicy> make_decayed_policy(const ExpertPolicyShape& shape) {
    return std::make_unique<UseSharePolicy>(
        shape, Settings{.name = "decayed", .half_lives = {128}, .weights = {1}});
}

std::unique_ptr<ExpertPolicy> make_hazard_policy(const ExpertPolicyShape& shape) {
    return std::make_unique<UseSharePolicy>(
        shape, Settings{.name = "hazard",
                        .half_lives = {1, 4, 16, 64, 256, 2048},
                        .prompt_half_lives = {32, 256},
                        .weights = {0.1, 0.1, 0.15, 0.2, 0.2, 0.15, 0.05, 0.05},
                        .learn = true,
                        .next_layer = 0.7F});
}

}  // namespace starglass

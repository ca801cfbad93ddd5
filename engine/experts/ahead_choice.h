// SPDX-License-Identifier: MIT
//
// Whether reading ahead pays, found out by trying: some tokens with it, some without, then the
// faster way until it is time to try again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/experts.h"

namespace starglass {

class AheadChoice {
public:
    // Tokens of a trial of each way, of them not counted while memory gets used to it, and tokens
    // from one trial to the next.
    static constexpr int kTrial = 24, kSettling = 8, kBetween = 1024;
    // Reading ahead has to win by so much: it reads more.
    static constexpr double kGain = 0.97;

    explicit AheadChoice(Lookahead wanted) : wanted_(wanted), on_(wanted != Lookahead::off) {}

    // For the next token.
    [[nodiscard]] bool on() const { return on_; }
    // Medians of the last trial; 0 before it is over.
    [[nodiscard]] double seconds_with() const { return with_; }
    [[nodiscard]] double seconds_without() const { return without_; }

    // A token was decoded in this way and took so long.
    void decoded(double seconds) {
        if (wanted_ != Lookahead::automatic) return;
        const int at = step_++;
        if (at < 2 * kTrial) {
            if (at % kTrial >= kSettling) times_.push_back(seconds);
            if (step_ == kTrial) {
                with_ = take_median();
                on_ = false;
            } else if (step_ == 2 * kTrial) {
                without_ = take_median();
                on_ = with_ < kGain * without_;
            }
        } else if (step_ >= 2 * kTrial + kBetween) {
            step_ = 0;
            on_ = true;
        }
    }

private:
    double take_median() {
        const auto middle = times_.begin() + static_cast<std::ptrdiff_t>(times_.size() / 2);
        std::nth_element(times_.begin(), middle, times_.end());
        const double result = *middle;
        times_.clear();
        return result;
    }

    Lookahead wanted_;
    bool on_;
    int step_ = 0;
    std::vector<double> times_;
    double with_ = 0, without_ = 0;
};

}  // namespace starglass

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The hit rate over the last few tokens that were written. Chunks of a prompt are left out: there
// each expert of a layer counts once for many tokens. A plain value.
#pragma once

#include <cstdint>
#include <deque>

#include "bridge/types.h"

namespace starglass::ui {

class HitWindow {
public:
    static constexpr int kTokens = 64;

    void clear() { *this = {}; }
    void add(const ExpertsSample& sample) {
        if (sample.prefill) return;
        last_.push_back({sample.needed(), sample.misses()});
        needed_ += last_.back().needed;
        misses_ += last_.back().misses;
        if (static_cast<int>(last_.size()) <= kTokens) return;
        needed_ -= last_.front().needed;
        misses_ -= last_.front().misses;
        last_.pop_front();
    }
    [[nodiscard]] int tokens() const { return static_cast<int>(last_.size()); }
    // Something was needed: there is a rate.
    [[nodiscard]] bool any() const { return needed_ > 0; }
    [[nodiscard]] double rate() const {  // 0..1; 0 without any()
        return any() ? static_cast<double>(needed_ - misses_) / static_cast<double>(needed_) : 0;
    }

private:
    struct Token {
        std::int64_t needed = 0, misses = 0;
    };
    std::deque<Token> last_;
    std::int64_t needed_ = 0, misses_ = 0;
};

}  // namespace starglass::ui

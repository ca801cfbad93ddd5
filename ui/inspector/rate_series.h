// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tokens per second over an answer, from the measured time of each token. A plain value.
#pragma once

#include <QPointF>
#include <cstdint>
#include <vector>

namespace starglass::ui {

class RateSeries {
public:
    static constexpr int kWindow = 8;        // tokens the smooth line looks back
    static constexpr int kMaxPoints = 1200;  // beyond it, neighbours are joined before drawing

    void clear();
    // `position` in the timeline, `seconds` since the previous token. The first token after a
    // prompt was read follows no step of generation and is counted without a rate.
    void add(std::int64_t position, double seconds);

    [[nodiscard]] int tokens() const { return tokens_; }
    // Tokens per point; 1 until the answer has more than kMaxPoints tokens.
    [[nodiscard]] int stride() const;
    // x: number of the token in the answer, from 1; y: tokens/s. One point per stride().
    [[nodiscard]] std::vector<QPointF> raw() const;
    // The rate over the last kWindow x stride() tokens at each point.
    [[nodiscard]] std::vector<QPointF> smooth() const;
    // Over all tokens that have a rate; 0 without any.
    [[nodiscard]] double mean() const;

private:
    struct Step {
        int number = 0;  // token of the answer, from 1
        double seconds = 0;
    };
    [[nodiscard]] std::vector<QPointF> rates(int window) const;

    std::vector<Step> steps_;
    std::int64_t last_ = -2;
    int tokens_ = 0;
    double seconds_ = 0;
};

}  // namespace starglass::ui

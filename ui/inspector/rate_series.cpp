// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/rate_series.h"

#include <algorithm>

namespace starglass::ui {

void RateSeries::clear() {
    *this = {};
}

void RateSeries::add(std::int64_t position, double seconds) {
    ++tokens_;
    const bool follows = position == last_ + 1;
    last_ = position;
    if (!follows || !(seconds >= 0)) return;
    steps_.push_back({tokens_, seconds});
    seconds_ += seconds;
}

int RateSeries::stride() const {
    return std::max(1, (static_cast<int>(steps_.size()) + kMaxPoints - 1) / kMaxPoints);
}

std::vector<QPointF> RateSeries::raw() const {
    return rates(stride());
}

std::vector<QPointF> RateSeries::smooth() const {
    return rates(stride() * kWindow);
}

std::vector<QPointF> RateSeries::rates(int window) const {
    std::vector<QPointF> out;
    const auto step = static_cast<std::size_t>(stride());
    out.reserve(steps_.size() / step + 1);
    double sum = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        sum += steps_[i].seconds;
        while (i - first + 1 > static_cast<std::size_t>(window)) sum -= steps_[first++].seconds;
        // Several tokens of one step share its time: those without any are drawn with the next.
        if ((i + 1) % step == 0 && sum > 1e-9)
            out.emplace_back(steps_[i].number, static_cast<double>(i - first + 1) / sum);
    }
    return out;
}

double RateSeries::mean() const {
    return seconds_ > 0 ? static_cast<double>(steps_.size()) / seconds_ : 0;
}

}  // namespace starglass::ui

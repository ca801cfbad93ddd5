// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/expert_series.h"

#include <algorithm>

namespace starglass::ui {
namespace {

TokenWait waitFrom(const ExpertsSample& sample) {
    TokenWait out;
    out.position = sample.position + 1;
    out.seconds = static_cast<float>(sample.seconds);
    out.stallSeconds = static_cast<float>(sample.stallSeconds);
    out.needed = static_cast<std::int32_t>(sample.needed());
    out.misses = static_cast<std::int32_t>(sample.misses());
    std::vector<std::int16_t> order;
    for (std::size_t i = 0; i < sample.layers.size(); ++i)
        if (sample.layers[i].stall_seconds > 0) order.push_back(static_cast<std::int16_t>(i));
    out.waitingLayers = static_cast<std::int32_t>(order.size());
    std::stable_sort(order.begin(), order.end(), [&](std::int16_t a, std::int16_t b) {
        return sample.layers[static_cast<std::size_t>(a)].stall_seconds >
               sample.layers[static_cast<std::size_t>(b)].stall_seconds;
    });
    for (std::size_t i = 0; i < std::min(order.size(), out.top.size()); ++i) out.top[i] = order[i];
    return out;
}

}  // namespace

void ExpertSeries::reset(int layers) {
    *this = {};
    layers_ = std::max(0, layers);
}

void ExpertSeries::startAnswer() {
    finishedBytes_ = runningBytes_ = 0;
    answer_ = {};
    lastWait_.reset();
}

void ExpertSeries::add(qint64 message, const ExpertsSample& sample) {
    recent_.add(sample);
    runningBytes_ += sample.readBytes();
    if (sample.prefill) return;
    Token token;
    token.needed.resize(static_cast<std::size_t>(layers_));
    token.misses.resize(static_cast<std::size_t>(layers_));
    for (std::size_t i = 0; i < std::min(sample.layers.size(), token.needed.size()); ++i) {
        token.needed[i] = sample.layers[i].needed;
        token.misses[i] = sample.layers[i].misses;
    }
    token.neededAll = sample.needed();
    token.missesAll = sample.misses();
    for (Decode* sum : {&answer_, &all_}) {
        ++sum->tokens;
        sum->needed += token.neededAll;
        sum->misses += token.missesAll;
        sum->seconds += sample.seconds;
        sum->stall += sample.stallSeconds;
        sum->bytes += static_cast<double>(sample.readBytes());
    }
    last_.push_back(std::move(token));
    if (tokens() > kShown) last_.pop_front();
    lastWait_ = waitFrom(sample);
    waits_[{message, lastWait_->position}] = *lastWait_;
    if (waits_.size() > kWaits) waits_.erase(waits_.begin());
}

void ExpertSeries::addResult(const ExpertTotals& totals) {
    finishedBytes_ += totals.hits + totals.misses > 0 ? totals.read_bytes : runningBytes_;
    runningBytes_ = 0;
}

template <class Of>
std::vector<QPointF> ExpertSeries::rates(Of of) const {
    std::vector<QPointF> out;
    out.reserve(last_.size());
    std::int64_t needed = 0, misses = 0;
    for (std::size_t i = 0; i < last_.size(); ++i) {
        const auto [more, missed] = of(last_[i]);
        needed += more;
        misses += missed;
        if (i >= kSmooth) {
            const auto [less, before] = of(last_[i - kSmooth]);
            needed -= less;
            misses -= before;
        }
        if (needed > 0)
            out.emplace_back(
                static_cast<double>(i + 1) - static_cast<double>(last_.size()),
                100.0 * static_cast<double>(needed - misses) / static_cast<double>(needed));
    }
    return out;
}

std::vector<QPointF> ExpertSeries::line() const {
    return rates([](const Token& one) { return std::pair{one.neededAll, one.missesAll}; });
}

std::vector<QPointF> ExpertSeries::line(int layer) const {
    if (layer < 0 || layer >= layers_) return {};
    return rates([i = static_cast<std::size_t>(layer)](const Token& one) {
        return std::pair{std::int64_t{one.needed[i]}, std::int64_t{one.misses[i]}};
    });
}

int ExpertSeries::worstLayer() const {
    int worst = -1;
    double lowest = 2;
    for (int layer = 0; layer < layers_; ++layer) {
        std::int64_t needed = 0, misses = 0;
        for (const Token& one : last_) {
            needed += one.needed[static_cast<std::size_t>(layer)];
            misses += one.misses[static_cast<std::size_t>(layer)];
        }
        if (needed == 0) continue;
        const double rate = static_cast<double>(needed - misses) / static_cast<double>(needed);
        if (rate >= lowest) continue;
        lowest = rate;
        worst = layer;
    }
    return worst;
}

std::optional<TokenWait> ExpertSeries::waitOf(qint64 message, std::int64_t position) const {
    const auto found = waits_.find({message, position});
    return found == waits_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<TokenWait> ExpertSeries::lastWait() const {
    return lastWait_;
}

std::uint64_t ExpertSeries::answerReadBytes() const {
    return finishedBytes_ + runningBytes_;
}

std::optional<double> ExpertSeries::answerStallPerToken() const {
    if (answer_.tokens == 0) return {};
    return answer_.stall / static_cast<double>(answer_.tokens);
}

std::optional<double> ExpertSeries::answerReadPerToken() const {
    if (answer_.tokens == 0) return {};
    return answer_.bytes / static_cast<double>(answer_.tokens);
}

std::optional<double> ExpertSeries::measuredHitRate() const {
    if (all_.needed == 0) return {};
    return static_cast<double>(all_.needed - all_.misses) / static_cast<double>(all_.needed);
}

std::optional<double> ExpertSeries::measuredTokensPerSecond() const {
    if (!(all_.seconds > 0)) return {};
    return static_cast<double>(all_.tokens) / all_.seconds;
}

}  // namespace starglass::ui

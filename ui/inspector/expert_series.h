// SPDX-License-Identifier: GPL-3.0-or-later
//
// What was measured while experts were read from disk: hit rate over the last tokens, what each
// token waited for, and what an answer read. A token's wait is that of the batch that wrote it.
// A plain value.
#pragma once

#include <QPointF>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "bridge/hit_window.h"

namespace starglass::ui {

// What one token waited for.
struct TokenWait {
    static constexpr int kTopLayers = 3;
    std::int64_t position = 0;  // of the token that was written
    float seconds = 0;          // of its whole batch
    float stallSeconds = 0;
    std::int32_t needed = 0, misses = 0;
    std::int32_t waitingLayers = 0;  // layers that waited at all
    // Those that waited longest, longest first; -1: no more.
    std::array<std::int16_t, kTopLayers> top{-1, -1, -1};
};

class ExpertSeries {
public:
    static constexpr int kShown = 256;     // tokens of the line
    static constexpr int kSmooth = 16;     // tokens the line looks back
    static constexpr int kWaits = 40'000;  // tokens whose waits are remembered, about 2 MB

    void reset(int layers);
    void startAnswer();
    void add(qint64 message, const ExpertsSample& sample);
    // The engine's own count of a finished round; what was added up until then gives way to it.
    void addResult(const ExpertTotals& totals);

    // Tokens that can be drawn.
    [[nodiscard]] int tokens() const { return static_cast<int>(last_.size()); }
    // x: tokens before the latest one, 0 and less; y: percent over the kSmooth tokens up to it.
    [[nodiscard]] std::vector<QPointF> line() const;
    [[nodiscard]] std::vector<QPointF> line(int layer) const;
    // The layer with the lowest hit rate over the tokens drawn; -1 while none was needed.
    [[nodiscard]] int worstLayer() const;
    [[nodiscard]] const HitWindow& recent() const { return recent_; }

    [[nodiscard]] std::optional<TokenWait> waitOf(qint64 message, std::int64_t position) const;
    [[nodiscard]] std::optional<TokenWait> lastWait() const;

    // Of the running or last answer, its prompt included.
    [[nodiscard]] std::uint64_t answerReadBytes() const;
    // Of its tokens alone, without the prompt; empty without any.
    [[nodiscard]] std::optional<double> answerStallPerToken() const;
    [[nodiscard]] std::optional<double> answerReadPerToken() const;

    // Of all tokens written since the model was opened; empty without any.
    [[nodiscard]] std::optional<double> measuredHitRate() const;
    [[nodiscard]] std::optional<double> measuredTokensPerSecond() const;

private:
    struct Token {
        std::vector<std::int32_t> needed, misses;  // [layers]
        std::int64_t neededAll = 0, missesAll = 0;
    };
    struct Decode {
        std::int64_t tokens = 0, needed = 0, misses = 0;
        double seconds = 0, stall = 0, bytes = 0;
    };
    template <class Of>
    [[nodiscard]] std::vector<QPointF> rates(Of of) const;

    int layers_ = 0;
    std::deque<Token> last_;
    HitWindow recent_;
    std::map<std::pair<qint64, std::int64_t>, TokenWait> waits_;
    std::optional<TokenWait> lastWait_;
    std::uint64_t finishedBytes_ = 0, runningBytes_ = 0;
    Decode answer_, all_;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routing of each token of the recent answers, so that a token or a cell chosen later can be
// looked up. Kept per message, because the same position holds another token after an edit or
// when earlier reasoning was dropped. UI thread. At most kMaxBytes: the oldest messages go first,
// and a single answer longer than that keeps its beginning.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "inspector/routing_counts.h"

namespace starglass::ui {

class RoutingHistory {
public:
    // About 43,000 tokens of a model with 43 layers and 6 experts per token.
    static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

    void reset(const RoutingShape& shape);
    void setMaxBytes(std::size_t bytes) { maxBytes_ = bytes; }
    // Of a prompt only the last position is kept: it wrote the answer's first token.
    void add(qint64 message, const RoutingSample& sample);

    [[nodiscard]] bool has(qint64 message) const { return records_.contains(message); }
    [[nodiscard]] std::optional<RoutingSample> at(qint64 message, std::int64_t position) const;
    // Positions of the answer's tokens that chose the cell, ascending.
    [[nodiscard]] std::vector<std::int64_t> positionsOf(qint64 message, RoutingCell cell) const;
    [[nodiscard]] RoutingCounts countsOf(qint64 message) const;
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Record {
        std::vector<std::int64_t> positions;
        std::vector<std::int16_t> experts;  // [tokens, layers, used]; -1: none
        std::vector<float> weights;         // likewise
        std::unordered_map<std::int64_t, std::size_t> index;
        std::optional<RoutingSample> lastPrompt;
    };
    [[nodiscard]] std::size_t slotsPerToken() const {
        return static_cast<std::size_t>(shape_.layers) *
               static_cast<std::size_t>(shape_.expertsUsed);
    }
    [[nodiscard]] RoutingSample sampleAt(const Record& record, std::size_t index) const;

    RoutingShape shape_;
    std::map<qint64, Record> records_;  // message numbers grow, so the first is the oldest
    std::size_t maxBytes_ = kMaxBytes;
    std::size_t tokens_ = 0;
};

}  // namespace starglass::ui

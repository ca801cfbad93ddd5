// SPDX-License-Identifier: MIT
//
// Routed experts that are not all in memory, as an op sees them: it says which it will meet, takes
// them as they arrive, and lets go of each when it is done. What arrives can be found where the
// op's weights say (Weight::matrices) until then. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace starglass {

class ExpertSource {
public:
    virtual ~ExpertSource() = default;

    // What the tokens of a batch were routed to in a layer, [rows, used]; reading begins. A second
    // call for the same layer and batch does nothing, so whoever knows first may say so.
    virtual void request(int layer, std::span<const std::int32_t> selected) = 0;
    // Experts of the layer that are there now and were not given out before, each once; waits for
    // at least one. Empty when all were given out, or when reading failed. Valid until the next
    // call.
    virtual std::span<const std::int32_t> next(int layer) = 0;
    // These were met by all their tokens and may go.
    virtual void release(int layer, std::span<const std::int32_t> experts) = 0;
};

// The same, as the forward pass sees it. A batch goes through the layers in ascending order.
class ExpertFeed : public ExpertSource {
public:
    // Errors: io when the file is not what it was; nothing began then.
    [[nodiscard]] virtual Status begin_batch(std::int64_t first_position, int rows) = 0;
    // What a layer will be routed to is known before its turn, [rows, used]: its experts may be
    // read while layers before it run.
    virtual void announce(int layer, std::span<const std::int32_t> selected) = 0;
    // Whether predictions are wanted for a batch of so many rows, and what a layer may be routed
    // to, in front of its turn.
    [[nodiscard]] virtual bool predicts(int rows) const = 0;
    virtual void predict(int layer, std::span<const std::int32_t> selected) = 0;
    // Reading failed in this batch: what was computed since is undefined.
    [[nodiscard]] virtual bool failed() const = 0;
    // Also after failing or cancelling (`complete` false); waits for what is still being read into
    // memory that has to go. Errors: io, one sentence about the first read that failed.
    [[nodiscard]] virtual Status end_batch(bool complete) = 0;
};

}  // namespace starglass

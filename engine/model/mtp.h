// SPDX-License-Identifier: MIT
//
// The multi-token-prediction draft block (model spec section 6.1) as a function of the previous
// streams, a token and a position, with a raw window of its own.
#pragma once

#include <cstdint>
#include <span>

#include "model/forward.h"

namespace starglass {

class MtpBlock {
public:
    MtpBlock(const ModelShape& shape, const ModelWeights& main, const MtpWeights& weights,
             Backend& backend, Rounding rounding);

    // The shape of its window: one uncompressed layer.
    [[nodiscard]] KvState make_state() const;

    // previous [C, E], in the backend's memory: streams of the last main layer or of the previous
    // draft step. Runs at position state.positions() of the window, which is also the rotary
    // position (only differences matter), and advances it. Errors: as Forward::run.
    Status run(const float* previous, std::int32_t token, WorkingState& state,
               std::span<float> logits);

    // Of the last run, [C, E] in the backend's memory: what entered the layer, and what is
    // `previous` of the next draft step (which run() then reads before it writes).
    [[nodiscard]] const float* input() const { return input_.data(); }
    [[nodiscard]] const float* streams() const { return h_.data(); }

private:
    const ModelShape& shape_;
    const ModelWeights& main_;
    const MtpWeights& weights_;
    Backend& backend_;
    Rounding rounding_;
    Forward forward_;
    BackendArray<float> h_, input_, embedding_, normed_, projected_;
};

}  // namespace starglass

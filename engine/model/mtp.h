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

    // previous [C, E]: streams of the last main layer or of the previous draft step. Runs at
    // position state.positions() of the window, which is also the rotary position (only
    // differences matter), and advances it. Writes input [C, E] (what enters the layer),
    // streams [C, E] (`previous` of the next draft step) and logits [V].
    void run(std::span<const float> previous, std::int32_t token, KvState& state,
             std::span<float> input, std::span<float> streams, std::span<float> logits);

private:
    const ModelShape& shape_;
    const ModelWeights& main_;
    const MtpWeights& weights_;
    Backend& backend_;
    Rounding rounding_;
    Forward forward_;
    std::vector<float> h_, embedding_, normed_, projected_;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "model/mtp.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace starglass {

MtpBlock::MtpBlock(const ModelShape& shape, const ModelWeights& main, const MtpWeights& weights,
                   Backend& backend, Rounding rounding)
    : shape_(shape),
      main_(main),
      weights_(weights),
      backend_(backend),
      rounding_(rounding),
      forward_(shape, main, backend, rounding) {
}

KvState MtpBlock::make_state() const {
    ModelShape one = shape_;
    one.ratio = {0};
    return {layer_state_shapes(one, rounding_), shape_.window};
}

void MtpBlock::run(std::span<const float> previous, std::int32_t token, KvState& state,
                   std::span<float> input, std::span<float> streams, std::span<float> logits) {
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    assert(previous.size() == static_cast<std::size_t>(C * E));
    embedding_.resize(static_cast<std::size_t>(E));
    normed_.resize(static_cast<std::size_t>(C * E));
    projected_.resize(static_cast<std::size_t>(C * E));
    h_.resize(static_cast<std::size_t>(C * E));

    // in[c] = e_proj * rmsnorm(embedding) + h_proj * rmsnorm(previous[c])
    backend_.run(Embed{main_.embedding, &token, 1, 1, embedding_.data()});
    backend_.run(
        RmsNorm{embedding_.data(), weights_.e_norm, embedding_.data(), 1, E, shape_.epsilon});
    backend_.run(MatMul{weights_.e_proj, embedding_.data(), projected_.data(), 1});
    for (int c = 0; c < C; ++c) std::copy_n(projected_.data(), E, h_.data() + c * E);
    backend_.run(RmsNorm{previous.data(), weights_.h_norm, normed_.data(), C, E, shape_.epsilon});
    backend_.run(MatMul{weights_.h_proj, normed_.data(), projected_.data(), C});
    backend_.run(Add{projected_.data(), h_.data(), C * E});
    std::copy_n(h_.data(), C * E, input.data());

    const std::int64_t position = state.positions();
    state.reserve_batch(1);
    // The draft block clamps like the last main layer: the file carries no value of its own.
    forward_.run_layer({weights_.layer, shape_.layers, 0, shape_.clamp.back(), nullptr},
                       std::span(&token, 1), position, state.layer(0), state.raw_ring(0), h_, {});
    state.advance(position + 1);
    std::copy_n(h_.data(), C * E, streams.data());
    forward_.head(weights_.head, h_, 1, logits);
}

}  // namespace starglass

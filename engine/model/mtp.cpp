// SPDX-License-Identifier: MIT
#include "model/mtp.h"

namespace starglass {

MtpBlock::MtpBlock(const ModelShape& shape, const ModelWeights& main, const MtpWeights& weights,
                   Backend& backend, Rounding rounding)
    : shape_(shape),
      main_(main),
      weights_(weights),
      backend_(backend),
      rounding_(rounding),
      forward_(shape, main, backend, rounding),
      h_(backend),
      input_(backend),
      embedding_(backend),
      normed_(backend),
      projected_(backend) {
}

KvState MtpBlock::make_state() const {
    ModelShape one = shape_;
    one.ratio = {0};
    return {layer_state_shapes(one, rounding_), shape_.window};
}

Status MtpBlock::run(const float* previous, std::int32_t token, WorkingState& state,
                     std::span<float> logits) {
    const std::int64_t E = shape_.embedding;
    const int C = shape_.streams;
    TRY_STATUS(embedding_.reserve(E));
    TRY_STATUS(normed_.reserve(C * E));
    TRY_STATUS(projected_.reserve(C * E));
    TRY_STATUS(input_.reserve(C * E));
    TRY_STATUS(h_.reserve(C * E));
    TRY_STATUS(forward_.prepare(1, state, {}));

    // in[c] = e_proj * rmsnorm(embedding) + h_proj * rmsnorm(previous[c])
    backend_.run(RmsNorm{previous, weights_.h_norm, normed_.data(), C, E, shape_.epsilon});
    backend_.run(Embed{main_.embedding, &token, 1, 1, embedding_.data()});
    backend_.run(
        RmsNorm{embedding_.data(), weights_.e_norm, embedding_.data(), 1, E, shape_.epsilon});
    backend_.run(MatMul{weights_.e_proj, embedding_.data(), projected_.data(), 1});
    for (int c = 0; c < C; ++c)
        backend_.copy(h_.data() + c * E, projected_.data(),
                      static_cast<std::size_t>(E) * sizeof(float));
    backend_.run(MatMul{weights_.h_proj, normed_.data(), projected_.data(), C});
    backend_.run(Add{projected_.data(), h_.data(), C * E});
    backend_.copy(input_.data(), h_.data(), static_cast<std::size_t>(C * E) * sizeof(float));

    const std::int64_t position = state.positions();
    // The draft block clamps like the last main layer: the file carries no value of its own.
    forward_.run_layer({weights_.layer, shape_.layers, 0, 0, shape_.clamp.back(), nullptr},
                       std::span(&token, 1), state, h_, {});
    if (Status status = forward_.head(weights_.head, h_.data(), 1, logits); !status) {
        state.abandon();
        return status;
    }
    state.advance(position + 1);
    return {};
}

}  // namespace starglass

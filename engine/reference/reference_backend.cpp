// SPDX-License-Identifier: MIT
#include "reference/reference_backend.h"

#include "kernel/reference_kernels.h"

namespace starglass {
namespace {

class ReferenceBackend final : public Backend {
public:
    explicit ReferenceBackend(Activations activations) : activations_(activations) {}

    [[nodiscard]] std::string_view name() const override { return "reference"; }
    [[nodiscard]] int threads() const override { return 1; }
    [[nodiscard]] std::uint32_t arithmetic() const override { return 1; }

    void run(const Embed& op) override { embed_ref(op); }
    void run(const RmsNorm& op) override { rms_norm_ref(op); }
    void run(const MatMul& op) override { mat_mul_ref(op, activations_); }
    void run(const HyperPre& op) override { hyper_pre_ref(op); }
    void run(const HyperPost& op) override { hyper_post_ref(op); }
    void run(const HyperHead& op) override { hyper_head_ref(op); }
    void run(const Rope& op) override { rope_ref(op); }
    void run(const Compress& op) override { compress_ref(op); }
    void run(const EncodeRows& op) override { encode_rows_ref(op); }
    void run(const IndexQuery& op) override { index_query_ref(op); }
    void run(const IndexSelect& op) override { index_select_ref(op); }
    void run(const Attention& op) override { attention_ref(op); }
    void run(const Router& op) override { router_ref(op); }
    void run(const RoutedExperts& op) override { routed_experts_ref(op, activations_); }
    void run(const SharedExpert& op) override { shared_expert_ref(op, activations_); }
    void run(const Add& op) override { add_ref(op); }
    void run(const TopLogits& op) override { top_logits_ref(op); }

private:
    Activations activations_;
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(Activations activations) {
    return std::make_unique<ReferenceBackend>(activations);
}

}  // namespace starglass

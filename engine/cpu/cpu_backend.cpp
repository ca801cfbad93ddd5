// SPDX-License-Identifier: MIT
#include "cpu/cpu_backend.h"

#include "base/thread_pool.h"
#include "kernel/cpu_context.h"

namespace starglass {
namespace {

class CpuBackend final : public Backend {
public:
    CpuBackend(Activations activations, int threads)
        : pool_(threads > 0 ? threads : ThreadPool::default_threads()),
          context_(pool_, activations) {}

    [[nodiscard]] std::string_view name() const override { return "cpu"; }
    [[nodiscard]] int threads() const override { return pool_.threads(); }
    // 0x100: sums along the row, an order of this backend's own.
    [[nodiscard]] std::uint32_t arithmetic() const override { return 0x200 + best_simd_target(); }

    void run(const Embed& op) override { embed_cpu(context_, op); }
    void run(const RmsNorm& op) override { rms_norm_cpu(context_, op); }
    void run(const MatMul& op) override { mat_mul_cpu(context_, op); }
    void run(const HyperPre& op) override { hyper_pre_cpu(context_, op); }
    void run(const HyperPost& op) override { hyper_post_cpu(context_, op); }
    void run(const HyperHead& op) override { hyper_head_cpu(context_, op); }
    void run(const Rope& op) override { rope_cpu(context_, op); }
    void run(const Compress& op) override { compress_cpu(context_, op); }
    void run(const EncodeRows& op) override { encode_rows_cpu(context_, op); }
    void run(const IndexQuery& op) override { index_query_cpu(context_, op); }
    void run(const IndexSelect& op) override { index_select_cpu(context_, op); }
    void run(const Attention& op) override { attention_cpu(context_, op); }
    void run(const Router& op) override { router_cpu(context_, op); }
    void run(const RoutedExperts& op) override { routed_experts_cpu(context_, op); }
    void run(const SharedExpert& op) override { shared_expert_cpu(context_, op); }
    void run(const Add& op) override { add_cpu(context_, op); }
    void run(const TopLogits& op) override { top_logits_cpu(context_, op); }

private:
    ThreadPool pool_;
    CpuContext context_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(Activations activations, int threads) {
    return std::make_unique<CpuBackend>(activations, threads);
}

}  // namespace starglass

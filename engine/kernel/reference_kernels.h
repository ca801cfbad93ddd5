// SPDX-License-Identifier: MIT
//
// The scalar truth, one function per op: canonical evaluation order of model spec section 2.11,
// single precision without contraction except where the order asks for double. Nothing is
// cached across calls and every token is computed alone, so a token's result does not depend on its
// batch. One thread; allocates its scratch.
#pragma once

#include "kernel/backend.h"

namespace starglass {

void embed_ref(const Embed& op);
void rms_norm_ref(const RmsNorm& op);
void mat_mul_ref(const MatMul& op, Activations activations);
// One row softmax, then Sinkhorn steps in place on m [size, size] (model spec section 3.1); both
// backends use it.
void sinkhorn(float* m, int size, int iterations, float epsilon);
void hyper_pre_ref(const HyperPre& op);
void hyper_post_ref(const HyperPost& op);
void hyper_head_ref(const HyperHead& op);
void rope_ref(const Rope& op);
void compress_ref(const Compress& op);
void encode_rows_ref(const EncodeRows& op);
void index_query_ref(const IndexQuery& op);
void index_select_ref(const IndexSelect& op);
void attention_ref(const Attention& op);
void router_ref(const Router& op);
// One token of it with scratch [experts] each; both backends use it.
void route_token(const Router& op, std::int64_t row, float* value, char* taken);
void routed_experts_ref(const RoutedExperts& op, Activations activations);
void shared_expert_ref(const SharedExpert& op, Activations activations);
void add_ref(const Add& op);
void top_logits_ref(const TopLogits& op);
// One row of it with scratch [vocabulary]; both backends use it.
void top_logits_row(const TopLogits& op, std::int64_t row, std::int32_t* by_rank);

// sqrt(softplus(logit)), the value of one expert (model spec section 3.9).
float router_value(float logit);
// silu(gate) * up after clamping; a clamp of at most 1e-6 means none.
float swiglu(float gate, float up, float clamp);

}  // namespace starglass

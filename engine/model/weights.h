// SPDX-License-Identifier: MIT
//
// The tensors of a model bound by name, type and shape (model spec sections 1.3, 1.4). Pointers
// lead into the file's bytes, which outlive this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "model/shape.h"
#include "tensor/weight.h"

namespace starglass {

struct LayerWeights {
    Weight hc_attn_fn;           // [C*E -> mix]
    const float* hc_attn_scale;  // [3]
    const float* hc_attn_base;   // [mix]
    const float* attn_norm;      // [E]
    Weight q_a;                  // [E -> LQ]
    const float* q_a_norm;       // [LQ]
    Weight q_b;                  // [LQ -> H*D]
    Weight kv;                   // [E -> D]
    const float* kv_norm;        // [D]
    const float* sinks;          // [H]
    Weight output_a;             // [D*H/G -> G*LO], row block g sees slice g
    Weight output_b;             // [G*LO -> E]

    Weight compressor_ape;         // [coff*D, r]
    Weight compressor_kv;          // [E -> coff*D]
    Weight compressor_gate;        // [E -> coff*D]
    const float* compressor_norm;  // [D]

    Weight index_q_b;                    // [LQ -> IH*ID]
    Weight index_proj;                   // [E -> IH]
    Weight index_compressor_ape;         // [2*ID, r]
    Weight index_compressor_kv;          // [E -> 2*ID]
    Weight index_compressor_gate;        // [E -> 2*ID]
    const float* index_compressor_norm;  // [ID]

    Weight hc_ffn_fn;
    const float* hc_ffn_scale;
    const float* hc_ffn_base;
    const float* ffn_norm;            // [E]
    Weight router;                    // [E -> N]
    const float* router_bias;         // [N] or null
    const std::int32_t* hash_table;   // [V, K] or null
    Weight gate_experts, up_experts;  // [N x (E -> F)]
    Weight down_experts;              // [N x (F -> E)]
    Weight gate_shared, up_shared;    // [E -> F]
    Weight down_shared;               // [F -> E]
};

struct HeadWeights {
    Weight hc_fn;           // [C*E -> C]
    const float* hc_scale;  // [1]
    const float* hc_base;   // [C]
    const float* norm;      // [E]
};

struct ModelWeights {
    Weight embedding;  // [E, V]
    HeadWeights head;
    Weight output;  // [E -> V]
    std::vector<LayerWeights> layers;

    // Errors name the tensor and what its type or shape should be.
    static Result<ModelWeights> bind(const Gguf& gguf, const ModelShape& shape);
};

// The draft block of a separate MTP file (section 1.4), on the shape of its main model.
struct MtpWeights {
    LayerWeights layer;
    HeadWeights head;
    Weight e_proj, h_proj;  // [E -> E]
    const float* e_norm;    // [E]
    const float* h_norm;    // [E]

    static Result<MtpWeights> bind(const Gguf& gguf, const ModelShape& shape);
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Every size and constant of a deepseek4 model, read from the metadata (model spec sections 0
// and 1.2) and checked against what the arithmetic and the kernels need.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "kernel/rope.h"

namespace starglass {

struct ModelShape {
    int layers = 0;         // L
    int embedding = 0;      // E
    int vocabulary = 0;     // V
    int heads = 0;          // H
    int head_width = 0;     // D, key and value
    int rotary = 0;         // R
    int query_rank = 0;     // LQ
    int output_rank = 0;    // LO, per group
    int output_groups = 0;  // G
    int experts = 0;        // N
    int experts_used = 0;   // K
    int expert_width = 0;   // F
    int hash_layers = 0;    // Lh
    int window = 0;         // Wn
    int index_heads = 0;    // IH
    int index_width = 0;    // ID
    int index_top_k = 0;    // TK
    int streams = 0;        // C
    int sinkhorn = 0;       // SI
    float epsilon = 0;
    float hyper_epsilon = 0;
    float expert_scale = 0;
    float rope_base = 0;
    float compress_rope_base = 0;
    float rope_scale = 0;
    float rope_beta_fast = 0;
    float rope_beta_slow = 0;
    std::int64_t rope_original_context = 0;
    std::int64_t context_length = 0;  // informational; 0 when the file does not say
    std::vector<int> ratio;           // [layers]
    std::vector<float> clamp;         // [layers]

    // Errors name the metadata key.
    static Result<ModelShape> read(const Gguf& gguf);

    // Ratio 4 is the overlapping, indexed kind of compression; any other ratio is the plain one.
    [[nodiscard]] static int coff(int ratio) { return ratio == 4 ? 2 : 1; }
    [[nodiscard]] static bool indexed(int ratio) { return ratio == 4; }
    [[nodiscard]] int hyper_mix() const { return 2 * streams + streams * streams; }
    [[nodiscard]] RopeParams rope(int layer_ratio) const;
};

}  // namespace starglass

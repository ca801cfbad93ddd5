// SPDX-License-Identifier: MIT
//
// Made-up traces of expert routing, to compare policies where no recording is at hand. Not a model
// of any model: each assumption is a number here, and the same numbers give the same trace on every
// machine (integers and splitmix64 throughout).
//
// For every layer and token, `used` distinct experts are drawn one by one:
//
//   with probability `reuse`      one of those that the layer used for the last `memory` tokens
//                                 (temporal locality: a word, a phrase, a list);
//   else with `topic_share`       from the topic's own Zipf order of the layer's experts;
//   else                          from the layer's general Zipf order.
//
// Zipf: the expert of rank r (from 1) is drawn with weight r^-exponent; orders are random
// permutations. Every `topic_tokens` tokens another of `topics` topics begins. The first
// `hash_layers` route by token: ids are drawn by Zipf with exponent 1 from `vocabulary` (and the
// last `memory` ids again with probability `reuse`), and each id owns `used` random experts in each
// of those layers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/experts.h"

namespace starglass {

struct TraceRecipe {
    int layers = 43, experts = 256, used = 6, hash_layers = 3;
    int vocabulary = 129280;
    std::uint64_t expert_bytes = 7'077'888;  // gate and up in IQ2_XXS, down in Q2_K
    int tokens = 2048;                       // of the decode batches together
    double exponent = 0.8;
    double reuse = 0;
    int memory = 8;  // tokens
    double topic_share = 0;
    int topics = 8;
    int topic_tokens = 256;
    int prompt_tokens = 0;  // a prompt of so many in front of every topic; 0: decode only
    int chunk = 512;        // most tokens of a prompt in one batch
    // A prediction of each layer is right about each expert with this probability; 0: none is made.
    double prediction = 0;
    double compute_seconds = 0.25;
    double prefill_seconds = 0.05;
    double read_bytes_s = 1.1e9;
    std::uint64_t seed = 1;
};

// "zipf": popularity alone. "locality": reuse and topics on top of it. "chat": that with a prompt
// in front of every topic.
std::span<const std::string_view> trace_kinds();
// Errors: invalid_input, no such kind.
Result<TraceRecipe> trace_recipe(std::string_view kind);
// Errors: invalid_input, a recipe that cannot be followed.
Result<ExpertTrace> generate_trace(const TraceRecipe& recipe);

}  // namespace starglass

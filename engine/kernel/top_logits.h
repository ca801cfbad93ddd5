// SPDX-License-Identifier: MIT
//
// The k best logits of each row and what the others add up to, so that a token can be chosen and
// described without reading a vocabulary of floats: everything over the whole row is a sum over
// what is kept, which the reader has exactly, and the rest, which is small wherever k is enough.
//
//   sum of e^(x - maximum)  =  sum over `values` + rest_mass     (at temperature 1)
//   log of the sum of e^x   =  maximum + log of that
//   entropy                 =  log of it - (moments of `values` + rest_moment) / it   [nats]
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace starglass {

struct TopLogitsRest {
    float maximum;              // of the row
    float rest_mass;            // over what is not kept: sum of e^z, z = x - maximum
    float rest_moment;          //   sum of e^z z
    float rest_tempered;        //   sum of e^(z / temperature)
    std::int32_t first_broken;  // lowest id whose logit is not finite, -1: none. If there is one,
                                // nothing else of the row is to be believed.
};

struct TopLogits {
    // As many as sampling may ask for (SamplingOptions::top_k), and the alternatives shown.
    static constexpr int kMost = 1024 + 64;

    const float* logits;  // [rows, vocabulary]
    int rows;
    std::int32_t vocabulary;
    int k;                // 1 to kMost
    float temperature;    // of rest_tempered, above 0
    std::int32_t* ids;    // [rows, kept()] ascending; of equal logits the lower ids are kept
    float* values;        // [rows, kept()] their logits
    TopLogitsRest* rest;  // [rows]

    [[nodiscard]] std::int64_t kept() const { return std::min<std::int64_t>(k, vocabulary); }
};

// One row on the host: what is asked for, and what came.
struct LogitsSummary {
    int k = 256;
    float temperature = 1.0F;

    std::int32_t vocabulary = 0;
    std::vector<std::int32_t> ids;  // ascending
    std::vector<float> values;
    TopLogitsRest rest{};

    // Whether the k best are all there are.
    [[nodiscard]] bool whole() const { return std::ssize(ids) == vocabulary; }
};

}  // namespace starglass

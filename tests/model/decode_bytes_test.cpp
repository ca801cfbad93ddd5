// SPDX-License-Identifier: MIT
//
// The bytes of a decoded token against the tensor directory of a small model.
#include "model/decode_bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "model/forward.h"
#include "support/synthetic_model.h"

namespace starglass::test {
namespace {

struct Bound {
    explicit Bound(const SyntheticShape& synthetic)
        : bytes(SyntheticModel(synthetic).build()),
          gguf(*Gguf::parse(bytes)),
          shape(*ModelShape::read(gguf)),
          weights(*ModelWeights::bind(gguf, shape)),
          state(layer_state_shapes(shape, Rounding::model)) {}

    [[nodiscard]] DecodeBytes at(std::int64_t position) const {
        return decode_bytes(shape, weights, state, position);
    }

    GgufBytes bytes;
    Gguf gguf;
    ModelShape shape;
    ModelWeights weights;
    std::vector<LayerStateShape> state;
};

TEST(DecodeBytes, EveryTensorOfTheFileIsCountedOnceTablesByTheirRow) {
    const SyntheticShape synthetic;
    const Bound model(synthetic);
    std::int64_t dense = 0;
    std::int64_t routed = 0;
    for (const GgufTensor& tensor : model.gguf.tensors()) {
        const std::string name(tensor.name);
        const auto bytes = static_cast<std::int64_t>(tensor.bytes);
        if (name.find("_exps.") != std::string::npos)
            routed += bytes * synthetic.experts_used / synthetic.experts;
        else if (name == "token_embd.weight" || name.find("_ape.") != std::string::npos ||
                 name.find("tid2eid") != std::string::npos)
            dense += bytes / tensor.dims[1];
        else
            dense += bytes;
    }
    // Far enough in for the indexers to score.
    const DecodeBytes far = model.at(1000);
    EXPECT_EQ(far.dense, dense);
    EXPECT_EQ(far.routed, routed);
    // At the start they keep all, unscored.
    std::int64_t indexers = 0;
    for (const LayerWeights& layer : model.weights.layers)
        for (const Weight* w : {&layer.index_q_b, &layer.index_proj})
            if (*w) indexers += w->row_size() * w->out;
    EXPECT_GT(indexers, 0);
    EXPECT_EQ(model.at(0).dense, dense - indexers);
    EXPECT_EQ(model.at(0).routed, routed);
}

TEST(DecodeBytes, RowsAreThoseThatTheTokenSees) {
    const SyntheticShape synthetic;  // ratios 0, 4, 12, 4; window 16, top-k 5
    const Bound model(synthetic);
    const std::int64_t kv = model.state[0].kv_row.stride;
    const std::int64_t index = model.state[1].index_row.stride;
    EXPECT_EQ(model.at(0).kv, 4 * kv);
    // Position 19: four windows of 16; 5 rows of ratio 4, twice, all kept; 1 row of ratio 12.
    EXPECT_EQ(model.at(19).kv, (4 * 16 + 2 * 5 + 1) * kv);
    // Position 23: six rows of ratio 4, so they are scored and five attended to.
    EXPECT_EQ(model.at(23).kv, (4 * 16 + 2 * 5 + 2) * kv + 2 * 6 * index);
}

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
#include "session/token_statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace starglass {
namespace {

TEST(TokenStatistics, UniformDistribution) {
    const std::vector<float> logits(8, 3.0F);
    const TokenStatistics s = token_statistics(logits, 5, 3);
    EXPECT_NEAR(s.probability, 0.125, 1e-6);
    EXPECT_NEAR(s.entropy_bits, 3.0, 1e-5);
    ASSERT_EQ(s.alternatives.size(), 3U);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(s.alternatives[static_cast<std::size_t>(i)].id, i);
}

TEST(TokenStatistics, KnownProbabilitiesAndOrder) {
    const std::vector<float> logits{std::log(0.1F), std::log(0.6F), std::log(0.3F)};
    const TokenStatistics s = token_statistics(logits, 2, 10);
    EXPECT_NEAR(s.probability, 0.3, 1e-6);
    ASSERT_EQ(s.alternatives.size(), 3U);
    EXPECT_EQ(s.alternatives[0].id, 1);
    EXPECT_EQ(s.alternatives[1].id, 2);
    EXPECT_NEAR(s.alternatives[2].probability, 0.1, 1e-6);
    const double entropy = -(0.1 * std::log2(0.1) + 0.6 * std::log2(0.6) + 0.3 * std::log2(0.3));
    EXPECT_NEAR(s.entropy_bits, entropy, 1e-5);
}

TEST(TokenStatistics, OneCertainTokenHasNoEntropy) {
    std::vector<float> logits(100, -200.0F);
    logits[42] = 0;
    const TokenStatistics s = token_statistics(logits, 42, 0);
    EXPECT_FLOAT_EQ(s.probability, 1.0F);
    EXPECT_NEAR(s.entropy_bits, 0.0, 1e-6);
    EXPECT_TRUE(s.alternatives.empty());
}

}  // namespace
}  // namespace starglass

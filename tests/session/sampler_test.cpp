// SPDX-License-Identifier: MIT
#include "session/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace starglass {
namespace {

std::map<TokenId, int> draw(const SamplingOptions& options, const std::vector<float>& logits,
                            int count) {
    Sampler sampler(options);
    std::map<TokenId, int> counts;
    for (int i = 0; i < count; ++i) ++counts[sampler.sample(logits)];
    return counts;
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowestIdOnTies) {
    EXPECT_EQ(Sampler::argmax(std::vector<float>{1, 3, 3, 2}), 1);
    EXPECT_EQ(Sampler::argmax(std::vector<float>{-2e30F, -3e30F}), 0);
    SamplingOptions greedy;
    greedy.temperature = 0;
    EXPECT_EQ(Sampler(greedy).sample(std::vector<float>{0, 5, 5}), 1);
    greedy.temperature = -1;
    EXPECT_EQ(Sampler(greedy).sample(std::vector<float>{0, 5, 5}), 1);
}

TEST(Sampler, GreedyOverrideIgnoresTheTemperature) {
    SamplingOptions hot;
    hot.temperature = 100;
    hot.min_p = 0;
    Sampler sampler(hot);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.sample(std::vector<float>{0, 1, 0.9F}, true), 1);
}

TEST(Sampler, MinPKeepsOnlyWhatIsProbableEnough) {
    // exp(-3) = 0.0498 of the best is just below 0.05, exp(-2.9) = 0.055 just above.
    const std::vector<float> logits{0, -2.9F, -3.0F};
    const auto counts =
        draw({.temperature = 1, .top_p = 1, .min_p = 0.05F, .top_k = 0, .seed = 7}, logits, 20000);
    EXPECT_EQ(counts.count(2), 0U);
    ASSERT_EQ(counts.count(1), 1U);
    EXPECT_NEAR(counts.at(1) / 20000.0, 0.055 / 1.055, 0.006);
}

TEST(Sampler, TopKLimitsTheCandidates) {
    const std::vector<float> logits{1, 4, 2, 3};
    const auto counts =
        draw({.temperature = 1, .top_p = 1, .min_p = 0, .top_k = 2, .seed = 3}, logits, 20000);
    EXPECT_EQ(counts.size(), 2U);
    const double p = std::exp(4.0) / (std::exp(4.0) + std::exp(3.0));
    EXPECT_NEAR(counts.at(1) / 20000.0, p, 0.01);
    EXPECT_EQ(counts.count(3), 1U);
}

TEST(Sampler, TopPStopsAfterTheTokenThatReachesIt) {
    // Probabilities .5 .25 .125 .125: 0.7 needs the first two.
    const std::vector<float> logits{std::log(0.5F), std::log(0.25F), std::log(0.125F),
                                    std::log(0.125F)};
    const auto counts =
        draw({.temperature = 1, .top_p = 0.7F, .min_p = 0, .top_k = 0, .seed = 5}, logits, 30000);
    EXPECT_EQ(counts.size(), 2U);
    EXPECT_NEAR(counts.at(0) / 30000.0, 2.0 / 3.0, 0.01);
}

TEST(Sampler, TemperatureFlattens) {
    const std::vector<float> logits{0, 1};
    const auto counts =
        draw({.temperature = 2, .top_p = 1, .min_p = 0, .top_k = 0, .seed = 9}, logits, 30000);
    const double p = 1 / (1 + std::exp(0.5));
    EXPECT_NEAR(counts.at(0) / 30000.0, p, 0.01);
}

TEST(Sampler, EqualSeedsGiveEqualDraws) {
    std::vector<float> logits(500);
    for (std::size_t i = 0; i < logits.size(); ++i)
        logits[i] = static_cast<float>((i * 37) % 11) * 0.3F;
    for (const std::uint64_t seed : {0ULL, 1ULL, 99ULL}) {
        SamplingOptions options;
        options.seed = seed;
        Sampler a(options);
        Sampler b(options);
        for (int i = 0; i < 100; ++i) EXPECT_EQ(a.sample(logits), b.sample(logits));
    }
    SamplingOptions other;
    other.seed = 2;
    Sampler a(SamplingOptions{});
    Sampler b(other);
    int different = 0;
    for (int i = 0; i < 100; ++i) different += a.sample(logits) != b.sample(logits);
    EXPECT_GT(different, 50);
}

TEST(Sampler, StrangeArgumentsAreNormalised) {
    const std::vector<float> logits{0, 1, 2};
    for (const SamplingOptions& options :
         {SamplingOptions{1, 0, -1, -5, 1}, SamplingOptions{1, 2, NAN, 1 << 20, 1},
          SamplingOptions{NAN, NAN, 0.05F, 0, 1}}) {
        Sampler sampler(options);
        for (int i = 0; i < 100; ++i) {
            const TokenId id = sampler.sample(logits);
            EXPECT_GE(id, 0);
            EXPECT_LT(id, 3);
        }
    }
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "session/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "kernel/reference_kernels.h"
#include "session/token_statistics.h"

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

// --- without all logits -------------------------------------------------------------------------

// As a device says it: sums in float, off by what a device may be off.
LogitsSummary summary_of(std::vector<float>& logits, const LogitsSummary& wanted, float off) {
    LogitsSummary top = wanted;
    top.vocabulary = static_cast<std::int32_t>(logits.size());
    TopLogits op{.logits = logits.data(),
                 .rows = 1,
                 .vocabulary = top.vocabulary,
                 .k = top.k,
                 .temperature = top.temperature,
                 .ids = nullptr,
                 .values = nullptr,
                 .rest = &top.rest};
    top.ids.resize(static_cast<std::size_t>(op.kept()));
    top.values.resize(top.ids.size());
    op.ids = top.ids.data();
    op.values = top.values.data();
    top_logits_ref(op);
    top.rest.rest_tempered *= 1 + off;
    return top;
}

std::vector<std::vector<float>> distributions() {
    std::vector<std::vector<float>> all;
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    for (const std::size_t size : {1U, 2U, 5U, 40U, 300U, 2500U}) {
        for (const float scale : {0.3F, 2.0F, 8.0F, 60.0F}) {
            std::vector<float> logits(size);
            for (float& v : logits) v = scale * normal(random);
            all.push_back(logits);
            for (float& v : logits) v = std::round(v / scale * 2) * scale / 2;  // ties
            all.push_back(logits);
        }
        all.emplace_back(size, -3.5F);
        std::vector<float> neighbours(size);  // a rounding apart: exponentials that are equal
        float value = 20;
        for (float& v : neighbours) v = value = std::nextafter(value, 0.0F);
        std::shuffle(neighbours.begin(), neighbours.end(), random);
        all.push_back(neighbours);
    }
    return all;
}

TEST(SamplerOfTheBest, GivesTheTokensOfAllLogits) {
    std::int64_t tokens = 0;
    std::int64_t answered = 0;
    std::mt19937 random(3);
    for (std::vector<float>& logits : distributions()) {
        for (const float temperature : {-1.0F, 0.0F, 1e-6F, 0.1F, 0.7F, 1.0F, 2.5F})
            for (const float top_p : {1.0F, 0.95F, 0.5F, 1e-3F})
                for (const float min_p : {0.0F, 0.05F, 0.6F, 1.0F, 1.5F})
                    for (const int top_k : {0, 1, 7, 1024}) {
                        const SamplingOptions options{.temperature = temperature,
                                                      .top_p = top_p,
                                                      .min_p = min_p,
                                                      .top_k = top_k,
                                                      .seed = random()};
                        Sampler all(options);
                        Sampler best(options);
                        for (int draw = 0; draw < 3; ++draw) {
                            const float off = draw == 0 ? 0.0F : draw == 1 ? 5e-5F : -5e-5F;
                            const LogitsSummary top = summary_of(logits, best.wanted(draw), off);
                            const std::optional<TokenId> token = best.sample(top);
                            ++tokens;
                            answered += token ? 1 : 0;
                            ASSERT_EQ(token ? *token : best.sample(logits), all.sample(logits))
                                << logits.size() << " logits, temperature " << temperature
                                << ", top_p " << top_p << ", min_p " << min_p << ", top_k " << top_k
                                << (token ? "" : ", not from the best");
                            if (temperature <= 0 || top.whole()) {
                                EXPECT_TRUE(token);
                            }
                        }
                    }
    }
    std::printf("  %lld of %lld tokens from the best alone\n", static_cast<long long>(answered),
                static_cast<long long>(tokens));
    EXPECT_GT(answered, tokens * 9 / 10);
}

TEST(SamplerOfTheBest, SaysWhereItCannotTell) {
    std::vector<float> flat(2000, 1.0F);
    const auto tells = [&](const SamplingOptions& options, std::vector<float>& logits) {
        Sampler sampler(options);
        return sampler.sample(summary_of(logits, sampler.wanted(0), 0)).has_value();
    };
    // All of them are candidates, and 256 are known.
    EXPECT_FALSE(tells({.temperature = 1, .top_p = 1, .min_p = 0.05F}, flat));
    EXPECT_FALSE(tells({.temperature = 1, .top_p = 0.9F, .min_p = 0}, flat));
    EXPECT_TRUE(tells({.temperature = 0}, flat));
    // A mass that ends on the edge of what is summed in float.
    std::vector<float> edge(2000, std::log(0.5F / 1999));
    edge[0] = std::log(0.5F);
    EXPECT_FALSE(tells({.temperature = 1, .top_p = 0.5F, .min_p = 0}, edge));
    EXPECT_TRUE(tells({.temperature = 1, .top_p = 0.499F, .min_p = 0}, edge));
    // After a miss more are asked for.
    Sampler sampler({.temperature = 1, .top_p = 1, .min_p = 0.05F});
    EXPECT_EQ(sampler.wanted(5).k, 256);
    EXPECT_FALSE(sampler.sample(summary_of(flat, sampler.wanted(5), 0)));
    EXPECT_EQ(sampler.wanted(5).k, TopLogits::kMost);
    EXPECT_EQ(Sampler({.temperature = 0}).wanted(5).k, 5);
    EXPECT_EQ(Sampler({.top_k = 5000}).wanted(64).k, 1024 + 32);
}

TEST(TokenStatisticsOfTheBest, AreThoseOfAllLogits) {
    for (std::vector<float>& logits : distributions()) {
        LogitsSummary wanted;
        for (const int k : {1, 64, 256, TopLogits::kMost}) {
            wanted.k = k;
            const LogitsSummary top = summary_of(logits, wanted, 0);
            const TokenId best = Sampler::argmax(logits);
            for (const TokenId chosen : {best, top.ids.front(), top.ids.back()})
                for (const int count : {0, 1, 5, 64}) {
                    if (!tells_statistics(top, chosen, count)) {
                        EXPECT_GT(count, k);
                        continue;
                    }
                    const TokenStatistics want = token_statistics(logits, chosen, count);
                    const TokenStatistics got = token_statistics(top, chosen, count);
                    EXPECT_NEAR(got.probability, want.probability, 2e-7 * want.probability);
                    EXPECT_NEAR(got.entropy_bits, want.entropy_bits, 1e-6);
                    ASSERT_EQ(got.alternatives.size(), want.alternatives.size());
                    for (std::size_t i = 0; i < want.alternatives.size(); ++i) {
                        EXPECT_EQ(got.alternatives[i].id, want.alternatives[i].id);
                        EXPECT_NEAR(got.alternatives[i].probability,
                                    want.alternatives[i].probability,
                                    2e-7 * want.alternatives[i].probability);
                    }
                }
        }
    }
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Measuring must not change what is measured: after a decode the timeline goes on as if there had
// been none.
#include "engine/measure.h"

#include <gmock/gmock.h>

#include "model/golden_support.h"

namespace starglass::test {
namespace {

class SpeedProbeTest : public testing::TestWithParam<BackendKind> {
protected:
    void SetUp() override {
        loaded_ = open_model(golden_path("tiny/tiny-q2.gguf"), GetParam(), Numerics::act8, 2);
    }
    std::unique_ptr<SpeedProbe> fresh() { return std::move(*create_speed_probe(loaded_.engine)); }
    static std::vector<float> logits(const SpeedProbe& probe) {
        return {probe.logits().begin(), probe.logits().end()};
    }
    static void prefill(SpeedProbe& probe, std::int64_t tokens) {
        const auto seconds = probe.prefill(tokens, nullptr, CancelToken());
        ASSERT_TRUE(seconds) << seconds.error().message;
        EXPECT_GT(*seconds, 0);
    }
    static std::vector<double> decode(SpeedProbe& probe, int tokens) {
        std::vector<double> seconds;
        const Status status = probe.decode(tokens, seconds, nullptr, CancelToken());
        EXPECT_TRUE(status) << status.error().message;
        return seconds;
    }

    Loaded loaded_;
};

TEST_P(SpeedProbeTest, DecodingLeavesNoTrace) {
    // Frontiers on, before and after the ends of groups (4 and 128) and of the window.
    const std::vector<std::int64_t> frontiers = {3, 4, 126, 129, 256};
    auto disturbed = fresh();
    auto plain = fresh();
    for (const std::int64_t frontier : frontiers) {
        prefill(*disturbed, frontier - disturbed->position());
        prefill(*plain, frontier - plain->position());
        EXPECT_EQ(logits(*disturbed), logits(*plain)) << frontier;
        for (int repeat = 0; repeat < 2; ++repeat) {
            EXPECT_EQ(decode(*disturbed, 9).size(), 9U);
            EXPECT_EQ(disturbed->position(), frontier);
            EXPECT_EQ(logits(*disturbed), logits(*plain)) << frontier;
        }
    }
    EXPECT_EQ(logits(*plain).size(), 512U);
}

TEST_P(SpeedProbeTest, BackReturnsToTheMarkAsOftenAsWanted) {
    auto probe = fresh();
    prefill(*probe, 70);
    probe->mark();
    const std::vector<float> at_mark = logits(*probe);
    prefill(*probe, 61);
    const std::vector<float> first = logits(*probe);
    EXPECT_NE(first, at_mark);
    for (int repeat = 0; repeat < 2; ++repeat) {
        probe->back();
        EXPECT_EQ(probe->position(), 70);
        EXPECT_EQ(logits(*probe), at_mark);
        prefill(*probe, 61);
        EXPECT_EQ(logits(*probe), first);
    }
}

TEST_P(SpeedProbeTest, AFrontierHasTheLogitsOfASession) {
    auto probe = fresh();
    for (const std::int64_t frontier : {5, 131, 140}) {
        prefill(*probe, frontier - probe->position());
        decode(*probe, 6);
        std::vector<TokenId> tokens;
        for (std::int64_t at = 0; at < frontier; ++at) tokens.push_back(probe->token_at(at));
        SessionListener listener;
        ASSERT_TRUE(loaded_.session->evaluate(tokens, {}, listener, nullptr, CancelToken()));
        const std::span<const float> expected = loaded_.session->logits();
        EXPECT_EQ(logits(*probe), std::vector<float>(expected.begin(), expected.end()))
            << "after " << frontier << " tokens";
    }
}

TEST_P(SpeedProbeTest, SynthesisedContextsCanBeDecoded) {
    auto probe = fresh();
    ASSERT_TRUE(probe->synthesise(3000, 1, CancelToken()));
    EXPECT_EQ(probe->position(), 3000);
    EXPECT_TRUE(probe->logits().empty());
    EXPECT_EQ(decode(*probe, 3).size(), 3U);
    EXPECT_EQ(probe->position(), 3000);
    prefill(*probe, 10);
    for (const float value : probe->logits()) ASSERT_TRUE(std::isfinite(value));
    // Again, and the same state means the same logits.
    const std::vector<float> first = logits(*probe);
    ASSERT_TRUE(probe->synthesise(3000, 1, CancelToken()));
    prefill(*probe, 10);
    EXPECT_EQ(logits(*probe), first);
    EXPECT_GT(probe->state_bytes(), fresh()->state_bytes());
}

TEST_P(SpeedProbeTest, TrafficGrowsWithTheContext) {
    auto probe = fresh();
    const TokenTraffic near = probe->traffic(0);
    const TokenTraffic far = probe->traffic(30000);
    EXPECT_GT(near.dense_weights, 0U);
    EXPECT_GT(near.routed_weights, 0U);
    EXPECT_EQ(near.routed_weights, far.routed_weights);
    EXPECT_GT(far.kv, 10 * near.kv);
    EXPECT_EQ(near.total(), near.dense_weights + near.routed_weights + near.kv);
}

TEST_P(SpeedProbeTest, RefusesToLeaveTheContextAndStopsWhenAsked) {
    auto probe = fresh();
    const std::int64_t context = loaded_.engine->options().context_tokens;
    const auto too_long = probe->prefill(context + 1, nullptr, CancelToken());
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, ErrorCode::invalid_input);
    EXPECT_FALSE(probe->synthesise(context + 1, 1, CancelToken()));

    prefill(*probe, 20);
    const std::vector<float> before = logits(*probe);
    CancelToken cancel;
    std::vector<double> seconds;
    const Status stopped = probe->decode(
        50, seconds,
        [&](std::int64_t done, std::int64_t) {
            if (done == 3) cancel.cancel();
        },
        cancel);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
    EXPECT_EQ(seconds.size(), 3U);
    EXPECT_EQ(probe->position(), 20);
    prefill(*probe, 5);
    auto other = fresh();
    prefill(*other, 20);
    EXPECT_EQ(before, logits(*other));
    prefill(*other, 5);
    EXPECT_EQ(logits(*probe), logits(*other));
}

TEST(SpeedProbe, AVeryLongContextIsReadInSmallerBatches) {
    for (const auto& [context, chunk] : {std::pair{32768, 512}, {1 << 19, 512}, {1 << 20, 256}}) {
        EngineOptions options;
        options.context_tokens = context;
        const auto engine =
            open_engine(golden_path("tiny/tiny-q2.gguf"), options, nullptr, CancelToken());
        ASSERT_TRUE(engine);
        EXPECT_EQ((*create_speed_probe(*engine))->chunk_tokens(), chunk) << context;
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, SpeedProbeTest,
                         testing::Values(BackendKind::cpu, BackendKind::reference),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
//
// The facade on the tiny golden model: timelines, reuse, cancellation, events, refusals.
#include <thread>

#include "model/golden_support.h"

namespace starglass::test {
namespace {

class SessionTest : public testing::TestWithParam<BackendKind> {
protected:
    void SetUp() override {
        loaded_ = open_model(golden_path("tiny/tiny-q2.gguf"), GetParam(), Numerics::act8);
        tokens_ = Npz(golden_path("tiny/golden-q2-logits.npz")).at("tokens_B").ints();
    }
    GenerateRequest request(std::vector<TokenId> prompt, int max_tokens) {
        GenerateRequest r;
        r.prompt = std::move(prompt);
        r.max_tokens = max_tokens;
        r.sampling.temperature = 0;
        r.thinking = false;
        return r;
    }
    std::vector<TokenId> prefix(std::size_t count) const {
        return {tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(count)};
    }
    GenerateResult generate(Session& session, const GenerateRequest& r,
                            SessionListener* listener = nullptr) {
        SessionListener none;
        CancelToken cancel;
        auto result = session.generate(r, listener != nullptr ? *listener : none, cancel);
        EXPECT_TRUE(result) << result.error().message;
        return result ? *result : GenerateResult{};
    }
    std::unique_ptr<Session> fresh() { return std::move(*loaded_.engine->create_session()); }

    Loaded loaded_;
    std::vector<TokenId> tokens_;
};

TEST_P(SessionTest, GreedyGenerationEqualsEvaluateStepByStep) {
    const GenerateResult result = generate(*loaded_.session, request(prefix(20), 6));
    ASSERT_GT(result.tokens.size(), 0U);
    std::vector<TokenId> timeline = prefix(20);
    auto other = fresh();
    for (const TokenId token : result.tokens) {
        const LogitRows rows = all_logits(*other, timeline, 7);
        ASSERT_EQ(argmax(rows.rbegin()->second), static_cast<std::size_t>(token));
        timeline.push_back(token);
    }
}

TEST_P(SessionTest, ContinuingReusesTheLiveTimelineAndGivesTheSameTokens) {
    const GenerateResult first = generate(*loaded_.session, request(prefix(135), 6));
    std::vector<TokenId> longer = prefix(135);
    longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
    longer.insert(longer.end(), {5, 6, 7, 8});
    EXPECT_GE(loaded_.session->reusable_tokens(longer), 140);
    const GenerateResult second = generate(*loaded_.session, request(longer, 6));
    EXPECT_GE(second.timings.reused_tokens, 140);
    EXPECT_EQ(second.tokens, generate(*fresh(), request(longer, 6)).tokens);
}

TEST_P(SessionTest, AnotherEndingComesBackToTheSnapshotBeforeTheLastToken) {
    generate(*loaded_.session, request(prefix(131), 8));
    std::vector<TokenId> other = prefix(130);
    other.insert(other.end(), {9, 10, 11});
    EXPECT_EQ(loaded_.session->reusable_tokens(other), 130);
    const GenerateResult resumed = generate(*loaded_.session, request(other, 6));
    EXPECT_EQ(resumed.timings.reused_tokens, 130);
    EXPECT_EQ(resumed.tokens, generate(*fresh(), request(other, 6)).tokens);
    // Both branches stay usable.
    const GenerateResult again = generate(*loaded_.session, request(prefix(131), 8));
    EXPECT_EQ(again.timings.reused_tokens, 130);
    EXPECT_EQ(again.tokens, generate(*fresh(), request(prefix(131), 8)).tokens);
}

TEST_P(SessionTest, TheSamePromptTwiceGivesTheSameAnswer) {
    const GenerateResult a = generate(*loaded_.session, request(prefix(64), 8));
    const GenerateResult b = generate(*loaded_.session, request(prefix(64), 8));
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(b.timings.reused_tokens, 63);
}

TEST_P(SessionTest, AnUnrelatedPromptStartsOver) {
    generate(*loaded_.session, request(prefix(64), 4));
    std::vector<TokenId> other{0, 300, 301, 302};
    const GenerateResult result = generate(*loaded_.session, request(other, 4));
    EXPECT_EQ(result.timings.reused_tokens, 0);
    EXPECT_EQ(result.tokens, generate(*fresh(), request(other, 4)).tokens);
}

TEST_P(SessionTest, CancelledPrefillLeavesAUsableSession) {
    struct CancelSoon : SessionListener {
        CancelToken* token;
        int calls = 0;
        void on_routing(const RoutingFrame&) override {
            if (++calls == 5) token->cancel();
        }
    } listener;
    CancelToken cancel;
    listener.token = &cancel;
    auto session = fresh();
    GenerateRequest r = request(prefix(60), 50);
    const auto stopped = session->generate(r, listener, cancel);
    ASSERT_TRUE(stopped);
    EXPECT_EQ(stopped->stop, StopReason::cancelled);
    EXPECT_EQ(generate(*session, request(prefix(60), 10)).tokens,
              generate(*fresh(), request(prefix(60), 10)).tokens);
}

TEST_P(SessionTest, CancellingInsideABatchRestoresTheFrontiers) {
    // Cancel from another thread at many moments; whatever the moment, what comes after must be
    // what a fresh session gives.
    const std::vector<TokenId> expected = generate(*fresh(), request(prefix(90), 4)).tokens;
    auto session = fresh();
    for (int attempt = 0; attempt < 5; ++attempt) {
        CancelToken cancel;
        SessionListener none;
        std::thread other([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(1 + 4 * attempt));
            cancel.cancel();
        });
        const auto stopped = session->generate(request(prefix(90), 4), none, cancel);
        other.join();
        ASSERT_TRUE(stopped);
        EXPECT_EQ(generate(*session, request(prefix(90), 4)).tokens, expected) << attempt;
        if (attempt % 2 == 0) session->clear();
    }
}

TEST_P(SessionTest, EventsCarryRoutingAlternativesAndTimings) {
    struct Recorder : SessionListener {
        std::vector<TokenEvent> events;
        std::vector<std::int64_t> routed;
        int prefill_done = 0;
        int prefill_total = 0;
        void on_prefill(const PrefillProgress& p) override {
            prefill_done = p.tokens_done;
            prefill_total = p.tokens_total;
        }
        void on_token(const TokenEvent& event) override { events.push_back(event); }
        void on_routing(const RoutingFrame& frame) override {
            routed.push_back(frame.position);
            ASSERT_EQ(frame.experts.size(), static_cast<std::size_t>(6 * 6));
            float sum = 0;
            for (int k = 0; k < 6; ++k) {
                EXPECT_GE(frame.experts[static_cast<std::size_t>(k)], 0);
                EXPECT_LT(frame.experts[static_cast<std::size_t>(k)], 8);
                sum += frame.weights[static_cast<std::size_t>(k)];
            }
            EXPECT_NEAR(sum, 1.5F, 1e-4);
        }
    } recorder;
    auto session = fresh();
    GenerateRequest r = request(prefix(30), 5);
    r.top_alternatives = 4;
    const GenerateResult result = generate(*session, r, &recorder);
    EXPECT_EQ(recorder.prefill_done, 30);
    EXPECT_EQ(recorder.prefill_total, 30);
    std::size_t tokens = 0;
    for (const TokenEvent& event : recorder.events) {
        if (event.id < 0) continue;
        EXPECT_EQ(event.id, result.tokens[tokens]);
        EXPECT_EQ(event.position, static_cast<std::int64_t>(30 + tokens));
        ASSERT_EQ(event.alternatives.size(), 4U);
        EXPECT_EQ(event.alternatives[0].id, event.id);  // greedy
        EXPECT_FLOAT_EQ(event.alternatives[0].probability, event.probability);
        EXPECT_GE(event.entropy_bits, 0);
        ++tokens;
    }
    EXPECT_EQ(tokens, result.tokens.size());
    for (std::size_t i = 0; i < recorder.routed.size(); ++i)
        EXPECT_EQ(recorder.routed[i], static_cast<std::int64_t>(i));
    EXPECT_GT(result.timings.first_token_seconds, 0);
}

TEST_P(SessionTest, RefusalsAreSentences) {
    SessionListener none;
    CancelToken cancel;
    const auto message = [&](std::vector<TokenId> prompt) {
        const auto result = loaded_.session->generate(request(std::move(prompt), 3), none, cancel);
        return result ? std::string() : result.error().message;
    };
    EXPECT_NE(message({}).find("empty"), std::string::npos);
    EXPECT_NE(message({0, 512}).find("token 512 at position 1 is outside the vocabulary"),
              std::string::npos);
    EXPECT_NE(message({-1}).find("outside the vocabulary"), std::string::npos);
    EXPECT_NE(message(std::vector<TokenId>(40000, 3)).find("the context holds"), std::string::npos);
    EXPECT_EQ(generate(*loaded_.session, request(prefix(10), 3)).tokens.size(), 3U);
}

TEST_P(SessionTest, LengthLimitsHold) {
    EXPECT_EQ(generate(*loaded_.session, request(prefix(10), 0)).tokens.size(), 0U);
    EngineOptions options;
    options.backend = GetParam();
    options.context_tokens = 24;
    auto engine = open_engine(golden_path("tiny/tiny-q2.gguf"), options, nullptr, CancelToken());
    ASSERT_TRUE(engine);
    auto session = std::move(*(*engine)->create_session());
    const GenerateResult result = generate(*session, request(prefix(20), -1));
    EXPECT_LE(result.tokens.size(), 4U);
    if (result.tokens.size() == 4U) {
        EXPECT_EQ(result.stop, StopReason::length);
    }
}

TEST(Engine, MissingAndForeignFilesAreRefusedWithASentence) {
    const auto message = [](const std::string& path) {
        auto engine = open_engine(path, {}, nullptr, CancelToken());
        return engine ? std::string() : engine.error().message;
    };
    EXPECT_NE(message("/nowhere/x.gguf").find("cannot open '/nowhere/x.gguf'"), std::string::npos);
    EXPECT_NE(message(golden_path("tiny/golden-q2-logits.npz")).find("GGUF"), std::string::npos);
    EXPECT_NE(message(SG_GOLDEN_DIR).find("not a regular file"), std::string::npos);
}

TEST(Engine, LoadReportsItsStagesAndCanBeCancelled) {
    std::vector<LoadProgress::Stage> stages;
    auto engine = open_engine(
        golden_path("tiny/tiny-q4.gguf"), {},
        [&](const LoadProgress& p) {
            if (stages.empty() || stages.back() != p.stage) stages.push_back(p.stage);
        },
        CancelToken());
    ASSERT_TRUE(engine);
    ASSERT_FALSE(stages.empty());
    EXPECT_EQ(stages.front(), LoadProgress::Stage::open);
    EXPECT_EQ(stages.back(), LoadProgress::Stage::ready);
    EXPECT_TRUE(std::is_sorted(stages.begin(), stages.end()));
    EXPECT_EQ((*engine)->info().layers, 6);
    EXPECT_EQ((*engine)->info().expert_types.front(), "Q4_K");

    CancelToken cancelled;
    cancelled.cancel();
    auto none = open_engine(golden_path("tiny/tiny-q4.gguf"), {}, nullptr, cancelled);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::cancelled);
}

INSTANTIATE_TEST_SUITE_P(Backends, SessionTest,
                         testing::Values(BackendKind::reference, BackendKind::cpu),
                         [](const testing::TestParamInfo<BackendKind>& info) {
                             return name_of(info.param);
                         });

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
#include "experts/expert_policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <set>

#include "engine/experts.h"
#include "engine/trace_generator.h"

namespace starglass {
namespace {

constexpr auto kAny = [](ExpertId) { return true; };

std::unique_ptr<ExpertPolicy> policy(std::string_view name, ExpertPolicyShape shape) {
    return make_expert_policy(name, shape);
}

Simulation simulated(const ExpertTrace& trace, std::string_view policy, double share) {
    SimulationOptions options;
    options.policy = policy;
    std::uint64_t all = 0;
    for (const auto bytes : trace.expert_bytes)
        all += bytes * static_cast<std::uint64_t>(trace.experts);
    options.budget_bytes = static_cast<std::uint64_t>(static_cast<double>(all) * share);
    const auto run = simulate_experts(trace, options, {});
    EXPECT_TRUE(run) << run.error().message;
    return run.value_or(Simulation{});
}

TEST(ExpertPolicy, HasADefaultAndKnowsItsNames) {
    ASSERT_FALSE(expert_policies().empty());
    for (const std::string_view name : expert_policies())
        EXPECT_EQ(policy(name, {2, 4, 1})->name(), name);
    EXPECT_EQ(policy("", {2, 4, 1})->name(), expert_policies().front());
    EXPECT_EQ(policy("optimum", {2, 4, 1}), nullptr);
    EXPECT_EQ(policy("mru", {2, 4, 1}), nullptr);
}

TEST(ExpertPolicy, NamesOnlyWhatIsThereAndMayGo) {
    for (const std::string_view name : expert_policies()) {
        SCOPED_TRACE(name);
        const ExpertPolicyShape shape{3, 11, 2};
        const auto one = policy(name, shape);
        EXPECT_EQ(one->victim(0, kAny), kNoExpert);
        std::mt19937_64 random(7);
        std::set<ExpertId> there;
        for (int batch = 0; batch < 400; ++batch) {
            one->begin_batch(batch % 9 == 0 ? 5 : 1);
            for (int layer = 0; layer < shape.layers; ++layer) {
                for (int i = 0; i < 3; ++i) {
                    const auto id = static_cast<ExpertId>(layer * 11 + random() % 11);
                    if (random() % 8 == 0 && !there.contains(id))
                        one->loaded_ahead(id);
                    else
                        one->used(id, 1);
                    there.insert(id);
                }
                while (there.size() > 8) {
                    const auto spared = [&](ExpertId id) { return id % 3 != batch % 3; };
                    const ExpertId gone = one->victim(layer, spared);
                    if (gone == kNoExpert) {
                        for (const ExpertId id : there) ASSERT_FALSE(spared(id));
                        break;
                    }
                    ASSERT_TRUE(spared(gone));
                    ASSERT_EQ(there.erase(gone), 1U);
                    one->removed(gone);
                }
            }
        }
    }
}

TEST(ExpertPolicy, LruGivesUpTheLongestUnused) {
    const auto lru = policy("lru", {1, 4, 1});
    for (const ExpertId id : {0, 1, 2, 0}) {
        lru->begin_batch(1);
        lru->used(id, 1);
    }
    EXPECT_EQ(lru->victim(0, kAny), 1);
    EXPECT_EQ(lru->victim(0, [](ExpertId id) { return id != 1; }), 2);
    lru->removed(1);
    EXPECT_EQ(lru->victim(0, kAny), 2);
}

TEST(ExpertPolicy, CountingKeepsWhatIsUsedOften) {
    for (const char* name : {"decayed", "hazard"}) {
        const auto one = policy(name, {1, 8, 1});
        for (int token = 0; token < 200; ++token) {
            one->begin_batch(1);
            one->used(token % 10 == 9 ? 1 : 0, 1);
        }
        // The last use was of 1, as LRU would have it.
        EXPECT_EQ(one->victim(0, kAny), 1) << name;
    }
}

TEST(ExpertPolicy, BelievesWhatItIsToldToExpect) {
    for (const char* name : {"decayed", "hazard"}) {
        const auto one = policy(name, {1, 4, 1});
        one->expect(std::vector<float>{0.1F, 0.6F, 0.05F, 0.25F});
        for (const ExpertId id : {0, 1, 2, 3}) one->loaded_ahead(id);
        EXPECT_EQ(one->victim(0, kAny), 2) << name;
        one->removed(2);
        EXPECT_EQ(one->victim(0, kAny), 0) << name;
    }
}

// The layer just run comes again last.
TEST(ExpertPolicy, HazardSparesTheLayersToCome) {
    const auto hazard = policy("hazard", {4, 2, 1});
    for (const ExpertId id : {0, 2, 4, 6}) hazard->loaded_ahead(id);
    EXPECT_EQ(hazard->victim(2, kAny), 4);
    EXPECT_EQ(hazard->victim(0, kAny), 0);
}

// A subject that changes: frequency alone would keep what the old one needed.
TEST(ExpertPolicy, HazardNoticesThatUseHasMoved) {
    const auto hazard = policy("hazard", {1, 64, 1});
    std::mt19937_64 random(3);
    const auto run = [&](int first) {
        hazard->begin_batch(1);
        hazard->used(first + static_cast<ExpertId>(random() % 8), 1);
    };
    for (int subject = 0; subject < 40; ++subject)
        for (int token = 0; token < 40; ++token) run(subject % 8 * 8);
    for (int token = 0; token < 30; ++token) run(0);
    // All 64 are there; those of the subject are the last to go.
    for (int i = 0; i < 56; ++i) {
        const ExpertId gone = hazard->victim(0, kAny);
        EXPECT_GE(gone, 8);
        hazard->removed(gone);
    }
}

TEST(ExpertPolicy, TheDefaultMissesLessThanLruOnMadeUpConversations) {
    for (const std::string_view kind : trace_kinds()) {
        auto recipe = trace_recipe(kind);
        ASSERT_TRUE(recipe);
        recipe->layers = 12;
        recipe->experts = 64;
        recipe->tokens = 1500;
        const auto trace = generate_trace(*recipe);
        ASSERT_TRUE(trace);
        for (const double share : {0.2, 0.4, 0.6, 0.8}) {
            const auto best = simulated(*trace, "", share);
            const auto lru = simulated(*trace, "lru", share);
            const auto optimum = simulated(*trace, "optimum", share);
            SCOPED_TRACE(testing::Message() << kind << ", " << share);
            EXPECT_GT(best.decode.hit_rate(), lru.decode.hit_rate() + 0.004);
            EXPECT_GT(best.predicted_tokens_s, lru.predicted_tokens_s);
            EXPECT_GE(optimum.predicted_tokens_s, best.predicted_tokens_s);
        }
    }
}

// Generous: what a debug build under a sanitizer on a busy machine does not reach either.
TEST(ExpertPolicy, CostsLittleOnTheShapeOfFlash) {
    TraceRecipe recipe = *trace_recipe("locality");
    recipe.tokens = 200;
    const auto trace = generate_trace(recipe);
    ASSERT_TRUE(trace);
    const auto start = std::chrono::steady_clock::now();
    (void)simulated(*trace, "", 0.2);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count() / 200, 0.02);
    RecordProperty("microseconds_per_token", static_cast<int>(took.count() / 200 * 1e6));
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <set>

#include "engine/experts.h"
#include "engine/trace_generator.h"

namespace starglass {
namespace {

ExpertTrace small_trace(std::string_view kind, std::uint64_t seed) {
    TraceRecipe recipe = *trace_recipe(kind);
    recipe.layers = 5;
    recipe.experts = 24;
    recipe.used = 3;
    recipe.hash_layers = 2;
    recipe.tokens = 400;
    recipe.topic_tokens = 100;
    recipe.prompt_tokens = kind == "chat" ? 20 : 0;
    recipe.expert_bytes = 10;
    recipe.seed = seed;
    return *generate_trace(recipe);
}

Simulation simulate(const ExpertTrace& trace, SimulationOptions options) {
    const auto run = simulate_experts(trace, options, {});
    EXPECT_TRUE(run) << run.error().message;
    return run.value_or(Simulation{});
}

// LRU as a list of what was used, without waves: layer by layer what is there, then what is not.
std::pair<std::uint64_t, std::uint64_t> naive_lru(const ExpertTrace& trace, std::size_t room) {
    std::list<int> order;  // last used first
    std::uint64_t hits = 0, misses = 0;
    for (const auto& batch : trace.batches)
        for (int layer = 0; layer < trace.layers; ++layer) {
            std::set<int> needed;
            for (int i = 0; i < trace.used; ++i)
                needed.insert(layer * trace.experts + batch.experts[layer * trace.used + i]);
            std::vector<int> missing;
            for (const int id : needed) {
                const auto at = std::find(order.begin(), order.end(), id);
                if (at == order.end()) {
                    missing.push_back(id);
                    continue;
                }
                ++hits;
                order.splice(order.begin(), order, at);
            }
            for (const int id : missing) {
                ++misses;
                order.push_front(id);
            }
            while (order.size() > room) order.pop_back();
        }
    return {hits, misses};
}

TEST(ExpertSimulator, CountsAsANaiveListDoes) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const ExpertTrace trace = small_trace("locality", seed);
        for (const std::size_t room : {12, 20, 40, 77, 120}) {
            const auto run = simulate(trace, {.policy = "lru", .budget_bytes = room * 10});
            const auto [hits, misses] = naive_lru(trace, room);
            EXPECT_EQ(run.decode.hits, hits) << room;
            EXPECT_EQ(run.decode.misses, misses) << room;
            EXPECT_EQ(run.decode.read_bytes, misses * 10);
            EXPECT_EQ(run.decode.experts_read, misses);
            EXPECT_EQ(run.decoded_tokens, 400);
        }
    }
}

// The fewest misses possible, by trying every choice.
int fewest_misses(const std::vector<int>& needs, std::size_t room) {
    std::map<std::set<int>, int> states{{{}, 0}};
    for (const int need : needs) {
        std::map<std::set<int>, int> next;
        const auto reach = [&](const std::set<int>& state, int cost) {
            const auto [at, fresh] = next.emplace(state, cost);
            if (!fresh) at->second = std::min(at->second, cost);
        };
        for (const auto& [state, cost] : states) {
            if (state.contains(need)) {
                reach(state, cost);
                continue;
            }
            std::set<int> with = state;
            with.insert(need);
            if (with.size() <= room) {
                reach(with, cost + 1);
                continue;
            }
            for (const int gone : state) {
                std::set<int> left = with;
                left.erase(gone);
                reach(left, cost + 1);
            }
        }
        states = std::move(next);
    }
    int least = static_cast<int>(needs.size());
    for (const auto& [state, cost] : states) least = std::min(least, cost);
    return least;
}

TEST(ExpertSimulator, NothingMissesLessThanTheOptimum) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 30; ++round) {
        ExpertTrace trace;
        trace.layers = 1 + round % 2;
        trace.experts = 5;
        trace.used = 1;
        trace.expert_bytes.assign(static_cast<std::size_t>(trace.layers), 10);
        std::vector<int> needs;
        for (int token = 0; token < 30; ++token) {
            auto& batch = trace.batches.emplace_back();
            batch.position = token;
            batch.rows = 1;
            for (int layer = 0; layer < trace.layers; ++layer) {
                batch.experts.push_back(static_cast<std::int16_t>(random() % 5));
                needs.push_back(layer * 5 + batch.experts.back());
            }
        }
        for (const std::size_t room : {2, 3, 4}) {
            const auto run = simulate(trace, {.policy = "optimum", .budget_bytes = room * 10});
            EXPECT_EQ(run.decode.misses, static_cast<std::uint64_t>(fewest_misses(needs, room)));
        }
    }
}

TEST(ExpertSimulator, NoPolicyBeatsTheOptimum) {
    for (const char* kind : {"zipf", "locality"}) {
        const ExpertTrace trace = small_trace(kind, 9);
        for (const std::uint64_t budget : {60, 200, 500, 900}) {
            const auto optimum = simulate(trace, {.policy = "optimum", .budget_bytes = budget});
            for (const auto policy : expert_policies()) {
                const auto run =
                    simulate(trace, {.policy = std::string(policy), .budget_bytes = budget});
                EXPECT_LE(optimum.decode.misses, run.decode.misses) << policy << " " << budget;
            }
        }
    }
}

TEST(ExpertSimulator, ReadsEachExpertOncePerChunkWhenItFits) {
    const ExpertTrace trace = small_trace("chat", 1);
    const auto run = simulate(trace, {.policy = "", .budget_bytes = 5 * 24 * 10});
    std::set<int> used;
    for (const auto& batch : trace.batches)
        for (std::size_t i = 0; i < batch.experts.size(); ++i) {
            const auto per_layer =
                static_cast<std::size_t>(batch.rows) * static_cast<std::size_t>(trace.used);
            used.insert(static_cast<int>(i / per_layer) * trace.experts + batch.experts[i]);
        }
    EXPECT_EQ(run.totals.misses, used.size());
    const auto full =
        simulate(trace, {.policy = "", .budget_bytes = 5 * 24 * 10, .start_full = true});
    EXPECT_EQ(full.totals.misses, 0U);
    EXPECT_EQ(full.totals.stall_seconds, 0);
}

TEST(ExpertSimulator, LayersAddUpAndLayersElsewhereDoNotCount) {
    ExpertTrace trace = small_trace("chat", 2);
    trace.expert_bytes = {10, 0, 20, 10, 15};
    const auto run = simulate(trace, {.policy = "", .budget_bytes = 300});
    std::uint64_t hits = 0, misses = 0, bytes = 0;
    for (const ExpertTotals& layer : run.layers) {
        hits += layer.hits;
        misses += layer.misses;
        bytes += layer.read_bytes;
    }
    EXPECT_EQ(hits, run.decode.hits);
    EXPECT_EQ(misses, run.decode.misses);
    EXPECT_EQ(bytes, run.decode.read_bytes);
    EXPECT_EQ(run.layers[1].hits + run.layers[1].misses, 0U);
    EXPECT_EQ(hits + misses, 400U * 3 * 4);
}

// One layer, one token: two hits, one miss. The read hides behind what else there is to compute.
TEST(ExpertSimulator, PredictsTimesThatCanBeWorkedOutByHand) {
    ExpertTrace trace;
    trace.layers = 1;
    trace.experts = 8;
    trace.used = 3;
    trace.expert_bytes = {1000};
    const auto token = [&](std::int16_t a, std::int16_t b, std::int16_t c) {
        trace.batches.push_back({0, 1, {a, b, c}, {}});
    };
    token(0, 1, 2);
    SimulationOptions options{.policy = "lru", .budget_bytes = 6000};
    options.compute_seconds = 12;  // 9 without experts, 1 each
    options.read_bytes_s = 1000;   // 1 s an expert
    // Three reads after 9 s: each is waited for 1 s the first time, then arrives while one is
    // computed.
    EXPECT_NEAR(simulate(trace, options).decode.stall_seconds, 1, 1e-9);
    EXPECT_NEAR(simulate(trace, options).predicted_tokens_s, 1.0 / 13, 1e-9);
    token(0, 1, 3);
    EXPECT_NEAR(simulate(trace, options).predicted_tokens_s, 2.0 / 25, 1e-9);
    options.read_bytes_s = 100;
    // 10 s a read: 27 of 30 are waited for, then 8 of 10.
    EXPECT_NEAR(simulate(trace, options).decode.stall_seconds, 28 + 8, 1e-9);
}

TEST(ExpertSimulator, ReadingAheadHelpsWhenItIsRightAndReadsInVainWhenNot) {
    for (const double right : {1.0, 0.05}) {
        TraceRecipe recipe = *trace_recipe("zipf");
        recipe.layers = 12;
        recipe.experts = 64;
        recipe.hash_layers = 1;
        recipe.tokens = 300;
        recipe.prediction = right;
        // As long to read a token's experts as to compute it; or the disk has never time to spare.
        recipe.compute_seconds = 12.0 * 6 * 7'077'888 / 1.1e9 / (right == 1.0 ? 1 : 20);
        const ExpertTrace trace = *generate_trace(recipe);
        SimulationOptions options{.policy = "", .budget_bytes = 12 * 64 * 7'077'888ULL * 3 / 10};
        options.lookahead = false;
        const auto without = simulate(trace, options);
        options.lookahead = true;
        const auto with = simulate(trace, options);
        EXPECT_EQ(without.totals.ahead_used, 0U);
        EXPECT_GT(with.decode.ahead_used + with.decode.ahead_wasted, 0U);
        if (right == 1.0) {
            EXPECT_GT(with.predicted_tokens_s, without.predicted_tokens_s * 1.1);
            EXPECT_EQ(with.decode.ahead_wasted, 0U);
        } else {
            EXPECT_LT(with.predicted_tokens_s, without.predicted_tokens_s);
            EXPECT_GT(with.decode.ahead_wasted, with.decode.ahead_used);
        }
    }
}

TEST(ExpertSimulator, SaysWhatItCannotDo) {
    const ExpertTrace trace = small_trace("zipf", 1);
    const auto code = [&](SimulationOptions options) {
        const auto run = simulate_experts(trace, options, {});
        return run ? "" : run.error().message;
    };
    EXPECT_EQ(code({.policy = "", .budget_bytes = 29}),
              "a budget of 29 bytes for experts is too small; this model needs 30 at least");
    EXPECT_EQ(code({.policy = "fifo", .budget_bytes = 300}), "there is no expert policy 'fifo'");
    CancelToken cancel;
    cancel.cancel();
    const auto stopped = simulate_experts(trace, {.policy = "", .budget_bytes = 300}, cancel);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "experts/expert_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "engine/trace_generator.h"

namespace starglass {
namespace {

ExpertTrace sample() {
    TraceRecipe recipe = *trace_recipe("chat");
    recipe.layers = 5;
    recipe.experts = 40;
    recipe.used = 3;
    recipe.tokens = 60;
    recipe.topic_tokens = 20;
    recipe.prompt_tokens = 11;
    recipe.chunk = 8;
    recipe.prediction = 0.5;
    ExpertTrace trace = *generate_trace(recipe);
    trace.model = "A model";
    trace.expert_bytes = {10, 20, 30, 0, 50};
    for (int id = 0; id < 5 * 40; ++id) trace.expected.push_back(static_cast<float>(id) / 200);
    trace.preloaded = {7, 0, 199, 42};
    return trace;
}

void expect_equal(const ExpertTrace& a, const ExpertTrace& b) {
    EXPECT_EQ(a.layers, b.layers);
    EXPECT_EQ(a.experts, b.experts);
    EXPECT_EQ(a.used, b.used);
    EXPECT_EQ(a.hash_layers, b.hash_layers);
    EXPECT_EQ(a.expert_bytes, b.expert_bytes);
    EXPECT_EQ(a.model, b.model);
    EXPECT_EQ(a.compute_seconds, b.compute_seconds);
    EXPECT_EQ(a.prefill_seconds, b.prefill_seconds);
    EXPECT_EQ(a.read_bytes_s, b.read_bytes_s);
    EXPECT_EQ(a.expected, b.expected);
    EXPECT_EQ(a.preloaded, b.preloaded);
    ASSERT_EQ(a.batches.size(), b.batches.size());
    for (std::size_t i = 0; i < a.batches.size(); ++i) {
        EXPECT_EQ(a.batches[i].position, b.batches[i].position);
        EXPECT_EQ(a.batches[i].rows, b.batches[i].rows);
        EXPECT_EQ(a.batches[i].experts, b.batches[i].experts);
        EXPECT_EQ(a.batches[i].predicted, b.batches[i].predicted);
    }
}

TEST(ExpertTrace, ComesBackAsItWas) {
    const ExpertTrace trace = sample();
    EXPECT_EQ(trace.tokens(), 60 + 3 * 11);
    const auto path = std::filesystem::temp_directory_path() / "starglass-expert-trace-test";
    ASSERT_TRUE(write_expert_trace(trace, path.string()));
    const auto back = read_expert_trace(path.string());
    std::filesystem::remove(path);
    ASSERT_TRUE(back) << back.error().message;
    expect_equal(trace, *back);
    EXPECT_EQ(read_expert_trace(path.string()).error().code, ErrorCode::not_found);
}

TEST(ExpertTrace, RefusesEveryDamagedByteAndEveryLength) {
    const auto bytes = *pack_expert_trace(sample());
    ASSERT_TRUE(unpack_expert_trace(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto cut = unpack_expert_trace(std::span(bytes).first(length));
        ASSERT_FALSE(cut) << length;
        EXPECT_EQ(cut.error().code, ErrorCode::invalid_input);
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] ^= std::byte{0x10};
        ASSERT_FALSE(unpack_expert_trace(damaged)) << at;
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(unpack_expert_trace(longer));
}

TEST(ExpertTrace, SaysWhatIsWrong) {
    auto bytes = *pack_expert_trace(sample());
    const auto sentence = [](std::span<const std::byte> of) {
        return unpack_expert_trace(of).error().message;
    };
    auto other = bytes;
    other[0] = std::byte{'X'};
    EXPECT_EQ(sentence(other), "the file is not an expert trace");
    other = bytes;
    other[8] = std::byte{9};
    EXPECT_EQ(sentence(other), "the expert trace is of version 9; this program reads version 1");
    other = bytes;
    other.back() ^= std::byte{1};
    EXPECT_THAT(sentence(other), testing::HasSubstr("checksum"));
}

TEST(ExpertTrace, RefusesWhatNoModelCouldHaveDone) {
    const auto refused = [](const auto& change) {
        ExpertTrace trace = sample();
        change(trace);
        const auto packed = pack_expert_trace(trace);
        EXPECT_FALSE(packed);
        EXPECT_FALSE(simulate_experts(trace, {.policy = "", .budget_bytes = 1 << 20}, {}));
    };
    refused([](ExpertTrace& t) { t.layers = 0; });
    refused([](ExpertTrace& t) { t.used = 41; });
    refused([](ExpertTrace& t) { t.hash_layers = 6; });
    refused([](ExpertTrace& t) { t.expert_bytes.pop_back(); });
    refused([](ExpertTrace& t) { t.expert_bytes[0] = std::uint64_t{1} << 60; });
    refused([](ExpertTrace& t) { t.compute_seconds = -1; });
    refused([](ExpertTrace& t) { t.expected.pop_back(); });
    refused([](ExpertTrace& t) { t.expected[3] = 1.5F; });
    refused([](ExpertTrace& t) { t.expected[3] = std::nanf(""); });
    refused([](ExpertTrace& t) { t.preloaded[0] = 200; });
    refused([](ExpertTrace& t) { t.preloaded[0] = -1; });
    refused([](ExpertTrace& t) { t.batches[3].rows = 0; });
    refused([](ExpertTrace& t) { t.batches[3].experts.pop_back(); });
    refused([](ExpertTrace& t) { t.batches[3].experts[1] = 40; });
    refused([](ExpertTrace& t) { t.batches[3].experts[1] = -1; });
    refused([](ExpertTrace& t) { t.batches[3].predicted.assign(15, 40); });
    refused([](ExpertTrace& t) { t.batches[3].predicted.assign(14, 0); });
}

TEST(TraceGenerator, MakesTheSameTraceEverywhere) {
    TraceRecipe recipe = *trace_recipe("chat");
    recipe.tokens = 40;
    const auto once = *generate_trace(recipe);
    expect_equal(once, *generate_trace(recipe));
    recipe.seed = 2;
    EXPECT_NE(generate_trace(recipe)->batches[0].experts, once.batches[0].experts);
    // Worked out once: other machines come to the same.
    std::uint64_t sum = 0;
    for (const auto& batch : once.batches)
        for (const auto expert : batch.experts) sum = sum * 31 + static_cast<std::uint64_t>(expert);
    EXPECT_EQ(sum, 3204556718458338727U);
}

TEST(TraceGenerator, RefusesWhatCannotBeFollowed) {
    EXPECT_FALSE(trace_recipe("noise"));
    TraceRecipe recipe;
    recipe.used = 300;
    EXPECT_FALSE(generate_trace(recipe));
    recipe = {};
    recipe.reuse = 1;
    EXPECT_FALSE(generate_trace(recipe));
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The arithmetic of ceilings, and what is forecast under them. That a ceiling holds is
// tests/cli/memory_ceiling_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/memory_plan.h"
#include "engine/trace_generator.h"
#include "session/engine_impl.h"
#include "session/memory_plan.h"
#include "support/sanitized.h"
#include "support/synthetic_model.h"

namespace starglass::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

SyntheticShape wide_shape() {
    SyntheticShape shape;
    shape.experts = 32;
    shape.ratios = {0, 4, 12, 4, 4, 4};
    shape.routed = {{DataType::iq2_xxs, DataType::q2_k}, {DataType::q4_k, DataType::q4_k}};
    return shape;
}

class Arithmetic : public testing::Test {
protected:
    Arithmetic() {
        const CancelToken cancel;
        parts_ = *EngineImpl::read(bytes_, {}, {}, cancel);
    }
    [[nodiscard]] MemoryPlanInput input(std::int64_t ceiling) const {
        return {.shape = parts_.shape,
                .weights = parts_.weights,
                .file = bytes_.data(),
                .file_bytes = bytes_.size(),
                .memory_bytes = ceiling,
                .context_tokens = 4096,
                .process_bytes = 10 * kMiB,
                .available = {.bytes = 4096 * kMiB, .total = 8192 * kMiB, .limited = false},
                .threads = 2};
    }
    static std::uint64_t sum(const MemoryPlan& plan) {
        std::uint64_t total = 0;
        for (const MemoryPlan::Part& part : plan.parts) total += part.bytes;
        return total;
    }
    static std::uint64_t part(const MemoryPlan& plan, const std::string& name) {
        for (const MemoryPlan::Part& one : plan.parts)
            if (one.name.find(name) != std::string::npos) return one.bytes;
        return 0;
    }
    GgufBytes bytes_ = SyntheticModel(wide_shape()).build();
    EngineImpl::Parts parts_;
};

TEST_F(Arithmetic, PartsFitTheCeilingAndMoreMemoryIsMoreExperts) {
    const MemoryPlan mapped = *plan_memory(input(kMemoryMapped));
    EXPECT_TRUE(mapped.mapped);
    EXPECT_EQ(mapped.disk_experts, 0);
    const auto least = static_cast<std::int64_t>(mapped.least_ceiling);
    std::uint64_t budget = 0;
    int host = 0, chunk = 0;
    for (std::int64_t ceiling = least; ceiling < least + 280 * kMiB; ceiling += 400'003) {
        const auto plan = plan_memory(input(ceiling));
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_EQ(plan->ceiling, static_cast<std::uint64_t>(ceiling));
        EXPECT_LE(sum(*plan), plan->ceiling);
        EXPECT_GE(plan->expert_budget, budget) << ceiling;
        EXPECT_GE(plan->host_experts, host);
        EXPECT_GE(plan->prefill_chunk, chunk);
        EXPECT_EQ(plan->prefill_chunk % 32, 0);
        EXPECT_EQ(plan->host_experts + plan->disk_experts, 6 * 32);
        EXPECT_EQ(plan->least_ceiling, mapped.least_ceiling);
        EXPECT_EQ(plan->parts.back().name, "routed experts");
        budget = plan->expert_budget;
        host = plan->host_experts;
        chunk = plan->prefill_chunk;
    }
    EXPECT_EQ(host, 6 * 32);  // all of them
    EXPECT_EQ(chunk, 4096);   // and nothing better to do with the rest
}

TEST_F(Arithmetic, TheLeastThatWorksIsTheLeastThatWorks) {
    const auto least = static_cast<std::int64_t>(plan_memory(input(kMemoryMapped))->least_ceiling);
    EXPECT_TRUE(plan_memory(input(least)));
    const auto refused = plan_memory(input(least - kMiB / 16));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::out_of_memory);
    EXPECT_THAT(refused.error().message,
                HasSubstr(fmt::format("the least that works is {} MiB", least / kMiB + 1)));
    EXPECT_TRUE(plan_memory(input((least / kMiB + 1) * kMiB)));
}

TEST_F(Arithmetic, LongerContextsPlainRowsAndThreadsTakeMore) {
    const auto needs = [&](auto&& change) {
        MemoryPlanInput in = input(400 * kMiB);
        in.chunk = 512;
        change(in);
        const auto plan = plan_memory(in);
        EXPECT_TRUE(plan);
        return plan ? plan->least_ceiling : 0;
    };
    const std::uint64_t usual = needs([](MemoryPlanInput&) {});
    EXPECT_GT(needs([](MemoryPlanInput& in) { in.context_tokens = 65536; }), usual);
    EXPECT_GT(needs([](MemoryPlanInput& in) { in.plain_rows = true; }), usual);
    EXPECT_GT(needs([](MemoryPlanInput& in) { in.threads = 8; }), usual);
    EXPECT_GT(needs([](MemoryPlanInput& in) { in.chunk = 1024; }), usual);
    EXPECT_EQ(needs([](MemoryPlanInput& in) { in.process_bytes += 99 * kMiB; }),
              usual + 100 * kMiB);  // and a hundredth of it is spare
}

TEST_F(Arithmetic, AutomaticMapsWhatFitsAndLeavesTheDesktopRoom) {
    MemoryPlanInput in = input(kMemoryAutomatic);
    MemoryPlan plan = *plan_memory(in);
    EXPECT_TRUE(plan.mapped);
    EXPECT_TRUE(plan.automatic);
    // 1.5 GiB stay with the desktop.
    in.available.bytes = 1536 * kMiB + static_cast<std::int64_t>(plan.least_ceiling);
    plan = *plan_memory(in);
    EXPECT_FALSE(plan.mapped);
    EXPECT_EQ(plan.ceiling, plan.least_ceiling + 10 * kMiB);
    in.available.bytes = 1000 * kMiB;
    EXPECT_FALSE(plan_memory(in));
    // A control group has no desktop in it.
    const auto least = static_cast<std::int64_t>(plan.least_ceiling);
    in.available = {.bytes = least + 2 * kMiB, .total = 20 * kMiB, .limited = true};
    EXPECT_EQ(plan_memory(in)->ceiling, static_cast<std::uint64_t>(least + (2 + 10 - 2) * kMiB));
}

TEST_F(Arithmetic, AskedForExpertsGetExactlyThat) {
    MemoryPlanInput in = input(kMemoryAutomatic);
    in.expert_bytes = 4 * kMiB;
    MemoryPlan plan = *plan_memory(in);
    EXPECT_EQ(plan.expert_budget, static_cast<std::uint64_t>(4 * kMiB));
    EXPECT_LE(sum(plan), plan.ceiling);
    in.memory_bytes = static_cast<std::int64_t>(plan.least_ceiling);
    const auto refused = plan_memory(in);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("not the 4 MiB asked for"));
    in.expert_bytes = 1000;
    const auto tiny = plan_memory(in);
    ASSERT_FALSE(tiny);
    EXPECT_THAT(tiny.error().message, HasSubstr("the least that works is"));
}

TEST_F(Arithmetic, ADeviceTakesItsLayersAway) {
    MemoryPlanInput in = input(200 * kMiB);
    in.device = true;
    in.device_expert_layers = 4;
    in.chunk_max = 1024;
    const MemoryPlan plan = *plan_memory(in);
    EXPECT_EQ(plan.device_experts, 4 * 32);
    EXPECT_EQ(part(plan, "every token"), 0U);
    EXPECT_LE(plan.prefill_chunk, 1024);
    in.device_expert_layers = 6;
    EXPECT_TRUE(plan_memory(in)->mapped);  // nothing is left to stream
}

// --- plan_model --------------------------------------------------------------------------------

class Planned : public testing::Test {
protected:
    Planned() {
        std::string name = (fs::current_path() / "plan-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        path_ = (folder_ / "model.gguf").string();
        const GgufBytes bytes = SyntheticModel(wide_shape()).build();
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
        request_.engine.context_tokens = 4096;
        request_.engine.threads = 2;
        // Given, so that nothing depends on how busy the machine is.
        request_.speeds = {.memory = 20e9, .device = 0, .disk = 1e9, .reads = "as told"};
    }
    ~Planned() override { fs::remove_all(folder_); }
    Result<MemoryReport> plan(std::int64_t ceiling) {
        request_.engine.memory_bytes = ceiling;
        const CancelToken cancel;
        return plan_model(path_, request_, cancel);
    }
    fs::path folder_;
    std::string path_;
    PlanRequest request_;
};

TEST_F(Planned, MoreMemoryIsNeverSlower) {
    const auto least = static_cast<std::int64_t>(plan(kMemoryMapped)->plan.least_ceiling);
    std::vector<std::int64_t> ceilings;
    for (int i = 0; i < 12; ++i) ceilings.push_back(least + 1 * kMiB + i * 2 * kMiB);
    const CancelToken cancel;
    const auto reports = plan_model(path_, request_, ceilings, cancel);
    ASSERT_TRUE(reports) << reports.error().message;
    const MemoryReport* before = nullptr;
    for (const MemoryReport& report : *reports) {
        EXPECT_EQ(report.problem, "");
        const DecodeForecast& now = report.decode;
        EXPECT_LE(now.low.hit_rate, now.high.hit_rate);
        EXPECT_LE(now.low.tokens_s, now.high.tokens_s);
        EXPECT_GT(now.low.tokens_s, 0);
        EXPECT_FALSE(now.reasons.empty());
        if (before != nullptr) {
            EXPECT_GE(now.low.tokens_s, before->decode.low.tokens_s);
            EXPECT_GE(now.high.hit_rate, before->decode.high.hit_rate - 0.002);
            EXPECT_GE(now.high.tokens_s, before->decode.high.tokens_s * 0.998);
        }
        before = &report;
    }
    EXPECT_GT(reports->front().plan.disk_experts, 0);
    EXPECT_EQ(reports->front().decode.source, DecodeForecast::Source::made_up);
    EXPECT_EQ(reports->back().plan.disk_experts, 0);
    EXPECT_EQ(reports->back().decode.high.read_seconds, 0);
    EXPECT_EQ(reports->back().decode.source, DecodeForecast::Source::none);
}

TEST_F(Planned, TheSumIsTheDocumentedOne) {
    const auto least = static_cast<std::int64_t>(plan(kMemoryMapped)->plan.least_ceiling);
    const MemoryReport report = *plan(least + 2 * kMiB);
    ASSERT_GT(report.plan.disk_experts, 0);
    const double bytes =
        static_cast<double>(report.dense_bytes + report.routed_bytes + report.kv_bytes);
    const DecodeForecast::End& low = report.decode.low;
    EXPECT_NEAR(low.compute_seconds, bytes / 10e9, 1e-9);
    EXPECT_GT(low.read_seconds, 0);
    const double other = static_cast<double>(report.dense_bytes + report.kv_bytes) / 10e9;
    EXPECT_NEAR(1 / low.tokens_s,
                other + std::max(static_cast<double>(report.routed_bytes) / 10e9, low.read_seconds),
                1e-9);
    request_.engine.expert_lookahead = Lookahead::on;
    const MemoryReport ahead = *plan(least + 2 * kMiB);
    EXPECT_NEAR(1 / ahead.decode.low.tokens_s,
                std::max(bytes / 10e9, ahead.decode.low.read_seconds), 1e-9);
}

TEST_F(Planned, ATraceGivesTheHighEnd) {
    TraceRecipe recipe;
    recipe.layers = 6;
    recipe.experts = 32;
    recipe.used = 3;
    recipe.hash_layers = 1;
    recipe.tokens = 300;
    recipe.exponent = 3;  // hardly more than the experts of one token
    const ExpertTrace trace = *generate_trace(recipe);
    request_.trace = &trace;
    const auto least = static_cast<std::int64_t>(plan(kMemoryMapped)->plan.least_ceiling);
    const MemoryReport report = *plan(least + 2 * kMiB);
    EXPECT_EQ(report.decode.source, DecodeForecast::Source::trace);
    EXPECT_GT(report.decode.high.hit_rate, report.decode.low.hit_rate + 0.1);
    recipe.layers = 5;
    const ExpertTrace other = *generate_trace(recipe);
    request_.trace = &other;
    const auto refused = plan(least + 2 * kMiB);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(refused.error().message, HasSubstr("the trace is of a model with 5 layers"));
}

TEST_F(Planned, WhatWasLearnedGivesTheHighEnd) {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory grows between two plans";
    const CancelToken cancel;
    const auto least = static_cast<std::int64_t>(plan(kMemoryMapped)->plan.least_ceiling);
    EngineOptions options = request_.engine;
    options.memory_bytes = least + 2 * kMiB;
    options.expert_folder = (folder_ / "experts").string();
    {
        auto engine = *open_engine(path_, options, {}, cancel);
        auto session = *engine->create_session();
        SessionListener none;
        std::vector<TokenId> tokens{0, 40, 41, 42, 43, 44, 40, 41, 42, 43, 44};
        ASSERT_TRUE(session->evaluate(tokens, {}, none, {}, cancel));
    }
    request_.engine.expert_folder = options.expert_folder;
    const MemoryReport report = *plan(least + 2 * kMiB);
    EXPECT_EQ(report.decode.source, DecodeForecast::Source::learned);
    EXPECT_GT(report.decode.high.hit_rate, report.decode.low.hit_rate);
}

TEST_F(Planned, ItMeasuresWhatItIsNotTold) {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory grows between two plans";
    request_.speeds = {};
    const auto least = static_cast<std::int64_t>(plan(kMemoryMapped)->plan.least_ceiling);
    const MemoryReport report = *plan(least + 2 * kMiB);
    EXPECT_GT(report.speeds.memory, 0.5e9);
    EXPECT_LT(report.speeds.memory, 2e12);
    EXPECT_GT(report.speeds.disk, 1e6);
    EXPECT_NE(report.speeds.reads, "");
    EXPECT_EQ(report.speeds.device, 0);
}

TEST_F(Planned, ATooSmallCeilingSaysTheLeast) {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory grows between two plans";
    const auto report = plan(10 * kMiB);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_THAT(report->problem, HasSubstr("the least that works is"));
    EXPECT_EQ(report->plan.ceiling, static_cast<std::uint64_t>(10 * kMiB));
    EXPECT_GT(report->plan.least_ceiling, report->plan.ceiling);
    EXPECT_EQ(report->decode.low.tokens_s, 0);
    EXPECT_TRUE(report->decode.reasons.empty());
    EXPECT_TRUE(plan(static_cast<std::int64_t>(report->plan.least_ceiling))->problem.empty());
}

TEST_F(Planned, AnOpenModelMakesRoom) {
    // The window plans while a model is open: what it takes will be free again.
    const std::int64_t empty = process_memory();
    ASSERT_GT(empty, 0);
    const std::vector<char> model(static_cast<std::size_t>(64 * kMiB), 1);
    const MemoryReport with = *plan(kMemoryMapped);
    request_.process_bytes = empty;
    const MemoryReport without = *plan(kMemoryMapped);
    EXPECT_GT(with.plan.least_ceiling,
              without.plan.least_ceiling + static_cast<std::uint64_t>(50 * kMiB));
    EXPECT_EQ(model[0], 1);
}

TEST_F(Planned, RefusalsNameTheFile) {
    const CancelToken cancel;
    const auto missing = plan_model("/no/such/model.gguf", request_, cancel);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_THAT(missing.error().message, HasSubstr("/no/such/model.gguf"));
    std::ofstream(path_, std::ios::binary) << "not a model at all";
    const auto broken = plan(kMemoryAutomatic);
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().message, HasSubstr(path_));
}

}  // namespace
}  // namespace starglass::test

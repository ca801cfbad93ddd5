// SPDX-License-Identifier: MIT
//
// Traces of experts from a shell: recorded by run and chat, made up, replayed by cache-sim.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CliCacheSim : public testing::Test {
protected:
    json replay(std::vector<std::string> more) {
        std::vector<std::string> arguments = {"cache-sim", trace(), "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return json::parse(ran.out, nullptr, false);
    }
    void make_up(const std::string& kind, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments = {"cache-sim", "--generate", kind, "--out",
                                              trace(),     "--tokens",   "120"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Ran ran = run(arguments);
        ASSERT_EQ(ran.code, 0) << ran.err;
    }
    [[nodiscard]] std::string trace() const { return scratch_.path("routing.trace"); }
    const ScratchFolder scratch_;
};

TEST_F(CliCacheSim, ReplaysWhatARunRecorded) {
    const Ran ran = run({"run", "-p", "what is a hit rate?", "--temp", "0", "--max-tokens", "40",
                         "--json", "--expert-trace", trace()});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("expert trace of"));
    const json answer = json::parse(ran.out);

    const json out = replay({"--budget", "50%,100%", "--read-speed", "1GB/s"});
    EXPECT_EQ(out.at("trace").at("layers"), 6);
    EXPECT_EQ(out.at("trace").at("experts"), 32);
    ASSERT_EQ(out.at("budgets").size(), 2U);
    for (const json& budget : out.at("budgets"))
        for (const json& policy : budget.at("policies")) {
            // Every token that was sampled and evaluated, two experts in six layers.
            const int tokens = policy.at("decoded_tokens");
            EXPECT_NEAR(tokens, answer.at("tokens").get<int>(), 1);
            EXPECT_EQ(policy.at("hits").get<int>() + policy.at("misses").get<int>(), tokens * 12);
            EXPECT_GT(policy.at("predicted_tokens_s"), 0);
        }
    const json& half = out.at("budgets")[0].at("policies");
    EXPECT_EQ(half.back().at("policy"), "optimum");
    EXPECT_EQ(half.back().at("share_of_optimum"), 1);
    EXPECT_GE(half.back().at("hit_rate"), half.front().at("hit_rate"));
}

TEST_F(CliCacheSim, RecordsAChat) {
    const Ran ran = run(
        {"chat", "--think", "off", "--temp", "0", "--max-tokens", "12", "--expert-trace", trace()},
        {.input = "hello\nwhat is a model\n"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_GT(replay({"--budget", "50%"}).at("trace").at("tokens"), 20);
}

TEST_F(CliCacheSim, MakesUpTracesAndPrintsATable) {
    make_up("chat");
    const Ran ran = run({"cache-sim", trace(), "--budget", "8GB,40%", "--policy", "lru"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("43 layers of 256 experts"));
    EXPECT_THAT(ran.out, HasSubstr("lru"));
    EXPECT_THAT(ran.out, HasSubstr("optimum"));
    EXPECT_THAT(ran.out, HasSubstr("(40 %)"));
}

TEST_F(CliCacheSim, FasterDisksAndMachinesArePredictedFaster) {
    make_up("locality");
    const auto speed = [&](const std::string& compute, const std::string& read) {
        return replay({"--budget", "30%", "--policy", "lru", "--compute", compute, "--read-speed",
                       read})
            .at("budgets")[0]
            .at("policies")[0]
            .at("predicted_tokens_s")
            .get<double>();
    };
    EXPECT_GT(speed("250", "3GB/s"), speed("250", "1GB/s"));
    EXPECT_GT(speed("100", "1GB/s"), speed("250", "1GB/s"));
}

TEST_F(CliCacheSim, SaysHowGoodPredictionsAreAndWhetherTheyPay) {
    make_up("zipf", {"--prediction", "0.8"});
    const json out = replay({"--budget", "30%", "--compute", "2000"});
    EXPECT_NEAR(out.at("prediction").at("precision"), 0.8, 0.03);
    EXPECT_NEAR(out.at("prediction").at("recall"), 0.8, 0.03);
    const json& lookahead = out.at("budgets")[0].at("lookahead");
    EXPECT_GT(lookahead.at("with_tokens_s"), lookahead.at("without_tokens_s"));
    // A disk that is busy all the time has none to spare for what is wrong in five.
    const Ran table = run({"cache-sim", trace(), "--budget", "30%", "--compute", "10"});
    EXPECT_THAT(table.out, HasSubstr("it does not pay"));
}

TEST_F(CliCacheSim, RefusesInOneSentence) {
    make_up("zipf");
    const std::vector<std::vector<std::string>> wrong = {
        {"cache-sim"},
        {"cache-sim", trace(), "--budget", "lots"},
        {"cache-sim", trace(), "--budget", "0%"},
        {"cache-sim", trace(), "--budget", "1MB"},
        {"cache-sim", trace(), "--read-speed", "fast"},
        {"cache-sim", trace(), "--policy", "fifo"},
        {"cache-sim", "--generate", "noise", "--out", trace()},
        {"cache-sim", "--generate", "zipf"},
        {"cache-sim", scratch_.path("nothing")},
        {"cache-sim", tiny()},
    };
    for (const auto& arguments : wrong) {
        const Ran ran = run(arguments);
        EXPECT_NE(ran.code, 0) << ran.out;
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    }
}

}  // namespace
}  // namespace starglass::cli_test

// SPDX-License-Identifier: MIT
//
// bench: what it reports, in which form, and what it refuses. How fast anything is, is no business
// of a test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// The tiny model, without the gibibyte that measuring the memory takes.
Ran bench(std::vector<std::string> extra) {
    std::vector<std::string> arguments = {"bench", "-m", tiny(), "--no-read-speed"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return run(arguments);
}

std::vector<std::int64_t> contexts(const Json& report) {
    std::vector<std::int64_t> out;
    for (const Json& frontier : report.at("frontiers"))
        out.push_back(frontier.at("context").get<std::int64_t>());
    return out;
}

TEST(CliBench, OneJsonObjectWithTheDocumentedFields) {
    const Ran ran = bench({"--ctx-start", "20", "--ctx-max", "70", "--step", "30", "--gen", "6",
                           "--repeat", "2", "--threads", "2", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    const Json report = Json::parse(ran.out);
    EXPECT_EQ(report.at("schema"), 1);
    EXPECT_THAT(report.at("program").get<std::string>(), HasSubstr("bench"));
    EXPECT_THAT(report.at("date").get<std::string>(),
                testing::MatchesRegex("....-..-..T..:..:..Z"));
    EXPECT_EQ(report.at("model").at("experts_used"), 6);
    EXPECT_GT(report.at("model").at("layers"), 0);
    EXPECT_EQ(report.at("engine").at("threads"), 2);
    EXPECT_EQ(report.at("engine").at("activations"), "int8");
    EXPECT_NE(report.at("engine").at("simd_target"), "");
    EXPECT_GT(report.at("machine").at("logical_cores"), 0);
    EXPECT_TRUE(report.at("machine").at("read").empty());
    EXPECT_EQ(report.at("run").at("generate"), 6);
    EXPECT_EQ(report.at("run").at("step"), "30");
    EXPECT_EQ(report.at("run").at("synthetic"), false);
    EXPECT_TRUE(report.at("run").at("prefill").is_null());
    EXPECT_THAT(contexts(report), ElementsAre(20, 50, 70));
    std::int64_t before = 0;
    for (const Json& at : report.at("frontiers")) {
        const std::int64_t context = at.at("context").get<std::int64_t>();
        EXPECT_EQ(at.at("prefill").at("tokens"), context - before);
        EXPECT_GT(at.at("prefill").at("tokens_s"), 0);
        before = context;
        const Json& decode = at.at("decode");
        EXPECT_EQ(decode.at("tokens"), 12);
        EXPECT_GT(decode.at("tokens_s"), 0);
        EXPECT_LE(decode.at("seconds_min"), decode.at("seconds_median"));
        EXPECT_LE(decode.at("seconds_median"), decode.at("seconds_p95"));
        const Json& bytes = at.at("bytes_per_token");
        EXPECT_EQ(bytes.at("total").get<std::uint64_t>(),
                  bytes.at("dense_weights").get<std::uint64_t>() +
                      bytes.at("routed_weights").get<std::uint64_t>() +
                      bytes.at("kv").get<std::uint64_t>());
        EXPECT_GT(bytes.at("kv"), 0);
        EXPECT_GT(at.at("bytes_s"), 0);
        EXPECT_TRUE(at.at("read_share").is_null());
        EXPECT_GT(at.at("state_bytes"), 0);
    }
    EXPECT_GT(report.at("memory").at("peak_resident_bytes"), 0);
}

TEST(CliBench, ATableForPeople) {
    const Ran ran = bench({"--ctx-start", "10", "--ctx-max", "45", "--gen", "2"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    for (const char* word :
         {"model", "machine", "threads", "load", "context", "prefill tok/s", "decode tok/s",
          "median ms", "p95 ms", "MB/token", "KV MB", "peak resident"})
        EXPECT_THAT(ran.out, HasSubstr(word));
    EXPECT_THAT(ran.out, Not(HasSubstr("context  synthetic")));
    // 10, 20, 40 and the last.
    for (const char* line : {"\n      10 ", "\n      20 ", "\n      40 ", "\n      45 "})
        EXPECT_THAT(ran.out, HasSubstr(line));
}

TEST(CliBench, TheBuiltInModelIsTheDefaultAndMemoryIsMeasured) {
    const Ran ran = run(
        {"bench", "--ctx-start", "8", "--ctx-max", "8", "--gen", "2", "--threads", "2", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json report = Json::parse(ran.out);
    EXPECT_EQ(report.at("model").at("builtin"), true);
    const Json& read = report.at("machine").at("read");
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].at("threads"), 1);
    EXPECT_EQ(read[1].at("threads"), 2);
    EXPECT_GT(read[1].at("bytes_s"), 0);
    EXPECT_GT(report.at("frontiers")[0].at("read_share"), 0);
}

TEST(CliBench, SyntheticContextsSayThatTheyAre) {
    const std::vector<std::string> arguments = {"--ctx-start", "1000",   "--ctx-max",
                                                "20000",       "--step", "x4",
                                                "--gen",       "2",      "--synthetic-context"};
    const Ran table = bench(arguments);
    ASSERT_EQ(table.code, 0) << table.err;
    EXPECT_THAT(table.out, HasSubstr("context  synthetic"));
    std::vector<std::string> with_prefill = arguments;
    with_prefill.insert(with_prefill.end(), {"--prefill", "7", "--repeat", "2", "--json"});
    const Ran json = bench(with_prefill);
    ASSERT_EQ(json.code, 0) << json.err;
    const Json report = Json::parse(json.out);
    EXPECT_EQ(report.at("run").at("synthetic"), true);
    EXPECT_EQ(report.at("run").at("prefill"), 7);
    EXPECT_THAT(contexts(report), ElementsAre(1000, 4000, 16000, 20000));
    std::uint64_t kv = 0;
    for (const Json& at : report.at("frontiers")) {
        EXPECT_EQ(at.at("prefill").at("tokens"), 7);
        EXPECT_GT(at.at("bytes_per_token").at("kv").get<std::uint64_t>(), kv);
        kv = at.at("bytes_per_token").at("kv").get<std::uint64_t>();
    }
    // Without --prefill none is measured.
    const Ran none = bench(
        {"--ctx-start", "900", "--ctx-max", "900", "--gen", "1", "--synthetic-context", "--json"});
    ASSERT_EQ(none.code, 0) << none.err;
    EXPECT_TRUE(Json::parse(none.out).at("frontiers")[0].at("prefill").is_null());
}

TEST(CliBench, OnlyTheLastTokensAreTimedWhenAsked) {
    const Ran ran =
        bench({"--ctx-start", "30", "--ctx-max", "60", "--prefill", "12", "--gen", "1", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json report = Json::parse(ran.out);
    for (const Json& at : report.at("frontiers")) EXPECT_EQ(at.at("prefill").at("tokens"), 12);
}

TEST(CliBench, RefusesWhatMakesNoSense) {
    struct Case {
        std::vector<std::string> arguments;
        int code;
        std::string needle;
    };
    const std::vector<Case> cases = {
        {{"--gen", "0"}, 2, "--gen"},
        {{"--ctx-start", "0"}, 2, "--ctx-start"},
        {{"--repeat", "0"}, 2, "--repeat"},
        {{"--prefill", "0"}, 2, "--prefill"},
        {{"--threads", "-1"}, 2, "--threads"},
        {{"--step", "0"}, 1, "--step \"0\""},
        {{"--step", "x1"}, 1, "above 1"},
        {{"--step", "xnan"}, 1, "--step"},
        {{"--step", "12k"}, 1, "\"12k\""},
        {{"--ctx-start", "100", "--ctx-max", "50"}, 1, "nothing to measure"},
        {{"--ctx-max", "8000000"}, 1, "context of"},
        {{"--ctx-start", "10", "--prefill", "11"}, 1, "--prefill 11"},
        {{"--ctx-start", "1", "--ctx-max", "60000", "--step", "1"}, 1, "larger --step"},
    };
    for (const Case& one : cases) {
        const Ran ran = bench(one.arguments);
        EXPECT_EQ(ran.code, one.code) << one.arguments[0] << ran.err;
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_THAT(ran.err, HasSubstr(one.needle));
        EXPECT_EQ(ran.out, "");
    }
    const Ran missing = run({"bench", "/no/such.gguf"});
    EXPECT_EQ(missing.code, 1);
    EXPECT_TRUE(is_one_sentence(missing.err)) << missing.err;
}

TEST(CliBench, StopsOnInterrupt) {
    RunOptions options;
    options.interrupt_after_ms = 50;
    const Ran ran = run({"bench", "-m", tiny(), "--no-read-speed", "--ctx-start", "16", "--ctx-max",
                         "60000", "--gen", "1000"},
                        options);
    EXPECT_EQ(ran.code, 130);
    EXPECT_EQ(ran.err, "stopped\n");
}

}  // namespace
}  // namespace starglass::cli_test

// SPDX-License-Identifier: MIT
//
// plan: what a model would keep in memory and how fast it would be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"
#include "support/sanitized.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> planning(const std::string& ceilings, bool as_json = true) {
    std::vector<std::string> words{"plan", tiny(), "--context", "2048", "--memory", ceilings};
    if (as_json) words.emplace_back("--json");
    return words;
}

json plans(const std::string& ceilings) {
    const Ran ran = run(planning(ceilings));
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.code == 0 ? json::parse(ran.out) : json();
}

std::uint64_t least() {
    return plans("mapped").at("plans")[0].at("least_ceiling_bytes");
}

// What the program itself may take more in one run than in another: how many of its pages the
// system maps at once depends on what else it holds.
constexpr std::uint64_t kRoom = kSanitized ? 16 << 20 : 4 << 20;
constexpr std::uint64_t kRung = 1 << 19;

// Ceilings from the least to what works in any run. Some leave experts on disk in this one: all
// experts of the tiny model take six rungs.
std::string ladder() {
    const std::uint64_t first = least();
    std::string ceilings = std::to_string(first);
    for (std::uint64_t above = kRung; above <= kRoom; above += kRung)
        ceilings.append(",").append(std::to_string(first + above));
    return ceilings;
}

// Those of a report that work and leave experts on disk.
std::vector<json> on_disk(const json& report) {
    std::vector<json> found;
    for (const json& plan : report.at("plans"))
        if (plan.at("works") && plan.at("experts").at("disk") > 0) found.push_back(plan);
    return found;
}

TEST(CliPlan, JsonAddsUp) {
    const json report = plans(ladder() + ",200MB,auto,mapped");
    EXPECT_EQ(report.at("schema"), 1);
    const json& model = report.at("model");
    EXPECT_EQ(model.at("layers"), 6);
    EXPECT_EQ(model.at("experts"), 8);
    EXPECT_EQ(report.at("context_tokens"), 2048);
    EXPECT_GT(report.at("token_bytes").at("routed_weights"), 0);
    EXPECT_EQ(report.at("speeds").at("label"), "measured");
    EXPECT_GT(report.at("speeds").at("memory_bytes_s"), 0);
    EXPECT_TRUE(report.at("speeds").at("device_bytes_s").is_null());
    const json& all = report.at("plans");
    ASSERT_EQ(all.size(), kRoom / kRung + 4);
    double low = 0, budget = 0;
    bool worked = false;
    EXPECT_TRUE(all[kRoom / kRung].at("works"));  // the ladder's last
    for (const json& plan : all) {
        if (!worked && !plan.at("works")) continue;
        worked = true;
        EXPECT_TRUE(plan.at("works"));
        EXPECT_TRUE(plan.at("problem").is_null());
        std::uint64_t sum = 0;
        for (const json& part : plan.at("parts")) sum += part.at("bytes").get<std::uint64_t>();
        EXPECT_EQ(plan.at("parts_bytes"), sum);
        if (!plan.at("mapped")) {
            EXPECT_LE(sum, plan.at("ceiling_bytes"));
            EXPECT_GE(plan.at("expert_bytes"), budget);
            budget = plan.at("expert_bytes");
        }
        EXPECT_GE(plan.at("ceiling_bytes").is_null() ? sum : plan.at("ceiling_bytes").get<double>(),
                  0.0);
        const json& experts = plan.at("experts");
        EXPECT_EQ(experts.at("device").get<int>() + experts.at("host").get<int>() +
                      experts.at("disk").get<int>(),
                  6 * 8);
        const json& decode = plan.at("decode");
        EXPECT_EQ(decode.at("label"), "predicted");
        EXPECT_LE(decode.at("low").at("tokens_s"), decode.at("high").at("tokens_s"));
        EXPECT_LE(decode.at("low").at("hit_rate"), decode.at("high").at("hit_rate"));
        EXPECT_GE(decode.at("low").at("tokens_s"), low);
        low = decode.at("low").at("tokens_s");
        EXPECT_FALSE(decode.at("reasons").empty());
    }
    EXPECT_GE(on_disk(report).size(), 2U);
    EXPECT_GT(report.at("speeds").at("disk_bytes_s"), 0);
    EXPECT_EQ(all[all.size() - 2].at("automatic"), true);
    EXPECT_EQ(all[all.size() - 1].at("mapped"), true);
}

TEST(CliPlan, TheTableSaysWhatIsMeasuredAndWhatPredicted) {
    const std::string ceiling = std::to_string(least() + kRoom);
    const Ran ran = run(planning(ceiling, false));
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    for (const char* words :
         {"ceiling", "the program itself", "weights every token needs",
          "the context's rows and saved states", "working memory of a batch", "spare",
          "routed experts", "the least ceiling that works", "experts in memory",
          "experts on disk only", "tokens of a prompt at once", "hit rate (predicted)",
          "tokens/s written (predicted)", "(measured)", "Why:"})
        EXPECT_THAT(ran.out, HasSubstr(words));
    for (std::size_t at = 0; at < ran.out.size();) {  // what a terminal holds, but for sentences
        const std::size_t end = ran.out.find('\n', at);
        if (ran.out.substr(at, 4) == "Why:") break;
        EXPECT_LE(end - at, 100U) << ran.out.substr(at, end - at);
        at = end + 1;
    }
}

TEST(CliPlan, TooSmallACeilingSaysWhatWouldDo) {
    const Ran ran = run(planning("20MB"));
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("the least that works is"));
    const json plan = json::parse(ran.out).at("plans")[0];
    EXPECT_FALSE(plan.at("works"));
    EXPECT_THAT(plan.at("problem").get<std::string>(), HasSubstr("the least that works is"));
    EXPECT_GT(plan.at("least_ceiling_bytes"), plan.at("ceiling_bytes"));
    EXPECT_FALSE(plan.contains("decode"));
    // Beside one that works it is only a column.
    const Ran both = run(planning("20MB,500MB", false));
    EXPECT_EQ(both.code, 0) << both.err;
    EXPECT_EQ(both.err, "");
    EXPECT_THAT(both.out, HasSubstr("does not work"));
}

TEST(CliPlan, ARecordedTraceGivesTheHighEnd) {
    const ScratchFolder scratch;
    const std::string ceiling = std::to_string(least() + kRoom);
    const std::string trace = scratch.path("trace");
    const Ran recorded =
        run({"run", "-m", tiny(), "-p", "hello", "--max-tokens", "20", "--temp", "0", "--backend",
             "cpu", "--context", "2048", "--memory", ceiling, "--expert-trace", trace});
    ASSERT_EQ(recorded.code, 0) << recorded.err;
    std::vector<std::string> words = planning(ladder());
    words.insert(words.end(), {"--trace", trace});
    const Ran ran = run(words);
    ASSERT_EQ(ran.code, 0) << ran.err;
    const std::vector<json> plans = on_disk(json::parse(ran.out));
    ASSERT_FALSE(plans.empty()) << ran.out;
    for (const json& plan : plans) EXPECT_EQ(plan.at("decode").at("high_hit_rate_from"), "trace");
}

TEST(CliPlan, RefusesInOneSentence) {
    const ScratchFolder scratch;
    write_file(scratch.path("not.gguf"), "hello");
    for (const auto& [words, code, needle] :
         std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
             {{"plan"}, 2, "FILE"},
             {{"plan", "/no/such.gguf"}, 1, "/no/such.gguf"},
             {{"plan", scratch.path("not.gguf")}, 1, "not.gguf"},
             {{"plan", tiny(), "--memory", "much"}, 2, "a size like 8GB"},
             {{"plan", tiny(), "--memory", "8GB,0"}, 2, "more than nothing"},
             {{"plan", tiny(), "--trace", "/no/such.trace"}, 1, "/no/such.trace"}}) {
        const Ran ran = run(words);
        EXPECT_EQ(ran.code, code) << ran.err;
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_THAT(ran.err, HasSubstr(needle));
    }
}

TEST(CliPlan, OnADeviceItAsksTheDevice) {
    const Ran ran = run_shell("\"$CLI\" plan '" + tiny() +
                              "' --context 2048 --backend vulkan --device 0 --gpu-layers 2 --json");
    if (ran.code != 0) GTEST_SKIP() << "no Vulkan device here can run the engine";
    const json report = json::parse(ran.out);
    const json& plan = report.at("plans")[0];
    EXPECT_EQ(plan.at("placement").at("backend"), "vulkan");
    EXPECT_EQ(plan.at("experts").at("device"), 2 * 8);
    EXPECT_GT(report.at("speeds").at("device_bytes_s"), 0);
}

// What it says is what happens.
TEST(CliPlan, TheLeastCeilingOpens) {
    const std::string ceiling = std::to_string(least() + kRoom);
    const Ran ran = run({"run", "-m", tiny(), "-p", "hi", "--max-tokens", "2", "--backend", "cpu",
                         "--context", "2048", "--memory", ceiling});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const Ran less =
        run({"run", "-m", tiny(), "-p", "hi", "--max-tokens", "2", "--backend", "cpu", "--context",
             "2048", "--memory", std::to_string(least() - kRoom - (2 << 20))});
    EXPECT_EQ(less.code, 1);
    EXPECT_THAT(less.err, HasSubstr("the least that works is"));
}

}  // namespace
}  // namespace starglass::cli_test

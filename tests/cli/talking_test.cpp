// SPDX-License-Identifier: MIT
//
// run and chat, mostly on the tiny model: it babbles, but it does so repeatably.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> babble(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "-m", tiny(), "--temp", "0", "--max-tokens", "12"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

TEST(CliRun, StreamsTheAnswerToStandardOutput) {
    const Ran ran = run(babble({"-p", "hello", "--think", "off", "--stats"}));
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_FALSE(ran.out.empty());
    EXPECT_TRUE(ran.out.ends_with('\n'));
    EXPECT_THAT(ran.err, HasSubstr("12 tokens"));
    EXPECT_THAT(ran.err, HasSubstr("length"));
}

TEST(CliRun, ThinkingIsHiddenUnlessAskedFor) {
    const Ran hidden = run(babble({"-p", "hello"}));
    EXPECT_EQ(hidden.code, 0) << hidden.err;
    EXPECT_EQ(hidden.out, "");
    EXPECT_EQ(hidden.err, "");
    const Ran shown = run(babble({"-p", "hello", "--show-thinking"}));
    EXPECT_EQ(shown.out, "");
    EXPECT_TRUE(shown.err.starts_with("| ")) << shown.err;
}

TEST(CliRun, GivesJson) {
    const Ran ran = run(babble({"-p", "hello", "--think", "off", "--json", "--routing"}));
    EXPECT_EQ(ran.code, 0) << ran.err;
    const json out = json::parse(ran.out);
    EXPECT_EQ(out.at("tokens"), 12);
    EXPECT_EQ(out.at("stop"), "length");
    EXPECT_EQ(out.at("thinking"), "");
    EXPECT_GT(out.at("first_token_seconds"), 0);
    const json& prefill = out.at("experts").at("prefill");
    ASSERT_EQ(prefill.size(), 6U);
    int used = 0;
    for (const json& count : prefill.at(0)) used += count.get<int>();
    EXPECT_EQ(used, out.at("prompt_tokens").get<int>() * 6);
    EXPECT_FALSE(json::parse(run(babble({"-p", "hello", "--json"})).out).contains("experts"));
}

TEST(CliRun, ASeedRepeatsAnAnswer) {
    const auto sampled = [](const char* seed) {
        return run({"run", "-m", tiny(), "-p", "hello", "--think", "off", "--max-tokens", "12",
                    "--temp", "1.5", "--seed", seed})
            .out;
    };
    EXPECT_EQ(sampled("7"), sampled("7"));
    EXPECT_NE(sampled("7"), sampled("8"));
}

TEST(CliRun, ReadsThePromptFromAFile) {
    const ScratchFolder scratch;
    write_file(scratch.path("prompt"), "hello");
    const std::string direct = run(babble({"-p", "hello", "--think", "off"})).out;
    EXPECT_EQ(run(babble({"--prompt-file", scratch.path("prompt"), "--think", "off"})).out, direct);
    const Ran missing = run(babble({"--prompt-file", scratch.path("none")}));
    EXPECT_EQ(missing.code, 1);
    EXPECT_TRUE(is_one_sentence(missing.err)) << missing.err;
}

TEST(CliRun, StopsAtATextAndAtTheContext) {
    const std::string full = run(babble({"-p", "hello", "--think", "off"})).out;
    ASSERT_GT(full.size(), 6U);
    ASSERT_LT(static_cast<unsigned char>(full[1] | full[2]), 0x80);
    const std::string stop = full.substr(1, 2);
    const Ran ran = run(babble({"-p", "hello", "--think", "off", "--stop", stop, "--json"}));
    const json out = json::parse(ran.out);
    EXPECT_EQ(out.at("stop"), "stop_text");
    EXPECT_THAT(out.at("answer").get<std::string>(), Not(HasSubstr(stop)));

    const Ran small = run({"run", "-m", tiny(), "-p", std::string(500, 'x'), "--context", "32"});
    EXPECT_EQ(small.code, 1);
    EXPECT_TRUE(is_one_sentence(small.err)) << small.err;
}

TEST(CliRun, RefusesSamplingOutOfRange) {
    for (const std::vector<std::string>& flag : std::vector<std::vector<std::string>>{
             {"--temp", "nan"}, {"--top-p", "0"}, {"--min-p", "2"}, {"--top-k", "5000"}}) {
        std::vector<std::string> arguments = {"run", "-m", tiny(), "-p", "hello"};
        arguments.insert(arguments.end(), flag.begin(), flag.end());
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 1) << flag[0];
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    }
}

TEST(CliRun, AnswersALineAtATime) {
    const std::string lines =
        "{\"user\": \"hello\", \"thinking\": false, \"id\": \"first\"}\n"
        "\n"
        "{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}], \"think\": \"off\"}\n"
        "{\"user\": \"hello\", \"thinking\": true, \"tools\": true, \"max_tokens\": 3}\n"
        "not json\n"
        "{\"thinking\": true}\n"
        "{\"user\": \"hello\", \"temperature\": \"hot\"}\n"
        "{\"user\": 5}";
    const Ran ran = run(babble({"--jsonl", "-"}), {.input = lines});
    EXPECT_EQ(ran.code, 1);  // some lines failed
    std::vector<json> out;
    std::istringstream split(ran.out);
    for (std::string line; std::getline(split, line);) out.push_back(json::parse(line));
    ASSERT_EQ(out.size(), 7U);
    EXPECT_EQ(out[0].at("id"), "first");
    EXPECT_EQ(out[0].at("tokens"), 12);
    EXPECT_EQ(out[0].at("answer"), out[1].at("answer"));
    EXPECT_EQ(out[1].at("line"), 3);
    EXPECT_EQ(out[2].at("tokens"), 3);
    EXPECT_GT(out[2].at("prompt_tokens"), out[0].at("prompt_tokens"));
    for (std::size_t i = 3; i < 7; ++i) EXPECT_TRUE(out[i].contains("error")) << out[i];
    EXPECT_EQ(run(babble({"--jsonl", "-"}), {.input = lines.substr(0, lines.find('\n'))}).code, 0);
}

TEST(CliRun, InterruptEndsItSoon) {
    // Hot babble of a fixed seed goes on for thousands of tokens; the signal comes after the first.
    const Ran ran = run({"run", "-m", tiny(), "-p", "hello", "--think", "off", "--temp", "2",
                         "--seed", "2", "--backend", "reference", "--max-tokens", "20000"},
                        {.input = "", .interrupt_after_ms = 50});
    EXPECT_EQ(ran.code, 130);
    EXPECT_THAT(ran.err, HasSubstr("stopped"));
}

TEST(CliRun, TheBuiltInModelAnswers) {
    const Ran ran = run({"run", "-p", "hello", "--temp", "0", "--max-tokens", "64", "--json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_GT(json::parse(ran.out).at("tokens"), 0);
}

TEST(CliChat, ObeysCommandsFromAPipe) {
    const std::string lines =
        "/help\n/stats\n/regen\n/think off\n/think loud\n/tools off\n/system Be brief.\n"
        "hello\n/stats\n/regen\n/bogus\n//slash\n/new\nhello again\n/quit\nnever read\n";
    const Ran ran =
        run({"chat", "-m", tiny(), "--temp", "0", "--max-tokens", "8"}, {.input = lines});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("/system TEXT"));
    EXPECT_THAT(ran.out, HasSubstr("There is no answer yet."));
    EXPECT_THAT(ran.out, HasSubstr("Thinking is off."));
    EXPECT_THAT(ran.out, HasSubstr("The system text is set."));
    EXPECT_THAT(ran.out, HasSubstr("8 tokens"));
    EXPECT_THAT(ran.out, HasSubstr("A new conversation."));
    EXPECT_THAT(ran.err, HasSubstr("/think on, /think off or /think max"));
    EXPECT_THAT(ran.err, HasSubstr("nothing to answer again"));
    EXPECT_THAT(ran.err, HasSubstr("\"/bogus\""));
    EXPECT_THAT(ran.err, Not(HasSubstr("\"/slash\"")));
    EXPECT_THAT(ran.out, Not(HasSubstr("> ")));
}

TEST(CliChat, TellsWhenTheContextIsFull) {
    const Ran ran = run({"chat", "-m", tiny(), "--think", "off", "--temp", "0", "--context", "24"},
                        {.input = "hello\n" + std::string(400, 'x') + "\n/new\nhello\n"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("the context is full"));
    EXPECT_THAT(ran.err, HasSubstr("taken back"));
}

TEST(CliChat, AnEmptyConversationIsFine) {
    EXPECT_EQ(run({"chat", "-m", tiny()}).code, 0);
    EXPECT_EQ(run({"chat", "-m", "/nonexistent.gguf"}).code, 1);
}

}  // namespace
}  // namespace starglass::cli_test

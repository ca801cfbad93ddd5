// SPDX-License-Identifier: MIT
//
// The subcommands that only read: help, usage errors, info, tokenize, render, dsml parse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

TEST(CliUsage, EveryCommandHasHelpWithAnExample) {
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{},
                                               {"info"},
                                               {"chat"},
                                               {"run"},
                                               {"tokenize"},
                                               {"devices"},
                                               {"render"},
                                               {"dsml"},
                                               {"dsml", "parse"},
                                               {"logits"},
                                               {"trace"},
                                               {"kv"},
                                               {"kv", "list"},
                                               {"kv", "show"},
                                               {"kv", "verify"},
                                               {"kv", "pin"},
                                               {"kv", "rm"},
                                               {"kv", "gc"},
                                               {"kv", "stats"},
                                               {"kv", "import"},
                                               {"kv", "export"}}) {
        std::vector<std::string> arguments = command;
        arguments.emplace_back("--help");
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 0);
        EXPECT_THAT(ran.out, HasSubstr("Example"));
        EXPECT_THAT(ran.out, HasSubstr("starglass-cli"));
        EXPECT_EQ(ran.err, "");
    }
    EXPECT_THAT(run({"--version"}).out, StartsWith("starglass-cli "));
}

TEST(CliUsage, MistakesAreOneSentenceAndCodeTwo) {
    const std::vector<std::vector<std::string>> mistakes = {
        {},
        {"bogus"},
        {"info", "--bogus"},
        {"info", tiny(), "--builtin"},
        {"run"},
        {"run", "-p", "a", "--jsonl", "b"},
        {"run", "-p", "a", "--think", "much"},
        {"run", "-p", "a", "--max-tokens", "-3"},
        {"render"},
        {"render", "-", "--tokens"},
        {"dsml"},
        {"tokenize", "a", "--decode", "--rendered"},
        {"logits", "-m", tiny(), "--out", "-"},
        {"logits", "-m", tiny(), "--tokens", "1", "--decode", "--chunk", "3", "--out", "-"},
        {"logits", "-m", tiny(), "--tokens", "1", "--backend", "gpu", "--out", "-"},
        {"trace", "-m", tiny(), "--tokens", "1"},
        {"kv"},
        {"kv", "show"},
        {"kv", "rm"},
        {"kv", "export", "a"},
        {"kv", "export", "a", "b", "--format", "zip"},
        {"run", "-p", "a", "--kv-budget", "5"},
    };
    for (const auto& arguments : mistakes) {
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments);
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_EQ(ran.out, "");
    }
}

TEST(CliInfo, DescribesAFile) {
    const Ran text = run({"info", tiny()});
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("6 layers"));
    EXPECT_THAT(text.out, HasSubstr("IQ2_XXS/Q2_K"));

    const Ran ran = run({"info", "-m", tiny(), "--json", "--tensors"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const json info = json::parse(ran.out);
    EXPECT_EQ(info.at("layers"), 6);
    EXPECT_EQ(info.at("vocabulary"), 512);
    EXPECT_EQ(info.at("file_bytes"), 8354688);
    EXPECT_EQ(info.at("compress_ratios"), json({0, 0, 4, 128, 4, 128}));
    EXPECT_EQ(info.at("builtin"), false);
    EXPECT_GT(info.at("kv_bytes_per_1k_tokens"), 0);
    EXPECT_EQ(info.at("tensors").size(), info.at("tensor_count").get<std::size_t>());
    EXPECT_THAT(run({"info", tiny(), "--tensors"}).out, HasSubstr("token_embd.weight"));
}

TEST(CliInfo, TheBuiltInModelIsTheDefault) {
    const Ran named = run({"info", "--builtin", "--json"});
    EXPECT_EQ(named.code, 0) << named.err;
    EXPECT_EQ(json::parse(named.out).at("builtin"), true);
    EXPECT_EQ(run({"info", "--json"}).out, named.out);
}

TEST(CliInfo, RefusesWhatIsNoModel) {
    const ScratchFolder scratch;
    const std::string whole = read_file(tiny());
    write_file(scratch.path("empty.gguf"), "");
    write_file(scratch.path("text.gguf"),
               "This is no model, but it is long enough for a header.\n");
    write_file(scratch.path("cut.gguf"), whole.substr(0, 20000));
    write_file(scratch.path("short.gguf"), whole.substr(0, whole.size() - 1000));
    std::string huge = whole;
    huge.replace(8, 8, std::string(8, '\x7F'));  // the number of tensors
    write_file(scratch.path("huge.gguf"), huge);
    for (const char* name :
         {"empty.gguf", "text.gguf", "cut.gguf", "short.gguf", "huge.gguf", "missing.gguf", "."}) {
        const Ran ran = run({"info", scratch.path(name)});
        EXPECT_EQ(ran.code, 1) << name;
        EXPECT_TRUE(is_one_sentence(ran.err)) << name << ": " << ran.err;
        EXPECT_EQ(ran.out, "");
    }
}

TEST(CliTokenize, MatchesTheGoldenVectors) {
    const json cases = json::parse(read_file(golden("tiny/tokenizer-golden.json"))).at("cases");
    ASSERT_FALSE(cases.empty());
    for (const json& item : cases) {
        const Ran ran = run({"tokenize", "-m", tiny(), "--rendered", "--json"},
                            {.input = item.at("text").get<std::string>()});
        EXPECT_EQ(ran.code, 0) << ran.err;
        EXPECT_EQ(json::parse(ran.out).at("ids"), item.at("ids")) << item.at("text");
    }
}

TEST(CliTokenize, ComesBackByDecode) {
    const std::string text = "Sums: 12 + 30\n\t\"wörld\" 世界 🌍";
    const Ran ids = run({"tokenize", "-m", tiny(), "--ids", text});
    EXPECT_EQ(ids.code, 0) << ids.err;
    const Ran back = run({"tokenize", "-m", tiny(), "--decode"}, {.input = ids.out});
    EXPECT_EQ(back.code, 0) << back.err;
    EXPECT_EQ(back.out, text);
    EXPECT_THAT(run({"tokenize", "-m", tiny(), "a\nb"}).out, HasSubstr("\"\\n"));
}

TEST(CliTokenize, ControlStringsAreTextUnlessRendered) {
    const std::string text = "<｜User｜>";
    const auto count = [&](const char* option) {
        const Ran ran = run({"tokenize", "-m", tiny(), "--json", text, option});
        return json::parse(ran.out).at("count").get<int>();
    };
    EXPECT_EQ(count("--rendered"), 1);
    EXPECT_GT(count("--json"), 1);
}

TEST(CliTokenize, RefusesWrongIds) {
    for (const char* list : {"1,x", "", "99999999999", "512", "-1"}) {
        const Ran ran = run({"tokenize", "-m", tiny(), "--decode"}, {.input = list});
        EXPECT_EQ(ran.code, 1) << list;
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    }
}

constexpr const char* kHi = R"({"messages":[{"role":"user","content":"Hi <｜User｜>"}]})";

TEST(CliRender, WritesThePromptAndNothingElse) {
    EXPECT_EQ(run({"render", "-", "--think", "off"}, {.input = kHi}).out,
              "<｜begin▁of▁sentence｜><｜User｜>Hi <｜User｜><｜Assistant｜></think>");
    EXPECT_EQ(run({"render", "-"}, {.input = kHi}).out,
              "<｜begin▁of▁sentence｜><｜User｜>Hi <｜User｜><｜Assistant｜><think>");
}

TEST(CliRender, MaxNeedsTheContext) {
    const Ran full = run({"render", "-", "--think", "max"}, {.input = kHi});
    EXPECT_THAT(full.out, HasSubstr("Reasoning Effort: Absolute maximum"));
    const Ran small = run({"render", "-", "--think", "max", "--context", "393215"}, {.input = kHi});
    EXPECT_EQ(small.code, 0);
    EXPECT_EQ(small.out, run({"render", "-"}, {.input = kHi}).out);
    EXPECT_THAT(small.err, HasSubstr("393216"));
}

TEST(CliRender, FollowsTheOfficialEncoder) {
    const json cases = json::parse(read_file(golden("chat/render.json"))).at("cases");
    const json preamble = json::parse(read_file(golden("chat/preamble.json")));
    int compared = 0;
    for (const json& item : cases) {
        // One process each: a sample of plain chats here, all of them in the text tests.
        const std::string name = item.at("name");
        const json& request = item.at("request");
        if (item.at("api") != "chat" || !item.at("expect").contains("prompt_official") ||
            !request.contains("messages") || request.contains("tools") || compared >= 8 ||
            item.at("expect").at("thinking") == "max")
            continue;
        const bool off = item.at("expect").at("thinking") == "none";
        const json body = {{"messages", request.at("messages")}};
        const Ran ran = run({"render", "-", "--think", off ? "off" : "on"}, {.input = body.dump()});
        EXPECT_EQ(ran.code, 0) << name << ": " << ran.err;
        EXPECT_EQ(ran.out, item.at("expect").at("prompt_official").get<std::string>()) << name;
        ++compared;
    }
    EXPECT_EQ(compared, 8);
}

TEST(CliRender, GivesSpansAndTokens) {
    const Ran ran = run({"render", "-", "-m", tiny(), "--json", "--tokens"}, {.input = kHi});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const json out = json::parse(ran.out);
    EXPECT_EQ(out.at("spans").at(0).at("kind"), "bos");
    EXPECT_EQ(out.at("tokens").at(0), 0);
    // The user's own "<｜User｜>" stays text, so re-reading the prompt gives other tokens.
    const Ran again = run({"tokenize", "-m", tiny(), "--rendered", "--json"},
                          {.input = out.at("prompt").get<std::string>()});
    EXPECT_NE(json::parse(again.out).at("ids"), out.at("tokens"));
}

TEST(CliRender, RefusesBrokenMessages) {
    for (const char* input :
         {"", "{", "{}", "5", R"({"messages":5})", R"({"messages":[{"role":"user"}]} trailing)"}) {
        const Ran ran = run({"render", "-"}, {.input = input});
        EXPECT_EQ(ran.code, 1) << input;
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    }
    EXPECT_EQ(run({"render", "/nonexistent.json"}).code, 1);
}

TEST(CliDsml, TakesAReplyApart) {
    const std::string reply =
        "Needs the calculator.</think>One moment.\n\n<｜DSML｜tool_calls>\n"
        "<｜DSML｜invoke name=\"calculator\">\n"
        "<｜DSML｜parameter name=\"expression\" string=\"true\">3*4</｜DSML｜parameter>\n"
        "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
    const Ran ran = run({"dsml", "parse", "-", "--json"}, {.input = reply});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const json out = json::parse(ran.out);
    EXPECT_EQ(out.at("well_formed"), true);
    EXPECT_EQ(out.at("reasoning"), "Needs the calculator.");
    EXPECT_EQ(out.at("content"), "One moment.");
    ASSERT_EQ(out.at("tool_calls").size(), 1U);
    EXPECT_EQ(out.at("tool_calls").at(0).at("name"), "calculator");
    EXPECT_EQ(json::parse(out.at("tool_calls").at(0).at("arguments").get<std::string>()),
              json({{"expression", "3*4"}}));
    EXPECT_THAT(run({"dsml", "parse", "-"}, {.input = reply}).out, HasSubstr("[call calculator]"));
}

TEST(CliDsml, MalformedBlocksStayText) {
    const std::string reply = "Hm.\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke>";
    const Ran ran = run({"dsml", "parse", "-", "--json", "--no-thinking"}, {.input = reply});
    const json out = json::parse(ran.out);
    EXPECT_EQ(out.at("well_formed"), false);
    EXPECT_EQ(out.at("content"), reply);
    // Bytes that are no UTF-8 must not break the JSON.
    EXPECT_EQ(run({"dsml", "parse", "-", "--json"}, {.input = "\xFF\xFE"}).code, 0);
}

TEST(CliOutput, ABrokenPipeIsQuiet) {
    const Ran ran = run_shell("\"$CLI\" info --builtin --tensors | true");
    EXPECT_EQ(ran.err, "");
}

TEST(CliOutput, AFullDiskIsReported) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
    const Ran ran = run_shell("\"$CLI\" info --builtin > /dev/full");
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
}

}  // namespace
}  // namespace starglass::cli_test

// SPDX-License-Identifier: MIT
//
// The disk cache from a shell: kv and its subcommands, and run and chat with --kv-dir.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kShort = "07df46223a93253206b267a605be7127bc72dcff";
constexpr const char* kLong = "f2b9bccc9d5248ca718b1c45c825a2d502ef1841";

std::string golden_kvc(const std::string& sha1) {
    return golden("kvc/" + sha1 + ".kv");
}

class CliKv : public testing::Test {
protected:
    Ran kv(const std::string& command, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments = {"kv", command, "--dir", dir()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
    json kv_json(const std::string& command, std::vector<std::string> more = {}) {
        more.emplace_back("--json");
        const Ran ran = kv(command, std::move(more));
        EXPECT_EQ(ran.code, 0) << ran.err;
        return json::parse(ran.out, nullptr, false);
    }
    void import_golden() {
        const Ran ran = kv("import", {"-m", tiny(), golden_kvc(kShort), golden_kvc(kLong)});
        ASSERT_EQ(ran.code, 0) << ran.err;
    }
    [[nodiscard]] std::string dir() const { return scratch_.path("kv"); }
    const ScratchFolder scratch_;
};

TEST_F(CliKv, ListsWhatWasImported) {
    import_golden();
    const json list = kv_json("list");
    ASSERT_EQ(list.size(), 2U);
    for (const json& item : list) {
        EXPECT_EQ(item.at("reason"), "imported");
        EXPECT_EQ(item.at("pinned"), false);
        EXPECT_EQ(item.at("load_seconds"), nullptr);
        EXPECT_GT(item.at("own_bytes"), 0);
        const bool is_long = item.at("text_sha1") == kLong;
        EXPECT_EQ(item.at("tokens"), is_long ? 199 : 103);
        EXPECT_EQ(item.at("text_bytes"), is_long ? 572 : 309);
    }
    const Ran text = kv("list");
    EXPECT_THAT(text.out, HasSubstr("imported"));
    EXPECT_THAT(text.out, HasSubstr("Next to be evicted: "));
    const json stats = kv_json("stats");
    EXPECT_EQ(stats.at("checkpoints"), 2);
    EXPECT_GT(stats.at("bytes"), 100'000);
    EXPECT_THAT(kv("stats").out, HasSubstr("checkpoints  2"));
}

TEST_F(CliKv, ShowsOneByAPrefixOfItsId) {
    import_golden();
    const json shown = kv_json("show", {"f2b9", "--text"});
    EXPECT_EQ(shown.at("text_sha1"), kLong);
    EXPECT_EQ(shown.at("text").get<std::string>().size(), 572U);
    EXPECT_EQ(shown.at("next_tokens").at(0).at("id"), 135);
    const Ran text = kv("show", {"f2b9"});
    EXPECT_THAT(text.out, HasSubstr("199 tokens, 572 bytes"));
    EXPECT_THAT(text.out, HasSubstr("next token"));
    EXPECT_EQ(kv("show", {"f2b9", "--text"}).out, shown.at("text").get<std::string>());

    const Ran missing = kv("show", {"beef"});
    EXPECT_EQ(missing.code, 1);
    EXPECT_TRUE(is_one_sentence(missing.err)) << missing.err;
}

TEST_F(CliKv, NothingIsRemovedWhenOneCannotBeFound) {
    import_golden();
    EXPECT_EQ(kv("show", {""}).code, 1);
    EXPECT_EQ(kv("rm", {"f2", "nothing"}).code, 1);
    EXPECT_EQ(kv_json("list").size(), 2U);
}

TEST_F(CliKv, AnAmbiguousIdIsRefused) {
    // Of 17 ids two begin with the same digit. Files filed under a visible transcript (bit 2) need
    // not spell their tokens, so any token may be changed.
    std::vector<std::string> arguments = {"-m", tiny()};
    const std::string whole = read_file(golden_kvc(kShort));
    for (char token = 100; token < 117; ++token) {
        std::string bytes = whole;
        bytes[6] = 4;
        bytes[52 + 309 + 52 + 4 * 10] = token;
        arguments.push_back(scratch_.path(std::to_string(token) + ".kv"));
        write_file(arguments.back(), bytes);
    }
    const Ran imported = kv("import", arguments);
    ASSERT_EQ(imported.code, 0) << imported.err;
    std::map<char, int> first_digits;
    for (const json& item : kv_json("list")) ++first_digits[item.at("id").get<std::string>()[0]];
    for (const auto& [digit, count] : first_digits) {
        const Ran ran = kv("show", {std::string(1, digit)});
        EXPECT_EQ(ran.code, count > 1 ? 1 : 0);
        if (count > 1) {
            EXPECT_THAT(ran.err, HasSubstr("give more of the id"));
        }
    }
}

TEST_F(CliKv, PinsAndRemoves) {
    import_golden();
    EXPECT_EQ(kv("pin", {"07df"}).code, 0);
    json shown = kv_json("show", {"07df"});
    EXPECT_EQ(shown.at("pinned"), true);
    EXPECT_EQ(shown.at("evict_rank"), nullptr);
    EXPECT_THAT(kv("list").out, HasSubstr("pinned"));
    // Only what is not pinned makes room.
    EXPECT_EQ(kv("gc", {"--budget", "1"}).code, 0);
    EXPECT_EQ(kv_json("pin", {"07df", "--off"}).at("pinned"), false);
    const json removed = kv_json("rm", {"07df"});
    EXPECT_EQ(removed.at("removed").size(), 1U);
    EXPECT_GT(removed.at("freed_bytes"), 100'000);
    EXPECT_EQ(kv("show", {"07df"}).code, 1);
    EXPECT_EQ(kv_json("gc").at("freed_bytes"), 0);
}

TEST_F(CliKv, VerifyFindsDamage) {
    import_golden();
    EXPECT_EQ(kv("verify").code, 0);
    EXPECT_EQ(kv_json("verify", {"f2b9"}), json::array());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir())) {
        if (entry.path().filename().string().find(kLong) != 0) continue;
        std::string bytes = read_file(entry.path());
        bytes[bytes.size() / 2] ^= 1;
        write_file(entry.path(), bytes);
    }
    const Ran ran = kv("verify");
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr(kLong));
    EXPECT_EQ(kv("verify", {"07df"}).code, 0);
}

TEST_F(CliKv, Ds4sFilesComeBackAsTheyWere) {
    import_golden();
    const Ran ran = kv("export", {"07df", scratch_.path(""), "--format", "kvc", "-m", tiny(),
                                  "--context", "4096"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    // ds4's name, and its bytes but for what the cache keeps itself: reason, times, hits.
    std::string ours = read_file(scratch_.path(std::string(kShort) + ".kv"));
    std::string theirs = read_file(golden_kvc(kShort));
    ASSERT_EQ(ours.size(), theirs.size());
    ours[5] = theirs[5];
    ours.replace(12, 4, theirs, 12, 4);
    ours.replace(24, 16, theirs, 24, 16);
    EXPECT_TRUE(ours == theirs);
}

TEST_F(CliKv, BundlesNeedNoModel) {
    import_golden();
    const std::string bundle = scratch_.path("talk.sgkv");
    ASSERT_EQ(kv("export", {"f2b9", bundle}).code, 0);
    const json before = kv_json("show", {"f2b9", "--text"});
    const std::string other = scratch_.path("other");
    const Ran ran = run({"kv", "import", "--dir", other, bundle, "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json imported = json::parse(ran.out);
    EXPECT_EQ(imported.at(0).at("id"), before.at("id"));
    const Ran shown = run({"kv", "show", "--dir", other, "f2b9", "--json", "--text"});
    EXPECT_EQ(json::parse(shown.out).at("text"), before.at("text"));
    EXPECT_EQ(json::parse(shown.out).at("next_tokens"), before.at("next_tokens"));
}

TEST_F(CliKv, RefusalsAreOneSentence) {
    import_golden();
    write_file(scratch_.path("noise.kv"), "This is no checkpoint, whatever its name says.\n");
    write_file(scratch_.path("cut.kv"), read_file(golden_kvc(kShort)).substr(0, 70'000));
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"list", "--dir", scratch_.path("nowhere")},
             {"import", "--dir", dir(), golden_kvc(kShort)},  // names no model
             {"import", "--dir", dir(), "--builtin", golden_kvc(kShort)},
             {"import", "--dir", dir(), "-m", tiny(), scratch_.path("noise.kv")},
             {"import", "--dir", dir(), "-m", tiny(), scratch_.path("cut.kv")},
             {"import", "--dir", dir(), "-m", tiny(), scratch_.path("missing.kv")},
             {"import", "--dir", dir(), "-m", tiny(), "--context", "103", golden_kvc(kShort)},
             {"export", "--dir", dir(), "f2b9", scratch_.path("a.txt")},
             {"export", "--dir", dir(), "f2b9", scratch_.path("a.kv")},
             {"export", "--dir", dir(), "f2b9", "-m", tiny(), "/nonexistent/a.kv"},
             {"export", "--dir", dir(), "f2b9", "/nonexistent/a.sgkv"}}) {
        std::vector<std::string> words = {"kv"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        const Ran ran = run(words);
        EXPECT_EQ(ran.code, 1) << testing::PrintToString(arguments);
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_EQ(ran.out, "");
    }
    EXPECT_EQ(kv_json("list").size(), 2U);
}

TEST_F(CliKv, OneBadFileDoesNotStopTheOthers) {
    write_file(scratch_.path("noise.kv"), "This is no checkpoint, whatever its name says.\n");
    const Ran ran =
        kv("import", {"-m", tiny(), "--json", scratch_.path("noise.kv"), golden_kvc(kLong)});
    EXPECT_EQ(ran.code, 1);
    const json out = json::parse(ran.out);
    ASSERT_EQ(out.size(), 2U);
    EXPECT_TRUE(out.at(0).contains("error"));
    EXPECT_EQ(out.at(1).at("tokens"), 199);
}

TEST_F(CliKv, RunGoesOnFromDisk) {
    const std::vector<std::string> question = {
        "run",
        "-m",
        tiny(),
        "--temp",
        "0",
        "--max-tokens",
        "12",
        "--think",
        "off",
        "--json",
        "-p",
        "Tell me a long story about the sliding window and the compressed rows, with a beginning, "
        "a middle, and an end that nobody expects at all.",
        "--kv-dir",
        dir()};
    const Ran cold = run(question);
    ASSERT_EQ(cold.code, 0) << cold.err;
    EXPECT_EQ(json::parse(cold.out).at("reuse").at("source"), "none");
    EXPECT_EQ(cold.err, "");
    const Ran warm = run(question);
    ASSERT_EQ(warm.code, 0) << warm.err;
    const json out = json::parse(warm.out);
    EXPECT_EQ(out.at("answer"), json::parse(cold.out).at("answer"));
    EXPECT_EQ(out.at("reuse").at("source"), "disk");
    EXPECT_EQ(out.at("reuse").at("tokens"), out.at("reused_tokens"));
    EXPECT_GT(out.at("reuse").at("tokens"), 32);
    EXPECT_GT(out.at("reuse").at("load_seconds"), 0);
    EXPECT_GT(out.at("reuse").at("evaluate_seconds"), 0);
    EXPECT_THAT(warm.err, testing::MatchesRegex("from disk: [0-9]+ tokens in .* saved\n"));
    EXPECT_FALSE(kv_json("list").empty());
}

TEST_F(CliKv, ChatSavesWhenItEnds) {
    const std::vector<std::string> chat = {"chat", "-m",           tiny(), "--temp",
                                           "0",    "--max-tokens", "12",   "--think",
                                           "off",  "--kv-dir",     dir()};
    const std::string input =
        "hello there, how are you today, and what is a window\nand what is a row\n";
    const Ran first = run(chat, {.input = input});
    ASSERT_EQ(first.code, 0) << first.err;
    const json list = kv_json("list");
    ASSERT_FALSE(list.empty());
    for (const json& item : list) EXPECT_GE(item.at("tokens"), 64);
    const Ran second = run(chat, {.input = input});
    EXPECT_EQ(second.out, first.out);
}

TEST_F(CliKv, TheDefaultFolderFollowsTheEnvironment) {
    const Ran ran = run_shell("XDG_DATA_HOME=/nonexistent/data \"$CLI\" kv list");
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("/nonexistent/data/starglass/kv"));
    const Ran home = run_shell("unset XDG_DATA_HOME; HOME=/nonexistent \"$CLI\" kv list");
    EXPECT_THAT(home.err, HasSubstr("/nonexistent/.local/share/starglass/kv"));
    const Ran none = run_shell("unset XDG_DATA_HOME HOME; \"$CLI\" kv list");
    EXPECT_THAT(none.err, HasSubstr("--dir"));
}

}  // namespace
}  // namespace starglass::cli_test

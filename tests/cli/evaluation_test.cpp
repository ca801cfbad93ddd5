// SPDX-License-Identifier: MIT
//
// logits and trace: sizes, names, and that every way of cutting the tokens gives the same bytes.
// Whether the numbers are right is the business of the golden tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kVocabulary = 512;

// The golden streams of tests/golden/README.md.
std::string token_stream(std::uint64_t seed, int count) {
    std::string list = "0";
    for (int i = 1; i < count; ++i) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        list += i % 2 != 0 ? ',' : '\n';
        list += std::to_string(3 + (seed >> 33U) % 504);
    }
    return list;
}

std::vector<float> floats(const std::string& bytes) {
    std::vector<float> values(bytes.size() / 4);
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * 4);
    return values;
}

struct NpyArray {
    std::string header;
    std::vector<float> values;
};

std::uint32_t u32(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, 4);
    return value;
}

std::uint32_t u16(const std::string& bytes, std::size_t at) {
    std::uint16_t value = 0;
    std::memcpy(&value, bytes.data() + at, 2);
    return value;
}

// Walks the central directory, as a reader of zip files does.
std::map<std::string, NpyArray> read_npz(const std::string& path) {
    const std::string zip = read_file(path);
    std::map<std::string, NpyArray> arrays;
    const std::size_t end = zip.rfind("PK\x05\x06");
    if (end == std::string::npos) return arrays;
    std::size_t at = u32(zip, end + 16);
    for (std::uint32_t i = 0; i < u16(zip, end + 10); ++i) {
        const std::uint32_t bytes = u32(zip, at + 24);
        const std::uint32_t name_bytes = u16(zip, at + 28);
        const std::uint32_t local = u32(zip, at + 42);
        const std::string name = zip.substr(at + 46, name_bytes);
        const std::size_t data = local + 30 + u16(zip, local + 26) + u16(zip, local + 28);
        const std::string npy = zip.substr(data, bytes);
        const std::size_t header = 10 + u16(npy, 8);
        EXPECT_EQ(header % 64, 0U);
        EXPECT_TRUE(npy.starts_with("\x93NUMPY\x01"));
        arrays[name] = {npy.substr(10, header - 10), floats(npy.substr(header))};
        at += 46 + name_bytes;
    }
    return arrays;
}

TEST(CliLogits, WritesTheLastRowOrAll) {
    const ScratchFolder scratch;
    const std::string tokens = token_stream(1, 7);
    const Ran last = run({"logits", "-m", tiny(), "--tokens", tokens, "--out", scratch.path("last"),
                          "--backend", "reference", "--stats"});
    EXPECT_EQ(last.code, 0) << last.err;
    EXPECT_THAT(last.err, HasSubstr("7 tokens"));
    const Ran all = run({"logits", "-m", tiny(), "--tokens", tokens, "--out", scratch.path("all"),
                         "--backend", "reference", "--all"});
    EXPECT_EQ(all.code, 0) << all.err;
    const std::string last_row = read_file(scratch.path("last"));
    const std::string all_rows = read_file(scratch.path("all"));
    EXPECT_EQ(last_row.size(), kVocabulary * 4);
    EXPECT_EQ(all_rows.size(), 7 * kVocabulary * 4);
    EXPECT_EQ(all_rows.substr(6 * kVocabulary * 4), last_row);
    const std::vector<float> row = floats(last_row);
    // golden-top8.json, q2, A_act8 after 7 tokens.
    EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), 116);
}

TEST(CliLogits, EveryScheduleGivesTheSameBytes) {
    const ScratchFolder scratch;
    write_file(scratch.path("ids"), token_stream(3, 90));
    for (const char* backend : {"reference", "cpu"}) {
        const std::vector<std::string> common = {"logits",
                                                 "-m",
                                                 tiny(),
                                                 "--tokens-file",
                                                 scratch.path("ids"),
                                                 "--backend",
                                                 backend,
                                                 "--numerics",
                                                 "fp",
                                                 "--all",
                                                 "--out",
                                                 "-"};
        const Ran whole = run(common);
        EXPECT_EQ(whole.code, 0) << whole.err;
        EXPECT_EQ(whole.out.size(), 90 * kVocabulary * 4);
        for (const std::vector<std::string>& schedule :
             std::vector<std::vector<std::string>>{{"--decode"}, {"--chunk", "7"}}) {
            std::vector<std::string> arguments = common;
            arguments.insert(arguments.end(), schedule.begin(), schedule.end());
            EXPECT_TRUE(run(arguments).out == whole.out) << backend << " " << schedule[0];
        }
    }
}

TEST(CliLogits, RefusesWrongTokensAndPlaces) {
    const ScratchFolder scratch;
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{"--tokens", "1,2,x", "--out", "-"}, "\"x\""},
        {{"--tokens", "1,512", "--out", "-"}, "512"},
        {{"--tokens", "", "--out", "-"}, "empty"},
        {{"--tokens-file", scratch.path("none"), "--out", "-"}, "none"},
        {{"--tokens", "1", "--out", scratch.path("no/such/folder")}, "no/such/folder"},
        {{"--tokens", "1,2,3,4,5,6,7,8,9", "--context", "8", "--out", scratch.path("o")}, "8"},
    };
    for (const auto& [extra, needle] : cases) {
        std::vector<std::string> arguments = {"logits", "-m", tiny()};
        arguments.insert(arguments.end(), extra.begin(), extra.end());
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 1) << testing::PrintToString(extra);
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_THAT(ran.err, HasSubstr(needle));
        EXPECT_EQ(ran.out, "");
    }
    EXPECT_FALSE(std::filesystem::exists(scratch.path("o"))) << "a failed run leaves no file";
}

TEST(CliTrace, NamesWhatTheLayersComputed) {
    const Ran list = run({"trace", "-m", tiny(), "--tokens", "0,5,6", "--list"});
    EXPECT_EQ(list.code, 0) << list.err;
    for (const char* name : {"embed ", "L0.attn_norm ", "L2.q ", "L5.hc_after_ffn ",
                             "L3.router_sel ", "L1.router_w ", "L0.raw_kv_final ", "logits "})
        EXPECT_THAT(list.out, HasSubstr(name));
    EXPECT_THAT(list.out, HasSubstr("3 x 4 x 192"));
    EXPECT_THAT(list.out, Not(HasSubstr("index_scores")));

    const ScratchFolder scratch;
    const Ran some = run({"trace", "-m", tiny(), "--tokens", "0,5,6", "--names", "L2.q,kv,embed",
                          "--out", scratch.path("t.npz")});
    EXPECT_EQ(some.code, 0) << some.err;
    const auto arrays = read_npz(scratch.path("t.npz"));
    EXPECT_EQ(arrays.size(), 8U);  // one q, six kv, one embed
    ASSERT_TRUE(arrays.contains("L2.q.npy"));
    EXPECT_THAT(arrays.at("L2.q.npy").header, HasSubstr("'shape': (3, 4, 192)"));
    EXPECT_EQ(arrays.at("L2.q.npy").values.size(), 3U * 4 * 192);
    EXPECT_THAT(arrays.at("embed.npy").header, HasSubstr("'<f4'"));

    const Ran none = run({"trace", "-m", tiny(), "--tokens", "0", "--names", "nothing", "--list"});
    EXPECT_EQ(none.code, 1);
    EXPECT_TRUE(is_one_sentence(none.err)) << none.err;
}

TEST(CliTrace, ChunksJoinToTheWhole) {
    const ScratchFolder scratch;
    write_file(scratch.path("ids"), token_stream(3, 90));
    const auto traced = [&](std::vector<std::string> schedule) {
        std::vector<std::string> arguments = {
            "trace",     "-m",         tiny(), "--tokens-file", scratch.path("ids"),  "--backend",
            "reference", "--numerics", "cont", "--out",         scratch.path("t.npz")};
        arguments.insert(arguments.end(), schedule.begin(), schedule.end());
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return read_npz(scratch.path("t.npz"));
    };
    const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    const auto whole = traced({"--chunk", "90"});
    const auto chunks = traced({"--chunk", "25"});
    ASSERT_EQ(whole.size(), chunks.size());
    for (const auto& [name, array] : whole) {
        ASSERT_TRUE(chunks.contains(name)) << name;
        const NpyArray& other = chunks.at(name);
        EXPECT_EQ(array.header, other.header) << name;
        // With one chunk the index speaks about positions that did not need it, too.
        if (name.find("index_scores") != std::string::npos ||
            name.find("index_selected") != std::string::npos) {
            const std::size_t last_row = array.values.size() / 90;
            EXPECT_TRUE(std::equal(
                array.values.end() - static_cast<std::ptrdiff_t>(last_row), array.values.end(),
                other.values.end() - static_cast<std::ptrdiff_t>(last_row), same))
                << name;
            continue;
        }
        EXPECT_TRUE(std::equal(array.values.begin(), array.values.end(), other.values.begin(),
                               other.values.end(), same))
            << name;
    }
    ASSERT_TRUE(chunks.contains("L2.index_selected.npy"));
    const std::vector<float>& selected = chunks.at("L2.index_selected.npy").values;
    // 90 tokens give 22 rows; the last position reads the best 16.
    EXPECT_EQ(selected.size(), 90U * 22);
    EXPECT_EQ(std::count(selected.end() - 22, selected.end(), 1.0F), 16);
    EXPECT_TRUE(std::isnan(selected.front()));
}

}  // namespace
}  // namespace starglass::cli_test

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "engine/chat.h"
#include "text/golden_vocabulary.h"
#include "text/utf8.h"

namespace starglass {
namespace {

struct Shown {
    std::string thinking;
    std::string answer;
    std::string tool;
    bool closed = false;
    std::size_t chunks = 0;

    void add(const std::vector<StreamDelta>& deltas) {
        for (const StreamDelta& delta : deltas) {
            EXPECT_FALSE(delta.text.empty());
            EXPECT_TRUE(is_valid_utf8(delta.text)) << delta.text;
            switch (delta.part) {
                case StreamPart::thinking:
                    thinking += delta.text;
                    break;
                case StreamPart::answer:
                    answer += delta.text;
                    break;
                case StreamPart::tool:
                    tool += delta.text;
                    break;
            }
        }
    }
    bool operator==(const Shown& other) const {
        return thinking == other.thinking && answer == other.answer && tool == other.tool &&
               closed == other.closed;
    }
};

void PrintTo(const Shown& shown, std::ostream* out) {
    *out << "thinking [" << shown.thinking << "] answer [" << shown.answer << "] tool ["
         << shown.tool << "] closed " << shown.closed;
}

Shown stream(const std::vector<std::string>& chunks, ReplyStream::Options options) {
    ReplyStream reply(options);
    Shown shown;
    for (const std::string& chunk : chunks) {
        if (reply.tool_block_closed()) break;
        shown.add(reply.feed(chunk));
        ++shown.chunks;
    }
    shown.add(reply.flush());
    shown.closed = reply.tool_block_closed();
    return shown;
}

std::vector<std::string> chunks_of(const nlohmann::ordered_json& test) {
    std::vector<std::string> chunks;
    for (const auto& chunk : test.at("chunks"))
        chunks.push_back(chunk.is_string()
                             ? chunk.get<std::string>()
                             : golden::decode_base64(chunk.at("base64").get<std::string>()));
    return chunks;
}

// What a client of the recorded events puts together, per field.
struct Recorded {
    std::string reasoning;
    std::string content;
};

Recorded recorded_events(const nlohmann::ordered_json& test) {
    Recorded out;
    for (const auto& event : test.at("events")) {
        if (!event.contains("data") || !event.at("data").is_object()) continue;
        const auto& data = event.at("data");
        for (const auto& choice : data.value("choices", nlohmann::ordered_json::array())) {
            if (!choice.contains("delta")) continue;
            out.reasoning += choice.at("delta").value("reasoning_content", "");
            out.content += choice.at("delta").value("content", "");
        }
        const auto type = data.value("type", "");
        if (type == "content_block_delta") {
            out.reasoning += data.at("delta").value("thinking", "");
            out.content += data.at("delta").value("text", "");
        }
        if (type == "response.output_text.delta")
            out.content += data.at("delta").get<std::string>();
        if (type == "response.reasoning_summary_text.delta")
            out.reasoning += data.at("delta").get<std::string>();
    }
    return out;
}

// Where the recorded events show a defect of the reference (protocol section 7) and what we do.
const std::map<std::string, std::string> kDefects = {
    // Q8: the events show nothing of a malformed block although the finished reply has it as
    // content. Here a block that turns out to be none at once is streamed as the text it is.
    {"openai/malformed_block", "Hi\n\n<｜DSML｜tool_calls>\noops </｜DSML｜tool_calls>"},
    // The same on the endpoint that does flush the block, but loses the blank line in front.
    {"resp/malformed_block", "Hi\n\n<｜DSML｜tool_calls>\noops </｜DSML｜tool_calls>"},
    {"anth/malformed_block", "Hi\n\n<｜DSML｜tool_calls>\noops </｜DSML｜tool_calls>"},
};

TEST(ReplyStreamGolden, EveryRecordedStream) {
    int compared = 0;
    const auto file = golden::read_json("dsml/stream.json");
    for (const auto& test : file.at("cases")) {
        const auto name = test.at("name").get<std::string>();
        SCOPED_TRACE(name);
        // Raw completions are not split; stop strings are the server's.
        if (test.at("api") == "completions" || test.contains("stop")) continue;
        const auto chunks = chunks_of(test);
        const Shown shown = stream(chunks, {.thinking = test.at("thinking").get<bool>(),
                                            .tools = test.at("tools_active").get<bool>()});
        Recorded expected = recorded_events(test);
        if (const auto found = kDefects.find(name); found != kDefects.end())
            expected.content = found->second;
        EXPECT_EQ(shown.answer, expected.content);
        EXPECT_EQ(shown.closed, test.at("end") == "tool_calls");
        if (shown.closed) {
            EXPECT_EQ(shown.chunks, chunks.size());
        }
        ++compared;
        // The Responses endpoint tells the reasoning only to clients who ask for it.
        if (test.at("api") == "responses" && !test.at("reasoning_summary").get<bool>()) continue;
        EXPECT_EQ(shown.thinking, expected.reasoning);
    }
    EXPECT_EQ(compared, 41);
}

constexpr const char* kBlock =
    "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" "
    "string=\"true\">é🌍 <b> "
    "</｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" string=\"false\">{\"k\": "
    "\"v\"}</｜DSML｜parameter>\n"
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";

struct Text {
    std::string text;
    bool thinking = true;
    bool tools = true;
    Shown expected;
};

std::vector<Text> texts() {
    const std::string block = kBlock;
    return {
        {"I think </thin so 🌍.</think>Yes, 世界!",
         true,
         true,
         {"I think </thin so 🌍.", "Yes, 世界!", "", false}},
        {"<think>r</think>a", true, true, {"r", "a", "", false}},
        {"<think>x</think>y", false, true, {"x", "y", "", false}},
        {"<thing> is a tag", false, true, {"", "<thing> is a tag", "", false}},
        {"r</think>Look.\n\n" + block, true, true, {"r", "Look.", block, true}},
        {"Look. \n\n \t" + block + " more", false, true, {"", "Look.", block, true}},
        {block, false, true, {"", "", block, true}},
        {"a <｜DSML｜tool_calls> is a tag, <｜DSML｜ too </x",
         false,
         true,
         {"", "a <｜DSML｜tool_calls> is a tag, <｜DSML｜ too </x", "", false}},
        {"see <tool_calls>, then\n" + block,
         false,
         true,
         {"", "see <tool_calls>, then", block, true}},
        {"<tool_calls>\n<invoke name=\"f\">\n</invoke>\n</tool_calls>",
         false,
         true,
         {"", "", "<tool_calls>\n<invoke name=\"f\">\n</invoke>\n</tool_calls>", true}},
        {"r " + block + " s</think>done", true, true, {"r " + block + " s", "done", "", false}},
        {"cut <｜DSML｜tool_ca", false, true, {"", "cut <｜DSML｜tool_ca", "", false}},
        {"cut\n\n<｜DSML｜tool_calls>\n",
         false,
         true,
         {"", "cut\n\n<｜DSML｜tool_calls>\n", "", false}},
        {"still thinking </thi", true, true, {"still thinking </thi", "", "", false}},
        {"blanks  \n\n", false, true, {"", "blanks  \n\n", "", false}},
        {"Look: " + block, false, false, {"", "Look: " + block, "", false}},
        // Malformed inside: any closing tag ends it.
        {"<｜DSML｜tool_calls><｜DSML｜invoke name=\"f\">what</tool_calls> x",
         false,
         true,
         {"", "", "<｜DSML｜tool_calls><｜DSML｜invoke name=\"f\">what</tool_calls>", true}},
    };
}

TEST(ReplyStream, EveryCutShowsTheSame) {
    for (const Text& text : texts()) {
        SCOPED_TRACE(text.text);
        const ReplyStream::Options options{.thinking = text.thinking, .tools = text.tools};
        EXPECT_EQ(stream({text.text}, options), text.expected);
        // Pieces of one size, from every first cut.
        for (std::size_t size = 1; size <= 3; ++size)
            for (std::size_t first = 0; first < size; ++first) {
                std::vector<std::string> chunks = {text.text.substr(0, first)};
                for (std::size_t at = first; at < text.text.size(); at += size)
                    chunks.push_back(text.text.substr(at, size));
                EXPECT_EQ(stream(chunks, options), text.expected) << size << " from " << first;
            }
        // One cut anywhere.
        for (std::size_t cut = 0; cut <= text.text.size(); ++cut)
            EXPECT_EQ(stream({text.text.substr(0, cut), text.text.substr(cut)}, options),
                      text.expected)
                << cut;
    }
}

TEST(ReplyStream, EverySplitOfShortTextsIntoPiecesOfOneToThreeBytes) {
    struct Short {
        std::string text;
        Shown expected;
    };
    const std::vector<Short> cases = {
        {"é</think>世🌍a", {"é", "世🌍a", "", false}},
        {"<think>x</think> y", {"x", " y", "", false}},
        {"a<</think><｜D b", {"a<", "<｜D b", "", false}},
    };
    for (const Short& c : cases) {
        std::size_t splits = 0;
        std::vector<std::string> chunks;
        const std::function<void(std::size_t)> cut = [&](std::size_t at) {
            if (at == c.text.size()) {
                ++splits;
                ASSERT_EQ(stream(chunks, {.thinking = true, .tools = true}), c.expected);
                return;
            }
            for (std::size_t size = 1; size <= 3 && at + size <= c.text.size(); ++size) {
                chunks.push_back(c.text.substr(at, size));
                cut(at + size);
                chunks.pop_back();
            }
        };
        cut(0);
        EXPECT_GT(splits, 1000U);
    }
}

TEST(ReplyStream, AgreesWithTheFinishedText) {
    const auto file = golden::read_json("dsml/parse.json");
    for (const auto& test : file.at("cases")) {
        const auto name = test.at("name").get<std::string>();
        SCOPED_TRACE(name);
        const auto text = test.at("text").get<std::string>();
        const bool thinking = test.at("thinking").get<bool>();
        const ParsedReply reply = parse_reply(text, thinking);
        // A stream stops at the first block and cannot wait for a better one, or for a later end
        // of thinking.
        if (!reply.well_formed || name == "two_think_ends_last_counts") continue;
        std::vector<std::string> chunks;
        for (const char c : text) chunks.emplace_back(1, c);
        const Shown shown = stream(chunks, {.thinking = thinking, .tools = true});
        if (reply.thinking_unfinished) {
            EXPECT_EQ(shown.thinking, reply.content);
        } else {
            EXPECT_EQ(shown.answer, reply.content);
            EXPECT_EQ(shown.thinking, reply.reasoning);
        }
        EXPECT_EQ(shown.closed, !reply.raw_block.empty());
    }
}

TEST(ReplyStream, ShowsTextAsSoonAsItIsCertain) {
    ReplyStream reply({.thinking = true, .tools = true});
    EXPECT_TRUE(reply.in_thinking());
    EXPECT_TRUE(reply.feed("<thi").empty());
    EXPECT_EQ(reply.feed("s").at(0).text, "<this");
    EXPECT_EQ(reply.feed(" a</th").at(0).text, " a");
    EXPECT_TRUE(reply.feed("ink").empty());
    EXPECT_TRUE(reply.feed(">").empty());
    EXPECT_FALSE(reply.in_thinking());
    EXPECT_EQ(reply.feed("b  ").at(0).text, "b");
    EXPECT_EQ(reply.feed("c <").at(0).text, "  c");
    EXPECT_EQ(reply.feed("3").at(0).text, " <3");
    EXPECT_TRUE(reply.feed("\xF0\x9F\x8C").empty());
    EXPECT_EQ(reply.feed("\x8D").at(0).text, "🌍");
    EXPECT_TRUE(reply.feed("\xE4\xB8").empty());
    EXPECT_EQ(reply.flush().at(0).text, "\uFFFD");
}

TEST(ReplyStream, KnowsWhichTokensAreSyntax) {
    ReplyStream reply({.thinking = true, .tools = true});
    const auto after = [&](std::string_view text) {
        reply.feed(text);
        return reply.next_is_structural();
    };
    // Quirk Q19: a block quoted in thinking does not count.
    EXPECT_FALSE(after("<｜DSML｜tool_calls>\n"));
    EXPECT_FALSE(after("</think>Hi\n\n<｜DSML｜"));
    EXPECT_TRUE(after("tool_calls>"));
    EXPECT_TRUE(after("\n<｜DSML｜invoke"));
    EXPECT_TRUE(after(" name=\"f\">\n"));
    EXPECT_FALSE(after("<｜DSML｜parameter name=\"a\" string=\"true\">"));
    EXPECT_FALSE(after("value <"));
    EXPECT_TRUE(after("/"));
    EXPECT_TRUE(after("｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" string=\"false\">"));
    EXPECT_TRUE(after("["));
    EXPECT_FALSE(after("\"x"));
    EXPECT_TRUE(after("\"]</｜DSML｜parameter>\n</｜DSML｜invoke>\n"));
    EXPECT_FALSE(reply.tool_block_closed());
    EXPECT_FALSE(after("</｜DSML｜tool_calls>"));
    EXPECT_TRUE(reply.tool_block_closed());
    EXPECT_TRUE(reply.feed("more").empty());
}

TEST(ReplyStream, LongRepliesStayLinear) {
    ReplyStream reply({.thinking = false, .tools = true});
    std::size_t shown = 0;
    const auto count = [&](const std::vector<StreamDelta>& deltas) {
        for (const auto& delta : deltas) shown += delta.text.size();
    };
    const std::string head =
        "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" "
        "string=\"true\">";
    count(reply.feed(head));
    for (int i = 0; i < 300'000; ++i) count(reply.feed("abc"));
    const std::string tail = "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
    count(reply.feed(tail));
    EXPECT_EQ(shown, head.size() + 900'000 + tail.size());
    EXPECT_TRUE(reply.tool_block_closed());
}

}  // namespace
}  // namespace starglass

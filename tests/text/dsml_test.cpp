// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/chat.h"
#include "text/dsml_tracker.h"
#include "text/golden_vocabulary.h"
#include "text/json_value.h"

namespace starglass {
namespace {

std::string wire(const std::string& arguments) {
    const auto value = JsonValue::parse(arguments);
    if (!value) return "{}";
    return value->compact();
}

const char* name_of(DsmlTracker::State state) {
    switch (state) {
        case DsmlTracker::State::outside:
            return "outside";
        case DsmlTracker::State::structural:
            return "structural";
        case DsmlTracker::State::string_body:
            return "string_body";
        case DsmlTracker::State::json_structure:
            return "json_structure";
        case DsmlTracker::State::json_string:
            return "json_string";
    }
    return "";
}

// All 60 vectors hold as they stand. Of their three notes none documents a defect that section 7
// of the protocol would put right:
//   content_trailing_blanks_trimmed   states the rule,
//   broken_json_value                 a value that is no JSON is kept, and whoever executes the
//                                     call finds the arguments unreadable (wire form {}),
//   two_think_ends_last_counts        states the rule of section 3.3, steps 1 and 3.
// Two quirks of section 7 touch parsing without a vector of their own; there we differ:
//   Q8  a malformed block after thinking: the reasoning stays reasoning (test below);
//   Q7  thinking that never ended: content as in the vectors, plus ParsedReply::thinking_unfinished
//       so that callers can agree with what the stream showed.
TEST(DsmlGolden, EveryFinishedText) {
    const auto file = golden::read_json("dsml/parse.json");
    for (const auto& test : file.at("cases")) {
        const auto& expect = test.at("expect");
        SCOPED_TRACE(test.at("name").get<std::string>());
        const auto text = test.at("text").get<std::string>();
        const bool thinking = test.at("thinking").get<bool>();
        const ParsedReply reply = parse_reply(text, thinking);

        DsmlTracker tracker;
        tracker.feed(text);
        EXPECT_EQ(name_of(tracker.state()), expect.at("tracker_at_end").get<std::string>());
        DsmlTracker slow;
        for (const char c : text) slow.feed({&c, 1});
        EXPECT_EQ(slow.state(), tracker.state());
        EXPECT_EQ(slow.over(), tracker.over());
        EXPECT_EQ(slow.end(), tracker.end());

        EXPECT_EQ(reply.well_formed, expect.at("ok").get<bool>());
        if (!reply.well_formed) {
            EXPECT_EQ(reply.content, expect.at("recovered_content").get<std::string>());
            EXPECT_TRUE(reply.calls.empty());
            continue;
        }
        EXPECT_EQ(reply.content, expect.at("content").get<std::string>());
        EXPECT_EQ(reply.reasoning, expect.at("reasoning").is_null()
                                       ? ""
                                       : expect.at("reasoning").get<std::string>());
        EXPECT_EQ(reply.raw_block, expect.value("raw_block", ""));
        ASSERT_EQ(reply.calls.size(), expect.at("calls").size());
        for (std::size_t i = 0; i < reply.calls.size(); ++i) {
            const auto& call = expect.at("calls").at(i);
            EXPECT_EQ(reply.calls[i].name, call.at("name").get<std::string>());
            EXPECT_EQ(reply.calls[i].arguments, call.at("arguments").get<std::string>());
            // Duplicate names collapse when somebody reads the object.
            if (test.at("name") != "duplicate_params") {
                EXPECT_EQ(wire(reply.calls[i].arguments),
                          call.at("wire_arguments").get<std::string>());
            }
        }
    }
    EXPECT_EQ(file.at("cases").size(), 60U);
}

// Parsed calls rendered again. `canonical` is the reference's spelling; the public encoder, which
// we follow, differs where the map says.
TEST(DsmlGolden, CallsRenderAgain) {
    const std::map<std::string, std::string> differs = {
        {"no_params", "an empty arguments line"},
        {"official_empty_args_line", "an empty arguments line"},
        {"array_object_minified", "JSON with blanks"},
        {"nested_params_recovered", "JSON with blanks"},
        {"nested_params_without_outer_close", "JSON with blanks"},
        {"number_bool_null", "-1.5e3 is written -1500.0"},
        {"escaped_close_tag", "a closing tag in a value is not escaped"},
        {"attr_entities", "names are not escaped"},
        {"duplicate_params", "the last of two equal names counts"},
        {"empty_block", "no call, no block"},
    };
    const auto file = golden::read_json("dsml/parse.json");
    for (const auto& test : file.at("cases")) {
        const auto& expect = test.at("expect");
        if (!expect.contains("canonical") || differs.contains(test.at("name"))) continue;
        SCOPED_TRACE(test.at("name").get<std::string>());
        const ParsedReply reply =
            parse_reply(test.at("text").get<std::string>(), test.at("thinking").get<bool>());
        Conversation conversation;
        conversation.messages = {{.role = Role::assistant, .tool_calls = reply.calls}};
        EXPECT_EQ(render_prompt(conversation, {})->text(),
                  "<｜begin▁of▁sentence｜>" + expect.at("canonical").get<std::string>() +
                      "<｜end▁of▁sentence｜>");
    }
}

constexpr const char* kOpen = "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n";
constexpr const char* kClose = "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";

std::string with_parameters(const std::string& parameters) {
    return kOpen + parameters + kClose;
}

TEST(ParseReply, MalformedBlockLeavesTheReasoningAlone) {
    const ParsedReply reply = parse_reply("why</think>Hi\n\n<｜DSML｜tool_calls>oops", true);
    EXPECT_FALSE(reply.well_formed);
    EXPECT_EQ(reply.reasoning, "why");
    EXPECT_EQ(reply.content, "Hi\n\n<｜DSML｜tool_calls>oops");
}

TEST(ParseReply, SaysWhenThinkingNeverEnded) {
    EXPECT_TRUE(parse_reply("reason only", true).thinking_unfinished);
    EXPECT_FALSE(parse_reply("a</think>b", true).thinking_unfinished);
    EXPECT_FALSE(parse_reply("an answer", false).thinking_unfinished);
}

TEST(ParseReply, JsonValues) {
    const auto arguments = [](const std::string& value) {
        const auto reply =
            parse_reply(with_parameters("<｜DSML｜parameter name=\"n\" string=\"false\">" + value +
                                        "</｜DSML｜parameter>\n"),
                        false);
        return reply.calls.empty() ? "" : reply.calls[0].arguments;
    };
    EXPECT_EQ(arguments("  "), R"({"n": null})");
    EXPECT_EQ(arguments(" 3 apples"), R"({"n": 3})");
    EXPECT_EQ(arguments("{ \"a\" : [ ] } tail"), R"({"n": {"a":[]}})");
}

TEST(ParseReply, NestingHasABottom) {
    std::string deep;
    for (int i = 0; i < 5000; ++i) deep += "<｜DSML｜parameter name=\"k\">";
    EXPECT_FALSE(parse_reply(with_parameters(deep), false).well_formed);
}

TEST(ParseReply, ValuesThatAreNotUtf8StillGiveJson) {
    const auto reply = parse_reply(
        with_parameters(
            "<｜DSML｜parameter name=\"n\" string=\"true\">\xFF\xC3</｜DSML｜parameter>\n"),
        false);
    ASSERT_EQ(reply.calls.size(), 1U);
    EXPECT_EQ(reply.calls[0].arguments, "{\"n\": \"\uFFFD\uFFFD\"}");
}

TEST(DsmlTracker, ClosingTagsInsideAValueAreText) {
    DsmlTracker tracker;
    tracker.feed(
        with_parameters("<｜DSML｜parameter name=\"n\" string=\"true\">a</｜DSML｜tool_calls>b"
                        "</｜DSML｜parameter>\n"));
    EXPECT_TRUE(tracker.over());
    DsmlTracker half;
    half.feed(std::string(kOpen) +
              "<｜DSML｜parameter name=\"n\" string=\"true\">a</｜DSML｜tool_calls>b");
    EXPECT_FALSE(half.over());
    EXPECT_EQ(half.state(), DsmlTracker::State::string_body);
}

TEST(DsmlTracker, FollowsAJsonValue) {
    DsmlTracker tracker;
    tracker.feed(std::string(kOpen) + "<｜DSML｜parameter name=\"n\" string=\"false\">");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_structure);
    tracker.feed("{\"a");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_string);
    tracker.feed("\\\"");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_string);
    tracker.feed("\": ");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_structure);
    tracker.feed("\"x<");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_string);
    tracker.feed("/");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::structural);
    tracker.feed("b\"");
    EXPECT_EQ(tracker.state(), DsmlTracker::State::json_structure);
}

}  // namespace
}  // namespace starglass

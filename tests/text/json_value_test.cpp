// SPDX-License-Identifier: MIT
#include "text/json_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace starglass {
namespace {

std::string spaced(const char* json) {
    const auto value = JsonValue::parse(json);
    return value ? value->spaced() : "error: " + value.error().message;
}

TEST(JsonValue, SpacedAsThePublicEncoderWritesIt) {
    EXPECT_EQ(spaced(R"({"z":1,"a":[1,2,{}],"m":{"k":null}})"),
              R"({"z": 1, "a": [1, 2, {}], "m": {"k": null}})");
    EXPECT_EQ(spaced(R"("é\u00e9\ud83c\udf0d\/\u0001\t\"\\")"), "\"éé🌍/\\u0001\\t\\\"\\\\\"");
    // Numbers as Python's repr has them.
    EXPECT_EQ(spaced("[1.50, 1e5, -1.5e3, 1e15, 1e16, 1e-4, 1e-5, 0.1, -0.0, 3]"),
              "[1.5, 100000.0, -1500.0, 1000000000000000.0, 1e+16, 0.0001, 1e-05, 0.1, -0.0, 3]");
    EXPECT_EQ(spaced("123456789012345678901234567890"), "123456789012345678901234567890");
    EXPECT_EQ(spaced(R"({"a":1,"b":2,"a":3})"), R"({"a": 3, "b": 2})");
    EXPECT_EQ(spaced("[1,2,] "), "[1, 2]");
    EXPECT_EQ(spaced(R"({"a":",]",})"), R"({"a": ",]"})");
}

TEST(JsonValue, CompactKeepsNumbersAsWritten) {
    EXPECT_EQ(JsonValue::parse(R"({ "n" : -1.5e3, "m":[ 1.50 ] })")->compact(),
              R"({"n":-1.5e3,"m":[1.50]})");
}

TEST(JsonValue, RefusesWhatIsNotJson) {
    for (const char* broken : {"", "{", "[1", "{a:1}", "nul", "1 2", "\"\\ud800\"", "[,]", "1e999"})
        EXPECT_FALSE(JsonValue::parse(broken)) << broken;
}

TEST(JsonValue, FindsTheFirstValueOfAText) {
    EXPECT_EQ(json_value_length("3 apples"), 1U);
    EXPECT_EQ(json_value_length(R"([1, {"a": "]"}] tail)"), 15U);
    EXPECT_EQ(json_value_length("-1.5e3,"), 6U);
    EXPECT_EQ(json_value_length("1.x"), 1U);
    EXPECT_EQ(json_value_length("true"), 4U);
    EXPECT_EQ(json_value_length(R"("\u00e9\"")"), 10U);
    for (const char* broken :
         {"", "oops", "{oops", "[1,]", "[1 2]", "\"open", "\"\\x\"", "-", "\"\n\""})
        EXPECT_EQ(json_value_length(broken), 0U) << broken;
    EXPECT_EQ(json_value_length(std::string(100'000, '[')), 0U);
    EXPECT_EQ(minify_json("{ \"a b\" : [ 1,\n2 ] }"), R"({"a b":[1,2]})");
}

}  // namespace
}  // namespace starglass

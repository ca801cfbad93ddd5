// SPDX-License-Identifier: MIT
#include "tools/demo_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace starglass {
namespace {

using testing::StartsWith;

TEST(DemoTools, CalculatorFollowsTheUsualOrder) {
    EXPECT_EQ(calculate("3 * (2 + 4)"), "18");
    EXPECT_EQ(calculate("2+3*4-6/2"), "11");
    EXPECT_EQ(calculate("10-4-3"), "3");
    EXPECT_EQ(calculate("100/10/5"), "2");
    EXPECT_EQ(calculate("-(2+3)*-2"), "10");
    EXPECT_EQ(calculate(" 7 "), "7");
}

TEST(DemoTools, CalculatorPrintsAtMostSixDecimals) {
    EXPECT_EQ(calculate("1/3"), "0.333333");
    EXPECT_EQ(calculate("0.1+0.2"), "0.3");
    EXPECT_EQ(calculate("1.50*2"), "3");
    EXPECT_EQ(calculate("0/-5"), "0");
    EXPECT_EQ(calculate("1000000*1000000"), "1000000000000");
}

TEST(DemoTools, CalculatorExplainsWhatItCannotRead) {
    for (const char* wrong : {"", "1+", "(1", "1)", "2**3", "1..2", "abc", "1e5", "inf", "1 2",
                              "1/0", "1/(2-2)", "99999999999*99999999999", ")("})
        EXPECT_THAT(calculate(wrong), StartsWith("error: ")) << wrong;
    EXPECT_THAT(calculate(std::string("1\0+1", 4)), StartsWith("error: "));
    EXPECT_THAT(calculate(std::string(900, '(')), StartsWith("error: "));
    EXPECT_THAT(calculate(std::string(900, '-') + "1"), StartsWith("error: "));
    EXPECT_THAT(calculate(std::string(5000, '1')), StartsWith("error: "));
}

TEST(DemoTools, ClockReadsLocalTimeWithAnEnglishWeekday) {
    std::tm local{};
    local.tm_year = 126;
    local.tm_mon = 2;
    local.tm_mday = 14;
    local.tm_hour = 14;
    local.tm_min = 32;
    local.tm_sec = 5;
    local.tm_isdst = -1;
    const auto now = std::chrono::system_clock::from_time_t(std::mktime(&local));
    EXPECT_EQ(clock_text(now), "2026-03-14 14:32:05 Saturday");
    EXPECT_EQ(run_demo_tool({"", "clock", "{}"}, now), "2026-03-14 14:32:05 Saturday");
}

TEST(DemoTools, CallsNeedTheirArguments) {
    const auto now = std::chrono::system_clock::now();
    EXPECT_EQ(run_demo_tool({"", "calculator", R"({"expression":"2*21"})"}, now), "42");
    EXPECT_EQ(run_demo_tool({"", "calculator", R"({"expression":7})"}, now), "7");
    for (const char* wrong : {"", "{", "[]", "{}", R"({"expression":null})"})
        EXPECT_THAT(run_demo_tool({"", "calculator", wrong}, now), StartsWith("error: ")) << wrong;
    EXPECT_THAT(run_demo_tool({"", "browser", "{}"}, now), StartsWith("error: "));
}

TEST(DemoTools, SchemasNameTheTools) {
    for (const std::string& schema : demo_tool_schemas()) {
        const auto json = nlohmann::json::parse(schema);
        EXPECT_TRUE(is_demo_tool(json.at("name").get<std::string>()));
    }
    EXPECT_FALSE(is_demo_tool("browser"));
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "session/stop_matcher.h"

#include <gtest/gtest.h>

namespace starglass {
namespace {

TEST(StopMatcher, EverySplitGivesTheSameTextAndMatch) {
    const std::string text = "one two STOP three";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        StopMatcher matcher({"STOP", "never", ""});
        std::string out;
        for (std::size_t at = 0; at < text.size(); at += step)
            out += matcher.feed(text.substr(at, step));
        out += matcher.flush();
        EXPECT_TRUE(matcher.matched());
        EXPECT_EQ(out, "one two ");
        EXPECT_EQ(matcher.kept_bytes(), 8U);
    }
}

TEST(StopMatcher, TheEarliestMatchWins) {
    StopMatcher matcher({"bb", "ab"});
    EXPECT_EQ(matcher.feed("xxabb") + matcher.flush(), "xx");
}

TEST(StopMatcher, AFalseBeginningIsReleasedAtTheEnd) {
    StopMatcher matcher({"</end>"});
    std::string out = matcher.feed("text </en");
    EXPECT_EQ(out, "text");
    out += matcher.flush();
    EXPECT_EQ(out, "text </en");
    EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, WithoutTextsNothingIsHeld) {
    StopMatcher matcher({});
    EXPECT_EQ(matcher.feed("abc"), "abc");
}

}  // namespace
}  // namespace starglass

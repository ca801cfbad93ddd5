// SPDX-License-Identifier: MIT
#include "experts/ahead_choice.h"

#include <gtest/gtest.h>

namespace starglass {
namespace {

// Decodes `tokens` that take `with` or `without` seconds; how many of them were read ahead.
int decode(AheadChoice& choice, int tokens, double with, double without) {
    int ahead = 0;
    for (int i = 0; i < tokens; ++i) {
        ahead += choice.on() ? 1 : 0;
        choice.decoded(choice.on() ? with : without);
    }
    return ahead;
}

TEST(AheadChoice, TriesBothAndKeepsTheFaster) {
    AheadChoice choice(Lookahead::automatic);
    EXPECT_TRUE(choice.on());
    decode(choice, 2 * AheadChoice::kTrial, 0.1, 0.2);
    EXPECT_TRUE(choice.on());
    EXPECT_DOUBLE_EQ(choice.seconds_with(), 0.1);
    EXPECT_DOUBLE_EQ(choice.seconds_without(), 0.2);
    EXPECT_EQ(decode(choice, AheadChoice::kBetween, 0.1, 0.2), AheadChoice::kBetween);
    // The disk has become a slower one since: it tries again, and stops.
    decode(choice, 2 * AheadChoice::kTrial, 0.3, 0.2);
    EXPECT_FALSE(choice.on());
    EXPECT_EQ(decode(choice, AheadChoice::kBetween, 0.3, 0.2), 0);
    EXPECT_TRUE(choice.on());
}

TEST(AheadChoice, ALittleIsNotWorthReadingMore) {
    AheadChoice choice(Lookahead::automatic);
    decode(choice, 2 * AheadChoice::kTrial, 0.199, 0.2);
    EXPECT_FALSE(choice.on());
}

TEST(AheadChoice, WhatWasAskedForStays) {
    AheadChoice on(Lookahead::on), off(Lookahead::off);
    EXPECT_EQ(decode(on, 3000, 9, 1), 3000);
    EXPECT_EQ(decode(off, 3000, 1, 9), 0);
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "cpu/thread_choice.h"

#include <gtest/gtest.h>

#include <cmath>

namespace starglass {
namespace {

using Counts = std::vector<int>;

TEST(ThreadChoice, CandidatesAscendWithoutRepeats) {
    EXPECT_EQ(thread_candidates(1, 1), (Counts{1}));
    EXPECT_EQ(thread_candidates(2, 2), (Counts{1, 2}));
    EXPECT_EQ(thread_candidates(6, 12), (Counts{1, 2, 4, 6, 8, 12}));
    EXPECT_EQ(thread_candidates(0, 0), (Counts{1}));
}

TEST(ThreadChoice, TakesTheMostThreadsThatAreAsFast) {
    EXPECT_EQ(choose_threads(std::vector<ThreadSpeed>{{1, 20e9}, {2, 39e9}}), 2);
    // Memory is saturated by four; eight lose nothing, sixteen do.
    EXPECT_EQ(choose_threads(std::vector<ThreadSpeed>{{2, 30e9}, {4, 50e9}, {8, 49e9}, {16, 41e9}}),
              8);
    // Sixteen CPUs of which a limit leaves one.
    EXPECT_EQ(choose_threads(std::vector<ThreadSpeed>{{1, 20e9}, {2, 15e9}, {16, 3e9}}), 1);
}

TEST(ThreadChoice, MeasuresEveryCandidate) {
    const Counts candidates = {1, 2};
    const std::vector<ThreadSpeed> measured = measure_thread_speeds(candidates);
    ASSERT_EQ(measured.size(), candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        EXPECT_EQ(measured[i].threads, candidates[i]);
        EXPECT_TRUE(std::isfinite(measured[i].bytes_s));
        EXPECT_GT(measured[i].bytes_s, 1e6);
    }
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The ceilings are finite, positive and of a plausible size; how high they are is the machine's
// business, and other programs may run meanwhile.
#include "cpu/machine_speed.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace starglass {
namespace {

TEST(MachineSpeed, ReadSpeedIsFiniteForEveryNumberOfThreads) {
    const std::array<int, 3> threads = {1, 2, 3};
    const auto speed = measure_read_speed(threads, std::int64_t{64} << 20, CancelToken());
    ASSERT_TRUE(speed) << speed.error().message;
    ASSERT_EQ(speed->size(), threads.size());
    for (const double one : *speed) {
        EXPECT_TRUE(std::isfinite(one));
        EXPECT_GT(one, 1e7);  // 10 MB/s: slower than any memory under any sanitizer
        EXPECT_LT(one, 1e14);
    }
}

TEST(MachineSpeed, ArithmeticSpeedIsFinite) {
    for (const int threads : {1, 2}) {
        const ArithmeticSpeed speed = measure_arithmetic_speed(threads);
        for (const double one : {speed.f32_flop_s, speed.int8_op_s}) {
            EXPECT_TRUE(std::isfinite(one));
            EXPECT_GT(one, 1e6);
            EXPECT_LT(one, 1e16);
        }
    }
}

TEST(MachineSpeed, StopsWhenAsked) {
    CancelToken cancel;
    cancel.cancel();
    const std::array<int, 1> threads = {1};
    const auto speed = measure_read_speed(threads, 1 << 20, cancel);
    ASSERT_FALSE(speed);
    EXPECT_EQ(speed.error().code, ErrorCode::cancelled);
}

TEST(MachineSpeed, NamesTheInstructionSet) {
    EXPECT_FALSE(simd_target_name().empty());
}

}  // namespace
}  // namespace starglass

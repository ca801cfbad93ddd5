// SPDX-License-Identifier: MIT
//
// What this machine can do at most: the ceilings that speed is held against. All are measured
// where they are asked for, in about a second each; nothing else should run meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace starglass {

// The instruction set that the SIMD files run here, as Highway names it ("AVX3_DL").
std::string_view simd_target_name();

// More than any last level cache holds several times over.
inline constexpr std::int64_t kReadBytes = std::int64_t{1} << 30;

// Bytes per second, for each number of threads in turn, at which they read a buffer of `bytes`
// from memory, each thread its own part from start to end; the best of some passes. Errors:
// out_of_memory, cancelled.
Result<std::vector<double>> measure_read_speed(std::span<const int> threads, std::int64_t bytes,
                                               const CancelToken& cancel);

struct ArithmeticSpeed {
    double f32_flop_s = 0;  // fused multiply-adds on registers, two operations each
    double int8_op_s = 0;   // unsigned times signed bytes added up in 32 bits (VNNI where there
                            // is one), two operations a product
};
ArithmeticSpeed measure_arithmetic_speed(int threads);

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// What the kernel benchmarks share. Problems come from the case lists of tests/kernel, so that
// what is timed is what is tested; the second argument is the number of threads, 0 for one per
// core.
//
// Every iteration takes the next of several equal weights, more than the last level cache holds:
// a model's weights are never in a cache either.
#pragma once

#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "cpu/cpu_backend.h"

namespace starglass::bench {

inline constexpr std::int64_t kColdBytes = std::int64_t{1} << 29;

// How many copies of `bytes` of weights make a cold set; 1 where the case is about compute.
inline std::int64_t copies_for(std::int64_t bytes, std::int64_t limit) {
    return std::clamp<std::int64_t>(kColdBytes / std::max<std::int64_t>(bytes, 1), 1, limit);
}

inline void report(benchmark::State& state, std::int64_t weight_bytes, double multiply_adds) {
    state.counters["GB/s"] = benchmark::Counter(static_cast<double>(weight_bytes) * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
    state.counters["GFLOP/s"] =
        benchmark::Counter(2e-9 * multiply_adds, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace starglass::bench

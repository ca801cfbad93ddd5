// SPDX-License-Identifier: MIT
//
// What the kernel benchmarks share. Problems come from the case lists of tests/kernel, so that
// what is timed is what is tested.
//
// Every iteration takes the next of several equal weights, more than the last level cache holds:
// a model's weights are never in a cache either.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/cpu_backend.h"
#include "machine.h"
#include "tensor/block_format.h"

namespace starglass::bench {

inline constexpr std::int64_t kColdBytes = std::int64_t{1} << 29;

// How many copies of `bytes` of weights make a cold set, `limit` at most.
inline std::int64_t copies_for(std::int64_t bytes, std::int64_t limit) {
    return std::clamp<std::int64_t>(kColdBytes / std::max<std::int64_t>(bytes, 1), 1, limit);
}

// What an iteration has to do at least, and in which arithmetic.
struct Work {
    std::int64_t bytes;    // read from memory: weights or packed rows
    double multiply_adds;  // two operations each
    ActivationFormat activations = ActivationFormat::f32;
};

// Counters: GB/s, GFLOP/s, and both as shares (1 is all) of what this machine can do with as many
// threads: "of read" its memory, "of peak" f32 multiply-adds, or int8 dot products where
// activations are int8.
inline void report(benchmark::State& state, const Work& work, int threads) {
    const MachineCeilings& most = machine_ceilings(threads);
    const double peak = work.activations == ActivationFormat::f32 ? most.arithmetic.f32_flop_s
                                                                  : most.arithmetic.int8_op_s;
    const auto rate = [](double value) {
        return benchmark::Counter(value, benchmark::Counter::kIsIterationInvariantRate);
    };
    const auto bytes = static_cast<double>(work.bytes);
    state.counters["GB/s"] = rate(bytes * 1e-9);
    state.counters["GFLOP/s"] = rate(2e-9 * work.multiply_adds);
    state.counters["of_read"] = rate(bytes / most.read_bytes_s);
    state.counters["of_peak"] = rate(2 * work.multiply_adds / peak);
}

// Which arithmetic a weight type means with these activations.
inline ActivationFormat arithmetic_of(DataType type, Activations activations) {
    return activations == Activations::int8 ? activation_format(type) : ActivationFormat::f32;
}

}  // namespace starglass::bench

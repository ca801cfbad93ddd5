// SPDX-License-Identifier: MIT
#include "kernel/attention_cases.h"
#include "kernel/index_select_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

// Arguments: threads. GB/s are the packed rows' bytes.
void attention(benchmark::State& state, testing::AttentionCase shape) {
    const auto threads = static_cast<int>(state.range(0));
    const auto backend = make_cpu_backend(Activations::int8, threads);
    testing::AttentionProblem problem(shape);
    std::int64_t rows = 0;
    for (int row = 0; row < shape.rows; ++row) {
        const std::int64_t position = shape.first + row;
        rows += std::min<std::int64_t>(shape.window, position + 1);
        if (shape.ratio != 0)
            rows += problem.counts.empty() ? (position + 1) / shape.ratio
                                           : problem.counts[static_cast<std::size_t>(row)];
    }
    for (auto _ : state) {
        backend->run(problem.op());
        benchmark::ClobberMemory();
    }
    report(state,
           {rows * problem.raw->layout.stride,
            2.0 * static_cast<double>(rows) * shape.heads * shape.width},
           threads);
}

void index_select(benchmark::State& state, testing::IndexSelectCase shape) {
    const auto threads = static_cast<int>(state.range(0));
    const auto backend = make_cpu_backend(Activations::int8, threads);
    testing::IndexSelectProblem problem(shape);
    std::int64_t rows = 0;
    for (int row = 0; row < shape.rows; ++row) rows += (shape.first + row + 1) / shape.ratio;
    for (auto _ : state) {
        backend->run(problem.op());
        benchmark::ClobberMemory();
    }
    report(
        state,
        {rows * problem.keys->layout.stride, static_cast<double>(rows) * shape.heads * shape.width},
        threads);
}

#define STARGLASS_ATTENTION(function, name, ...)   \
    BENCHMARK_CAPTURE(function, name, __VA_ARGS__) \
        ->ArgName("threads")                       \
        ->Arg(1)                                   \
        ->Arg(2)                                   \
        ->UseRealTime()                            \
        ->Unit(benchmark::kMicrosecond)

// Flash: window alone, the indexer's 512 rows, the ratio-128 rows of 32k tokens, a prefill chunk.
STARGLASS_ATTENTION(attention, window,
                    testing::AttentionCase{64, 512, 64, 128, 500, 1, 0, 0, false});
STARGLASS_ATTENTION(attention, selected_512,
                    testing::AttentionCase{64, 512, 64, 128, 4000, 1, 4, 512, false});
STARGLASS_ATTENTION(attention, ratio_128_at_32k,
                    testing::AttentionCase{64, 512, 64, 128, 32768, 1, 128, 0, false});
STARGLASS_ATTENTION(attention, prefill_32,
                    testing::AttentionCase{64, 512, 64, 128, 1000, 32, 4, 0, false});
STARGLASS_ATTENTION(attention, ratio_128_at_1m,
                    testing::AttentionCase{64, 512, 64, 128, 1 << 20, 1, 128, 0, false});
STARGLASS_ATTENTION(attention, prefill_selected_32,
                    testing::AttentionCase{64, 512, 64, 128, 4000, 32, 4, 512, false});
STARGLASS_ATTENTION(index_select, at_32k,
                    testing::IndexSelectCase{64, 128, 1 << 15, 1, 4, 512, false, true, 256});
STARGLASS_ATTENTION(index_select, at_128k,
                    testing::IndexSelectCase{64, 128, 1 << 17, 1, 4, 512, false, true, 256});
STARGLASS_ATTENTION(index_select, at_1m,
                    testing::IndexSelectCase{64, 128, 1 << 20, 1, 4, 512, false, true, 256});
STARGLASS_ATTENTION(index_select, prefill_64_at_32k,
                    testing::IndexSelectCase{64, 128, 1 << 15, 64, 4, 512, false, true, 256});

}  // namespace
}  // namespace starglass::bench

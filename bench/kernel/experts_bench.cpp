// SPDX-License-Identifier: MIT
#include <set>

#include "kernel/experts_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

void routed_experts(benchmark::State& state, testing::ExpertsCase shape) {
    const auto backend = make_cpu_backend(Activations::int8, static_cast<int>(state.range(0)));
    testing::ExpertsProblem problem(shape);
    // Bytes of the experts that are really read.
    const std::set<std::int32_t> touched(problem.selected.begin(), problem.selected.end());
    const std::size_t all =
        problem.gate.bytes.size() + problem.up.bytes.size() + problem.down.bytes.size();
    const auto bytes =
        static_cast<std::int64_t>(all / static_cast<std::size_t>(shape.experts) * touched.size());
    for (auto _ : state) {
        backend->run(problem.routed());
        benchmark::ClobberMemory();
        // Other experts next time: what was just read may still lie in a cache.
        for (std::int32_t& expert : problem.selected) expert = (expert + 1) % shape.experts;
    }
    report(state, bytes,
           3.0 * static_cast<double>(shape.dim) * static_cast<double>(shape.hidden) * shape.used *
               shape.rows);
}

using enum DataType;

#define STARGLASS_EXPERTS(name, ...)                                           \
    BENCHMARK_CAPTURE(routed_experts, name, testing::ExpertsCase{__VA_ARGS__}) \
        ->ArgName("threads")                                                   \
        ->Arg(1)                                                               \
        ->Arg(0)                                                               \
        ->UseRealTime()                                                        \
        ->Unit(benchmark::kMicrosecond)

STARGLASS_EXPERTS(q2_1, iq2_xxs, iq2_xxs, q2_k, 4096, 2048, 64, 6, 1, 10.0F);
STARGLASS_EXPERTS(q4_1, q4_k, q4_k, q4_k, 4096, 2048, 32, 6, 1, 10.0F);
STARGLASS_EXPERTS(q2_128, iq2_xxs, iq2_xxs, q2_k, 4096, 2048, 64, 6, 128, 10.0F);

}  // namespace
}  // namespace starglass::bench

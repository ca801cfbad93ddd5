// SPDX-License-Identifier: MIT
#include <set>

#include "kernel/experts_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

constexpr int kRowsMax = 512;

// Problems with all of a layer's experts take gigabytes and a while to make, so the last is kept.
testing::ExpertsProblem& problem_of(testing::ExpertsCase shape) {
    static std::unique_ptr<testing::ExpertsProblem> last;
    shape.rows = kRowsMax;
    if (last == nullptr || last->shape.gate != shape.gate || last->shape.down != shape.down ||
        last->shape.experts != shape.experts) {
        last.reset();
        last = std::make_unique<testing::ExpertsProblem>(shape);
    }
    return *last;
}

// Arguments: rows, threads. Bytes are those of the experts that are really read.
void routed_experts(benchmark::State& state, testing::ExpertsCase shape) {
    const auto rows = static_cast<int>(state.range(0));
    const auto threads = static_cast<int>(state.range(1));
    const auto backend = make_cpu_backend(Activations::int8, threads);
    testing::ExpertsProblem& problem = problem_of(shape);
    const auto choices = static_cast<std::ptrdiff_t>(rows) * shape.used;
    std::vector<std::int32_t> selected(problem.selected.begin(),
                                       problem.selected.begin() + choices);
    const std::set<std::int32_t> touched(selected.begin(), selected.end());
    const std::size_t all =
        problem.gate.bytes.size() + problem.up.bytes.size() + problem.down.bytes.size();
    const auto bytes =
        static_cast<std::int64_t>(all / static_cast<std::size_t>(shape.experts) * touched.size());
    RoutedExperts op = problem.routed();
    op.rows = rows;
    op.selected = selected.data();
    for (auto _ : state) {
        backend->run(op);
        benchmark::ClobberMemory();
        // Other experts next time: what was just read may still lie in a cache.
        for (std::int32_t& expert : selected) expert = (expert + shape.used) % shape.experts;
    }
    report(state,
           {bytes,
            3.0 * static_cast<double>(shape.dim) * static_cast<double>(shape.hidden) * shape.used *
                rows,
            arithmetic_of(shape.gate, Activations::int8)},
           threads);
}

using enum DataType;

#define STARGLASS_EXPERTS(name, row_list, ...)                                 \
    BENCHMARK_CAPTURE(routed_experts, name, testing::ExpertsCase{__VA_ARGS__}) \
        ->ArgNames({"rows", "threads"})                                        \
        ->ArgsProduct({row_list, {1, 2}})                                      \
        ->UseRealTime()                                                        \
        ->Unit(benchmark::kMicrosecond)
#define STARGLASS_ROWS \
    { 1, 128, 512 }

// One layer of Flash; the q2 lines belong to the standard set of `./dev bench`.
STARGLASS_EXPERTS(q2, STARGLASS_ROWS, iq2_xxs, iq2_xxs, q2_k, 4096, 2048, 256, 6, 1, 10.0F);
STARGLASS_EXPERTS(q4, {1}, q4_k, q4_k, q4_k, 4096, 2048, 32, 6, 1, 10.0F);

}  // namespace
}  // namespace starglass::bench

// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

constexpr std::int64_t kRowsMax = 512;

// A weight matrix again and again, and the most rows of activations. The library calls a benchmark
// several times to find out how long it takes, so the last problem is kept.
struct ColdMatMul {
    explicit ColdMatMul(const testing::MatMulCase& shape) : problem(shape) {
        bytes = static_cast<std::int64_t>(problem.w.bytes.size());
        copies = copies_for(bytes, 64);
        weights.resize(static_cast<std::size_t>(bytes * copies));
        for (std::int64_t i = 0; i < copies; ++i)
            std::copy(problem.w.bytes.begin(), problem.w.bytes.end(), weights.begin() + i * bytes);
    }
    static ColdMatMul& of(testing::MatMulCase shape) {
        static std::unique_ptr<ColdMatMul> last;
        shape.rows = kRowsMax;
        if (last == nullptr || last->problem.shape.type != shape.type ||
            last->problem.shape.in != shape.in || last->problem.shape.out != shape.out) {
            last.reset();
            last = std::make_unique<ColdMatMul>(shape);
        }
        return *last;
    }

    testing::MatMulProblem problem;
    std::vector<std::byte> weights;
    std::int64_t bytes = 0, copies = 1, turn = 0;
};

// Arguments: rows, threads.
void mat_mul(benchmark::State& state, testing::MatMulCase shape, Activations activations) {
    const auto rows = static_cast<int>(state.range(0));
    const auto threads = static_cast<int>(state.range(1));
    const auto backend = make_cpu_backend(activations, threads);
    ColdMatMul& cold = ColdMatMul::of(shape);
    MatMul op = cold.problem.op();
    op.rows = rows;
    for (auto _ : state) {
        op.w.data = cold.weights.data() + cold.turn++ % cold.copies * cold.bytes;
        backend->run(op);
        benchmark::ClobberMemory();
    }
    report(state,
           {cold.bytes, static_cast<double>(shape.in) * static_cast<double>(shape.out * rows),
            arithmetic_of(shape.type, activations)},
           threads);
}

using enum DataType;

// The dense matrices of Flash and the matrices of one expert. The int8 lines with 1, 8, 16 and 512
// rows are the standard set of `./dev bench`.
#define STARGLASS_MAT_MUL(name, activations, row_list, ...)                         \
    BENCHMARK_CAPTURE(mat_mul, name, testing::MatMulCase{__VA_ARGS__}, activations) \
        ->ArgNames({"rows", "threads"})                                             \
        ->ArgsProduct({row_list, {1, 2}})                                           \
        ->UseRealTime()                                                             \
        ->Unit(benchmark::kMicrosecond)
#define STARGLASS_ROWS \
    { 1, 8, 16, 512 }

STARGLASS_MAT_MUL(q8_0, Activations::int8, STARGLASS_ROWS, q8_0, 4096, 4096);
STARGLASS_MAT_MUL(iq2_xxs, Activations::int8, STARGLASS_ROWS, iq2_xxs, 4096, 2048);
STARGLASS_MAT_MUL(q2_k, Activations::int8, STARGLASS_ROWS, q2_k, 2048, 4096);
STARGLASS_MAT_MUL(q4_k, Activations::int8, STARGLASS_ROWS, q4_k, 4096, 2048);
STARGLASS_MAT_MUL(f16, Activations::int8, STARGLASS_ROWS, f16, 4096, 1024);
STARGLASS_MAT_MUL(q8_0_f32, Activations::f32, {1}, q8_0, 4096, 4096);
STARGLASS_MAT_MUL(iq2_xxs_f32, Activations::f32, {1}, iq2_xxs, 4096, 2048);

}  // namespace
}  // namespace starglass::bench

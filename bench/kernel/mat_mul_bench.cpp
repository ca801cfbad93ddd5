// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

void mat_mul(benchmark::State& state, testing::MatMulCase shape, Activations activations) {
    const auto backend = make_cpu_backend(activations, static_cast<int>(state.range(0)));
    testing::MatMulProblem problem(shape);
    const auto bytes = static_cast<std::int64_t>(problem.w.bytes.size());
    // One allocation of equal matrices, walked through.
    const std::int64_t copies = copies_for(bytes, 64);
    std::vector<std::byte> weights(static_cast<std::size_t>(bytes * copies));
    for (std::int64_t i = 0; i < copies; ++i)
        std::copy(problem.w.bytes.begin(), problem.w.bytes.end(), weights.begin() + i * bytes);
    std::int64_t turn = 0;
    for (auto _ : state) {
        MatMul op = problem.op();
        op.w.data = weights.data() + turn++ % copies * bytes;
        backend->run(op);
        benchmark::ClobberMemory();
    }
    report(state, bytes,
           static_cast<double>(shape.in) * static_cast<double>(shape.out * shape.rows));
}

using enum DataType;

// The dense shapes of Flash: output_a/output_b, compressor, and one expert's matrices.
#define STARGLASS_MAT_MUL(name, activations, ...)                                   \
    BENCHMARK_CAPTURE(mat_mul, name, testing::MatMulCase{__VA_ARGS__}, activations) \
        ->ArgName("threads")                                                        \
        ->Arg(1)                                                                    \
        ->Arg(0)                                                                    \
        ->UseRealTime()                                                             \
        ->Unit(benchmark::kMicrosecond)

STARGLASS_MAT_MUL(q8_0_1, Activations::int8, q8_0, 4096, 4096, 1);
STARGLASS_MAT_MUL(f16_1, Activations::int8, f16, 4096, 1024, 1);
STARGLASS_MAT_MUL(iq2_xxs_1, Activations::int8, iq2_xxs, 4096, 2048, 1);
STARGLASS_MAT_MUL(q2_k_1, Activations::int8, q2_k, 2048, 4096, 1);
STARGLASS_MAT_MUL(q4_k_1, Activations::int8, q4_k, 4096, 2048, 1);
STARGLASS_MAT_MUL(q8_0_f32_1, Activations::f32, q8_0, 4096, 4096, 1);
STARGLASS_MAT_MUL(iq2_xxs_f32_1, Activations::f32, iq2_xxs, 4096, 2048, 1);
STARGLASS_MAT_MUL(q8_0_64, Activations::int8, q8_0, 4096, 2048, 64);
STARGLASS_MAT_MUL(f16_64, Activations::int8, f16, 4096, 1024, 64);
STARGLASS_MAT_MUL(iq2_xxs_64, Activations::int8, iq2_xxs, 4096, 2048, 64);
STARGLASS_MAT_MUL(q2_k_64, Activations::int8, q2_k, 2048, 4096, 64);
STARGLASS_MAT_MUL(q4_k_64, Activations::int8, q4_k, 4096, 2048, 64);
STARGLASS_MAT_MUL(q8_0_512, Activations::int8, q8_0, 4096, 2048, 512);

}  // namespace
}  // namespace starglass::bench

// SPDX-License-Identifier: MIT
//
// The ops of one decoded token at Flash shape that are neither products with weights nor
// attention: microseconds each, some of them a hundred times a token.
#include "kernel/compressor_cases.h"
#include "kernel/hyper_connection_cases.h"
#include "kernel/rms_norm_cases.h"
#include "kernel/rope_cases.h"
#include "kernel/router_cases.h"
#include "kernel/rows_cases.h"
#include "kernel/top_logits_cases.h"
#include "support.h"

namespace starglass::bench {
namespace {

template <class Problem, class Make>
void run(benchmark::State& state, Problem problem, Make&& make) {
    const auto backend = make_cpu_backend(Activations::int8, static_cast<int>(state.range(0)));
    for (auto _ : state) {
        backend->run(make(problem));
        benchmark::ClobberMemory();
    }
}

void hyper_pre(benchmark::State& state) {
    run(state, testing::HyperProblem({DataType::f16, 4, 4096, 1}), [](auto& p) { return p.pre(); });
}
void hyper_post(benchmark::State& state) {
    run(state, testing::HyperProblem({DataType::f16, 4, 4096, 1}),
        [](auto& p) { return p.spread(); });
}
void rms_norm(benchmark::State& state, testing::RmsNormCase shape) {
    run(state, testing::RmsNormProblem(shape), [](auto& p) { return p.op(); });
}
void rope(benchmark::State& state, int heads, int width) {
    run(state, testing::RopeProblem({testing::yarn_rope(), heads, width, 1, 100000, false}),
        [](auto& p) { return p.op(); });
}
void encode_row(benchmark::State& state, testing::RowsCase shape) {
    run(state, testing::RowsProblem(shape), [](auto& p) { return p.op(); });
}
void index_query(benchmark::State& state) {
    run(state, testing::IndexQueryProblem({1, 64, 128, true}), [](auto& p) { return p.op(); });
}
void router(benchmark::State& state, bool table) {
    run(state, testing::RouterProblem({1, 256, 6, true, table, false}),
        [](auto& p) { return p.op(); });
}
void top_logits(benchmark::State& state, int k) {
    run(state, testing::TopLogitsProblem({1, 129280, k, 1.0F, 3.0F, testing::Values::normal}),
        [](auto& p) { return p.op(); });
}
// Every token of a group in turn, the last of which emits a row.
void compress(benchmark::State& state, testing::CompressCase shape) {
    shape.tokens = shape.ratio;
    run(state, testing::CompressProblem(shape), [](auto& p) {
        if (p.position == p.shape.ratio) p.position = 0;
        return p.next(1);
    });
}

#define STARGLASS_SMALL(...) \
    BENCHMARK_CAPTURE(__VA_ARGS__)->ArgName("threads")->Arg(1)->Arg(0)->UseRealTime()
#define STARGLASS_SMALL_0(function) \
    BENCHMARK(function)->ArgName("threads")->Arg(1)->Arg(0)->UseRealTime()

STARGLASS_SMALL_0(hyper_pre);
STARGLASS_SMALL_0(hyper_post);
STARGLASS_SMALL(rms_norm, embedding, testing::RmsNormCase{4096, 1, true, false});
STARGLASS_SMALL(rms_norm, query_rank, testing::RmsNormCase{1024, 1, true, true});
STARGLASS_SMALL(rms_norm, heads, testing::RmsNormCase{512, 64, false, true});
STARGLASS_SMALL(rope, heads, 64, 512);
STARGLASS_SMALL(rope, row, 1, 512);
STARGLASS_SMALL(encode_row, kv, testing::RowsCase{RowLayout::kv(512, 64), 1, false});
STARGLASS_SMALL(encode_row, index, testing::RowsCase{RowLayout::index(128), 1, true});
STARGLASS_SMALL_0(index_query);
STARGLASS_SMALL(router, scores, false);
STARGLASS_SMALL(router, table, true);
STARGLASS_SMALL(top_logits, k_256, 256);
STARGLASS_SMALL(compress, ratio_4, testing::CompressCase{DataType::f16, 4, 2, 512, 0});
STARGLASS_SMALL(compress, ratio_128, testing::CompressCase{DataType::f16, 128, 1, 512, 0});

}  // namespace
}  // namespace starglass::bench

// SPDX-License-Identifier: MIT
//
// What the CPU backend promises beyond the contracts: the same bits for any number of threads,
// the same answers from every instruction set, exact codes, rows and integer products.
#include <hwy/targets.h>

#include <limits>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "kernel/attention_cases.h"
#include "kernel/compressor_cases.h"
#include "kernel/experts_cases.h"
#include "kernel/hyper_connection_cases.h"
#include "kernel/index_select_cases.h"
#include "kernel/mat_mul_cases.h"
#include "kernel/weight_dot.h"

namespace starglass::testing {
namespace {

// Runs body once per instruction set this build has and this machine can run.
template <class Body>
void for_each_target(Body&& body) {
    struct Entry {
        const char* name;
        std::int64_t bit;
    };
    const std::int64_t supported = hwy::SupportedTargets();
    for (const Entry& entry : {Entry{"AVX-512 VNNI", HWY_AVX3_DL}, Entry{"AVX-512", HWY_AVX3},
                               Entry{"AVX2", HWY_AVX2}, Entry{"scalar", HWY_SCALAR}}) {
        if ((supported & entry.bit) == 0 && entry.bit != HWY_SCALAR) continue;
        SCOPED_TRACE(entry.name);
        hwy::SetSupportedTargetsForTest(entry.bit);
        hwy::GetChosenTarget().Update(entry.bit);
        body();
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// The outputs of every case of one family, one after the other.
using Outputs = std::vector<std::vector<float>>;
using Family = std::function<Outputs(Backend&)>;

std::vector<float> copy(const Floats& values) {
    return {values.span().begin(), values.span().end()};
}

// Small problems stay on one thread, so each family adds some that are shared out.

Outputs mat_mul_outputs(Backend& backend) {
    Outputs out;
    std::vector<MatMulCase> cases = mat_mul_cases();
    for (const DataType type : {DataType::q8_0, DataType::f16, DataType::f32, DataType::q2_k,
                                DataType::q4_k, DataType::iq2_xxs})
        for (const std::int64_t rows : {1, 3, 6}) cases.push_back({type, 512, 301, rows});
    cases.push_back({DataType::q8_0, 256, 520, 7, 4});
    for (const MatMulCase& c : cases) {
        MatMulProblem problem(c);
        backend.run(problem.op());
        out.push_back(copy(problem.y));
    }
    return out;
}

Outputs expert_outputs(Backend& backend) {
    Outputs out;
    using enum DataType;
    std::vector<ExpertsCase> cases = experts_cases();
    cases.push_back({iq2_xxs, iq2_xxs, q2_k, 512, 256, 16, 6, 1, 10.0F});
    cases.push_back({q8_0, q8_0, q8_0, 288, 160, 16, 6, 3, 10.0F});
    for (const ExpertsCase& c : cases) {
        ExpertsProblem problem(c);
        backend.run(problem.routed());
        out.push_back(copy(problem.y));
        backend.run(problem.shared());
        out.push_back(copy(problem.y));
    }
    return out;
}

Outputs attention_outputs(Backend& backend) {
    Outputs out;
    for (const AttentionCase& c : attention_cases()) {
        AttentionProblem problem(c);
        backend.run(problem.op());
        out.push_back(copy(problem.out));
    }
    return out;
}

Outputs hyper_outputs(Backend& backend) {
    Outputs out;
    std::vector<HyperCase> cases = hyper_cases();
    cases.push_back({DataType::f16, 4, 2560, 1});
    for (HyperCase c : cases)
        for (const int rows : {c.rows, 13}) {  // 13: several tiles of tokens and a rest
            c.rows = rows;
            HyperProblem problem(c);
            backend.run(problem.pre());
            backend.run(problem.spread());
            for (const Floats* values : {&problem.u, &problem.post, &problem.comb, &problem.out})
                out.push_back(copy(*values));
        }
    return out;
}

Outputs compress_outputs(Backend& backend) {
    Outputs out;
    std::vector<CompressCase> cases = compress_cases();
    cases.push_back({DataType::f16, 4, 2, 520, 40});
    for (const CompressCase& c : cases) {
        CompressProblem problem(c);
        backend.run(problem.next(c.tokens));
        out.push_back(copy(problem.out));
        out.push_back(copy(problem.frontier_score));
    }
    return out;
}

void expect_family(const Family& family, Activations activations, double tolerance) {
    const Outputs want = family(*make_reference_backend(activations));
    for_each_target([&] {
        const Outputs one = family(*make_cpu_backend(activations, 1));
        ASSERT_EQ(one.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            SCOPED_TRACE("output " + std::to_string(i));
            expect_close(one[i], want[i], tolerance);
        }
        for (const int threads : {2, 5}) {
            const Outputs many = family(*make_cpu_backend(activations, threads));
            for (std::size_t i = 0; i < want.size(); ++i) expect_same_bits(many[i], one[i]);
        }
    });
}

// Many vectors go through panels of weights, one does not: the order of additions is the same.
TEST(Cpu, FloatProductsDoNotDependOnTheBatchOnAnyInstructionSet) {
    for_each_target([] {
        const auto backend = make_cpu_backend(Activations::f32, 2);
        for (const MatMulCase& c : mat_mul_cases()) {
            if (c.rows < 2) continue;
            SCOPED_TRACE(std::to_string(c.in) + " -> " + std::to_string(c.out) + ", rows " +
                         std::to_string(c.rows));
            MatMulProblem batch(c), alone(c);
            backend->run(batch.op());
            for (std::int64_t row = 0; row < c.rows; ++row) {
                MatMul op = alone.op();
                op.rows = 1;
                op.x += row * c.in * c.groups;
                op.y += row * c.out;
                backend->run(op);
            }
            expect_same_bits(batch.y.span(), alone.y.span());
        }
    });
}

TEST(Cpu, MatMulOnEveryInstructionSetAndThreadCount) {
    expect_family(mat_mul_outputs, Activations::int8, 1e-5);
    expect_family(mat_mul_outputs, Activations::f32, 1e-5);
}

// In int8 a hidden value near the middle between two codes may go either way.
TEST(Cpu, ExpertsOnEveryInstructionSetAndThreadCount) {
    expect_family(expert_outputs, Activations::int8, 5e-3);
    expect_family(expert_outputs, Activations::f32, 1e-5);
}

TEST(Cpu, AttentionOnEveryInstructionSetAndThreadCount) {
    // Over 2,250 rows the reference's own f32 sums drift by 1.2e-5 of rms.
    expect_family(attention_outputs, Activations::f32, 2e-5);
}

TEST(Cpu, HyperConnectionsOnEveryInstructionSetAndThreadCount) {
    expect_family(hyper_outputs, Activations::f32, 1e-5);
}

TEST(Cpu, CompressorOnEveryInstructionSetAndThreadCount) {
    expect_family(compress_outputs, Activations::f32, 1e-5);
}

// Activation codes and scales are those of the scalar quantiser, broken values included.
TEST(Cpu, ActivationCodesAreExact) {
    Random random(3);
    constexpr std::int64_t kIn = 1024;
    constexpr std::int64_t kRows = 40;
    Floats x = Floats::random(random, kRows * kIn);
    for (std::int64_t i = 0; i < kIn; ++i) {
        x[i] = 0.0F;                                                      // a zero row
        x[kIn + i] *= 1e-41F;                                             // subnormals
        x[2 * kIn + i] = static_cast<float>(random.below(255)) - 127.0F;  // ties everywhere
        x[3 * kIn + i] = 0.5F * x[2 * kIn + i];
        x[4 * kIn + i] *= 1e37F;
    }
    x[5 * kIn + 7] = std::numeric_limits<float>::quiet_NaN();
    x[5 * kIn + 300] = std::numeric_limits<float>::infinity();
    x[6 * kIn + 255] = x[6 * kIn + 3] = -100.0F;  // the first of equals decides the sign
    x[6 * kIn + 9] = 100.0F;
    const auto same = [](float a, float b) {
        return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
               (std::isnan(a) && std::isnan(b));
    };
    for_each_target([&] {
        for (const int threads : {1, 3}) {
            ThreadPool pool(threads);
            CpuContext context(pool, Activations::int8);
            Arena arena;
            const DotInput a = make_dot_input(context, arena, DataType::q8_0, x.data(), kRows, kIn);
            const DotInput b = make_dot_input(context, arena, DataType::q2_k, x.data(), kRows, kIn);
            for (std::int64_t row = 0; row < kRows; ++row) {
                const std::span<const float> values(x.data() + row * kIn, kIn);
                ActivationQ8_0 q;
                quantise_q8_0(values, q);
                std::vector<BlockQ8K> k;
                quantise_q8_k(values, k);
                for (std::int64_t i = 0; i < kIn; ++i) {
                    ASSERT_EQ(a.code[a.code_offset(row, i / 32 * 32) + i % 32], q.code[i])
                        << "row " << row << ", " << i;
                    ASSERT_EQ(b.code[b.code_offset(row, i / 32 * 32) + i % 32],
                              k[i / 256].q[i % 256])
                        << "row " << row << ", " << i;
                }
                for (std::int64_t i = 0; i < kIn / 32; ++i)
                    ASSERT_TRUE(same(a.scale[i * kRows + row], q.scale[i]));
                for (std::int64_t i = 0; i < kIn / 256; ++i)
                    ASSERT_TRUE(same(b.scale[i * kRows + row], k[i].d));
                for (std::int64_t i = 0; i < kIn / 16; ++i)
                    ASSERT_EQ(b.sum[(i / 16 * kRows + row) * 16 + i % 16], k[i / 16].bsum[i % 16]);
            }
        }
    });
}

// Quantised products have the reference's bits, for every instruction set and number of vectors:
// integer sums are exact, and the few floats are added in its order.
TEST(Cpu, QuantisedProductsAreTheReferences) {
    const auto reference = make_reference_backend(Activations::int8);
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
        SCOPED_TRACE(traits_of(type).name);
        for (const std::int64_t blocks : {1, 2, 3, 9})
            for (const std::int64_t out : {1, 4, 15, 16, 17, 50})
                for (const std::int64_t rows : {1, 2, 3, 4, 5, 8, 9, 17, 33}) {
                    const std::int64_t in = blocks * (type == DataType::q8_0 ? 96 : 256);
                    MatMulProblem want({type, in, out, rows}, 7);
                    reference->run(want.op());
                    for_each_target([&] {
                        MatMulProblem got({type, in, out, rows}, 7);
                        make_cpu_backend(Activations::int8, 1)->run(got.op());
                        expect_same_bits(got.y.span(), want.y.span());
                    });
                }
    }
}

// A broken weight or value reaches the result as something that is not finite; it is never hidden.
TEST(Cpu, NotANumberIsNotLost) {
    for_each_target([&] {
        for (const Activations activations : {Activations::int8, Activations::f32}) {
            const auto backend = make_cpu_backend(activations, 2);
            for (const DataType type : {DataType::f16, DataType::f32, DataType::q8_0,
                                        DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
                MatMulProblem problem({type, 512, 5, 6});
                problem.x[2 * 512 + 100] = std::numeric_limits<float>::quiet_NaN();
                backend->run(problem.op());
                for (int i = 0; i < 30; ++i)
                    EXPECT_EQ(std::isfinite(problem.y[i]), i / 5 != 2) << traits_of(type).name;
            }
            ExpertsProblem experts(experts_cases()[1]);
            experts.x[5] = std::numeric_limits<float>::quiet_NaN();
            backend->run(experts.routed());
            for (std::int64_t i = 0; i < experts.shape.dim; ++i)
                ASSERT_FALSE(std::isfinite(experts.y[i]));
            AttentionProblem attention({4, 192, 64, 16, 120, 7, 4, 8, false});
            attention.q[3] = std::numeric_limits<float>::quiet_NaN();
            backend->run(attention.op());
            for (int i = 0; i < 192; ++i) ASSERT_FALSE(std::isfinite(attention.out[i]));
        }
    });
}

// With scales of one every sum is an integer below 2^24, so the result must be exact: any lost
// carry or saturated product would show. Codes at the ends of their ranges included.
TEST(Cpu, IntegerProductsAreExact) {
    Random random(4);
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
        SCOPED_TRACE(traits_of(type).name);
        constexpr std::int64_t kIn = 256;
        constexpr std::int64_t kOut = 24;
        OwnedWeight w = random_weight(random, type, kIn, kOut);
        const DataTypeTraits traits = traits_of(type);
        std::int64_t block = 0;
        for (std::byte* at = w.bytes.data(); at != w.bytes.data() + w.bytes.size();
             at += traits.block_bytes, ++block) {
            // Every third row all ones bits, every third all zero bits.
            const std::int64_t row = block / (kIn / traits.block_elements);
            if (row % 3 != 2) std::memset(at, row % 3 == 0 ? 0xFF : 0x00, traits.block_bytes);
            if (type == DataType::q8_0) {
                if (row % 3 == 0) std::memset(at, 0x80, traits.block_bytes);  // -128
                put_f16(at, 1.0F);
            } else if (type == DataType::q2_k) {
                put_f16(at + 80, 1.0F);
                put_f16(at + 82, 1.0F);
            } else if (type == DataType::q4_k) {
                put_f16(at, 1.0F);
                put_f16(at + 2, 1.0F);
            } else {
                put_f16(at, 1.0F);
            }
        }
        Floats x(4 * kIn);
        for (std::int64_t i = 0; i < kIn; ++i) {
            x[i] = -127.0F;
            x[kIn + i] = i % 2 == 0 ? -127.0F : 127.0F;
            x[2 * kIn + i] = i % 32 == 0 ? -127.0F : static_cast<float>(random.below(255) - 127);
            x[3 * kIn + i] = i % 32 == 0 ? -127.0F : 1.0F;
        }
        std::vector<double> want;
        for (int row = 0; row < 4; ++row)
            for (std::int64_t o = 0; o < kOut; ++o) {
                const std::vector<float> values = w.row(o);
                double sum = 0.0;
                for (std::int64_t i = 0; i < kIn; ++i)
                    sum += static_cast<double>(values[i]) * x[row * kIn + i];
                want.push_back(sum);
            }
        // Alone and four at a time from registers, more through a chunk.
        for_each_target([&] {
            const auto backend = make_cpu_backend(Activations::int8, 1);
            for (const int copies : {1, 3}) {
                Floats many(copies * 4 * kIn);
                for (int copy = 0; copy < copies; ++copy)
                    std::copy_n(x.data(), 4 * kIn, many.data() + copy * 4 * kIn);
                Floats y(copies * 4 * kOut);
                backend->run(
                    MatMul{.w = w.view(), .x = many.data(), .y = y.data(), .rows = 4 * copies});
                for (std::int64_t i = 0; i < copies * 4 * kOut; ++i) {
                    // IQ2_XXS sums reach 2^25 before the eighth; one rounding is allowed there.
                    const auto at = static_cast<std::size_t>(i % (4 * kOut));
                    ASSERT_FLOAT_EQ(y[i], static_cast<float>(want[at])) << "element " << i;
                }
            }
        });
    }
}

// A query that sees one row, without a sink, returns that row: every code under every exponent.
TEST(Cpu, PackedRowsDecodeExactly) {
    constexpr int kWidth = 256 + 6;
    constexpr int kRotary = 6;
    const RowLayout layout = RowLayout::kv(kWidth, kRotary);
    std::vector<std::byte> row(static_cast<std::size_t>(layout.stride));
    std::vector<float> q(kWidth, 0.0F), out(kWidth), want(kWidth);
    const float sink = -std::numeric_limits<float>::infinity();
    Random random(5);
    for_each_target([&] {
        const auto backend = make_cpu_backend(Activations::f32, 1);
        for (int exponent = 96; exponent < 136; ++exponent) {
            for (int i = 0; i < kRotary; ++i) put_f16(row.data() + 2 * i, random.normal() * 1e-4F);
            for (int i = 0; i < 256; ++i)  // 127 and 255 are no codes
                row[2 * kRotary + i] = static_cast<std::byte>(i % 128 == 127 ? 126 : i);
            for (int g = 0; g < 4; ++g)
                row[2 * kRotary + 256 + g] = static_cast<std::byte>(exponent + g);
            decode_row(layout, row.data(), want.data());
            if (exponent + 3 > 127 + 7) {
                // Beyond f16 the row holds infinities, and 0 * inf is no number.
                bool finite = true;
                for (const float v : want) finite = finite && std::isfinite(v);
                if (!finite) continue;
            }
            backend->run(Attention{.q = q.data(),
                                   .sinks = &sink,
                                   .first_position = 0,
                                   .rows = 1,
                                   .heads = 1,
                                   .width = kWidth,
                                   .window = 4,
                                   .raw = {row.data(), layout, 1},
                                   .ratio = 0,
                                   .compressed = {},
                                   .out = out.data()});
            for (int i = 0; i < kWidth; ++i)
                ASSERT_EQ(out[i], want[i]) << "exponent " << exponent << ", value " << i;
        }
    });
}

// Scores of coded rows against coded queries equal the scalar ones bit for bit, so the same rows
// are chosen, ties included.
TEST(Cpu, IndexScoresAndChoiceAreExact) {
    for (const IndexSelectCase& c : index_select_cases()) {
        if (c.plain) continue;
        IndexSelectProblem want(c);
        const auto reference = make_reference_backend(Activations::f32);
        if (!c.coarse && !c.coded)
            reference->run(IndexQuery{want.query.data(), c.rows, c.heads, c.width, true});
        reference->run(want.op());
        for_each_target([&] {
            for (const int threads : {1, 4}) {
                IndexSelectProblem got(c);
                const auto backend = make_cpu_backend(Activations::f32, threads);
                if (!c.coarse && !c.coded)
                    backend->run(IndexQuery{got.query.data(), c.rows, c.heads, c.width, true});
                expect_same_bits(got.query.span(), want.query.span());
                backend->run(got.op());
                EXPECT_EQ(got.counts, want.counts);
                EXPECT_EQ(got.selected, want.selected);
                expect_same_bits(got.scores.span(), want.scores.span());
            }
        });
    }
}

// Transform and rounding of queries on every instruction set: ties, zeros of either sign and the
// ends of the range of exponents.
TEST(Cpu, IndexQueriesAreExact) {
    Random random(6);
    for (const int width : {32, 64, 128, 256}) {
        Floats x(40 * width);
        for (int head = 0; head < 40; ++head) {
            const float scale = std::ldexp(1.0F, head < 20 ? 0 : random.below(230) - 125);
            for (int i = 0; i < width; ++i)
                x[head * width + i] = head % 4 == 0
                                          ? 0.25F * scale * static_cast<float>(random.below(17) - 8)
                                      : head % 4 == 1 && i != head ? (i % 2 == 0 ? 0.0F : -0.0F)
                                                                   : scale * random.normal();
        }
        for (const bool round : {false, true}) {
            Floats want = x;
            make_reference_backend(Activations::f32)
                ->run(IndexQuery{want.data(), 5, 8, width, round});
            for_each_target([&] {
                Floats got = x;
                make_cpu_backend(Activations::f32, 2)
                    ->run(IndexQuery{got.data(), 5, 8, width, round});
                expect_same_bits(got.span(), want.span());
            });
        }
    }
}

// Any exponents a file may hold, infinite values and broken weights included.
TEST(Cpu, IndexScoresOfExtremeRowsAreExact) {
    IndexSelectProblem problem({7, 128, 4 * 300, 2, 4, 20, false, true, 64});
    Random random(5);
    for (auto& page : problem.keys->storage)
        for (std::size_t row = 0; row < page.size(); row += 68) {
            if (random.below(3) == 0) continue;
            const int base = random.below(256);
            for (std::size_t g = 0; g < 4; ++g)
                page[row + 64 + g] = static_cast<std::byte>(
                    random.below(4) == 0 ? random.below(256)
                                         : std::min(255, base + random.below(5)));
        }
    const auto reference = make_reference_backend(Activations::f32);
    for (const float weight : {1.0F, 1e-38F, 0.0F, 1e30F, std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN()})
        for (const float factor : {1.0F, 0x1p-100F, 0x1p90F}) {
            SCOPED_TRACE(std::to_string(weight) + ", " + std::to_string(factor));
            problem.weights[3] = weight;
            for (int i = 0; i < 128; ++i) problem.query[2 * 128 + i] = factor * problem.query[i];
            reference->run(problem.op());
            const std::vector<std::int32_t> selected = problem.selected;
            const std::vector<float> scores = copy(problem.scores);
            for_each_target([&] {
                make_cpu_backend(Activations::f32, 2)->run(problem.op());
                EXPECT_EQ(problem.selected, selected);
                for (std::size_t i = 0; i < scores.size(); ++i) {
                    if (std::isnan(scores[i])) {
                        EXPECT_TRUE(std::isnan(problem.scores[i])) << i;
                    } else {
                        ASSERT_EQ(std::bit_cast<std::uint32_t>(problem.scores[i]),
                                  std::bit_cast<std::uint32_t>(scores[i]))
                            << i << ": " << problem.scores[i] << " and " << scores[i];
                    }
                }
            });
        }
}

// The second run of an op of the same size finds its scratch already there.
TEST(Cpu, ScratchIsReused) {
    Arena arena;
    for (int round = 0; round < 5; ++round) {
        arena.reset();
        for (int i = 0; i < 20; ++i) arena.take<float>(1000 * (i + 1));
        const std::size_t bytes = arena.bytes();
        arena.reset();
        if (round > 0) {
            EXPECT_EQ(arena.bytes(), bytes);
        }
    }
}

}  // namespace
}  // namespace starglass::testing

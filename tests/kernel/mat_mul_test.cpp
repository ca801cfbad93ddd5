// SPDX-License-Identifier: MIT
#include "kernel/mat_mul_cases.h"

namespace starglass::testing {
namespace {

// What x means to the product: itself, or the values of its codes.
std::vector<double> seen(const float* x, std::int64_t count, DataType type,
                         Activations activations) {
    std::vector<double> out(x, x + count);
    if (activations == Activations::f32) return out;
    const std::span<const float> values(x, static_cast<std::size_t>(count));
    if (activation_format(type) == ActivationFormat::q8_0) {
        ActivationQ8_0 q;
        quantise_q8_0(values, q);
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<double>(q.scale[i / 32]) * q.code[i];
    } else if (activation_format(type) == ActivationFormat::q8_k) {
        std::vector<BlockQ8K> q;
        quantise_q8_k(values, q);
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<double>(q[i / 256].d) * q[i / 256].q[i % 256];
    }
    return out;
}

std::vector<double> truth(const MatMulProblem& problem, Activations activations) {
    const MatMulCase& c = problem.shape;
    std::vector<double> y;
    for (std::int64_t row = 0; row < c.rows; ++row)
        for (std::int64_t o = 0; o < c.out; ++o) {
            const std::int64_t group = o / (c.out / c.groups);
            const std::vector<double> x =
                seen(problem.x.data() + (row * c.groups + group) * c.in, c.in, c.type, activations);
            const std::vector<float> w = problem.w.row(o);
            double sum = 0.0;
            for (std::int64_t i = 0; i < c.in; ++i) sum += w[i] * x[i];
            y.push_back(sum);
        }
    return y;
}

std::string describe(const MatMulCase& c) {
    return std::string(traits_of(c.type).name) + " " + std::to_string(c.in) + " -> " +
           std::to_string(c.out) + ", rows " + std::to_string(c.rows) + ", groups " +
           std::to_string(c.groups);
}

TEST(MatMul, MeetsTheFormula) {
    for_each_backend({Activations::int8, Activations::f32}, [](Backend& backend, Activations a) {
        for (const MatMulCase& c : mat_mul_cases()) {
            SCOPED_TRACE(describe(c));
            MatMulProblem problem(c);
            backend.run(problem.op());
            expect_close(problem.y.span(), truth(problem, a),
                         a == Activations::int8
                             ? tile_tolerance(backend, c.rows, MatMul::kTolerance)
                             : MatMul::kTolerance);
        }
    });
}

TEST(MatMul, ARowDoesNotDependOnItsBatch) {
    for_each_backend({Activations::int8, Activations::f32}, [](Backend& backend, Activations) {
        for (const MatMulCase& c : mat_mul_cases()) {
            if (c.rows == 1) continue;
            SCOPED_TRACE(describe(c));
            MatMulProblem batch(c);
            MatMulProblem alone(c);
            backend.run(batch.op());
            for (std::int64_t row = 0; row < c.rows; ++row) {
                MatMul op = alone.op();
                op.rows = 1;
                op.x += row * c.in * c.groups;
                op.y += row * c.out;
                backend.run(op);
            }
            // On a device many rows go another way than one.
            if (backend.name() == "vulkan" && c.rows >= 9)
                expect_close(batch.y.span(), alone.y.span(), tile_tolerance(backend, c.rows, 0.0));
            else
                expect_same_bits(alone.y.span(), batch.y.span());
        }
    });
}

// Tiles of rows with edges everywhere: of vectors, of weight rows, of columns.
TEST(MatMul, ManyRowsMeetTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const MatMulCase& c :
             {MatMulCase{DataType::q8_0, 96, 130, 133}, MatMulCase{DataType::q2_k, 512, 65, 70},
              MatMulCase{DataType::q4_k, 512, 131, 65}, MatMulCase{DataType::iq2_xxs, 768, 64, 129},
              MatMulCase{DataType::f16, 72, 140, 20}, MatMulCase{DataType::f16, 75, 9, 66},
              MatMulCase{DataType::q8_0, 64, 96, 40, 3}}) {
            SCOPED_TRACE(describe(c));
            MatMulProblem problem(c);
            backend.run(problem.op());
            expect_close(problem.y.span(), truth(problem, Activations::int8),
                         tile_tolerance(backend, c.rows, MatMul::kTolerance));
        }
    });
}

TEST(MatMul, ZeroInputGivesZero) {
    for_each_backend({Activations::int8, Activations::f32}, [](Backend& backend, Activations) {
        for (const DataType type : {DataType::f16, DataType::f32, DataType::q8_0, DataType::q2_k,
                                    DataType::q4_k, DataType::iq2_xxs}) {
            MatMulProblem problem({type, 256, 5, 2});
            for (float& x : problem.x.span()) x = 0.0F;
            for (float& y : problem.y.span()) y = 77.0F;
            backend.run(problem.op());
            for (const float y : problem.y.span()) EXPECT_EQ(y, 0.0F);
        }
    });
}

}  // namespace
}  // namespace starglass::testing

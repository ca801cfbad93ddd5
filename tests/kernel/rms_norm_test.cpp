// SPDX-License-Identifier: MIT
#include "kernel/rms_norm_cases.h"

namespace starglass::testing {
namespace {

TEST(RmsNorm, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const RmsNormCase& c : rms_norm_cases()) {
            SCOPED_TRACE("dim " + std::to_string(c.dim));
            RmsNormProblem problem(c);
            std::vector<double> want;
            for (std::int64_t row = 0; row < c.rows; ++row) {
                const float* x = problem.x.data() + row * c.dim;
                double squares = 0.0;
                for (std::int64_t i = 0; i < c.dim; ++i) squares += std::pow(x[i], 2);
                const double k = 1.0 / std::sqrt(squares / static_cast<double>(c.dim) + 1e-6);
                for (std::int64_t i = 0; i < c.dim; ++i)
                    want.push_back(x[i] * k * (c.weighted ? problem.weight[i] : 1.0F));
            }
            backend.run(problem.op());
            expect_close(problem.y.span(), want, RmsNorm::kTolerance);
        }
    });
}

TEST(RmsNorm, ARowDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const RmsNormCase& c : rms_norm_cases()) {
            RmsNormProblem batch(c), alone(c);
            backend.run(batch.op());
            for (std::int64_t row = 0; row < c.rows; ++row) {
                RmsNorm op = alone.op();
                op.x += row * c.dim;
                op.y += row * c.dim;
                op.rows = 1;
                backend.run(op);
            }
            expect_same_bits(alone.y.span(), batch.y.span());
        }
    });
}

TEST(RmsNorm, ZerosStayZero) {
    for_each_backend([](Backend& backend) {
        RmsNormProblem problem({100, 2, true, false});
        for (float& x : problem.x.span()) x = 0.0F;
        backend.run(problem.op());
        for (const float y : problem.y.span()) EXPECT_EQ(y, 0.0F);
    });
}

}  // namespace
}  // namespace starglass::testing

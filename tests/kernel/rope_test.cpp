// SPDX-License-Identifier: MIT
#include "kernel/rope_cases.h"

namespace starglass::testing {
namespace {

TEST(Rope, AppendixA) {
    struct Pair {
        int index;
        float c, s;
    };
    const std::vector<Pair> yarn{{0, 0.5623791F, 0.8268796F},
                                 {15, -0.880468F, -0.4741055F},
                                 {20, 0.9562252F, 0.2926318F},
                                 {31, 0.9999998F, 0.0005680535F}};
    const std::vector<Pair> plain{{15, 0.7187176F, 0.6953021F},
                                  {20, -0.9997861F, -0.02068262F},
                                  {31, 0.9911218F, 0.1329572F}};
    for_each_backend([&](Backend& backend) {
        for (const bool compressed : {true, false}) {
            std::vector<float> x(64);
            for (int i = 0; i < 64; i += 2) x[i] = 1.0F;
            const std::int64_t position = 1000;
            backend.run(Rope{.x = x.data(),
                             .rows = 1,
                             .heads = 1,
                             .width = 64,
                             .positions = &position,
                             .params = compressed ? yarn_rope() : plain_rope()});
            for (const Pair& pair : compressed ? yarn : plain) {
                EXPECT_NEAR(x[2 * pair.index], pair.c, 1e-6F) << pair.index;
                EXPECT_NEAR(x[2 * pair.index + 1], pair.s, 1e-6F) << pair.index;
            }
        }
    });
}

// Angles advance in f32 as the contract's reference does; sine and cosine in double.
std::vector<double> truth(const RopeProblem& problem) {
    const RopeCase& c = problem.shape;
    const RopeParams& p = c.params;
    std::vector<double> x(problem.x.span().begin(), problem.x.span().end());
    const float step = std::pow(p.base, -2.0F / static_cast<float>(p.rotary));
    for (std::int64_t row = 0; row < c.rows; ++row) {
        float angle = static_cast<float>(problem.positions[row]);
        for (int pair = 0; pair < p.rotary / 2; ++pair, angle *= step) {
            double phi = static_cast<double>(angle) / p.scale;
            if (p.yarn) {
                const double ramp =
                    std::clamp((pair - p.low) / std::max(0.001F, p.high - p.low), 0.0F, 1.0F);
                phi = phi * ramp + angle * (1.0 - ramp);
            }
            if (c.inverse) phi = -phi;
            for (int head = 0; head < c.heads; ++head) {
                double* v = x.data() + (row * c.heads + head + 1) * c.width - p.rotary + 2 * pair;
                const double v0 = v[0], v1 = v[1];
                v[0] = v0 * std::cos(phi) - v1 * std::sin(phi);
                v[1] = v0 * std::sin(phi) + v1 * std::cos(phi);
            }
        }
    }
    return x;
}

TEST(Rope, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const RopeCase& c : rope_cases()) {
            SCOPED_TRACE("rotary " + std::to_string(c.params.rotary) + ", width " +
                         std::to_string(c.width) + ", first " + std::to_string(c.first));
            RopeProblem problem(c);
            const std::vector<double> want = truth(problem);
            backend.run(problem.op());
            // Blending two angles in f32 costs an ulp of the larger one.
            const double ulp = c.params.yarn ? static_cast<double>(c.first) * 6e-8 : 0.0;
            expect_close(problem.x.span(), want, 2e-6 + 2.0 * ulp);
        }
    });
}

TEST(Rope, InverseUndoesAndElementsInFrontStay) {
    for_each_backend([](Backend& backend) {
        RopeProblem problem({yarn_rope(), 4, 192, 5, 70000, false});
        const Floats before = problem.x;
        backend.run(problem.op());
        for (int row = 0; row < 20; ++row)
            for (int i = 0; i < 128; ++i)
                EXPECT_EQ(problem.x[row * 192 + i], before[row * 192 + i]);
        Rope op = problem.op();
        op.inverse = true;
        backend.run(op);
        expect_close(problem.x.span(), before.span(), 2e-6);
    });
}

TEST(Rope, PositionZeroChangesNothing) {
    for_each_backend([](Backend& backend) {
        RopeProblem problem({plain_rope(), 2, 128, 1, 0, false});
        const Floats before = problem.x;
        backend.run(problem.op());
        expect_same_bits(problem.x.span(), before.span());
    });
}

TEST(Rope, ARowDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const RopeCase& c : rope_cases()) {
            RopeProblem batch(c), alone(c);
            backend.run(batch.op());
            for (std::int64_t row = 0; row < c.rows; ++row) {
                Rope op = alone.op();
                op.rows = 1;
                op.x += row * c.heads * c.width;
                op.positions += row;
                backend.run(op);
            }
            expect_same_bits(alone.x.span(), batch.x.span());
        }
    });
}

}  // namespace
}  // namespace starglass::testing

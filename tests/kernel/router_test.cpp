// SPDX-License-Identifier: MIT
#include "kernel/router_cases.h"

namespace starglass::testing {
namespace {

double value(double logit) {
    return std::sqrt(std::log1p(std::exp(logit)));
}

// Two experts of which the other is negligible do not show a value; equal weights do: with
// experts {a, b}, weight_a / weight_b = p_a / p_b.
TEST(Router, AppendixA) {
    for_each_backend([](Backend& backend) {
        const std::array<float, 5> logits{-25.0F, -1.0F, 0.5F, 25.0F, 0.0F};
        const std::array<float, 5> p{3.72665318e-06F, 0.559697866F, 0.986953378F, 5.0F,
                                     static_cast<float>(std::sqrt(std::log(2.0)))};
        std::array<std::int32_t, 5> selected{};
        std::array<float, 5> weights{};
        backend.run(Router{.logits = logits.data(),
                           .bias = nullptr,
                           .table = nullptr,
                           .tokens = nullptr,
                           .rows = 1,
                           .experts = 5,
                           .used = 5,
                           .scale = 1.0F,
                           .selected = selected.data(),
                           .weights = weights.data()});
        EXPECT_EQ(selected, (std::array<std::int32_t, 5>{3, 2, 4, 1, 0}));
        double sum = 0.0;
        for (const float v : p) sum += v;
        for (int k = 0; k < 5; ++k) {
            const double want = p[selected[k]] / sum;
            EXPECT_NEAR(weights[k], want, 1e-6 * want) << selected[k];
        }
    });
}

TEST(Router, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const RouterCase& c : router_cases()) {
            SCOPED_TRACE("experts " + std::to_string(c.experts) + ", used " +
                         std::to_string(c.used));
            RouterProblem problem(c);
            backend.run(problem.op());
            std::vector<std::int32_t> want;
            std::vector<double> weights;
            for (int row = 0; row < c.rows; ++row) {
                std::vector<std::int32_t> order(static_cast<std::size_t>(c.experts));
                for (int e = 0; e < c.experts; ++e) order[e] = e;
                const auto p = [&](int e) { return value(problem.logits[row * c.experts + e]); };
                if (c.table) {
                    order.assign(problem.table.begin() + problem.tokens[row] * c.used,
                                 problem.table.begin() + (problem.tokens[row] + 1) * c.used);
                } else {
                    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
                        const double bias_a = c.biased ? problem.bias[a] : 0.0;
                        const double bias_b = c.biased ? problem.bias[b] : 0.0;
                        return p(a) + bias_a > p(b) + bias_b;
                    });
                    order.resize(static_cast<std::size_t>(c.used));
                }
                double sum = 0.0;
                for (const std::int32_t e : order) sum += p(e);
                for (const std::int32_t e : order) {
                    want.push_back(e);
                    weights.push_back(p(e) / sum * 1.5);
                }
            }
            EXPECT_EQ(problem.selected, want);
            expect_close(problem.weights.span(), weights, 2e-6);
        }
    });
}

TEST(Router, TiesGoToTheLowerIndex) {
    for_each_backend([](Backend& backend) {
        RouterProblem problem({1, 40, 5, true, false, true});
        for (float& v : problem.logits.span()) v = 1.0F;
        problem.logits[33] = 2.0F;
        problem.logits[17] = 2.0F;
        backend.run(problem.op());
        EXPECT_EQ(problem.selected, (std::vector<std::int32_t>{17, 33, 0, 1, 2}));
    });
}

// The bias chooses, the unbiased value weighs.
TEST(Router, BiasDoesNotWeigh) {
    for_each_backend([](Backend& backend) {
        RouterProblem problem({1, 4, 2, true, false, true});
        for (float& v : problem.logits.span()) v = 0.0F;
        problem.bias[2] = 5.0F;
        problem.bias[3] = -5.0F;
        backend.run(problem.op());
        EXPECT_EQ(problem.selected, (std::vector<std::int32_t>{2, 0}));
        EXPECT_FLOAT_EQ(problem.weights[0], 0.75F);
        EXPECT_FLOAT_EQ(problem.weights[1], 0.75F);
    });
}

TEST(Router, TinyValuesMeetTheFloor) {
    for_each_backend([](Backend& backend) {
        RouterProblem problem({1, 3, 2, false, false, false});
        for (float& v : problem.logits.span()) v = -40.0F;
        backend.run(problem.op());
        const double p = std::sqrt(std::exp(-40.0));
        EXPECT_NEAR(problem.weights[0], p * 16384.0 * 1.5, 1e-9);
    });
}

TEST(Router, BrokenLogitsStillChooseDistinctExperts) {
    for_each_backend([](Backend& backend) {
        RouterProblem problem({1, 8, 6, true, false, false});
        for (float& v : problem.logits.span()) v = NAN;
        backend.run(problem.op());
        std::vector<std::int32_t> sorted = problem.selected;
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 0; i < sorted.size(); ++i) {
            EXPECT_GE(sorted[i], 0);
            EXPECT_LT(sorted[i], 8);
            if (i > 0) {
                EXPECT_NE(sorted[i], sorted[i - 1]);
            }
        }
    });
}

}  // namespace
}  // namespace starglass::testing

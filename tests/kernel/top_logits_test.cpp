// SPDX-License-Identifier: MIT
#include "kernel/top_logits_cases.h"

#include <limits>

namespace starglass::testing {
namespace {

std::string describe(const TopLogitsCase& c) {
    return "rows " + std::to_string(c.rows) + ", of " + std::to_string(c.vocabulary) + ", k " +
           std::to_string(c.k) + ", values " + std::to_string(static_cast<int>(c.values));
}

TEST(TopLogits, KeepsTheBestAndSumsTheRest) {
    for_each_backend([](Backend& backend) {
        for (const TopLogitsCase& c : top_logits_cases()) {
            SCOPED_TRACE(describe(c));
            TopLogitsProblem problem(c);
            const TopLogits op = problem.op();
            backend.run(op);
            const auto kept = static_cast<std::size_t>(op.kept());
            const auto count = static_cast<std::size_t>(c.vocabulary);
            for (std::size_t row = 0; row < problem.rest.size(); ++row) {
                const float* const x = problem.logits.data() + row * count;
                std::vector<std::int32_t> want(count);
                for (std::size_t i = 0; i < count; ++i) want[i] = static_cast<std::int32_t>(i);
                std::stable_sort(want.begin(), want.end(),
                                 [&](std::int32_t a, std::int32_t b) { return x[a] > x[b]; });
                const double top = x[want.front()];
                double mass = 0, moment = 0, tempered = 0;
                for (std::size_t i = kept; i < count; ++i) {
                    const double z = x[want[i]] - top;
                    mass += std::exp(z);
                    moment += std::exp(z) * z;
                    tempered += std::exp(z / c.temperature);
                }
                want.resize(kept);
                std::sort(want.begin(), want.end());
                ASSERT_EQ(std::vector<std::int32_t>(problem.ids.begin() + row * kept,
                                                    problem.ids.begin() + (row + 1) * kept),
                          want);
                for (std::size_t i = 0; i < kept; ++i)
                    ASSERT_EQ(std::bit_cast<std::uint32_t>(problem.values[row * kept + i]),
                              std::bit_cast<std::uint32_t>(x[want[i]]));
                const TopLogitsRest& rest = problem.rest[row];
                EXPECT_EQ(rest.first_broken, -1);
                EXPECT_EQ(rest.maximum, static_cast<float>(top));
                // A float's rounding of exponents up to 87, and of sums of 4,096 values. Below
                // e^-87 a kernel may say zero.
                EXPECT_NEAR(rest.rest_mass, mass, 2e-6 * mass + 1e-35);
                EXPECT_NEAR(rest.rest_moment, moment, -2e-6 * moment + 1e-33);
                EXPECT_NEAR(rest.rest_tempered, tempered, 2e-5 * tempered + 1e-35);
            }
        }
    });
}

TEST(TopLogits, ARowDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const int vocabulary : {300, 9000}) {
            const TopLogitsCase c{3, vocabulary, 40, 0.8F, 3.0F, Values::coarse};
            TopLogitsProblem batch(c), alone(c);
            backend.run(batch.op());
            for (int row = 0; row < c.rows; ++row) {
                TopLogits op = alone.op();
                op.rows = 1;
                op.logits += row * c.vocabulary;
                op.ids += row * op.kept();
                op.values += row * op.kept();
                op.rest += row;
                backend.run(op);
            }
            EXPECT_EQ(alone.ids, batch.ids);
            expect_same_bits(alone.values.span(), batch.values.span());
            EXPECT_EQ(std::memcmp(alone.rest.data(), batch.rest.data(),
                                  batch.rest.size() * sizeof batch.rest[0]),
                      0);
        }
    });
}

// Whatever is no number, wherever it stands: the first of them is named.
TEST(TopLogits, NamesTheFirstLogitThatIsNotFinite) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for_each_backend([](Backend& backend) {
        for (const int vocabulary : {1, 5, 300, 8193, 20000}) {
            for (const float bad : {std::nanf(""), -std::nanf(""), kInfinity, -kInfinity}) {
                for (const int first : {0, vocabulary / 2, vocabulary - 1}) {
                    SCOPED_TRACE(std::to_string(vocabulary) + " at " + std::to_string(first));
                    TopLogitsProblem problem({2, vocabulary, 16, 1.0F, 3.0F, Values::normal});
                    problem.logits[static_cast<std::size_t>(vocabulary + first)] = bad;
                    problem.logits[static_cast<std::size_t>(2 * vocabulary - 1)] = bad;
                    backend.run(problem.op());
                    EXPECT_EQ(problem.rest[0].first_broken, -1);
                    EXPECT_EQ(problem.rest[1].first_broken, first);
                }
            }
        }
    });
}

}  // namespace
}  // namespace starglass::testing

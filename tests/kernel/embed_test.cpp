// SPDX-License-Identifier: MIT
#include "kernel/embed_cases.h"

namespace starglass::testing {
namespace {

TEST(Embed, WritesTheTokensRowIntoEveryStream) {
    for_each_backend([](Backend& backend) {
        for (const EmbedCase& c : embed_cases()) {
            SCOPED_TRACE(std::string(traits_of(c.type).name) + " " + std::to_string(c.dim));
            EmbedProblem problem(c);
            backend.run(problem.op());
            std::vector<float> want;
            for (int row = 0; row < c.rows; ++row)
                for (int stream = 0; stream < c.streams; ++stream) {
                    const std::vector<float> values = problem.table.row(problem.tokens[row]);
                    want.insert(want.end(), values.begin(), values.end());
                }
            expect_same_bits(problem.y.span(), want);
        }
    });
}

}  // namespace
}  // namespace starglass::testing

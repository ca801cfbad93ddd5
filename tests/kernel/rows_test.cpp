// SPDX-License-Identifier: MIT
#include "kernel/rows_cases.h"

namespace starglass::testing {
namespace {

TEST(EncodeRows, StoresWhatTheCodecSays) {
    for_each_backend([](Backend& backend) {
        for (const RowsCase& c : rows_cases()) {
            SCOPED_TRACE("width " + std::to_string(c.layout.width));
            RowsProblem problem(c);
            const Floats before = problem.x;
            backend.run(problem.op());
            expect_same_bits(problem.x.span(), before.span());
            for (std::int64_t row = 0; row < c.rows; ++row) {
                std::vector<float> values(before.data() + row * c.layout.width,
                                          before.data() + (row + 1) * c.layout.width);
                if (c.hadamard) hadamard(values.data(), c.layout.width);
                std::vector<std::byte> want(static_cast<std::size_t>(c.layout.stride));
                encode_row(c.layout, values.data(), want.data());
                const std::byte* got = problem.destination[row];
                EXPECT_TRUE(std::equal(want.begin(), want.end(), got)) << "row " << row;
            }
        }
    });
}

TEST(IndexQuery, TransformsAndRoundsEveryHead) {
    for_each_backend([](Backend& backend) {
        for (const IndexQueryCase& c : index_query_cases()) {
            SCOPED_TRACE("width " + std::to_string(c.width));
            IndexQueryProblem problem(c);
            Floats want = problem.x;
            for (std::int64_t head = 0; head < c.rows * c.heads; ++head) {
                hadamard(want.data() + head * c.width, c.width);
                if (c.round) fp4_round(want.data() + head * c.width, c.width);
            }
            backend.run(problem.op());
            expect_same_bits(problem.x.span(), want.span());
        }
    });
}

}  // namespace
}  // namespace starglass::testing

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

// Bit for bit also where a device may round differently, flush or lose a NaN.
TEST(EncodeRows, ValuesOfEveryMagnitude) {
    for_each_backend([](Backend& backend) {
        for (const RowLayout& layout :
             {RowLayout::kv(512, 64), RowLayout::index(128), RowLayout::plain(64)}) {
            SCOPED_TRACE("width " + std::to_string(layout.width));
            RowsProblem problem({layout, 64, false});
            Random random(7);
            for (std::int64_t row = 0; row < 64; ++row)
                for (int i = 0; i < layout.width; ++i) {
                    // A narrow band of exponents a row, all of them over the rows, some broken.
                    const auto field = static_cast<std::uint32_t>(4 * row + random.below(4));
                    auto bits = static_cast<std::uint32_t>(random.bits());
                    bits = (bits & 0x807FFFFFU) | (field << 23);
                    if (random.below(40) == 0) bits = (bits & 0x80000000U) | 0x7F800000U;
                    if (random.below(40) == 0) bits |= 0x7FC00000U;
                    if (random.below(10) == 0) bits &= 0x80000000U;
                    problem.x[row * layout.width + i] = std::bit_cast<float>(bits);
                }
            backend.run(problem.op());
            for (std::int64_t row = 0; row < 64; ++row) {
                std::vector<std::byte> want(static_cast<std::size_t>(layout.stride));
                encode_row(layout, problem.x.data() + row * layout.width, want.data());
                EXPECT_TRUE(std::equal(want.begin(), want.end(), problem.destination[row]))
                    << "row " << row;
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

// SPDX-License-Identifier: MIT
#include "kernel/index_select_cases.h"

namespace starglass::testing {
namespace {

std::string describe(const IndexSelectCase& c) {
    return "heads " + std::to_string(c.heads) + ", first " + std::to_string(c.first) + ", rows " +
           std::to_string(c.rows) + ", top " + std::to_string(c.top_k) + ", width " +
           std::to_string(c.width) + (c.coarse ? ", coarse" : ", fine") +
           (c.coded ? ", coded" : "") + (c.rough ? ", rough" : "") + (c.plain ? ", plain" : "");
}

std::vector<std::int32_t> best_rows(const std::vector<double>& score, int top_k) {
    std::vector<std::int32_t> order(score.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return score[a] > score[b]; });
    order.resize(std::min<std::size_t>(order.size(), top_k));
    std::sort(order.begin(), order.end());
    return order;
}

TEST(IndexSelect, KeepsTheBestRows) {
    for_each_backend([](Backend& backend) {
        for (const IndexSelectCase& c : index_select_cases()) {
            SCOPED_TRACE(describe(c));
            IndexSelectProblem problem(c);
            const IndexSelect op = problem.op();
            backend.run(op);
            for (int row = 0; row < c.rows; ++row) {
                const auto visible = static_cast<std::int32_t>((c.first + row + 1) / c.ratio);
                std::vector<double> score;
                for (std::int32_t r = 0; r < visible; ++r) {
                    const std::vector<float> key = problem.keys->decoded(r);
                    double sum = 0.0;
                    for (int head = 0; head < c.heads; ++head) {
                        double dot = 0.0;
                        for (int i = 0; i < c.width; ++i)
                            dot += static_cast<double>(
                                       problem.query[(row * c.heads + head) * c.width + i]) *
                                   key[i];
                        sum += std::max(0.0, dot) * problem.weights[row * c.heads + head] *
                               op.weight_scale;
                    }
                    score.push_back(sum);
                }
                if (visible > c.top_k) {
                    const std::vector<float> got(op.scores + row * op.score_stride,
                                                 op.scores + row * op.score_stride + visible);
                    expect_close(got, score, c.coarse ? 0.0 : 1e-5);
                    // Which rows follows from the backend's own scores.
                    score.assign(got.begin(), got.end());
                }
                const std::vector<std::int32_t> want = best_rows(score, c.top_k);
                ASSERT_EQ(problem.counts[row], static_cast<std::int32_t>(want.size()));
                const std::int32_t* selected = problem.selected.data() + row * c.top_k;
                EXPECT_EQ(std::vector<std::int32_t>(selected, selected + want.size()), want)
                    << "row " << row;
            }
        }
    });
}

// All scores negative, many equal: zero is not a lower bound and the lower row wins.
TEST(IndexSelect, NegativeScoresAndTies) {
    for_each_backend([](Backend& backend) {
        IndexSelectProblem problem({1, 32, 39, 1, 4, 4, true});
        std::vector<float> rows(10 * 32, 0.0F);
        const std::array<float, 10> level{3, 1, 2, 1, 6, 1, 0, 1, 1, 0};
        for (int r = 0; r < 10; ++r) {
            rows[r * 32] = level[r];
            rows[r * 32 + 1] = 6.0F;
        }
        problem.keys = std::make_unique<OwnedPages>(RowLayout::index(32), rows);
        for (float& q : problem.query.span()) q = 0.0F;
        problem.query[0] = 1.0F;
        problem.query[1] = 1.0F;
        problem.weights[0] = -1.0F;
        backend.run(problem.op());
        EXPECT_EQ(problem.counts[0], 4);
        EXPECT_EQ(problem.selected, (std::vector<std::int32_t>{1, 3, 6, 9}));
        problem.query[1] = 0.0F;
        problem.query[0] = 0.0F;  // every score the same
        backend.run(problem.op());
        EXPECT_EQ(problem.selected, (std::vector<std::int32_t>{0, 1, 2, 3}));
    });
}

TEST(IndexSelect, RunsWithoutTraces) {
    for_each_backend([](Backend& backend) {
        IndexSelectProblem traced({8, 128, 400, 5, 4, 16, false});
        IndexSelectProblem plain({8, 128, 400, 5, 4, 16, false});
        backend.run(traced.op());
        IndexSelect op = plain.op();
        op.scores = nullptr;
        op.score_stride = 0;
        backend.run(op);
        EXPECT_EQ(plain.selected, traced.selected);
    });
}

TEST(IndexSelect, AQueryDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const IndexSelectCase& c : index_select_cases()) {
            SCOPED_TRACE(describe(c));
            IndexSelectProblem batch(c), alone(c);
            backend.run(batch.op());
            for (int row = 0; row < c.rows; ++row) {
                IndexSelect op = alone.op();
                op.rows = 1;
                op.first_position += row;
                op.query += row * c.heads * c.width;
                op.weights += row * c.heads;
                op.selected += row * c.top_k;
                op.counts += row;
                op.scores += row * op.score_stride;
                backend.run(op);
            }
            EXPECT_EQ(alone.counts, batch.counts);
            for (int row = 0; row < c.rows; ++row)
                for (int i = 0; i < batch.counts[row]; ++i)
                    ASSERT_EQ(alone.selected[row * c.top_k + i], batch.selected[row * c.top_k + i]);
            expect_same_bits(alone.scores.span(), batch.scores.span());
        }
    });
}

}  // namespace
}  // namespace starglass::testing

// SPDX-License-Identifier: MIT
#include "kernel/compressor_cases.h"

namespace starglass::testing {
namespace {

std::string describe(const CompressCase& c) {
    return "ratio " + std::to_string(c.ratio) + ", coff " + std::to_string(c.coff) + ", width " +
           std::to_string(c.width) + ", tokens " + std::to_string(c.tokens);
}

// Straight from the definition: row r of overlap 2 pools tokens r*ratio-ratio .. r*ratio+ratio-1.
std::vector<double> truth(const CompressProblem& p) {
    const CompressCase& c = p.shape;
    std::vector<double> out;
    for (int group = 0; group < c.tokens / c.ratio; ++group)
        for (int j = 0; j < c.width; ++j) {
            std::vector<double> score, value;
            const auto add = [&](int token, int column) {
                const std::vector<float> ape = p.ape.row(token % c.ratio);
                score.push_back(static_cast<double>(p.gate[token * p.columns + column]) +
                                ape[column]);
                value.push_back(p.kv[token * p.columns + column]);
            };
            for (int t = 0; t < c.ratio; ++t) {
                if (c.coff == 2 && group > 0) add((group - 1) * c.ratio + t, j);
                add(group * c.ratio + t, c.coff == 2 ? c.width + j : j);
            }
            const double largest = *std::max_element(score.begin(), score.end());
            double sum = 0.0, denominator = 0.0;
            for (std::size_t i = 0; i < score.size(); ++i) {
                const double e = std::exp(score[i] - largest);
                denominator += e;
                sum += e * value[i];
            }
            out.push_back(sum / denominator);
        }
    return out;
}

TEST(Compress, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const CompressCase& c : compress_cases()) {
            SCOPED_TRACE(describe(c));
            CompressProblem problem(c);
            backend.run(problem.next(c.tokens));
            expect_close(problem.out.span(), truth(problem), 1e-5);
        }
    });
}

// Any cutting of a timeline gives the same rows and, at every cut, the same frontier.
TEST(Compress, AnyScheduleGivesTheSameRowsAndFrontier) {
    for_each_backend([](Backend& backend) {
        for (const CompressCase& c : compress_cases()) {
            SCOPED_TRACE(describe(c));
            // Frontiers and rows of token-by-token decoding.
            CompressProblem single(c);
            std::vector<Floats> kv, score;
            for (int t = 0; t < c.tokens; ++t) {
                backend.run(single.next(1));
                kv.push_back(single.frontier_kv);
                score.push_back(single.frontier_score);
            }
            Random random(5);
            for (int schedule = 0; schedule < 8; ++schedule) {
                CompressProblem problem(c);
                while (problem.position < c.tokens) {
                    const int left = static_cast<int>(c.tokens - problem.position);
                    const int rows =
                        schedule == 0 ? left : std::min(left, 1 + random.below(2 * c.ratio + 3));
                    backend.run(problem.next(rows));
                    expect_same_bits(problem.frontier_kv.span(), kv[problem.position - 1].span());
                    expect_same_bits(problem.frontier_score.span(),
                                     score[problem.position - 1].span());
                }
                expect_same_bits(problem.out.span(), single.out.span());
            }
        }
    });
}

// The frontier as model spec section 4 item 4 describes it.
TEST(Compress, FrontierIsCanonical) {
    for_each_backend([](Backend& backend) {
        for (const CompressCase& c : compress_cases()) {
            SCOPED_TRACE(describe(c));
            CompressProblem problem(c);
            for (int done = 1; done <= c.tokens; ++done) {
                backend.run(problem.next(1));
                const int rest = done % c.ratio;
                for (int slot = 0; slot < c.coff * c.ratio; ++slot) {
                    int token = -1;  // whose values the slot holds
                    if (c.coff == 2 && slot < c.ratio) {
                        if (done >= c.ratio) token = done - rest - c.ratio + slot;
                    } else {
                        const int phase = slot - (c.coff == 2 ? c.ratio : 0);
                        if (phase < rest) token = done - rest + phase;
                    }
                    for (std::int64_t j = 0; j < problem.columns; ++j) {
                        const float kv = problem.frontier_kv[slot * problem.columns + j];
                        const float score = problem.frontier_score[slot * problem.columns + j];
                        if (token < 0) {
                            ASSERT_EQ(kv, 0.0F);
                            ASSERT_EQ(score, kEmptyScore);
                            continue;
                        }
                        const std::int64_t at = token * problem.columns + j;
                        ASSERT_EQ(kv, problem.kv[at]);
                        ASSERT_EQ(score, problem.gate[at] + problem.ape.row(token % c.ratio)[j]);
                    }
                }
            }
        }
    });
}

}  // namespace
}  // namespace starglass::testing

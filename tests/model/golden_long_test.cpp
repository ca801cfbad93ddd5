// SPDX-License-Identifier: MIT
//
// The 2,200-token stream A: every window, ratio and top-k boundary, in several schedules.
#include "model/golden_support.h"

namespace starglass::test {
namespace {

struct Case {
    std::string mix;
    BackendKind backend;
    Numerics numerics;
    std::vector<int> chunks;  // 0: whole
};

class LongGolden : public testing::TestWithParam<Case> {};

TEST_P(LongGolden, LogitsAgree) {
    const Case& c = GetParam();
    const Npz golden(golden_path("tiny/golden-" + c.mix + "-logits.npz"));
    const std::vector<TokenId> tokens = golden.at("tokens_A").ints();
    const std::vector<std::int32_t> positions = golden.at("pos_A").ints();
    const NpyArray& want = golden.at("logits_A_" + name_of(c.numerics));
    Loaded loaded = open_model(golden_path("tiny/tiny-" + c.mix + ".gguf"), c.backend, c.numerics);
    LogitRows first;
    for (const int chunk : c.chunks) {
        const LogitRows rows = all_logits(*loaded.session, tokens,
                                          chunk == 0 ? static_cast<int>(tokens.size()) : chunk);
        std::vector<double> errors;
        int same = 0;
        for (std::size_t i = 0; i < positions.size(); ++i) {
            const std::vector<float> expected = want.row(static_cast<std::int64_t>(i));
            const std::vector<float>& got = rows.at(positions[i]);
            errors.push_back(relative_rms(got, expected));
            same += argmax(got) == argmax(expected);
        }
        const double agreement = same / static_cast<double>(positions.size());
        std::printf("  chunk %4d: median %.2e worst %.2e argmax %.3f\n", chunk, median(errors),
                    *std::max_element(errors.begin(), errors.end()), agreement);
        if (c.numerics == Numerics::cont) {
            EXPECT_LE(*std::max_element(errors.begin(), errors.end()), 1e-5);
            EXPECT_EQ(agreement, 1.0);
        } else if (c.numerics == Numerics::fp) {
            EXPECT_LE(median(errors), 5e-3);
            EXPECT_GE(agreement, 0.98);
        } else {
            EXPECT_LE(median(errors), 5e-2);
            EXPECT_GE(agreement, 0.9);
        }
        if (first.empty()) first = rows;
        EXPECT_EQ(rows, first) << "chunk " << chunk;
    }
}

const std::vector<int> kAll{0, 1, 3, 64, 128};

INSTANTIATE_TEST_SUITE_P(Tiny, LongGolden,
                         testing::Values(Case{"q2", BackendKind::reference, Numerics::cont, {0}},
                                         Case{
                                             "q2", BackendKind::reference, Numerics::act8, {0, 64}},
                                         Case{"q2", BackendKind::cpu, Numerics::act8, kAll},
                                         Case{"q2", BackendKind::cpu, Numerics::fp, kAll},
                                         Case{"q2", BackendKind::cpu, Numerics::cont, kAll},
                                         Case{"q4", BackendKind::reference, Numerics::fp, {128}},
                                         Case{"q4", BackendKind::cpu, Numerics::act8, kAll},
                                         Case{"q4", BackendKind::cpu, Numerics::fp, kAll},
                                         Case{"q4", BackendKind::cpu, Numerics::cont, kAll}),
                         [](const testing::TestParamInfo<Case>& info) {
                             return info.param.mix + "_" + name_of(info.param.backend) + "_" +
                                    name_of(info.param.numerics);
                         });

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
//
// The draft block as a function: (previous streams, token, position, window) -> (input, output
// streams, logits), one call per position as the golden data were made.
#include "base/mapped_file.h"
#include "cpu/cpu_backend.h"
#include "model/golden_support.h"
#include "model/mtp.h"
#include "reference/reference_backend.h"

namespace starglass::test {
namespace {

class MtpGolden : public testing::TestWithParam<std::tuple<BackendKind, Numerics>> {};

TEST_P(MtpGolden, FunctionAgrees) {
    const auto [kind, numerics] = GetParam();
    const Npz golden(golden_path("tiny/golden-mtp-q2.npz"));
    auto main_file = MappedFile::open(golden_path("tiny/tiny-q2.gguf"));
    auto mtp_file = MappedFile::open(golden_path("tiny/tiny-mtp-q2.gguf"));
    ASSERT_TRUE(main_file && mtp_file);
    auto main_gguf = Gguf::parse(main_file->bytes());
    auto mtp_gguf = Gguf::parse(mtp_file->bytes());
    ASSERT_TRUE(main_gguf && mtp_gguf);
    auto shape = ModelShape::read(*main_gguf);
    ASSERT_TRUE(shape);
    auto weights = ModelWeights::bind(*main_gguf, *shape);
    auto mtp_weights = MtpWeights::bind(*mtp_gguf, *shape);
    ASSERT_TRUE(weights) << weights.error().message;
    ASSERT_TRUE(mtp_weights) << mtp_weights.error().message;

    const Activations activations =
        numerics == Numerics::act8 ? Activations::int8 : Activations::f32;
    const Rounding rounding = numerics == Numerics::cont ? Rounding::none : Rounding::model;
    const auto backend = kind == BackendKind::cpu ? make_cpu_backend(activations, 0)
                                                  : make_reference_backend(activations);
    Forward forward(*shape, *weights, *backend, rounding);
    KvState main_state(layer_state_shapes(*shape, rounding), shape->window);
    MtpBlock block(*shape, *weights, *mtp_weights, *backend, rounding);
    KvState window = block.make_state();
    WorkingState main_working(main_state, *backend);
    WorkingState window_working(window, *backend);

    const std::string variant = name_of(numerics);
    const std::vector<std::int32_t> tokens = golden.at("tokens_C").ints();
    const std::vector<std::int32_t> positions = golden.at("pos").ints();
    const std::size_t stream_size = static_cast<std::size_t>(shape->streams) * shape->embedding;
    std::vector<float> input(stream_size);
    std::vector<float> streams(stream_size);
    std::vector<float> logits(static_cast<std::size_t>(shape->vocabulary));
    std::vector<double> input_errors, stream_errors, logit_errors;
    std::size_t next = 0;
    for (std::size_t position = 0; position < tokens.size(); ++position) {
        ASSERT_TRUE(forward.run(std::span(&tokens[position], 1), main_working, {}));
        const bool recorded =
            next < positions.size() && positions[next] == static_cast<std::int32_t>(position);
        // Recorded positions start from the recorded streams, so each one checks the function
        // and not what the main model accumulated.
        const float* const own = forward.streams(0);
        std::vector<float> previous(own, own + stream_size);
        if (recorded)
            previous = golden.at(variant + ".mtp_prev_hc").row(static_cast<std::int64_t>(next));
        ASSERT_TRUE(block.run(previous.data(), tokens[position], window_working, logits));
        std::copy_n(block.input(), stream_size, input.begin());
        std::copy_n(block.streams(), stream_size, streams.begin());
        if (!recorded) continue;
        const auto row = static_cast<std::int64_t>(next++);
        input_errors.push_back(relative_rms(input, golden.at(variant + ".mtp_input_hc").row(row)));
        stream_errors.push_back(relative_rms(streams, golden.at(variant + ".mtp_out_hc").row(row)));
        logit_errors.push_back(relative_rms(logits, golden.at(variant + ".mtp_logits").row(row)));
    }
    ASSERT_EQ(next, positions.size());
    const auto worst = [](const std::vector<double>& e) {
        return *std::max_element(e.begin(), e.end());
    };
    std::printf("  input %.2e streams %.2e logits %.2e (median %.2e)\n", worst(input_errors),
                worst(stream_errors), worst(logit_errors), median(logit_errors));
    if (numerics == Numerics::cont) {
        EXPECT_LE(worst(input_errors), 1e-5);
        EXPECT_LE(worst(stream_errors), 1e-5);
        EXPECT_LE(worst(logit_errors), 1e-5);
    } else {
        EXPECT_LE(worst(input_errors), numerics == Numerics::fp ? 1e-5 : 2e-2);
        EXPECT_LE(median(logit_errors), numerics == Numerics::fp ? 5e-3 : 5e-2);
        EXPECT_LE(worst(logit_errors), 0.15);
    }
}

INSTANTIATE_TEST_SUITE_P(Tiny, MtpGolden,
                         testing::Combine(testing::Values(BackendKind::reference, BackendKind::cpu),
                                          testing::Values(Numerics::act8, Numerics::fp,
                                                          Numerics::cont)),
                         [](const testing::TestParamInfo<std::tuple<BackendKind, Numerics>>& info) {
                             return name_of(std::get<0>(info.param)) + "_" +
                                    name_of(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace starglass::test

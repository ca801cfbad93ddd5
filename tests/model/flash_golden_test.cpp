// SPDX-License-Identifier: MIT
//
// The exact Flash shape. The 4.2 GB file is made by tests/golden/make_synthetic_gguf.py
// (--preset flash --mix q2) and named by the environment variable STARGLASS_FLASH_GGUF; without
// it the test is skipped and says so.
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "engine/devices.h"
#include "model/golden_support.h"

namespace starglass::test {
namespace {

long status_kilobytes(const std::string& key) {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line))
        if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
    return 0;
}

class Flash : public testing::TestWithParam<std::tuple<BackendKind, Numerics>> {};

TEST_P(Flash, LogitsAgree) {
    const char* path = std::getenv("STARGLASS_FLASH_GGUF");
    if (path == nullptr)
        GTEST_SKIP() << "STARGLASS_FLASH_GGUF is not set: make the file with "
                        "tests/golden/make_synthetic_gguf.py --preset flash --mix q2 --out FILE";
    const auto [backend, numerics] = GetParam();
    if (backend == BackendKind::vulkan) {
        const auto devices = list_vulkan_devices();
        if (!devices || std::none_of(devices->begin(), devices->end(),
                                     [](const DeviceDescription& d) { return d.automatic; }))
            GTEST_SKIP() << "there is no graphics processor here";
    }
    const Npz golden(golden_path("flash/golden-flash-q2.npz"));
    const std::string variant = name_of(numerics);

    const auto start = std::chrono::steady_clock::now();
    Loaded loaded = open_model(path, backend, numerics);
    const double load_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("  load %.2f s\n", load_seconds);
    // On a graphics processor all 81 GB are placed apart.
    if (backend != BackendKind::vulkan) EXPECT_LT(load_seconds, 2.0);

    // The token generator of the golden data, seeds 11, 12, 13 and modulus 127,997.
    const auto stream = [](std::uint64_t seed, int count) {
        std::vector<TokenId> tokens{0};
        std::uint64_t state = seed;
        while (static_cast<int>(tokens.size()) < count) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            tokens.push_back(static_cast<TokenId>(3 + (state >> 33) % 127997));
        }
        return tokens;
    };
    struct Prompt {
        const char* key;
        std::uint64_t seed;
        int count;
        int chunk;
    };
    for (const Prompt& prompt :
         {Prompt{"FC_prefill_16", 13, 16, 16}, Prompt{"FC_decode_16", 13, 16, 1},
          Prompt{"FB_prefill_24", 12, 24, 24}, Prompt{"FA_prefill_32", 11, 32, 32}}) {
        const std::string key = variant + "." + prompt.key;
        if (!golden.has(key)) continue;
        const std::vector<TokenId> tokens = stream(prompt.seed, prompt.count);
        std::vector<float> got;
        SessionListener listener;
        EvaluateOptions options;
        options.chunk = prompt.chunk;
        const auto begin = std::chrono::steady_clock::now();
        const Status status = loaded.session->evaluate(
            tokens, options, listener,
            [&](std::int64_t, std::span<const float> logits) {
                got.assign(logits.begin(), logits.end());
            },
            CancelToken());
        ASSERT_TRUE(status) << status.error().message;
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const NpyArray& array = golden.at(key);
        const std::vector<float> want(array.values.begin(), array.values.end());
        const double error = relative_rms(got, want);
        std::printf("  %-16s relative RMS %.2e, argmax %s, %.2f tok/s\n", prompt.key, error,
                    argmax(got) == argmax(want) ? "same" : "DIFFERS", prompt.count / seconds);
        EXPECT_LE(error, numerics == Numerics::cont ? 1e-4
                         : numerics == Numerics::fp ? 2e-2
                                                    : 6e-2);
        EXPECT_EQ(argmax(got), argmax(want));
    }
    const long resident = status_kilobytes("VmHWM");
    std::printf("  peak resident %.2f GiB\n", static_cast<double>(resident) / (1 << 20));
    EXPECT_LT(resident, 8L << 20);
}

// On the best real graphics processor; 90 GB of its memory hold all of it.
INSTANTIATE_TEST_SUITE_P(Q2Gpu, Flash,
                         testing::Combine(testing::Values(BackendKind::vulkan),
                                          testing::Values(Numerics::act8, Numerics::fp,
                                                          Numerics::cont)),
                         [](const testing::TestParamInfo<std::tuple<BackendKind, Numerics>>& info) {
                             return "vulkan_" + name_of(std::get<1>(info.param));
                         });

INSTANTIATE_TEST_SUITE_P(Q2, Flash,
                         testing::Combine(testing::Values(BackendKind::cpu, BackendKind::reference),
                                          testing::Values(Numerics::act8, Numerics::fp,
                                                          Numerics::cont)),
                         [](const testing::TestParamInfo<std::tuple<BackendKind, Numerics>>& info) {
                             return name_of(std::get<0>(info.param)) + "_" +
                                    name_of(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace starglass::test

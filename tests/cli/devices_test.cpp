// SPDX-License-Identifier: MIT
//
// devices, and where a model runs: on whatever machine the tests are, Mesa's software driver at
// least.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Empty where this machine has no Vulkan device, which the test then says.
json devices() {
    const Ran ran = run({"devices", "--json"});
    if (ran.code != 0) return json::array();
    return json::parse(ran.out).at("devices");
}

// One that the engine can use, by number; -1 when there is none.
int usable() {
    for (const json& device : devices())
        if (device.at("usable")) return device.at("index");
    return -1;
}

#define STARGLASS_NEEDS_DEVICE(name) \
    const int name = usable();       \
    if (name < 0) GTEST_SKIP() << "no Vulkan device here can run the engine"

TEST(CliDevices, ListsWhatThereIs) {
    STARGLASS_NEEDS_DEVICE(index);
    const json list = devices();
    const json& device = list.at(static_cast<std::size_t>(index));
    EXPECT_NE(device.at("name"), "");
    EXPECT_NE(device.at("driver"), "");
    EXPECT_THAT(device.at("api_version").get<std::string>(),
                testing::MatchesRegex("1\\.[0-9]+\\.[0-9]+"));
    EXPECT_GT(device.at("memory_bytes"), 0);
    ASSERT_FALSE(device.at("heaps").empty());
    EXPECT_GT(device.at("heaps")[0].at("bytes"), 0);
    EXPECT_GE(device.at("subgroup").at("size"), device.at("subgroup").at("min"));
    for (const char* feature : {"storage8", "storage16", "float16", "int8", "integer_dot",
                                "cooperative_matrix", "memory_budget", "transfer_queue"})
        EXPECT_TRUE(device.at("features").at(feature).is_boolean()) << feature;
    EXPECT_TRUE(device.at("unusable_because").is_null());
    int automatic = 0;
    for (const json& one : list) {
        automatic += one.at("automatic").get<bool>() ? 1 : 0;
        EXPECT_FALSE(one.at("kind") == "software driver" && one.at("automatic"));
    }
    EXPECT_LE(automatic, 1);
    const Ran text = run({"devices"});
    EXPECT_EQ(text.code, 0);
    EXPECT_THAT(text.out, HasSubstr(device.at("name").get<std::string>()));
    for (const char* word : {"driver", "memory", "subgroup", "usable", "auto"})
        EXPECT_THAT(text.out, HasSubstr(word));
    EXPECT_EQ(text.err, "");
}

TEST(CliDevices, NoDriverIsOneSentence) {
    // The loader reads its drivers from where it is told to.
    const Ran ran =
        run_shell("VK_ICD_FILENAMES=/no/such.json VK_DRIVER_FILES=/no/such.json \"$CLI\" devices");
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("run on the CPU"));
}

TEST(CliPlacement, WithoutAGraphicsProcessorTheCpuRunsQuietly) {
    const Ran ran = run({"run", "-p", "hi", "--max-tokens", "2", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json placement = json::parse(ran.out).at("placement");
    if (placement.at("backend") == "vulkan") GTEST_SKIP() << "there is a graphics processor";
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(placement.at("considered"), false);
    EXPECT_THAT(placement.at("reason").get<std::string>(), HasSubstr("graphics processor"));
    // No driver, no difference.
    const Ran none = run_shell(
        "VK_ICD_FILENAMES=/no/such.json VK_DRIVER_FILES=/no/such.json \"$CLI\" run -p hi "
        "--max-tokens 2 --seed 1");
    EXPECT_EQ(none.code, 0);
    EXPECT_EQ(none.err, "");
}

TEST(CliPlacement, InfoSaysWhereAndWhyWhenAsked) {
    EXPECT_THAT(run({"info", tiny()}).out, Not(HasSubstr("runs on")));
    const Ran ran = run({"info", tiny(), "--backend", "auto"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    // Which of the two depends on the machine; the reason is given either way.
    EXPECT_THAT(
        ran.out,
        ::testing::AnyOf(HasSubstr("runs on     cpu (no graphics processor that the engine"),
                         ::testing::ContainsRegex("runs on     .* \\(.* reads .* both measured")));
    STARGLASS_NEEDS_DEVICE(index);
    const Ran there = run({"info", tiny(), "--backend", "vulkan", "--device", std::to_string(index),
                           "--gpu-layers", "2", "--json"});
    ASSERT_EQ(there.code, 0) << there.err;
    const json placement = json::parse(there.out).at("placement");
    EXPECT_EQ(placement.at("backend"), "vulkan");
    EXPECT_EQ(placement.at("device_expert_layers"), 2);
    EXPECT_EQ(placement.at("layers"), 6);
    EXPECT_GT(placement.at("device_bytes"), 0);
    EXPECT_GT(placement.at("host_bytes"), 0);
}

TEST(CliPlacement, RefusesWhatIsNotThere) {
    for (const auto& [arguments, code, needle] :
         std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
             {{"--backend", "gpu"}, 2, "--backend"},
             {{"--gpu-layers", "-2"}, 2, "--gpu-layers"},
             {{"--device-memory", "8 parsecs"}, 2, "a size like 8GB"},
             {{"--device-memory", "-1GB"}, 2, "a size like 8GB"},
             {{"--backend", "vulkan", "--device", "no such card"}, 1, "ulkan"}}) {
        std::vector<std::string> all = {"run", "-p", "hi", "--max-tokens", "1"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const Ran ran = run(all);
        EXPECT_EQ(ran.code, code) << arguments[0];
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_THAT(ran.err, HasSubstr(needle));
    }
}

TEST(CliPlacement, TooLittleDeviceMemoryIsASentence) {
    STARGLASS_NEEDS_DEVICE(index);
    const Ran ran = run({"run", "-m", tiny(), "-p", "hi", "--max-tokens", "1", "--backend",
                         "vulkan", "--device", std::to_string(index), "--device-memory", "1MB"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("ran out of memory"));
}

TEST(CliPlacement, KernelsAreKeptInTheCacheFolder) {
    STARGLASS_NEEDS_DEVICE(index);
    const ScratchFolder scratch;
    const Ran ran =
        run_shell("XDG_CACHE_HOME='" + scratch.path("cache") + "' \"$CLI\" run -m '" + tiny() +
                  "' -p hi --max-tokens 1 --backend vulkan --device " + std::to_string(index));
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_FALSE(std::filesystem::is_empty(scratch.path("cache/starglass/pipelines")));
}

TEST(CliPlacement, BenchLooksInside) {
    STARGLASS_NEEDS_DEVICE(index);
    const std::vector<std::string> arguments = {
        "bench", "-m", tiny(),        "--backend", "vulkan",    "--device", std::to_string(index),
        "--gen", "2",  "--ctx-start", "8",         "--ctx-max", "8"};
    std::vector<std::string> as_json = arguments;
    as_json.emplace_back("--json");
    const Ran ran = run(as_json);
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json report = json::parse(ran.out);
    EXPECT_EQ(report.at("engine").at("backend"), "vulkan");
    EXPECT_NE(report.at("engine").at("placement").at("device"), "");
    EXPECT_GT(report.at("machine").at("device").at("read_bytes_s"), 0);
    EXPECT_GT(report.at("machine").at("device").at("copy_bytes_s"), 0);
    const json& at = report.at("frontiers")[0];
    EXPECT_GT(at.at("prefill").at("tokens_s"), 0);
    EXPECT_GT(at.at("floor_seconds"), 0);
    EXPECT_GT(at.at("read_share"), 0);
    const json& inside = at.at("device");
    EXPECT_GT(inside.at("dispatches"), inside.at("barriers"));
    EXPECT_GE(inside.at("submissions"), 1);
    double read = 0;
    for (const json& kernel : inside.at("kernels")) {
        EXPECT_GT(kernel.at("calls"), 0);
        read += kernel.at("read_bytes").get<double>();
    }
    // What kernels were given is about what a token needs: no whole stacks of experts, no piece
    // left out.
    if (!inside.at("kernels").empty()) {
        const double total = at.at("bytes_per_token").at("total");
        EXPECT_GT(read, 0.8 * total);
        EXPECT_LT(read, 3 * total);
    }
    std::vector<std::string> hybrid = arguments;
    hybrid.insert(hybrid.end(), {"--gpu-layers", "3", "--no-read-speed"});
    const Ran text = run(hybrid);
    ASSERT_EQ(text.code, 0) << text.err;
    for (const char* word : {"runs on", "experts of 3 of 6 layers", "barriers", "submissions"})
        EXPECT_THAT(text.out, HasSubstr(word));
}

}  // namespace
}  // namespace starglass::cli_test

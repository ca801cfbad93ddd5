// SPDX-License-Identifier: MIT
//
// starglass-cli with a Vulkan device: what cannot be had is one sentence and an exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "cli/cli_runner.h"

namespace starglass::cli_test {
namespace {

std::string device() {
    const char* wanted = std::getenv("SG_TEST_DEVICE");
    return wanted != nullptr ? wanted : "0";
}
std::vector<std::string> arguments(const std::string& device) {
    return {"run", "-m", tiny(),         "--backend", "vulkan", "--device=" + device,
            "-p",  "hi", "--max-tokens", "2"};
}

TEST(CliVulkan, Runs) {
    const Ran ran = run(arguments(device()));
    EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST(CliVulkan, ADeviceThatIsNotThere) {
    for (const std::string name : {"nonsense", "99", "-1", "0x0"}) {
        SCOPED_TRACE(name);
        const Ran ran = run(arguments(name));
        EXPECT_NE(ran.code, 0);
        EXPECT_LT(ran.code, 128);
        EXPECT_TRUE(is_one_sentence(ran.err)) << ran.err;
        EXPECT_EQ(ran.out, "");
        EXPECT_THAT(ran.err, testing::HasSubstr("'" + name + "'"));
    }
}

// Killed while it loads, at any moment; the next start is as every other.
TEST(CliVulkan, KilledWhileItLoads) {
    for (const int milliseconds : {3, 10, 20, 40, 80, 160, 320}) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
            if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
            std::vector<std::string> words{SG_CLI};
            for (const std::string& word : arguments(device())) words.push_back(word);
            std::vector<char*> argv;
            for (std::string& word : words) argv.push_back(word.data());
            argv.push_back(nullptr);
            ::execv(argv[0], argv.data());
            _exit(127);
        }
        ::usleep(static_cast<useconds_t>(milliseconds * 1000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
    }
    const Ran ran = run(arguments(device()));
    EXPECT_EQ(ran.code, 0) << ran.err;
}

}  // namespace
}  // namespace starglass::cli_test

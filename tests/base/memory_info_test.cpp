// SPDX-License-Identifier: MIT
#include "base/memory_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace starglass {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMiB = 1 << 20;

// A machine of 1000 MiB of which 600 can be had, made of files.
class MemoryInfoTest : public testing::Test {
protected:
    void SetUp() override {
        root_ = fmt::format("{}memory_info_{}", testing::TempDir(), ::getpid());
        std::filesystem::remove_all(root_);
        folders_ = {.proc = root_ + "/proc", .cgroup = root_ + "/cgroup"};
        write("proc/meminfo",
              "MemTotal:        1024000 kB\nMemFree:          1000 kB\nMemAvailable:     614400 "
              "kB\n");
        write("proc/self/cgroup", "0::/\n");
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void write(const std::string& name, std::string_view text) {
        const std::filesystem::path path = root_ + "/" + name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    void write(const std::string& name, std::int64_t number) {
        write(name, fmt::format("{}\n", number));
    }

    AvailableMemory available() {
        const auto memory = available_memory(folders_);
        EXPECT_TRUE(memory) << memory.error().message;
        return memory ? *memory : AvailableMemory{};
    }

    std::string root_;
    SystemFolders folders_;
};

TEST_F(MemoryInfoTest, IsWhatTheMachineHas) {
    EXPECT_EQ(available().bytes, 600 * kMiB);
    EXPECT_EQ(available().total, 1000 * kMiB);
    EXPECT_FALSE(available().limited);
    std::filesystem::remove(root_ + "/proc/self/cgroup");
    EXPECT_EQ(available().bytes, 600 * kMiB);
}

TEST_F(MemoryInfoTest, IsWhatGroupsAllow) {
    write("proc/self/cgroup", "0::/user.slice/app.slice/starglass.scope\n");
    const std::string group = "cgroup/user.slice/app.slice/starglass.scope/";
    write(group + "memory.max", "max\n");
    write(group + "memory.current", 100 * kMiB);
    EXPECT_EQ(available().bytes, 600 * kMiB);
    EXPECT_FALSE(available().limited);

    // Inactive pages of files go when there is need.
    write(group + "memory.max", 300 * kMiB);
    write(group + "memory.stat", "anon 1\nactive_file 5\ninactive_file 41943040\n");
    EXPECT_EQ(available().bytes, 240 * kMiB);
    EXPECT_EQ(available().total, 300 * kMiB);
    EXPECT_TRUE(available().limited);

    // A group above it, and the softer limit.
    write("cgroup/user.slice/memory.max", 400 * kMiB);
    write("cgroup/user.slice/memory.current", 250 * kMiB);
    EXPECT_EQ(available().bytes, 150 * kMiB);
    EXPECT_EQ(available().total, 300 * kMiB);
    write("cgroup/user.slice/memory.high", 260 * kMiB);
    EXPECT_EQ(available().bytes, 10 * kMiB);
    EXPECT_EQ(available().total, 260 * kMiB);

    // Over its limit already.
    write("cgroup/user.slice/memory.current", 500 * kMiB);
    EXPECT_EQ(available().bytes, 0);
}

TEST_F(MemoryInfoTest, KnowsTheRootOfAContainer) {
    // The name is the one outside; what is mounted begins at the container.
    write("proc/self/cgroup", "0::/machine/container-7\n");
    write("cgroup/memory.max", 200 * kMiB);
    write("cgroup/memory.current", 50 * kMiB);
    EXPECT_EQ(available().bytes, 150 * kMiB);
    write("proc/self/cgroup", "0::/../sibling\n");
    EXPECT_EQ(available().bytes, 150 * kMiB);
}

TEST_F(MemoryInfoTest, KnowsTheFirstVersionOfGroups) {
    write("proc/self/cgroup", "5:devices:/\n4:cpu,memory:/jobs/one\n0::/\n");
    const std::string group = "cgroup/memory/jobs/one/";
    write(group + "memory.limit_in_bytes", "9223372036854771712\n");  // none
    write(group + "memory.usage_in_bytes", 10 * kMiB);
    EXPECT_EQ(available().bytes, 600 * kMiB);
    EXPECT_EQ(available().total, 1000 * kMiB);
    write("cgroup/memory/jobs/memory.limit_in_bytes", 500 * kMiB);
    write("cgroup/memory/jobs/memory.usage_in_bytes", 300 * kMiB);
    write("cgroup/memory/jobs/memory.stat", "inactive_file 7\ntotal_inactive_file 104857600\n");
    EXPECT_EQ(available().bytes, 300 * kMiB);
    EXPECT_TRUE(available().limited);
}

TEST_F(MemoryInfoTest, SaysWhatIsWrong) {
    write("proc/meminfo", "MemTotal: 10 kB\n");
    auto memory = available_memory(folders_);
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().code, ErrorCode::unsupported);
    EXPECT_THAT(memory.error().message, HasSubstr("does not say MemAvailable"));
    for (const char* text :
         {"MemAvailable: -5 kB\n", "MemAvailable:\n", "MemAvailable: many\n",
          "MemAvailable: 99999999999999999999 kB\n", "MemAvailable: 9223372036854775807 kB\n"}) {
        write("proc/meminfo", text);
        EXPECT_FALSE(available_memory(folders_)) << text;
    }
    std::filesystem::remove(root_ + "/proc/meminfo");
    memory = available_memory(folders_);
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().code, ErrorCode::io);
    EXPECT_FALSE(resident_memory(folders_));
}

TEST_F(MemoryInfoTest, ReadsWhatAProcessHolds) {
    write("proc/self/status",
          "Name:\tstarglass\nVmHWM:\t    5000 kB\nVmRSS:\t 3600 kB\nRssAnon:\t 3000 kB\n"
          "RssFile:\t 500 kB\nRssShmem:\t 100 kB\n");
    const auto memory = resident_memory(folders_);
    ASSERT_TRUE(memory) << memory.error().message;
    EXPECT_EQ(memory->bytes, 3600 * 1024);
    EXPECT_EQ(memory->peak, 5000 * 1024);
    EXPECT_EQ(memory->anonymous, 3000 * 1024);
    EXPECT_EQ(memory->file, 500 * 1024);
    EXPECT_EQ(memory->shared, 100 * 1024);
}

TEST(MemoryInfo, AgreesWithThisMachine) {
    const auto available = available_memory();
    ASSERT_TRUE(available) << available.error().message;
    EXPECT_GT(available->bytes, 0);
    EXPECT_LT(available->bytes, available->total);

    constexpr std::size_t kBytes = 64 << 20;
    const auto before = resident_memory();
    ASSERT_TRUE(before) << before.error().message;
    void* const block =
        ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(block, MAP_FAILED);
    std::memset(block, 1, kBytes);
    const auto with = resident_memory();
    ::munmap(block, kBytes);
    const auto after = resident_memory();
    ASSERT_TRUE(with && after);
    constexpr std::int64_t kMuch = 56 * kMiB;
    EXPECT_GT(with->anonymous, before->anonymous + kMuch);
    EXPECT_LT(after->anonymous, with->anonymous - kMuch);
    EXPECT_GE(after->peak, with->bytes - 4 * kMiB);
    EXPECT_GT(after->file, 0);
}

}  // namespace
}  // namespace starglass

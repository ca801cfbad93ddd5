// SPDX-License-Identifier: MIT
//
// How fast a checkpoint of 30,000 tokens of the full Flash shape comes back, against reading the
// same bytes as dd does (bs=1M, one file after the other), in one run and in turn. "cold" drops the
// files from the page cache first (posix_fadvise), "warm" leaves them there. The processor time of
// a load says how fast it could be at most, whatever the disk.
//
//   kv_load_bench [DIR] [ROUNDS]     DIR decides which disk is measured; the default is here
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "cache/cache_support.h"

namespace starglass::test {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> files_of(const std::string& folder) {
    std::vector<std::string> out;
    for (const char* part : {"/segments", "/checkpoints"})
        for (const auto& entry : std::filesystem::directory_iterator(folder + part))
            out.push_back(entry.path().string());
    return out;
}

void forget(const std::vector<std::string>& files) {
    for (const std::string& path : files) {
        const int fd = ::open(path.c_str(), O_RDONLY);
        if (fd < 0) continue;
        (void)::fdatasync(fd);
        (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
    }
}

std::int64_t read_like_dd(const std::vector<std::string>& files) {
    std::vector<char> block(1 << 20);
    std::int64_t total = 0;
    for (const std::string& path : files) {
        const int fd = ::open(path.c_str(), O_RDONLY);
        for (ssize_t got = 0; (got = ::read(fd, block.data(), block.size())) > 0;) total += got;
        ::close(fd);
    }
    return total;
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

int run(const std::string& directory, int rounds) {
    const std::string folder = directory + "/kv-load-bench";
    std::filesystem::remove_all(folder);
    auto shape = std::make_shared<const ModelStateShape>(flash_shape());
    KvCacheOptions options;
    options.directory = folder;
    auto opened = KvStore::open(options, FileSystem::disk());
    if (!opened) {
        std::fprintf(stderr, "%s\n", opened.error().message.c_str());
        return 1;
    }
    KvStore& store = **opened;
    FakeConversation talk(shape, 1);
    talk.grow(30'000);
    auto id = store.enqueue(talk.job());
    store.flush();
    if (!id || !store.info(*id)) {
        std::fprintf(stderr, "the checkpoint could not be saved\n");
        return 1;
    }
    const std::vector<std::string> files = files_of(folder);
    std::vector<double> dd[2], load[2], ratio[2], cpu;
    std::int64_t bytes = 0;
    for (int round = 0; round < rounds; ++round)
        for (int warm = 0; warm < 2; ++warm) {
            if (warm == 0) forget(files);
            Clock::time_point start = Clock::now();
            bytes = read_like_dd(files);
            dd[warm].push_back(seconds_since(start));
            if (warm == 0) forget(files);
            start = Clock::now();
            const double cpu_start = cpu_seconds();
            const auto loaded = store.load(*id, *shape);
            load[warm].push_back(seconds_since(start));
            cpu.push_back(cpu_seconds() - cpu_start);
            if (!loaded || loaded->bytes != bytes) {
                std::fprintf(stderr, "the load failed or read other bytes\n");
                return 1;
            }
            ratio[warm].push_back(dd[warm].back() / load[warm].back());
        }
    std::printf("30,000 tokens, %zu files, %.1f MB, %d rounds, medians\n", files.size(),
                static_cast<double>(bytes) / 1e6, rounds);
    for (int warm = 0; warm < 2; ++warm)
        std::printf("%-5s dd %7.3f s %7.0f MB/s   load %7.3f s %7.0f MB/s   load/dd rate %.2f\n",
                    warm == 0 ? "cold" : "warm", median(dd[warm]),
                    static_cast<double>(bytes) / 1e6 / median(dd[warm]), median(load[warm]),
                    static_cast<double>(bytes) / 1e6 / median(load[warm]), median(ratio[warm]));
    std::printf(
        "a load takes %.3f s of processor time: with one core to itself at most %.0f MB/s\n",
        median(cpu), static_cast<double>(bytes) / 1e6 / median(cpu));
    opened->reset();
    std::filesystem::remove_all(folder);
    return 0;
}

}  // namespace
}  // namespace starglass::test

int main(int argc, char** argv) {
    return starglass::test::run(argc > 1 ? argv[1] : ".", argc > 2 ? std::atoi(argv[2]) : 5);
}

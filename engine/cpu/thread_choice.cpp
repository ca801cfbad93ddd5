// SPDX-License-Identifier: MIT
#include "cpu/thread_choice.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"

namespace starglass {
namespace {

constexpr std::int64_t kColumns = 4096;
constexpr std::int64_t kRows = 23104;  // times 4,352 bytes: 96 MiB, in whole tiles
constexpr int kPasses = 5;
constexpr double kAsFast = 0.97;

}  // namespace

std::vector<int> thread_candidates(int cores, int logical) {
    std::vector<int> counts{std::max(1, cores), std::max(1, logical)};
    for (int power = 1; power < std::max(cores, logical); power *= 2) counts.push_back(power);
    std::ranges::sort(counts);
    // Debian's clang, which builds the fuzzers, cannot read what std::ranges::unique returns.
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    return counts;
}

int choose_threads(std::span<const ThreadSpeed> measured) {
    double fastest = 0;
    for (const ThreadSpeed& speed : measured) fastest = std::max(fastest, speed.bytes_s);
    int most = 1;
    for (const ThreadSpeed& speed : measured)
        if (speed.bytes_s >= kAsFast * fastest) most = std::max(most, speed.threads);
    return most;
}

std::vector<ThreadSpeed> measure_thread_speeds(std::span<const int> candidates) {
    const std::int64_t row_size = row_bytes(DataType::q8_0, kColumns);
    std::vector<std::byte> weights(static_cast<std::size_t>(kRows * row_size), std::byte{1});
    std::vector<float> x(static_cast<std::size_t>(kColumns), 1.0F);
    std::vector<float> y(static_cast<std::size_t>(kRows));
    MatMul op{.w = {}, .x = x.data(), .y = y.data(), .rows = 1};
    op.w.type = DataType::q8_0;
    op.w.data = weights.data();
    op.w.in = kColumns;
    op.w.out = kRows;

    using Clock = std::chrono::steady_clock;
    std::vector<ThreadSpeed> result;
    for (const int threads : candidates) {
        const auto backend = make_cpu_backend(Activations::int8, threads);
        double best = 0;
        for (int pass = 0; pass < kPasses; ++pass) {
            const Clock::time_point start = Clock::now();
            backend->run(op);
            const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
            best = std::max(best, static_cast<double>(weights.size()) / seconds);
        }
        result.push_back({threads, best});
    }
    return result;
}

}  // namespace starglass

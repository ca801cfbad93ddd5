// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace starglass {
namespace {

// Between two parallel regions of one token lie a few microseconds; a sleeping thread needs
// about fifty to come back. So a worker polls for roughly that long, then sleeps.
constexpr int kSpins = 2000;

void pause_briefly() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
    for (int worker = 1; worker < std::max(threads, 1); ++worker)
        workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stop_.store(true, std::memory_order_release);
        generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Entry entry, void* context) {
    if (workers_.empty()) {
        entry(context, 0);
        return;
    }
    entry_ = entry;
    context_ = context;
    running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    {
        // Under the lock so that a worker about to sleep cannot miss it.
        const std::lock_guard lock(mutex_);
        generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    entry(context, 0);
    for (int spin = 0; running_.load(std::memory_order_acquire) != 0; ++spin) {
        if (spin < kSpins)
            pause_briefly();
        else
            std::this_thread::yield();
    }
}

void ThreadPool::work(int worker) {
    std::uint64_t seen = 0;
    for (;;) {
        for (int spin = 0; spin < kSpins; ++spin) {
            if (generation_.load(std::memory_order_acquire) != seen) break;
            pause_briefly();
        }
        if (generation_.load(std::memory_order_acquire) == seen) {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
        }
        seen = generation_.load(std::memory_order_acquire);
        if (stop_.load(std::memory_order_acquire)) return;
        entry_(context_, worker);
        running_.fetch_sub(1, std::memory_order_acq_rel);
    }
}

int ThreadPool::default_threads() {
    // Two hyper-threads of a core share its arithmetic units, so count cores where Linux tells.
    const int logical = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    std::set<std::pair<int, int>> cores;
    for (int cpu = 0; cpu < logical; ++cpu) {
        const std::string folder =
            "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
        std::ifstream core_file(folder + "core_id");
        std::ifstream package_file(folder + "physical_package_id");
        int core = 0;
        int package = 0;
        if (!(core_file >> core) || !(package_file >> package)) return logical;
        cores.emplace(package, core);
    }
    return std::clamp(static_cast<int>(cores.size()), 1, logical);
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <algorithm>
#include <cassert>
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

ThreadPool::ThreadPool(int threads) : shares_(static_cast<std::size_t>(threads)) {
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

void ThreadPool::share_out(std::int64_t count, std::int64_t grain) {
    assert(count < std::int64_t{1} << 31);
    // Whole grains, so that no share ends in a scrap.
    const std::int64_t grains = (count + grain - 1) / grain;
    const auto border = [&](std::int64_t worker) {
        return static_cast<std::uint64_t>(std::min(count, grains * worker / threads() * grain));
    };
    for (int worker = 0; worker < threads(); ++worker)
        shares_[static_cast<std::size_t>(worker)].left.store(
            border(worker) | border(worker + 1) << 32, std::memory_order_relaxed);
}

ThreadPool::Run ThreadPool::take_front(int worker, std::int64_t grain) {
    std::atomic<std::uint64_t>& left = shares_[static_cast<std::size_t>(worker)].left;
    std::uint64_t seen = left.load(std::memory_order_relaxed);
    for (;;) {
        const auto begin = static_cast<std::int64_t>(seen & 0xFFFFFFFFU);
        const auto end = static_cast<std::int64_t>(seen >> 32);
        const std::int64_t middle = std::min(end, begin + grain);
        if (begin == end || left.compare_exchange_weak(
                                seen, static_cast<std::uint64_t>(middle) | (seen >> 32) << 32,
                                std::memory_order_relaxed))
            return {begin, middle};
    }
}

ThreadPool::Run ThreadPool::take_back(int worker, std::int64_t grain) {
    std::atomic<std::uint64_t>& left = shares_[static_cast<std::size_t>(worker)].left;
    std::uint64_t seen = left.load(std::memory_order_relaxed);
    for (;;) {
        const auto begin = static_cast<std::int64_t>(seen & 0xFFFFFFFFU);
        const auto end = static_cast<std::int64_t>(seen >> 32);
        const std::int64_t middle = std::max(begin, end - grain);
        if (begin == end ||
            left.compare_exchange_weak(
                seen, static_cast<std::uint64_t>(begin) | static_cast<std::uint64_t>(middle) << 32,
                std::memory_order_relaxed))
            return {middle, end};
    }
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

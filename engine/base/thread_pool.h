// SPDX-License-Identifier: MIT
//
// Fork-join over a fixed set of threads. The caller is worker 0; the others spin briefly between
// the regions of one request and sleep otherwise. One caller at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace starglass {

class ThreadPool {
public:
    // threads >= 1, the caller included.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] int threads() const { return static_cast<int>(workers_.size()) + 1; }

    // Calls task(worker) once on every worker, 0 <= worker < threads(), and waits for all.
    template <class Task>
    void run(Task&& task) {
        run_erased([](void* context, int worker) { (*static_cast<Task*>(context))(worker); },
                   const_cast<void*>(static_cast<const void*>(&task)));
    }

    // Calls body(index, worker) for 0 <= index < count < 2^31. Every worker starts on a run of
    // neighbouring indices of its own, in ascending order and `grain` at a time, so that memory
    // fetched ahead is its own next work; when it is through, it takes from the far end of
    // another's. Which worker gets an index is not fixed, so a body may not depend on it.
    template <class Body>
    void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
        if (count <= 0) return;
        if (workers_.empty() || count <= grain) {
            for (std::int64_t index = 0; index < count; ++index) body(index, 0);
            return;
        }
        share_out(count, grain);
        run([&](int worker) {
            const auto call = [&](Run taken) {
                for (std::int64_t index = taken.begin; index < taken.end; ++index)
                    body(index, worker);
            };
            for (;;) {
                const Run own = take_front(worker, grain);
                if (own.begin == own.end) break;
                call(own);
            }
            for (int step = 1; step < threads(); ++step) {
                const int other = (worker + step) % threads();
                for (;;) {
                    const Run taken = take_back(other, grain);
                    if (taken.begin == taken.end) break;
                    call(taken);
                }
            }
        });
    }

    // One per physical core, at least 1.
    static int default_threads();

private:
    // What is left of a worker's indices: begin in the lower half, end in the upper.
    struct alignas(64) Share {
        std::atomic<std::uint64_t> left{0};
    };
    struct Run {
        std::int64_t begin, end;
    };
    void share_out(std::int64_t count, std::int64_t grain);
    Run take_front(int worker, std::int64_t grain);
    Run take_back(int worker, std::int64_t grain);

    using Entry = void (*)(void* context, int worker);
    void run_erased(Entry entry, void* context);
    void work(int worker);

    std::vector<std::thread> workers_;
    std::vector<Share> shares_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<int> running_{0};
    std::atomic<bool> stop_{false};
    Entry entry_ = nullptr;
    void* context_ = nullptr;
};

}  // namespace starglass

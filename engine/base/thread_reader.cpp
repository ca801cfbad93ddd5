// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/read_pieces.h"
#include "base/readers.h"

namespace starglass {
namespace {

class ThreadReader final : public AsyncReader {
public:
    explicit ThreadReader(std::int64_t piece_bytes) : pieces_(piece_bytes) {}

    ~ThreadReader() override {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
            pieces_.drop_waiting();
        }
        wake_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    // False when the system gave none at all; fewer than asked for will do.
    bool start(int threads) {
        try {
            while (static_cast<int>(workers_.size()) < threads)
                workers_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            return !workers_.empty();
        }
        return true;
    }

    std::string name() const override { return fmt::format("{} threads", workers_.size()); }

    void submit(const ReadFile& file, std::span<const ReadRequest> requests) override {
        {
            const std::lock_guard lock(mutex_);
            pieces_.add(file, requests);
        }
        wake_.notify_all();
    }

    std::size_t take(std::span<ReadCompletion> completions, bool wait) override {
        if (completions.empty()) return 0;
        std::unique_lock lock(mutex_);
        if (wait) ended_.wait(lock, [&] { return pieces_.finished() || pieces_.pending() == 0; });
        return pieces_.take(completions);
    }

    std::size_t pending() const override {
        const std::lock_guard lock(mutex_);
        return pieces_.pending();
    }

    bool pin(std::span<std::byte> memory) override { return false; }
    void unpin(std::span<std::byte> memory) override {}

private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return stop_ || pieces_.waiting(); });
            if (stop_) return;
            ReadPiece piece;
            if (pieces_.next(piece)) {
                lock.unlock();
                read(piece);
                lock.lock();
                pieces_.end(piece);
            }
            if (pieces_.finished()) ended_.notify_one();
        }
    }

    static void read(ReadPiece& piece) {
        std::int64_t got = 0;
        do {
            got = ::pread(piece.descriptor, piece.to + piece.done,
                          static_cast<std::size_t>(piece.bytes - piece.done),
                          piece.offset + piece.done);
            if (got < 0) got = -errno;
        } while (!piece.advance(got));
        piece.forget();
    }

    mutable std::mutex mutex_;
    std::condition_variable wake_;   // there are pieces, or it is over
    std::condition_variable ended_;  // there are completions
    ReadPieces pieces_;
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace

Result<std::unique_ptr<AsyncReader>> make_thread_reader(int threads, std::int64_t piece_bytes) {
    auto reader = std::make_unique<ThreadReader>(piece_bytes);
    if (!reader->start(threads))
        return fail(ErrorCode::out_of_memory,
                    "the system gives no thread to read with; raise the limit of processes");
    return reader;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// What both readers keep about their requests: which are open, how they are cut into pieces, what
// came and what is done and not taken. Not safe for several threads; a reader with threads holds
// its own lock around it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/async_reader.h"

namespace starglass {

// A part of a request that is read by one thread or one entry of the ring at a time.
struct ReadPiece {
    int descriptor = -1;
    bool direct = false;
    std::int64_t alignment = 1;
    std::int64_t offset = 0;  // in the file
    std::byte* to = nullptr;
    std::int64_t bytes = 0;
    std::int64_t done = 0;      // that came, 0 <= done <= bytes
    std::uint32_t request = 0;  // slot in ReadPieces
    int error = 0;              // errno

    // What one read gave: a count, or a negated errno. False when it has to be given again, from
    // `done` on; true when it is over, well, at the end of the file or with `error`.
    [[nodiscard]] bool advance(std::int64_t result);
    // Tells the page cache to forget what a read that was not direct left there.
    void forget() const;
};

class ReadPieces {
public:
    explicit ReadPieces(std::int64_t piece_bytes) : piece_bytes_max_(piece_bytes) {}

    void add(const ReadFile& file, std::span<const ReadRequest> requests);
    // The next piece in the order of the requests; false when none is left. Pieces of a request
    // that has already failed are not begun.
    [[nodiscard]] bool next(ReadPiece& piece);
    // Each piece that next() gave ends once.
    void end(const ReadPiece& piece);
    [[nodiscard]] std::size_t take(std::span<ReadCompletion> completions);

    [[nodiscard]] std::size_t pending() const { return open_ + finished_.size(); }
    [[nodiscard]] bool waiting() const { return !queue_.empty(); }      // pieces to begin
    [[nodiscard]] bool finished() const { return !finished_.empty(); }  // completions to take
    void drop_waiting() { queue_.clear(); }                             // for the end of a reader

private:
    using Clock = std::chrono::steady_clock;
    struct Request {
        ReadRequest asked;
        int descriptor = -1;
        bool direct = false;
        std::int64_t alignment = 1;
        std::int64_t piece_bytes = 0;
        std::int64_t begun = 0;   // bytes given out as pieces
        int pieces = 0;           // begun and not ended
        std::int64_t came = 0;    // bytes from the start without a gap, once all pieces ended
        int error = 0;            // the first
        Clock::time_point given;  // to submit()
    };
    void finish(std::uint32_t slot);

    std::int64_t piece_bytes_max_;
    std::vector<Request> requests_;
    std::vector<std::uint32_t> free_;
    std::deque<std::uint32_t> queue_;  // not wholly begun
    std::deque<ReadCompletion> finished_;
    std::size_t open_ = 0;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include <liburing.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "base/read_pieces.h"
#include "base/readers.h"

namespace starglass {
namespace {

// The kernel pins at most 1 GiB an entry; the table costs 8 bytes an entry and holds 1 TiB.
constexpr std::size_t kPinBytesMax = std::size_t{1} << 30;
constexpr unsigned kPinEntries = 1024;

class UringReader final : public AsyncReader {
public:
    UringReader(int depth, std::int64_t piece_bytes)
        : pieces_(piece_bytes), slots_(static_cast<std::size_t>(depth)) {
        for (unsigned slot = static_cast<unsigned>(depth); slot > 0; --slot)
            free_.push_back(slot - 1);
    }

    ~UringReader() override {
        if (!open_) return;
        pieces_.drop_waiting();
        while (in_ring() > 0) {
            enter(true);
            reap();
        }
        ::io_uring_queue_exit(&ring_);
    }

    // Negated errno, or 0.
    int start() {
        const auto depth = static_cast<unsigned>(slots_.size());
        // Completions need not interrupt a thread that computes; it looks when it takes. Kernels
        // before 5.19 do not know that.
        int status = ::io_uring_queue_init(depth, &ring_,
                                           IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
        if (status == -EINVAL) status = ::io_uring_queue_init(depth, &ring_, 0);
        if (status < 0) return status;
        open_ = true;
        io_uring_probe* probe = ::io_uring_get_probe_ring(&ring_);
        const bool reads = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_READ);
        if (probe != nullptr) ::io_uring_free_probe(probe);
        return reads ? 0 : -EOPNOTSUPP;
    }

    std::string name() const override { return "io_uring"; }

    void submit(const ReadFile& file, std::span<const ReadRequest> requests) override {
        pieces_.add(file, requests);
        feed();
        enter(false);
    }

    std::size_t take(std::span<ReadCompletion> completions, bool wait) override {
        if (completions.empty()) return 0;
        reap();
        feed();
        enter(false);
        while (wait && !pieces_.finished() && pieces_.pending() > 0) {
            enter(true);
            reap();
            feed();
            enter(false);
        }
        return pieces_.take(completions);
    }

    std::size_t pending() const override { return pieces_.pending(); }

    bool pin(std::span<std::byte> memory) override {
        if (memory.empty()) return false;
        if (!table_tried_) {
            table_tried_ = true;
            table_ = ::io_uring_register_buffers_sparse(&ring_, kPinEntries) == 0;
            for (unsigned entry = kPinEntries; table_ && entry > 0; --entry)
                entries_free_.push_back(entry - 1);
        }
        if (!table_) return false;
        unpin(memory);  // once is enough
        const std::byte* const begin = memory.data();
        for (std::size_t at = 0; at < memory.size(); at += kPinBytesMax) {
            const auto part = memory.subspan(at, std::min(kPinBytesMax, memory.size() - at));
            if (!pin_part(part)) {
                unpin_range(begin, begin + at);
                return false;
            }
        }
        return true;
    }

    void unpin(std::span<std::byte> memory) override {
        unpin_range(memory.data(), memory.data() + memory.size());
    }

private:
    struct Pinned {
        std::size_t bytes;
        unsigned entry;
    };

    std::size_t in_ring() const { return slots_.size() - free_.size(); }

    // Every slot has at most one entry in the ring, which has room for them all.
    void feed() {
        while (!free_.empty()) {
            ReadPiece piece;
            if (!pieces_.next(piece)) return;
            if (broken_ != 0) {
                piece.error = broken_;
                pieces_.end(piece);
                continue;
            }
            const unsigned slot = free_.back();
            free_.pop_back();
            slots_[slot] = piece;
            prepare(slot);
        }
    }

    void prepare(unsigned slot) {
        const ReadPiece& piece = slots_[slot];
        io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
        assert(entry != nullptr);
        std::byte* to = piece.to + piece.done;
        const auto bytes = static_cast<unsigned>(piece.bytes - piece.done);
        const auto offset = static_cast<std::uint64_t>(piece.offset + piece.done);
        if (const int pinned = pinned_entry(to, bytes); pinned >= 0)
            ::io_uring_prep_read_fixed(entry, piece.descriptor, to, bytes, offset, pinned);
        else
            ::io_uring_prep_read(entry, piece.descriptor, to, bytes, offset);
        // Through the page cache the copy would be made by whoever submits or takes.
        if (!piece.direct) ::io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
        ::io_uring_sqe_set_data64(entry, slot);
        prepared_.push_back(slot);
    }

    // Hands the kernel what is prepared; waits for a completion when asked to and one can come.
    void enter(bool wait) {
        if (broken_ != 0) {  // what the kernel has still ends
            if (wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return;
        }
        if (prepared_.empty() && !wait) return;
        const int status = wait ? ::io_uring_submit_and_wait(&ring_, 1) : ::io_uring_submit(&ring_);
        if (status >= 0) {
            const auto given = std::min(static_cast<std::size_t>(status), prepared_.size());
            prepared_.erase(prepared_.begin(),
                            prepared_.begin() + static_cast<std::ptrdiff_t>(given));
        } else if (status == -EAGAIN || status == -EBUSY) {
            // The kernel is short of memory for requests. What it has will end; then there is more.
            if (wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        } else if (status != -EINTR) {
            broken_ = -status;
            fail_prepared();
        }
    }

    void reap() {
        io_uring_cqe* ended = nullptr;
        while (::io_uring_peek_cqe(&ring_, &ended) == 0) {
            const auto slot = static_cast<unsigned>(ended->user_data);
            const std::int64_t result = ended->res;
            ::io_uring_cqe_seen(&ring_, ended);
            if (!slots_[slot].advance(result)) {
                if (broken_ == 0) {
                    prepare(slot);
                    continue;
                }
                slots_[slot].error = broken_;
            }
            slots_[slot].forget();
            release(slot);
        }
    }

    // The ring takes nothing more, which no kernel does in the middle of a day; a filter for system
    // calls that was switched on late would. Requests then end with its reason.
    void fail_prepared() {
        for (const unsigned slot : prepared_) {
            slots_[slot].error = broken_;
            release(slot);
        }
        prepared_.clear();
    }

    void release(unsigned slot) {
        pieces_.end(slots_[slot]);
        free_.push_back(slot);
    }

    bool pin_part(std::span<std::byte> part) {
        if (entries_free_.empty()) return false;
        const unsigned entry = entries_free_.back();
        iovec where{.iov_base = part.data(), .iov_len = part.size()};
        __u64 tag = 0;
        if (::io_uring_register_buffers_update_tag(&ring_, entry, &where, &tag, 1) != 1)
            return false;
        entries_free_.pop_back();
        pinned_[part.data()] = {.bytes = part.size(), .entry = entry};
        return true;
    }

    void unpin_range(const std::byte* begin, const std::byte* end) {
        for (auto at = pinned_.lower_bound(begin); at != pinned_.end() && at->first < end;) {
            iovec nothing{};
            __u64 tag = 0;
            ::io_uring_register_buffers_update_tag(&ring_, at->second.entry, &nothing, &tag, 1);
            entries_free_.push_back(at->second.entry);
            at = pinned_.erase(at);
        }
    }

    // The entry that holds all of it, or -1.
    int pinned_entry(const std::byte* to, std::size_t bytes) const {
        auto after = pinned_.upper_bound(to);
        if (after == pinned_.begin()) return -1;
        --after;
        return to + bytes <= after->first + after->second.bytes
                   ? static_cast<int>(after->second.entry)
                   : -1;
    }

    io_uring ring_{};
    bool open_ = false;
    int broken_ = 0;  // errno that ended all use of the ring
    ReadPieces pieces_;
    std::vector<ReadPiece> slots_;
    std::vector<unsigned> free_;
    std::deque<unsigned> prepared_;  // in the ring, not yet in the kernel
    bool table_tried_ = false;
    bool table_ = false;
    std::vector<unsigned> entries_free_;
    std::map<const std::byte*, Pinned> pinned_;  // by address
};

}  // namespace

Result<std::unique_ptr<AsyncReader>> make_uring_reader(int depth, std::int64_t piece_bytes) {
    auto reader = std::make_unique<UringReader>(depth, piece_bytes);
    if (const int status = reader->start(); status < 0)
        return fail(ErrorCode::unsupported,
                    "io_uring does not work here ({}): this kernel, its setting "
                    "kernel.io_uring_disabled or a container forbids it; read with threads instead",
                    std::strerror(-status));
    return reader;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "base/read_pieces.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace starglass {
namespace {

constexpr std::int64_t kPageBytes = 4096;

std::int64_t round_up(std::int64_t value, std::int64_t step) {
    return (value + step - 1) / step * step;
}

// Some file systems answer a misaligned direct read through the page cache instead of refusing it,
// so that nobody would notice; the rule is therefore kept here.
int fault(const ReadFile& file, const ReadRequest& request) {
    if (request.offset < 0 || request.bytes < 0) return EINVAL;
    if (!file.direct()) return 0;
    const std::int64_t alignment = file.alignment();
    const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(request.to));
    return request.offset % alignment || request.bytes % alignment || address % alignment ? EINVAL
                                                                                          : 0;
}

}  // namespace

bool ReadPiece::advance(std::int64_t result) {
    if (result < 0) {
        const int reason = static_cast<int>(-result);
        // Cancelled: the thread that submitted has ended, and its unfinished work with it.
        if (reason == EINTR || reason == EAGAIN || reason == ECANCELED) return false;
        error = reason;
        return true;
    }
    if (result == 0) return true;  // the end of the file
    done += result;
    if (done >= bytes) return true;
    if (!direct || done % alignment == 0) return false;
    // A direct read stops off its alignment where the file ends, and cannot go on from there. When
    // the file goes on nevertheless, the last block is read again; without progress this is not a
    // disk one can read from.
    struct stat info {};
    if (::fstat(descriptor, &info) != 0) {
        error = errno;
        return true;
    }
    if (offset + done >= info.st_size) return true;
    const std::int64_t whole = done / alignment * alignment;
    if (whole <= done - result) {
        error = EIO;
        return true;
    }
    done = whole;
    return false;
}

void ReadPiece::forget() const {
    if (direct || done == 0) return;
    // Whole pages around it: the kernel keeps pages that are named in part.
    const std::int64_t begin = offset / kPageBytes * kPageBytes;
    ::posix_fadvise(descriptor, begin, round_up(offset + done, kPageBytes) - begin,
                    POSIX_FADV_DONTNEED);
}

void ReadPieces::add(const ReadFile& file, std::span<const ReadRequest> requests) {
    const Clock::time_point now = Clock::now();
    for (const ReadRequest& asked : requests) {
        if (const int error = fault(file, asked); error != 0 || asked.bytes == 0) {
            finished_.push_back({.tag = asked.tag, .error = error});
            continue;
        }
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(requests_.size());
            requests_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        // Pieces of equal size, so that none is a leftover that pays a whole seek for little.
        const std::int64_t count = (asked.bytes + piece_bytes_max_ - 1) / piece_bytes_max_;
        const std::int64_t step = round_up(kPageBytes, file.alignment());
        requests_[slot] = {.asked = asked,
                           .descriptor = file.descriptor(),
                           .direct = file.direct(),
                           .alignment = file.alignment(),
                           .piece_bytes = round_up((asked.bytes + count - 1) / count, step),
                           .came = asked.bytes,
                           .given = now};
        queue_.push_back(slot);
        ++open_;
    }
}

bool ReadPieces::next(ReadPiece& piece) {
    while (!queue_.empty()) {
        const std::uint32_t slot = queue_.front();
        Request& request = requests_[slot];
        if (request.error != 0) {  // not worth going on with
            queue_.pop_front();
            request.begun = request.asked.bytes;
            if (request.pieces == 0) finish(slot);
            continue;
        }
        piece = {.descriptor = request.descriptor,
                 .direct = request.direct,
                 .alignment = request.alignment,
                 .offset = request.asked.offset + request.begun,
                 .to = request.asked.to + request.begun,
                 .bytes = std::min(request.piece_bytes, request.asked.bytes - request.begun),
                 .request = slot};
        request.begun += piece.bytes;
        ++request.pieces;
        if (request.begun == request.asked.bytes) queue_.pop_front();
        return true;
    }
    return false;
}

void ReadPieces::end(const ReadPiece& piece) {
    Request& request = requests_[piece.request];
    if (piece.error != 0 && request.error == 0) request.error = piece.error;
    if (piece.done < piece.bytes)
        request.came = std::min(request.came, piece.offset - request.asked.offset + piece.done);
    --request.pieces;
    if (request.pieces == 0 && request.begun == request.asked.bytes) finish(piece.request);
}

void ReadPieces::finish(std::uint32_t slot) {
    const Request& request = requests_[slot];
    finished_.push_back(
        {.tag = request.asked.tag,
         .error = request.error,
         .bytes = request.came,
         .seconds = std::chrono::duration<double>(Clock::now() - request.given).count()});
    free_.push_back(slot);
    --open_;
}

std::size_t ReadPieces::take(std::span<ReadCompletion> completions) {
    const std::size_t count = std::min(completions.size(), finished_.size());
    for (std::size_t at = 0; at < count; ++at) {
        completions[at] = finished_.front();
        finished_.pop_front();
    }
    return count;
}

}  // namespace starglass

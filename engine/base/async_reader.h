// SPDX-License-Identifier: MIT
//
// Reading pieces of large files into memory the caller owns, many at a time, past the page cache
// where the file system lets one. Two implementations: io_uring and a set of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace starglass {

// A file to read from. Direct: bytes go past the page cache, offsets, lengths and addresses must be
// multiples of alignment(). Where the file system refuses that, reads go through the page cache,
// which is told to forget them (AsyncReader does so when a read has ended).
class ReadFile {
public:
    // Errors: not_found, io, invalid_input (not a regular file).
    static Result<ReadFile> open(const std::string& path, bool direct = true);
    ReadFile(ReadFile&& other) noexcept;
    ReadFile& operator=(ReadFile&& other) noexcept;
    ~ReadFile();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::int64_t size() const { return size_; }  // when it was opened
    [[nodiscard]] bool direct() const { return direct_; }
    [[nodiscard]] std::int64_t alignment() const { return alignment_; }  // 1 when not direct
    // One sentence when it is not what it was when it was opened: shorter, or written to. A file
    // put in its place by name is another file and does not matter.
    [[nodiscard]] Status unchanged() const;
    // Whether both were opened at the same size and time of writing, wherever they lie.
    [[nodiscard]] bool same_content(const ReadFile& other) const {
        return size_ == other.size_ && modified_ns_ == other.modified_ns_;
    }

private:
    ReadFile() = default;
    int descriptor_ = -1;
    std::int64_t size_ = 0;
    std::int64_t modified_ns_ = 0;
    bool direct_ = false;
    std::int64_t alignment_ = 1;
    std::string path_;
};

struct ReadRequest {
    std::int64_t offset = 0;
    std::byte* to = nullptr;
    std::int64_t bytes = 0;  // may reach beyond the end of the file by less than the alignment
    std::uint64_t tag = 0;   // comes back with the completion
};

struct ReadCompletion {
    std::uint64_t tag = 0;
    int error = 0;           // errno; 0 when it worked
    std::int64_t bytes = 0;  // that came; fewer than asked for only where the file ends
    double seconds = 0;      // from its submission to its end, as far as the reader has looked: a
                             // ring is looked at when somebody takes
};

// One thread at a time. A file must stay open until the last completion of it was taken; whoever
// closes its descriptor sooner gets EBADF.
class AsyncReader {
public:
    virtual ~AsyncReader() = default;  // waits for what is under way

    [[nodiscard]] virtual std::string name() const = 0;  // "io_uring" or "4 threads"
    // Reads begin in the order they are given, as many at a time as pays; the call never waits for
    // the disk. `to` must stay until its completion was taken. Long requests are cut into pieces
    // that are read side by side; a request completes once.
    virtual void submit(const ReadFile& file, std::span<const ReadRequest> requests) = 0;
    // Takes up to completions.size() of them; waits for one when `wait` and any is under way.
    virtual std::size_t take(std::span<ReadCompletion> completions, bool wait) = 0;
    [[nodiscard]] virtual std::size_t pending() const = 0;  // submitted and not taken
    // Memory that most requests will go to, pinned where the system allows it; false: not pinned,
    // and reads work all the same. Pinning makes all of it resident, which takes as long as filling
    // it with zeros.
    virtual bool pin(std::span<std::byte> memory) = 0;
    virtual void unpin(std::span<std::byte> memory) = 0;
};

// `kind`: "io_uring", "threads" or empty for the first that works here. Errors: unsupported (what
// was asked for does not work on this machine).
Result<std::unique_ptr<AsyncReader>> make_async_reader(std::string_view kind);

}  // namespace starglass

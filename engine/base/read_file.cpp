// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/async_reader.h"

namespace starglass {
namespace {

// Where nothing better is known: no disk has larger sectors, and pages are this large.
constexpr std::int64_t kAlignmentUnknown = 4096;
constexpr std::int64_t kAlignmentMax = 1 << 20;

std::int64_t modified_ns(const struct stat& info) {
    return std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// Files that live in memory anyway. Newer kernels let one open them "directly", which only asks for
// alignment and gains nothing.
bool in_memory(int descriptor) {
    constexpr std::int64_t kTmpfs = 0x01021994;
    constexpr std::int64_t kRamfs = 0x858458f6;
    struct statfs info {};
    return ::fstatfs(descriptor, &info) == 0 &&
           (static_cast<std::uint32_t>(info.f_type) == kTmpfs ||
            static_cast<std::uint32_t>(info.f_type) == kRamfs);
}

// What direct reads of this file must be multiples of; 0 when there are none.
std::int64_t direct_alignment(int descriptor) {
#ifdef STATX_DIOALIGN
    struct statx info {};
    if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) == 0 &&
        (info.stx_mask & STATX_DIOALIGN) != 0) {
        if (info.stx_dio_mem_align == 0 || info.stx_dio_offset_align == 0) return 0;
        const std::int64_t alignment = std::max(info.stx_dio_mem_align, info.stx_dio_offset_align);
        return alignment <= kAlignmentMax && (alignment & (alignment - 1)) == 0 ? alignment : 0;
    }
#endif
    return kAlignmentUnknown;
}

// Some file systems open a file directly and refuse at the first read.
bool reads_directly(int descriptor, std::int64_t alignment) {
    const std::int64_t bytes = std::max(alignment, kAlignmentUnknown);
    const std::unique_ptr<void, decltype(&std::free)> block(
        std::aligned_alloc(static_cast<std::size_t>(bytes), static_cast<std::size_t>(bytes)),
        &std::free);
    ssize_t got = -1;
    do {
        got = ::pread(descriptor, block.get(), static_cast<std::size_t>(alignment), 0);
    } while (got < 0 && errno == EINTR);
    return got >= 0;
}

}  // namespace

Result<ReadFile> ReadFile::open(const std::string& path, bool direct) {
    // O_NONBLOCK: a pipe must not make us wait for its writer. Regular files do not know it.
    constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    ReadFile file;
    file.path_ = path;
    file.descriptor_ = ::open(path.c_str(), kFlags);
    if (file.descriptor_ < 0) {
        const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io;
        return fail(code, "cannot open '{}': {}", path, std::strerror(errno));
    }
    struct stat info {};
    if (::fstat(file.descriptor_, &info) != 0)
        return fail(ErrorCode::io, "cannot read the size of '{}': {}", path, std::strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorCode::invalid_input, "'{}' is not a regular file", path);
    file.size_ = info.st_size;
    file.modified_ns_ = modified_ns(info);

    if (direct && !in_memory(file.descriptor_)) {
        // The same file with another flag, whatever has happened to its name since.
        const std::string again = fmt::format("/proc/self/fd/{}", file.descriptor_);
        int descriptor = ::open(again.c_str(), kFlags | O_DIRECT);
        if (descriptor < 0 && ::fcntl(file.descriptor_, F_SETFL, O_DIRECT) == 0)  // no /proc
            descriptor = std::exchange(file.descriptor_, -1);
        if (descriptor >= 0) {
            const std::int64_t alignment = direct_alignment(descriptor);
            if (alignment > 0 && reads_directly(descriptor, alignment)) {
                if (file.descriptor_ >= 0) ::close(file.descriptor_);
                file.descriptor_ = descriptor;
                file.direct_ = true;
                file.alignment_ = alignment;
                return file;
            }
            if (file.descriptor_ >= 0) {
                ::close(descriptor);
            } else {
                file.descriptor_ = descriptor;
                ::fcntl(descriptor, F_SETFL, 0);
            }
        }
    }
    // Nothing is read ahead: what comes next in the file is not what is wanted next.
    ::posix_fadvise(file.descriptor_, 0, 0, POSIX_FADV_RANDOM);
    return file;
}

Status ReadFile::unchanged() const {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0)
        return fail(ErrorCode::io, "cannot look at '{}' any more: {}; was its disk removed?", path_,
                    std::strerror(errno));
    if (info.st_size < size_)
        return fail(ErrorCode::io,
                    "'{}' has shrunk from {} to {} bytes while it was in use; put the whole file "
                    "back and open it again",
                    path_, size_, std::int64_t{info.st_size});
    if (info.st_size != size_ || modified_ns(info) != modified_ns_)
        return fail(ErrorCode::io, "'{}' was written to while it was in use; open it again", path_);
    return {};
}

ReadFile::ReadFile(ReadFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      modified_ns_(other.modified_ns_),
      direct_(other.direct_),
      alignment_(other.alignment_),
      path_(std::move(other.path_)) {
}

ReadFile& ReadFile::operator=(ReadFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(size_, other.size_);
    std::swap(modified_ns_, other.modified_ns_);
    std::swap(direct_, other.direct_);
    std::swap(alignment_, other.alignment_);
    std::swap(path_, other.path_);
    return *this;
}

ReadFile::~ReadFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace starglass {

Result<MappedFile> MappedFile::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io;
        return fail(code, "cannot open '{}': {}", path, std::strerror(errno));
    }
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
        const int reason = errno;
        ::close(fd);
        return fail(ErrorCode::io, "cannot read the size of '{}': {}", path, std::strerror(reason));
    }
    if (!S_ISREG(info.st_mode)) {
        ::close(fd);
        return fail(ErrorCode::invalid_input, "'{}' is not a regular file", path);
    }
    if (info.st_size == 0) {
        ::close(fd);
        return fail(ErrorCode::invalid_input, "'{}' is empty", path);
    }
    const auto size = static_cast<std::size_t>(info.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    const int reason = errno;
    ::close(fd);
    if (data == MAP_FAILED)
        return fail(ErrorCode::io, "cannot map '{}' ({} bytes): {}", path, size,
                    std::strerror(reason));
    MappedFile file;
    file.data_ = static_cast<const std::byte*>(data);
    file.size_ = size;
    file.path_ = path;
    return file;
}

void MappedFile::expect_random() {
    if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_RANDOM);
}

void MappedFile::forget() {
    if (data_ == nullptr) return;
    ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      path_(std::move(other.path_)) {
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(path_, other.path_);
    return *this;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace starglass

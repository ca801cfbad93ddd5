// SPDX-License-Identifier: MIT
#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace starglass {
namespace {

std::string reason(int error) {
    return std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
}

ErrorCode code_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return ErrorCode::disk_full;
        case ENOENT:
        case ENOTDIR:
            return ErrorCode::not_found;
        default:
            return ErrorCode::io;
    }
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { close(); }
    [[nodiscard]] int get() const { return fd_; }
    int close() {
        if (fd_ < 0) return 0;
        return ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

class DiskFile final : public WritableFile {
public:
    DiskFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Status write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const ssize_t done = ::write(fd_.get(), bytes.data(), bytes.size());
            if (done < 0) {
                if (errno == EINTR) continue;
                return fail(code_of(errno), "cannot write '{}': {}", path_, reason(errno));
            }
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
        return {};
    }
    Status sync() override {
        if (::fdatasync(fd_.get()) != 0)
            return fail(code_of(errno), "cannot bring '{}' to the disk: {}", path_, reason(errno));
        return {};
    }
    Status close() override {
        // Some file systems tell only here that there was no room.
        if (fd_.close() != 0)
            return fail(code_of(errno), "cannot write '{}': {}", path_, reason(errno));
        return {};
    }

private:
    Descriptor fd_;
    std::string path_;
};

class DiskLock final : public FileLock {
public:
    explicit DiskLock(Descriptor fd) : fd_(std::move(fd)) {}

private:
    Descriptor fd_;
};

class Disk final : public FileSystem {
public:
    Status make_directory(const std::string& path) override {
        for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
            const std::string part = path.substr(0, at);
            if (!part.empty() && ::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST &&
                at == std::string::npos)
                return fail(ErrorCode::io, "cannot make the folder '{}': {}", part, reason(errno));
            if (at == std::string::npos) break;
        }
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
            return fail(ErrorCode::io, "'{}' is not a folder", path);
        return {};
    }

    Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
        DIR* open = ::opendir(directory.c_str());
        if (open == nullptr)
            return fail(code_of(errno), "cannot look into '{}': {}", directory, reason(errno));
        std::vector<DirectoryEntry> out;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): each call has a stream of its own
        while (const dirent* entry = ::readdir(open)) {
            struct stat info {};
            if (::fstatat(::dirfd(open), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
                !S_ISREG(info.st_mode))
                continue;
            out.push_back({entry->d_name, info.st_size,
                           info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec});
        }
        ::closedir(open);
        return out;
    }

    Result<std::int64_t> size(const std::string& path) override {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0)
            return fail(code_of(errno), "cannot find '{}': {}", path, reason(errno));
        return info.st_size;
    }

    Result<std::vector<std::byte>> read(const std::string& path, std::int64_t offset,
                                        std::int64_t length) override {
        const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (fd.get() < 0) return fail(code_of(errno), "cannot open '{}': {}", path, reason(errno));
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
            return fail(ErrorCode::io, "'{}' is not a file", path);
        const std::int64_t there = std::max<std::int64_t>(0, info.st_size - offset);
        std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(length, there)));
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t got = ::pread(fd.get(), bytes.data() + done, bytes.size() - done,
                                        offset + static_cast<off_t>(done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail(ErrorCode::io, "cannot read '{}': {}", path, reason(errno));
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        bytes.resize(done);
        return bytes;
    }

    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
        Descriptor fd(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (fd.get() < 0) return fail(code_of(errno), "cannot write '{}': {}", path, reason(errno));
        return std::make_unique<DiskFile>(std::move(fd), path);
    }

    Status rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0)
            return fail(code_of(errno), "cannot rename '{}' to '{}': {}", from, to, reason(errno));
        return {};
    }

    Status remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0)
            return fail(code_of(errno), "cannot remove '{}': {}", path, reason(errno));
        return {};
    }

    Status sync_directory(const std::string& directory) override {
        const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd.get() < 0 || ::fsync(fd.get()) != 0)
            return fail(code_of(errno), "cannot bring '{}' to the disk: {}", directory,
                        reason(errno));
        return {};
    }

    Result<std::int64_t> free_bytes(const std::string& directory) override {
        struct statvfs info {};
        if (::statvfs(directory.c_str(), &info) != 0)
            return fail(code_of(errno), "cannot ask how full the disk of '{}' is: {}", directory,
                        reason(errno));
        return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
    }

    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
        Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (fd.get() < 0) return fail(code_of(errno), "cannot open '{}': {}", path, reason(errno));
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
            return fail(ErrorCode::io, "cannot lock '{}': {}", path, reason(errno));
        }
        return std::make_unique<DiskLock>(std::move(fd));
    }
};

}  // namespace

FileSystem& FileSystem::disk() {
    static Disk disk;
    return disk;
}

Status write_durably(FileSystem& files, const std::string& path,
                     std::span<const std::span<const std::byte>> parts) {
    const std::string temporary = path + std::string(kTemporarySuffix);
    const auto write = [&]() -> Status {
        TRY(const std::unique_ptr<WritableFile> file, files.create(temporary));
        for (const std::span<const std::byte> part : parts) TRY_STATUS(file->write(part));
        TRY_STATUS(file->sync());
        TRY_STATUS(file->close());
        return files.rename(temporary, path);
    };
    Status status = write();
    if (!status) (void)files.remove(temporary);  // as far as that is possible
    return status;
}

}  // namespace starglass

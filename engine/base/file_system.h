// SPDX-License-Identifier: MIT
//
// The few things a store of files asks of an operating system, as an interface: tests put a disk
// there that is full, that lies, or that stops at a chosen moment. Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace starglass {

struct DirectoryEntry {
    std::string name;
    std::int64_t bytes = 0;
    std::int64_t modified_ns = 0;  // since the epoch
};

// Errors: disk_full, io.
class WritableFile {
public:
    virtual ~WritableFile() = default;  // closes
    virtual Status write(std::span<const std::byte> bytes) = 0;
    virtual Status sync() = 0;  // on the medium, not in a cache, when it returns
    virtual Status close() = 0;
};

// Held as long as the object lives; gone with the process, however it ends.
class FileLock {
public:
    virtual ~FileLock() = default;
};

class FileSystem {
public:
    virtual ~FileSystem() = default;

    // With its parents, for this user only. Not an error when it is there already.
    virtual Status make_directory(const std::string& path) = 0;
    // Regular files only, in no order.
    virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
    virtual Result<std::int64_t> size(const std::string& path) = 0;
    // Up to `length` bytes from `offset`; fewer where the file ends. Errors: not_found, io.
    virtual Result<std::vector<std::byte>> read(const std::string& path, std::int64_t offset,
                                                std::int64_t length) = 0;
    // A new file for this user only; a file of that name is replaced.
    virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
    virtual Status rename(const std::string& from, const std::string& to) = 0;
    virtual Status remove(const std::string& path) = 0;
    virtual Status sync_directory(const std::string& directory) = 0;
    virtual Result<std::int64_t> free_bytes(const std::string& directory) = 0;
    // Null when another process (or another part of this one) holds it.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

    static FileSystem& disk();
};

// "path.tmp", written, synced and renamed over `path`; the directory is synced by the caller, who
// may have more to rename. Nothing is left behind on failure. `parts` follow each other.
Status write_durably(FileSystem& files, const std::string& path,
                     std::span<const std::span<const std::byte>> parts);

// The name write_durably gives to what is not finished.
inline constexpr std::string_view kTemporarySuffix = ".tmp";

}  // namespace starglass

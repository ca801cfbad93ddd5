// SPDX-License-Identifier: MIT
//
// A disk in memory, for tests that open thousands of stores. Nothing on it survives it; sync does
// nothing. Errors are those of the real one.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace starglass::test {

class MemoryFileSystem : public FileSystem {
public:
    using Bytes = std::vector<std::byte>;

    void put(const std::string& path, Bytes bytes) {
        const std::lock_guard guard(mutex_);
        files_[path] = {std::move(bytes), ++clock_};
    }
    [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> all() const {
        const std::lock_guard guard(mutex_);
        std::vector<std::pair<std::string, std::int64_t>> out;
        for (const auto& [path, file] : files_)
            out.emplace_back(path, static_cast<std::int64_t>(file.bytes.size()));
        return out;
    }

    Status make_directory(const std::string& path) override {
        const std::lock_guard guard(mutex_);
        directories_.insert(path);
        return {};
    }
    Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
        const std::lock_guard guard(mutex_);
        if (!directories_.contains(directory)) return missing(directory);
        const std::string prefix = directory + "/";
        std::vector<DirectoryEntry> out;
        for (auto at = files_.lower_bound(prefix);
             at != files_.end() && at->first.starts_with(prefix); ++at)
            if (at->first.find('/', prefix.size()) == std::string::npos)
                out.push_back({at->first.substr(prefix.size()),
                               static_cast<std::int64_t>(at->second.bytes.size()),
                               at->second.modified_ns});
        return out;
    }
    Result<std::int64_t> size(const std::string& path) override {
        const std::lock_guard guard(mutex_);
        const auto found = files_.find(path);
        if (found == files_.end()) return missing(path);
        return static_cast<std::int64_t>(found->second.bytes.size());
    }
    Result<Bytes> read(const std::string& path, std::int64_t offset, std::int64_t length) override {
        const std::lock_guard guard(mutex_);
        const auto found = files_.find(path);
        if (found == files_.end()) return missing(path);
        const Bytes& bytes = found->second.bytes;
        const auto from = std::min(static_cast<std::size_t>(offset), bytes.size());
        const auto count = std::min(static_cast<std::size_t>(length), bytes.size() - from);
        const auto start = bytes.begin() + static_cast<std::ptrdiff_t>(from);
        return Bytes(start, start + static_cast<std::ptrdiff_t>(count));
    }
    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
        put(path, {});
        return std::make_unique<File>(*this, path);
    }
    Status rename(const std::string& from, const std::string& to) override {
        const std::lock_guard guard(mutex_);
        auto node = files_.extract(from);
        if (node.empty()) return missing(from);
        files_.erase(to);
        node.key() = to;
        files_.insert(std::move(node));
        return {};
    }
    Status remove(const std::string& path) override {
        const std::lock_guard guard(mutex_);
        if (files_.erase(path) == 0) return missing(path);
        return {};
    }
    Status sync_directory(const std::string&) override { return {}; }
    Result<std::int64_t> free_bytes(const std::string&) override { return std::int64_t{1} << 40; }
    Result<std::unique_ptr<FileLock>> lock(const std::string&) override {
        return std::make_unique<FileLock>();
    }

private:
    struct Entry {
        Bytes bytes;
        std::int64_t modified_ns = 0;
    };
    class File final : public WritableFile {
    public:
        File(MemoryFileSystem& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
        Status write(std::span<const std::byte> bytes) override {
            const std::lock_guard guard(disk_.mutex_);
            Bytes& to = disk_.files_[path_].bytes;
            to.insert(to.end(), bytes.begin(), bytes.end());
            return {};
        }
        Status sync() override { return {}; }
        Status close() override { return {}; }

    private:
        MemoryFileSystem& disk_;
        std::string path_;
    };
    static tl::unexpected<Error> missing(const std::string& path) {
        return fail(ErrorCode::not_found, "cannot open '{}': no such file", path);
    }

    mutable std::mutex mutex_;
    std::map<std::string, Entry> files_;
    std::set<std::string> directories_;
    std::int64_t clock_ = 0;
};

}  // namespace starglass::test

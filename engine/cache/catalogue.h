// SPDX-License-Identifier: MIT
//
// What is in a cache directory, in memory: every checkpoint's header and use, every segment's size
// and how many checkpoints need it; who descends from whom, what each is worth, who goes first.
// Knows no files; the index file is only its memory of headers and use. Not thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cache/checkpoint_file.h"
#include "engine/kv_cache.h"

namespace starglass {

struct CheckpointUse {
    int hits = 0;
    std::int64_t last_used_unix = 0;
    double load_seconds = -1;
};

struct CheckpointEntry {
    std::string id;
    CheckpointHeader header;
    std::int64_t file_bytes = 0;
    std::int64_t modified_ns = 0;
    CheckpointUse use;
    bool pinned = false;
    bool owned = false;
    bool writing = false;  // its file is not there yet; only counted, so that it is not in the way
    [[nodiscard]] bool guarded() const { return pinned || owned || writing; }
};

class Catalogue {
public:
    void add_segment(const ChainId& id, std::int64_t bytes);
    void remove_segment(const ChainId& id);
    [[nodiscard]] bool has_segment(const ChainId& id) const;
    [[nodiscard]] int segments() const { return present_; }
    [[nodiscard]] std::vector<ChainId> unneeded_segments() const;
    // Only for a segment that no checkpoint needs any more.
    [[nodiscard]] bool needed(const ChainId& id) const;

    // Replaces an entry of the same id.
    void add(CheckpointEntry entry);
    void remove(const std::string& id);
    [[nodiscard]] CheckpointEntry* find(const std::string& id);
    [[nodiscard]] const CheckpointEntry* find(const std::string& id) const;
    [[nodiscard]] const std::map<std::string, CheckpointEntry>& entries() const { return entries_; }
    // All its segments are here.
    [[nodiscard]] bool complete(const CheckpointEntry& entry) const;

    [[nodiscard]] std::int64_t bytes() const { return segment_bytes_ + checkpoint_bytes_; }
    // What pinned and owned checkpoints need.
    [[nodiscard]] std::int64_t guarded_bytes() const;
    [[nodiscard]] std::int64_t shared_bytes(const CheckpointEntry& entry) const;
    [[nodiscard]] std::int64_t freed_bytes(const CheckpointEntry& entry) const;

    // The nearest checkpoint here whose tokens `entry`'s begin with; null for none.
    [[nodiscard]] const CheckpointEntry* parent(const CheckpointEntry& entry) const;
    // Seconds it would save next time, over what its parent saves, times the chance that there is a
    // next time, per byte that removing it frees. See eviction in docs/kv_file.md.
    [[nodiscard]] double value(const CheckpointEntry& entry, std::int64_t now_unix) const;
    // Lowest value first; pinned and owned ones are not in it.
    [[nodiscard]] std::vector<const CheckpointEntry*> eviction_order(std::int64_t now_unix) const;
    [[nodiscard]] std::vector<CheckpointInfo> describe(std::int64_t now_unix) const;

    // The index file. A damaged one is an error and simply not used.
    [[nodiscard]] std::vector<std::byte> write_index() const;
    static Result<std::vector<CheckpointEntry>> read_index(std::span<const std::byte> bytes);

private:
    struct Segment {
        std::int64_t bytes = -1;  // -1: needed, but not here
        int needed_by = 0;
    };
    struct HashId {
        std::size_t operator()(const ChainId& id) const;
    };
    void count(const CheckpointEntry& entry, int step);

    std::map<std::string, CheckpointEntry> entries_;
    std::unordered_map<ChainId, Segment, HashId> segments_;
    // Checkpoints that end with a whole segment, by that segment: where others can hang on.
    std::unordered_map<ChainId, std::string, HashId> ends_;
    std::int64_t segment_bytes_ = 0;
    std::int64_t checkpoint_bytes_ = 0;
    int present_ = 0;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// The KvCache on disk. One directory:
//
//   lock                     held by the one process that writes
//   index                    headers and use of all checkpoints; made again from the files
//   segments/<hash>.seg      shared rows, written once
//   checkpoints/<id>.ckpt    frontiers; <id>.pin and <id>.own are marks
//   aside/                   damaged files
//
// Saving: the caller's thread works out the id and hands over shared, immutable rows; one I/O
// thread writes segments, then the checkpoint, each under a temporary name, synced and renamed.
// A crash between two of these steps leaves segments nobody needs yet, never a checkpoint without
// its segments.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file_system.h"
#include "cache/catalogue.h"
#include "cache/checkpoint_io.h"
#include "engine/kv_cache.h"

namespace starglass {

// Where the I/O thread leaves states it is done with, so that the pages they share with a live
// timeline are released on the timeline's own thread.
class SpentStates {
public:
    void put(CheckpointState state) {
        const std::lock_guard lock(mutex_);
        states_.push_back(std::move(state));
    }
    void release() {
        std::vector<CheckpointState> mine;
        const std::lock_guard lock(mutex_);
        mine.swap(states_);
    }

private:
    std::mutex mutex_;
    std::vector<CheckpointState> states_;
};

std::int64_t now_unix();

struct SaveJob {
    std::shared_ptr<const ModelStateShape> shape;
    CheckpointState state;
    CheckpointMeta meta;
    std::vector<ChainId> chain;          // links of whole segments that are known already
    std::shared_ptr<SpentStates> spent;  // may be empty
    bool requested = false;              // somebody asked: the minimum length does not apply
};

struct LoadedCheckpoint {
    CheckpointState state;
    std::vector<ChainId> chain;
    std::vector<std::uint32_t> producers;  // of its segments and of the rest, each once
    double evaluate_seconds = 0;
    double seconds = 0;  // measured
    std::int64_t bytes = 0;
};

// A checkpoint whose text a prompt begins with.
struct CheckpointMatch {
    std::string id;
    std::int64_t tokens = 0;
    std::int64_t text_bytes = 0;
    bool has_logits = false;
    std::uint32_t producer = 0;
    double evaluate_seconds = 0;
    double load_seconds = 0;
    bool load_measured = false;
};

class KvStore final : public KvCache, public CheckpointIo {
public:
    static Result<std::shared_ptr<KvStore>> open(const KvCacheOptions& options, FileSystem& files);
    ~KvStore() override;

    // --- for sessions ---
    // Gives the id at once; writing happens later and is told to the listener. An error means that
    // nothing will be written: disk_full or io while paused or read-only, invalid_input when too
    // short.
    Result<std::string> enqueue(SaveJob job);
    // Longest text first. A cache opened for reading looks at the directory again.
    [[nodiscard]] std::vector<CheckpointMatch> match(const std::string& fingerprint,
                                                     std::string_view text);
    // Errors: not_found, unsupported (another model or context), invalid_input (damaged; the
    // damaged file has been set aside and told to the listener).
    Result<LoadedCheckpoint> load(const std::string& id, const ModelStateShape& shape);
    // A load that served a request: counts as a hit.
    void used(const std::string& id, const LoadedCheckpoint& loaded);
    void missed();
    // Of a model's checkpoints, the one whose text shares most with `text`.
    [[nodiscard]] std::optional<PrefixReport> nearest(const std::string& fingerprint,
                                                      std::string_view text);

    // --- KvCache ---
    [[nodiscard]] const KvCacheOptions& options() const override { return options_; }
    [[nodiscard]] std::vector<CheckpointInfo> list() const override;
    [[nodiscard]] std::optional<CheckpointInfo> info(const std::string& id) const override;
    [[nodiscard]] CacheStats stats() const override;
    [[nodiscard]] CacheRate rate() const override;
    Result<std::string> text(const std::string& id) override;
    Result<std::vector<TokenAlternative>> next_tokens(const std::string& id) override;
    Result<std::vector<ToolBlock>> tool_blocks(const std::string& id) override;
    Status pin(const std::string& id, bool pinned) override;
    Status own(const std::string& id, bool owned) override;
    Status remove(const std::string& id) override;
    Result<std::int64_t> set_budget(std::int64_t bytes) override;
    Result<std::int64_t> collect_garbage() override;
    Result<std::vector<CacheProblem>> verify(const std::string& id,
                                             const CancelToken& cancel) override;
    Status export_bundle(const std::string& id, const std::string& path) override;
    Result<std::string> import_bundle(const std::string& path) override;
    void flush() override;
    void set_listener(CacheListener listener) override;

    // --- CheckpointIo ---
    Result<std::string> put(const ModelStateShape& shape, CheckpointState state,
                            const CheckpointMeta& meta) override;
    Result<CheckpointState> get(const std::string& id, const ModelStateShape& shape) override;

private:
    struct Pending {
        std::string id;
        CheckpointHeader header;
        SaveJob job;
    };

    KvStore(const KvCacheOptions& options, FileSystem& files);
    Status scan();
    void refresh_if_reading();
    Result<CheckpointHeader> read_header(const std::string& path, std::int64_t file_bytes);
    // Header of a job; fills in what can be known before writing.
    Result<Pending> prepare(SaveJob job) const;
    Status check_writable();
    void work();
    Status write(Pending& pending);
    Status write_files(Pending& pending, std::int64_t& bytes_written);
    // Makes room for `bytes` more within budget and disk. Errors: disk_full.
    Status make_room(std::int64_t bytes, const std::string& keep);
    std::int64_t evict_to(std::int64_t bytes_max, const std::string& keep);
    Status remove_entry(const std::string& id);
    std::int64_t remove_unneeded(const std::vector<ChainId>& candidates);
    std::int64_t remove_orphans();
    void set_aside(const std::string& folder, const std::string& name, const std::string& why);
    void set_paused(const std::string& why);
    void save_index();
    Status mark(const std::string& id, const char* suffix, bool on);
    // Listeners may come back to the cache, so they hear of nothing while it holds a lock: events
    // wait until whoever changes files is done.
    void post(CacheEvent event);
    void deliver();
    void tell(CacheEvent event);
    class ChangeFiles {
    public:
        explicit ChangeFiles(KvStore& store) : store_(store), lock_(store.io_mutex_) {}
        ~ChangeFiles() {
            lock_.unlock();
            store_.deliver();
        }
        ChangeFiles(const ChangeFiles&) = delete;
        ChangeFiles& operator=(const ChangeFiles&) = delete;

    private:
        KvStore& store_;
        std::unique_lock<std::mutex> lock_;
    };
    // The file that a load found unusable: a segment, or the checkpoint itself.
    struct Damage {
        std::optional<ChainId> segment;
        std::string why;
    };
    Result<LoadedCheckpoint> read_state(const std::string& id, const ModelStateShape& shape,
                                        std::optional<Damage>& damage);

    [[nodiscard]] std::string segment_path(const ChainId& id) const;
    [[nodiscard]] std::string checkpoint_path(const std::string& id) const;
    struct ReadFile {
        CheckpointHeader header;
        std::vector<std::byte> bytes;
    };
    Result<ReadFile> read_checkpoint(const std::string& id);
    Result<SegmentText> read_segment_text(const ChainId& id);

    KvCacheOptions options_;
    FileSystem& files_;
    std::string segments_dir_, checkpoints_dir_, aside_dir_;
    std::unique_ptr<FileLock> lock_;

    // Order: io_mutex_ before mutex_. io_mutex_ is held by whoever changes files.
    std::mutex io_mutex_;
    mutable std::mutex mutex_;
    Catalogue catalogue_;
    CacheStats stats_;
    std::shared_ptr<const CacheListener> listener_;
    std::vector<CacheEvent> unheard_;
    bool index_stale_ = false;

    std::deque<Pending> queue_;
    bool busy_ = false;
    bool stop_ = false;
    std::condition_variable wake_, idle_;
    std::thread thread_;
};

}  // namespace starglass

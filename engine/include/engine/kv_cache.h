// SPDX-License-Identifier: MIT
//
// The disk KV cache: checkpoints of timelines that a session can resume from instead of
// evaluating their tokens again. docs/kv_file.md draws the files.
//
// A checkpoint is a list of shared segments (rows that never change) plus a small frontier. A
// KvCache knows the checkpoints of every model in its directory; a session only ever loads those
// of its own. All members are safe from any thread. list(), stats(), info() and rate() answer
// from memory; everything else reads or writes files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/chat.h"
#include "engine/result.h"
#include "engine/session.h"

namespace starglass {

class Engine;

struct CheckpointInfo {
    std::string id;      // names the file; opaque
    std::string parent;  // nearest checkpoint here whose tokens ours begin with, or empty
    std::string model_fingerprint;  // ModelInfo::fingerprint of the only model that can load it
    std::string model_name;
    std::string text_sha1;  // hex, of the rendered bytes
    std::int64_t tokens = 0;
    std::int64_t text_bytes = 0;
    std::int64_t own_bytes = 0;     // its file
    std::int64_t shared_bytes = 0;  // the segments it needs, whoever else needs them too
    std::int64_t freed_bytes = 0;   // what removing it alone would free
    SaveReason reason = SaveReason::unknown;
    std::int64_t created_unix = 0;
    std::int64_t last_used_unix = 0;
    int hits = 0;
    bool pinned = false;
    bool owned = false;           // a saved session resumes here
    double evaluate_seconds = 0;  // measured: what evaluating its tokens took when that was done
    double load_seconds = -1;     // measured when it was last loaded; -1: never loaded
    std::string preview;          // the end of its text, whole characters, at most 160 bytes
    // Eviction: seconds saved x chance of use / bytes freed. `evict_rank` 0 goes first; -1 is
    // never evicted (pinned or owned).
    double value = 0;
    int evict_rank = -1;
    std::string trouble{};  // why it cannot be loaded, one sentence; empty when it can
};

struct CacheStats {
    std::string directory;
    std::int64_t bytes = 0;  // every file, shared segments once
    std::int64_t budget_bytes = 0;
    std::int64_t protected_bytes = 0;  // needed by pinned and owned checkpoints
    std::int64_t disk_free_bytes = -1;
    int checkpoints = 0;
    int segments = 0;
    int set_aside = 0;  // damaged files, kept apart for a look
    // Since this process opened the cache, all measured.
    std::int64_t bytes_written = 0;
    std::int64_t bytes_read = 0;
    double write_seconds = 0;
    double read_seconds = 0;
    int lookups = 0;
    int hits = 0;
    std::int64_t tokens_saved = 0;
    double seconds_saved = 0;  // evaluate_seconds of what was loaded, less the loading
    int pending_saves = 0;
    bool read_only = false;      // another process writes here, or the directory cannot be written
    bool paused = false;         // disk full or budget taken by what must stay: nothing is saved
    std::string pause_reason{};  // one sentence, also for read_only; empty when all is well
};

struct CacheEvent {
    enum class Kind {
        saved,
        skipped,  // not worth or not possible to write; `message` says why
        failed,   // `message` is a sentence
        loaded,
        set_aside,  // a damaged file was moved away; `message` says which and why
        evicted,
        changed,  // pins, budget, removal: look again
    };
    Kind kind = Kind::changed;
    std::string checkpoint{};
    SaveReason reason = SaveReason::unknown;
    std::int64_t tokens = 0;
    std::int64_t bytes = 0;  // written, read or freed
    double seconds = 0;
    std::string message{};
};
// Called on whatever thread it happened on, never while the cache holds a lock.
using CacheListener = std::function<void(const CacheEvent&)>;

struct CacheProblem {
    std::string file;     // relative to the directory
    std::string message;  // one sentence
};

struct KvCacheOptions {
    std::string directory;
    std::int64_t budget_bytes = std::int64_t{32} << 30;
    int interval_tokens = 2048;  // SaveReason::continued; 0: off
    int min_tokens = 64;         // nothing shorter is written, except on request
    bool read_only = false;
};

// Something a tool call's id stands for (protocol section 5): carried along, used by the server.
struct ToolBlock {
    std::string id;
    std::string block;
};

// How fast the cache has been so far; nothing is assumed before something was measured.
struct CacheRate {
    double read_bytes_per_second = 0;  // 0: not measured yet
    double write_bytes_per_second = 0;
};

class KvCache {
public:
    virtual ~KvCache() = default;

    [[nodiscard]] virtual const KvCacheOptions& options() const = 0;
    // Newest use first.
    [[nodiscard]] virtual std::vector<CheckpointInfo> list() const = 0;
    [[nodiscard]] virtual std::optional<CheckpointInfo> info(const std::string& id) const = 0;
    [[nodiscard]] virtual CacheStats stats() const = 0;
    [[nodiscard]] virtual CacheRate rate() const = 0;

    // The rendered text a checkpoint stands for. Errors: not_found, invalid_input (damaged).
    virtual Result<std::string> text(const std::string& id) = 0;
    // What the model was about to write there, most probable first; at most 32, without any
    // model loaded. Empty when the checkpoint holds no logits.
    virtual Result<std::vector<TokenAlternative>> next_tokens(const std::string& id) = 0;
    virtual Result<std::vector<ToolBlock>> tool_blocks(const std::string& id) = 0;

    virtual Status pin(const std::string& id, bool pinned) = 0;
    // Checkpoints of saved sessions are data, not cache: never evicted.
    virtual Status own(const std::string& id, bool owned) = 0;
    // Also pinned and owned ones: somebody asked for it.
    virtual Status remove(const std::string& id) = 0;
    // Evicts down to the budget now; returns the bytes freed.
    virtual Result<std::int64_t> set_budget(std::int64_t bytes) = 0;
    // Deletes what no checkpoint needs (orphaned segments, temporary files, files set aside) and
    // evicts down to the budget; returns the bytes freed.
    virtual Result<std::int64_t> collect_garbage() = 0;
    // Reads every byte of every file (or of one checkpoint). Damaged files are reported, not moved.
    virtual Result<std::vector<CacheProblem>> verify(const std::string& id,
                                                     const CancelToken& cancel) = 0;

    // One file with everything the checkpoint needs, to be carried elsewhere, and back again.
    virtual Status export_bundle(const std::string& id, const std::string& path) = 0;
    virtual Result<std::string> import_bundle(const std::string& path) = 0;

    // Waits until everything handed over for saving is on disk (or failed and was said).
    virtual void flush() = 0;
    // Replaces the listener; an empty one silences it.
    virtual void set_listener(CacheListener listener) = 0;
};

// Creates the directory (mode 0700) when it is missing. One process writes at a time: a second
// one gets a read-only cache that says so in its stats. Errors: io, when it cannot be read at all.
Result<std::shared_ptr<KvCache>> open_kv_cache(const KvCacheOptions& options);

// ds4's own checkpoint files (KVC version 1). Import checks every field against the engine's
// shape and returns the id of the new checkpoint; tool-id maps come along. Export writes what
// ds4 would have written, atomically.
Result<std::string> import_kvc(Engine& engine, KvCache& cache, const std::string& path);
Status export_kvc(Engine& engine, KvCache& cache, const std::string& id, const std::string& path);

}  // namespace starglass

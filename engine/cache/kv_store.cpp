// SPDX-License-Identifier: MIT
//
// Opening, saving, evicting and marking. Reading is in kv_store_read.cpp, bundles in kv_bundle.cpp.
#include "cache/kv_store.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <ctime>
#include <unordered_set>

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kCheckpointSuffix = ".ckpt";
constexpr std::string_view kPinSuffix = ".pin";
constexpr std::string_view kOwnSuffix = ".own";
constexpr std::int64_t kHeaderGuessBytes = 64 << 10;
// States that wait for a slow disk hold memory (some 15 MB each for Flash). Beyond this many, those
// written only because a while has passed are left out.
constexpr std::size_t kPendingMax = 8;
// What a file system needs for itself beside a file's bytes.
constexpr std::int64_t kDiskReserveBytes = 1 << 20;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

bool parse_chain_id(std::string_view hex, ChainId& out) {
    if (hex.size() != out.size() * 2) return false;
    for (std::size_t i = 0; i < hex.size(); ++i) {
        const char c = hex[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        out[i / 2] = static_cast<std::uint8_t>(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

std::string megabytes(std::int64_t bytes) {
    if (bytes >= 10'000'000'000) return fmt::format("{:.0f} GB", static_cast<double>(bytes) / 1e9);
    if (bytes >= 1'000'000'000) return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

std::int64_t now_unix() {
    return std::time(nullptr);
}

std::string_view save_reason_text(SaveReason reason) {
    switch (reason) {
        case SaveReason::unknown:
            return "unknown";
        case SaveReason::cold:
            return "system prompt";
        case SaveReason::continued:
            return "every so many tokens";
        case SaveReason::evict:
            return "another conversation began";
        case SaveReason::shutdown:
            return "shutdown";
        case SaveReason::agent_prompt:
            return "agent's system prompt";
        case SaveReason::agent_session:
            return "agent's session";
        case SaveReason::prompt:
            return "before the answer";
        case SaveReason::turn:
            return "end of turn";
        case SaveReason::requested:
            return "on request";
        case SaveReason::imported:
            return "imported";
    }
    return "unknown";
}

Result<std::shared_ptr<KvCache>> open_kv_cache(const KvCacheOptions& options) {
    return KvStore::open(options, FileSystem::disk());
}

// --- opening -----------------------------------------------------------------------------------

KvStore::KvStore(const KvCacheOptions& options, FileSystem& files)
    : options_(options),
      files_(files),
      segments_dir_(options.directory + "/segments"),
      checkpoints_dir_(options.directory + "/checkpoints"),
      aside_dir_(options.directory + "/aside") {
    stats_.directory = options.directory;
    stats_.budget_bytes = options.budget_bytes;
}

Result<std::shared_ptr<KvStore>> KvStore::open(const KvCacheOptions& options, FileSystem& files) {
    if (options.directory.empty())
        return fail(ErrorCode::invalid_input, "the KV cache needs a folder to live in");
    if (options.budget_bytes <= 0)
        return fail(ErrorCode::invalid_input, "a KV cache of {} bytes cannot hold anything",
                    options.budget_bytes);
    std::shared_ptr<KvStore> store(new KvStore(options, files));
    const auto read_only = [&](std::string why) {
        store->stats_.read_only = true;
        store->stats_.pause_reason = std::move(why);
    };
    if (options.read_only) {
        read_only("the cache was opened for reading only");
    } else {
        Status made = files.make_directory(options.directory);
        for (const std::string& folder :
             {store->segments_dir_, store->checkpoints_dir_, store->aside_dir_})
            if (made) made = files.make_directory(folder);
        // The folders' own names must survive a power cut as their files do.
        const std::size_t slash = options.directory.find_last_of('/');
        if (made) made = files.sync_directory(options.directory);
        if (made && slash != std::string::npos && slash > 0)
            (void)files.sync_directory(options.directory.substr(0, slash));
        if (!made) {
            read_only(made.error().message + "; nothing is saved");
        } else if (auto lock = files.lock(options.directory + "/lock"); !lock) {
            read_only(lock.error().message + "; nothing is saved");
        } else if (*lock == nullptr) {
            read_only(
                "another program writes to this cache; this one only reads from it until the "
                "other has ended");
        } else {
            store->lock_ = std::move(*lock);
        }
    }
    TRY_STATUS(store->scan());
    store->thread_ = std::thread([raw = store.get()] { raw->work(); });
    return store;
}

KvStore::~KvStore() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (lock_ != nullptr) {
        const std::lock_guard io(io_mutex_);
        save_index();
    }
}

std::string KvStore::segment_path(const ChainId& id) const {
    return segments_dir_ + "/" + to_hex(id) + std::string(kSegmentSuffix);
}

std::string KvStore::checkpoint_path(const std::string& id) const {
    return checkpoints_dir_ + "/" + id + std::string(kCheckpointSuffix);
}

Result<CheckpointHeader> KvStore::read_header(const std::string& path, std::int64_t file_bytes) {
    TRY(std::vector<std::byte> bytes, files_.read(path, 0, kHeaderGuessBytes));
    TRY(const std::size_t length, checkpoint_header_bytes(bytes));
    if (length > bytes.size()) {
        TRY(bytes, files_.read(path, 0, static_cast<std::int64_t>(length)));
    }
    TRY(CheckpointHeader header, parse_checkpoint_header(bytes));
    if (static_cast<std::uint64_t>(file_bytes) != header.bytes + header.body_stored)
        return fail(ErrorCode::invalid_input, "the checkpoint is cut off or has bytes too many");
    return header;
}

// What is there decides; the index saves reading the headers of files it knows.
Status KvStore::scan() {
    const bool writer = lock_ != nullptr;
    Catalogue catalogue;
    const auto list = [&](const std::string& folder) -> Result<std::vector<DirectoryEntry>> {
        auto entries = files_.list(folder);
        // A reader may look at a folder that nobody has made yet.
        if (!entries && entries.error().code == ErrorCode::not_found)
            return std::vector<DirectoryEntry>();
        return entries;
    };
    TRY(const std::vector<DirectoryEntry> segments, list(segments_dir_));
    TRY(const std::vector<DirectoryEntry> checkpoints, list(checkpoints_dir_));
    TRY(const std::vector<DirectoryEntry> aside, list(aside_dir_));
    const auto drop_temporary = [&](const std::string& folder, const DirectoryEntry& entry) {
        if (!std::string_view(entry.name).ends_with(kTemporarySuffix)) return false;
        // Whoever was writing it is gone: we hold the lock.
        if (writer) (void)files_.remove(folder + "/" + entry.name);
        return true;
    };
    for (const DirectoryEntry& entry : segments) {
        if (drop_temporary(segments_dir_, entry)) continue;
        std::string_view name = entry.name;
        ChainId id;
        if (!name.ends_with(kSegmentSuffix)) continue;
        name.remove_suffix(kSegmentSuffix.size());
        if (parse_chain_id(name, id)) catalogue.add_segment(id, entry.bytes);
    }

    std::map<std::string, CheckpointEntry, std::less<>> known;
    if (auto size = files_.size(options_.directory + "/index"); size) {
        auto bytes = files_.read(options_.directory + "/index", 0, *size);
        if (bytes) {
            if (auto entries = Catalogue::read_index(*bytes); entries)
                for (CheckpointEntry& entry : *entries) {
                    std::string id = entry.id;
                    known.emplace(std::move(id), std::move(entry));
                }
        }
    }
    std::unordered_set<std::string> marks;
    for (const DirectoryEntry& entry : checkpoints) marks.insert(entry.name);
    std::vector<std::pair<std::string, std::string>> bad;
    for (const DirectoryEntry& file : checkpoints) {
        if (drop_temporary(checkpoints_dir_, file)) continue;
        std::string_view name = file.name;
        if (!name.ends_with(kCheckpointSuffix)) continue;
        name.remove_suffix(kCheckpointSuffix.size());
        CheckpointEntry entry;
        entry.id = name;
        entry.file_bytes = file.bytes;
        entry.modified_ns = file.modified_ns;
        const auto found = known.find(name);
        if (found != known.end() && found->second.file_bytes == file.bytes &&
            found->second.modified_ns == file.modified_ns) {
            entry.header = std::move(found->second.header);
            entry.use = found->second.use;
        } else {
            auto header = read_header(checkpoints_dir_ + "/" + file.name, file.bytes);
            if (!header) {
                if (header.error().code == ErrorCode::invalid_input)
                    bad.emplace_back(file.name, header.error().message);
                continue;
            }
            entry.header = std::move(*header);
            entry.use.last_used_unix = file.modified_ns / 1'000'000'000;
            // Moved or touched, but the same checkpoint: its use is still known.
            if (found != known.end()) entry.use = found->second.use;
        }
        if (name.substr(0, Sha1::kBytes * 2) != to_hex(entry.header.text_sha1)) {
            bad.emplace_back(file.name, "its name does not belong to its text");
            continue;
        }
        entry.pinned = marks.contains(entry.id + std::string(kPinSuffix));
        entry.owned = marks.contains(entry.id + std::string(kOwnSuffix));
        catalogue.add(std::move(entry));
    }
    {
        const std::lock_guard lock(mutex_);
        catalogue_ = std::move(catalogue);
        stats_.set_aside = static_cast<int>(aside.size());
    }
    if (writer)
        for (const auto& [name, why] : bad) set_aside("checkpoints", name, why);
    return {};
}

// A reader's picture ages while another process writes.
void KvStore::refresh_if_reading() {
    if (lock_ == nullptr) (void)scan();
}

// --- telling -----------------------------------------------------------------------------------

void KvStore::set_listener(CacheListener listener) {
    const std::lock_guard lock(mutex_);
    listener_ = listener ? std::make_shared<const CacheListener>(std::move(listener)) : nullptr;
}

void KvStore::post(CacheEvent event) {
    const std::lock_guard lock(mutex_);
    if (listener_) unheard_.push_back(std::move(event));
}

void KvStore::deliver() {
    std::shared_ptr<const CacheListener> listener;
    std::vector<CacheEvent> events;
    {
        const std::lock_guard lock(mutex_);
        listener = listener_;
        events.swap(unheard_);
    }
    if (!listener) return;
    for (const CacheEvent& event : events) (*listener)(event);
}

void KvStore::tell(CacheEvent event) {
    post(std::move(event));
    deliver();
}

void KvStore::set_paused(const std::string& why) {
    const std::lock_guard lock(mutex_);
    stats_.paused = !why.empty();
    if (!stats_.read_only) stats_.pause_reason = why;
}

void KvStore::set_aside(const std::string& folder, const std::string& name,
                        const std::string& why) {
    const std::string from = options_.directory + "/" + folder + "/" + name;
    Status moved = files_.rename(from, aside_dir_ + "/" + name);
    if (moved) {
        const std::lock_guard lock(mutex_);
        ++stats_.set_aside;
    }
    CacheEvent event;
    event.kind = CacheEvent::Kind::set_aside;
    event.message = fmt::format("'{}/{}' cannot be used and was {}: {}", folder, name,
                                moved ? "moved to the folder 'aside'" : "left where it is", why);
    post(std::move(event));
}

// --- saving ------------------------------------------------------------------------------------

Status KvStore::check_writable() {
    const std::lock_guard lock(mutex_);
    if (lock_ == nullptr)
        return fail(ErrorCode::io, "the KV cache cannot be written: {}", stats_.pause_reason);
    return {};
}

Result<KvStore::Pending> KvStore::prepare(SaveJob job) const {
    Pending pending;
    const CheckpointState& state = job.state;
    const auto tokens = static_cast<std::int64_t>(state.tokens.size());
    if (tokens == 0 || state.kv.positions != tokens ||
        state.kv.layers.size() != job.shape->layers.size())
        return fail(ErrorCode::invalid_input, "there is no state to save");
    const auto whole = static_cast<std::size_t>(tokens / kSegmentTokens);
    if (job.meta.text_ends.size() != whole)
        return fail(ErrorCode::invalid_input, "the text of {} segments is not marked", whole);
    CheckpointHeader& header = pending.header;
    TRY(header.fingerprint, parse_fingerprint(job.shape->fingerprint));
    Sha1 sha1;
    sha1.update(state.text);
    header.text_sha1 = sha1.value();
    header.producer = job.meta.producer;
    header.reason = job.meta.reason;
    header.tokens = tokens;
    header.text_bytes = static_cast<std::int64_t>(state.text.size());
    header.context_tokens = job.meta.context_tokens;
    header.created_unix = job.meta.created_unix != 0 ? job.meta.created_unix : now_unix();
    header.evaluate_seconds = std::max(0.0, job.meta.evaluate_seconds);
    header.model_name = job.shape->model_name.substr(0, 256);
    header.parent = job.meta.parent.substr(0, 255);
    header.preview = text_end(state.text, kPreviewBytesMax);
    header.next = job.meta.next;
    if (header.next.size() > kNextTokensMax) header.next.resize(kNextTokensMax);
    header.segments.assign(
        job.chain.begin(),
        job.chain.begin() + static_cast<std::ptrdiff_t>(std::min(whole, job.chain.size())));
    const std::span<const std::int32_t> all = state.tokens;
    while (header.segments.size() < whole) {
        const std::size_t first = header.segments.size() * kSegmentTokens;
        const ChainId parent =
            header.segments.empty() ? chain_root(header.fingerprint) : header.segments.back();
        header.segments.push_back(chain_link(parent, header.producer,
                                             static_cast<std::int64_t>(first),
                                             all.subspan(first, kSegmentTokens)));
    }
    pending.id = checkpoint_id(header, all.subspan(whole * kSegmentTokens));
    pending.job = std::move(job);
    return pending;
}

Result<std::string> KvStore::enqueue(SaveJob job) {
    if (job.spent) job.spent->release();
    TRY_STATUS(check_writable());
    if (!job.requested && static_cast<std::int64_t>(job.state.tokens.size()) < options_.min_tokens)
        return fail(ErrorCode::invalid_input, "{} tokens are too few to save (the least is {})",
                    job.state.tokens.size(), options_.min_tokens);
    TRY(Pending pending, prepare(std::move(job)));
    const std::string id = pending.id;
    const bool logits = !pending.job.state.logits.empty();
    {
        const std::lock_guard lock(mutex_);
        const CheckpointEntry* there = catalogue_.find(id);
        if (there != nullptr && catalogue_.complete(*there) &&
            (there->header.has_logits || !logits))
            return id;
        for (const Pending& other : queue_)
            if (other.id == id && (!other.job.state.logits.empty() || !logits)) return id;
        if (queue_.size() < kPendingMax || pending.header.reason != SaveReason::continued) {
            queue_.push_back(std::move(pending));
            stats_.pending_saves = static_cast<int>(queue_.size());
            wake_.notify_all();
            return id;
        }
    }
    CacheEvent event;
    event.kind = CacheEvent::Kind::skipped;
    event.checkpoint = id;
    event.reason = pending.header.reason;
    event.tokens = pending.header.tokens;
    event.message = "the disk is slower than the model; this checkpoint was left out";
    tell(std::move(event));
    return fail(ErrorCode::io, "the disk is slower than the model; this checkpoint was left out");
}

void KvStore::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return stop_ || !queue_.empty(); });
        if (queue_.empty()) return;  // stopping, and nothing is left
        Pending pending = std::move(queue_.front());
        queue_.pop_front();
        busy_ = true;
        lock.unlock();
        const Status status = write(pending);
        if (!status) {
            CacheEvent event;
            event.kind = CacheEvent::Kind::failed;
            event.checkpoint = pending.id;
            event.reason = pending.header.reason;
            event.tokens = pending.header.tokens;
            event.message = status.error().message;
            tell(std::move(event));
        }
        if (pending.job.spent) pending.job.spent->put(std::move(pending.job.state));
        pending = {};
        lock.lock();
        const bool last = queue_.empty();
        if (last && index_stale_) {
            lock.unlock();
            {
                const std::lock_guard io(io_mutex_);
                save_index();
            }
            lock.lock();
        }
        busy_ = false;
        stats_.pending_saves = static_cast<int>(queue_.size());
        if (queue_.empty()) idle_.notify_all();
    }
}

void KvStore::flush() {
    // A listener on the I/O thread would wait for itself.
    if (std::this_thread::get_id() == thread_.get_id()) return;
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

Status KvStore::write(Pending& pending) {
    const ChangeFiles io(*this);
    const Clock::time_point start = Clock::now();
    std::int64_t bytes = 0;
    Status status = write_files(pending, bytes);
    if (!status && status.error().code == ErrorCode::disk_full) {
        // Statistics of a file system can be wrong by what others write meanwhile: once more.
        const std::int64_t room = bytes + (std::int64_t{16} << 20);
        evict_to(std::max<std::int64_t>(0, stats().bytes - room), pending.id);
        status = write_files(pending, bytes);
    }
    if (!status) {
        if (status.error().code == ErrorCode::disk_full) set_paused(status.error().message);
        return status;
    }
    set_paused({});
    const double seconds = seconds_since(start);
    {
        const std::lock_guard lock(mutex_);
        stats_.bytes_written += bytes;
        stats_.write_seconds += seconds;
        index_stale_ = true;
    }
    CacheEvent event;
    event.kind = CacheEvent::Kind::saved;
    event.checkpoint = pending.id;
    event.reason = pending.header.reason;
    event.tokens = pending.header.tokens;
    event.bytes = bytes;
    event.seconds = seconds;
    post(std::move(event));
    return {};
}

Status KvStore::write_files(Pending& pending, std::int64_t& bytes_written) {
    CheckpointHeader& header = pending.header;
    const CheckpointState& state = pending.job.state;
    const std::vector<LayerStateShape>& layers = pending.job.shape->layers;
    const std::vector<std::int64_t>& ends = pending.job.meta.text_ends;
    const std::size_t whole = header.segments.size();

    const std::string_view text = state.text;
    const auto text_of = [&](std::size_t segment) {
        const auto from = static_cast<std::size_t>(segment == 0 ? 0 : ends[segment - 1]);
        const std::size_t to =
            segment < ends.size() ? static_cast<std::size_t>(ends[segment]) : text.size();
        return text.substr(from, to - from);
    };
    EncodedCheckpoint file = encode_checkpoint(header, state, text_of(whole), layers);
    const auto file_bytes = static_cast<std::int64_t>(file.header.size() + file.body.size());

    std::vector<std::size_t> missing;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < whole; ++i)
            if (!catalogue_.has_segment(header.segments[i])) missing.push_back(i);
    }
    // Before packing the size of a segment is at most that of its rows and words.
    std::int64_t room = file_bytes;
    for (const std::size_t i : missing) {
        const auto first = static_cast<std::int64_t>(i) * kSegmentTokens;
        room += row_bytes(layers, first, first + kSegmentTokens) +
                static_cast<std::int64_t>(text_of(i).size()) + kSegmentTokens * 4 + 1024;
    }
    // The entry is counted from here on, so that making room cannot take segments it needs.
    CheckpointEntry entry;
    entry.id = pending.id;
    entry.header = header;
    entry.use.last_used_unix = now_unix();
    entry.writing = true;
    bool replaces = false;
    {
        const std::lock_guard lock(mutex_);
        if (const CheckpointEntry* there = catalogue_.find(pending.id)) {
            replaces = true;
            entry.use = there->use;
            entry.pinned = there->pinned;
            entry.owned = there->owned;
        } else {
            // Marks stay when a damaged file is set aside; its successor has them again.
            entry.pinned =
                files_.size(checkpoints_dir_ + "/" + pending.id + std::string(kPinSuffix))
                    .has_value();
            entry.owned = files_.size(checkpoints_dir_ + "/" + pending.id + std::string(kOwnSuffix))
                              .has_value();
            catalogue_.add(entry);
        }
    }
    const auto give_up = [&](Status status) {
        const std::lock_guard lock(mutex_);
        if (!replaces) catalogue_.remove(pending.id);
        return status;
    };
    if (auto status = make_room(room, pending.id); !status) return give_up(std::move(status));

    for (const std::size_t i : missing) {
        SegmentHeader segment;
        segment.id = header.segments[i];
        segment.parent = i == 0 ? chain_root(header.fingerprint) : header.segments[i - 1];
        segment.first_token = static_cast<std::int64_t>(i) * kSegmentTokens;
        segment.producer = header.producer;
        SegmentText words;
        const auto tokens = std::span(state.tokens).subspan(i * kSegmentTokens, kSegmentTokens);
        words.tokens.assign(tokens.begin(), tokens.end());
        words.text = text_of(i);
        const std::vector<std::byte> bytes = encode_segment(segment, words, state.kv, layers);
        const std::span<const std::byte> part = bytes;
        if (auto status = write_durably(files_, segment_path(segment.id), std::span(&part, 1));
            !status)
            return give_up(std::move(status));
        bytes_written += static_cast<std::int64_t>(bytes.size());
        const std::lock_guard lock(mutex_);
        catalogue_.add_segment(segment.id, static_cast<std::int64_t>(bytes.size()));
    }
    // A checkpoint may only appear after the names of its segments are on the disk.
    if (!missing.empty())
        if (auto status = files_.sync_directory(segments_dir_); !status)
            return give_up(std::move(status));
    const std::span<const std::byte> parts[] = {file.header, file.body};
    if (auto status = write_durably(files_, checkpoint_path(pending.id), parts); !status)
        return give_up(std::move(status));
    bytes_written += file_bytes;
    if (auto status = files_.sync_directory(checkpoints_dir_); !status)
        return give_up(std::move(status));
    entry.header = header;
    entry.file_bytes = file_bytes;
    entry.writing = false;
    // Only to recognise the file next time; a wrong value costs one read.
    if (auto listed = files_.list(checkpoints_dir_); listed)
        for (const DirectoryEntry& one : *listed)
            if (one.name == pending.id + std::string(kCheckpointSuffix))
                entry.modified_ns = one.modified_ns;
    const std::lock_guard lock(mutex_);
    catalogue_.add(std::move(entry));
    return {};
}

// --- room --------------------------------------------------------------------------------------

Status KvStore::make_room(std::int64_t bytes, const std::string& keep) {
    std::int64_t used = 0, budget = 0;
    {
        const std::lock_guard lock(mutex_);
        used = catalogue_.bytes();
        budget = options_.budget_bytes;
    }
    if (used + bytes > budget) {
        // No checkpoint goes while there are segments that none needs (after a crash, or an import
        // that was broken).
        remove_orphans();
        evict_to(std::max<std::int64_t>(0, budget - bytes), keep);
        const std::lock_guard lock(mutex_);
        if (catalogue_.bytes() + bytes > budget)
            return fail(ErrorCode::disk_full,
                        "the KV cache may take {} and pinned checkpoints and saved sessions need "
                        "{} of it, so {} more do not fit; raise the budget or unpin something",
                        megabytes(budget), megabytes(catalogue_.bytes()), megabytes(bytes));
    }
    TRY(std::int64_t free, files_.free_bytes(options_.directory));
    if (free >= bytes + kDiskReserveBytes) return {};
    free += remove_orphans();
    {
        const std::lock_guard lock(mutex_);
        used = catalogue_.bytes();
    }
    evict_to(std::max<std::int64_t>(0, used - (bytes + kDiskReserveBytes - free)), keep);
    TRY(free, files_.free_bytes(options_.directory));
    if (free >= bytes + kDiskReserveBytes) return {};
    return fail(ErrorCode::disk_full,
                "the disk of '{}' has {} free and {} are needed; nothing is saved until there is "
                "room, and what is saved stays",
                options_.directory, megabytes(free), megabytes(bytes + kDiskReserveBytes));
}

std::int64_t KvStore::evict_to(std::int64_t bytes_max, const std::string& keep) {
    std::int64_t freed = 0;
    for (;;) {
        std::string victim;
        std::int64_t before = 0, tokens = 0;
        {
            const std::lock_guard lock(mutex_);
            before = catalogue_.bytes();
            if (before <= bytes_max) break;
            for (const CheckpointEntry* entry : catalogue_.eviction_order(now_unix()))
                if (entry->id != keep) {
                    victim = entry->id;
                    tokens = entry->header.tokens;
                    break;
                }
        }
        if (victim.empty() || !remove_entry(victim)) {
            // Orphans are all that is left to take.
            freed += remove_orphans();
            break;
        }
        CacheEvent event;
        event.kind = CacheEvent::Kind::evicted;
        event.checkpoint = victim;
        event.tokens = tokens;
        {
            const std::lock_guard lock(mutex_);
            event.bytes = before - catalogue_.bytes();
            index_stale_ = true;
        }
        freed += event.bytes;
        post(std::move(event));
    }
    return freed;
}

// The checkpoint's file first: after a crash in between, segments nobody needs are only garbage.
Status KvStore::remove_entry(const std::string& id) {
    std::vector<ChainId> chain;
    bool pinned = false, owned = false;
    {
        const std::lock_guard lock(mutex_);
        const CheckpointEntry* entry = catalogue_.find(id);
        if (entry == nullptr) return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
        chain = entry->header.segments;
        pinned = entry->pinned;
        owned = entry->owned;
    }
    Status removed = files_.remove(checkpoint_path(id));
    if (!removed && removed.error().code != ErrorCode::not_found) return removed;
    if (pinned) (void)files_.remove(checkpoints_dir_ + "/" + id + std::string(kPinSuffix));
    if (owned) (void)files_.remove(checkpoints_dir_ + "/" + id + std::string(kOwnSuffix));
    {
        const std::lock_guard lock(mutex_);
        catalogue_.remove(id);
        index_stale_ = true;
    }
    // Gone for good before its segments go.
    (void)files_.sync_directory(checkpoints_dir_);
    remove_unneeded(chain);
    return {};
}

std::int64_t KvStore::remove_unneeded(const std::vector<ChainId>& candidates) {
    std::int64_t freed = 0;
    for (const ChainId& id : candidates) {
        {
            const std::lock_guard lock(mutex_);
            if (catalogue_.needed(id) || !catalogue_.has_segment(id)) continue;
        }
        const Status removed = files_.remove(segment_path(id));
        if (!removed && removed.error().code != ErrorCode::not_found) continue;
        const std::lock_guard lock(mutex_);
        const std::int64_t before = catalogue_.bytes();
        catalogue_.remove_segment(id);
        freed += before - catalogue_.bytes();
    }
    return freed;
}

std::int64_t KvStore::remove_orphans() {
    std::vector<ChainId> orphans;
    {
        const std::lock_guard lock(mutex_);
        orphans = catalogue_.unneeded_segments();
    }
    return remove_unneeded(orphans);
}

// --- marks and maintenance ---------------------------------------------------------------------

Status KvStore::mark(const std::string& id, const char* suffix, bool on) {
    TRY_STATUS(check_writable());
    const std::string path = checkpoints_dir_ + "/" + id + suffix;
    Status status = on ? write_durably(files_, path, {}) : files_.remove(path);
    if (!status && !on && status.error().code == ErrorCode::not_found) return {};
    if (status) status = files_.sync_directory(checkpoints_dir_);
    return status;
}

Status KvStore::pin(const std::string& id, bool pinned) {
    const ChangeFiles io(*this);
    {
        const std::lock_guard lock(mutex_);
        if (catalogue_.find(id) == nullptr)
            return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
    }
    TRY_STATUS(mark(id, ".pin", pinned));
    {
        const std::lock_guard lock(mutex_);
        if (CheckpointEntry* entry = catalogue_.find(id)) entry->pinned = pinned;
    }
    post({.checkpoint = id});
    return {};
}

Status KvStore::own(const std::string& id, bool owned) {
    flush();  // it may be on its way to the disk
    const ChangeFiles io(*this);
    {
        const std::lock_guard lock(mutex_);
        const CheckpointEntry* entry = catalogue_.find(id);
        if (entry == nullptr) return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
        if (entry->owned == owned) return {};
    }
    TRY_STATUS(mark(id, ".own", owned));
    {
        const std::lock_guard lock(mutex_);
        if (CheckpointEntry* entry = catalogue_.find(id)) entry->owned = owned;
    }
    post({.checkpoint = id});
    return {};
}

Status KvStore::remove(const std::string& id) {
    TRY_STATUS(check_writable());
    const ChangeFiles io(*this);
    TRY_STATUS(remove_entry(id));
    TRY_STATUS(files_.sync_directory(checkpoints_dir_));
    save_index();
    post({.checkpoint = id});
    return {};
}

Result<std::int64_t> KvStore::set_budget(std::int64_t bytes) {
    if (bytes <= 0)
        return fail(ErrorCode::invalid_input, "a KV cache of {} bytes cannot hold anything", bytes);
    TRY_STATUS(check_writable());
    const ChangeFiles io(*this);
    {
        const std::lock_guard lock(mutex_);
        options_.budget_bytes = bytes;
        stats_.budget_bytes = bytes;
    }
    std::int64_t freed = stats().bytes > bytes ? remove_orphans() : 0;
    freed += evict_to(bytes, {});
    set_paused({});
    save_index();
    post({});
    return freed;
}

Result<std::int64_t> KvStore::collect_garbage() {
    TRY_STATUS(check_writable());
    const ChangeFiles io(*this);
    std::int64_t freed = remove_orphans();
    const auto sweep = [&](const std::string& folder, auto&& unwanted) -> Status {
        TRY(const std::vector<DirectoryEntry> entries, files_.list(folder));
        for (const DirectoryEntry& entry : entries)
            if (unwanted(entry.name) && files_.remove(folder + "/" + entry.name))
                freed += entry.bytes;
        return {};
    };
    const auto temporary = [](std::string_view name) { return name.ends_with(kTemporarySuffix); };
    TRY_STATUS(sweep(segments_dir_, temporary));
    TRY_STATUS(sweep(aside_dir_, [](std::string_view) { return true; }));
    TRY_STATUS(sweep(checkpoints_dir_, [&](std::string_view name) {
        if (temporary(name)) return true;
        for (const std::string_view suffix : {kPinSuffix, kOwnSuffix})
            if (name.ends_with(suffix)) {
                const std::lock_guard lock(mutex_);
                const std::string id(name.substr(0, name.size() - suffix.size()));
                return catalogue_.find(id) == nullptr;
            }
        return false;
    }));
    {
        const std::lock_guard lock(mutex_);
        stats_.set_aside = 0;
    }
    freed += evict_to(options_.budget_bytes, {});
    save_index();
    post({});
    return freed;
}

void KvStore::save_index() {
    std::vector<std::byte> bytes;
    {
        const std::lock_guard lock(mutex_);
        bytes = catalogue_.write_index();
        index_stale_ = false;
    }
    // It can be made again from the files: a failure is no loss.
    const std::span<const std::byte> part = bytes;
    (void)write_durably(files_, options_.directory + "/index", std::span(&part, 1));
}

// --- answers from memory -----------------------------------------------------------------------

std::vector<CheckpointInfo> KvStore::list() const {
    const std::lock_guard lock(mutex_);
    return catalogue_.describe(now_unix());
}

std::optional<CheckpointInfo> KvStore::info(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    if (catalogue_.find(id) == nullptr) return std::nullopt;
    for (CheckpointInfo& one : catalogue_.describe(now_unix()))
        if (one.id == id) return std::move(one);
    return std::nullopt;
}

CacheStats KvStore::stats() const {
    CacheStats out;
    {
        const std::lock_guard lock(mutex_);
        out = stats_;
        out.bytes = catalogue_.bytes();
        out.protected_bytes = catalogue_.guarded_bytes();
        out.checkpoints = static_cast<int>(catalogue_.entries().size());
        out.segments = catalogue_.segments();
    }
    if (auto free = files_.free_bytes(options_.directory); free) out.disk_free_bytes = *free;
    return out;
}

CacheRate KvStore::rate() const {
    const std::lock_guard lock(mutex_);
    CacheRate out;
    if (stats_.read_seconds > 0)
        out.read_bytes_per_second = static_cast<double>(stats_.bytes_read) / stats_.read_seconds;
    if (stats_.write_seconds > 0)
        out.write_bytes_per_second =
            static_cast<double>(stats_.bytes_written) / stats_.write_seconds;
    return out;
}

}  // namespace starglass

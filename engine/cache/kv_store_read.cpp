// SPDX-License-Identifier: MIT
//
// Finding, loading and checking checkpoints.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "cache/kv_store.h"
#include "cache/text_prefix.h"

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

// Segments are read and unpacked side by side: a disk likes several requests, and unpacking with
// one thread is slower than a good disk.
constexpr int kReadersMax = 4;
// The text of a checkpoint is compared with a prompt for people to look at; more candidates than
// the few used last would not be what they mean.
constexpr std::size_t kNearestCandidates = 8;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// A segment's file, taken apart after its header was checked against its place in the chain.
struct SegmentParts {
    SegmentHeader header;
    std::span<const std::byte> text, rows;
};

Result<SegmentParts> open_segment(std::span<const std::byte> bytes, const ChainId& id,
                                  std::int64_t first_token) {
    SegmentParts out;
    TRY(out.header, parse_segment_header(bytes));
    if (out.header.id != id || out.header.tokens != kSegmentTokens ||
        (first_token >= 0 && out.header.first_token != first_token))
        return fail(ErrorCode::invalid_input, "the segment belongs to another place");
    const auto stored = bytes.subspan(kSegmentHeaderBytes);
    if (out.header.text_stored > stored.size() ||
        out.header.rows_stored != stored.size() - out.header.text_stored)
        return fail(ErrorCode::invalid_input, "the segment is cut off or has bytes too many");
    out.text = stored.first(out.header.text_stored);
    out.rows = stored.subspan(out.header.text_stored);
    return out;
}

}  // namespace

// --- finding -----------------------------------------------------------------------------------

std::vector<CheckpointMatch> KvStore::match(const std::string& fingerprint, std::string_view text) {
    refresh_if_reading();
    struct Candidate {
        std::int64_t text_bytes;
        Sha1::Value sha1;
        CheckpointMatch match;
    };
    std::vector<Candidate> candidates;
    {
        const std::lock_guard lock(mutex_);
        const double read_rate = stats_.read_seconds > 0
                                     ? static_cast<double>(stats_.bytes_read) / stats_.read_seconds
                                     : 0;
        for (const auto& [id, entry] : catalogue_.entries()) {
            const CheckpointHeader& header = entry.header;
            if (entry.writing || header.text_bytes > static_cast<std::int64_t>(text.size()) ||
                to_hex(header.fingerprint) != fingerprint || !catalogue_.complete(entry))
                continue;
            CheckpointMatch match;
            match.id = id;
            match.tokens = header.tokens;
            match.text_bytes = header.text_bytes;
            match.has_logits = header.has_logits;
            match.producer = header.producer;
            match.evaluate_seconds = header.evaluate_seconds;
            match.load_measured = entry.use.load_seconds >= 0;
            if (match.load_measured)
                match.load_seconds = entry.use.load_seconds;
            else if (read_rate > 0)
                match.load_seconds =
                    static_cast<double>(entry.file_bytes + catalogue_.shared_bytes(entry)) /
                    read_rate;
            candidates.push_back({header.text_bytes, header.text_sha1, std::move(match)});
        }
    }
    // One pass over the text gives the digest of every candidate's length.
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.text_bytes < b.text_bytes; });
    Sha1 digest;
    std::size_t done = 0;
    Sha1::Value value{};
    std::int64_t valued = -1;
    std::vector<CheckpointMatch> out;
    for (Candidate& candidate : candidates) {
        const auto length = static_cast<std::size_t>(candidate.text_bytes);
        digest.update(text.substr(done, length - done));
        done = length;
        if (valued != candidate.text_bytes) value = digest.value();
        valued = candidate.text_bytes;
        if (value == candidate.sha1) out.push_back(std::move(candidate.match));
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        if (a.text_bytes != b.text_bytes) return a.text_bytes > b.text_bytes;
        return a.has_logits > b.has_logits;
    });
    return out;
}

// --- loading -----------------------------------------------------------------------------------

Result<KvStore::ReadFile> KvStore::read_checkpoint(const std::string& id) {
    std::int64_t size = 0;
    {
        const std::lock_guard lock(mutex_);
        const CheckpointEntry* entry = catalogue_.find(id);
        if (entry == nullptr || entry->writing)
            return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
        size = entry->file_bytes;
    }
    ReadFile out;
    // One byte more than there should be shows that there is more.
    TRY(out.bytes, files_.read(checkpoint_path(id), 0, size + 1));
    TRY(out.header, parse_checkpoint_header(out.bytes));
    if (out.bytes.size() != out.header.bytes + out.header.body_stored)
        return fail(ErrorCode::invalid_input, "the checkpoint is cut off or has bytes too many");
    return out;
}

Result<LoadedCheckpoint> KvStore::load(const std::string& id, const ModelStateShape& shape) {
    std::optional<Damage> damage;
    auto loaded = read_state(id, shape, damage);
    if (!damage) return loaded;
    // Files may have been replaced or evicted while they were read. Only what is bad while nobody
    // changes files is damaged, and goes out of the way, so that the next one is found at once.
    const ChangeFiles io(*this);
    damage.reset();
    loaded = read_state(id, shape, damage);
    if (!damage) return loaded;
    if (lock_ != nullptr) {
        if (damage->segment)
            set_aside("segments", to_hex(*damage->segment) + ".seg", damage->why);
        else
            set_aside("checkpoints", id + ".ckpt", damage->why);
    }
    const std::lock_guard lock(mutex_);
    if (damage->segment)
        catalogue_.remove_segment(*damage->segment);
    else
        catalogue_.remove(id);
    return loaded;
}

Result<LoadedCheckpoint> KvStore::read_state(const std::string& id, const ModelStateShape& shape,
                                             std::optional<Damage>& damage) {
    const Clock::time_point start = Clock::now();
    const auto unusable = [&](const Error& error) -> tl::unexpected<Error> {
        if (error.code == ErrorCode::invalid_input) damage = Damage{{}, error.message};
        return tl::unexpected<Error>(
            Error{error.code, fmt::format("checkpoint {}: {}", id.substr(0, 12), error.message)});
    };
    auto file = read_checkpoint(id);
    if (!file) return unusable(file.error());
    const CheckpointHeader& header = file->header;
    if (to_hex(header.fingerprint) != shape.fingerprint)
        return fail(ErrorCode::unsupported, "checkpoint {} belongs to another model ({})",
                    id.substr(0, 12), header.model_name);
    {
        // Before there is room for rows that will not come.
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < header.segments.size(); ++i)
            if (!catalogue_.has_segment(header.segments[i]))
                return fail(ErrorCode::not_found, "checkpoint {} needs segment {}, which is gone",
                            id.substr(0, 12), i);
    }

    LoadedCheckpoint out;
    CheckpointState& state = out.state;
    auto tail = decode_checkpoint_body(
        header, std::span<const std::byte>(file->bytes).subspan(header.bytes), shape, state);
    if (!tail) return unusable(tail.error());
    if (checkpoint_id(header, tail->tokens) != id)
        return unusable({ErrorCode::invalid_input, "its tokens do not belong to its name"});

    std::vector<std::byte*> addresses;
    for (std::size_t index = 0; index < shape.layers.size(); ++index) {
        const LayerStateShape& layer = shape.layers[index];
        KvState::Snapshot::Layer& to = state.kv.layers[index];
        if (layer.ratio == 0) continue;
        const std::int64_t rows = header.tokens / layer.ratio;
        to.compressed = PagedRows(layer.kv_row);
        to.compressed.prepare(0, rows, addresses);
        if (!layer.indexed) continue;
        to.index = PagedRows(layer.index_row);
        to.index.prepare(0, rows, addresses);
    }

    const std::size_t count = header.segments.size();
    std::vector<SegmentText> words(count);
    out.producers.assign(count + 1, header.producer);
    std::vector<Status> results(count);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::atomic<std::int64_t> bytes_read{static_cast<std::int64_t>(file->bytes.size())};
    const auto read_segment = [&](std::size_t i, std::vector<std::byte>& rows) -> Status {
        const std::int64_t first = static_cast<std::int64_t>(i) * kSegmentTokens;
        // As long as the file may be: rows and words unpacked, and what packing may add.
        const std::int64_t row_size = row_bytes(shape.layers, first, first + kSegmentTokens);
        TRY(const std::vector<std::byte> bytes,
            files_.read(segment_path(header.segments[i]), 0, row_size * 2 + (16 << 20)));
        bytes_read += static_cast<std::int64_t>(bytes.size());
        TRY(const SegmentParts parts, open_segment(bytes, header.segments[i], first));
        TRY(words[i], decode_segment_text(parts.header, parts.text));
        out.producers[i] = parts.header.producer;
        rows.resize(static_cast<std::size_t>(row_size));
        TRY_STATUS(decode_segment_rows(parts.header, parts.rows, rows));
        copy_rows_in(state.kv, shape.layers, first, first + kSegmentTokens, rows.data());
        return {};
    };
    const auto reader = [&] {
        std::vector<std::byte> rows;
        for (;;) {
            const std::size_t i = next.fetch_add(1);
            if (i >= count || failed.load(std::memory_order_relaxed)) return;
            results[i] = read_segment(i, rows);
            if (!results[i]) failed = true;
        }
    };
    const auto readers =
        std::min<std::size_t>({count, static_cast<std::size_t>(kReadersMax),
                               std::max<std::size_t>(1, std::thread::hardware_concurrency())});
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < readers; ++i) threads.emplace_back(reader);
    reader();
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < count; ++i) {
        if (results[i]) continue;
        const Error& error = results[i].error();
        if (error.code == ErrorCode::invalid_input || error.code == ErrorCode::not_found)
            damage = Damage{header.segments[i], error.message};
        return fail(error.code == ErrorCode::invalid_input ? ErrorCode::not_found : error.code,
                    "checkpoint {} needs segment {}, which cannot be used: {}", id.substr(0, 12), i,
                    error.message);
    }

    state.tokens.reserve(static_cast<std::size_t>(header.tokens));
    state.text.reserve(static_cast<std::size_t>(header.text_bytes));
    words.push_back({std::move(tail->tokens), std::move(tail->text)});
    for (const SegmentText& part : words) {
        state.tokens.insert(state.tokens.end(), part.tokens.begin(), part.tokens.end());
        state.text += part.text;
    }
    copy_rows_in(state.kv, shape.layers, static_cast<std::int64_t>(count) * kSegmentTokens,
                 header.tokens, tail->rows.data());
    Sha1 sha1;
    sha1.update(state.text);
    if (sha1.value() != header.text_sha1)
        return unusable({ErrorCode::invalid_input, "its text does not belong to its name"});
    for (const std::int32_t token : state.tokens)
        if (token < 0 || token >= shape.vocabulary)
            return unusable({ErrorCode::invalid_input,
                             fmt::format("token {} is outside the vocabulary", token)});

    std::sort(out.producers.begin(), out.producers.end());
    out.producers.erase(std::unique(out.producers.begin(), out.producers.end()),
                        out.producers.end());
    out.chain = header.segments;
    out.evaluate_seconds = header.evaluate_seconds;
    out.bytes = bytes_read;
    out.seconds = seconds_since(start);
    {
        const std::lock_guard lock(mutex_);
        stats_.bytes_read += out.bytes;
        stats_.read_seconds += out.seconds;
    }
    return out;
}

void KvStore::used(const std::string& id, const LoadedCheckpoint& loaded) {
    {
        const std::lock_guard lock(mutex_);
        ++stats_.lookups;
        ++stats_.hits;
        stats_.tokens_saved += static_cast<std::int64_t>(loaded.state.tokens.size());
        stats_.seconds_saved += std::max(0.0, loaded.evaluate_seconds - loaded.seconds);
        if (CheckpointEntry* entry = catalogue_.find(id)) {
            ++entry->use.hits;
            entry->use.last_used_unix = now_unix();
            entry->use.load_seconds = loaded.seconds;
            index_stale_ = true;
        }
    }
    CacheEvent event;
    event.kind = CacheEvent::Kind::loaded;
    event.checkpoint = id;
    event.tokens = static_cast<std::int64_t>(loaded.state.tokens.size());
    event.bytes = loaded.bytes;
    event.seconds = loaded.seconds;
    tell(std::move(event));
}

void KvStore::missed() {
    const std::lock_guard lock(mutex_);
    ++stats_.lookups;
}

// --- texts -------------------------------------------------------------------------------------

Result<SegmentText> KvStore::read_segment_text(const ChainId& id) {
    const std::string path = segment_path(id);
    TRY(const std::vector<std::byte> start, files_.read(path, 0, kSegmentHeaderBytes));
    TRY(const SegmentHeader header, parse_segment_header(start));
    if (header.id != id || header.text_stored > header.text_raw + (1 << 16))
        return fail(ErrorCode::invalid_input, "the segment belongs to another place");
    TRY(const std::vector<std::byte> stored,
        files_.read(path, kSegmentHeaderBytes, static_cast<std::int64_t>(header.text_stored)));
    return decode_segment_text(header, stored);
}

Result<std::string> KvStore::text(const std::string& id) {
    TRY(const ReadFile file, read_checkpoint(id));
    std::string out;
    for (const ChainId& segment : file.header.segments) {
        TRY(const SegmentText part, read_segment_text(segment));
        out += part.text;
    }
    TRY(const CheckpointText rest,
        decode_checkpoint_text(file.header,
                               std::span<const std::byte>(file.bytes).subspan(file.header.bytes)));
    out += rest.tail.text;
    return out;
}

Result<std::vector<TokenAlternative>> KvStore::next_tokens(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const CheckpointEntry* entry = catalogue_.find(id);
    if (entry == nullptr || entry->writing)
        return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
    return entry->header.next;
}

Result<std::vector<ToolBlock>> KvStore::tool_blocks(const std::string& id) {
    TRY(const ReadFile file, read_checkpoint(id));
    TRY(CheckpointText rest,
        decode_checkpoint_text(file.header,
                               std::span<const std::byte>(file.bytes).subspan(file.header.bytes)));
    return std::move(rest.blocks);
}

std::optional<PrefixReport> KvStore::nearest(const std::string& fingerprint,
                                             std::string_view text) {
    std::vector<std::pair<std::int64_t, std::string>> candidates;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, entry] : catalogue_.entries())
            if (!entry.writing && to_hex(entry.header.fingerprint) == fingerprint &&
                catalogue_.complete(entry))
                candidates.emplace_back(entry.use.last_used_unix, id);
    }
    std::sort(candidates.rbegin(), candidates.rend());
    if (candidates.size() > kNearestCandidates) candidates.resize(kNearestCandidates);
    std::optional<PrefixReport> best;
    for (const auto& [used, id] : candidates) {
        CheckpointHeader header;
        {
            const std::lock_guard lock(mutex_);
            const CheckpointEntry* entry = catalogue_.find(id);
            if (entry == nullptr) continue;
            header = entry->header;
        }
        // Only as much as both have in common, and a little more to show how the cached text goes
        // on: most candidates part early, and their large files are never opened.
        std::string cached;
        bool same = true, readable = true;
        for (std::size_t i = 0; same && readable && i < header.segments.size(); ++i) {
            auto part = read_segment_text(header.segments[i]);
            readable = part.has_value();
            if (!readable) break;
            cached += part->text;
            same = text.substr(0, cached.size()) == cached;
        }
        if (same && readable) {
            auto whole = this->text(id);
            if (whole) cached = std::move(*whole);
        }
        PrefixReport report =
            prefix_report(cached, static_cast<std::size_t>(header.text_bytes), text);
        report.checkpoint = id;
        if (report.common_bytes > 0 && (!best || report.common_bytes > best->common_bytes))
            best = std::move(report);
    }
    return best;
}

// --- checking ----------------------------------------------------------------------------------

Result<std::vector<CacheProblem>> KvStore::verify(const std::string& id,
                                                  const CancelToken& cancel) {
    refresh_if_reading();
    std::vector<std::string> checkpoints;
    std::vector<ChainId> segments;
    std::vector<CacheProblem> problems;
    {
        const std::lock_guard lock(mutex_);
        if (!id.empty() && catalogue_.find(id) == nullptr)
            return fail(ErrorCode::not_found, "there is no checkpoint '{}'", id);
        for (const auto& [name, entry] : catalogue_.entries()) {
            if (entry.writing || (!id.empty() && name != id)) continue;
            checkpoints.push_back(name);
            segments.insert(segments.end(), entry.header.segments.begin(),
                            entry.header.segments.end());
        }
        if (id.empty()) {
            const std::vector<ChainId> orphans = catalogue_.unneeded_segments();
            segments.insert(segments.end(), orphans.begin(), orphans.end());
        }
    }
    std::sort(segments.begin(), segments.end());
    segments.erase(std::unique(segments.begin(), segments.end()), segments.end());
    const auto check = [&](const std::string& name, const Status& status) {
        if (!status) problems.push_back({name, status.error().message});
    };
    for (const std::string& name : checkpoints) {
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "checking was stopped");
        check("checkpoints/" + name + ".ckpt", [&]() -> Status {
            TRY(const ReadFile file, read_checkpoint(name));
            TRY(const CheckpointText text,
                decode_checkpoint_text(
                    file.header,
                    std::span<const std::byte>(file.bytes).subspan(file.header.bytes)));
            if (checkpoint_id(file.header, text.tail.tokens) != name)
                return fail(ErrorCode::invalid_input, "its tokens do not belong to its name");
            return {};
        }());
    }
    for (const ChainId& segment : segments) {
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "checking was stopped");
        check("segments/" + to_hex(segment) + ".seg", [&]() -> Status {
            const std::string path = segment_path(segment);
            TRY(const std::int64_t size, files_.size(path));
            TRY(const std::vector<std::byte> bytes, files_.read(path, 0, size));
            TRY(const SegmentParts parts, open_segment(bytes, segment, -1));
            TRY_STATUS(decode_segment_text(parts.header, parts.text));
            return check_segment_rows(parts.header, parts.rows);
        }());
    }
    return problems;
}

// --- CheckpointIo ------------------------------------------------------------------------------

Result<CheckpointState> KvStore::get(const std::string& id, const ModelStateShape& shape) {
    TRY(LoadedCheckpoint loaded, load(id, shape));
    return std::move(loaded.state);
}

Result<std::string> KvStore::put(const ModelStateShape& shape, CheckpointState state,
                                 const CheckpointMeta& meta) {
    TRY_STATUS(check_writable());
    SaveJob job;
    job.shape = std::make_shared<const ModelStateShape>(shape);
    job.state = std::move(state);
    job.meta = meta;
    job.requested = true;
    TRY(Pending pending, prepare(std::move(job)));
    // Behind what was handed over earlier, on this thread, so that its error is known.
    flush();
    TRY_STATUS(write(pending));
    const std::lock_guard io(io_mutex_);
    save_index();
    return pending.id;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "cache/catalogue.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "cache/frame.h"

namespace starglass {
namespace {

constexpr std::string_view kMagic = "SGKVIDX\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kFileBytesMax = std::int64_t{1} << 40;

// After this long without use the chance of another one has halved. Conversations come back for
// days, and a used system prompt is used again: hits add up, age takes away.
constexpr double kHalfLifeSeconds = 7 * 86400.0;

}  // namespace

std::size_t Catalogue::HashId::operator()(const ChainId& id) const {
    return load_unaligned<std::size_t>(reinterpret_cast<const std::byte*>(id.data()));
}

void Catalogue::add_segment(const ChainId& id, std::int64_t bytes) {
    Segment& segment = segments_[id];
    if (segment.bytes < 0)
        ++present_;
    else
        segment_bytes_ -= segment.bytes;
    segment.bytes = bytes;
    segment_bytes_ += bytes;
}

void Catalogue::remove_segment(const ChainId& id) {
    const auto found = segments_.find(id);
    if (found == segments_.end() || found->second.bytes < 0) return;
    segment_bytes_ -= found->second.bytes;
    --present_;
    found->second.bytes = -1;
    if (found->second.needed_by == 0) segments_.erase(found);
}

bool Catalogue::has_segment(const ChainId& id) const {
    const auto found = segments_.find(id);
    return found != segments_.end() && found->second.bytes >= 0;
}

bool Catalogue::needed(const ChainId& id) const {
    const auto found = segments_.find(id);
    return found != segments_.end() && found->second.needed_by > 0;
}

std::vector<ChainId> Catalogue::unneeded_segments() const {
    std::vector<ChainId> out;
    for (const auto& [id, segment] : segments_)
        if (segment.needed_by == 0 && segment.bytes >= 0) out.push_back(id);
    return out;
}

void Catalogue::count(const CheckpointEntry& entry, int step) {
    checkpoint_bytes_ += step * entry.file_bytes;
    for (const ChainId& id : entry.header.segments) {
        Segment& segment = segments_[id];
        segment.needed_by += step;
        if (segment.needed_by == 0 && segment.bytes < 0) segments_.erase(id);
    }
    if (entry.header.segments.empty() || entry.header.tail_tokens() != 0) return;
    const ChainId& end = entry.header.segments.back();
    if (step > 0)
        ends_[end] = entry.id;
    else if (const auto found = ends_.find(end); found != ends_.end() && found->second == entry.id)
        ends_.erase(found);
}

void Catalogue::add(CheckpointEntry entry) {
    remove(entry.id);
    count(entry, 1);
    std::string id = entry.id;
    entries_.emplace(std::move(id), std::move(entry));
}

void Catalogue::remove(const std::string& id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    count(found->second, -1);
    entries_.erase(found);
}

CheckpointEntry* Catalogue::find(const std::string& id) {
    const auto found = entries_.find(id);
    return found != entries_.end() ? &found->second : nullptr;
}

const CheckpointEntry* Catalogue::find(const std::string& id) const {
    const auto found = entries_.find(id);
    return found != entries_.end() ? &found->second : nullptr;
}

bool Catalogue::complete(const CheckpointEntry& entry) const {
    return std::all_of(entry.header.segments.begin(), entry.header.segments.end(),
                       [&](const ChainId& id) { return has_segment(id); });
}

std::int64_t Catalogue::guarded_bytes() const {
    std::int64_t total = 0;
    std::unordered_set<ChainId, HashId> seen;
    for (const auto& [id, entry] : entries_) {
        if (!entry.guarded()) continue;
        total += entry.file_bytes;
        for (const ChainId& segment : entry.header.segments) {
            const auto found = segments_.find(segment);
            if (found != segments_.end() && found->second.bytes > 0 && seen.insert(segment).second)
                total += found->second.bytes;
        }
    }
    return total;
}

std::int64_t Catalogue::shared_bytes(const CheckpointEntry& entry) const {
    std::int64_t total = 0;
    for (const ChainId& id : entry.header.segments) {
        const auto found = segments_.find(id);
        if (found != segments_.end() && found->second.bytes > 0) total += found->second.bytes;
    }
    return total;
}

std::int64_t Catalogue::freed_bytes(const CheckpointEntry& entry) const {
    std::int64_t total = entry.file_bytes;
    // A later segment is never needed by more than an earlier one.
    for (auto id = entry.header.segments.rbegin(); id != entry.header.segments.rend(); ++id) {
        const auto found = segments_.find(*id);
        if (found == segments_.end() || found->second.needed_by != 1) break;
        total += std::max<std::int64_t>(0, found->second.bytes);
    }
    return total;
}

const CheckpointEntry* Catalogue::parent(const CheckpointEntry& entry) const {
    const CheckpointEntry* best = nullptr;
    if (!entry.header.parent.empty() && entry.header.parent != entry.id) {
        best = find(entry.header.parent);
        if (best != nullptr && best->header.tokens >= entry.header.tokens) best = nullptr;
    }
    // One that ends where a segment of ours does may be nearer, or be all there is.
    const std::vector<ChainId>& chain = entry.header.segments;
    for (std::size_t count = chain.size(); count > 0; --count) {
        const auto tokens = static_cast<std::int64_t>(count) * kSegmentTokens;
        if (best != nullptr && best->header.tokens >= tokens) break;
        const auto found = ends_.find(chain[count - 1]);
        if (found == ends_.end() || found->second == entry.id) continue;
        const CheckpointEntry* other = find(found->second);
        if (other != nullptr && other->header.tokens < entry.header.tokens) return other;
    }
    return best;
}

double Catalogue::value(const CheckpointEntry& entry, std::int64_t now_unix) const {
    const CheckpointEntry* base = parent(entry);
    const double without = base != nullptr ? base->header.evaluate_seconds : 0;
    // Imported ones come without a measure; a token is taken for a millisecond, so that longer is
    // still worth more.
    const double measured = entry.header.evaluate_seconds - without;
    const double tokens =
        static_cast<double>(entry.header.tokens - (base != nullptr ? base->header.tokens : 0));
    const double saved = std::max(measured, tokens * 1e-3);
    // A clock that was set back makes the age negative; then it was just used.
    const double age = std::max<double>(
        0, static_cast<double>(now_unix) - static_cast<double>(entry.use.last_used_unix));
    const double chance = (1.0 + entry.use.hits) * std::exp2(-age / kHalfLifeSeconds);
    return saved * chance / static_cast<double>(std::max<std::int64_t>(1, freed_bytes(entry)));
}

std::vector<const CheckpointEntry*> Catalogue::eviction_order(std::int64_t now_unix) const {
    std::vector<std::pair<double, const CheckpointEntry*>> order;
    for (const auto& [id, entry] : entries_)
        if (!entry.guarded()) order.emplace_back(value(entry, now_unix), &entry);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
        if (a.first != b.first) return a.first < b.first;
        if (a.second->use.last_used_unix != b.second->use.last_used_unix)
            return a.second->use.last_used_unix < b.second->use.last_used_unix;
        return a.second->id < b.second->id;
    });
    std::vector<const CheckpointEntry*> out;
    out.reserve(order.size());
    for (const auto& one : order) out.push_back(one.second);
    return out;
}

std::vector<CheckpointInfo> Catalogue::describe(std::int64_t now_unix) const {
    std::unordered_map<std::string, int> rank;
    for (const CheckpointEntry* entry : eviction_order(now_unix)) {
        const int next = static_cast<int>(rank.size());
        rank.emplace(entry->id, next);
    }
    std::vector<CheckpointInfo> out;
    out.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) {
        if (entry.writing) continue;
        const CheckpointHeader& header = entry.header;
        CheckpointInfo info;
        info.id = id;
        if (const CheckpointEntry* base = parent(entry)) info.parent = base->id;
        info.model_fingerprint = to_hex(header.fingerprint);
        info.model_name = header.model_name;
        info.text_sha1 = to_hex(header.text_sha1);
        info.tokens = header.tokens;
        info.text_bytes = header.text_bytes;
        info.own_bytes = entry.file_bytes;
        info.shared_bytes = shared_bytes(entry);
        info.freed_bytes = freed_bytes(entry);
        info.reason = header.reason;
        info.created_unix = header.created_unix;
        info.last_used_unix = entry.use.last_used_unix;
        info.hits = entry.use.hits;
        info.pinned = entry.pinned;
        info.owned = entry.owned;
        info.evaluate_seconds = header.evaluate_seconds;
        info.load_seconds = entry.use.load_seconds;
        info.preview = header.preview;
        info.value = value(entry, now_unix);
        const auto found = rank.find(id);
        info.evict_rank = found != rank.end() ? found->second : -1;
        if (!complete(entry))
            info.trouble = "a segment it needs is missing or was set aside; it cannot be loaded";
        out.push_back(std::move(info));
    }
    std::sort(out.begin(), out.end(), [](const CheckpointInfo& a, const CheckpointInfo& b) {
        if (a.last_used_unix != b.last_used_unix) return a.last_used_unix > b.last_used_unix;
        return a.id < b.id;
    });
    return out;
}

// --- index file --------------------------------------------------------------------------------

std::vector<std::byte> Catalogue::write_index() const {
    ByteWriter out;
    out.put_text(kMagic);
    out.put(kVersion);
    const auto unfinished = std::count_if(entries_.begin(), entries_.end(),
                                          [](const auto& one) { return one.second.writing; });
    out.put(static_cast<std::uint32_t>(entries_.size() - static_cast<std::size_t>(unfinished)));
    for (const auto& [id, entry] : entries_) {
        if (entry.writing) continue;
        CheckpointHeader header = entry.header;
        const std::vector<std::byte> bytes = encode_checkpoint_header(header);
        out.put(static_cast<std::uint32_t>(id.size()));
        out.put(static_cast<std::uint32_t>(bytes.size()));
        out.put(entry.file_bytes);
        out.put(entry.modified_ns);
        out.put(static_cast<std::int64_t>(entry.use.hits));
        out.put(entry.use.last_used_unix);
        out.put(entry.use.load_seconds);
        out.put_text(id);
        out.put_bytes(bytes);
    }
    out.put(checksum(out.bytes()));
    return out.take();
}

Result<std::vector<CheckpointEntry>> Catalogue::read_index(std::span<const std::byte> bytes) {
    const auto damaged = [] {
        return fail(ErrorCode::invalid_input, "the index of the KV cache is damaged");
    };
    constexpr std::size_t kFrame = 8 + 4 + 4 + 8;
    if (bytes.size() < kFrame || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
        return damaged();
    const auto summed = bytes.first(bytes.size() - sizeof(std::uint64_t));
    if (load_unaligned<std::uint64_t>(bytes.data() + summed.size()) != checksum(summed))
        return damaged();
    ByteReader in(summed);
    std::uint32_t version = 0, count = 0;
    if (!in.skip(kMagic.size()) || !in.read(version) || !in.read(count) || version != kVersion)
        return damaged();
    std::vector<CheckpointEntry> out;
    for (std::uint32_t i = 0; i < count; ++i) {
        CheckpointEntry entry;
        std::uint32_t id_bytes = 0, header_bytes = 0;
        std::int64_t hits = 0;
        std::span<const std::byte> id, header;
        if (!in.read(id_bytes) || !in.read(header_bytes) || !in.read(entry.file_bytes) ||
            !in.read(entry.modified_ns) || !in.read(hits) || !in.read(entry.use.last_used_unix) ||
            !in.read(entry.use.load_seconds) || !in.read_bytes(id_bytes, id) ||
            !in.read_bytes(header_bytes, header))
            return damaged();
        entry.id.assign(reinterpret_cast<const char*>(id.data()), id.size());
        entry.use.hits = static_cast<int>(std::clamp<std::int64_t>(hits, 0, 1'000'000'000));
        if (!std::isfinite(entry.use.load_seconds)) return damaged();
        TRY(entry.header, parse_checkpoint_header(header));
        // The file's size follows from its header; sums of sizes must not overflow.
        if (header.size() != entry.header.bytes || entry.file_bytes > kFileBytesMax ||
            entry.file_bytes < static_cast<std::int64_t>(entry.header.bytes) ||
            entry.header.body_stored !=
                static_cast<std::uint64_t>(entry.file_bytes) - entry.header.bytes)
            return damaged();
        out.push_back(std::move(entry));
    }
    if (in.remaining() != 0) return damaged();
    return out;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// A checkpoint and its segments as one file, to be carried to another machine. The files lie in it
// as they are, so an import checks them as a load would. docs/kv_file.md draws the bytes.
#include <cstring>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "cache/frame.h"
#include "cache/kv_store.h"

namespace starglass {
namespace {

constexpr std::string_view kMagic = "SGKVPAK\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kHeadBytes = 8 + 4 + 4 + 8;
// One file of a bundle; a larger claim is not read.
constexpr std::uint64_t kPartBytesMax = std::uint64_t{2} << 30;

}  // namespace

//   magic | u32 version | u32 segments | u64 bytes of the checkpoint | checkpoint
//   then for each segment, in order: u64 bytes | segment
Status KvStore::export_bundle(const std::string& id, const std::string& path) {
    flush();
    TRY(const ReadFile file, read_checkpoint(id));
    const std::string temporary = path + std::string(kTemporarySuffix);
    const auto write = [&]() -> Status {
        TRY(const std::unique_ptr<WritableFile> out, files_.create(temporary));
        ByteWriter head;
        head.put_text(kMagic);
        head.put(kVersion);
        head.put(static_cast<std::uint32_t>(file.header.segments.size()));
        head.put(static_cast<std::uint64_t>(file.bytes.size()));
        TRY_STATUS(out->write(head.bytes()));
        TRY_STATUS(out->write(file.bytes));
        for (const ChainId& segment : file.header.segments) {
            TRY(const std::int64_t size, files_.size(segment_path(segment)));
            TRY(const std::vector<std::byte> bytes, files_.read(segment_path(segment), 0, size));
            const std::uint64_t length = bytes.size();
            TRY_STATUS(out->write(std::as_bytes(std::span(&length, 1))));
            TRY_STATUS(out->write(bytes));
        }
        TRY_STATUS(out->sync());
        TRY_STATUS(out->close());
        TRY_STATUS(files_.rename(temporary, path));
        const std::size_t slash = path.find_last_of('/');
        return files_.sync_directory(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    };
    Status status = write();
    if (!status) (void)files_.remove(temporary);
    return status;
}

Result<std::string> KvStore::import_bundle(const std::string& path) {
    TRY_STATUS(check_writable());
    const auto broken = [&](std::string_view why) {
        return fail(ErrorCode::invalid_input, "'{}' is not a usable KV bundle: {}", path, why);
    };
    std::int64_t at = 0;
    const auto take = [&](std::uint64_t length) -> Result<std::vector<std::byte>> {
        if (length > kPartBytesMax) return broken("one of its parts claims to be too large");
        TRY(std::vector<std::byte> bytes, files_.read(path, at, static_cast<std::int64_t>(length)));
        if (bytes.size() != length) return broken("it is cut off");
        at += static_cast<std::int64_t>(length);
        return bytes;
    };
    TRY(const std::vector<std::byte> head, take(kHeadBytes));
    if (std::memcmp(head.data(), kMagic.data(), kMagic.size()) != 0)
        return broken("it does not begin as one");
    ByteReader in(std::span<const std::byte>(head).subspan(kMagic.size()));
    std::uint32_t version = 0, count = 0;
    std::uint64_t length = 0;
    if (!in.read(version) || !in.read(count) || !in.read(length) || version != kVersion)
        return broken("it has another format version");
    TRY(const std::vector<std::byte> checkpoint, take(length));
    auto header = parse_checkpoint_header(checkpoint);
    if (!header) return broken(header.error().message);
    if (header->segments.size() != count ||
        checkpoint.size() != header->bytes + header->body_stored)
        return broken("its checkpoint is not whole");
    auto tail = decode_checkpoint_text(
        *header, std::span<const std::byte>(checkpoint).subspan(header->bytes));
    if (!tail) return broken(tail.error().message);
    const std::string id = checkpoint_id(*header, tail->tail.tokens);

    const ChangeFiles io(*this);
    std::int64_t added = 0;
    TRY(const std::int64_t whole, files_.size(path));
    TRY_STATUS(make_room(whole, {}));
    Sha1 text;
    std::int64_t text_bytes = 0;
    ChainId parent = chain_root(header->fingerprint);
    for (std::uint32_t i = 0; i < count; ++i) {
        TRY(const std::vector<std::byte> prefix, take(sizeof(std::uint64_t)));
        TRY(const std::vector<std::byte> bytes, take(load_unaligned<std::uint64_t>(prefix.data())));
        auto segment = parse_segment_header(bytes);
        if (!segment) return broken(segment.error().message);
        const auto stored = std::span<const std::byte>(bytes).subspan(kSegmentHeaderBytes);
        if (segment->id != header->segments[i] || segment->parent != parent ||
            segment->tokens != kSegmentTokens ||
            segment->first_token != std::int64_t{i} * kSegmentTokens ||
            segment->text_stored > stored.size() ||
            segment->rows_stored != stored.size() - segment->text_stored)
            return broken(fmt::format("segment {} is not the one that belongs there", i));
        auto words = decode_segment_text(*segment, stored);
        if (!words) return broken(words.error().message);
        if (checksum(stored.subspan(segment->text_stored)) != segment->rows_checksum)
            return broken(fmt::format("the rows of segment {} are damaged", i));
        text.update(words->text);
        text_bytes += static_cast<std::int64_t>(words->text.size());
        parent = segment->id;
        {
            const std::lock_guard lock(mutex_);
            if (catalogue_.has_segment(segment->id)) continue;
        }
        const std::span<const std::byte> part = bytes;
        TRY_STATUS(write_durably(files_, segment_path(segment->id), std::span(&part, 1)));
        added += static_cast<std::int64_t>(bytes.size());
        const std::lock_guard lock(mutex_);
        catalogue_.add_segment(segment->id, static_cast<std::int64_t>(bytes.size()));
    }
    text.update(tail->tail.text);
    text_bytes += static_cast<std::int64_t>(tail->tail.text.size());
    if (at != whole) return broken("it has bytes too many");
    if (text.value() != header->text_sha1 || text_bytes != header->text_bytes)
        return broken("its text does not belong to its name");
    TRY_STATUS(files_.sync_directory(segments_dir_));
    {
        // What was computed here is not given up for what somebody else computed.
        const std::lock_guard lock(mutex_);
        const CheckpointEntry* there = catalogue_.find(id);
        if (there != nullptr && catalogue_.complete(*there) &&
            (there->header.has_logits || !header->has_logits))
            return id;
    }
    const std::span<const std::byte> part = checkpoint;
    TRY_STATUS(write_durably(files_, checkpoint_path(id), std::span(&part, 1)));
    TRY_STATUS(files_.sync_directory(checkpoints_dir_));
    CheckpointEntry entry;
    entry.id = id;
    entry.header = std::move(*header);
    entry.file_bytes = static_cast<std::int64_t>(checkpoint.size());
    entry.use.last_used_unix = now_unix();
    CacheEvent event;
    event.kind = CacheEvent::Kind::saved;
    event.checkpoint = id;
    event.reason = SaveReason::imported;
    event.tokens = entry.header.tokens;
    event.bytes = added + entry.file_bytes;
    {
        const std::lock_guard lock(mutex_);
        if (const CheckpointEntry* there = catalogue_.find(id)) {
            entry.use = there->use;
            entry.pinned = there->pinned;
            entry.owned = there->owned;
        }
        catalogue_.add(std::move(entry));
    }
    save_index();
    post(std::move(event));
    return id;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// libFuzzer target for bundles of the KV cache: an import into an empty store on a disk in memory.
// Whatever is refused leaves no checkpoint and nothing half written; whatever is accepted is whole,
// can be read, is counted right, and exports to something that imports again.
#include "cache/kv_store.h"
#include "fuzz/kv_fuzz.h"
#include "support/memory_file_system.h"

namespace starglass::fuzz {
namespace {

constexpr std::size_t kHead = 8 + 4 + 4 + 8;

Bytes bundle(const Bytes& checkpoint, const std::vector<Bytes>& segments, const Bytes& end) {
    Bytes out(kHead);
    std::memcpy(out.data(), "SGKVPAK\n", 8);
    patch(out, 8, std::uint32_t{1});
    patch(out, 12, static_cast<std::uint32_t>(segments.size()));
    patch(out, 16, std::uint64_t{checkpoint.size()});
    append(out, checkpoint);
    for (const Bytes& segment : segments) {
        out.resize(out.size() + 8);
        patch(out, out.size() - 8, std::uint64_t{segment.size()});
        append(out, segment);
    }
    append(out, end);
    return out;
}

std::shared_ptr<KvStore> open_store(FileSystem& files) {
    KvCacheOptions options;
    options.directory = "/kv";
    options.budget_bytes = std::int64_t{1} << 40;
    auto store = KvStore::open(options, files);
    require(store.has_value());
    return *store;
}

void require_nothing_half_done(const test::MemoryFileSystem& disk, bool refused) {
    for (const auto& [path, bytes] : disk.all()) {
        require(!path.ends_with(kTemporarySuffix));
        // Segments that came before the trouble are garbage for the next collection.
        if (refused) require(path == "/in" || path.starts_with("/kv/segments/"));
    }
}

void use(KvStore& store, test::MemoryFileSystem& disk, const std::string& id) {
    const auto info = store.info(id);
    require(info && info->trouble.empty() && id.starts_with(info->text_sha1));
    std::int64_t bytes = 0;
    for (const auto& [path, size] : disk.all())
        if (path.starts_with("/kv/segments/") || path.starts_with("/kv/checkpoints/"))
            bytes += size;
    require(store.stats().bytes == bytes);
    const auto text = store.text(id);
    require(text && static_cast<std::int64_t>(text->size()) == info->text_bytes);
    require(store.match(info->model_fingerprint, *text).size() == 1);
    require(store.tool_blocks(id).has_value());
    // It comes before anything is loaded: a load sets aside what it finds damaged.
    require(store.export_bundle(id, "/out").has_value());
    {
        test::MemoryFileSystem other;
        other.put("/in", *disk.read("/out", 0, std::int64_t{1} << 30));
        const auto again = open_store(other)->import_bundle("/in");
        require(again && *again == id);
    }
    const auto problems = store.verify({}, CancelToken());
    require(problems.has_value());
    for (const CacheProblem& one : *problems) require(!one.message.empty());
    if (info->tokens > 4096) return;
    const auto loaded = store.load(id, shape());
    if (!accepted(loaded)) return;
    require(problems->empty());
    require(static_cast<std::int64_t>(loaded->state.tokens.size()) == info->tokens &&
            loaded->state.text == *text);
    for (const std::int32_t token : loaded->state.tokens)
        require(token >= 0 && token < shape().vocabulary);
}

// --- mutations ---------------------------------------------------------------------------------

void mutate_bundle(Bytes& file, Random& random) {
    const auto mode = random() % 8;
    if (mode == 0 || file.size() < kHead) return mutate_part(file, 0, file.size());
    // In parts, as far as their lengths make sense.
    std::size_t at = kHead;
    const auto take = [&](std::uint64_t length) {
        Bytes part = slice(file, at, std::min<std::uint64_t>(length, file.size() - at));
        at += part.size();
        return part;
    };
    Bytes checkpoint = take(load_unaligned<std::uint64_t>(file.data() + 16));
    std::vector<Bytes> segments;
    while (file.size() - at > 8) {
        const auto length = load_unaligned<std::uint64_t>(file.data() + at);
        if (length > file.size() - at - 8) break;
        at += 8;
        segments.push_back(take(length));
    }
    Bytes end = slice(file, at, file.size());
    if (mode == 1) {
        mutate_in_place(file, 0, kHead);
        return;
    }
    if (mode == 2 && !segments.empty()) {
        const std::size_t which = random() % segments.size();
        if (random() % 2 == 0)
            segments.push_back(segments[which]);
        else
            segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(which));
    } else if (mode <= 4 && !segments.empty()) {
        mutate_segment(segments[random() % segments.size()], random);
    } else {
        mutate_checkpoint(checkpoint, random);
    }
    // What was changed gets the names that are its own, so that it is not refused for them.
    auto header = parse_checkpoint_header(checkpoint);
    if (header && header->bytes <= checkpoint.size() && random() % 4 != 0) {
        const Bytes body = slice(checkpoint, header->bytes, checkpoint.size());
        Sha1 text;
        std::int64_t text_bytes = 0;
        const auto add = [&](const std::string& words) {
            text.update(words);
            text_bytes += static_cast<std::int64_t>(words.size());
        };
        ChainId parent = chain_root(header->fingerprint);
        for (std::size_t i = 0; i < segments.size() && i < header->segments.size(); ++i) {
            if (segments[i].size() < kSegmentHeaderBytes) break;
            patch(segments[i], kSegId + 32, parent);
            repair_segment(segments[i], true);
            const auto segment = parse_segment_header(segments[i]);
            if (!segment) break;
            header->segments[i] = parent = segment->id;
            const auto words = decode_segment_text(
                *segment, std::span<const std::byte>(segments[i]).subspan(kSegmentHeaderBytes));
            if (words) add(words->text);
        }
        if (const auto tail = decode_checkpoint_text(*header, body)) add(tail->tail.text);
        header->text_sha1 = text.value();
        if (random() % 8 != 0) header->text_bytes = text_bytes;
        checkpoint = encode_checkpoint_header(*header);
        append(checkpoint, body);
    }
    file = bundle(checkpoint, segments, end);
}

}  // namespace
}  // namespace starglass::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    using namespace starglass::fuzz;
    write_seeds_if_asked([] {
        std::vector<Bytes> out;
        for (const Sample& one : samples()) out.push_back(bundle(one.checkpoint, one.segments, {}));
        return out;
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    using namespace starglass::fuzz;
    test::MemoryFileSystem disk;
    disk.put("/in", copy_of(data, size));
    {
        const auto store = open_store(disk);
        const auto id = store->import_bundle("/in");
        require_nothing_half_done(disk, !id);
        if (accepted(id)) use(*store, disk, *id);
    }
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    using namespace starglass::fuzz;
    return mutate_input(data, size, size_max, seed, mutate_bundle);
}

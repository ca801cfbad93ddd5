// SPDX-License-Identifier: MIT
//
// What the fuzz targets of the KV cache's files and a reading of its code found: claims that would
// cost memory, bundles that fit nowhere, files that change while they are read, and listeners that
// call back.
#include <limits>

#include "base/byte_writer.h"
#include "cache/cache_support.h"
#include "cache/frame.h"
#include "support/memory_file_system.h"

namespace starglass::test {
namespace {

// Reads of one file see its first half a few times, as if a save had just replaced it.
class HalfReadDisk final : public MemoryFileSystem {
public:
    std::string path;
    int half_reads = 0;
    Result<Bytes> read(const std::string& from, std::int64_t offset, std::int64_t length) override {
        auto bytes = MemoryFileSystem::read(from, offset, length);
        if (bytes && from == path && half_reads > 0) {
            --half_reads;
            bytes->resize(bytes->size() / 2);
        }
        return bytes;
    }
};

class KvDamageTest : public testing::Test {
protected:
    static std::shared_ptr<KvStore> open(FileSystem& files,
                                         std::int64_t budget = std::int64_t{1} << 40) {
        KvCacheOptions options;
        options.directory = "/kv";
        options.budget_bytes = budget;
        auto store = KvStore::open(options, files);
        EXPECT_TRUE(store) << store.error().message;
        return *store;
    }
    std::string save(KvStore& store, std::uint32_t seed, std::int64_t tokens, bool logits = true) {
        FakeConversation talk(shape_, seed);
        talk.grow(tokens);
        auto id = store.enqueue(talk.job(SaveReason::turn, logits));
        EXPECT_TRUE(id) << id.error().message;
        store.flush();
        return id.value_or("");
    }
    static std::vector<std::byte> whole(FileSystem& files, const std::string& path) {
        return *files.read(path, 0, std::int64_t{1} << 40);
    }

    MemoryFileSystem disk_;
    std::shared_ptr<const ModelStateShape> shape_ =
        std::make_shared<const ModelStateShape>(small_shape());
};

TEST_F(KvDamageTest, AClaimOfMemoryIsNoReasonToTakeIt) {
    const std::string id = save(*open(disk_), 1, 20);
    const auto file = whole(disk_, "/kv/checkpoints/" + id + ".ckpt");
    auto header = *parse_checkpoint_header(file);
    const std::vector<std::byte> good(file.begin() + static_cast<std::ptrdiff_t>(header.bytes),
                                      file.end());
    // The header claims more than the frame, and as much as a frame of this length could hold.
    for (const std::uint64_t claim :
         {std::uint64_t{100} << 20, std::uint64_t{good.size()} << 17U}) {
        header.body_raw = claim;
        EXPECT_EQ(decode_checkpoint_text(header, good).error().code, ErrorCode::invalid_input);
    }
    // Frame and header agree, and no shape is near it.
    const std::vector<std::byte> bomb = pack(std::vector<std::byte>(std::size_t{200} << 20));
    ASSERT_LT(bomb.size(), 100'000U);
    header.body_raw = std::uint64_t{200} << 20;
    header.body_stored = bomb.size();
    header.body_checksum = checksum(bomb);
    EXPECT_FALSE(decode_checkpoint_text(header, bomb));
    CheckpointState state;
    EXPECT_EQ(decode_checkpoint_body(header, bomb, *shape_, state).error().code,
              ErrorCode::unsupported);
    // Rows are checked without a shape and without room for them.
    // (A multiple of the piece that the check unpacks at a time, and not.)
    EXPECT_TRUE(check_frame(bomb, std::uint64_t{200} << 20, "it"));
    EXPECT_TRUE(check_frame(pack(std::vector<std::byte>(300'001)), 300'001, "it"));
    EXPECT_TRUE(check_frame(pack({}), 0, "it"));
    EXPECT_FALSE(check_frame(bomb, (std::uint64_t{200} << 20) - 1, "it"));
    EXPECT_FALSE(
        check_frame(std::span(bomb).first(bomb.size() - 1), std::uint64_t{200} << 20, "it"));
}

TEST_F(KvDamageTest, BlocksThatWouldNotBeReadAgainAreNotWritten) {
    FakeConversation talk(shape_, 1);
    talk.grow(20);
    SaveJob job = talk.job();
    job.state.blocks = {{"a", std::string(40 << 20, 'x')}, {"b", std::string(40 << 20, 'y')}};
    auto store = open(disk_);
    const auto id = store->enqueue(std::move(job));
    ASSERT_TRUE(id);
    store->flush();
    const auto blocks = store->tool_blocks(*id);
    ASSERT_TRUE(blocks) << blocks.error().message;
    ASSERT_EQ(blocks->size(), 1U);
    EXPECT_EQ(blocks->front().id, "a");
    EXPECT_TRUE(store->load(*id, *shape_));
}

TEST_F(KvDamageTest, AnIndexWithSizesNoFileHasIsNotBelieved) {
    const std::string id = save(*open(disk_), 1, 20);
    auto entries = Catalogue::read_index(whole(disk_, "/kv/index"));
    ASSERT_TRUE(entries) << entries.error().message;
    ASSERT_EQ(entries->size(), 1U);
    for (const std::int64_t bytes :
         {std::int64_t{-1}, std::int64_t{0}, entries->front().file_bytes - 1,
          entries->front().file_bytes + 1, std::numeric_limits<std::int64_t>::max()}) {
        Catalogue catalogue;
        CheckpointEntry entry = entries->front();
        entry.file_bytes = bytes;
        catalogue.add(entry);
        EXPECT_FALSE(Catalogue::read_index(catalogue.write_index())) << bytes;
    }
    // A time of use that no clock shows is old or new, not undefined.
    Catalogue catalogue;
    CheckpointEntry entry = entries->front();
    entry.use.last_used_unix = std::numeric_limits<std::int64_t>::min();
    catalogue.add(entry);
    EXPECT_EQ(catalogue.describe(1'700'000'000).front().value, 0);
}

TEST_F(KvDamageTest, ABundleWithAShortSegmentIsRefused) {
    const std::string id = save(*open(disk_), 1, 600);
    auto checkpoint = whole(disk_, "/kv/checkpoints/" + id + ".ckpt");
    auto header = *parse_checkpoint_header(checkpoint);
    const std::vector<std::byte> body(
        checkpoint.begin() + static_cast<std::ptrdiff_t>(header.bytes), checkpoint.end());
    const auto tail = *decode_checkpoint_text(header, body);
    // 100 tokens where 512 belong; every name and checksum fits.
    SegmentHeader segment;
    segment.parent = chain_root(header.fingerprint);
    segment.producer = header.producer;
    SegmentText words{std::vector<std::int32_t>(100, 7), "short "};
    segment.id = chain_link(segment.parent, segment.producer, 0, words.tokens);
    FakeConversation talk(shape_, 1);
    talk.grow(600);
    const auto bytes = encode_segment(segment, words, talk.job().state.kv, shape_->layers);
    header.segments[0] = segment.id;
    Sha1 text;
    text.update(words.text);
    text.update(tail.tail.text);
    header.text_sha1 = text.value();
    header.text_bytes = static_cast<std::int64_t>(words.text.size() + tail.tail.text.size());
    const auto put = [&](const CheckpointHeader& of) {
        CheckpointHeader copy = of;
        checkpoint = encode_checkpoint_header(copy);
        checkpoint.insert(checkpoint.end(), body.begin(), body.end());
        ByteWriter out;
        out.put_text("SGKVPAK\n");
        out.put(std::uint32_t{1});
        out.put(static_cast<std::uint32_t>(of.segments.size()));
        out.put(std::uint64_t{checkpoint.size()});
        out.put_bytes(checkpoint);
        if (!of.segments.empty()) {
            out.put(std::uint64_t{bytes.size()});
            out.put_bytes(bytes);
        }
        disk_.put("/bundle", out.take());
    };
    put(header);
    MemoryFileSystem other;
    other.put("/bundle", whole(disk_, "/bundle"));
    EXPECT_FALSE(open(other)->import_bundle("/bundle"));
    EXPECT_THAT(open(other)->list(), testing::IsEmpty());
    // A length of text that is not its own would be looked up under another text.
    header.segments.clear();
    header.tokens = static_cast<std::int64_t>(tail.tail.tokens.size());
    Sha1 rest;
    rest.update(tail.tail.text);
    header.text_sha1 = rest.value();
    header.text_bytes = 5;
    put(header);
    other.put("/bundle", whole(disk_, "/bundle"));
    EXPECT_FALSE(open(other)->import_bundle("/bundle"));
    header.text_bytes = static_cast<std::int64_t>(tail.tail.text.size());
    put(header);
    other.put("/bundle", whole(disk_, "/bundle"));
    EXPECT_TRUE(open(other)->import_bundle("/bundle"));
}

TEST_F(KvDamageTest, AnImportDoesNotReplaceWhatWasComputedHere) {
    MemoryFileSystem other;
    const std::string id = save(*open(other), 1, 20, false);
    ASSERT_TRUE(open(other)->export_bundle(id, "/bundle"));
    disk_.put("/bundle", whole(other, "/bundle"));
    auto store = open(disk_);
    ASSERT_EQ(save(*store, 1, 20), id);
    const auto before = whole(disk_, "/kv/checkpoints/" + id + ".ckpt");
    ASSERT_EQ(*store->import_bundle("/bundle"), id);
    EXPECT_EQ(whole(disk_, "/kv/checkpoints/" + id + ".ckpt"), before);
    EXPECT_FALSE(store->load(id, *shape_)->state.logits.empty());
}

TEST_F(KvDamageTest, AFileThatIsReplacedWhileItIsReadIsNotSetAside) {
    HalfReadDisk disk;
    auto store = open(disk);
    const std::string id = save(*store, 1, 600);
    Heard heard;
    store->set_listener(heard.listener());
    for (const std::string& path :
         {"/kv/checkpoints/" + id + ".ckpt", disk.list("/kv/segments")->front().name}) {
        disk.path = path.starts_with('/') ? path : "/kv/segments/" + path;
        disk.half_reads = 1;
        EXPECT_TRUE(store->load(id, *shape_)) << path;
        EXPECT_EQ(store->stats().set_aside, 0);
    }
    EXPECT_THAT(heard.of(CacheEvent::Kind::set_aside), testing::IsEmpty());
    disk.half_reads = 2;
    EXPECT_FALSE(store->load(id, *shape_));
    EXPECT_EQ(store->stats().set_aside, 1);
    // Gone for good, and said without reading or making room for the rest.
    const auto again = store->load(id, *shape_);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::not_found);
    EXPECT_EQ(store->stats().set_aside, 1);
}

TEST_F(KvDamageTest, AnIdIsLookedUpBeforeItIsAPath) {
    auto store = open(disk_);
    save(*store, 1, 20);
    for (const char* const name : {"/x.ckpt", "/kv/checkpoints/../../x.ckpt", "/x.pin"})
        disk_.put(name, std::vector<std::byte>(10));
    const auto before = disk_.all();
    for (const std::string id : {"../../x", "/x", "", ".", "../segments/x"}) {
        EXPECT_EQ(store->remove(id).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->pin(id, true).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->pin(id, false).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->own(id, true).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->load(id, *shape_).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->text(id).error().code, ErrorCode::not_found) << id;
        EXPECT_EQ(store->export_bundle(id, "/out").error().code, ErrorCode::not_found) << id;
    }
    EXPECT_EQ(disk_.all(), before);
}

TEST_F(KvDamageTest, ListenersMayCallBack) {
    auto store = open(disk_);
    std::atomic<int> calls{0};
    store->set_listener([&](const CacheEvent& event) {
        if (event.kind != CacheEvent::Kind::saved) return;
        store->flush();
        EXPECT_TRUE(store->pin(event.checkpoint, true));
        EXPECT_TRUE(store->own(event.checkpoint, true));
        EXPECT_TRUE(store->collect_garbage());
        ++calls;
    });
    const std::string id = save(*store, 1, 20);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(store->info(id)->owned);
    store->set_listener({});
}

TEST_F(KvDamageTest, SegmentsThatNobodyNeedsGoBeforeCheckpoints) {
    std::string id;
    std::int64_t used = 0;
    {
        auto store = open(disk_);
        save(*store, 1, 600);
        id = save(*store, 2, 100);
        used = store->stats().bytes;
    }
    // As after a crash between a segment and its checkpoint.
    for (const auto& [path, bytes] : disk_.all())
        if (path.starts_with("/kv/checkpoints/") && path.find(id) == std::string::npos)
            ASSERT_TRUE(disk_.remove(path));
    const std::int64_t here = open(disk_)->stats().bytes;
    ASSERT_LT(here, used);
    auto store = open(disk_, here);
    EXPECT_EQ(store->stats().segments, 1);
    EXPECT_TRUE(*store->set_budget(here - 1) > 0);
    EXPECT_EQ(store->stats().segments, 0);
    EXPECT_TRUE(store->info(id)) << "a checkpoint went although an orphan would have done";
}

}  // namespace
}  // namespace starglass::test

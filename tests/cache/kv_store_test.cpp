// SPDX-License-Identifier: MIT
//
// The store on real files: what comes back, what is shared, what goes first, what damage does.
#include "cache/cache_support.h"

namespace starglass::test {
namespace {

class KvStoreTest : public testing::Test {
protected:
    std::shared_ptr<KvStore> open(std::int64_t budget = std::int64_t{1} << 40,
                                  FileSystem& files = FileSystem::disk()) {
        KvCacheOptions options;
        options.directory = folder_.path() + "/kv";
        options.budget_bytes = budget;
        auto store = KvStore::open(options, files);
        EXPECT_TRUE(store) << store.error().message;
        (*store)->set_listener(heard_.listener());
        return *store;
    }
    FakeConversation conversation(std::uint32_t seed, std::int64_t tokens) {
        FakeConversation out(shape_, seed);
        out.grow(tokens);
        return out;
    }
    static std::string save(KvStore& store, const FakeConversation& what,
                            SaveReason reason = SaveReason::turn, bool logits = true) {
        auto id = store.enqueue(what.job(reason, logits));
        EXPECT_TRUE(id) << id.error().message;
        store.flush();
        return id.value_or("");
    }
    std::filesystem::path segments() { return folder_ / "kv/segments"; }
    std::filesystem::path checkpoints() { return folder_ / "kv/checkpoints"; }

    Folder folder_;
    Heard heard_;
    std::shared_ptr<const ModelStateShape> shape_ =
        std::make_shared<const ModelStateShape>(small_shape());
};

TEST_F(KvStoreTest, StatesOfEveryLengthComeBackBitForBit) {
    auto store = open();
    FakeConversation talk(shape_, 1);
    // Around windows, groups, pages and segments.
    for (const std::int64_t length :
         {1, 3, 4, 5, 127, 128, 129, 300, 511, 512, 513, 1023, 1024, 1030, 2048, 2111}) {
        talk.grow(length - static_cast<std::int64_t>(talk.tokens().size()));
        const bool logits = length % 2 != 0;
        const std::string id = save(*store, talk, SaveReason::turn, logits);
        auto loaded = store->load(id, *shape_);
        ASSERT_TRUE(loaded) << length << ": " << loaded.error().message;
        expect_same_state(loaded->state, talk.job(SaveReason::turn, logits).state, *shape_);
        EXPECT_EQ(*store->text(id), talk.text());
    }
    EXPECT_THAT(*store->verify({}, CancelToken()), testing::IsEmpty());
}

TEST_F(KvStoreTest, AStateThatGrowsFurtherDoesNotChangeWhatIsSaved) {
    auto store = open();
    FakeConversation talk = conversation(1, 700);
    const CheckpointState before = talk.job().state;
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i) {
        ids.push_back(*store->enqueue(talk.job()));
        talk.grow(37);  // while the I/O thread writes
    }
    store->flush();
    auto loaded = store->load(ids[0], *shape_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    expect_same_state(loaded->state, before, *shape_);
}

TEST_F(KvStoreTest, ForksAndFurtherTurnsWriteOnlyWhatIsNew) {
    auto store = open();
    FakeConversation talk = conversation(1, 1536);
    save(*store, talk);
    EXPECT_EQ(files_in(segments(), ".seg").size(), 3U);
    FakeConversation fork(shape_, 1);
    fork.grow(1536);
    fork.add(999);
    fork.grow(100);
    save(*store, fork);
    EXPECT_EQ(files_in(segments(), ".seg").size(), 3U);
    talk.grow(512);
    save(*store, talk);
    EXPECT_EQ(files_in(segments(), ".seg").size(), 4U);
    const std::int64_t bytes = store->stats().bytes;
    // Sharing is counted once, and what one checkpoint alone needs is what removing it frees.
    std::int64_t files = 0;
    for (const auto& path : files_in(segments(), ".seg"))
        files += static_cast<std::int64_t>(std::filesystem::file_size(path));
    for (const auto& path : files_in(checkpoints(), ".ckpt"))
        files += static_cast<std::int64_t>(std::filesystem::file_size(path));
    EXPECT_EQ(bytes, files);
    while (!store->list().empty()) {
        const CheckpointInfo info = store->list().front();
        const std::int64_t freed = info.freed_bytes;
        ASSERT_TRUE(store->remove(info.id));
        EXPECT_EQ(store->stats().bytes, files - freed);
        files -= freed;
    }
    EXPECT_EQ(files, 0);
}

TEST_F(KvStoreTest, TheLongestTextThatLoadsIsFound) {
    auto store = open();
    FakeConversation talk = conversation(1, 300);
    const std::string a = save(*store, talk);
    talk.grow(300);
    const std::string b = save(*store, talk);
    talk.grow(600);
    const std::string c = save(*store, talk);
    talk.grow(5);
    const FakeConversation other = conversation(2, 900);
    save(*store, other);
    const auto found = store->match(shape_->fingerprint, talk.text());
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].id, c);
    EXPECT_EQ(found[1].id, b);
    EXPECT_EQ(found[2].id, a);
    EXPECT_THAT(store->match("ffffffffffffffffffffffffffffffff", talk.text()), testing::IsEmpty());
    ModelStateShape foreign = *shape_;
    foreign.fingerprint = "ffffffffffffffffffffffffffffffff";
    EXPECT_EQ(store->load(c, foreign).error().code, ErrorCode::unsupported);
    const auto infos = store->list();
    ASSERT_EQ(infos.size(), 4U);
}

TEST_F(KvStoreTest, TheIndexIsOnlyAMemory) {
    std::string id;
    {
        auto store = open();
        id = save(*store, conversation(1, 900));
        ASSERT_TRUE(store->pin(id, true));
        auto loaded = store->load(id, *shape_);
        store->used(id, *loaded);
    }
    const auto check = [&](int hits) {
        auto store = open();
        const auto info = store->info(id);
        ASSERT_TRUE(info);
        EXPECT_EQ(info->hits, hits);
        EXPECT_TRUE(info->pinned);
        EXPECT_EQ(info->tokens, 900);
        EXPECT_TRUE(store->load(id, *shape_));
    };
    check(1);
    const std::filesystem::path index = folder_ / "kv/index";
    const std::string good = read_all(index);
    for (std::size_t at = 0; at < good.size(); at += 7) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        write_all(index, bad);
        auto store = open();
        ASSERT_TRUE(store->info(id)) << at;
        EXPECT_EQ(store->info(id)->hits, 0) << "a damaged index is not believed, byte " << at;
    }
    write_all(index, good.substr(0, good.size() / 2));
    check(0);
    std::filesystem::remove(index);
    check(0);
    // Stale: files came and went behind its back.
    std::filesystem::remove(checkpoints() / (id + ".ckpt"));
    EXPECT_FALSE(open()->info(id));
}

TEST_F(KvStoreTest, EveryFlippedBitIsNoticedAndTheNextShorterOneServes) {
    FakeConversation talk = conversation(3, 560);
    std::string first, second;
    {
        auto store = open();
        first = save(*store, talk);
        talk.grow(20);
        second = save(*store, talk);
    }
    const std::filesystem::path path = checkpoints() / (second + ".ckpt");
    const std::string good = read_all(path);
    std::mt19937 random(5);
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < 420; ++at) places.push_back(at);
    for (int i = 0; i < 300; ++i) places.push_back(random() % good.size());
    for (const std::size_t at : places) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (random() % 8)));
        write_all(path, bad);
        Heard heard;
        auto store = open();
        store->set_listener(heard.listener());
        const auto loaded = store->load(second, *shape_);
        ASSERT_FALSE(loaded) << "byte " << at;
        EXPECT_FALSE(std::filesystem::exists(path)) << at;
        const auto found = store->match(shape_->fingerprint, talk.text());
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].id, first);
        EXPECT_TRUE(store->load(first, *shape_));
        EXPECT_GE(store->stats().set_aside, 1);
        ASSERT_TRUE(store->collect_garbage());
        write_all(path, good);
    }
    EXPECT_TRUE(open()->load(second, *shape_));
}

TEST_F(KvStoreTest, DamagedSegmentsAreSetAsideAndWrittenAnew) {
    FakeConversation talk = conversation(4, 1100);
    std::string shorter, longer;
    {
        auto store = open();
        FakeConversation head = conversation(4, 600);
        shorter = save(*store, head);
        longer = save(*store, talk);
    }
    auto paths = files_in(segments(), ".seg");
    ASSERT_EQ(paths.size(), 2U);
    std::mt19937 random(6);
    int set_aside = 0;
    for (const auto& path : paths) {
        const std::string good = read_all(path);
        std::vector<std::size_t> places{0, 8, 12, 16, 60, 90, 100, 110, 120, 130, 150, 159, 160};
        for (int i = 0; i < 40; ++i) places.push_back(random() % good.size());
        for (const std::size_t at : places) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << (random() % 8)));
            write_all(path, bad);
            Heard heard;
            auto store = open();
            store->set_listener(heard.listener());
            EXPECT_THAT(*store->verify({}, CancelToken()), testing::SizeIs(1)) << at;
            ASSERT_FALSE(store->load(longer, *shape_)) << at;
            EXPECT_EQ(heard.of(CacheEvent::Kind::set_aside).size(), 1U);
            ++set_aside;
            // The longer one cannot be found any more, and says why.
            for (const auto& match : store->match(shape_->fingerprint, talk.text()))
                EXPECT_NE(match.id, longer);
            EXPECT_FALSE(store->info(longer)->trouble.empty());
            // Saved again, it is whole again.
            EXPECT_EQ(save(*store, talk), longer);
            auto again = store->load(longer, *shape_);
            ASSERT_TRUE(again) << again.error().message;
            expect_same_state(again->state, talk.job().state, *shape_);
            write_all(path, good);
        }
        for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{159},
                                       std::size_t{161}, good.size() / 2, good.size() - 1}) {
            write_all(path, good.substr(0, size));
            auto store = open();
            ASSERT_FALSE(store->load(longer, *shape_)) << size;
            write_all(path, good);
        }
    }
    EXPECT_GT(set_aside, 0);
}

TEST_F(KvStoreTest, CutOffCheckpointsAreSetAside) {
    std::string id;
    {
        auto store = open();
        id = save(*store, conversation(3, 100));
    }
    const std::filesystem::path path = checkpoints() / (id + ".ckpt");
    const std::string good = read_all(path);
    for (std::size_t size = 0; size < good.size(); size += 1 + size / 3) {
        write_all(path, good.substr(0, size));
        auto store = open();
        EXPECT_FALSE(store->info(id)) << size;
        EXPECT_FALSE(std::filesystem::exists(path));
        EXPECT_EQ(store->stats().set_aside, 1);
        ASSERT_TRUE(store->collect_garbage());
    }
    write_all(path, good + "more");
    EXPECT_FALSE(open()->info(id));
}

TEST_F(KvStoreTest, ASecondProcessReadsOnly) {
    auto writer = open();
    const FakeConversation talk = conversation(1, 700);
    const std::string id = save(*writer, talk);
    auto reader = open();
    EXPECT_TRUE(reader->stats().read_only);
    EXPECT_THAT(reader->stats().pause_reason, testing::HasSubstr("another program"));
    EXPECT_TRUE(reader->load(id, *shape_));
    EXPECT_EQ(reader->enqueue(talk.job()).error().code, ErrorCode::io);
    EXPECT_FALSE(reader->pin(id, true));
    EXPECT_FALSE(reader->remove(id));
    // What the writer adds is found without opening anew.
    const FakeConversation other = conversation(9, 900);
    save(*writer, other);
    EXPECT_EQ(reader->match(shape_->fingerprint, other.text()).size(), 1U);
    // What the writer removes is a miss, not an accident.
    ASSERT_TRUE(writer->remove(id));
    EXPECT_EQ(reader->load(id, *shape_).error().code, ErrorCode::not_found);
    writer.reset();
    reader.reset();
    EXPECT_FALSE(open()->stats().read_only);
}

TEST_F(KvStoreTest, BudgetTakesWhatIsWorthLeastAndNeverWhatIsGuarded) {
    auto store = open();
    std::vector<std::string> ids;
    for (std::uint32_t seed = 0; seed < 8; ++seed)
        ids.push_back(save(*store, conversation(seed, 600)));
    ASSERT_TRUE(store->pin(ids[0], true));
    ASSERT_TRUE(store->own(ids[1], true));
    // A used one is worth more than its unused fellows.
    for (int i = 0; i < 3; ++i) store->used(ids[2], *store->load(ids[2], *shape_));
    const std::int64_t each = store->stats().bytes / 8;
    const auto first = store->list();
    std::vector<std::string> order(8);
    for (const CheckpointInfo& info : first)
        if (info.evict_rank >= 0) order[static_cast<std::size_t>(info.evict_rank)] = info.id;
    ASSERT_TRUE(store->set_budget(each * 4 + each / 2));
    EXPECT_LE(store->stats().bytes, each * 4 + each / 2);
    for (int rank = 0; rank < 4; ++rank) EXPECT_FALSE(store->info(order[rank])) << rank;
    EXPECT_TRUE(store->info(ids[0]));
    EXPECT_TRUE(store->info(ids[1]));
    EXPECT_TRUE(store->info(ids[2]));
    // Down to nothing but what is guarded; then saving is paused, and says so.
    ASSERT_TRUE(store->set_budget(each));
    EXPECT_TRUE(store->info(ids[0]));
    EXPECT_TRUE(store->info(ids[1]));
    EXPECT_FALSE(store->info(ids[2]));
    EXPECT_GT(store->stats().protected_bytes, store->stats().budget_bytes);
    save(*store, conversation(77, 600));
    EXPECT_TRUE(store->stats().paused);
    EXPECT_THAT(store->stats().pause_reason, testing::HasSubstr("pinned"));
    ASSERT_TRUE(store->set_budget(each * 100));
    EXPECT_FALSE(store->info(save(*store, conversation(78, 600)))->id.empty());
    EXPECT_FALSE(store->stats().paused);
}

TEST_F(KvStoreTest, FullDiskIsAStateAndPasses) {
    for (const bool lies : {false, true}) {
        FaultyDisk disk;
        Folder folder;
        KvCacheOptions options;
        options.directory = folder.path();
        auto store = *KvStore::open(options, disk);
        store->set_listener(heard_.listener());
        const FakeConversation kept = conversation(1, 600);
        const std::string id = save(*store, kept);
        ASSERT_TRUE(store->own(id, true));
        disk.lies_about_room = lies;
        // At every amount of room: nothing is half there, and what was saved stays.
        for (std::int64_t room = 0; room < 200'000; room += 9'973) {
            disk.room = room;
            const std::string other = *store->enqueue(conversation(2, 700).job());
            store->flush();
            if (!store->info(other)) {
                EXPECT_TRUE(store->stats().paused) << room;
                EXPECT_FALSE(store->stats().pause_reason.empty());
                EXPECT_FALSE(store->match(shape_->fingerprint, conversation(2, 700).text()).size());
            } else {
                ASSERT_TRUE(store->remove(other));
            }
            EXPECT_TRUE(store->load(id, *shape_)) << room;
            EXPECT_THAT(*store->verify({}, CancelToken()), testing::IsEmpty());
            EXPECT_THAT(files_in(folder.path() + "/segments", ".tmp"), testing::IsEmpty());
        }
        disk.room = std::int64_t{1} << 40;
        save(*store, conversation(2, 700));
        EXPECT_FALSE(store->stats().paused);
    }
    EXPECT_FALSE(heard_.of(CacheEvent::Kind::failed).empty());
}

TEST_F(KvStoreTest, AFullDiskTakesFromTheCacheFirst) {
    FaultyDisk disk;
    auto store = open(std::int64_t{1} << 40, disk);
    for (std::uint32_t seed = 0; seed < 6; ++seed) save(*store, conversation(seed, 600));
    const std::int64_t each = store->stats().bytes / 6;
    disk.room = (1 << 20) + each / 2;
    const std::string id = save(*store, conversation(50, 600));
    EXPECT_TRUE(store->info(id));
    EXPECT_FALSE(heard_.of(CacheEvent::Kind::evicted).empty());
    EXPECT_FALSE(store->stats().paused);
}

TEST_F(KvStoreTest, ClockSetBackLosesNothing) {
    std::string id;
    {
        auto store = open();
        id = save(*store, conversation(1, 700));
    }
    // Used, by its own account, a thousand years from now.
    const auto path = checkpoints() / (id + ".ckpt");
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(24 * 3650));
    std::filesystem::remove(folder_ / "kv/index");
    auto store = open();
    const auto info = store->info(id);
    ASSERT_TRUE(info);
    EXPECT_GT(info->value, 0);
    EXPECT_TRUE(std::isfinite(info->value));
    save(*store, conversation(2, 700));
    ASSERT_TRUE(store->set_budget(store->stats().bytes - 1));
    EXPECT_EQ(store->list().size(), 1U);
}

TEST_F(KvStoreTest, BundlesCarryACheckpointToAnotherPlace) {
    const FakeConversation talk = conversation(1, 1300);
    std::string id;
    const std::string bundle = folder_.path() + "/one.sgkv";
    {
        auto store = open();
        id = save(*store, talk);
        ASSERT_TRUE(store->export_bundle(id, bundle));
    }
    std::filesystem::remove_all(folder_ / "kv");
    auto store = open();
    auto imported = store->import_bundle(bundle);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(*imported, id);
    auto loaded = store->load(id, *shape_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    expect_same_state(loaded->state, talk.job().state, *shape_);
    const std::string good = read_all(bundle);
    std::mt19937 random(1);
    for (int i = 0; i < 300; ++i) {
        std::string bad = good;
        const std::size_t at = i < 60 ? static_cast<std::size_t>(i) : random() % bad.size();
        bad[at] = static_cast<char>(bad[at] ^ (1 << (random() % 8)));
        write_all(bundle, bad);
        const auto result = store->import_bundle(bundle);
        ASSERT_FALSE(result) << at;
        EXPECT_FALSE(result.error().message.empty());
    }
    for (std::size_t size = 0; size < good.size(); size += 1 + size / 2) {
        write_all(bundle, good.substr(0, size));
        EXPECT_FALSE(store->import_bundle(bundle)) << size;
    }
    EXPECT_THAT(*store->verify({}, CancelToken()), testing::IsEmpty());
}

TEST_F(KvStoreTest, WhereAPromptLeavesTheCacheIsShown) {
    auto store = open();
    FakeConversation talk = conversation(1, 700);
    const std::string id = save(*store, talk);
    const std::string text = talk.text();
    const std::string prompt = text.substr(0, text.size() / 2) + "something else";
    const auto report = store->nearest(shape_->fingerprint, prompt);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->checkpoint, id);
    EXPECT_EQ(report->common_bytes, static_cast<std::int64_t>(text.size() / 2));
    EXPECT_EQ(report->prompt_next, "something else");
    EXPECT_TRUE(text.substr(text.size() / 2).starts_with(report->cached_next));
    EXPECT_FALSE(store->nearest(shape_->fingerprint, "zzz"));
}

TEST_F(KvStoreTest, GarbageIsCollected) {
    auto store = open();
    const std::string id = save(*store, conversation(1, 700));
    write_all(segments() / "left.seg.tmp", "half a file");
    write_all(checkpoints() / "gone.pin", "");
    write_all(checkpoints() / "notes.txt", "not ours");
    EXPECT_GT(*store->collect_garbage(), 0);
    EXPECT_FALSE(std::filesystem::exists(segments() / "left.seg.tmp"));
    EXPECT_FALSE(std::filesystem::exists(checkpoints() / "gone.pin"));
    EXPECT_TRUE(std::filesystem::exists(checkpoints() / "notes.txt"));
    EXPECT_TRUE(store->load(id, *shape_));
}

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
//
// What checkpoints of the full Flash shape weigh, against ds4's files of the same states. Rows are
// made up (normally distributed values, encoded as the model's are); sizes are those of the files.
#include "cache/cache_support.h"
#include "cache/kvc_file.h"

namespace starglass::test {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

std::int64_t folder_bytes(const std::filesystem::path& folder) {
    std::int64_t total = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
    return total;
}

class KvBytesTest : public testing::Test {
protected:
    std::shared_ptr<KvStore> open() {
        KvCacheOptions options;
        options.directory = folder_.path();
        return *KvStore::open(options, FileSystem::disk());
    }
    Folder folder_;
    std::shared_ptr<const ModelStateShape> shape_ =
        std::make_shared<const ModelStateShape>(flash_shape());
};

// ds4 stores 13,764 bytes a token; spec/kvcache section 9 of the reference gives 436,900,428 bytes
// of payload at 30,000 tokens.
TEST_F(KvBytesTest, ThirtyThousandTokensTakeLessThan28PercentOfTheKvcFile) {
    FakeConversation talk(shape_, 1);
    talk.grow(30'000);
    SaveJob job = talk.job();
    const CheckpointState state = job.state;
    std::int64_t ours = 0;
    {
        auto store = open();
        ASSERT_TRUE(store->enqueue(std::move(job)));
        store->flush();
        ours = store->stats().bytes;
        ASSERT_EQ(store->list().size(), 1U);
    }
    KvcShape shape{shape_->layers, shape_->window, shape_->vocabulary, 32'768};
    std::int64_t theirs = 0;
    KvcHeader header;
    const auto status = write_kvc(state, shape, header, [&](std::span<const std::byte> bytes) {
        theirs += static_cast<std::int64_t>(bytes.size());
        return Status();
    });
    ASSERT_TRUE(status) << status.error().message;
    std::printf("  30,000 tokens: %.1f MiB, KVC export %.1f MiB, ratio %.4f\n", ours / kMiB,
                theirs / kMiB, static_cast<double>(ours) / theirs);
    EXPECT_LE(static_cast<double>(ours), 0.28 * static_cast<double>(theirs));
}

TEST_F(KvBytesTest, WalkingTo100kTokensWritesLessThan650MB) {
    auto store = open();
    FakeConversation talk(shape_, 1);
    int saves = 0;
    for (std::int64_t at = 2048; at <= 100'000; at += 2048, ++saves) {
        talk.grow(2048);
        ASSERT_TRUE(store->enqueue(talk.job(SaveReason::continued)));
        store->flush();
    }
    const std::int64_t written = store->stats().bytes_written;
    std::printf("  100k tokens, %d saves: %.3f GB written, %.3f GB on disk\n", saves,
                static_cast<double>(written) / 1e9,
                static_cast<double>(store->stats().bytes) / 1e9);
    EXPECT_LE(written, 650'000'000);
    EXPECT_EQ(store->list().size(), static_cast<std::size_t>(saves));

    // A fork at 90,000 tokens writes its own tail: frontier, rows behind the last whole segment.
    FakeConversation fork(shape_, 1);
    fork.grow(90'112);
    for (int i = 0; i < 1024; ++i) fork.add(7);
    const std::int64_t before = store->stats().bytes_written;
    ASSERT_TRUE(store->enqueue(fork.job()));
    store->flush();
    const std::int64_t tail = store->stats().bytes_written - before;
    std::printf("  fork with 1,024 tokens of its own: %.2f MB\n", static_cast<double>(tail) / 1e6);
    EXPECT_LE(tail, 1024 * 3'600 + 6'000'000);
}

TEST_F(KvBytesTest, FiftySessionsStoreTheirSystemPromptOnce) {
    auto store = open();
    FakeConversation system(shape_, 1);
    system.grow(25'088);
    ASSERT_TRUE(store->enqueue(system.job(SaveReason::cold, false)));
    store->flush();
    const std::int64_t once = folder_bytes(folder_ / "segments");
    std::int64_t own = 0;
    for (int session = 0; session < 50; ++session) {
        // A copy: going on from the same state is what a session does.
        FakeConversation talk = system;
        for (int i = 0; i < 100; ++i) talk.add(session * 100 + i);
        ASSERT_TRUE(store->enqueue(talk.job()));
        store->flush();
    }
    EXPECT_EQ(folder_bytes(folder_ / "segments"), once);
    own = folder_bytes(folder_ / "checkpoints");
    std::printf("  25k system prompt: %.1f MB once; 50 sessions: %.1f MB of their own each\n",
                static_cast<double>(once) / 1e6, static_cast<double>(own) / 51e6);
}

}  // namespace
}  // namespace starglass::test

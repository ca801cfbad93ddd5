// SPDX-License-Identifier: MIT
//
// A process that saves is killed at a random moment, many times over; whoever opens the directory
// next finds every checkpoint that was reported as saved, and nothing that is wrong.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "cache/cache_support.h"
#include "support/sanitized.h"

namespace starglass::test {
namespace {

// Under the thread sanitizer a save takes ten times as long, and so does checking what is left.
constexpr int kKills = kThreadSanitized ? 60 : 220;

struct Report {
    std::uint32_t seed;
    std::uint32_t tokens;
    char id[72];
};

// Two conversations that share their beginning grow and are saved, as fast as it goes; every save
// that is complete is reported. Budget and removal are at work too.
[[noreturn]] void save_until_killed(const std::string& folder, std::uint32_t round, int report) {
    KvCacheOptions options;
    options.directory = folder;
    auto store = KvStore::open(options, FileSystem::disk());
    if (!store) _exit(2);
    const Report ready{};
    if (::write(report, &ready, sizeof ready) != sizeof ready) _exit(8);
    auto shape = std::make_shared<const ModelStateShape>(small_shape());
    for (std::uint32_t seed = round * 1000;; ++seed) {
        FakeConversation talk(shape, seed);
        std::string first;
        for (int turn = 0; turn < 4; ++turn) {
            talk.grow(200 + static_cast<int>(seed % 3) * 150);
            auto id = (*store)->enqueue(talk.job());
            if (!id) _exit(3);
            (*store)->flush();
            if (!(*store)->info(*id)) _exit(4);
            Report done{seed, static_cast<std::uint32_t>(talk.tokens().size()), {}};
            std::strncpy(done.id, id->c_str(), sizeof done.id - 1);
            if (::write(report, &done, sizeof done) != sizeof done) _exit(5);
            if (turn == 0) first = *id;
        }
        if (seed % 2 == 0) {
            Report gone{seed, 0, {}};
            std::strncpy(gone.id, first.c_str(), sizeof gone.id - 1);
            // Said before it is done: from here on it may be there or not.
            if (::write(report, &gone, sizeof gone) != sizeof gone) _exit(6);
            if (!(*store)->remove(first)) _exit(7);
        }
    }
}

// A process that saves; `reports` is the end to read from. It has opened the directory.
pid_t start_saving(const std::string& folder, std::uint32_t round, int& reports) {
    int ends[2];
    if (::pipe(ends) != 0) return -1;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        save_until_killed(folder, round, ends[1]);
    }
    ::close(ends[1]);
    reports = ends[0];
    Report ready{};
    EXPECT_EQ(::read(reports, &ready, sizeof ready), static_cast<ssize_t>(sizeof ready));
    return child;
}

// What a first save takes here and now.
std::chrono::microseconds time_of_a_save() {
    const Folder folder;
    int reports = -1;
    const pid_t child = start_saving(folder.path(), 0, reports);
    const auto start = std::chrono::steady_clock::now();
    Report one{};
    EXPECT_EQ(::read(reports, &one, sizeof one), static_cast<ssize_t>(sizeof one));
    const auto took = std::chrono::steady_clock::now() - start;
    ::kill(child, SIGKILL);
    ::close(reports);
    ::waitpid(child, nullptr, 0);
    return std::chrono::duration_cast<std::chrono::microseconds>(took);
}

TEST(KvKill, NothingSavedIsLostAndNothingWrongIsFound) {
    Folder folder;
    std::mt19937 random(1);
    // Some are killed in the first save and some after a few, on a slow machine as on a fast one.
    const auto longest =
        std::max<std::chrono::microseconds>(std::chrono::milliseconds(120), 2 * time_of_a_save());
    const auto shape = std::make_shared<const ModelStateShape>(small_shape());
    std::size_t reported = 0, loaded_count = 0, temporary = 0;
    for (int round = 0; round < kKills; ++round) {
        int reports = -1;
        const pid_t child = start_saving(folder.path(), static_cast<std::uint32_t>(round), reports);
        ASSERT_GT(child, 0);
        // From here on it saves without a pause, so any moment is one during a save.
        std::this_thread::sleep_for(
            std::chrono::microseconds(random() % static_cast<std::uint64_t>(longest.count())));
        ::kill(child, SIGKILL);
        Report one{};
        std::map<std::string, Report> saved;
        while (::read(reports, &one, sizeof one) == sizeof one) {
            if (one.tokens == 0)
                saved.erase(one.id);
            else
                saved[one.id] = one;
        }
        ::close(reports);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "exit " << status;

        temporary += files_in(folder / "segments", ".tmp").size() +
                     files_in(folder / "checkpoints", ".tmp").size();
        KvCacheOptions options;
        options.directory = folder.path();
        auto store = KvStore::open(options, FileSystem::disk());
        ASSERT_TRUE(store) << store.error().message;
        EXPECT_EQ((*store)->stats().set_aside, 0) << "round " << round;
        EXPECT_THAT(*(*store)->verify({}, CancelToken()), testing::IsEmpty()) << round;
        for (const auto& [id, done] : saved) {
            auto loaded = (*store)->load(id, *shape);
            ASSERT_TRUE(loaded) << "round " << round << ": " << loaded.error().message;
            ++reported;
        }
        // Whatever else is there, reported or not, is exactly what its tokens say.
        for (const CheckpointInfo& info : (*store)->list()) {
            if (!info.trouble.empty()) continue;
            auto loaded = (*store)->load(info.id, *shape);
            ASSERT_TRUE(loaded) << loaded.error().message;
            FakeConversation again(shape, 0);
            for (const std::int32_t token : loaded->state.tokens) again.add(token);
            expect_same_state(loaded->state, again.job().state, *shape);
            ++loaded_count;
        }
        ASSERT_TRUE((*store)->collect_garbage());
        if (round % 10 == 9) {
            for (const CheckpointInfo& info : (*store)->list())
                ASSERT_TRUE((*store)->remove(info.id));
        }
    }
    std::printf(
        "  %d kills: %zu reported checkpoints all there, %zu loads compared, %zu temporary "
        "files left by the killed and cleaned\n",
        kKills, reported, loaded_count, temporary);
    EXPECT_GT(reported, static_cast<std::size_t>(kKills / 11));
}

}  // namespace
}  // namespace starglass::test

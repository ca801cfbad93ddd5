// SPDX-License-Identifier: MIT
//
// Resuming from disk is exact: at random cut points of a long sequence a process saves and is
// killed; another one loads, goes on, and gets the bits of the run that was never interrupted.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "builtin/builtin_model.h"
#include "cache/cache_support.h"
#include "model/golden_support.h"

namespace starglass::test {
namespace {

constexpr int kCuts = 40;
constexpr int kFurther = 3;  // tokens evaluated behind a cut

struct Case {
    std::string model;  // "q2", "q4", "builtin"
    BackendKind backend;
    int tokens;
};

std::shared_ptr<Engine> open_case(const Case& c) {
    EngineOptions options;
    options.backend = c.backend;
    options.threads = 2;
    options.context_tokens = 4096;
    CancelToken cancel;
    auto engine =
        c.model == "builtin"
            ? open_engine(builtin_model(), "built-in", options, {}, cancel)
            : open_engine(golden_path("tiny/tiny-" + c.model + ".gguf"), options, {}, cancel);
    EXPECT_TRUE(engine) << engine.error().message;
    return *engine;
}

std::vector<TokenId> sequence(const Case& c, const Engine& engine) {
    std::vector<TokenId> tokens;
    if (c.model == "builtin") {
        std::mt19937 random(11);
        for (int i = 0; i < c.tokens; ++i)
            tokens.push_back(static_cast<TokenId>(random() % engine.info().vocabulary));
    } else {
        tokens = Npz(golden_path("tiny/golden-" + c.model + "-logits.npz")).at("tokens_A").ints();
        tokens.resize(std::min<std::size_t>(tokens.size(), static_cast<std::size_t>(c.tokens)));
    }
    return tokens;
}

std::vector<int> cuts(int tokens) {
    std::mt19937 random(20);
    std::set<int> out;
    while (static_cast<int>(out.size()) < kCuts)
        out.insert(1 + static_cast<int>(random() % static_cast<unsigned>(tokens - kFurther - 1)));
    return {out.begin(), out.end()};
}

std::shared_ptr<KvCache> open_cache(const std::string& folder) {
    KvCacheOptions options;
    options.directory = folder;
    options.min_tokens = 1;
    auto cache = open_kv_cache(options);
    EXPECT_TRUE(cache) << cache.error().message;
    return *cache;
}

// Brings a session to `tokens` without writing anything.
Result<GenerateResult> advance(Session& session, std::span<const TokenId> tokens) {
    GenerateRequest request;
    request.prompt.assign(tokens.begin(), tokens.end());
    request.max_tokens = 0;
    request.save = false;
    SessionListener none;
    CancelToken cancel;
    return session.generate(request, none, cancel);
}

// What the killed process does: it walks to every cut and saves there.
[[noreturn]] void save_and_die(const Case& c, const std::string& folder, const std::vector<int>& at,
                               int report) {
    auto engine = open_case(c);
    auto cache = open_cache(folder);
    auto session = *engine->create_session({cache});
    const std::vector<TokenId> tokens = sequence(c, *engine);
    for (const int cut : at) {
        if (!advance(*session, std::span(tokens).first(static_cast<std::size_t>(cut)))) _exit(2);
        auto id = session->save(SaveReason::requested);
        if (!id) _exit(3);
        cache->flush();
        id->resize(80, ' ');
        if (::write(report, id->data(), id->size()) != 80) _exit(4);
    }
    ::raise(SIGKILL);
    _exit(5);
}

class ResumeTest : public testing::TestWithParam<Case> {};

TEST_P(ResumeTest, GivesTheBitsOfTheUninterruptedRun) {
    const Case& c = GetParam();
    Folder folder;
    const std::vector<int> at = cuts(c.tokens);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        save_and_die(c, folder.path(), at, ends[1]);
    }
    ::close(ends[1]);
    std::vector<std::string> ids;
    std::string id(80, ' ');
    std::size_t have = 0;
    for (;;) {
        const ssize_t got = ::read(ends[0], id.data() + have, id.size() - have);
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
        if (have < id.size()) continue;
        ids.push_back(id.substr(0, id.find(' ')));
        have = 0;
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    ASSERT_EQ(ids.size(), at.size());

    auto engine = open_case(c);
    const std::vector<TokenId> tokens = sequence(c, *engine);
    auto whole = *engine->create_session();
    const LogitRows truth = all_logits(*whole, tokens, 64);
    auto cache = open_cache(folder.path());
    EXPECT_THAT(*cache->verify({}, CancelToken()), testing::IsEmpty());
    for (std::size_t i = 0; i < at.size(); ++i) {
        auto session = *engine->create_session({cache});
        auto resumed = session->resume(ids[i]);
        ASSERT_TRUE(resumed) << resumed.error().message;
        EXPECT_EQ(resumed->tokens, at[i]);
        EXPECT_GT(resumed->saved_seconds, 0);
        for (int further = 0; further <= kFurther; ++further) {
            const int length = at[i] + further;
            if (further > 0) {
                auto result =
                    advance(*session, std::span(tokens).first(static_cast<std::size_t>(length)));
                ASSERT_TRUE(result) << result.error().message;
                ASSERT_EQ(result->timings.reused_tokens, length - 1);
            }
            const std::span<const float> got = session->logits();
            ASSERT_EQ(std::vector<float>(got.begin(), got.end()), truth.at(length - 1))
                << "cut " << at[i] << " + " << further;
        }
        // The same through lookup: nobody names the checkpoint.
        auto other = *engine->create_session({cache});
        auto found = advance(*other, std::span(tokens).first(static_cast<std::size_t>(at[i] + 1)));
        ASSERT_TRUE(found);
        if (at[i] >= 32) {
            EXPECT_EQ(found->reuse.source, ReuseSource::disk);
            EXPECT_GE(found->reuse.tokens, at[i]);
        }
        const std::span<const float> got = other->logits();
        ASSERT_EQ(std::vector<float>(got.begin(), got.end()), truth.at(at[i]));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Models, ResumeTest,
    testing::Values(Case{"q2", BackendKind::cpu, 2200}, Case{"q4", BackendKind::cpu, 2200},
                    Case{"builtin", BackendKind::cpu, 2200},
                    Case{"q2", BackendKind::reference, 2200},
                    Case{"q4", BackendKind::reference, 2200},
                    Case{"builtin", BackendKind::reference, 2200}),
    [](const auto& info) {
        return info.param.model + (info.param.backend == BackendKind::cpu ? "_cpu" : "_reference");
    });

}  // namespace
}  // namespace starglass::test

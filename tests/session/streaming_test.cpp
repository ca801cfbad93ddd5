// SPDX-License-Identifier: MIT
//
// Models whose routed experts are read from the file: the same logits to the bit under any budget,
// what the simulator says of the same trace, and files and disks that fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cpu/cpu_backend.h"
#include "engine/engine.h"
#include "session/engine_impl.h"
#include "session/expert_layout.h"
#include "support/faulty_reader.h"
#include "support/synthetic_model.h"

namespace starglass::test {
namespace {

namespace fs = std::filesystem;

// A folder on the build's disk: files in memory cannot be read directly.
class Folder {
public:
    Folder() {
        std::string name = (fs::current_path() / "streaming-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
    std::string write(const std::string& name, std::span<const std::byte> bytes) const {
        std::ofstream out(path(name), std::ios::binary);
        out.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
        return path(name);
    }

private:
    std::string path_;
};

// Layers of three sizes of expert, hash-routed ones in front, and more experts than a token uses.
SyntheticShape mixed_shape() {
    SyntheticShape shape;
    shape.experts = 12;
    shape.hash_layers = 2;
    shape.ratios = {0, 4, 12, 4, 0};
    shape.routed = {{DataType::iq2_xxs, DataType::q2_k},
                    {DataType::q4_k, DataType::q4_k},
                    {DataType::q8_0, DataType::q2_k}};
    return shape;
}

std::vector<TokenId> some_tokens(int count, int vocabulary, std::uint64_t seed = 7) {
    std::vector<TokenId> tokens{0};
    while (static_cast<int>(tokens.size()) < count) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        tokens.push_back(static_cast<TokenId>(3 + (seed >> 33U) % 200 % (vocabulary - 3)));
    }
    return tokens;
}

struct Outcome {
    std::vector<float> logits;  // of every position
    std::string error;
};

Outcome evaluate(Engine& engine, std::span<const TokenId> tokens, int chunk) {
    Outcome run;
    auto session = *engine.create_session();
    SessionListener none;
    const CancelToken cancel;
    EvaluateOptions options;
    options.chunk = chunk;
    options.all_logits = true;
    const Status status = session->evaluate(
        tokens, options, none,
        [&](std::int64_t, std::span<const float> logits) {
            run.logits.insert(run.logits.end(), logits.begin(), logits.end());
        },
        cancel);
    if (!status) run.error = status.error().message;
    return run;
}

// A prompt in chunks and then tokens one by one.
Outcome evaluate(Engine& engine, std::span<const TokenId> tokens) {
    Outcome run = evaluate(engine, tokens, 32);
    const Outcome single =
        evaluate(engine, tokens.first(std::min<std::size_t>(tokens.size(), 24)), 1);
    run.logits.insert(run.logits.end(), single.logits.begin(), single.logits.end());
    if (run.error.empty()) run.error = single.error;
    return run;
}

EngineOptions options_with(std::int64_t expert_bytes, BackendKind backend = BackendKind::cpu) {
    EngineOptions options;
    options.backend = backend;
    options.threads = 2;
    options.context_tokens = 512;
    options.expert_bytes = expert_bytes;
    options.memory_bytes = expert_bytes == 0 ? kMemoryMapped : kMemoryAutomatic;
    return options;
}

std::shared_ptr<Engine> open(const std::string& path, const EngineOptions& options) {
    const CancelToken cancel;
    auto engine = open_engine(path, options, {}, cancel);
    if (!engine) throw std::runtime_error(engine.error().message);
    return *engine;
}

void expect_same_bits(const Outcome& got, const Outcome& want) {
    EXPECT_EQ(got.error, "");
    ASSERT_EQ(got.logits.size(), want.logits.size());
    EXPECT_EQ(std::memcmp(got.logits.data(), want.logits.data(), got.logits.size() * 4), 0);
}

// The least budget, through the sentence that refuses less.
std::int64_t least_budget(const std::string& path) {
    const CancelToken cancel;
    const auto refused = open_engine(path, options_with(1), {}, cancel);
    EXPECT_FALSE(refused);
    if (refused) return 0;
    EXPECT_EQ(refused.error().code, ErrorCode::out_of_memory);
    const std::string& text = refused.error().message;
    const std::size_t at = text.rfind("works is ");
    EXPECT_NE(at, std::string::npos) << text;
    return std::stoll(text.substr(at + 9)) * 1024;
}

std::uint64_t all_experts(Engine& engine) {
    return engine.expert_memory()->snapshot().routed_bytes;
}

class Streaming : public testing::Test {
protected:
    std::string mixed() {
        return folder_.write("mixed.gguf", SyntheticModel(mixed_shape()).build());
    }
    Folder folder_;
};

TEST_F(Streaming, LogitsHaveTheSameBitsUnderAnyBudget) {
    struct Case {
        std::string path;
        int tokens;
    };
    const std::string source = SG_SOURCE_DIR;
    for (const Case& c :
         {Case{mixed(), 90}, Case{std::string(SG_GOLDEN_DIR) + "/tiny/tiny-q2.gguf", 40},
          Case{std::string(SG_GOLDEN_DIR) + "/tiny/tiny-q4.gguf", 40},
          Case{source + "/resources/builtin-model/starglass-guide.gguf", 80}}) {
        SCOPED_TRACE(c.path);
        const auto whole = open(c.path, options_with(0));
        EXPECT_EQ(whole->expert_memory(), nullptr);
        const std::vector<TokenId> tokens = some_tokens(c.tokens, whole->info().vocabulary);
        const Outcome want = evaluate(*whole, tokens);
        const std::int64_t least = least_budget(c.path);
        std::int64_t most = least;
        for (const double share : {0.0, 0.05, 0.2, 0.5, 0.9, 1.1}) {
            const std::int64_t budget = std::max<std::int64_t>(
                least, static_cast<std::int64_t>(share * static_cast<double>(most)));
            SCOPED_TRACE(budget);
            const auto engine = open(c.path, options_with(budget));
            ASSERT_NE(engine->expert_memory(), nullptr);
            most = static_cast<std::int64_t>(all_experts(*engine)) * 21 / 20;
            expect_same_bits(evaluate(*engine, tokens), want);
            const ExpertMemorySnapshot now = engine->expert_memory()->snapshot();
            EXPECT_LE(now.resident_bytes, static_cast<std::uint64_t>(budget));
            EXPECT_GT(now.totals.misses, 0U);
            if (share == 0.0) {
                EXPECT_LT(now.resident_bytes, now.routed_bytes);
            }
        }
    }
}

TEST_F(Streaming, WaysOfReadingAndBackendsAgree) {
    const std::string path = mixed();
    const auto whole = open(path, options_with(0));
    const std::vector<TokenId> tokens = some_tokens(60, whole->info().vocabulary);
    const Outcome want = evaluate(*whole, tokens);
    const Outcome reference =
        evaluate(*open(path, options_with(0, BackendKind::reference)), tokens);
    const std::int64_t budget = least_budget(path) * 2;
    for (const char* reads : {"threads", "io_uring"}) {
        for (const std::string_view policy : expert_policies()) {
            for (const Lookahead lookahead :
                 {Lookahead::automatic, Lookahead::off, Lookahead::on}) {
                SCOPED_TRACE(fmt::format("{} {} {}", reads, policy, static_cast<int>(lookahead)));
                EngineOptions options = options_with(budget);
                options.expert_reads = reads;
                options.expert_policy = policy;
                options.expert_lookahead = lookahead;
                const CancelToken cancel;
                auto engine = open_engine(path, options, {}, cancel);
                if (!engine && engine.error().code == ErrorCode::unsupported) continue;
                ASSERT_TRUE(engine) << engine.error().message;
                expect_same_bits(evaluate(**engine, tokens), want);
            }
        }
    }
    expect_same_bits(evaluate(*open(path, options_with(budget, BackendKind::reference)), tokens),
                     reference);
}

TEST_F(Streaming, TheSimulatorSaysWhatHappened) {
    const std::string path = mixed();
    const std::int64_t least = least_budget(path);
    const CancelToken cancel;
    for (const double factor : {1.0, 4.0, 8.0}) {
        for (const std::string_view policy : expert_policies()) {
            for (const Lookahead lookahead : {Lookahead::off, Lookahead::on}) {
                SCOPED_TRACE(fmt::format("{} {} {}", policy, factor, static_cast<int>(lookahead)));
                EngineOptions options =
                    options_with(static_cast<std::int64_t>(static_cast<double>(least) * factor));
                options.expert_policy = policy;
                options.expert_lookahead = lookahead;
                const auto engine = open(path, options);
                evaluate(*engine, some_tokens(200, engine->info().vocabulary, 11));
                const ExpertMemorySnapshot now = engine->expert_memory()->snapshot();
                const ExpertTrace trace = engine->expert_memory()->trace();
                SimulationOptions simulated;
                simulated.policy = policy;
                simulated.budget_bytes = now.budget_bytes;
                const auto result = simulate_experts(trace, simulated, cancel);
                ASSERT_TRUE(result) << result.error().message;
                EXPECT_EQ(result->totals.hits, now.totals.hits);
                EXPECT_EQ(result->totals.misses, now.totals.misses);
                EXPECT_EQ(result->totals.experts_read, now.totals.experts_read);
                EXPECT_EQ(result->totals.ahead_used, now.totals.ahead_used);
                if (factor > 1) {
                    EXPECT_GT(now.totals.hits, 0U);
                }
                if (lookahead == Lookahead::off) {
                    // Each miss was read once, and nothing else.
                    EXPECT_EQ(now.totals.experts_read, now.totals.misses);
                } else {
                    EXPECT_GT(now.totals.ahead_used, 0U);
                    simulated.lookahead = false;
                    const auto without = simulate_experts(trace, simulated, cancel);
                    ASSERT_TRUE(without);
                    EXPECT_EQ(without->totals.ahead_used, 0U);
                }
            }
        }
    }
}

// The window looks while the engine works.
TEST_F(Streaming, OtherThreadsMayLook) {
    const std::string path = mixed();
    const auto engine = open(path, options_with(least_budget(path) * 2));
    std::atomic<bool> done{false};
    std::thread looker([&] {
        std::uint64_t last = 0;
        while (!done) {
            const ExpertMemorySnapshot now = engine->expert_memory()->snapshot();
            EXPECT_GE(now.totals.misses, last);
            EXPECT_LE(now.resident_bytes, now.budget_bytes);
            EXPECT_EQ(std::count(now.tiers.begin(), now.tiers.end(), ExpertTier::host),
                      now.resident_experts);
            last = now.totals.misses;
            EXPECT_LE(engine->expert_memory()->trace().tokens(), 1000);
        }
    });
    for (int round = 0; round < 3; ++round)
        EXPECT_EQ(evaluate(*engine, some_tokens(60, engine->info().vocabulary)).error, "");
    done = true;
    looker.join();
}

TEST_F(Streaming, FramesAddUpToTheTotals) {
    const std::string path = mixed();
    EngineOptions options = options_with(least_budget(path) * 2);
    options.expert_lookahead = Lookahead::off;
    const auto engine = open(path, options);
    struct Listener final : SessionListener {
        void on_experts(const ExpertsFrame& frame) override {
            ++frames;
            rows += frame.rows;
            for (const ExpertLayerUse& layer : frame.layers) {
                needed += static_cast<std::uint64_t>(layer.needed);
                misses += static_cast<std::uint64_t>(layer.misses);
                bytes += layer.read_bytes;
                EXPECT_LE(layer.stall_seconds, frame.seconds);
            }
        }
        int frames = 0, rows = 0;
        std::uint64_t needed = 0, misses = 0, bytes = 0;
    } listener;
    auto session = *engine->create_session();
    GenerateRequest request;
    request.prompt = some_tokens(50, engine->info().vocabulary);
    request.sampling.temperature = 0;
    request.max_tokens = 10;
    const CancelToken cancel;
    const auto result = session->generate(request, listener, cancel);
    ASSERT_TRUE(result) << result.error().message;
    const ExpertTotals totals = engine->expert_memory()->snapshot().totals;
    EXPECT_EQ(listener.needed, totals.hits + totals.misses);
    EXPECT_EQ(listener.misses, totals.misses);
    EXPECT_EQ(listener.bytes, totals.read_bytes);
    EXPECT_EQ(result->experts.misses, totals.misses);
    EXPECT_EQ(listener.rows, static_cast<int>(session->tokens().size()));
    const ExpertMemorySnapshot now = engine->expert_memory()->snapshot();
    std::uint64_t hits = 0, misses = 0;
    int host = 0;
    for (const std::uint32_t count : now.hits) hits += count;
    for (const std::uint32_t count : now.misses) misses += count;
    for (const ExpertTier tier : now.tiers) host += tier == ExpertTier::host ? 1 : 0;
    EXPECT_EQ(hits, totals.hits);
    EXPECT_EQ(misses, totals.misses);
    EXPECT_EQ(host, now.resident_experts);
    EXPECT_EQ(now.latency.count, totals.experts_read);
    EXPECT_LE(now.latency.median_seconds, now.latency.longest_seconds);
    // Reading is by whole experts, no more than the alignment beside them.
    const ExpertTrace trace = engine->expert_memory()->trace();
    std::uint64_t largest = 0;
    for (const std::uint64_t bytes : trace.expert_bytes) largest = std::max(largest, bytes);
    EXPECT_LE(totals.read_bytes, totals.misses * largest);
}

TEST_F(Streaming, WhatIsUsedIsRememberedAndThereBeforeTheFirstToken) {
    const std::string path = mixed();
    EngineOptions options = options_with(least_budget(path) * 3);
    options.expert_folder = folder_.path("experts");
    std::vector<TokenId> tokens;
    std::uint64_t cold = 0;
    {
        const auto engine = open(path, options);
        tokens = some_tokens(40, engine->info().vocabulary);
        evaluate(*engine, tokens);
        cold = engine->expert_memory()->snapshot().totals.misses;
    }
    const auto engine = open(path, options);
    auto& store = *static_cast<EngineImpl&>(*engine).experts();
    store.finish_preload();
    const ExpertMemorySnapshot before = engine->expert_memory()->snapshot();
    EXPECT_GT(before.resident_experts, 0);
    EXPECT_LE(before.resident_bytes, before.budget_bytes);
    EXPECT_EQ(before.totals.misses, 0U);
    const Outcome warm = evaluate(*engine, tokens);
    {
        // The simulator begins as this run did.
        SimulationOptions simulated;
        simulated.budget_bytes = before.budget_bytes;
        const auto result = simulate_experts(engine->expert_memory()->trace(), simulated, {});
        ASSERT_TRUE(result) << result.error().message;
        const ExpertTotals totals = engine->expert_memory()->snapshot().totals;
        EXPECT_EQ(result->totals.hits, totals.hits);
        EXPECT_EQ(result->totals.misses, totals.misses);
    }
    EXPECT_LT(engine->expert_memory()->snapshot().totals.misses, cold);
    expect_same_bits(warm, evaluate(*open(path, options_with(0)), tokens));

    // A damaged list is no reason not to start.
    for (const auto& entry : fs::directory_iterator(options.expert_folder)) {
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(40);
        file.put('\x7f');
    }
    const auto again = open(path, options);
    EXPECT_EQ(again->expert_memory()->snapshot().resident_experts, 0);
}

TEST_F(Streaming, ARequestWhileMemoryIsStillBeingFilled) {
    const std::string path = mixed();
    EngineOptions options = options_with(least_budget(path) * 3);
    options.expert_folder = folder_.path("experts");
    std::vector<TokenId> tokens;
    {
        const auto engine = open(path, options);
        tokens = some_tokens(40, engine->info().vocabulary);
        evaluate(*engine, tokens);
    }
    const Outcome want = evaluate(*open(path, options_with(0)), tokens);
    for (int round = 0; round < 10; ++round)
        expect_same_bits(evaluate(*open(path, options), tokens), want);
}

// --- faults ------------------------------------------------------------------------------------

// An engine on the CPU whose reads go through a FaultyReader.
struct Faulty {
    std::shared_ptr<EngineImpl> engine;
    FaultyReader* reader = nullptr;
    GgufBytes bytes;
};

class StreamingFaults : public Streaming {
protected:
    Faulty open_faulty(std::uint64_t budget_factor = 2) {
        Faulty out;
        out.bytes = SyntheticModel(mixed_shape()).build();
        path_ = folder_.write("mixed.gguf", out.bytes);
        const CancelToken cancel;
        EngineOptions options = options_with(0);
        EngineImpl::Parts parts = *EngineImpl::read(out.bytes, options, {}, cancel);
        ExpertStoreOptions store;
        store.experts = parts.shape.experts;
        store.used = parts.shape.experts_used;
        store.hash_layers = parts.shape.hash_layers;
        store.layers = expert_layouts(parts.weights, out.bytes.data());
        store.budget = ExpertStore::least_budget(store, 4096) * budget_factor;
        parts.experts = *ExpertStore::create(
            path_, store, [&](std::string_view kind) -> Result<std::unique_ptr<AsyncReader>> {
                auto inner = make_async_reader(kind);
                if (!inner) return inner;
                auto faulty = std::make_unique<FaultyReader>(std::move(*inner));
                out.reader = faulty.get();
                return faulty;
            });
        take_experts_from(*parts.experts, parts.weights);
        parts.backend = make_cpu_backend(Activations::int8, 2);
        parts.options.backend = BackendKind::cpu;
        out.engine = std::make_shared<EngineImpl>(std::move(parts));
        return out;
    }
    GenerateRequest request(const Engine& engine) {
        GenerateRequest request;
        request.prompt = some_tokens(40, engine.info().vocabulary);
        request.sampling.temperature = 0;
        request.max_tokens = 40;
        return request;
    }
    std::string path_;
};

// A failing read ends the request with a sentence wherever it happens; what was evaluated before
// stays, and the same request afterwards gives the answer of a run without faults.
TEST_F(StreamingFaults, AReadThatFailsLosesNothing) {
    Faulty faulty = open_faulty();
    SessionListener none;
    const CancelToken cancel;
    std::vector<TokenId> want;
    {
        auto session = *faulty.engine->create_session();
        const auto result = session->generate(request(*faulty.engine), none, cancel);
        ASSERT_TRUE(result) << result.error().message;
        want = result->tokens;
        ASSERT_GT(want.size(), 5U);
    }
    for (const int error : {EIO, EBADF, ENODEV}) {
        for (const std::int64_t read : {1, 5, 40, 90, 150}) {
            SCOPED_TRACE(fmt::format("error {} at read {}", error, read));
            auto session = *faulty.engine->create_session();
            faulty.reader->set_rule(
                FaultyReader::fail_nth(faulty.reader->requests() + read, error));
            const auto failed = session->generate(request(*faulty.engine), none, cancel);
            ASSERT_FALSE(failed);
            EXPECT_EQ(failed.error().code, ErrorCode::io);
            EXPECT_THAT(failed.error().message, testing::HasSubstr("cannot read expert"));
            EXPECT_THAT(failed.error().message, testing::HasSubstr(path_));
            const auto kept = session->tokens().size();
            // What is there is a whole number of batches of this very timeline, and it goes on.
            const auto again = session->generate(request(*faulty.engine), none, cancel);
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ(again->tokens, want);
            EXPECT_LE(again->timings.reused_tokens, static_cast<int>(kept));
        }
    }
}

// Decoding stops at a token, and goes on from there as if nothing had happened.
TEST_F(StreamingFaults, DecodingGoesOnWhereItStopped) {
    Faulty faulty = open_faulty();
    SessionListener none;
    const CancelToken cancel;
    GenerateRequest asked = request(*faulty.engine);
    auto whole = *faulty.engine->create_session();
    const std::vector<TokenId> want = whole->generate(asked, none, cancel)->tokens;

    struct Breaker final : SessionListener {
        explicit Breaker(FaultyReader& reader) : reader(reader) {}
        void on_token(const TokenEvent& event) override {
            if (event.id >= 0) tokens.push_back(event.id);
            if (tokens.size() == 6)
                reader.set_rule(FaultyReader::fail_nth(reader.requests() + 1, EIO));
        }
        FaultyReader& reader;
        std::vector<TokenId> tokens;
    } breaker(*faulty.reader);
    auto session = *faulty.engine->create_session();
    const auto failed = session->generate(asked, breaker, cancel);
    ASSERT_FALSE(failed);
    ASSERT_GE(breaker.tokens.size(), 6U);
    ASSERT_LT(breaker.tokens.size(), want.size());
    // The live state holds the prompt and every token whose batch was complete.
    EXPECT_GE(session->tokens().size(), asked.prompt.size() + breaker.tokens.size() - 1);
    asked.prompt.insert(asked.prompt.end(), breaker.tokens.begin(), breaker.tokens.end());
    asked.max_tokens -= static_cast<int>(breaker.tokens.size());
    const auto rest = session->generate(asked, none, cancel);
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_GT(rest->timings.reused_tokens, 40);
    std::vector<TokenId> all = breaker.tokens;
    all.insert(all.end(), rest->tokens.begin(), rest->tokens.end());
    EXPECT_EQ(all, want);
}

TEST_F(StreamingFaults, ASlowDiskOnlyTakesLonger) {
    Faulty faulty = open_faulty();
    SessionListener none;
    const CancelToken cancel;
    GenerateRequest asked = request(*faulty.engine);
    asked.max_tokens = 6;
    auto session = *faulty.engine->create_session();
    const std::vector<TokenId> want = session->generate(asked, none, cancel)->tokens;
    faulty.reader->set_rule(FaultyReader::slow(0.005));
    auto slow = *faulty.engine->create_session();
    const auto result = slow->generate(asked, none, cancel);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->tokens, want);
    ASSERT_GT(result->experts.misses, 0U);
    EXPECT_GT(result->experts.stall_seconds, 0.005);
}

TEST_F(StreamingFaults, CancellingWhileReadsAreUnderWay) {
    Faulty faulty = open_faulty();
    SessionListener none;
    faulty.reader->set_rule(FaultyReader::slow(0.002));
    for (int round = 0; round < 5; ++round) {
        auto session = *faulty.engine->create_session();
        CancelToken cancel;
        struct Stopper final : SessionListener {
            void on_experts(const ExpertsFrame&) override {
                if (--left == 0) cancel->cancel();
            }
            int left = 0;
            CancelToken* cancel = nullptr;
        } stopper;
        stopper.left = 1 + round;
        stopper.cancel = &cancel;
        const auto stopped = session->generate(request(*faulty.engine), stopper, cancel);
        ASSERT_TRUE(stopped) << stopped.error().message;
        EXPECT_EQ(stopped->stop, StopReason::cancelled);
    }
    faulty.reader->set_rule({});
    auto session = *faulty.engine->create_session();
    EXPECT_TRUE(session->generate(request(*faulty.engine), none, CancelToken()));
}

// The file as other programs may treat it while it is in use.
TEST_F(Streaming, AFileThatChangesUnderneath) {
    const GgufBytes bytes = SyntheticModel(mixed_shape()).build();
    const std::int64_t budget = least_budget(folder_.write("a.gguf", bytes)) * 2;
    SessionListener none;
    const CancelToken cancel;
    const auto ask = [&](Session& session, const Engine& engine) {
        GenerateRequest request;
        request.prompt = some_tokens(30, engine.info().vocabulary);
        request.sampling.temperature = 0;
        request.max_tokens = 5;
        return session.generate(request, none, cancel);
    };
    {  // another file under its name: the open one is still there
        const std::string path = folder_.write("a.gguf", bytes);
        const auto engine = open(path, options_with(budget));
        auto session = *engine->create_session();
        const std::vector<TokenId> want = ask(*session, *engine)->tokens;
        folder_.write("b.gguf", std::vector<std::byte>(100));
        fs::rename(folder_.path("b.gguf"), path);
        session->clear();
        const auto result = ask(*session, *engine);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->tokens, want);
    }
    {  // cut off
        const std::string path = folder_.write("a.gguf", bytes);
        const auto engine = open(path, options_with(budget));
        auto session = *engine->create_session();
        ASSERT_TRUE(ask(*session, *engine));
        const std::vector<TokenId> before(session->tokens().begin(), session->tokens().end());
        fs::resize_file(path, bytes.size() / 2);
        session->clear();
        const auto result = ask(*session, *engine);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::io);
        EXPECT_THAT(result.error().message, testing::HasSubstr(path));
    }
    {  // written to
        const std::string path = folder_.write("a.gguf", bytes);
        const auto engine = open(path, options_with(budget));
        auto session = *engine->create_session();
        ASSERT_TRUE(ask(*session, *engine));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        folder_.write("a.gguf", bytes);
        const auto result = ask(*session, *engine);
        session->clear();
        const auto refused = ask(*session, *engine);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::io);
    }
    {  // removed: still open, still there
        const std::string path = folder_.write("a.gguf", bytes);
        const auto engine = open(path, options_with(budget));
        auto session = *engine->create_session();
        fs::remove(path);
        EXPECT_TRUE(ask(*session, *engine));
    }
}

TEST_F(Streaming, SentencesForWhatCannotBe) {
    const std::string path = mixed();
    const CancelToken cancel;
    EngineOptions options = options_with(0);
    options.memory_bytes = 1 << 20;
    auto engine = open_engine(path, options, {}, cancel);
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::out_of_memory);
    EXPECT_THAT(engine.error().message, testing::HasSubstr("the least that works is"));
    options = options_with(least_budget(path));
    options.expert_policy = "nonsense";
    engine = open_engine(path, options, {}, cancel);
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(engine.error().message, testing::HasSubstr("nonsense"));
}

}  // namespace
}  // namespace starglass::test

// SPDX-License-Identifier: MIT
//
// A backend with memory of its own gives the bits of one in host memory, whatever happens to the
// timeline in between, and its failures cost no more than what was not brought to the host.
#include "residency/working_state.h"

#include "base/mapped_file.h"
#include "cache/cache_support.h"
#include "cpu/cpu_backend.h"
#include "engine/measure.h"
#include "model/golden_support.h"
#include "model/mtp.h"
#include "reference/reference_backend.h"
#include "session/engine_impl.h"
#include "support/discrete_backend.h"
#include "support/told_tokens.h"

namespace starglass::test {
namespace {

using Bits = std::vector<float>;

std::unique_ptr<Backend> plain_backend(BackendKind kind) {
    return kind == BackendKind::cpu ? make_cpu_backend(Activations::int8, 2)
                                    : make_reference_backend(Activations::int8);
}

// Both engines on the tiny model, one of them with a backend whose memory is its own.
class WorkingStateTest : public testing::Test {
protected:
    void SetUp() override { open(BackendKind::cpu); }
    void open(BackendKind kind) {
        kind_ = kind;
        file_ = std::make_unique<MappedFile>(*MappedFile::open(golden_path("tiny/tiny-q2.gguf")));
        tokens_ = Npz(golden_path("tiny/golden-q2-logits.npz")).at("tokens_A").ints();
        auto discrete = std::make_unique<DiscreteBackend>(plain_backend(kind));
        device_ = discrete.get();
        near_ = engine(plain_backend(kind));
        far_ = engine(std::move(discrete));
    }
    std::shared_ptr<EngineImpl> engine(std::unique_ptr<Backend> backend) const {
        EngineOptions options;
        options.context_tokens = 2048;
        options.backend = kind_;
        auto parts = EngineImpl::read(file_->bytes(), options, {}, CancelToken());
        if (!parts) throw std::runtime_error(parts.error().message);
        parts->backend = std::move(backend);
        return std::make_shared<EngineImpl>(std::move(*parts));
    }
    [[nodiscard]] std::vector<TokenId> prefix(std::size_t count) const {
        return {tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(count)};
    }
    static GenerateRequest request(std::vector<TokenId> prompt, int max_tokens, bool save = false) {
        GenerateRequest r;
        r.prompt = std::move(prompt);
        r.max_tokens = max_tokens;
        r.sampling.temperature = 0;
        r.thinking = false;
        r.save = save;
        r.routing = true;
        return r;
    }
    static Result<GenerateResult> generate(Session& session, const GenerateRequest& r) {
        SessionListener none;
        return session.generate(r, none, CancelToken());
    }
    static Bits logits(const Session& session) {
        const std::span<const float> now = session.logits();
        return {now.begin(), now.end()};
    }
    // Both sessions do the same and are in the same state afterwards.
    static void expect_same(Session& near, Session& far, const GenerateRequest& r, int reused) {
        auto a = generate(near, r);
        auto b = generate(far, r);
        ASSERT_TRUE(a) << a.error().message;
        ASSERT_TRUE(b) << b.error().message;
        EXPECT_EQ(a->tokens, b->tokens);
        EXPECT_EQ(b->timings.reused_tokens, reused);
        EXPECT_EQ(logits(near), logits(far));
    }

    BackendKind kind_ = BackendKind::cpu;
    std::unique_ptr<MappedFile> file_;
    std::vector<TokenId> tokens_;
    DiscreteBackend* device_ = nullptr;  // far_'s
    std::shared_ptr<EngineImpl> near_, far_;
};

// The reference is slow: it joins where values come out, the timeline's fate is the same for both.
class WorkingStateOn : public WorkingStateTest, public testing::WithParamInterface<BackendKind> {
protected:
    void SetUp() override { open(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Backends, WorkingStateOn,
                         testing::Values(BackendKind::cpu, BackendKind::reference),
                         [](const auto& info) { return name_of(info.param); });

TEST_P(WorkingStateOn, PrefillInAnyChunksAndDecodeGiveTheSameBits) {
    auto near = *near_->create_session();
    auto far = *far_->create_session();
    const std::vector<TokenId> tokens = prefix(180);
    const LogitRows truth = all_logits(*near, tokens, 180);
    for (const int chunk : {180, 1, 7, 64}) EXPECT_EQ(all_logits(*far, tokens, chunk), truth);
}

TEST_P(WorkingStateOn, TracesAndRoutingAreTheSame) {
    struct Listener final : SessionListener {
        void on_routing(const RoutingFrame& frame) override {
            experts.insert(experts.end(), frame.experts.begin(), frame.experts.end());
            weights.insert(weights.end(), frame.weights.begin(), frame.weights.end());
        }
        std::vector<std::int32_t> experts;
        Bits weights;
    };
    // Every array as it comes.
    struct Sink final : TraceSink {
        void on_array(std::string_view name, int layer, std::int64_t, std::span<const std::int64_t>,
                      std::span<const float> values) override {
            Bits& to = arrays[{std::string(name), layer}];
            // NaN marks what was not scored.
            for (const float value : values) to.push_back(std::isnan(value) ? -777.0F : value);
        }
        std::map<std::pair<std::string, int>, Bits> arrays;
    };
    Listener listeners[2];
    Sink sinks[2];
    int at = 0;
    for (const auto& engine : {near_, far_}) {
        auto session = *engine->create_session();
        EvaluateOptions options;
        options.chunk = 50;
        options.routing = true;
        options.trace = &sinks[at];
        ASSERT_TRUE(session->evaluate(prefix(170), options, listeners[at], nullptr, CancelToken()));
        ++at;
    }
    EXPECT_FALSE(listeners[0].experts.empty());
    EXPECT_EQ(listeners[0].experts, listeners[1].experts);
    EXPECT_EQ(listeners[0].weights, listeners[1].weights);
    EXPECT_GT(sinks[0].arrays.size(), 100U);
    EXPECT_EQ(sinks[0].arrays, sinks[1].arrays);
}

TEST_F(WorkingStateTest, SnapshotsBranchesAndClearGiveTheSameBits) {
    auto near = *near_->create_session();
    auto far = *far_->create_session();
    expect_same(*near, *far, request(prefix(260), 6), 0);
    // Twice back to the snapshot in front of the last token, with another ending each time.
    for (const TokenId last : {9, 10}) {
        std::vector<TokenId> other = prefix(259);
        for (int i = 0; i < 20; ++i) other.push_back(last + i);
        expect_same(*near, *far, request(other, 6), 259);
    }
    expect_same(*near, *far, request(prefix(400), 3), 260 - 1);
    near->clear();
    far->clear();
    expect_same(*near, *far, request(prefix(100), 6), 0);
}

TEST_F(WorkingStateTest, CheckpointsGoFromOneToTheOther) {
    Folder folder;
    KvCacheOptions options;
    options.directory = folder.path();
    options.min_tokens = 1;
    const std::shared_ptr<KvCache> cache = *open_kv_cache(options);
    const auto engines = {std::pair(near_, far_), std::pair(far_, near_)};
    std::size_t length = 300;
    for (const auto& [from, to] : engines) {
        auto saving = *from->create_session({cache});
        ASSERT_TRUE(generate(*saving, request(prefix(length), 0)));
        auto id = saving->save(SaveReason::requested);
        ASSERT_TRUE(id) << id.error().message;
        cache->flush();
        auto resuming = *to->create_session({cache});
        auto resumed = resuming->resume(*id);
        ASSERT_TRUE(resumed) << resumed.error().message;
        EXPECT_EQ(logits(*saving), logits(*resuming));
        expect_same(*saving, *resuming, request(prefix(length + 30), 5), static_cast<int>(length));
        length = 777;
    }
}

// Only the k best come back, and what is said is what all logits say; seen or not, the tokens are
// those of the session that has all of them.
TEST_P(WorkingStateOn, TokensAreThoseOfAllLogits) {
    auto near = *near_->create_session();
    auto far = *far_->create_session();
    const std::vector<TokenId> prompt = prefix(40);
    std::size_t setting = 0;
    for (const SamplingOptions& options : many_sampling_options()) {
        if (++setting % 5 != 0 && GetParam() == BackendKind::reference) continue;
        SCOPED_TRACE(testing::Message()
                     << "temperature " << options.temperature << ", top_p " << options.top_p
                     << ", min_p " << options.min_p << ", top_k " << options.top_k);
        GenerateRequest r = request(prompt, 4);
        r.sampling = options;
        r.top_alternatives = options.top_k == 3 ? 64 : 5;
        auto want = generate(*near, r);
        ToldTokens told(*far, r);
        auto got = far->generate(r, told, CancelToken());
        ASSERT_TRUE(want && got);
        EXPECT_EQ(got->tokens, want->tokens);
        EXPECT_EQ(told.said.size(), want->tokens.size());
        ToldTokens unseen(*far, r, false);
        got = far->generate(r, unseen, CancelToken());
        ASSERT_TRUE(got);
        EXPECT_EQ(got->tokens, want->tokens);
    }
}

TEST_F(WorkingStateTest, ATokenReadsTheBestOfItsLogits) {
    auto far = *far_->create_session();
    GenerateRequest r = request(prefix(40), 1);
    r.routing = false;
    r.top_alternatives = 5;
    ASSERT_TRUE(generate(*far, r));
    const std::size_t before = device_->read_bytes;
    r.prompt.push_back(3);
    r.max_tokens = 8;
    auto result = generate(*far, r);
    ASSERT_TRUE(result);
    ASSERT_EQ(result->tokens.size(), 8U);
    const std::size_t five = 5 * 8 + sizeof(TopLogitsRest);
    EXPECT_EQ(device_->read_bytes - before, 8 * five);
    // All of them when somebody looks, once.
    const std::size_t vocabulary = static_cast<std::size_t>(far_->shape().vocabulary);
    EXPECT_EQ(far->logits().size(), vocabulary);
    EXPECT_EQ(far->logits().size(), vocabulary);
    EXPECT_EQ(device_->read_bytes - before, 8 * five + vocabulary * 4);
    EXPECT_FALSE(far->next_tokens(3).empty());
    EXPECT_EQ(device_->read_bytes - before, 8 * five + vocabulary * 4);
}

TEST_F(WorkingStateTest, ALogitThatIsNoNumberEndsTheTimeline) {
    auto far = *far_->create_session();
    ASSERT_TRUE(generate(*far, request(prefix(30), 3)));
    device_->broken_logit = 11;
    auto broken = generate(*far, request(prefix(40), 3));
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(broken.error().message, testing::HasSubstr("token 11 at position 39"));
    EXPECT_TRUE(far->tokens().empty());
    EXPECT_TRUE(far->logits().empty());
    device_->broken_logit = -1;
    auto near = *near_->create_session();
    expect_same(*near, *far, request(prefix(40), 4), 0);
}

TEST_F(WorkingStateTest, GoingBackSendsTheWindowAndNotTheRows) {
    auto far = *far_->create_session();
    ASSERT_TRUE(generate(*far, request(prefix(2000), 0)));
    const std::size_t before = device_->written_bytes;
    std::vector<TokenId> other = prefix(1999);
    other.push_back(5);
    auto result = generate(*far, request(other, 0));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->timings.reused_tokens, 1999);
    const std::size_t sent = device_->written_bytes - before;
    // Nothing of the 500 rows and keys of layers 2 and 4.
    std::size_t window_and_frontiers = 0;
    for (const LayerStateShape& layer : layer_state_shapes(far_->shape(), Rounding::model)) {
        window_and_frontiers +=
            static_cast<std::size_t>(far_->shape().window * layer.kv_row.stride);
        if (layer.ratio == 0) continue;
        const int slots = layer.coff * layer.ratio * layer.coff;
        window_and_frontiers += static_cast<std::size_t>(slots * layer.kv_width) * 8;
        if (layer.indexed)
            window_and_frontiers += static_cast<std::size_t>(slots * layer.index_width) * 8;
    }
    EXPECT_EQ(sent, window_and_frontiers);
}

TEST_F(WorkingStateTest, AFailureIsReportedAndFallsBackToWhatTheHostHas) {
    auto near = *near_->create_session();
    auto far = *far_->create_session();
    expect_same(*near, *far, request(prefix(200), 4), 0);
    // Brought to the host: the snapshot at 199. What was generated since is lost with the device.
    std::vector<TokenId> longer = prefix(240);
    device_->fail_finish = 1;
    auto failed = generate(*far, request(longer, 4));
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("lost"));
    EXPECT_EQ(far->tokens().size(), 199U);
    EXPECT_TRUE(far->logits().empty());
    expect_same(*near, *far, request(longer, 4), 199);

    // A batch that was computed, but whose logits or rows never came.
    for (const int reads : {1, 2}) {
        device_->fail_read = reads;
        longer.push_back(7);
        longer.push_back(8);
        ASSERT_FALSE(generate(*far, request(longer, 4)));
        device_->fail_read = 0;
        auto a = generate(*near, request(longer, 4));
        auto b = generate(*far, request(longer, 4));
        ASSERT_TRUE(a && b);
        EXPECT_EQ(a->tokens, b->tokens);
        EXPECT_EQ(logits(*near), logits(*far));
    }
    // Nothing was ever brought to the host.
    auto other = *far_->create_session();
    device_->fail_finish = 1;
    ASSERT_FALSE(generate(*other, request(prefix(60), 2)));
    EXPECT_TRUE(other->tokens().empty());
    auto fresh = *near_->create_session();
    expect_same(*fresh, *other, request(prefix(60), 2), 0);
}

TEST_F(WorkingStateTest, NoMemoryIsAnErrorBeforeAnythingIsTouched) {
    auto near = *near_->create_session();
    auto far = *far_->create_session();
    expect_same(*near, *far, request(prefix(20), 0), 0);
    // The state grows a page at a time and the scratch array by array: wherever it stops.
    for (std::size_t more = 0; more < 2'000'000; more += 150'000) {
        device_->memory_max = device_->allocated_bytes() + more;
        auto failed = generate(*far, request(prefix(330), 0));
        device_->memory_max = std::size_t{4} << 30;
        if (failed) break;
        EXPECT_EQ(failed.error().code, ErrorCode::out_of_memory);
        EXPECT_EQ(far->tokens().size(), 20U);
    }
    expect_same(*near, *far, request(prefix(340), 4), static_cast<int>(far->tokens().size()));
}

TEST_F(WorkingStateTest, ASpeedProbeMeasuresOnIt) {
    std::vector<Bits> seen[2];
    int at = 0;
    for (const std::shared_ptr<Engine>& engine :
         {std::shared_ptr<Engine>(near_), std::shared_ptr<Engine>(far_)}) {
        auto probe = *create_speed_probe(engine);
        ASSERT_TRUE(probe->synthesise(1400, 3, CancelToken()));
        std::vector<double> seconds;
        for (int round = 0; round < 2; ++round) {
            probe->mark();
            ASSERT_TRUE(probe->prefill(70, {}, CancelToken()));
            ASSERT_TRUE(probe->decode(2, seconds, {}, CancelToken()));
            const auto logits = probe->logits();
            seen[at].emplace_back(logits.begin(), logits.end());
            probe->back();
            EXPECT_EQ(probe->position(), 1400);
        }
        ++at;
    }
    EXPECT_EQ(seen[0], seen[1]);
    EXPECT_EQ(seen[0][0], seen[0][1]);
}

// The forward pass alone, with pages that a few rows fill.
class FarForward {
public:
    FarForward(EngineImpl& engine, std::int64_t rows_per_page)
        : engine_(engine),
          state(layer_state_shapes(engine.shape(), Rounding::model), engine.shape().window),
          working_(state, engine.backend(), rows_per_page),
          forward_(engine.shape(), engine.weights(), engine.backend(), Rounding::model) {}

    Status run(std::span<const TokenId> tokens, int chunk, const ForwardHooks& hooks = {}) {
        for (std::size_t at = 0; at < tokens.size(); at += static_cast<std::size_t>(chunk)) {
            last_ = tokens.subspan(
                at, std::min<std::size_t>(tokens.size() - at, static_cast<std::size_t>(chunk)));
            TRY_STATUS(forward_.run(last_, working_, hooks));
        }
        return {};
    }
    Bits logits() {
        Bits out(static_cast<std::size_t>(engine_.shape().vocabulary));
        EXPECT_TRUE(forward_.logits(static_cast<int>(last_.size()) - 1, out));
        return out;
    }

private:
    EngineImpl& engine_;

public:
    KvState state;

private:
    WorkingState working_;
    Forward forward_;
    std::span<const TokenId> last_;
};

void expect_same_snapshot(const KvState::Snapshot& a, const KvState::Snapshot& b,
                          const std::vector<LayerStateShape>& shapes) {
    ASSERT_EQ(a.positions, b.positions);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        EXPECT_EQ(a.layers[i].window, b.layers[i].window) << i;
        EXPECT_EQ(a.layers[i].frontier_kv, b.layers[i].frontier_kv) << i;
        EXPECT_EQ(a.layers[i].frontier_score, b.layers[i].frontier_score) << i;
        EXPECT_EQ(a.layers[i].index_frontier_kv, b.layers[i].index_frontier_kv) << i;
        EXPECT_EQ(a.layers[i].index_frontier_score, b.layers[i].index_frontier_score) << i;
        if (shapes[i].ratio == 0) continue;
        expect_same_rows(a.layers[i].compressed, b.layers[i].compressed,
                         a.positions / shapes[i].ratio);
        if (shapes[i].indexed)
            expect_same_rows(a.layers[i].index, b.layers[i].index, a.positions / shapes[i].ratio);
    }
}

TEST_F(WorkingStateTest, StatesAreTheSameByteForByteAtEveryStop) {
    const auto shapes = layer_state_shapes(near_->shape(), Rounding::model);
    FarForward near(*near_, 1);
    std::mt19937 random(5);
    for (const std::int64_t page : {3, 100, 4096}) {
        FarForward far(*far_, page);
        near.state.clear();
        std::vector<KvState::Snapshot> near_past, far_past;
        for (int step = 0; step < 40; ++step) {
            const auto from = random() % 1000;
            const auto count = static_cast<std::size_t>(1 + random() % 60);
            const int chunk = 1 + static_cast<int>(random() % 40);
            const std::span<const TokenId> tokens = std::span(tokens_).subspan(from, count);
            ASSERT_TRUE(near.run(tokens, chunk));
            ASSERT_TRUE(far.run(tokens, chunk));
            ASSERT_EQ(near.logits(), far.logits());
            if (random() % 2 == 0) {
                near_past.push_back(*near.state.snapshot());
                far_past.push_back(*far.state.snapshot());
                expect_same_snapshot(near_past.back(), far_past.back(), shapes);
            }
            if (random() % 3 == 0 && !far_past.empty()) {
                const std::size_t back = random() % far_past.size();
                near.state.restore(near_past[back]);
                // From either side: pages it never saw, or its own.
                far.state.restore(random() % 4 == 0 ? near_past[back] : far_past[back]);
            }
            if (random() % 8 == 0 && !far_past.empty()) {
                near_past.erase(near_past.begin());
                far_past.erase(far_past.begin());
            }
        }
    }
}

TEST_F(WorkingStateTest, CancelledInTheMiddleItGoesOnAsIfNothingHadBeen) {
    const auto shapes = layer_state_shapes(near_->shape(), Rounding::model);
    for (const std::size_t rows : {2, 50}) {
        FarForward near(*near_, 1), far(*far_, 4096);
        ASSERT_TRUE(near.run(std::span(tokens_).first(201), 64));
        ASSERT_TRUE(far.run(std::span(tokens_).first(201), 64));
        for (int layer = 0; layer + 1 < near_->shape().layers; ++layer) {
            for (FarForward* one : {&near, &far}) {
                CancelToken cancel;
                ForwardHooks hooks;
                hooks.cancel = &cancel;
                hooks.trace = [&](std::string_view name, int at, std::int64_t,
                                  std::span<const std::int64_t>, std::span<const float>) {
                    if (at == layer && name == "ffn_norm") cancel.cancel();
                };
                const Status status =
                    one->run(std::span(tokens_).subspan(300, rows), static_cast<int>(rows), hooks);
                ASSERT_FALSE(status);
                ASSERT_EQ(status.error().code, ErrorCode::cancelled);
                ASSERT_EQ(one->state.positions(), 201);
            }
        }
        expect_same_snapshot(*near.state.snapshot(), *far.state.snapshot(), shapes);
        FarForward untouched(*near_, 1);
        ASSERT_TRUE(untouched.run(std::span(tokens_).first(260), 64));
        for (FarForward* one : {&near, &far}) {
            ASSERT_TRUE(one->run(std::span(tokens_).subspan(201, 59), 59));
            EXPECT_EQ(one->logits(), untouched.logits());
        }
        expect_same_snapshot(*untouched.state.snapshot(), *far.state.snapshot(), shapes);
    }
}

TEST_F(WorkingStateTest, TheDraftBlockRunsOnIt) {
    auto file = MappedFile::open(golden_path("tiny/tiny-mtp-q2.gguf"));
    ASSERT_TRUE(file);
    const auto gguf = Gguf::parse(file->bytes());
    ASSERT_TRUE(gguf);
    const auto weights = MtpWeights::bind(*gguf, near_->shape());
    ASSERT_TRUE(weights) << weights.error().message;
    std::vector<Bits> seen[2];
    int at = 0;
    for (const auto& engine : {near_, far_}) {
        Backend& backend = engine->backend();
        KvState state(layer_state_shapes(engine->shape(), Rounding::model), engine->shape().window);
        WorkingState working(state, backend);
        Forward forward(engine->shape(), engine->weights(), backend, Rounding::model);
        MtpBlock block(engine->shape(), engine->weights(), *weights, backend, Rounding::model);
        KvState window = block.make_state();
        WorkingState window_working(window, backend);
        for (int i = 0; i < 20; ++i) {
            const TokenId token = tokens_[static_cast<std::size_t>(i)];
            ASSERT_TRUE(forward.run(std::span(&token, 1), working, {}));
            const float* previous = forward.streams(0);
            for (int draft = 0; draft < 2; ++draft) {
                Bits out(static_cast<std::size_t>(engine->shape().vocabulary));
                ASSERT_TRUE(block.run(previous, token, window_working, out));
                seen[at].push_back(std::move(out));
                previous = block.streams();
            }
        }
        ++at;
    }
    EXPECT_EQ(seen[0], seen[1]);
}

}  // namespace
}  // namespace starglass::test

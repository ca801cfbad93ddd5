// SPDX-License-Identifier: MIT
//
// Sessions on a Vulkan device: checkpoints that come from the CPU and go there, experts in both
// memories, limits of memory, and what `automatic` makes of a device.
#include "builtin/builtin_model.h"
#include "cache/cache_support.h"
#include "model/golden_support.h"
#include "support/told_tokens.h"
#include "support/vulkan_model.h"

namespace starglass::test {
namespace {

std::span<const std::byte> tiny() {
    return mapped(golden_path("tiny/tiny-q2.gguf"));
}
std::vector<TokenId> stream(std::size_t count) {
    std::vector<TokenId> tokens =
        Npz(golden_path("tiny/golden-q2-logits.npz")).at("tokens_A").ints();
    tokens.resize(count);
    return tokens;
}
std::vector<float> logits(const Session& session) {
    return {session.logits().begin(), session.logits().end()};
}
Result<GenerateResult> advance(Session& session, std::vector<TokenId> tokens) {
    GenerateRequest request;
    request.prompt = std::move(tokens);
    request.max_tokens = 0;
    request.save = false;
    SessionListener none;
    return session.generate(request, none, CancelToken());
}
std::shared_ptr<Engine> cpu_engine(Numerics numerics) {
    EngineOptions options;
    options.numerics = numerics;
    options.context_tokens = 4096;
    options.threads = 1;
    return *open_engine(tiny(), "tiny", options, {}, CancelToken());
}
bool is_one_sentence(const std::string& text) {
    return text.size() > 20 && text.find('\n') == std::string::npos;
}

// --- checkpoints -------------------------------------------------------------------------------

class CheckpointsVulkan : public testing::TestWithParam<Numerics> {};

// Rows are codes whoever made them, so a checkpoint of one backend serves another. Its logits are
// then as close to the unbroken run's as the two backends are to each other
// (golden_vulkan_test.cpp); the bits of the unbroken run come from a checkpoint of the same
// arithmetic, and the report says which it was.
TEST_P(CheckpointsVulkan, GoToTheCpuAndBack) {
    const Numerics numerics = GetParam();
    const std::shared_ptr<Engine> cpu = cpu_engine(numerics);
    const VulkanModel model = VulkanModel::get(tiny(), {.numerics = numerics});
    const std::size_t length = 141;
    constexpr std::size_t kFurther = 6;
    const std::vector<TokenId> all = stream(length + kFurther);
    const LogitRows truth = all_logits(**cpu->create_session(), all, 64);

    for (const bool from_cpu : {true, false}) {
        SCOPED_TRACE(from_cpu ? "from the CPU" : "to the CPU");
        Folder folder;
        KvCacheOptions options;
        options.directory = folder.path();
        options.min_tokens = 1;
        const std::shared_ptr<KvCache> cache = *open_kv_cache(options);
        const std::shared_ptr<Engine> device = model.engine;
        const std::shared_ptr<Engine> from = from_cpu ? cpu : device;
        const std::shared_ptr<Engine> to = from_cpu ? device : cpu;
        const std::vector<TokenId> head(all.begin(), all.begin() + length);

        auto saving = *from->create_session({cache});
        ASSERT_TRUE(advance(*saving, head));
        auto id = saving->save(SaveReason::requested);
        ASSERT_TRUE(id) << id.error().message;
        cache->flush();

        auto same = *from->create_session({cache});
        auto report = same->resume(*id);
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_FALSE(report->other_arithmetic);
        auto other = *to->create_session({cache});
        report = other->resume(*id);
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_TRUE(report->other_arithmetic);
        EXPECT_EQ(report->tokens, static_cast<int>(length));
        EXPECT_EQ(logits(*other), logits(*saving));

        std::vector<double> errors;
        std::vector<TokenId> prompt = head;
        for (std::size_t i = length; i < length + kFurther; ++i) {
            prompt.push_back(all[i]);
            for (Session* session : {saving.get(), same.get(), other.get()}) {
                auto result = advance(*session, prompt);
                ASSERT_TRUE(result) << result.error().message;
                EXPECT_EQ(result->timings.reused_tokens, static_cast<int>(i));
            }
            EXPECT_EQ(logits(*same), logits(*saving));
            errors.push_back(relative_rms(logits(*other), truth.at(static_cast<std::int64_t>(i))));
        }
        const double worst = *std::max_element(errors.begin(), errors.end());
        std::printf("  median %.2e worst %.2e\n", median(errors), worst);
        EXPECT_LE(median(errors), numerics == Numerics::fp ? 5e-3 : 5e-2);
        EXPECT_LE(worst, numerics == Numerics::fp ? 0.1 : 0.3);

        // What was gone on from elsewhere promises nobody its bits.
        id = other->save(SaveReason::requested);
        ASSERT_TRUE(id);
        cache->flush();
        EXPECT_TRUE((*to->create_session({cache}))->resume(*id)->other_arithmetic);
    }
}
INSTANTIATE_TEST_SUITE_P(Numerics, CheckpointsVulkan, testing::Values(Numerics::act8, Numerics::fp),
                         [](const auto& info) { return name_of(info.param); });

TEST(SessionsVulkan, PreferTheirOwnCheckpointOfATextBothSaved) {
    Folder folder;
    KvCacheOptions options;
    options.directory = folder.path();
    options.min_tokens = 1;
    const std::shared_ptr<KvCache> cache = *open_kv_cache(options);
    const std::shared_ptr<Engine> cpu = cpu_engine(Numerics::act8);
    const VulkanModel model = VulkanModel::get(tiny(), {});
    for (const std::shared_ptr<Engine>& engine : {cpu, std::shared_ptr<Engine>(model.engine)}) {
        auto session = *engine->create_session({cache});
        all_logits(*session, stream(40), 40);  // whatever lies in the cache
        ASSERT_TRUE(session->save(SaveReason::requested));
        cache->flush();
    }
    for (const std::shared_ptr<Engine>& engine : {cpu, std::shared_ptr<Engine>(model.engine)}) {
        auto session = *engine->create_session({cache});
        auto result = advance(*session, stream(41));
        ASSERT_TRUE(result);
        EXPECT_EQ(result->reuse.source, ReuseSource::disk);
        EXPECT_EQ(result->reuse.tokens, 40);
        EXPECT_FALSE(result->reuse.other_arithmetic);
    }
}

// --- tokens without all logits ----------------------------------------------------------------

// What a device sums in floats tells of a token what all its logits tell.
TEST(TokensVulkan, AreThoseOfAllLogits) {
    const VulkanModel model = VulkanModel::get(tiny(), {});
    const auto session = model.session();
    for (const SamplingOptions& options : many_sampling_options()) {
        SCOPED_TRACE(testing::Message()
                     << "temperature " << options.temperature << ", top_p " << options.top_p
                     << ", min_p " << options.min_p << ", top_k " << options.top_k);
        GenerateRequest request;
        request.prompt = stream(12);
        request.max_tokens = 2;
        request.save = false;
        request.sampling = options;
        request.top_alternatives = options.top_k == 3 ? 64 : 5;
        ToldTokens told(*session, request);
        auto seen = session->generate(request, told, CancelToken());
        ASSERT_TRUE(seen) << seen.error().message;
        ToldTokens unseen(*session, request, false);
        auto result = session->generate(request, unseen, CancelToken());
        ASSERT_TRUE(result);
        EXPECT_EQ(result->tokens, seen->tokens);
    }
    EXPECT_EQ(model.backend->device().validation_messages(), 0);
}

// One wait a token, and in it the best logits and the experts that were chosen.
TEST(TokensVulkan, ReadTheBestOfTheirLogitsInTheWaitThatEndsThem) {
    const VulkanModel model = VulkanModel::get(tiny(), {});
    const auto session = model.session();
    gpu::Stream& stream_of = model.backend->stream();
    const ModelShape& shape = model.engine->shape();
    int round = 0;
    for (const bool routing : {false, false, true}) {
        GenerateRequest request;
        request.prompt = stream(20);
        request.max_tokens = 1;
        request.save = false;
        request.routing = routing;
        request.sampling.min_p = 0.9F;
        SessionListener none;
        session->clear();
        ASSERT_TRUE(session->generate(request, none, CancelToken()));
        const std::int64_t bytes = stream_of.bytes_read();
        const std::int64_t waits = stream_of.waits();
        constexpr int kTokens = 9;
        request.max_tokens = 1 + kTokens;
        auto result = session->generate(request, none, CancelToken());
        ASSERT_TRUE(result);
        ASSERT_EQ(result->tokens.size(), 1U + kTokens);
        const std::int64_t best = std::min<std::int64_t>(256, shape.vocabulary) * 8 +
                                  static_cast<std::int64_t>(sizeof(TopLogitsRest));
        const std::int64_t experts =
            routing ? std::int64_t{shape.layers} * shape.experts_used * 8 : 0;
        EXPECT_EQ(stream_of.bytes_read() - bytes, kTokens * (best + experts));
        // The first ones wait for scratch to grow.
        if (round++ > 0) {
            EXPECT_EQ(stream_of.waits() - waits, kTokens);
        }
        std::printf("  %lld bytes a token of %d logits\n", static_cast<long long>(best + experts),
                    shape.vocabulary);
    }
}

// --- experts in both memories -----------------------------------------------------------------

TEST(HybridVulkan, LogitsAreTheSameWhereverExpertsLie) {
    const std::vector<TokenId> tokens = stream(52);
    LogitRows all;
    for (const int layers : {-1, 0, 1, 4}) {
        SCOPED_TRACE(std::to_string(layers) + " layers");
        // f32 without rounding: anything but the order of sums would show.
        const VulkanModel model =
            VulkanModel::get(tiny(), {.numerics = Numerics::cont, .expert_layers = layers});
        const PlacementSummary& placement = model.engine->placement();
        EXPECT_EQ(placement.backend, BackendKind::vulkan);
        EXPECT_FALSE(placement.device.empty());
        EXPECT_EQ(placement.layers, 6);
        EXPECT_EQ(placement.device_expert_layers, layers < 0 ? 6 : layers);
        EXPECT_EQ(placement.host_bytes == 0, layers < 0);
        EXPECT_GT(placement.device_bytes, 0U);
        const auto session = model.session();
        for (const int chunk : {49, 1}) {
            const std::vector<TokenId> part(tokens.begin(), tokens.begin() + (chunk == 1 ? 6 : 52));
            const LogitRows rows = all_logits(*session, part, chunk);
            if (all.empty()) all = rows;
            for (const auto& [position, row] : rows)
                EXPECT_LE(relative_rms(row, all.at(position)), 1e-5) << chunk << " " << position;
        }
    }
}

// Experts that did not fit the device may not fit host memory either.
TEST(HybridVulkan, ExpertsOnTheHostComeFromTheFile) {
    const std::string path = golden_path("tiny/tiny-q2.gguf");
    EngineOptions options;
    options.backend = BackendKind::vulkan;
    options.device = test_device();
    options.device_expert_layers = 2;
    options.context_tokens = 512;
    options.threads = 2;
    options.memory_bytes = kMemoryMapped;
    const std::vector<TokenId> tokens = stream(40);
    std::vector<LogitRows> want;
    {
        const auto whole = *open_engine(path, options, {}, CancelToken());
        EXPECT_EQ(whole->expert_memory(), nullptr);
        for (const int chunk : {16, 1})
            want.push_back(all_logits(**whole->create_session(), tokens, chunk));
    }
    options.memory_bytes = kMemoryAutomatic;
    options.expert_bytes = 1 << 20;
    const auto engine = open_engine(path, options, {}, CancelToken());
    ASSERT_TRUE(engine) << engine.error().message;
    ASSERT_NE((*engine)->expert_memory(), nullptr);
    EXPECT_EQ((*engine)->placement().device_expert_layers, 2);
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_EQ(all_logits(**(*engine)->create_session(), tokens, i == 0 ? 16 : 1), want[i]);
    const ExpertMemorySnapshot now = (*engine)->expert_memory()->snapshot();
    const auto frame = static_cast<std::size_t>(now.experts);
    for (std::size_t id = 0; id < now.tiers.size(); ++id) {
        EXPECT_EQ(now.tiers[id] == ExpertTier::device, id / frame < 2);
        if (id / frame < 2) {
            EXPECT_EQ(now.hits[id] + now.misses[id], 0U);
        }
    }
    EXPECT_GT(now.totals.misses, 0U);
    EXPECT_LE(now.resident_bytes, std::uint64_t{1} << 20);
}

TEST(HybridVulkan, ALimitOfMemoryDecidesHowManyLayersFit) {
    const auto layers_at = [](std::int64_t megabytes) {
        auto model = VulkanModel::open(tiny(), {.memory = megabytes << 20, .context = 1024});
        if (!model) {
            EXPECT_EQ(model.error().code, ErrorCode::out_of_memory);
            EXPECT_TRUE(is_one_sentence(model.error().message)) << model.error().message;
            return -1;
        }
        EXPECT_LE(model->backend->device().allocated_bytes(), megabytes << 20);
        return model->engine->placement().device_expert_layers;
    };
    EXPECT_EQ(layers_at(2), -1);  // not even the shared parts
    EXPECT_EQ(layers_at(64), 0);
    std::int64_t none = 64;
    std::int64_t all = 1024;
    EXPECT_EQ(layers_at(all), 6);
    int some = 0;
    while (all - none > 1 && some == 0) {
        const std::int64_t middle = (none + all) / 2;
        const int layers = layers_at(middle);
        if (layers > 0 && layers < 6) some = layers;
        (layers == 6 ? all : none) = middle;
    }
    EXPECT_GT(some, 0) << "between " << none << " and " << all << " MiB";
}

TEST(HybridVulkan, TooLittleMemoryIsOneSentenceOfTheEngine) {
    EngineOptions options;
    options.backend = BackendKind::vulkan;
    options.device = test_device();
    options.device_memory = 2 << 20;
    auto engine = open_engine(golden_path("tiny/tiny-q2.gguf"), options, {}, CancelToken());
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::out_of_memory);
    EXPECT_TRUE(is_one_sentence(engine.error().message)) << engine.error().message;
    EXPECT_THAT(engine.error().message, testing::HasSubstr("ran out of memory"));
}

// --- automatic --------------------------------------------------------------------------------

TEST(AutomaticVulkan, NeverTakesASoftwareDriver) {
    auto devices = gpu::list_devices();
    ASSERT_TRUE(devices);
    for (const gpu::DeviceInfo& device : *devices)
        if (device.kind != gpu::DeviceKind::software) GTEST_SKIP() << "there is a real one";
    EngineOptions options;
    options.backend = BackendKind::automatic;
    auto engine = open_engine(golden_path("tiny/tiny-q2.gguf"), options, {}, CancelToken());
    ASSERT_TRUE(engine) << engine.error().message;
    EXPECT_EQ((*engine)->placement().backend, BackendKind::cpu);
    EXPECT_EQ((*engine)->options().backend, BackendKind::cpu);
    EXPECT_THAT((*engine)->placement().reason, testing::HasSubstr("no graphics processor"));
    EXPECT_TRUE(is_one_sentence((*engine)->placement().reason));
    EXPECT_TRUE(advance(**(*engine)->create_session(), stream(5)));
}

TEST(AutomaticVulkan, ChoosesBySpeedAndFallsBackToTheCpu) {
    EngineOptions options;
    options.backend = BackendKind::automatic;
    options.threads = 1;
    const auto place = [&](std::optional<ReadSpeeds> speeds, std::int64_t memory) {
        auto parts = EngineImpl::read(tiny(), options, {}, CancelToken());
        gpu::DeviceOptions device;
        device.device = test_device();
        device.memory_limit = memory;
        auto placed =
            place_by_speed(make_vulkan_backend(Activations::int8, device), speeds, parts->shape,
                           parts->weights, 1 << 20, options, {}, CancelToken());
        EXPECT_TRUE(placed);
        EXPECT_TRUE(is_one_sentence(placed->summary.reason)) << placed->summary.reason;
        return placed->summary;
    };
    PlacementSummary summary = place(ReadSpeeds{1e12, 1e10}, 0);
    EXPECT_EQ(summary.backend, BackendKind::vulkan);
    EXPECT_EQ(summary.device_expert_layers, 6);
    EXPECT_THAT(summary.reason, testing::HasSubstr("1000 GB/s"));
    summary = place(ReadSpeeds{1e10, 1e12}, 0);
    EXPECT_EQ(summary.backend, BackendKind::cpu);
    EXPECT_THAT(summary.reason, testing::HasSubstr("1000 GB/s"));
    summary = place(ReadSpeeds{1e12, 1e10}, 2 << 20);  // promised to be faster, and does not fit
    EXPECT_EQ(summary.backend, BackendKind::cpu);
    EXPECT_THAT(summary.reason, testing::HasSubstr("ran out of memory"));

    auto parts = EngineImpl::read(tiny(), options, {}, CancelToken());
    gpu::DeviceOptions missing;
    missing.device = "nonsense";
    auto placed = place_by_speed(make_vulkan_backend(Activations::int8, missing), std::nullopt,
                                 parts->shape, parts->weights, 1 << 20, options, {}, CancelToken());
    ASSERT_TRUE(placed);
    EXPECT_EQ(placed->summary.backend, BackendKind::cpu);
    EXPECT_THAT(placed->summary.reason, testing::HasSubstr("'nonsense'"));
}

// --- the built-in model -----------------------------------------------------------------------

TEST(BuiltinVulkan, PrefillInChunksIsDecodeAndWhatTheCpuSays) {
    EngineOptions options;
    options.threads = 1;
    options.context_tokens = 1024;
    auto cpu = open_engine(builtin_model(), "built-in", options, {}, CancelToken());
    ASSERT_TRUE(cpu);
    const VulkanModel model = VulkanModel::get(builtin_model(), {.context = 1024});
    const std::string text =
        "What does a language model do with memory? It keeps rows of what it has read.";
    const std::vector<TokenId> tokens = (*cpu)->tokenize(text, TokenizeMode::plain);
    ASSERT_GT(tokens.size(), 10U);
    const LogitRows truth = all_logits(**(*cpu)->create_session(), tokens, 64);
    const auto session = model.session();
    LogitRows decoded;
    for (const int chunk : {1, 3, 64}) {
        const LogitRows rows = all_logits(*session, tokens, chunk);
        if (decoded.empty()) decoded = rows;
        std::vector<double> errors, apart;
        for (const auto& [position, row] : rows) {
            errors.push_back(relative_rms(row, truth.at(position)));
            apart.push_back(relative_rms(row, decoded.at(position)));
        }
        std::printf("  chunk %2d: from the CPU %.2e, from decode %.2e\n", chunk, median(errors),
                    median(apart));
        EXPECT_LE(median(errors), 5e-2);
        EXPECT_LE(median(apart), 5e-2);
    }
}

}  // namespace
}  // namespace starglass::test

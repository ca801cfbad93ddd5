// SPDX-License-Identifier: MIT
//
// What goes wrong on a device costs a request, never the session: one sentence, and the next
// request goes on from what had been brought to the host.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "cache/cache_support.h"
#include "gpu/pipeline_file.h"
#include "model/golden_support.h"
#include "support/sanitized.h"
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
Result<GenerateResult> generate(Session& session, std::vector<TokenId> prompt, int tokens = 0) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = tokens;
    request.sampling.temperature = 0;
    request.thinking = false;
    request.save = false;
    SessionListener none;
    return session.generate(request, none, CancelToken());
}
bool is_one_sentence(const std::string& text) {
    return text.size() > 20 && text.find('\n') == std::string::npos;
}

// f32 without rounding, so that going on in other batches than the unbroken run shows as 1e-6.
class FailuresVulkan : public testing::Test {
protected:
    FailuresVulkan() : model_(VulkanModel::get(tiny(), {.numerics = Numerics::cont})) {}
    void TearDown() override { EXPECT_EQ(model_.backend->device().validation_messages(), 0); }
    gpu::Stream& gpu_stream() { return model_.backend->stream(); }
    VulkanModel model_;
};

TEST_F(FailuresVulkan, ASubmissionOfPrefillOrDecode) {
    const auto whole = model_.session();
    const std::int64_t before = gpu_stream().submissions();
    auto expected = generate(*whole, stream(34), 3);
    ASSERT_TRUE(expected) << expected.error().message;
    const std::int64_t submissions = gpu_stream().submissions() - before;
    ASSERT_GT(submissions, 6);
    const std::vector<float> truth = logits(*whole);

    // From the first to the last: in the prompt's batches, in the last token's, in each of
    // decode's.
    for (const std::int64_t at :
         {std::int64_t{0}, submissions / 4, submissions / 2, submissions - 4}) {
        SCOPED_TRACE("submission " + std::to_string(at) + " of " + std::to_string(submissions));
        const auto session = model_.session();
        ASSERT_TRUE(generate(*session, stream(7)));
        std::string sentence;
        for (int time = 0; time < 2; ++time) {
            // The shorter request in front leaves less to do, so the last ones may not be reached.
            gpu_stream().fail_submission(at, VK_ERROR_DEVICE_LOST);
            auto failed = generate(*session, stream(34), 3);
            gpu_stream().fail_submission(-1000000, VK_SUCCESS);
            if (failed) break;
            EXPECT_EQ(failed.error().code, ErrorCode::io);
            EXPECT_TRUE(is_one_sentence(failed.error().message)) << failed.error().message;
            if (time == 0) sentence = failed.error().message;
            EXPECT_EQ(failed.error().message, sentence);
            // Never more than what was asked for, and always a beginning of it.
            EXPECT_LE(session->tokens().size(), 37U);
        }
        auto result = generate(*session, stream(34), 3);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->tokens, expected->tokens);
        ASSERT_FALSE(logits(*session).empty());
        EXPECT_LE(relative_rms(logits(*session), truth), 1e-5);
    }
}

// A table that is written by a batch which is then dropped must be written again.
TEST_F(FailuresVulkan, TheVeryFirstSubmission) {
    const auto session = model_.session();
    const auto truth = [&] {
        const VulkanModel other = VulkanModel::get(tiny(), {.numerics = Numerics::cont});
        const auto untouched = other.session();
        EXPECT_TRUE(generate(*untouched, stream(20)));
        return logits(*untouched);
    }();
    gpu_stream().fail_submission(0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    auto failed = generate(*session, stream(20));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::out_of_memory);
    EXPECT_TRUE(session->tokens().empty());
    ASSERT_TRUE(generate(*session, stream(20)));
    EXPECT_LE(relative_rms(logits(*session), truth), 1e-5);
}

TEST(MemoryVulkan, EndsWhileLoadingOrWhileTheContextGrows) {
    int not_loaded = 0;
    int not_grown = 0;
    for (const std::int64_t megabytes : {4, 8, 12, 16, 20, 24, 28, 34, 40, 50, 64, 96}) {
        SCOPED_TRACE(std::to_string(megabytes) + " MiB");
        const auto check = [](const Error& error) {
            EXPECT_EQ(error.code, ErrorCode::out_of_memory);
            EXPECT_TRUE(is_one_sentence(error.message)) << error.message;
        };
        auto model = VulkanModel::open(tiny(), {.expert_layers = 0, .memory = megabytes << 20});
        if (!model) {
            check(model.error());
            ++not_loaded;
            continue;
        }
        const auto session = model->session();
        auto begun = generate(*session, stream(5), 1);
        if (!begun) {
            check(begun.error());
            ++not_grown;
            continue;
        }
        const std::vector<float> truth = logits(*session);
        auto grown = generate(*session, stream(70));
        if (!grown) {
            check(grown.error());
            ++not_grown;
            // What fitted before fits still.
            auto again = generate(*session, stream(5), 1);
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ(logits(*session), truth);
        }
        EXPECT_EQ(model->backend->device().validation_messages(), 0);
        if (grown) break;
    }
    EXPECT_GT(not_loaded, 0);
    EXPECT_GT(not_grown, 0);
}

// --- compiled kernels on disk -------------------------------------------------------------------

gpu::DeviceInfo some_device() {
    gpu::DeviceInfo device;
    device.vendor = 0x10DE;
    device.device = 0x2330;
    device.driver_version = 77;
    device.uuid = "00112233445566778899aabbccddeeff";
    return device;
}

TEST(PipelineFile, EveryDamageIsSeen) {
    Folder folder;
    const std::string path = folder / "pipelines.bin";
    const gpu::DeviceInfo device = some_device();
    std::mt19937 random(3);
    std::vector<std::byte> data(5000);
    for (std::byte& byte : data) byte = static_cast<std::byte>(random());
    EXPECT_EQ(gpu::read_pipeline_file(path, device).error().code, ErrorCode::not_found);
    ASSERT_TRUE(gpu::write_pipeline_file(path, device, data));
    EXPECT_EQ(*gpu::read_pipeline_file(path, device), data);

    const std::string whole = read_all(path);
    ASSERT_EQ(whole.size(), data.size() + 64);
    const auto refused = [&](const std::string& bytes, const gpu::DeviceInfo& reader) {
        write_all(path, bytes);
        auto read = gpu::read_pipeline_file(path, reader);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
        EXPECT_TRUE(is_one_sentence(read.error().message)) << read.error().message;
    };
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < 64; ++at) places.push_back(at);
    for (int i = 0; i < 200; ++i) places.push_back(64 + random() % data.size());
    for (const std::size_t at : places) {
        SCOPED_TRACE("byte " + std::to_string(at));
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        refused(bytes, device);
    }
    for (const std::size_t length : {0UL, 1UL, 63UL, 64UL, 65UL, whole.size() - 1})
        refused(whole.substr(0, length), device);
    refused(whole + "x", device);
    gpu::DeviceInfo other = device;
    other.driver_version = 78;
    refused(whole, other);
    other = device;
    other.uuid[5] = 'f';
    refused(whole, other);
    other = device;
    ++other.device;
    refused(whole, other);
    write_all(path, whole);
    EXPECT_EQ(*gpu::read_pipeline_file(path, device), data);
}

TEST(PipelineFile, ADamagedOneIsNotedAndBuiltAnew) {
    Folder folder;
    gpu::DeviceOptions options;
    options.device = test_device();
    options.cache_folder = folder.path();
    const auto build = [&] {
        auto device = gpu::Device::open(options);
        EXPECT_TRUE(device) << device.error().message;
        EXPECT_TRUE((*device)->pipeline(Shader::add, {}));
        (*device)->save_pipelines();
        return (*device)->pipeline_note();
    };
    EXPECT_EQ(build(), "");
    const auto files = files_in(folder.path(), ".bin");
    ASSERT_EQ(files.size(), 1U);
    const std::string whole = read_all(files[0]);
    EXPECT_EQ(build(), "");
    for (const std::size_t at : {9UL, 40UL, 60UL, whole.size() - 1}) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(~bytes[at]);
        write_all(files[0], bytes);
        const std::string note = build();
        EXPECT_TRUE(is_one_sentence(note)) << note;
        EXPECT_EQ(build(), "");
    }
    write_all(files[0], whole.substr(0, whole.size() / 2));
    EXPECT_TRUE(is_one_sentence(build()));
    EXPECT_EQ(files_in(folder.path(), "").size(), 1U);
}

// A process that loads, computes and saves is killed at any moment; what it leaves is whole.
TEST(KilledVulkan, LeavesNothingThatHarms) {
    if (kThreadSanitized) GTEST_SKIP() << "the race checker does not follow a fork";
    Folder folder;
    std::mt19937 random(8);
    for (const int milliseconds : {5, 40, 90, 150, 250, 400, 700, 1200}) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            for (;;) {
                EngineOptions options;
                options.backend = BackendKind::vulkan;
                options.device = test_device();
                options.threads = 1;
                options.pipeline_folder = folder.path();
                auto engine =
                    open_engine(golden_path("tiny/tiny-q2.gguf"), options, {}, CancelToken());
                if (!engine || !generate(**(*engine)->create_session(), stream(2))) _exit(1);
            }
        }
        ::usleep(static_cast<useconds_t>(milliseconds * 1000));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status)) << status;
    }
    auto devices = gpu::list_devices();
    ASSERT_TRUE(devices);
    auto device = gpu::choose_device(*devices, test_device());
    ASSERT_TRUE(device);
    // A temporary file that a kill left is written over by the next process that saves.
    for (const auto& path : files_in(folder.path(), ".bin"))
        EXPECT_TRUE(gpu::read_pipeline_file(path, *device)) << path;
    EngineOptions options;
    options.backend = BackendKind::vulkan;
    options.device = test_device();
    options.threads = 1;
    options.pipeline_folder = folder.path();
    {
        auto engine = open_engine(golden_path("tiny/tiny-q2.gguf"), options, {}, CancelToken());
        ASSERT_TRUE(engine) << engine.error().message;
        EXPECT_TRUE(generate(**(*engine)->create_session(), stream(2)));
    }
    EXPECT_EQ(files_in(folder.path(), "").size(), 1U);
    EXPECT_EQ(files_in(folder.path(), ".bin").size(), 1U);
}

}  // namespace
}  // namespace starglass::test

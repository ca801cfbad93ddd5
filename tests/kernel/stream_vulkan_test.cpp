// SPDX-License-Identifier: MIT
//
// What the stream promises whatever is given to it: staged bytes stay until they were read, every
// kernel of a profile is counted, and nothing counts as done that was dropped.
#include <chrono>
#include <numeric>
#include <thread>

#include "kernel/support.h"
#include "kernel/vulkan_context.h"

namespace starglass::testing {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

class StreamVulkan : public ::testing::Test {
protected:
    StreamVulkan() {
        auto device = gpu::Device::open(vulkan_options());
        if (!device) {
            ADD_FAILURE() << device.error().message;
            return;
        }
        device_ = std::move(*device);
        stream_.emplace(*device_);
    }
    ~StreamVulkan() override {
        stream_.reset();
        EXPECT_EQ(device_->validation_messages(), 0);
    }

    std::unique_ptr<gpu::Device> device_;
    std::optional<gpu::Stream> stream_;
};

// A batch of work ends after any of its kernels, between staging bytes and giving their copy as
// well; the ring they are staged in is gone through more than once.
TEST_F(StreamVulkan, StagedBytesStayUntilTheyAreCopied) {
    constexpr std::int64_t kPiece = 8 * kMegabyte;
    constexpr int kPieces = 18;
    auto memory = device_->allocate(kPieces * kPiece);
    auto small = device_->allocate(4);
    ASSERT_TRUE(memory && small);
    std::vector<std::uint32_t> piece(static_cast<std::size_t>(kPiece / 4));
    for (const int before : {0, 60, 63, 64}) {
        SCOPED_TRACE(before);
        for (int i = 0; i < before; ++i) stream_->fill(small->address, 4, 0);
        for (int i = 0; i < kPieces; ++i) {
            const gpu::Buffer room = stream_->stage_room(kPiece);
            ASSERT_NE(room.host, nullptr);
            std::fill(piece.begin(), piece.end(), static_cast<std::uint32_t>(100 * before + i));
            std::memcpy(room.host, piece.data(), static_cast<std::size_t>(kPiece));
            stream_->copy(memory->address + static_cast<std::uint64_t>(i * kPiece), room.address,
                          kPiece);
        }
        for (int i = 0; i < kPieces; ++i) {
            ASSERT_TRUE(stream_->read(
                piece.data(), memory->address + static_cast<std::uint64_t>(i * kPiece), kPiece));
            const auto want = static_cast<std::uint32_t>(100 * before + i);
            EXPECT_EQ(std::count(piece.begin(), piece.end(), want),
                      static_cast<std::ptrdiff_t>(piece.size()))
                << "piece " << i;
        }
    }
    device_->release(*memory);
    device_->release(*small);
}

TEST_F(StreamVulkan, AProfileCountsEveryKernel) {
    if (device_->info().timestamp_period == 0) GTEST_SKIP() << "no timestamps";
    VulkanContext context(*device_, *stream_, Activations::int8);
    auto memory = device_->allocate(64);
    ASSERT_TRUE(memory);
    stream_->fill(memory->address, 64, 0);
    const auto* x = reinterpret_cast<const float*>(memory->address);
    auto* y = reinterpret_cast<float*>(memory->address + 32);
    constexpr int kKernels = 10'000;  // more than there are timestamps for
    stream_->start_profile();
    for (int i = 0; i < kKernels; ++i) add_vk(context, {.x = x, .y = y, .count = 8});
    const std::vector<gpu::KernelTime> times = stream_->stop_profile();
    ASSERT_EQ(times.size(), 1U);
    EXPECT_EQ(times.front().calls, kKernels);
    EXPECT_GT(times.front().seconds, 0.0);
    device_->release(*memory);
}

TEST_F(StreamVulkan, NothingIsIntactAfterAFailure) {
    auto memory = device_->allocate(64);
    ASSERT_TRUE(memory);
    stream_->fill(memory->address, 64, 1);
    const std::uint64_t watch = stream_->watch({memory->address, 64});
    EXPECT_TRUE(stream_->intact(watch));
    stream_->fail_submission(0, VK_ERROR_OUT_OF_HOST_MEMORY);
    EXPECT_FALSE(stream_->finish());
    stream_->clear_error();
    EXPECT_FALSE(stream_->intact(watch));
    device_->release(*memory);
}

// --- recordings that run again -------------------------------------------------------------------

class ReplayVulkan : public StreamVulkan {
protected:
    static constexpr int kWords = 8;
    static constexpr int kSteps = 100;  // more than a batch of 64

    ReplayVulkan() {
        stream_->set_replay(gpu::Replay::always);
        memory_ = *device_->allocate(64 * kWords * 4);
    }
    ~ReplayVulkan() override {
        static_cast<void>(stream_->finish());
        device_->release(memory_);
    }
    float* vector(int number) const {
        return reinterpret_cast<float*>(memory_.address) + number * kWords;
    }
    // Two vectors are written, the second is added `steps` times to the first, at a place of the
    // caller's choice; what must come out.
    std::vector<float> give(int place, float first, float second, int steps = kSteps) {
        const std::vector<float> a(kWords, first), b(kWords, second);
        stream_->write(address_of(vector(place)), a.data(), kWords * 4);
        stream_->write(address_of(vector(place + 1)), b.data(), kWords * 4);
        for (int i = 0; i < steps; ++i)
            add_vk(context_, {.x = vector(place + 1), .y = vector(place), .count = kWords});
        return std::vector<float>(kWords, first + static_cast<float>(steps) * second);
    }
    std::vector<float> got(int place) {
        std::vector<float> result(kWords);
        EXPECT_TRUE(stream_->read(result.data(), address_of(vector(place)), kWords * 4));
        return result;
    }

    VulkanContext context_{*device_, *stream_, Activations::int8};
    gpu::Buffer memory_;
};

TEST_F(ReplayVulkan, EachRunHasItsOwnParametersAndStagedBytes) {
    got(0);  // makes room to read back
    for (int run = 0; run < 6; ++run) {
        const std::vector<float> want = give(4, static_cast<float>(run), 0.5F, 150);
        EXPECT_EQ(got(4), want) << run;
        // The first is recorded, those after it run again: 150 kernels, two copies there, one back.
        EXPECT_EQ(stream_->replayed(), run * 153) << run;
    }
    // Kernels may be anywhere, a copy goes where it went: of three batches, the one in between.
    const std::int64_t before = stream_->replayed();
    const std::vector<float> want = give(8, 7.0F, 0.25F, 150);
    EXPECT_EQ(got(8), want);
    EXPECT_EQ(stream_->replayed(), before + 64);
}

// What still runs is not written to: the same form again is another recording.
TEST_F(ReplayVulkan, FormsThatComeTwiceInASubmission) {
    for (int run = 0; run < 3; ++run) {
        std::vector<std::vector<float>> want;
        for (int i = 0; i < 5; ++i)
            want.push_back(give(2 * i, static_cast<float>(i), static_cast<float>(run), 62));
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(got(2 * i), want[static_cast<std::size_t>(i)]) << run << " " << i;
    }
}

TEST_F(ReplayVulkan, OtherWorkgroupsAreAnotherForm) {
    auto large = device_->allocate(std::int64_t{4} << 20);
    ASSERT_TRUE(large);
    auto* x = reinterpret_cast<float*>(large->address);
    for (const std::int64_t count : {500'000, 1000, 100'000, 500'000, 1000, 500'000}) {
        const std::int64_t bytes = 4 * count;
        stream_->fill(large->address, bytes, 0x3F800000U);  // 1.0
        for (int i = 0; i < 3; ++i) add_vk(context_, {.x = x, .y = x, .count = count});
        std::vector<float> result(static_cast<std::size_t>(count));
        ASSERT_TRUE(stream_->read(result.data(), large->address, bytes));
        EXPECT_EQ(std::count(result.begin(), result.end(), 8.0F), count);
    }
    EXPECT_GT(stream_->replayed(), 0);
    device_->release(*large);
}

// A copy's commands name a buffer, which may be gone when the same addresses come again.
TEST_F(ReplayVulkan, BuffersMayComeAndGo) {
    for (int run = 0; run < 4; ++run) {
        auto own = device_->allocate(std::int64_t{96} << 20);  // a buffer of its own
        ASSERT_TRUE(own);
        const std::vector<float> want = give(0, static_cast<float>(run), 1.0F);
        stream_->copy(own->address, address_of(vector(0)), kWords * 4);
        std::vector<float> result(kWords);
        ASSERT_TRUE(stream_->read(result.data(), own->address, kWords * 4));
        EXPECT_EQ(result, want);
        device_->release(*own);
    }
}

// More staged bytes than a recording has room for: recorded anew, and right.
TEST_F(ReplayVulkan, LargeWritesAreRecordedAnew) {
    constexpr std::int64_t kBytes = 65'536;
    auto room = device_->allocate(kBytes);
    ASSERT_TRUE(room);
    for (int run = 0; run < 4; ++run) {
        const std::vector<std::uint32_t> want(kBytes / 4, static_cast<std::uint32_t>(run));
        stream_->write(room->address, want.data(), kBytes);
        std::vector<std::uint32_t> result(want.size());
        ASSERT_TRUE(stream_->read(result.data(), room->address, kBytes));
        EXPECT_EQ(result, want);
    }
    EXPECT_EQ(stream_->replayed(), 0);
    device_->release(*room);
}

TEST_F(ReplayVulkan, AFailureLosesNothingButWhatItDropped) {
    give(0, 1.0F, 1.0F);
    EXPECT_TRUE(stream_->finish());
    give(0, 1.0F, 1.0F);
    stream_->fail_submission(0, VK_ERROR_OUT_OF_HOST_MEMORY);
    EXPECT_FALSE(stream_->finish());
    stream_->clear_error();
    for (int run = 0; run < 3; ++run) {
        const std::vector<float> want = give(0, 2.0F, static_cast<float>(run));
        EXPECT_EQ(got(0), want);
    }
}

// More forms than are kept, then the first ones anew.
TEST_F(ReplayVulkan, OldFormsAreForgotten) {
    const auto forms = static_cast<int>(gpu::Recordings::kMost) + 40;
    for (int pass = 0; pass < 2; ++pass)
        for (int form = 0; form < forms; ++form) {
            // Where a batch's fills go is its form.
            const auto word = static_cast<std::uint32_t>(pass * 1000 + form);
            const std::uint64_t at = memory_.address + static_cast<std::uint64_t>(4 * (form % 500));
            stream_->fill(at, 4, word);
            std::uint32_t result = 0;
            ASSERT_TRUE(stream_->read(&result, at, 4));
            ASSERT_EQ(result, word);
        }
}

// A device that has run out of work before the processor gave more, again and again.
TEST_F(ReplayVulkan, WhenTheDeviceIsStarved) {
    stream_->set_replay(gpu::Replay::starved);
    for (int i = 0; i < 100; ++i) {
        const std::vector<float> want = give(0, 1.0F, static_cast<float>(i));
        EXPECT_EQ(got(0), want);  // one submission: nothing was waited for
    }
    EXPECT_EQ(stream_->replayed(), 0);
    int tokens = 0;
    for (; tokens < 2000 && stream_->replayed() == 0; ++tokens) {
        give(0, 1.0F, 1.0F);
        stream_->submit();
        std::this_thread::sleep_for(std::chrono::milliseconds(tokens < 10 ? 0 : 2));
        const std::vector<float> want = give(0, 1.0F, static_cast<float>(tokens));
        EXPECT_EQ(got(0), want);
    }
    EXPECT_GT(tokens, 32);  // not at once
    EXPECT_LT(tokens, 2000);
}

TEST_F(ReplayVulkan, AProfileIsRecordedAnew) {
    if (device_->info().timestamp_period == 0) GTEST_SKIP() << "no timestamps";
    for (int run = 0; run < 2; ++run) {
        give(0, 1.0F, 1.0F);
        ASSERT_TRUE(stream_->finish());
    }
    const std::int64_t before = stream_->replayed();
    stream_->start_profile();
    const std::vector<float> want = give(0, 1.0F, 1.0F);
    const std::vector<gpu::KernelTime> times = stream_->stop_profile();
    EXPECT_EQ(stream_->replayed(), before);
    ASSERT_EQ(times.size(), 1U);
    EXPECT_EQ(times.front().calls, kSteps);
    EXPECT_EQ(got(0), want);
}

}  // namespace
}  // namespace starglass::testing

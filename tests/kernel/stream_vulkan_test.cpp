// SPDX-License-Identifier: MIT
//
// What the stream promises whatever is given to it: staged bytes stay until they were read, every
// kernel of a profile is counted, and nothing counts as done that was dropped.
#include <numeric>

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

}  // namespace
}  // namespace starglass::testing

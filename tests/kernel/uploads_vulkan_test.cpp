// SPDX-License-Identifier: MIT
//
// Which queue copies, and that whoever computes afterwards finds what was uploaded, wherever pieces
// and batches end.
#include "gpu/uploads.h"

#include <numeric>

#include "gpu/queue_families.h"
#include "kernel/support.h"

namespace starglass::testing {
namespace {

// --- which queue -------------------------------------------------------------------------------

constexpr VkQueueFlags kGraphics = VK_QUEUE_GRAPHICS_BIT;
constexpr VkQueueFlags kCompute = VK_QUEUE_COMPUTE_BIT;
constexpr VkQueueFlags kTransfer = VK_QUEUE_TRANSFER_BIT;
constexpr VkQueueFlags kSparse = VK_QUEUE_SPARSE_BINDING_BIT;
constexpr VkQueueFlags kVideo = 0x20;  // VK_QUEUE_VIDEO_DECODE_BIT_KHR

std::optional<gpu::QueueFamilies> choose(std::initializer_list<VkQueueFlags> flags,
                                         bool transfer = true) {
    std::vector<VkQueueFamilyProperties> families;
    for (const VkQueueFlags one : flags) families.push_back({one, 1, 64, {1, 1, 1}});
    return gpu::choose_queue_families(families, transfer);
}

TEST(QueueFamilies, KernelsKeepAwayFromGraphicsAndCopiesFromBoth) {
    // As NVIDIA's, AMD's, Intel's and Mesa's software driver list them.
    auto nvidia =
        choose({kGraphics | kCompute | kTransfer | kSparse, kTransfer | kSparse,
                kCompute | kTransfer | kSparse, kTransfer | kSparse | kVideo, kTransfer | kVideo});
    ASSERT_TRUE(nvidia);
    EXPECT_EQ(nvidia->compute, 2U);
    EXPECT_EQ(nvidia->transfer, 1U);
    auto amd = choose({kGraphics | kCompute | kTransfer, kCompute | kTransfer, kTransfer});
    ASSERT_TRUE(amd);
    EXPECT_EQ(amd->compute, 1U);
    EXPECT_EQ(amd->transfer, 2U);
    auto intel = choose({kGraphics | kCompute | kTransfer, kTransfer | kVideo});
    ASSERT_TRUE(intel);
    EXPECT_EQ(intel->compute, 0U);
    EXPECT_FALSE(intel->transfer);
    auto software = choose({kGraphics | kCompute | kTransfer});
    ASSERT_TRUE(software);
    EXPECT_EQ(software->compute, 0U);
    EXPECT_FALSE(software->transfer);
}

TEST(QueueFamilies, WithoutTheWishOrAnyKernelsThereIsNone) {
    auto unwanted = choose({kGraphics | kCompute, kTransfer}, false);
    ASSERT_TRUE(unwanted);
    EXPECT_FALSE(unwanted->transfer);
    EXPECT_FALSE(choose({kGraphics | kTransfer, kTransfer}));
    EXPECT_FALSE(choose({}));
    // A family may be listed with no queue in it.
    std::vector<VkQueueFamilyProperties> families{{kCompute, 0, 64, {1, 1, 1}},
                                                  {kGraphics | kCompute, 1, 64, {1, 1, 1}},
                                                  {kTransfer, 0, 64, {1, 1, 1}}};
    const auto chosen = gpu::choose_queue_families(families, true);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->compute, 1U);
    EXPECT_FALSE(chosen->transfer);
}

// --- on a device -------------------------------------------------------------------------------

// With its transfer queue where it has one, and with the one queue that all devices have.
class UploadsVulkan : public ::testing::TestWithParam<bool> {
protected:
    UploadsVulkan() {
        gpu::DeviceOptions options = vulkan_options();
        options.mask.transfer_queue = GetParam();
        auto device = gpu::Device::open(options);
        if (!device) {
            ADD_FAILURE() << device.error().message;
            return;
        }
        device_ = std::move(*device);
        stream_.emplace(*device_);
        if (!GetParam()) {
            EXPECT_FALSE(device_->features().transfer_queue);
        }
        EXPECT_EQ(device_->features().transfer_queue,
                  device_->transfer_family() != device_->queue_family());
    }
    ~UploadsVulkan() override {
        stream_.reset();
        EXPECT_EQ(device_->validation_messages(), 0);
    }
    gpu::Uploads& uploads() { return stream_->uploads(); }
    // Values begin, begin + 1, ... to `to`, in pieces of at most `piece` values.
    Status upload(std::uint64_t to, std::uint32_t begin, std::int64_t values, std::int64_t piece) {
        for (std::int64_t at = 0; at < values; at += piece) {
            const std::int64_t count = std::min(piece, values - at);
            TRY(const gpu::Buffer room, uploads().room(count * 4));
            auto* const words = reinterpret_cast<std::uint32_t*>(room.host);
            std::iota(words, words + count, begin + static_cast<std::uint32_t>(at));
            TRY_STATUS(uploads().copy(to + static_cast<std::uint64_t>(at * 4), room, count * 4));
        }
        return {};
    }
    // How many of them are not what they should be.
    std::int64_t wrong(std::uint64_t from, std::uint32_t begin, std::int64_t values) {
        std::vector<std::uint32_t> got(static_cast<std::size_t>(values));
        EXPECT_TRUE(stream_->read(got.data(), from, values * 4));
        std::int64_t count = 0;
        for (std::size_t i = 0; i < got.size(); ++i)
            count += got[i] != begin + static_cast<std::uint32_t>(i) ? 1 : 0;
        return count;
    }

    std::unique_ptr<gpu::Device> device_;
    std::optional<gpu::Stream> stream_;
};
INSTANTIATE_TEST_SUITE_P(Queues, UploadsVulkan, ::testing::Bool(), [](const auto& info) {
    return info.param ? "whatever_there_is" : "one_for_all";
});

TEST_P(UploadsVulkan, WhatIsGivenAfterwardsFindsThem) {
    // A few words, most of a piece, and more than all pieces hold.
    for (const std::int64_t values : {1, 1000, 2'000'000, 20'000'000}) {
        for (const std::int64_t piece : {std::int64_t{777}, gpu::Uploads::kPieceBytes / 4}) {
            if (piece == 777 && values > 2'000'000) continue;
            SCOPED_TRACE(std::to_string(values) + " by " + std::to_string(piece));
            auto memory = device_->allocate(values * 4);
            auto other = device_->allocate(values * 4);
            ASSERT_TRUE(memory && other);
            // Work in front of it that is still being recorded.
            stream_->fill(other->address, values * 4, 7);
            const auto begin = static_cast<std::uint32_t>(values);
            ASSERT_TRUE(upload(memory->address, begin, values, piece));
            stream_->copy(other->address, memory->address, values * 4);
            EXPECT_EQ(wrong(other->address, begin, values), 0);
            device_->release(*memory);
            device_->release(*other);
        }
    }
}

TEST_P(UploadsVulkan, GoOnBesideWorkThatIsHandedOver) {
    constexpr std::int64_t kValues = 500'000;
    constexpr int kTurns = 12;
    auto memory = device_->allocate(kTurns * kValues * 4);
    auto other = device_->allocate(kTurns * kValues * 4);
    ASSERT_TRUE(memory && other);
    for (int turn = 0; turn < kTurns; ++turn) {
        const auto at = static_cast<std::uint64_t>(turn * kValues * 4);
        ASSERT_TRUE(upload(memory->address + at, 100U * static_cast<std::uint32_t>(turn), kValues,
                           turn % 2 == 0 ? 100'000 : kValues));
        stream_->copy(other->address + at, memory->address + at, kValues * 4);
        if (turn % 3 == 0) stream_->submit();
    }
    for (int turn = 0; turn < kTurns; ++turn)
        EXPECT_EQ(wrong(other->address + static_cast<std::uint64_t>(turn * kValues * 4),
                        100U * static_cast<std::uint32_t>(turn), kValues),
                  0)
            << turn;
    device_->release(*memory);
    device_->release(*other);
}

TEST_P(UploadsVulkan, AFailureIsSaidOnceAndTheNextOnesArrive) {
    constexpr std::int64_t kValues = 1000;
    auto memory = device_->allocate(kValues * 4);
    ASSERT_TRUE(memory);
    // When somebody waits.
    uploads().fail_submission(0, VK_ERROR_DEVICE_LOST);
    ASSERT_TRUE(upload(memory->address, 5, kValues, kValues));
    auto status = stream_->finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::io);
    stream_->clear_error();
    // While work is handed over.
    uploads().fail_submission(0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    ASSERT_TRUE(upload(memory->address, 5, kValues, kValues));
    stream_->fill(memory->address, 4, 1);
    stream_->submit();
    ASSERT_TRUE(stream_->error());
    EXPECT_EQ(stream_->error()->code, ErrorCode::out_of_memory);
    EXPECT_FALSE(stream_->finish());
    stream_->clear_error();
    // While pieces are still given.
    auto large = device_->allocate(6 * gpu::Uploads::kPieceBytes);
    ASSERT_TRUE(large);
    uploads().fail_submission(1, VK_ERROR_DEVICE_LOST);
    EXPECT_FALSE(upload(large->address, 0, 6 * gpu::Uploads::kPieceBytes / 4,
                        gpu::Uploads::kPieceBytes / 4));
    EXPECT_TRUE(stream_->finish());

    ASSERT_TRUE(upload(memory->address, 9, kValues, 100));
    EXPECT_EQ(wrong(memory->address, 9, kValues), 0);
    device_->release(*memory);
    device_->release(*large);
}

TEST_P(UploadsVulkan, GoOnAfterTheirMemoryWasGivenBack) {
    constexpr std::int64_t kValues = 3'000'000;
    auto memory = device_->allocate(kValues * 4);
    ASSERT_TRUE(memory);
    for (std::uint32_t begin = 0; begin < 3; ++begin) {
        ASSERT_TRUE(upload(memory->address, begin, kValues, 1'000'000));
        EXPECT_EQ(wrong(memory->address, begin, kValues), 0);
        ASSERT_TRUE(stream_->finish());
        uploads().give_back();
    }
    device_->release(*memory);
}

TEST_P(UploadsVulkan, TooMuchAtOnceIsAnError) {
    EXPECT_FALSE(uploads().room(gpu::Uploads::kPieceBytes + 1));
    EXPECT_TRUE(uploads().room(gpu::Uploads::kPieceBytes));
}

}  // namespace
}  // namespace starglass::testing

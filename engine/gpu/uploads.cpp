// SPDX-License-Identifier: MIT
#include "gpu/uploads.h"

#include <cassert>

namespace starglass::gpu {
namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::uint64_t kWaitNanoseconds = 60'000'000'000;

}  // namespace

Uploads::Uploads(Device& device) : device_(device) {
}

Uploads::~Uploads() {
    static_cast<void>(finish());
    vkDestroySemaphore(device_.handle(), semaphore_, nullptr);
    vkDestroyCommandPool(device_.handle(), pool_, nullptr);
    device_.release(staging_);
}

// At first use: a session that loads nothing has no staging memory.
Status Uploads::prepare() {
    if (staging_.address != 0) return {};
    if (pool_ == VK_NULL_HANDLE) {
        VkCommandPoolCreateInfo pool{};
        pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
        pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
        pool.queueFamilyIndex = device_.transfer_family();
        VkSemaphoreTypeCreateInfo type{};
        type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
        type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
        VkSemaphoreCreateInfo semaphore{};
        semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
        semaphore.pNext = &type;
        VkResult result = vkCreateCommandPool(device_.handle(), &pool, nullptr, &pool_);
        if (result == VK_SUCCESS)
            result = vkCreateSemaphore(device_.handle(), &semaphore, nullptr, &semaphore_);
        std::array<VkCommandBuffer, kPieces> commands{};
        if (result == VK_SUCCESS) {
            VkCommandBufferAllocateInfo allocate{};
            allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
            allocate.commandPool = pool_;
            allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
            allocate.commandBufferCount = kPieces;
            result = vkAllocateCommandBuffers(device_.handle(), &allocate, commands.data());
        }
        if (result != VK_SUCCESS) {
            vkDestroySemaphore(device_.handle(), semaphore_, nullptr);
            vkDestroyCommandPool(device_.handle(), pool_, nullptr);
            semaphore_ = VK_NULL_HANDLE;
            pool_ = VK_NULL_HANDLE;
            return tl::unexpected<Error>(vulkan_error(result, "preparing its queue"));
        }
        for (std::size_t i = 0; i < kPieces; ++i) pieces_[i].commands = commands[i];
    }
    TRY(staging_, device_.allocate(kPieceBytes * std::int64_t{kPieces}, MemoryUse::upload));
    return {};
}

// What was filled and not handed over is dropped.
Status Uploads::give_up(VkResult result, const char* doing) {
    Piece& piece = pieces_[at_];
    if (piece.recording) vkResetCommandBuffer(piece.commands, 0);
    piece.recording = false;
    piece.used = 0;
    return tl::unexpected<Error>(vulkan_error(result, doing));
}

Result<Buffer> Uploads::room(std::int64_t bytes) {
    if (bytes > kPieceBytes)
        return fail(ErrorCode::internal, "{} bytes do not fit a piece of an upload", bytes);
    TRY_STATUS(prepare());
    if (pieces_[at_].used + bytes > kPieceBytes) TRY_STATUS(flush());
    Piece& piece = pieces_[at_];
    if (piece.used == 0) TRY_STATUS(wait_for(piece.ticket));  // of its last turn
    const std::int64_t offset = static_cast<std::int64_t>(at_) * kPieceBytes + piece.used;
    piece.used += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return Buffer{staging_.address + static_cast<std::uint64_t>(offset), bytes,
                  staging_.host + offset};
}

Status Uploads::copy(std::uint64_t to, const Buffer& room, std::int64_t bytes) {
    assert(bytes <= room.bytes);
    Piece& piece = pieces_[at_];
    if (!piece.recording) {
        VkCommandBufferBeginInfo info{};
        info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
        info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
        const VkResult result = vkBeginCommandBuffer(piece.commands, &info);
        if (result != VK_SUCCESS) return give_up(result, "recording work");
        piece.recording = true;
    }
    const Device::Place from = device_.place(room.address);
    const Device::Place target = device_.place(to);
    const VkBufferCopy region{from.offset, target.offset, static_cast<VkDeviceSize>(bytes)};
    vkCmdCopyBuffer(piece.commands, from.buffer, target.buffer, 1, &region);
    bytes_ += bytes;
    return {};
}

Status Uploads::flush() {
    Piece& piece = pieces_[at_];
    if (!piece.recording) {
        piece.used = 0;
        return {};
    }
    VkResult result = vkEndCommandBuffer(piece.commands);
    if (submissions_++ == failing_) {
        failing_ = -1;
        result = failing_result_;
    }
    const std::uint64_t ticket = given_ + 1;
    if (result == VK_SUCCESS) {
        VkTimelineSemaphoreSubmitInfo timeline{};
        timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
        timeline.signalSemaphoreValueCount = 1;
        timeline.pSignalSemaphoreValues = &ticket;
        VkSubmitInfo submit{};
        submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        submit.pNext = &timeline;
        submit.commandBufferCount = 1;
        submit.pCommandBuffers = &piece.commands;
        submit.signalSemaphoreCount = 1;
        submit.pSignalSemaphores = &semaphore_;
        result = vkQueueSubmit(device_.transfer_queue(), 1, &submit, VK_NULL_HANDLE);
    }
    if (result != VK_SUCCESS) return give_up(result, "starting a copy");
    given_ = ticket;
    piece.ticket = ticket;
    piece.recording = false;
    piece.used = 0;
    at_ = (at_ + 1) % kPieces;
    return {};
}

Status Uploads::wait_for(std::uint64_t ticket) {
    if (ticket == 0) return {};
    VkSemaphoreWaitInfo wait{};
    wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    wait.semaphoreCount = 1;
    wait.pSemaphores = &semaphore_;
    wait.pValues = &ticket;
    VkResult result = VK_TIMEOUT;
    while (result == VK_TIMEOUT)
        result = vkWaitSemaphores(device_.handle(), &wait, kWaitNanoseconds);
    if (result != VK_SUCCESS) return give_up(result, "copying");
    return {};
}

void Uploads::give_back() {
    device_.release(staging_);
    staging_ = {};
}

Status Uploads::finish() {
    TRY_STATUS(flush());
    return wait_for(given_);
}

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
#include "gpu/uploads.h"

#include <cassert>

#include "gpu/timeline.h"

namespace starglass::gpu {
namespace {

constexpr std::int64_t kAlignment = 64;

}  // namespace

Uploads::Uploads(Device& device) : device_(device) {
}

Uploads::~Uploads() {
    static_cast<void>(finish());
    destroy_timeline(device_.handle(), pool_, semaphore_);
    device_.release(staging_);
}

// At first use: a session that loads nothing has no staging memory.
Status Uploads::prepare() {
    if (staging_.address != 0) return {};
    if (pool_ == VK_NULL_HANDLE) {
        VkResult result =
            make_timeline(device_.handle(), device_.transfer_family(), pool_, semaphore_);
        std::array<VkCommandBuffer, kPieces> commands{};
        if (result == VK_SUCCESS) result = allocate_commands(device_.handle(), pool_, commands);
        if (result != VK_SUCCESS) {
            destroy_timeline(device_.handle(), pool_, semaphore_);
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
        const VkResult result =
            begin_commands(piece.commands, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
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
    const VkResult result = wait_for_ticket(device_.handle(), semaphore_, ticket);
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

// SPDX-License-Identifier: MIT
//
// Host bytes on their way to device memory: weights, when a model is loaded. Pieces are filled by
// the caller, copied by the device's transfer queue (the compute queue where it has none of its
// own), and counted by a timeline semaphore: while one is copied the next is filled and kernels run
// beside. Who computes with what was uploaded waits for a count (Stream does).
//
// The target must be memory that nothing given so far uses, as newly allocated memory is. No queue
// family owns it: buffers of a device with two are shared by both. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "gpu/device.h"

namespace starglass::gpu {

class Uploads {
public:
    // Of the pieces; `room` gives at most so much at once.
    static constexpr std::int64_t kPieceBytes = std::int64_t{8} << 20;
    static constexpr std::size_t kPieces = 4;

    explicit Uploads(Device& device);
    ~Uploads();  // waits
    Uploads(const Uploads&) = delete;
    Uploads& operator=(const Uploads&) = delete;

    // Room to fill before the next call here; waits until a piece is free. Small ones share a
    // piece. Errors: out_of_memory, those of a device; what was given may then never arrive, and
    // the next call starts anew.
    Result<Buffer> room(std::int64_t bytes);
    // Room that was filled, to device memory. Nothing moves before its piece is full or flush().
    Status copy(std::uint64_t to, const Buffer& room, std::int64_t bytes);
    // Hands over what was given, without waiting.
    Status flush();
    Status finish();
    // After finish(): the staging memory too, until somebody uploads again.
    void give_back();

    // Signalled with given() when everything handed over so far has arrived.
    [[nodiscard]] VkSemaphore semaphore() const { return semaphore_; }
    [[nodiscard]] std::uint64_t given() const { return given_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }  // since the beginning

    // For tests: the submission after `more` further ones fails with `result`.
    void fail_submission(std::int64_t more, VkResult result) {
        failing_ = submissions_ + more;
        failing_result_ = result;
    }

private:
    struct Piece {
        VkCommandBuffer commands = VK_NULL_HANDLE;
        std::uint64_t ticket = 0;  // of its last submission; 0: none
        std::int64_t used = 0;     // bytes handed out
        bool recording = false;
    };
    Status prepare();
    Status wait_for(std::uint64_t ticket);
    Status give_up(VkResult result, const char* doing);

    Device& device_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkSemaphore semaphore_ = VK_NULL_HANDLE;
    Buffer staging_;
    std::array<Piece, kPieces> pieces_{};
    std::size_t at_ = 0;  // the piece that is filled
    std::uint64_t given_ = 0;
    std::int64_t bytes_ = 0, submissions_ = 0, failing_ = -1;
    VkResult failing_result_ = VK_SUCCESS;
};

}  // namespace starglass::gpu

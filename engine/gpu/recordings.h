// SPDX-License-Identifier: MIT
//
// Batches of work whose commands are kept and handed over again. What a token does differs from
// the token before in its kernels' parameters and in the few bytes staged for its copies, so a
// recording holds neither: both lie in memory of its own, which is written before it runs. All
// else that is in its commands, pipelines, workgroups, addresses of copies, barriers, must be the
// same, or the batch is another one. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "gpu/work.h"

namespace starglass::gpu {

class Recordings {
public:
    // As many as a token of a large model has batches, for each of the few ways in which tokens
    // differ: rows of ratios are complete or not.
    static constexpr std::size_t kMost = 256;

    // What of a piece of work is in the commands; of the batch, in front of these. No padding:
    // bytes are hashed and compared.
    struct Item {
        std::uint64_t kind = 0;
        const Pipeline* pipeline = nullptr;
        Groups groups;
        std::uint64_t to = 0, from = 0;
        std::int64_t bytes = 0;
        std::uint32_t word = 0;
        std::int32_t level = 0;
    };

    struct Recording {
        VkCommandBuffer commands = VK_NULL_HANDLE;
        std::uint64_t ticket = 0;  // of its last run
        bool copies = false;       // in its last level
        int barriers = 0;
        // What work number `i` reads: a kernel's parameters or the bytes of a copy.
        [[nodiscard]] std::uint64_t place(std::size_t i) const {
            return memory.address + static_cast<std::uint64_t>(offsets[i]);
        }

        Buffer memory;
        std::vector<std::int64_t> offsets;
        std::vector<Item> items;
        std::uint64_t hash = 0;
        std::int64_t used = 0;
        bool whole = false;  // its commands were recorded
    };

    explicit Recordings(Device& device) : device_(device) {}
    ~Recordings();
    Recordings(const Recordings&) = delete;
    Recordings& operator=(const Recordings&) = delete;

    // A recording of such a batch, behind work that ended with copies or not, which by `done` does
    // not run; this batch's parameters are in its memory. Where there is none it is a new one,
    // whose commands are still to be recorded (not `whole`). Null for batches that cannot run
    // again: with kernels of prefill, or more staged bytes than there is room for. Errors: as of
    // Device::allocate().
    Result<Recording*> take(std::span<const Work> batch, bool copies_before, std::uint64_t done);
    // What was not recorded in the end.
    void drop(Recording& recording);

private:
    Status prepare();
    void describe(std::span<const Work> batch, bool copies_before);
    // Into offsets_; false: no room.
    bool lay_out(std::span<const Work> batch);
    Recording* place_for_another(std::uint64_t done);

    Device& device_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    Buffer memory_;
    std::vector<Recording> recordings_;  // all kMost, or none yet
    std::unordered_multimap<std::uint64_t, Recording*> by_hash_;
    std::vector<Item> items_;
    std::vector<std::int64_t> offsets_;
    std::int64_t uses_ = 0;
};

}  // namespace starglass::gpu

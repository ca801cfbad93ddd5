// SPDX-License-Identifier: MIT
#include "gpu/recordings.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "gpu/timeline.h"

namespace starglass::gpu {
namespace {

// A batch's parameters and as much of staged bytes: tables of angles, lists.
constexpr std::int64_t kRecordingBytes = 16384;
constexpr std::int64_t kPlaceAlignment = 16;
constexpr std::uint64_t kBatchKind = 16;  // of the item in front

}  // namespace

Recordings::~Recordings() {
    vkDestroyCommandPool(device_.handle(), pool_, nullptr);
    device_.release(memory_);
}

// At first use: most streams never need them.
Status Recordings::prepare() {
    if (memory_.address != 0) return {};
    if (recordings_.empty()) {
        std::vector<VkCommandBuffer> commands(kMost);
        VkResult result = VK_SUCCESS;
        if (pool_ == VK_NULL_HANDLE)
            result = make_command_pool(device_.handle(), device_.queue_family(), pool_);
        if (result == VK_SUCCESS) result = allocate_commands(device_.handle(), pool_, commands);
        if (result != VK_SUCCESS)
            return tl::unexpected<Error>(vulkan_error(result, "recording work"));
        recordings_.resize(kMost);
        for (std::size_t i = 0; i < kMost; ++i) recordings_[i].commands = commands[i];
    }
    TRY(memory_, device_.allocate(kMost * kRecordingBytes, MemoryUse::params));
    for (std::size_t i = 0; i < kMost; ++i) {
        const auto offset = static_cast<std::int64_t>(i) * kRecordingBytes;
        recordings_[i].memory = {memory_.address + static_cast<std::uint64_t>(offset),
                                 kRecordingBytes, memory_.host + offset};
    }
    return {};
}

void Recordings::describe(std::span<const Work> batch, bool copies_before) {
    static_assert(std::has_unique_object_representations_v<Item>);
    items_.clear();
    Item& whole = items_.emplace_back();
    whole.kind = kBatchKind;
    whole.word = copies_before ? 1 : 0;
    for (const Work& work : batch) {
        Item& item = items_.emplace_back();
        item.kind = static_cast<std::uint64_t>(work.kind);
        item.level = work.level;
        if (work.kind == Work::Kind::dispatch) {
            item.pipeline = work.pipeline;
            item.groups = work.groups;
            continue;
        }
        // Addresses stand for buffers, as long as none is another's.
        items_.front().to = static_cast<std::uint64_t>(device_.buffers_released());
        item.to = work.to;
        item.from = work.staged != nullptr ? 0 : work.from;
        item.bytes = work.bytes;
        item.word = work.word;
    }
}

bool Recordings::lay_out(std::span<const Work> batch) {
    offsets_.clear();
    std::int64_t end = 0;
    for (const Work& work : batch) {
        offsets_.push_back(end);
        std::int64_t bytes = 0;
        if (work.kind == Work::Kind::dispatch) {
            if (shader_module(work.pipeline->shader).stored_words.empty()) return false;
            bytes = work.push_bytes;
        } else if (work.staged != nullptr) {
            bytes = work.bytes;
        }
        if (bytes > kRecordingBytes - end) return false;
        end += (bytes + kPlaceAlignment - 1) / kPlaceAlignment * kPlaceAlignment;
    }
    return true;
}

Recordings::Recording* Recordings::place_for_another(std::uint64_t done) {
    Recording* oldest = nullptr;
    for (Recording& recording : recordings_)
        if (recording.ticket <= done && (oldest == nullptr || recording.used < oldest->used))
            oldest = &recording;
    return oldest;
}

void Recordings::drop(Recording& recording) {
    const auto [first, last] = by_hash_.equal_range(recording.hash);
    const auto at =
        std::find_if(first, last, [&](const auto& one) { return one.second == &recording; });
    if (at != last) by_hash_.erase(at);
    recording.whole = false;
    recording.used = 0;
}

Result<Recordings::Recording*> Recordings::take(std::span<const Work> batch, bool copies_before,
                                                std::uint64_t done) {
    TRY_STATUS(prepare());
    if (!lay_out(batch)) return nullptr;
    describe(batch, copies_before);
    const std::uint64_t hash = XXH3_64bits(items_.data(), items_.size() * sizeof(Item));
    Recording* recording = nullptr;
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto at = first; at != last && recording == nullptr; ++at) {
        const std::vector<Item>& items = at->second->items;
        if (at->second->ticket <= done && items.size() == items_.size() &&
            std::memcmp(items.data(), items_.data(), items.size() * sizeof(Item)) == 0)
            recording = at->second;
    }
    if (recording == nullptr) {
        recording = place_for_another(done);
        if (recording == nullptr) return nullptr;
        drop(*recording);
        recording->hash = hash;
        recording->offsets = offsets_;
        recording->items = items_;
        by_hash_.emplace(hash, recording);
    }
    recording->used = ++uses_;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const Work& work = batch[i];
        std::byte* const to = recording->memory.host + offsets_[i];
        if (work.kind == Work::Kind::dispatch)
            std::memcpy(to, work.push.data(), work.push_bytes);
        else if (work.staged != nullptr)
            std::memcpy(to, work.staged, static_cast<std::size_t>(work.bytes));
    }
    return recording;
}

}  // namespace starglass::gpu

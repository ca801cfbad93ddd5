// SPDX-License-Identifier: MIT
#include "gpu/stream.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "gpu/timeline.h"

namespace starglass::gpu {
namespace {

constexpr std::int64_t kStagingAlignment = 64;
constexpr std::int64_t kWritePiece = std::int64_t{16} << 20;
// Kernels looked at together when levels are assigned: more find more that may run side by side,
// and cost the square of their number.
constexpr std::size_t kBatch = 64;
// Kernels a submission. The first of a sequence is short so that the device starts early.
constexpr int kFirstSubmission = 48;
constexpr int kSubmission = 384;
constexpr std::uint32_t kQueries = 8192;
// So many more sequences in which the device ran out of work than others: then recordings are run
// again. A processor that was busy for a moment is not a reason.
constexpr int kStarved = 64;

bool overlap(const Range& a, const Range& b) {
    return a.address < b.address + static_cast<std::uint64_t>(b.bytes) &&
           b.address < a.address + static_cast<std::uint64_t>(a.bytes);
}

}  // namespace

Stream::Stream(Device& device) : device_(device), uploads_(device), recordings_(device) {
    batch_.reserve(kBatch);
    if (device.info().kind != DeviceKind::software) replay_ = Replay::starved;
    const VkResult result =
        make_timeline(device.handle(), device.queue_family(), pool_, semaphore_);
    if (result != VK_SUCCESS) fail_with(vulkan_error(result, "preparing its queue"));
}

Stream::~Stream() {
    vkDeviceWaitIdle(device_.handle());
    vkDestroyQueryPool(device_.handle(), queries_, nullptr);
    destroy_timeline(device_.handle(), pool_, semaphore_);
    device_.release(staging_);
    device_.release(readback_);
}

void Stream::fail_with(Error error) {
    if (!error_) ++failures_;
    if (!error_) error_ = std::move(error);
    batch_.clear();
    watches_ = {};  // what was to be written may never have been
    drop_encoded();
}

// What was recorded but not handed over may use memory that is about to be released.
void Stream::drop_encoded() {
    if (open_ != VK_NULL_HANDLE) encoded_once_.push_back(open_);
    open_ = VK_NULL_HANDLE;
    for (const VkCommandBuffer commands : encoded_once_) {
        vkResetCommandBuffer(commands, 0);
        free_commands_.push_back(commands);
    }
    encoded_once_.clear();
    encoded_.clear();
    recorded_ = 0;
}

Work& Stream::add(std::span<const Range> reads, std::span<const Range> writes) {
    assert(reads.size() + writes.size() <= Work::kRangesMax);
    if (batch_.size() == kBatch) {
        encode();
        if (recorded_ >= (running_.empty() ? kFirstSubmission : kSubmission)) submit();
    }
    for (const Range& range : writes)
        for (Watch& watched : watches_)
            if (watched.id != 0 && overlap(watched.range, range)) watched.id = 0;
    Work& work = batch_.emplace_back();
    work.reads = static_cast<std::uint8_t>(reads.size());
    work.writes = static_cast<std::uint8_t>(writes.size());
    std::copy(reads.begin(), reads.end(), work.ranges.begin());
    std::copy(writes.begin(), writes.end(), work.ranges.begin() + reads.size());
    return work;
}

void Stream::dispatch_bytes(Shader shader, const SpecConstants& constants, const void* params,
                            std::size_t params_bytes, Groups groups, std::span<const Range> reads,
                            std::span<const Range> writes) {
    if (error_ || groups.x <= 0 || groups.y <= 0 || groups.z <= 0) return;
    const auto& most = device_.info().workgroups_max;
    if (groups.x > most[0] || groups.y > most[1] || groups.z > most[2])
        return fail_with(
            {ErrorCode::internal,
             fmt::format("the kernel {} wants {} x {} x {} workgroups and the graphics processor "
                         "takes {} x {} x {}; evaluate fewer tokens at a time",
                         shader_module(shader).name, groups.x, groups.y, groups.z, most[0], most[1],
                         most[2])});
    const auto pipeline = device_.pipeline(shader, constants);
    if (!pipeline) return fail_with(pipeline.error());
    Work& work = add(reads, writes);
    work.kind = Work::Kind::dispatch;
    work.pipeline = *pipeline;
    work.groups = groups;
    work.push_bytes = static_cast<std::uint16_t>(params_bytes);
    std::memcpy(work.push.data(), params, params_bytes);
    ++dispatches_;
}

void Stream::copy(std::uint64_t to, std::uint64_t from, std::int64_t bytes) {
    if (error_ || bytes == 0) return;
    const Range read{from, bytes};
    const Range write{to, bytes};
    Work& work = add({&read, 1}, {&write, 1});
    work.kind = Work::Kind::copy;
    work.to = to;
    work.from = from;
    work.bytes = bytes;
    if (from >= staging_.address &&
        from < staging_.address + static_cast<std::uint64_t>(staging_.bytes))
        work.staged = staging_.host + (from - staging_.address);
}

void Stream::fill(std::uint64_t to, std::int64_t bytes, std::uint32_t word) {
    if (error_ || bytes == 0) return;
    assert(bytes % 4 == 0);
    const Range write{to, bytes};
    Work& work = add({}, {&write, 1});
    work.kind = Work::Kind::fill;
    work.to = to;
    work.bytes = bytes;
    work.word = word;
}

std::uint64_t Stream::watch(Range range) {
    const std::uint64_t id = ++last_watch_;
    watches_[id % watches_.size()] = {range, id};
    return id;
}

bool Stream::intact(std::uint64_t watch) const {
    return watch != 0 && watches_[watch % watches_.size()].id == watch;
}

// --- host memory -----------------------------------------------------------------------------

Status Stream::ensure_staging(std::int64_t bytes) {
    if (bytes > kStagingBytes / 2)
        return fail(ErrorCode::internal, "{} bytes do not fit the staging memory", bytes);
    if (staging_.address == 0) {
        TRY(staging_, device_.allocate(kStagingBytes, MemoryUse::upload));
    }
    const std::int64_t size = staging_.bytes;
    if (staged_ % size + bytes > size) staged_ = (staged_ / size + 1) * size;
    while (staged_ + bytes - staged_done_ > size) {
        if (running_.empty()) submit();
        if (error_) return tl::unexpected<Error>(*error_);
        if (running_.empty()) {  // all that was given has run
            staged_done_ = staged_;
            break;
        }
        TRY_STATUS(wait_for(running_.front().ticket));
    }
    return {};
}

Buffer Stream::stage_room(std::int64_t bytes) {
    if (error_) return {};
    if (auto status = ensure_staging(bytes); !status) {
        fail_with(status.error());
        return {};
    }
    const std::int64_t offset = staged_ % staging_.bytes;
    staged_ += (bytes + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment;
    return {staging_.address + static_cast<std::uint64_t>(offset), bytes, staging_.host + offset};
}

std::uint64_t Stream::stage(const void* data, std::int64_t bytes) {
    const Buffer room = stage_room(bytes);
    if (room.host != nullptr) std::memcpy(room.host, data, static_cast<std::size_t>(bytes));
    return room.address;
}

void Stream::write(std::uint64_t to, const void* from, std::int64_t bytes) {
    const auto* source = static_cast<const std::byte*>(from);
    for (std::int64_t at = 0; at < bytes && !error_; at += kWritePiece) {
        const std::int64_t piece = std::min(kWritePiece, bytes - at);
        const std::uint64_t staged = stage(source + at, piece);
        if (!error_) copy(to + static_cast<std::uint64_t>(at), staged, piece);
    }
}

Status Stream::read(void* to, std::uint64_t from, std::int64_t bytes) {
    const Piece piece{to, from, bytes};
    return read_all({&piece, 1});
}

Status Stream::read_all(std::span<const Piece> pieces) {
    std::int64_t total = 0;
    for (const Piece& piece : pieces) total += piece.bytes;
    if (error_ || total == 0) return finish();
    if (readback_.bytes < std::min(total, kReadbackBytes)) {
        TRY_STATUS(finish());
        device_.release(readback_);
        readback_ = {};
        TRY(readback_,
            device_.allocate(std::min(std::max<std::int64_t>(total, 1 << 20), kReadbackBytes),
                             MemoryUse::readback));
    }
    // What lies in the readback memory and where it goes, until that is full or all is there.
    std::vector<Piece> copied;
    std::int64_t filled = 0;
    const auto deliver = [&]() -> Status {
        TRY_STATUS(finish());
        std::int64_t at = 0;
        for (const Piece& piece : copied) {
            std::memcpy(piece.to, readback_.host + at, static_cast<std::size_t>(piece.bytes));
            at += piece.bytes;
        }
        bytes_read_ += at;
        copied.clear();
        filled = 0;
        return {};
    };
    for (const Piece& piece : pieces) {
        for (std::int64_t at = 0; at < piece.bytes;) {
            if (filled == readback_.bytes) TRY_STATUS(deliver());
            const std::int64_t bytes = std::min(readback_.bytes - filled, piece.bytes - at);
            copy(readback_.address + static_cast<std::uint64_t>(filled),
                 piece.from + static_cast<std::uint64_t>(at), bytes);
            copied.push_back({static_cast<std::byte*>(piece.to) + at, 0, bytes});
            filled += bytes;
            at += bytes;
        }
    }
    return deliver();
}

// --- submission ------------------------------------------------------------------------------

Status Stream::begin() {
    if (open_ != VK_NULL_HANDLE) return {};
    reclaim();
    VkResult result = VK_SUCCESS;
    if (free_commands_.empty()) {
        VkCommandBuffer commands = VK_NULL_HANDLE;
        result = allocate_commands(device_.handle(), pool_, {&commands, 1});
        if (result == VK_SUCCESS) free_commands_.push_back(commands);
    }
    if (result == VK_SUCCESS)
        result = begin_commands(free_commands_.back(), VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
    if (result != VK_SUCCESS) return tl::unexpected<Error>(vulkan_error(result, "recording work"));
    open_ = free_commands_.back();
    free_commands_.pop_back();
    return {};
}

void Stream::encode() {
    if (batch_.empty() || error_) {
        batch_.clear();
        return;
    }
    if (profiling_ && 2 * (profiled_.size() + batch_.size()) > kQueries) collect_profile();
    if (profiling_steps_ && steps_.size() + batch_.size() >= kQueries) collect_steps();
    // A batch may have ended between staging bytes and giving the kernel that reads them, which is
    // in the next one then. So running a batch frees only what was staged before the one in front
    // of it ended.
    staged_of_open_ = staged_at_encode_;
    staged_at_encode_ = staged_;
    order_batch();
    if (!replaying() || !encode_recording()) {
        if (auto status = begin(); !status) return fail_with(status.error());
        int barriers = 0;
        if (auto status = write_commands(open_, nullptr, copies_before_, barriers); !status)
            return fail_with(status.error());
        barriers_ += barriers;
    }
    recorded_ += static_cast<int>(batch_.size());
    batch_.clear();
}

// Levels, and what runs side by side next to each other.
void Stream::order_batch() {
    // A level is one more than the highest of what must have run before.
    const auto conflicts = [](const Work& later, const Work& earlier) {
        for (int w = earlier.reads; w < earlier.reads + earlier.writes; ++w)
            for (int r = 0; r < later.reads + later.writes; ++r)
                if (overlap(earlier.ranges[w], later.ranges[r])) return true;
        for (int r = 0; r < earlier.reads; ++r)
            for (int w = later.reads; w < later.reads + later.writes; ++w)
                if (overlap(earlier.ranges[r], later.ranges[w])) return true;
        return false;
    };
    for (std::size_t i = 0; i < batch_.size(); ++i) {
        int level = 0;
        for (std::size_t j = i; j-- > 0;)
            if (batch_[j].level >= level && conflicts(batch_[i], batch_[j]))
                level = batch_[j].level + 1;
        batch_[i].level = level;
    }
    order_.resize(batch_.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int a, int b) {
        return batch_[static_cast<std::size_t>(a)].level <
               batch_[static_cast<std::size_t>(b)].level;
    });
}

bool Stream::replaying() const {
    if (profiling_ || profiling_steps_) return false;
    return replay_ == Replay::always || (replay_ == Replay::starved && starved_);
}

bool Stream::record(Recordings::Recording& recording) {
    recording.copies = copies_before_;
    recording.barriers = 0;
    return begin_commands(recording.commands, 0) == VK_SUCCESS &&
           write_commands(recording.commands, &recording, recording.copies, recording.barriers) &&
           vkEndCommandBuffer(recording.commands) == VK_SUCCESS;
}

// A recording of the batch, an earlier one or one that is made now; false where it cannot run again
// or none is to be had, which recording it for one time can do without.
bool Stream::encode_recording() {
    reclaim();
    auto taken = recordings_.take(batch_, copies_before_, done_);
    if (!taken) replay_ = Replay::never;  // it has no memory to spare
    if (!taken || *taken == nullptr) return false;
    Recordings::Recording& recording = **taken;
    if (recording.whole) {
        replayed_ += static_cast<std::int64_t>(batch_.size());
    } else if (record(recording)) {
        recording.whole = true;
    } else {
        recordings_.drop(recording);
        replay_ = Replay::never;
        return false;
    }
    close_open();
    if (error_) return true;
    encoded_.push_back(recording.commands);
    recording.ticket = ticket_ + 1;
    copies_before_ = recording.copies;
    barriers_ += recording.barriers;
    return true;
}

Status Stream::write_commands(VkCommandBuffer commands, const Recordings::Recording* recording,
                              bool& copies, int& barriers) {
    VkMemoryBarrier memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    // Copies are named only where there are some: kernel to kernel is the cheaper wait.
    const auto barrier = [&](bool with_copies) {
        VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
        memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
        memory.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
        if (with_copies) {
            stages |= VK_PIPELINE_STAGE_TRANSFER_BIT;
            memory.srcAccessMask |= VK_ACCESS_TRANSFER_WRITE_BIT;
            memory.dstAccessMask |= VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
        }
        vkCmdPipelineBarrier(commands, stages, stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
        ++barriers;
    };
    // Whether a level has copies.
    copies_in_level_.assign(batch_.size() + 1, false);
    for (const Work& work : batch_)
        if (work.kind != Work::Kind::dispatch)
            copies_in_level_[static_cast<std::size_t>(work.level)] = true;
    const auto step_name = [&](int step) {
        std::string name;
        for (const int index : order_) {
            const Work& work = batch_[static_cast<std::size_t>(index)];
            if (work.level != step) continue;
            const std::string_view one = work.kind == Work::Kind::dispatch
                                             ? shader_module(work.pipeline->shader).name
                                             : "copy";
            if (name.ends_with(one)) continue;
            if (!name.empty()) name += " + ";
            name += one;
        }
        return name;
    };
    int level = -1;
    VkPipeline bound = VK_NULL_HANDLE;
    for (const int index : order_) {
        const auto place = static_cast<std::size_t>(index);
        const Work& work = batch_[place];
        if (work.level != level || profiling_) {
            const bool has_copies = copies_in_level_[static_cast<std::size_t>(work.level)];
            barrier(has_copies || copies || profiling_);
            copies = has_copies;
            level = work.level;
            if (profiling_steps_) begin_step(step_name(level));
        }
        switch (work.kind) {
            case Work::Kind::dispatch: {
                const Pipeline* pipeline = work.pipeline;
                const void* push = work.push.data();
                std::uint32_t push_bytes = work.push_bytes;
                std::uint64_t stored = 0;
                if (recording != nullptr) {
                    TRY(pipeline,
                        device_.pipeline(pipeline->shader, pipeline->constants, Params::stored));
                    stored = recording->place(place);
                    push = &stored;
                    push_bytes = sizeof stored;
                }
                if (pipeline->handle != bound) {
                    bound = pipeline->handle;
                    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, bound);
                }
                vkCmdPushConstants(commands, device_.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                   push_bytes, push);
                const auto query = static_cast<std::uint32_t>(2 * profiled_.size());
                if (profiling_)
                    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_,
                                        query);
                vkCmdDispatch(commands, static_cast<std::uint32_t>(work.groups.x),
                              static_cast<std::uint32_t>(work.groups.y),
                              static_cast<std::uint32_t>(work.groups.z));
                if (profiling_) {
                    barrier(true);
                    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_,
                                        query + 1);
                    const std::span<const Range> ranges(work.ranges);
                    profiled_.push_back({pipeline->shader, query,
                                         counted_bytes(ranges.first(work.reads)),
                                         counted_bytes(ranges.subspan(work.reads, work.writes))});
                }
                break;
            }
            case Work::Kind::copy: {
                const bool kept = recording != nullptr && work.staged != nullptr;
                const Device::Place from =
                    device_.place(kept ? recording->place(place) : work.from);
                const Device::Place to = device_.place(work.to);
                const VkBufferCopy region{from.offset, to.offset,
                                          static_cast<VkDeviceSize>(work.bytes)};
                vkCmdCopyBuffer(commands, from.buffer, to.buffer, 1, &region);
                break;
            }
            case Work::Kind::fill: {
                const Device::Place to = device_.place(work.to);
                vkCmdFillBuffer(commands, to.buffer, to.offset,
                                static_cast<VkDeviceSize>(work.bytes), work.word);
                break;
            }
        }
    }
    return {};
}

void Stream::close_open() {
    if (open_ == VK_NULL_HANDLE) return;
    const VkResult result = vkEndCommandBuffer(open_);
    if (result != VK_SUCCESS) return fail_with(vulkan_error(result, "recording work"));
    encoded_.push_back(open_);
    encoded_once_.push_back(open_);
    open_ = VK_NULL_HANDLE;
}

namespace {

// What the CPU reads after waiting must be visible to it.
void end_for_host(VkCommandBuffer commands) {
    VkMemoryBarrier memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    vkCmdPipelineBarrier(commands,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

}  // namespace

Status Stream::prepare_host_barrier() {
    if (host_barrier_ != VK_NULL_HANDLE) return {};
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkResult result = allocate_commands(device_.handle(), pool_, {&commands, 1});
    // Several submissions may be on their way with it.
    if (result == VK_SUCCESS)
        result = begin_commands(commands, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    if (result == VK_SUCCESS) {
        end_for_host(commands);
        result = vkEndCommandBuffer(commands);
    }
    if (result != VK_SUCCESS) return tl::unexpected<Error>(vulkan_error(result, "recording work"));
    host_barrier_ = commands;
    return {};
}

void Stream::submit() {
    encode();
    hand_over();
}

void Stream::hand_over() {
    if (error_ || (open_ == VK_NULL_HANDLE && encoded_.empty())) return;
    if (open_ != VK_NULL_HANDLE) {
        end_for_host(open_);
        close_open();
        if (error_) return;
    } else {
        if (auto status = prepare_host_barrier(); !status) return fail_with(status.error());
        encoded_.push_back(host_barrier_);
    }
    VkResult result = VK_SUCCESS;
    reclaim();
    if (++since_wait_ > 1 && running_.empty()) ran_dry_ = true;
    const std::uint64_t ticket = ticket_ + 1;
    if (auto status = uploads_.flush(); !status) return fail_with(status.error());
    const std::uint64_t uploaded = uploads_.given();
    if (submissions_ == failing_submission_) {
        failing_submission_ = -1;
        result = failing_result_;
    }
    if (result == VK_SUCCESS) {
        VkTimelineSemaphoreSubmitInfo timeline{};
        timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
        timeline.signalSemaphoreValueCount = 1;
        timeline.pSignalSemaphoreValues = &ticket;
        VkSubmitInfo submit{};
        submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        submit.pNext = &timeline;
        const VkSemaphore uploads = uploads_.semaphore();
        const VkPipelineStageFlags stages =
            VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
        if (uploaded > uploads_awaited_) {
            timeline.waitSemaphoreValueCount = 1;
            timeline.pWaitSemaphoreValues = &uploaded;
            submit.waitSemaphoreCount = 1;
            submit.pWaitSemaphores = &uploads;
            submit.pWaitDstStageMask = &stages;
        }
        submit.commandBufferCount = static_cast<std::uint32_t>(encoded_.size());
        submit.pCommandBuffers = encoded_.data();
        submit.signalSemaphoreCount = 1;
        submit.pSignalSemaphores = &semaphore_;
        result = vkQueueSubmit(device_.queue(), 1, &submit, VK_NULL_HANDLE);
    }
    if (result != VK_SUCCESS) return fail_with(vulkan_error(result, "starting work"));
    ticket_ = ticket;
    uploads_awaited_ = uploaded;
    ++submissions_;
    running_.push_back({encoded_once_.size(), ticket, staged_of_open_});
    running_once_.insert(running_once_.end(), encoded_once_.begin(), encoded_once_.end());
    encoded_once_.clear();
    encoded_.clear();
    recorded_ = 0;
}

void Stream::reclaim() {
    if (running_.empty()) return;
    std::uint64_t done = 0;
    if (vkGetSemaphoreCounterValue(device_.handle(), semaphore_, &done) != VK_SUCCESS) return;
    done_ = done;
    while (!running_.empty() && running_.front().ticket <= done) {
        const Slot& slot = running_.front();
        staged_done_ = slot.staged_end;
        for (std::size_t i = 0; i < slot.once; ++i) {
            free_commands_.push_back(running_once_.front());
            running_once_.pop_front();
        }
        running_.pop_front();
    }
}

Status Stream::wait_for(std::uint64_t ticket) {
    const VkResult result = wait_for_ticket(device_.handle(), semaphore_, ticket);
    if (result != VK_SUCCESS) {
        fail_with(vulkan_error(result, "working"));
        return tl::unexpected<Error>(*error_);
    }
    reclaim();
    return {};
}

Status Stream::finish() {
    submit();
    ++waits_;
    if (since_wait_ > 1) hunger_ = std::max(0, hunger_ + (ran_dry_ ? 1 : -1));
    starved_ = starved_ || hunger_ >= kStarved;
    since_wait_ = 0;
    ran_dry_ = false;
    // Even after an error nothing that was started may outlive this call.
    if (!running_.empty()) {
        if (auto status = wait_for(running_.back().ticket); !status) {
            running_.clear();
            running_once_.clear();
        }
    }
    if (auto status = uploads_.finish(); !status) fail_with(status.error());
    if (error_) return tl::unexpected<Error>(*error_);
    return {};
}

// --- measuring -------------------------------------------------------------------------------

bool Stream::prepare_queries() {
    if (auto status = finish(); !status) return false;
    if (device_.info().timestamp_period == 0) return false;
    if (queries_ == VK_NULL_HANDLE) {
        VkQueryPoolCreateInfo create{};
        create.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
        create.queryType = VK_QUERY_TYPE_TIMESTAMP;
        create.queryCount = kQueries;
        if (vkCreateQueryPool(device_.handle(), &create, nullptr, &queries_) != VK_SUCCESS)
            return false;
    }
    if (auto status = begin(); !status) return false;
    vkCmdResetQueryPool(open_, queries_, 0, kQueries);
    profiled_.clear();
    steps_.clear();
    times_.clear();
    return true;
}

void Stream::start_profile() {
    profiling_ = prepare_queries();
}

void Stream::start_step_profile() {
    profiling_steps_ = prepare_queries();
}

void Stream::begin_step(std::string name) {
    vkCmdWriteTimestamp(open_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_,
                        static_cast<std::uint32_t>(steps_.size()));
    steps_.push_back(std::move(name));
}

// Adds up the steps so far, but for the one that has not ended.
void Stream::collect_steps() {
    if (steps_.empty() || !begin()) return;
    begin_step("");
    hand_over();
    if (!running_.empty() && !wait_for(running_.back().ticket)) return;
    std::vector<std::uint64_t> ticks(steps_.size());
    if (error_ || vkGetQueryPoolResults(
                      device_.handle(), queries_, 0, static_cast<std::uint32_t>(ticks.size()),
                      ticks.size() * sizeof(std::uint64_t), ticks.data(), sizeof(std::uint64_t),
                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT) != VK_SUCCESS)
        return;
    for (std::size_t i = 0; i + 1 < ticks.size(); ++i)
        add_time(
            steps_[i],
            static_cast<double>(ticks[i + 1] - ticks[i]) * device_.info().timestamp_period * 1e-9,
            0, 0);
    steps_.clear();
    if (begin()) vkCmdResetQueryPool(open_, queries_, 0, kQueries);
}

void Stream::add_time(std::string_view name, double seconds, std::int64_t read,
                      std::int64_t written) {
    auto at = std::find_if(times_.begin(), times_.end(),
                           [&](const KernelTime& time) { return time.name == name; });
    if (at == times_.end()) at = times_.insert(times_.end(), KernelTime{.name = std::string(name)});
    ++at->calls;
    at->read_bytes += read;
    at->written_bytes += written;
    at->seconds += seconds;
}

std::int64_t Stream::counted_bytes(std::span<const Range> ranges) const {
    std::int64_t bytes = 0;
    for (const Range& range : ranges) {
        const auto part = counted_.find(range.address);
        bytes += part != counted_.end() ? part->second : range.bytes;
    }
    return bytes;
}

// Adds up what was timed so far and makes room for more.
void Stream::collect_profile() {
    hand_over();
    if (!running_.empty() && !wait_for(running_.back().ticket)) return;
    std::vector<std::uint64_t> ticks(2 * profiled_.size());
    if (error_ || ticks.empty() ||
        vkGetQueryPoolResults(
            device_.handle(), queries_, 0, static_cast<std::uint32_t>(ticks.size()),
            ticks.size() * sizeof(std::uint64_t), ticks.data(), sizeof(std::uint64_t),
            VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT) != VK_SUCCESS)
        return;
    for (const Profiled& kernel : profiled_)
        add_time(shader_module(kernel.shader).name,
                 static_cast<double>(ticks[kernel.query + 1] - ticks[kernel.query]) *
                     device_.info().timestamp_period * 1e-9,
                 kernel.read_bytes, kernel.written_bytes);
    profiled_.clear();
    if (begin()) vkCmdResetQueryPool(open_, queries_, 0, kQueries);
}

std::vector<KernelTime> Stream::stop_profile() {
    if (!profiling_ && !profiling_steps_) return {};
    encode();
    if (profiling_) collect_profile();
    if (profiling_steps_) collect_steps();
    profiling_ = profiling_steps_ = false;
    counted_.clear();
    if (!finish()) return {};
    std::sort(times_.begin(), times_.end(),
              [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
    return std::move(times_);
}

}  // namespace starglass::gpu

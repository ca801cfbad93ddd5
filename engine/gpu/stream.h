// SPDX-License-Identifier: MIT
//
// The order of work. Kernels and copies are given with the bytes they read and write; those that
// do not touch each other's bytes run side by side, the others in the order given, a barrier
// between. Work is handed to the device a batch at a time, so that recording the next batch hides
// behind running the last.
//
// What goes wrong on the device is remembered: later work is dropped, and finish() or read() says
// it. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "gpu/device.h"
#include "gpu/recordings.h"
#include "gpu/uploads.h"
#include "gpu/work.h"

namespace starglass::gpu {

// When commands of a batch that came before in the same form are handed over again, instead of
// being recorded anew. That spares the processor, and the device then fetches the parameters of
// each kernel from memory. `starved`: once a device has again and again been found waiting for work
// within a token. A software driver, which is the processor, begins with `never`.
enum class Replay : std::uint8_t { never, starved, always };

// Time and bytes of one kind of kernel, measured by timestamps.
struct KernelTime {
    std::string name;
    std::int64_t calls = 0;
    double seconds = 0;
    // Of the ranges it was given with, each once a call.
    std::int64_t read_bytes = 0, written_bytes = 0;
};

class Stream {
public:
    explicit Stream(Device& device);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // `params` is what the shader's push constants hold. More workgroups than the device takes are
    // an error that the stream remembers.
    template <class Params>
    void dispatch(Shader shader, const SpecConstants& constants, const Params& params,
                  Groups groups, std::initializer_list<Range> reads,
                  std::initializer_list<Range> writes) {
        static_assert(sizeof(Params) <= kPushBytes && std::is_trivially_copyable_v<Params>);
        dispatch_bytes(shader, constants, &params, sizeof(Params), groups,
                       {reads.begin(), reads.size()}, {writes.begin(), writes.size()});
    }
    void dispatch_bytes(Shader shader, const SpecConstants& constants, const void* params,
                        std::size_t params_bytes, Groups groups, std::span<const Range> reads,
                        std::span<const Range> writes);
    void copy(std::uint64_t to, std::uint64_t from, std::int64_t bytes);
    void fill(std::uint64_t to, std::int64_t bytes, std::uint32_t word);  // bytes: multiple of 4

    // A copy of host bytes that kernels given from now on may read until they have run.
    std::uint64_t stage(const void* data, std::int64_t bytes);
    // Room in host memory that copies may read, for the caller to fill before it gives them. At
    // most half of kStagingBytes. Null after a failure.
    Buffer stage_room(std::int64_t bytes);
    static constexpr std::int64_t kStagingBytes = std::int64_t{64} << 20;
    // Host memory to device memory, in order with the rest; `from` may change on return.
    void write(std::uint64_t to, const void* from, std::int64_t bytes);
    // Large pieces to memory that is not in use yet, beside what runs; whatever is given from now
    // on finds there what was uploaded before.
    [[nodiscard]] Uploads& uploads() { return uploads_; }
    // Waits for everything given so far.
    [[nodiscard]] Status read(void* to, std::uint64_t from, std::int64_t bytes);
    // The same for several pieces: one wait, unless they are more than kReadbackBytes together.
    struct Piece {
        void* to = nullptr;
        std::uint64_t from = 0;
        std::int64_t bytes = 0;
    };
    [[nodiscard]] Status read_all(std::span<const Piece> pieces);
    static constexpr std::int64_t kReadbackBytes = std::int64_t{16} << 20;
    // Hands over what was given, without waiting.
    void submit();
    [[nodiscard]] Status finish();
    // The first thing that went wrong; work is dropped until clear_error().
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    void fail_with(Error error);
    void clear_error() { error_.reset(); }
    // How often work was dropped: what was written to be kept must then be written again.
    [[nodiscard]] std::int64_t failures() const { return failures_; }

    // Whether bytes are still as they were: `watch` remembers a range, `intact` is true until
    // something is given that writes to it, or something fails. The oldest of kWatches is forgotten
    // for a new one.
    static constexpr std::size_t kWatches = 16;
    std::uint64_t watch(Range range);
    [[nodiscard]] bool intact(std::uint64_t watch) const;
    // For tests: the submission after `more` further ones fails with `result`, as a driver would
    // say it.
    void fail_submission(std::int64_t more, VkResult result) {
        failing_submission_ = submissions_ + more;
        failing_result_ = result;
    }

    void set_replay(Replay replay) { replay_ = replay; }
    // Kernels and copies that ran from commands recorded earlier.
    [[nodiscard]] std::int64_t replayed() const { return replayed_; }

    // Measures every kernel by timestamps until `stop_profile`; each then runs alone.
    void start_profile();
    std::vector<KernelTime> stop_profile();
    // The same for what lies between two barriers: kernels run side by side as ever, and a step is
    // named by its kernels, the barrier before it included.
    void start_step_profile();
    // A range at `address` counts as so many bytes in profiles, where a kernel touches only a part
    // of what it is given: the chosen experts of a stack. Until the next stop_profile().
    void count_as(std::uint64_t address, std::int64_t bytes) { counted_[address] = bytes; }

    [[nodiscard]] std::int64_t dispatches() const { return dispatches_; }
    [[nodiscard]] std::int64_t barriers() const { return barriers_; }
    [[nodiscard]] std::int64_t submissions() const { return submissions_; }
    [[nodiscard]] std::int64_t waits() const { return waits_; }  // of finish() and what reads
    [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }

private:
    // A submission: how many of its command buffers are for one time, and what it keeps in use.
    struct Slot {
        std::size_t once = 0;
        std::uint64_t ticket = 0;  // value of the semaphore when it has run
        std::int64_t staged_end = 0;
    };

    Work& add(std::span<const Range> reads, std::span<const Range> writes);
    void encode();     // batch_ into the open command buffer, or a recording of it
    void hand_over();  // what is encoded to the device
    Status begin();
    void close_open();
    void order_batch();
    bool encode_recording();
    bool record(Recordings::Recording& recording);
    // With `recording` into its commands.
    Status write_commands(VkCommandBuffer commands, const Recordings::Recording* recording,
                          bool& copies, int& barriers);
    [[nodiscard]] bool replaying() const;
    Status prepare_host_barrier();
    void drop_encoded();
    Status wait_for(std::uint64_t ticket);
    void reclaim();
    Status ensure_staging(std::int64_t bytes);

    Device& device_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkSemaphore semaphore_ = VK_NULL_HANDLE;
    std::vector<VkCommandBuffer> free_commands_;
    std::deque<Slot> running_;
    std::deque<VkCommandBuffer> running_once_;  // theirs, in order
    // The next submission: what is encoded, and the buffer that is open at its end.
    std::vector<VkCommandBuffer> encoded_, encoded_once_;
    VkCommandBuffer open_ = VK_NULL_HANDLE;
    VkCommandBuffer host_barrier_ = VK_NULL_HANDLE;  // ends a submission that a recording ends
    std::uint64_t ticket_ = 0;                       // of the last submission
    std::uint64_t done_ = 0;                         // of the last that is known to have run
    std::vector<Work> batch_;
    std::vector<int> order_;
    std::vector<char> copies_in_level_;
    bool copies_before_ = true;  // the last level of the batch before had copies
    int recorded_ = 0;           // kernels in the next submission
    std::optional<Error> error_;

    // Host-visible ring; positions only grow, the place is the position modulo the size.
    Buffer staging_;
    std::int64_t staged_ = 0, staged_done_ = 0;
    std::int64_t staged_at_encode_ = 0, staged_of_open_ = 0;
    Buffer readback_;
    Uploads uploads_;
    std::uint64_t uploads_awaited_ = 0;  // by what was handed over

    Recordings recordings_;
    Replay replay_ = Replay::never;
    // Since the last wait: submissions, and whether the device had run out of work before one.
    int since_wait_ = 0;
    bool ran_dry_ = false;
    int hunger_ = 0;  // how much more often than not it had
    bool starved_ = false;

    struct Watch {
        Range range;
        std::uint64_t id = 0;  // 0: written to
    };
    std::array<Watch, kWatches> watches_{};
    std::uint64_t last_watch_ = 0;

    VkQueryPool queries_ = VK_NULL_HANDLE;
    struct Profiled {
        Shader shader;
        std::uint32_t query;  // its first
        std::int64_t read_bytes, written_bytes;
    };
    [[nodiscard]] std::int64_t counted_bytes(std::span<const Range> ranges) const;
    void collect_profile();
    bool prepare_queries();
    void begin_step(std::string name);
    void collect_steps();
    void add_time(std::string_view name, double seconds, std::int64_t read, std::int64_t written);
    std::vector<Profiled> profiled_;
    std::vector<KernelTime> times_;
    std::unordered_map<std::uint64_t, std::int64_t> counted_;
    bool profiling_ = false;
    // Of the step profile: steps so far, by the query at their beginning; the last one ends there.
    std::vector<std::string> steps_;
    bool profiling_steps_ = false;
    std::int64_t dispatches_ = 0, barriers_ = 0, submissions_ = 0, replayed_ = 0;
    std::int64_t waits_ = 0, bytes_read_ = 0;
    std::int64_t failures_ = 0;
    std::int64_t failing_submission_ = -1;
    VkResult failing_result_ = VK_SUCCESS;
};

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
//
// Routed experts read from the model's file into a bounded piece of memory when layers ask for
// them. ExpertCache decides who stays, AsyncReader brings the bytes, this class keeps both and the
// memory in step, waits where nothing else can be done, and counts.
//
// Memory: a slot for each expert, cut by size (layers may differ in quantisation), in address space
// set aside at the start and filled with memory in the background, so that a slot's bytes lie at
// the same place modulo the file's alignment as in the file: a direct read lands where it is used.
// Slots that no size needs any more are given back to the system, so all of them together stay
// below the budget.
//
// The engine's thread calls everything but snapshot() and trace(), which any thread may call. Until
// the first batch a thread of the store's own may be filling memory (preload).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/async_reader.h"
#include "base/result.h"
#include "engine/experts.h"
#include "experts/ahead_choice.h"
#include "experts/expert_cache.h"
#include "kernel/expert_source.h"

namespace starglass {

// Where the experts of a layer lie in the file: gate, up, down. Expert e of a part begins e * bytes
// behind the first.
struct ExpertLayout {
    struct Part {
        std::int64_t offset = 0;
        std::int64_t bytes = 0;
    };
    std::array<Part, 3> parts;
    bool streamed = true;  // false: on a device
    [[nodiscard]] std::int64_t bytes() const {
        return parts[0].bytes + parts[1].bytes + parts[2].bytes;
    }
};

struct ExpertStoreOptions {
    int experts = 0, used = 0, hash_layers = 0;
    std::vector<ExpertLayout> layers;
    std::uint64_t budget = 0;  // bytes of memory
    std::string policy;        // empty: the default
    std::string model;         // name, for traces
    std::string reads;         // "io_uring", "threads" or empty
    Lookahead lookahead = Lookahead::automatic;
};

class ExpertStore final : public ExpertFeed, public ExpertMemory {
public:
    using ReaderFactory = std::function<Result<std::unique_ptr<AsyncReader>>(std::string_view)>;

    // Memory an expert of a layer takes, alignment included.
    [[nodiscard]] static std::uint64_t slot_bytes(const ExpertLayout& layer,
                                                  std::int64_t alignment);
    // The least budget that create() takes.
    [[nodiscard]] static std::uint64_t least_budget(const ExpertStoreOptions& options,
                                                    std::int64_t alignment);

    // Errors: those of ReadFile::open; out_of_memory for a budget that is too small, or address
    // space; invalid_input for an unknown policy; unsupported for an unknown way of reading.
    static Result<std::unique_ptr<ExpertStore>> create(
        const std::string& path, ExpertStoreOptions options,
        const ReaderFactory& reader = make_async_reader);
    ~ExpertStore() override;

    // Whether a layer's experts come from the file.
    [[nodiscard]] bool streams(int layer) const {
        return options_.layers[static_cast<std::size_t>(layer)].streamed;
    }
    // For Weight::matrices of a layer; part 0 gate, 1 up, 2 down.
    [[nodiscard]] const std::byte* const* matrices(int layer, int part) const;

    // What earlier runs used, [layers * experts]; before the first batch.
    void expect(std::span<const float> shares);
    // Reads these into free room on a thread of the store's own, in this order, until the first
    // batch begins or nothing is free.
    void preload(std::vector<ExpertId> order);
    [[nodiscard]] bool preloading() const { return preloading_; }
    // Waits until preload() is through.
    void finish_preload();

    void request(int layer, std::span<const std::int32_t> selected) override;
    std::span<const std::int32_t> next(int layer) override;
    void release(int layer, std::span<const std::int32_t> experts) override;

    Status begin_batch(std::int64_t first_position, int rows) override;
    void announce(int layer, std::span<const std::int32_t> selected) override;
    [[nodiscard]] bool predicts(int rows) const override;
    void predict(int layer, std::span<const std::int32_t> selected) override;
    [[nodiscard]] bool failed() const override { return !error_.message.empty(); }
    Status end_batch(bool complete) override;

    // The last complete batch. Valid until the next begins.
    [[nodiscard]] ExpertsFrame last_frame() const;
    [[nodiscard]] ExpertTotals totals() const;
    // Share of recent tokens that used each expert, [layers * experts].
    [[nodiscard]] std::vector<float> use_shares() const;

    [[nodiscard]] ExpertMemorySnapshot snapshot() const override;
    [[nodiscard]] ExpertTrace trace() const override;

private:
    using Clock = std::chrono::steady_clock;

    struct Place {
        int slot = -1;        // of its layer's size
        int parts_left = 0;   // being read
        bool broken = false;  // a read failed
        Clock::time_point asked{};
    };
    // Slots of one size.
    struct Size {
        std::uint64_t slot_bytes = 0;
        int slots = 0;  // that fit the budget
        std::byte* memory = nullptr;
        int begun = 0;          // slots that have been used once
        int promised = 0;       // the first ones, whose memory is counted from the start
        std::vector<int> warm;  // free, their memory is there
        std::vector<int> cold;  // free, given back to the system
        std::vector<bool> pinned;
    };
    struct Out {
        ExpertCache::Wave wave;
        std::vector<bool> given;
        std::size_t left = 0;  // entries not released
    };
    // At most two waves are out at a time, the older one first; they are used again and again, so
    // that a token takes no memory for them.
    struct OpenLayer {
        bool begun = false;
        std::array<Out, 2> waves;
        std::size_t count = 0;
        [[nodiscard]] std::span<Out> out() { return std::span(waves).first(count); }
        void give_back_first() {
            std::swap(waves[0], waves[1]);
            --count;
        }
    };

    ExpertStore(ExpertStoreOptions options, ReadFile file, std::unique_ptr<AsyncReader> reader,
                std::unique_ptr<ExpertCache> cache);
    Status set_aside();
    // Shares the budget among sizes and begins to fill their slots with memory in the background:
    // a fresh slot costs the system milliseconds, which a token should not wait for.
    void promise_memory();
    void stop_filling();

    [[nodiscard]] int layer_of(ExpertId id) const { return id / options_.experts; }
    [[nodiscard]] std::byte* slot_address(int layer, int slot) const;
    void begin_layer(int layer, std::span<const std::int32_t> selected);
    void open_wave(int layer);
    void read_expert(ExpertId id);
    void free_place(ExpertId id);
    int take_slot(Size& size);
    void give_back_memory(std::uint64_t wanted);
    // Takes completions; waits for one when asked to.
    void collect(bool wait);
    void wait_for(ExpertId id);
    void stop_preload();
    void run_preload(const std::vector<ExpertId>& order);
    void set_tier(ExpertId id, ExpertTier tier);
    void fail_read(ExpertId id, const ReadCompletion& completion);
    Status reopen();

    ExpertStoreOptions options_;
    std::string path_;
    ReadFile file_;
    std::unique_ptr<AsyncReader> reader_;
    std::unique_ptr<ExpertCache> cache_;
    std::int64_t alignment_ = 1;
    bool direct_ = false;

    std::vector<Place> places_;
    std::vector<std::array<std::vector<const std::byte*>, 3>> pointers_;  // [layers]
    std::vector<Size> sizes_;
    std::vector<int> size_of_;     // [layers]; -1: not streamed
    std::uint64_t committed_ = 0;  // bytes of slots whose memory is there
    bool pinning_ = true;          // until the system refuses
    std::atomic<bool> pinned_any_{false};
    Clock::time_point busy_since_{};  // reading without a pause
    std::uint64_t busy_bytes_ = 0;

    // The running batch.
    std::vector<OpenLayer> open_;
    std::vector<std::int32_t> given_, unique_, uses_;
    std::vector<ExpertId> come_, removed_;
    std::vector<ReadRequest> requests_;
    std::array<ReadCompletion, 64> completions_;
    AheadChoice ahead_;
    Error error_;
    bool need_reopen_ = false;
    int rows_ = 0;
    std::int64_t position_ = 0;
    Clock::time_point batch_start_;
    std::vector<ExpertLayerUse> layer_use_;
    double stall_seconds_ = 0, batch_seconds_ = 0;
    ExpertTrace::Batch batch_;

    std::thread filler_;
    std::atomic<bool> stop_filling_{false};
    std::thread preloader_;
    std::atomic<bool> stop_preload_{false}, preloading_{false};

    // What other threads look at.
    mutable std::mutex mutex_;
    struct Shared {
        std::vector<ExpertTier> tiers;
        std::vector<std::uint32_t> hits, misses;
        std::vector<float> shares;
        double share_weight = 0;
        ExpertTotals totals;
        std::uint64_t resident_bytes = 0;
        int resident_experts = 0;
        std::vector<float> latencies;  // ring
        std::uint64_t latency_count = 0;
        double busy_seconds = 0;  // nothing but reading
        double busy_bytes = 0;
        std::vector<float> expected;      // at the start
        std::vector<ExpertId> preloaded;  // until batches are forgotten
        std::deque<std::shared_ptr<const ExpertTrace::Batch>> batches;
        std::int64_t batch_rows = 0;
        std::deque<double> decode_seconds, prefill_seconds;  // without waiting, recent
        std::string note;
        bool looking_ahead = false;
        double seconds_with = 0, seconds_without = 0;
    } shared_;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Which experts are in memory under a budget, as bookkeeping alone: the store puts bytes behind it,
// the simulator a trace. All decisions are made when experts are asked for, none when a read
// happens to end, so both come to the same hits and misses. One thread.
//
// An op meets a layer's experts in waves: those in memory first, then the missing ones, both in
// ascending order and never in one wave, each wave at most half of the budget, so that one is read
// while the one before is computed. A wave stays until it is given back; at most two are out at a
// time. Whether an expert is a hit is decided when its wave is taken.
//
// What is out cannot give way. What was predicted for a layer to come gives way last; when that
// layer begins, what was predicted in vain is as any other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "experts/expert_policy.h"

namespace starglass {

class ExpertCache {
public:
    // Most experts that are missing in a wave: enough reads to keep a disk busy, few enough that a
    // long prompt's layer is computed while the rest of it is read.
    static constexpr int kMissesInWave = 32;

    struct Config {
        int layers = 0, experts = 0, used = 0;
        std::vector<std::uint64_t> bytes;  // [layers] memory one expert takes; 0: not kept here
        std::uint64_t budget = 0;
    };
    struct Entry {
        ExpertId id = kNoExpert;
        int rows = 0;        // of the batch that use it
        bool hit = false;    // else it has to be read
        bool ahead = false;  // a hit because it had been read ahead, on its first use
    };
    struct Wave {
        std::vector<Entry> entries;
        std::vector<ExpertId> removed;  // gave way, in order, before `entries` came
    };

    // The least budget that works for batches of any size: two waves of one expert, or one token's
    // experts of the largest layer when it is decoded.
    [[nodiscard]] static std::uint64_t least_budget(const Config& config);

    // Whether the hash-routed layers of a batch, whose experts follow from its tokens alone, are
    // asked for before the first of them runs: begin_batch, then for each of them in ascending
    // order begin_layer and next_wave until it has no more (two at most). So it is when a token is
    // decoded and their experts take at most half of the budget.
    [[nodiscard]] static bool begins_ahead(const Config& config, int hash_layers, int rows);

    // `config.budget` is at least least_budget().
    ExpertCache(Config config, std::unique_ptr<ExpertPolicy> policy);
    ~ExpertCache();

    // All waves of the batch before have been given back; what they left untaken is forgotten.
    void begin_batch(int rows);
    // The experts a layer's rows were routed to, each once, ascending, with how many rows use each.
    // The waves of the layer before have all been given back, unless that layer was begun ahead of
    // its turn.
    void begin_layer(int layer, std::span<const std::int32_t> experts,
                     std::span<const std::int32_t> rows);
    // False when the layer has no more; as long as it has some, not while two waves of it are out.
    bool next_wave(int layer, Wave& wave);
    void give_back(const Wave& wave);

    // Makes room for experts that will perhaps be needed, without counting a hit or a miss, and
    // without giving up what is out or what was itself read ahead and not used yet. `come` receives
    // those that have to be read, `removed` those that gave way.
    void read_ahead(int layer, std::span<const std::int32_t> experts, std::vector<ExpertId>& come,
                    std::vector<ExpertId>& removed);
    // Puts an expert into free room, before the first batch; false when there is none.
    bool preload(ExpertId id);
    // Forgets an expert whose read failed; it is not out any more, its wave is given back as ever.
    void drop(ExpertId id);

    [[nodiscard]] bool resident(ExpertId id) const;
    [[nodiscard]] std::uint64_t resident_bytes() const;
    [[nodiscard]] int resident_count() const;
    [[nodiscard]] const Config& config() const;
    [[nodiscard]] ExpertPolicy& policy();

    struct Counts {
        std::uint64_t hits = 0, misses = 0, ahead_used = 0, ahead_wasted = 0;
    };
    [[nodiscard]] const Counts& counts() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starglass

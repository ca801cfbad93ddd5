// SPDX-License-Identifier: MIT
#include "experts/expert_cache.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace starglass {
namespace {

struct Needed {
    ExpertId id = kNoExpert;
    int rows = 0;
};

}  // namespace

struct ExpertCache::State {
    struct Residence {
        bool resident = false;
        bool out = false;      // in a wave that was not given back
        bool ahead = false;    // read ahead and not used since
        bool awaited = false;  // predicted for a layer whose turn has not come
    };
    struct Layer {
        std::vector<Needed> needed;  // what next_wave has not handed out, ascending
        int waves_out = 0;
    };

    Config config;
    std::unique_ptr<ExpertPolicy> policy;
    std::vector<Residence> experts;
    std::vector<Layer> layers;
    std::vector<ExpertId> awaited;  // may hold some that are not any more
    std::uint64_t resident_bytes = 0;
    std::uint64_t out_bytes = 0;
    int resident_count = 0;
    Counts counts;
    std::function<bool(ExpertId)> not_out, not_out_nor_awaited;

    [[nodiscard]] std::size_t index(ExpertId id) const {
        assert(id >= 0 && static_cast<std::size_t>(id) < experts.size());
        return static_cast<std::size_t>(id);
    }
    Residence& at(ExpertId id) { return experts[index(id)]; }
    [[nodiscard]] std::uint64_t bytes_of(ExpertId id) const {
        return config.bytes[index(id) / static_cast<std::size_t>(config.experts)];
    }
    [[nodiscard]] int layer_of(ExpertId id) const { return id / config.experts; }

    void enter(ExpertId id) {
        Residence& expert = at(id);
        assert(!expert.resident);
        expert.resident = true;
        resident_bytes += bytes_of(id);
        ++resident_count;
    }

    void leave(ExpertId id) {
        Residence& expert = at(id);
        assert(expert.resident && !expert.out);
        if (expert.ahead) ++counts.ahead_wasted;
        expert = {};
        resident_bytes -= bytes_of(id);
        --resident_count;
        policy->removed(id);
    }

    void pin(ExpertId id) {
        Residence& expert = at(id);
        assert(expert.resident && !expert.out);
        expert.out = true;
        out_bytes += bytes_of(id);
    }

    void unpin(ExpertId id) {
        Residence& expert = at(id);
        if (!expert.out) return;  // dropped meanwhile
        expert.out = false;
        out_bytes -= bytes_of(id);
    }

    // Makes `bytes` free; false when too little of what is in memory may go, and then perhaps some
    // of it is gone.
    bool make_room(std::uint64_t bytes, int layer, bool spare_awaited,
                   std::vector<ExpertId>& removed) {
        while (resident_bytes + bytes > config.budget) {
            ExpertId id = policy->victim(layer, not_out_nor_awaited);
            if (id == kNoExpert && !spare_awaited) id = policy->victim(layer, not_out);
            if (id == kNoExpert) return false;
            removed.push_back(id);
            leave(id);
        }
        return true;
    }

    void forget_awaited() {
        for (const ExpertId id : awaited) at(id).awaited = false;
        awaited.clear();
    }
};

std::uint64_t ExpertCache::least_budget(const Config& config) {
    const std::uint64_t largest =
        config.bytes.empty() ? 0 : *std::max_element(config.bytes.begin(), config.bytes.end());
    return largest * static_cast<std::uint64_t>(std::max(2, config.used));
}

bool ExpertCache::begins_ahead(const Config& config, int hash_layers, int rows) {
    // More misses than fit a wave would be three waves of a layer.
    if (rows != 1 || config.used > kMissesInWave) return false;
    std::uint64_t bytes = 0;
    for (int layer = 0; layer < std::min(hash_layers, config.layers); ++layer)
        bytes +=
            config.bytes[static_cast<std::size_t>(layer)] * static_cast<std::uint64_t>(config.used);
    return bytes <= config.budget / 2;
}

ExpertCache::ExpertCache(Config config, std::unique_ptr<ExpertPolicy> policy)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    assert(config.bytes.size() == static_cast<std::size_t>(config.layers));
    assert(config.budget >= least_budget(config));
    s.config = std::move(config);
    s.policy = std::move(policy);
    s.experts.resize(static_cast<std::size_t>(s.config.layers) *
                     static_cast<std::size_t>(s.config.experts));
    s.layers.resize(static_cast<std::size_t>(s.config.layers));
    s.not_out = [&s](ExpertId id) { return !s.at(id).out; };
    s.not_out_nor_awaited = [&s](ExpertId id) { return !s.at(id).out && !s.at(id).awaited; };
}

ExpertCache::~ExpertCache() = default;

void ExpertCache::begin_batch(int rows) {
    State& s = *state_;
    // A batch that was cancelled leaves layers half handed out.
    for (State::Layer& layer : s.layers) {
        assert(layer.waves_out == 0);
        layer.needed.clear();
    }
    s.forget_awaited();
    s.policy->begin_batch(rows);
}

void ExpertCache::begin_layer(int layer, std::span<const std::int32_t> experts,
                              std::span<const std::int32_t> rows) {
    State& s = *state_;
    assert(layer >= 0 && layer < s.config.layers && experts.size() == rows.size());
    State::Layer& open = s.layers[static_cast<std::size_t>(layer)];
    assert(open.waves_out == 0);
    open.needed.clear();
    for (std::size_t i = 0; i < experts.size(); ++i) {
        assert(experts[i] >= 0 && experts[i] < s.config.experts);
        assert(i == 0 || experts[i - 1] < experts[i]);
        open.needed.push_back({layer * s.config.experts + experts[i], rows[i]});
    }
    // Their turn has come: what was predicted in vain is as any other expert now.
    std::erase_if(s.awaited, [&](ExpertId id) {
        if (s.layer_of(id) != layer) return false;
        s.at(id).awaited = false;
        return true;
    });
}

bool ExpertCache::next_wave(int layer, Wave& wave) {
    State& s = *state_;
    wave.entries.clear();
    wave.removed.clear();
    State::Layer& open = s.layers[static_cast<std::size_t>(layer)];
    if (open.needed.empty()) return false;
    assert(open.waves_out < 2);

    const std::uint64_t bytes = s.config.bytes[static_cast<std::size_t>(layer)];
    assert(bytes > 0);
    const std::uint64_t limit = std::min(s.config.budget / 2, s.config.budget - s.out_bytes);
    const auto resident = [&s](const Needed& need) { return s.at(need.id).resident; };
    // One kind in a wave: those in memory are computed while those that are missing are read.
    // Looked up now and not when the layer began, because layers begun ahead take room from each
    // other.
    const bool hits = std::any_of(open.needed.begin(), open.needed.end(), resident);
    std::uint64_t count = limit / bytes;
    if (!hits) count = std::min<std::uint64_t>(count, kMissesInWave);
    assert(count > 0);

    std::size_t kept = 0;
    for (const Needed& need : open.needed) {
        if (wave.entries.size() >= count || resident(need) != hits) {
            open.needed[kept++] = need;
            continue;
        }
        wave.entries.push_back({need.id, need.rows, hits, hits && s.at(need.id).ahead});
    }
    open.needed.resize(kept);

    if (!hits) {
        const bool room = s.make_room(bytes * wave.entries.size(), layer, false, wave.removed);
        assert(room);
        static_cast<void>(room);
    }
    for (const Entry& entry : wave.entries) {
        if (!hits) s.enter(entry.id);
        State::Residence& expert = s.at(entry.id);
        if (hits) ++s.counts.hits;
        if (!hits) ++s.counts.misses;
        if (expert.ahead) ++s.counts.ahead_used;
        expert.ahead = false;
        s.pin(entry.id);
        s.policy->used(entry.id, entry.rows);
    }
    ++open.waves_out;
    return true;
}

void ExpertCache::give_back(const Wave& wave) {
    State& s = *state_;
    if (wave.entries.empty()) return;
    State::Layer& open = s.layers[static_cast<std::size_t>(s.layer_of(wave.entries.front().id))];
    assert(open.waves_out > 0);
    --open.waves_out;
    for (const Entry& entry : wave.entries) s.unpin(entry.id);
}

void ExpertCache::read_ahead(int layer, std::span<const std::int32_t> experts,
                             std::vector<ExpertId>& come, std::vector<ExpertId>& removed) {
    State& s = *state_;
    come.clear();
    removed.clear();
    const std::uint64_t bytes = s.config.bytes[static_cast<std::size_t>(layer)];
    if (bytes == 0) return;
    const auto await = [&s](ExpertId id) {
        if (std::exchange(s.at(id).awaited, true)) return;
        s.awaited.push_back(id);
    };
    // Those in memory first, so that none of them gives way to another that is predicted.
    for (const std::int32_t expert : experts) {
        const ExpertId id = layer * s.config.experts + expert;
        if (s.at(id).resident) await(id);
    }
    for (const std::int32_t expert : experts) {
        const ExpertId id = layer * s.config.experts + expert;
        if (s.at(id).resident) continue;
        if (!s.make_room(bytes, layer, true, removed)) return;
        s.enter(id);
        s.at(id).ahead = true;
        await(id);
        s.policy->loaded_ahead(id);
        come.push_back(id);
    }
}

bool ExpertCache::preload(ExpertId id) {
    State& s = *state_;
    if (s.at(id).resident) return true;
    if (s.bytes_of(id) == 0 || s.resident_bytes + s.bytes_of(id) > s.config.budget) return false;
    s.enter(id);
    s.policy->loaded_ahead(id);
    return true;
}

void ExpertCache::drop(ExpertId id) {
    State& s = *state_;
    if (!s.at(id).resident) return;
    s.unpin(id);
    s.leave(id);
}

bool ExpertCache::resident(ExpertId id) const {
    return state_->at(id).resident;
}
std::uint64_t ExpertCache::resident_bytes() const {
    return state_->resident_bytes;
}
int ExpertCache::resident_count() const {
    return state_->resident_count;
}
const ExpertCache::Config& ExpertCache::config() const {
    return state_->config;
}
ExpertPolicy& ExpertCache::policy() {
    return *state_->policy;
}
const ExpertCache::Counts& ExpertCache::counts() const {
    return state_->counts;
}

}  // namespace starglass

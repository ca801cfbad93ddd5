// SPDX-License-Identifier: MIT
//
// A trace under another budget or policy. The calls are those of the running engine, so hits and
// misses are its own; times are a model of three numbers: what a token takes to compute, how fast
// the disk delivers, and what share of the computing is the routed experts'.
//
// One clock runs through the batches and one disk serves reads in the order they are asked for:
//
//   every layer   first takes its share of what is not routed experts;
//   its waves     are asked for as the engine does it: two at once, then another for each that is
//                 done with; what the next layer is predicted to choose is asked for after them;
//   an expert     is waited for until it is read (that is the stall), then takes its share of the
//                 computing, once for each row.
//
// So the read of one expert hides behind the computing of another and of what was in memory,
// hash-routed layers behind the layers in front of them, and what is read ahead behind the layer
// before.
#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/experts.h"
#include "experts/expert_cache.h"
#include "experts/expert_trace.h"
#include "experts/policies.h"

namespace starglass {
namespace {

// A token of Flash q2 multiplies with 1.8 GB of routed experts and about 6 GB of everything else.
constexpr double kExpertShare = 0.25;

struct Times {
    double other = 0;   // of a layer without its routed experts, per row
    double expert = 0;  // of one expert and row
};

class Replay {
public:
    Replay(const ExpertTrace& trace, const SimulationOptions& options,
           std::unique_ptr<ExpertPolicy> policy, const ExpertCache::Config& config)
        : trace_(trace),
          cache_(config, std::move(policy)),
          lookahead_(options.lookahead),
          rate_(options.read_bytes_s > 0 ? options.read_bytes_s : trace.read_bytes_s),
          compute_(options.compute_seconds > 0 ? options.compute_seconds : trace.compute_seconds),
          ready_(static_cast<std::size_t>(trace.layers) * static_cast<std::size_t>(trace.experts)),
          ahead_(ready_.size()),
          rows_(static_cast<std::size_t>(trace.experts)) {
        out_.policy = cache_.policy().name();
        out_.layers.resize(static_cast<std::size_t>(trace.layers));
        open_.resize(static_cast<std::size_t>(trace.layers));
        for (const std::uint64_t bytes : config.bytes) kept_layers_ += bytes > 0 ? 1 : 0;
        if (!trace.expected.empty()) cache_.policy().expect(trace.expected);
        for (const std::int32_t id : trace.preloaded)
            if (kept(id / trace.experts) && !cache_.preload(id)) break;
        if (options.start_full) fill();
    }

    void run(const ExpertTrace::Batch& batch) {
        const bool decode = batch.rows == 1;
        const double began = now_;
        times_ = decode ? times(compute_) : times(prefill_compute());
        batch_ = {};
        cache_.begin_batch(batch.rows);
        const bool ahead =
            ExpertCache::begins_ahead(cache_.config(), trace_.hash_layers, batch.rows);
        for (int layer = 0; ahead && layer < trace_.hash_layers; ++layer) {
            begin(batch, layer);
            while (take(layer)) {
            }
        }
        for (int layer = 0; layer < trace_.layers; ++layer) {
            if (!kept(layer)) continue;
            now_ += times_.other * batch.rows;
            Open& open = open_[index(layer)];
            if (!ahead || layer >= trace_.hash_layers) {
                begin(batch, layer);
                take(layer);
                take(layer);
            }
            look_ahead(batch, layer);
            while (!open.waves.empty()) {
                compute(layer);
                take(layer);
            }
        }
        out_.totals += batch_;
        if (!decode) return;
        out_.decode += batch_;
        ++out_.decoded_tokens;
        decode_seconds_ += now_ - began;
    }

    Simulation finish() {
        if (decode_seconds_ > 0 && rate_ > 0 && compute_ > 0)
            out_.predicted_tokens_s = out_.decoded_tokens / decode_seconds_;
        return std::move(out_);
    }

private:
    struct Open {
        std::vector<ExpertCache::Wave> waves;  // taken and not computed, first to last
        ExpertTotals use;
    };

    static std::size_t index(int layer) { return static_cast<std::size_t>(layer); }
    [[nodiscard]] bool kept(int layer) const { return cache_.config().bytes[index(layer)] > 0; }

    [[nodiscard]] Times times(double compute) const {
        const double layer = compute / std::max(kept_layers_, 1);
        return {layer * (1 - kExpertShare), layer * kExpertShare / std::max(trace_.used, 1)};
    }
    [[nodiscard]] double prefill_compute() const {
        return trace_.prefill_seconds > 0 ? trace_.prefill_seconds : compute_;
    }

    void fill() {
        for (int expert = 0; expert < trace_.experts; ++expert)
            for (int layer = 0; layer < trace_.layers; ++layer)
                cache_.preload(layer * trace_.experts + expert);
    }

    void note(int layer, const ExpertTotals& use) {
        batch_ += use;
        if (decode_) out_.layers[index(layer)] += use;
    }

    void read(ExpertId id, int layer, ExpertTotals& use) {
        const std::uint64_t bytes = cache_.config().bytes[index(layer)];
        ++use.experts_read;
        use.read_bytes += bytes;
        disk_ = std::max(disk_, now_) + (rate_ > 0 ? static_cast<double>(bytes) / rate_ : 0);
        ready_[static_cast<std::size_t>(id)] = disk_;
    }

    void gone(const std::vector<ExpertId>& removed) {
        for (const ExpertId id : removed)
            if (std::exchange(ahead_[static_cast<std::size_t>(id)], 0) != 0) {
                ExpertTotals use;
                use.ahead_wasted = 1;
                note(id / trace_.experts, use);
            }
    }

    void begin(const ExpertTrace::Batch& batch, int layer) {
        if (!kept(layer)) return;
        decode_ = batch.rows == 1;
        const std::size_t count =
            static_cast<std::size_t>(batch.rows) * static_cast<std::size_t>(trace_.used);
        const std::int16_t* chosen = batch.experts.data() + index(layer) * count;
        std::fill(rows_.begin(), rows_.end(), 0);
        for (std::size_t i = 0; i < count; ++i) ++rows_[static_cast<std::size_t>(chosen[i])];
        needed_.clear();
        users_.clear();
        for (std::int32_t expert = 0; expert < trace_.experts; ++expert)
            if (const std::int32_t rows = rows_[static_cast<std::size_t>(expert)]; rows > 0) {
                needed_.push_back(expert);
                users_.push_back(rows);
            }
        cache_.begin_layer(layer, needed_, users_);
    }

    bool take(int layer) {
        if (!kept(layer)) return false;
        ExpertCache::Wave wave;
        if (!cache_.next_wave(layer, wave)) return false;
        gone(wave.removed);
        ExpertTotals use;
        for (const ExpertCache::Entry& entry : wave.entries) {
            ++(entry.hit ? use.hits : use.misses);
            if (entry.ahead) ++use.ahead_used;
            ahead_[static_cast<std::size_t>(entry.id)] = 0;
            if (!entry.hit) read(entry.id, layer, use);
        }
        note(layer, use);
        open_[index(layer)].waves.push_back(std::move(wave));
        return true;
    }

    void compute(int layer) {
        Open& open = open_[index(layer)];
        const ExpertCache::Wave& wave = open.waves.front();
        ExpertTotals use;
        for (const ExpertCache::Entry& entry : wave.entries) {
            const double ready = std::max(ready_[static_cast<std::size_t>(entry.id)], now_);
            use.stall_seconds += ready - now_;
            now_ = ready + times_.expert * entry.rows;
        }
        note(layer, use);
        cache_.give_back(wave);
        open.waves.erase(open.waves.begin());
    }

    void look_ahead(const ExpertTrace::Batch& batch, int layer) {
        const int next = layer + 1;
        if (!lookahead_ || batch.predicted.empty() || next >= trace_.layers || !kept(next)) return;
        needed_.clear();
        for (int i = 0; i < trace_.used; ++i) {
            const std::int16_t expert =
                batch.predicted[index(next) * static_cast<std::size_t>(trace_.used) +
                                static_cast<std::size_t>(i)];
            if (expert >= 0) needed_.push_back(expert);
        }
        cache_.read_ahead(next, needed_, come_, removed_);
        gone(removed_);
        ExpertTotals use;
        for (const ExpertId id : come_) {
            read(id, next, use);
            ahead_[static_cast<std::size_t>(id)] = 1;
        }
        note(next, use);
    }

    const ExpertTrace& trace_;
    ExpertCache cache_;
    bool lookahead_;
    double rate_, compute_;
    int kept_layers_ = 0;
    double now_ = 0, disk_ = 0, decode_seconds_ = 0;
    std::vector<double> ready_;        // by expert: when its last read ended
    std::vector<std::uint8_t> ahead_;  // by expert: read ahead and not used yet
    Times times_;
    bool decode_ = false;
    ExpertTotals batch_;
    std::vector<Open> open_;
    std::vector<std::int32_t> rows_, needed_, users_;
    std::vector<ExpertId> come_, removed_;
    Simulation out_;
};

}  // namespace

Result<Simulation> simulate_experts(const ExpertTrace& trace, const SimulationOptions& options,
                                    const CancelToken& cancel) {
    TRY_STATUS(check_expert_trace(trace));
    const ExpertCache::Config config{trace.layers, trace.experts, trace.used, trace.expert_bytes,
                                     options.budget_bytes};
    if (const std::uint64_t least = ExpertCache::least_budget(config); config.budget < least)
        return fail(ErrorCode::invalid_input,
                    "a budget of {} bytes for experts is too small; this model needs {} at least",
                    config.budget, least);
    auto policy =
        options.policy == kOptimumPolicy
            ? make_optimum_policy(trace)
            : make_expert_policy(options.policy, {trace.layers, trace.experts, trace.used});
    if (policy == nullptr)
        return fail(ErrorCode::invalid_input, "there is no expert policy '{}'", options.policy);
    Replay replay(trace, options, std::move(policy), config);
    for (const ExpertTrace::Batch& batch : trace.batches) {
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "the simulation was stopped");
        replay.run(batch);
    }
    return replay.finish();
}

}  // namespace starglass

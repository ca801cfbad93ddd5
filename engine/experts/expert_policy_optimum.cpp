// SPDX-License-Identifier: MIT
#include <limits>
#include <set>
#include <utility>

#include "engine/experts.h"
#include "experts/policies.h"

namespace starglass {
namespace {

// Belady's rule. Each layer of each batch is a moment; an expert's uses are known moments, and the
// first of them that has not come yet is what it is ordered by.
class OptimumPolicy final : public ExpertPolicy {
public:
    explicit OptimumPolicy(const ExpertTrace& trace)
        : begin_(count(trace) + 1), at_(count(trace)), present_(count(trace)) {
        // Counted, then filled: the uses of all experts lie one after another.
        for (const bool fill : {false, true}) {
            std::vector<std::int64_t> last(count(trace), -1);
            if (fill) {
                for (std::size_t id = 1; id < begin_.size(); ++id) begin_[id] += begin_[id - 1];
                uses_.resize(begin_.back());
                for (std::size_t id = 0; id < at_.size(); ++id) at_[id] = begin_[id];
            }
            std::int64_t moment = 0;
            for (const ExpertTrace::Batch& batch : trace.batches) {
                const auto per_layer =
                    static_cast<std::size_t>(batch.rows) * static_cast<std::size_t>(trace.used);
                for (std::size_t i = 0; i < batch.experts.size(); ++i) {
                    const std::size_t layer = i / per_layer;
                    const std::size_t id = layer * static_cast<std::size_t>(trace.experts) +
                                           static_cast<std::size_t>(batch.experts[i]);
                    const std::int64_t now = moment + static_cast<std::int64_t>(layer);
                    if (std::exchange(last[id], now) == now) continue;
                    if (fill)
                        uses_[at_[id]++] = now;
                    else
                        ++begin_[id + 1];
                }
                moment += trace.layers;
            }
        }
        for (std::size_t id = 0; id < at_.size(); ++id) at_[id] = begin_[id];
    }

    [[nodiscard]] std::string_view name() const override { return kOptimumPolicy; }
    void begin_batch(int) override {}
    void used(ExpertId id, int) override {
        removed(id);
        const auto i = static_cast<std::size_t>(id);
        if (at_[i] < begin_[i + 1]) ++at_[i];
        loaded_ahead(id);
    }
    void loaded_ahead(ExpertId id) override {
        order_.emplace(next(id), id);
        present_[static_cast<std::size_t>(id)] = 1;
    }
    void removed(ExpertId id) override {
        if (std::exchange(present_[static_cast<std::size_t>(id)], 0) == 0) return;
        order_.erase({next(id), id});
    }
    [[nodiscard]] ExpertId victim(int, const std::function<bool(ExpertId)>& may_go) override {
        for (auto at = order_.rbegin(); at != order_.rend(); ++at)
            if (may_go(at->second)) return at->second;
        return kNoExpert;
    }

private:
    static std::size_t count(const ExpertTrace& trace) {
        return static_cast<std::size_t>(trace.layers) * static_cast<std::size_t>(trace.experts);
    }
    [[nodiscard]] std::int64_t next(ExpertId id) const {
        const auto i = static_cast<std::size_t>(id);
        return at_[i] < begin_[i + 1] ? uses_[at_[i]] : std::numeric_limits<std::int64_t>::max();
    }

    std::vector<std::size_t> begin_;  // of each expert's uses, and the end of the last
    std::vector<std::size_t> at_;     // of its next use
    std::vector<std::int64_t> uses_;
    std::vector<std::uint8_t> present_;
    std::set<std::pair<std::int64_t, ExpertId>> order_;  // what is in memory, soonest first
};

}  // namespace

std::unique_ptr<ExpertPolicy> make_optimum_policy(const ExpertTrace& trace) {
    return std::make_unique<OptimumPolicy>(trace);
}

}  // namespace starglass

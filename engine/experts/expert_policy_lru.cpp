// SPDX-License-Identifier: MIT
#include "experts/expert_list.h"
#include "experts/policies.h"

namespace starglass {
namespace {

class LruPolicy final : public ExpertPolicy {
public:
    explicit LruPolicy(const ExpertPolicyShape& shape)
        : order_(static_cast<std::size_t>(shape.layers) * static_cast<std::size_t>(shape.experts)) {
    }

    [[nodiscard]] std::string_view name() const override { return "lru"; }
    void begin_batch(int) override {}
    void used(ExpertId id, int) override { order_.move_back(id); }
    void loaded_ahead(ExpertId id) override { order_.move_back(id); }
    void removed(ExpertId id) override { order_.remove(id); }

    [[nodiscard]] ExpertId victim(int, const std::function<bool(ExpertId)>& may_go) override {
        for (ExpertId id = order_.first(); id != kNoExpert; id = order_.after(id))
            if (may_go(id)) return id;
        return kNoExpert;
    }

private:
    ExpertList order_;  // longest unused first
};

}  // namespace

std::unique_ptr<ExpertPolicy> make_lru_policy(const ExpertPolicyShape& shape) {
    return std::make_unique<LruPolicy>(shape);
}

}  // namespace starglass

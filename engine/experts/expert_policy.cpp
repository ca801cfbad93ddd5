// SPDX-License-Identifier: MIT
#include "experts/expert_policy.h"

#include <array>

#include "engine/experts.h"
#include "experts/policies.h"

namespace starglass {
namespace {

struct Named {
    std::string_view name;
    std::unique_ptr<ExpertPolicy> (*make)(const ExpertPolicyShape& shape);
};

// The first is the default.
constexpr std::array kPolicies = {
    Named{"hazard", &make_hazard_policy},
    Named{"decayed", &make_decayed_policy},
    Named{"lru", &make_lru_policy},
};

constexpr auto kNames = [] {
    std::array<std::string_view, kPolicies.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kPolicies[i].name;
    return names;
}();

}  // namespace

std::span<const std::string_view> expert_policies() {
    return kNames;
}

std::unique_ptr<ExpertPolicy> make_expert_policy(std::string_view name,
                                                 const ExpertPolicyShape& shape) {
    if (name.empty()) name = kNames.front();
    for (const Named& policy : kPolicies)
        if (policy.name == name) return policy.make(shape);
    return nullptr;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Which expert goes when room is needed. A policy sees what is used and what comes and goes, and
// names a victim; it never touches memory or disk, so the same code decides in the running engine
// and in the simulator. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace starglass {

// layer * experts + expert
using ExpertId = std::int32_t;
inline constexpr ExpertId kNoExpert = -1;

struct ExpertPolicyShape {
    int layers = 0, experts = 0, used = 0;
};

class ExpertPolicy {
public:
    virtual ~ExpertPolicy() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;

    // A batch of `rows` tokens begins; its layers follow in ascending order.
    virtual void begin_batch(int rows) = 0;
    // `rows` of the batch meet the expert, which is in memory from now on if it was not.
    virtual void used(ExpertId id, int rows) = 0;
    // In memory without having been used: preloaded, or read ahead.
    virtual void loaded_ahead(ExpertId id) = 0;
    virtual void removed(ExpertId id) = 0;
    // The one in memory that should go first, of those for which `may_go` holds; kNoExpert when
    // there is none. `layer` is the layer being run.
    [[nodiscard]] virtual ExpertId victim(int layer,
                                          const std::function<bool(ExpertId)>& may_go) = 0;
    // Expected use from earlier runs, [layers * experts], share of tokens that use each.
    virtual void expect(std::span<const float> shares) { static_cast<void>(shares); }
};

// Null when there is no policy of that name; an empty name is the default.
std::unique_ptr<ExpertPolicy> make_expert_policy(std::string_view name,
                                                 const ExpertPolicyShape& shape);

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Experts in an order, first to last, each at most once: a doubly linked list whose links lie in
// two arrays, so that putting in, taking out and moving cost a few stores and never allocate. One
// thread.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include "experts/expert_policy.h"

namespace starglass {

class ExpertList {
public:
    // For ids below `count`.
    explicit ExpertList(std::size_t count) : next_(count + 1, kAbsent), previous_(count + 1) {
        end_ = static_cast<ExpertId>(count);
        next_[count] = previous_[count] = end_;
    }

    [[nodiscard]] bool contains(ExpertId id) const { return next_[at(id)] != kAbsent; }
    // kNoExpert at the end.
    [[nodiscard]] ExpertId first() const { return named(next_[at(end_)]); }
    [[nodiscard]] ExpertId after(ExpertId id) const { return named(next_[at(id)]); }

    void push_back(ExpertId id) {
        assert(!contains(id));
        const ExpertId last = previous_[at(end_)];
        next_[at(last)] = id;
        previous_[at(id)] = last;
        next_[at(id)] = end_;
        previous_[at(end_)] = id;
    }
    void move_back(ExpertId id) {
        remove(id);
        push_back(id);
    }
    // Nothing happens when it is not there.
    void remove(ExpertId id) {
        if (!contains(id)) return;
        next_[at(previous_[at(id)])] = next_[at(id)];
        previous_[at(next_[at(id)])] = previous_[at(id)];
        next_[at(id)] = kAbsent;
    }

private:
    static constexpr ExpertId kAbsent = -2;
    static std::size_t at(ExpertId id) { return static_cast<std::size_t>(id); }
    [[nodiscard]] ExpertId named(ExpertId id) const { return id == end_ ? kNoExpert : id; }

    std::vector<ExpertId> next_, previous_;
    ExpertId end_ = 0;  // stands before the first and after the last
};

}  // namespace starglass

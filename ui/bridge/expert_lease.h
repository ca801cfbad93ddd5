// SPDX-License-Identifier: GPL-3.0-or-later
//
// A way to an engine's expert memory that ends when the engine's owner says so, not when the last
// reader is done: a model read from disk keeps to a memory ceiling, so it has to be gone before
// the next one is opened, and its memory is given back on the thread that owns it. Any thread.
#pragma once

#include <mutex>

#include "engine/experts.h"

namespace starglass::ui {

class ExpertLease {
public:
    // `memory` lives until end() has returned.
    explicit ExpertLease(const ExpertMemory& memory) : memory_(&memory) {}

    // Calls `look` with the memory, which stays while it runs; false when the lease has ended.
    // Short: a copy, no more, because end() waits for it.
    template <class Look>
    bool with(Look&& look) const {
        const std::lock_guard lock(mutex_);
        if (!memory_) return false;
        look(*memory_);
        return true;
    }

    // The owner's. Nobody looks any more once it returns.
    void end() {
        const std::lock_guard lock(mutex_);
        memory_ = nullptr;
    }

private:
    mutable std::mutex mutex_;
    const ExpertMemory* memory_;
};

}  // namespace starglass::ui

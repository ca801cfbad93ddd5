// SPDX-License-Identifier: MIT
//
// A flag that one thread raises and another one reads between steps of long work.
#pragma once

#include <atomic>

namespace starglass {

class CancelToken {
public:
    void cancel() { flag_.store(true, std::memory_order_relaxed); }
    void reset() { flag_.store(false, std::memory_order_relaxed); }
    [[nodiscard]] bool cancelled() const { return flag_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> flag_{false};
};

}  // namespace starglass

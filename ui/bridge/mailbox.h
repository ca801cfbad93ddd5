// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the worker leaves what happens many times a second, and the window picks it up at its own
// pace. Any thread; every call is short and never waits for anything but the lock.
#pragma once

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "bridge/types.h"

namespace starglass::ui {

class Mailbox {
public:
    struct Tokens {
        quint64 request = 0;
        TokenBatch events;
    };
    struct Content {
        std::vector<Tokens> tokens;
        RoutingBatch routing;
        ExpertsBatch experts;
        std::optional<PrefillProgress> prefill;  // the latest; earlier ones are out of date
        std::optional<LoadProgress> load;
    };

    // `change` alters the content. True when nobody has been told yet: the caller then notifies.
    template <class Change>
    bool put(Change&& change) {
        const std::lock_guard lock(mutex_);
        change(content_);
        return !std::exchange(notified_, true);
    }

    Content take() {
        const std::lock_guard lock(mutex_);
        notified_ = false;
        return std::exchange(content_, {});
    }

private:
    std::mutex mutex_;
    Content content_;
    bool notified_ = false;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: MIT
#include "session/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace starglass {

StopMatcher::StopMatcher(std::vector<std::string> texts) : texts_(std::move(texts)) {
    std::erase_if(texts_, [](const std::string& text) { return text.empty(); });
    for (const std::string& text : texts_) hold_ = std::max(hold_, text.size() - 1);
}

std::string StopMatcher::feed(std::string_view bytes) {
    if (matched_) return {};
    held_ += bytes;
    std::size_t first = std::string::npos;
    for (const std::string& text : texts_) first = std::min(first, held_.find(text));
    if (first != std::string::npos) {
        matched_ = true;
        held_.resize(first);
    }
    const std::size_t keep = matched_ ? 0 : std::min(hold_, held_.size());
    std::string free = held_.substr(0, held_.size() - keep);
    held_.erase(0, free.size());
    released_ += free.size();
    return free;
}

std::string StopMatcher::flush() {
    released_ += held_.size();
    return std::exchange(held_, {});
}

}  // namespace starglass

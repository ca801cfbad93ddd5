// SPDX-License-Identifier: MIT
//
// Finds stop texts in a growing reply. Bytes that may be the beginning of one are held back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace starglass {

class StopMatcher {
public:
    // Empty texts are ignored.
    explicit StopMatcher(std::vector<std::string> texts);

    // Returns what is certainly not part of a stop text. After a match nothing more comes.
    std::string feed(std::string_view bytes);
    std::string flush();
    [[nodiscard]] bool matched() const { return matched_; }
    // Bytes of the whole reply in front of the match, or so far.
    [[nodiscard]] std::size_t kept_bytes() const { return released_ + held_.size(); }

private:
    std::vector<std::string> texts_;
    std::size_t hold_ = 0;  // longest text minus one
    std::string held_;
    std::size_t released_ = 0;
    bool matched_ = false;
};

}  // namespace starglass

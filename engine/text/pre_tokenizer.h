// SPDX-License-Identifier: MIT
//
// The official pre-tokenisation (protocol section 1.3): three regular expressions, applied one
// after the other, cut a text into the pieces that BPE then works on alone.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace starglass {

// Immutable after creation, safe from any thread.
class PreTokenizer {
public:
    // Errors: internal when the regular expression library refuses the patterns (it was built
    // without Unicode support).
    static Result<PreTokenizer> create();

    // The pieces of `text`, in order; together they are `text` again, byte for byte. Any bytes
    // are accepted: one that is not UTF-8 counts as a letter of its own, a NUL as any other
    // control character.
    [[nodiscard]] std::vector<std::string_view> split(std::string_view text) const;

private:
    struct Patterns;
    std::shared_ptr<const Patterns> patterns_;
};

}  // namespace starglass

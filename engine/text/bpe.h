// SPDX-License-Identifier: MIT
//
// Byte-pair merging of one piece (protocol section 1.4): start from single bytes, always merge
// the adjacent pair of lowest rank, the leftmost on ties, until none merges.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace starglass {

// Holds the scratch between pieces of one encoding; not for sharing between threads. Time is
// n log n in the bytes of a piece: pieces have no upper bound.
class BytePairMerger {
public:
    explicit BytePairMerger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

    void append(std::string_view piece, std::vector<TokenId>& out);

private:
    static constexpr std::uint32_t kNone = 0xFFFFFFFF;

    // A linked list in an array. A merged-away symbol has id -1.
    struct Symbol {
        TokenId id = -1;
        std::uint32_t previous = kNone;
        std::uint32_t next = kNone;
    };
    // A pair that could merge when it was pushed; stale if the ids at `position` have changed.
    struct Candidate {
        std::uint32_t rank = 0;
        std::uint32_t position = 0;
        TokenId left = -1;
        TokenId right = -1;
        TokenId result = -1;
    };

    void push(std::uint32_t position);
    void append_bounded(std::string_view piece, std::vector<TokenId>& out);

    const Vocabulary& vocabulary_;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> heap_;
};

}  // namespace starglass

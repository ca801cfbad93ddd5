// SPDX-License-Identifier: MIT
//
// A checked vocabulary: the bytes of every token, the merge table and the control tokens.
// Immutable after creation, safe from any thread; owns everything it needs, so the file it came
// from may go away.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chat.h"

namespace starglass {

// What a model file says about its vocabulary (protocol section 1.1). The views are read during
// Vocabulary::create only.
struct VocabularySource {
    std::span<const std::string_view> tokens;  // index = id; byte-alphabet or literal spelling
    std::span<const std::string_view> merges;  // "left right", index = rank
    // Optional, one per token when given: its length is checked, its values are not used (the
    // control tokens go by their spelling).
    std::span<const std::int32_t> token_types;
};

class Vocabulary {
public:
    // Errors (invalid_input, one sentence each): no tokens, too many of them, a token twice, a
    // byte without a token, a merge that is not two known tokens making a third, a control token
    // missing (named with its role), token types of another length.
    static Result<Vocabulary> create(const VocabularySource& source);

    [[nodiscard]] std::size_t size() const { return text_ends_.size(); }

    // The raw bytes of a token, possibly part of a character; empty outside the vocabulary.
    // Control tokens give their literal spelling.
    [[nodiscard]] std::string_view token_text(TokenId id) const;

    // `kind` is not `text`.
    [[nodiscard]] TokenId control_id(PromptSpan::Kind kind) const;
    [[nodiscard]] TokenId byte_id(unsigned char byte) const { return byte_ids_[byte]; }

    struct Merge {
        std::uint32_t rank = 0;
        TokenId result = -1;  // -1: the pair does not merge
    };
    [[nodiscard]] Merge find_merge(TokenId left, TokenId right) const;

private:
    struct Slot {
        std::uint64_t pair = kEmptyPair;
        Merge merge;
    };
    // Ids are below 2^31, so no pair has all bits set.
    static constexpr std::uint64_t kEmptyPair = ~std::uint64_t{0};

    [[nodiscard]] std::size_t first_slot(std::uint64_t pair) const;
    void reserve_merges(std::size_t count);
    void add_merge(TokenId left, TokenId right, Merge merge);

    std::string texts_;  // all token bytes, one after the other
    std::vector<std::size_t> text_ends_;
    std::array<TokenId, 256> byte_ids_{};
    std::array<TokenId, 7> control_ids_{};
    std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace starglass

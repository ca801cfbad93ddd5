// SPDX-License-Identifier: MIT
//
// Whether a prompt begins with what a timeline holds. The same text can be cut into tokens in
// several ways (what the model wrote is rarely cut as the tokenizer would), so bytes decide, and
// control tokens, which no text can spell: those must be the same tokens at the same place.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace starglass {

class PromptMatch {
public:
    PromptMatch(const Tokenizer& tokenizer, std::span<const TokenId> prompt);

    // Where in the prompt the timeline ends: `offset` bytes into token `token` (0: at its start;
    // token = prompt.size(): at the prompt's end).
    struct Place {
        std::size_t token = 0;
        std::size_t offset = 0;
        auto operator<=>(const Place&) const = default;
    };
    // Empty when the prompt does not begin with `timeline`.
    [[nodiscard]] std::optional<Place> end_of(std::span<const TokenId> timeline) const;
    // The tokens still to be evaluated behind `place`. A token cut in two is tokenised anew
    // together with the text behind it; empty when its bytes would not come out the same.
    [[nodiscard]] std::optional<std::vector<TokenId>> rest(Place place) const;

    [[nodiscard]] std::span<const TokenId> prompt() const { return prompt_; }
    // All bytes of the prompt.
    [[nodiscard]] std::string text() const { return tokenizer_.decode(prompt_); }
    [[nodiscard]] bool is_control(TokenId id) const;

private:
    [[nodiscard]] std::string_view bytes(TokenId id) const {
        return tokenizer_.vocabulary().token_text(id);
    }

    const Tokenizer& tokenizer_;
    std::span<const TokenId> prompt_;
    std::vector<TokenId> controls_;
};

}  // namespace starglass

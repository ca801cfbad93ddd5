// SPDX-License-Identifier: MIT
//
// Text to token ids and back, for one vocabulary. Immutable after creation, cheap to copy, safe
// from any thread. No text is refused: every byte string encodes, and decoding gives it back.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chat.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

namespace starglass {

class Tokenizer {
public:
    // Errors: those of Vocabulary::create and PreTokenizer::create.
    static Result<Tokenizer> create(const VocabularySource& source);

    // All of `text` is text: no control token comes out, whatever it spells.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

    // The seven control spellings become their tokens. Only for prompts somebody rendered on
    // purpose; never for text that came from elsewhere.
    [[nodiscard]] std::vector<TokenId> encode_rendered(std::string_view text) const;

    // Control spans by id, text spans as text. Neighbouring text spans are one text, so the ids
    // do not depend on how the renderer cut it.
    [[nodiscard]] std::vector<TokenId> encode(const RenderedPrompt& prompt) const;

    // Bytes of the tokens, one after the other; ids outside the vocabulary add nothing.
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;

    [[nodiscard]] const Vocabulary& vocabulary() const { return *vocabulary_; }

private:
    std::shared_ptr<const Vocabulary> vocabulary_;
    PreTokenizer pre_tokenizer_;
};

}  // namespace starglass

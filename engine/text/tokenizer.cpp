// SPDX-License-Identifier: MIT
#include "text/tokenizer.h"

#include <utility>

#include "text/bpe.h"
#include "text/control_tokens.h"

namespace starglass {
namespace {

void append_text(const PreTokenizer& pre_tokenizer, BytePairMerger& merger, std::string_view text,
                 std::vector<TokenId>& out) {
    for (const std::string_view piece : pre_tokenizer.split(text)) merger.append(piece, out);
}

}  // namespace

Result<Tokenizer> Tokenizer::create(const VocabularySource& source) {
    TRY(auto vocabulary, Vocabulary::create(source));
    TRY(auto pre_tokenizer, PreTokenizer::create());
    Tokenizer tokenizer;
    tokenizer.vocabulary_ = std::make_shared<const Vocabulary>(std::move(vocabulary));
    tokenizer.pre_tokenizer_ = std::move(pre_tokenizer);
    return tokenizer;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
    std::vector<TokenId> ids;
    BytePairMerger merger(*vocabulary_);
    append_text(pre_tokenizer_, merger, text, ids);
    return ids;
}

std::vector<TokenId> Tokenizer::encode_rendered(std::string_view text) const {
    std::vector<TokenId> ids;
    BytePairMerger merger(*vocabulary_);
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        // Control spellings begin with '<' or with the first byte of U+FF5C.
        const ControlToken* control = nullptr;
        if (text[at] == '<' || text[at] == '\xEF') control = control_token_at(text.substr(at));
        if (control == nullptr) {
            ++at;
            continue;
        }
        append_text(pre_tokenizer_, merger, text.substr(begin, at - begin), ids);
        ids.push_back(vocabulary_->control_id(control->kind));
        at += control->text.size();
        begin = at;
    }
    append_text(pre_tokenizer_, merger, text.substr(begin), ids);
    return ids;
}

std::vector<TokenId> Tokenizer::encode(const RenderedPrompt& prompt) const {
    std::vector<TokenId> ids;
    BytePairMerger merger(*vocabulary_);
    std::string text;
    for (const PromptSpan& span : prompt.spans) {
        if (span.kind == PromptSpan::Kind::text) {
            text += span.text;
            continue;
        }
        append_text(pre_tokenizer_, merger, text, ids);
        text.clear();
        ids.push_back(vocabulary_->control_id(span.kind));
    }
    append_text(pre_tokenizer_, merger, text, ids);
    return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
    std::string text;
    for (const TokenId id : ids) text += vocabulary_->token_text(id);
    return text;
}

}  // namespace starglass

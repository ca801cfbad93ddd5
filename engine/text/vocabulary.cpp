// SPDX-License-Identifier: MIT
#include "text/vocabulary.h"

#include <bit>
#include <limits>
#include <unordered_map>

#include "text/byte_alphabet.h"
#include "text/control_tokens.h"
#include "text/utf8.h"

namespace starglass {
namespace {

// Error sentences quote bytes from the file; they are shortened and made displayable.
[[nodiscard]] std::string quoted(std::string_view text) {
    constexpr std::size_t kShownBytes = 60;
    const bool cut = text.size() > kShownBytes;
    std::string shown = to_valid_utf8(text.substr(0, kShownBytes));
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    return fmt::format("'{}{}'", shown, cut ? "…" : "");
}

using TokenIndex = std::unordered_map<std::string_view, TokenId>;

[[nodiscard]] TokenId id_of(const TokenIndex& index, std::string_view text) {
    const auto found = index.find(text);
    return found == index.end() ? -1 : found->second;
}

}  // namespace

Result<Vocabulary> Vocabulary::create(const VocabularySource& source) {
    if (source.tokens.empty())
        return fail(ErrorCode::invalid_input,
                    "the vocabulary is empty: tokenizer.ggml.tokens has no entry");
    // Bounded so that ids fit TokenId and pairs of them fit one key.
    if (source.tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max()))
        return fail(ErrorCode::invalid_input,
                    "the vocabulary has {} tokens, more than an id can number",
                    source.tokens.size());
    if (!source.token_types.empty() && source.token_types.size() != source.tokens.size())
        return fail(ErrorCode::invalid_input,
                    "tokenizer.ggml.token_type has {} entries for {} tokens",
                    source.token_types.size(), source.tokens.size());

    Vocabulary vocabulary;
    TokenIndex index;
    index.reserve(source.tokens.size());
    vocabulary.text_ends_.reserve(source.tokens.size());
    for (std::size_t i = 0; i < source.tokens.size(); ++i) {
        const std::string_view token = source.tokens[i];
        const auto [known, added] = index.emplace(token, static_cast<TokenId>(i));
        if (!added)
            return fail(ErrorCode::invalid_input, "token {} of the vocabulary repeats token {}: {}",
                        i, known->second, quoted(token));
        vocabulary.texts_ += token_bytes(token);
        vocabulary.text_ends_.push_back(vocabulary.texts_.size());
    }

    for (unsigned byte = 0; byte < 256; ++byte) {
        const TokenId id = id_of(index, byte_spelling(static_cast<unsigned char>(byte)));
        if (id < 0)
            return fail(
                ErrorCode::invalid_input,
                "the vocabulary has no token for byte 0x{:02X}, so not every text can be encoded",
                byte);
        vocabulary.byte_ids_[byte] = id;
    }
    for (const ControlToken& control : kControlTokens) {
        const TokenId id = id_of(index, control.text);
        if (id < 0)
            return fail(
                ErrorCode::invalid_input,
                "the vocabulary lacks the control token '{}' ({}), so this model cannot chat",
                control.text, control.role);
        vocabulary.control_ids_[control_index(control.kind)] = id;
    }

    if (source.merges.size() > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorCode::invalid_input,
                    "the vocabulary has {} merges, more than a rank can number",
                    source.merges.size());
    vocabulary.reserve_merges(source.merges.size());
    std::string joined;
    for (std::size_t rank = 0; rank < source.merges.size(); ++rank) {
        const std::string_view merge = source.merges[rank];
        // The byte alphabet has no blank, so the first one separates and there is no second.
        const std::size_t blank = merge.find(' ');
        if (blank == std::string_view::npos || blank == 0 || blank + 1 == merge.size() ||
            merge.find(' ', blank + 1) != std::string_view::npos)
            return fail(ErrorCode::invalid_input,
                        "merge {} is not two tokens with one blank between: {}", rank,
                        quoted(merge));
        const std::string_view left = merge.substr(0, blank);
        const std::string_view right = merge.substr(blank + 1);
        joined.assign(left).append(right);
        for (const std::string_view part : {left, right, std::string_view(joined)})
            if (id_of(index, part) < 0)
                return fail(ErrorCode::invalid_input,
                            "merge {} ({}) needs the token {}, which is not in the vocabulary",
                            rank, quoted(merge), quoted(part));
        vocabulary.add_merge(id_of(index, left), id_of(index, right),
                             {static_cast<std::uint32_t>(rank), id_of(index, joined)});
    }
    return vocabulary;
}

std::string_view Vocabulary::token_text(TokenId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= size()) return {};
    const auto i = static_cast<std::size_t>(id);
    const std::size_t begin = i == 0 ? 0 : text_ends_[i - 1];
    return std::string_view(texts_).substr(begin, text_ends_[i] - begin);
}

TokenId Vocabulary::control_id(PromptSpan::Kind kind) const {
    return control_ids_[control_index(kind)];
}

namespace {

[[nodiscard]] std::uint64_t pair_key(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32U |
           static_cast<std::uint32_t>(right);
}

}  // namespace

std::size_t Vocabulary::first_slot(std::uint64_t pair) const {
    // Fibonacci hashing: the multiplier is 2^64 / golden ratio; the high half is well mixed.
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> 32U) & (slots_.size() - 1);
}

Vocabulary::Merge Vocabulary::find_merge(TokenId left, TokenId right) const {
    const std::uint64_t pair = pair_key(left, right);
    for (std::size_t i = first_slot(pair);; i = (i + 1) & (slots_.size() - 1)) {
        if (slots_[i].pair == pair) return slots_[i].merge;
        if (slots_[i].pair == kEmptyPair) return {};
    }
}

void Vocabulary::reserve_merges(std::size_t count) {
    slots_.resize(std::bit_ceil(2 * count + 1));
}

void Vocabulary::add_merge(TokenId left, TokenId right, Merge merge) {
    const std::uint64_t pair = pair_key(left, right);
    std::size_t i = first_slot(pair);
    while (slots_[i].pair != kEmptyPair) {
        if (slots_[i].pair == pair) return;  // named twice: the earlier rank stands
        i = (i + 1) & (slots_.size() - 1);
    }
    slots_[i] = {pair, merge};
}

}  // namespace starglass

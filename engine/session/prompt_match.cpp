// SPDX-License-Identifier: MIT
#include "session/prompt_match.h"

#include <algorithm>
#include <string>

namespace starglass {

PromptMatch::PromptMatch(const Tokenizer& tokenizer, std::span<const TokenId> prompt)
    : tokenizer_(tokenizer), prompt_(prompt) {
    using Kind = PromptSpan::Kind;
    for (const Kind kind : {Kind::bos, Kind::eos, Kind::user, Kind::assistant, Kind::think_open,
                            Kind::think_close, Kind::dsml})
        controls_.push_back(tokenizer.vocabulary().control_id(kind));
}

bool PromptMatch::is_control(TokenId id) const {
    return std::find(controls_.begin(), controls_.end(), id) != controls_.end();
}

std::optional<PromptMatch::Place> PromptMatch::end_of(std::span<const TokenId> timeline) const {
    const auto [a, b] =
        std::mismatch(timeline.begin(), timeline.end(), prompt_.begin(), prompt_.end());
    auto own = static_cast<std::size_t>(a - timeline.begin());
    Place place{static_cast<std::size_t>(b - prompt_.begin()), 0};
    // From the first different token on, bytes: `left` are those of the timeline's present token.
    for (; own < timeline.size(); ++own) {
        if (is_control(timeline[own])) {
            if (place.offset != 0 || place.token >= prompt_.size() ||
                prompt_[place.token] != timeline[own])
                return std::nullopt;
            ++place.token;
            continue;
        }
        std::string_view left = bytes(timeline[own]);
        while (!left.empty()) {
            if (place.token >= prompt_.size() || is_control(prompt_[place.token]))
                return std::nullopt;
            const std::string_view theirs = bytes(prompt_[place.token]).substr(place.offset);
            const std::size_t shared = std::min(left.size(), theirs.size());
            if (left.substr(0, shared) != theirs.substr(0, shared)) return std::nullopt;
            left.remove_prefix(shared);
            place.offset += shared;
            if (shared == theirs.size()) place = {place.token + 1, 0};
        }
    }
    return place;
}

std::optional<std::vector<TokenId>> PromptMatch::rest(Place place) const {
    if (place.offset == 0) {
        const auto behind = prompt_.subspan(place.token);
        return std::vector<TokenId>(behind.begin(), behind.end());
    }
    std::string text(bytes(prompt_[place.token]).substr(place.offset));
    std::size_t next = place.token + 1;
    for (; next < prompt_.size() && !is_control(prompt_[next]); ++next)
        text += bytes(prompt_[next]);
    std::vector<TokenId> out = tokenizer_.encode(text);
    if (tokenizer_.decode(out) != text) return std::nullopt;
    out.insert(out.end(), prompt_.begin() + static_cast<std::ptrdiff_t>(next), prompt_.end());
    return out;
}

}  // namespace starglass

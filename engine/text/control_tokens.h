// SPDX-License-Identifier: MIT
//
// The seven control tokens a prompt is built from (protocol section 1.1). They are found in a
// vocabulary by their literal spelling; ids differ between vocabularies.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/chat.h"

namespace starglass {

struct ControlToken {
    PromptSpan::Kind kind;
    std::string_view text;
    std::string_view role;  // for error sentences
};

inline constexpr std::string_view kBosText = "<｜begin▁of▁sentence｜>";
inline constexpr std::string_view kEosText = "<｜end▁of▁sentence｜>";
inline constexpr std::string_view kUserText = "<｜User｜>";
inline constexpr std::string_view kAssistantText = "<｜Assistant｜>";
inline constexpr std::string_view kThinkOpenText = "<think>";
inline constexpr std::string_view kThinkCloseText = "</think>";
inline constexpr std::string_view kDsmlText = "｜DSML｜";

// In the order of PromptSpan::Kind, without `text`.
inline constexpr std::array<ControlToken, 7> kControlTokens{{
    {PromptSpan::Kind::bos, kBosText, "beginning of text"},
    {PromptSpan::Kind::eos, kEosText, "end of turn"},
    {PromptSpan::Kind::user, kUserText, "user marker"},
    {PromptSpan::Kind::assistant, kAssistantText, "assistant marker"},
    {PromptSpan::Kind::think_open, kThinkOpenText, "start of thinking"},
    {PromptSpan::Kind::think_close, kThinkCloseText, "end of thinking"},
    {PromptSpan::Kind::dsml, kDsmlText, "tool syntax marker"},
}};

// Position in kControlTokens. `kind` is not `text`.
[[nodiscard]] constexpr std::size_t control_index(PromptSpan::Kind kind) {
    return static_cast<std::size_t>(kind) - 1;
}

// The control token that starts at the beginning of `text`, or nullptr. The seven spellings are
// prefix-free, so at most one fits.
[[nodiscard]] const ControlToken* control_token_at(std::string_view text);

}  // namespace starglass

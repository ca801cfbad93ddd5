// SPDX-License-Identifier: MIT
#include "text/control_tokens.h"

namespace starglass {

const ControlToken* control_token_at(std::string_view text) {
    for (const ControlToken& token : kControlTokens)
        if (text.starts_with(token.text)) return &token;
    return nullptr;
}

}  // namespace starglass

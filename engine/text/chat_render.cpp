// SPDX-License-Identifier: MIT
#include "engine/chat.h"

namespace starglass {

std::string RenderedPrompt::text() const {
    std::string out;
    for (const PromptSpan& span : spans) out += span.text;
    return out;
}

}  // namespace starglass

// SPDX-License-Identifier: GPL-3.0-or-later
//
// One generated token as the inspector keeps it: a TokenEvent with the text it stands for.
#pragma once

#include <QByteArray>
#include <vector>

#include "bridge/types.h"

namespace starglass::ui {

struct TokenSample {
    std::int64_t position = 0;
    TokenId id = 0;
    QByteArray text;  // bytes, possibly part of a character; empty when not known
    float probability = 0;
    float entropyBits = 0;
    double seconds = 0;  // since the previous token, or since the end of prefill
    StreamPart part = StreamPart::answer;
    std::vector<TokenAlternative> alternatives;  // most probable first

    // The text is taken from the alternative with the same id, else from what became visible.
    static TokenSample of(const TokenEvent& event);
};

}  // namespace starglass::ui

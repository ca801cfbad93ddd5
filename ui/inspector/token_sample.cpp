// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/token_sample.h"

namespace starglass::ui {

TokenSample TokenSample::of(const TokenEvent& event) {
    TokenSample out;
    out.position = event.position;
    out.id = event.id;
    out.probability = event.probability;
    out.entropyBits = event.entropy_bits;
    out.seconds = event.seconds;
    out.part = event.part;
    out.alternatives = event.alternatives;
    for (const TokenAlternative& other : event.alternatives)
        if (other.id == event.id) out.text = QByteArray::fromStdString(other.text);
    // What became visible may belong to earlier tokens too (held back characters, tags), but it
    // ends with this one and is better than a bare number.
    if (out.text.isEmpty())
        for (const StreamDelta& delta : event.deltas)
            out.text += QByteArray::fromStdString(delta.text);
    return out;
}

}  // namespace starglass::ui

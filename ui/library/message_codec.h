// SPDX-License-Identifier: GPL-3.0-or-later
//
// A message as JSON and back: what the database keeps per node, and what an exported session holds.
// Everything the transcript shows comes back; the sampled tokens' alternatives do not.
#pragma once

#include <QJsonObject>

#include "bridge/chat.h"

namespace starglass::ui {

QJsonObject encodeMessage(const ChatMessage& message);
// Ids, parent and siblings are not part of it. Checks every type and size: `json` may come from
// anybody. Errors: invalid_input with a sentence naming the member.
Result<ChatMessage> decodeMessage(const QJsonObject& json);

// What search looks through: what was typed, answered, thought, and what tools said.
QString searchText(const ChatMessage& message);

}  // namespace starglass::ui

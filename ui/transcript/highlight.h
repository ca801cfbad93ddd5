// SPDX-License-Identifier: GPL-3.0-or-later
//
// A modest highlighter for finished code blocks: comments, strings, numbers and keywords of a few
// language families. It never needs to understand the code, only not to mislead. UI thread.
#pragma once

#include <QString>
#include <QTextDocument>

#include "theme/theme.h"

namespace starglass::ui {

void highlightCode(QTextDocument& document, const QString& language, const Theme& theme);

}  // namespace starglass::ui

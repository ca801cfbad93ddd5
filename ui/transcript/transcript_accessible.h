// SPDX-License-Identifier: GPL-3.0-or-later
//
// The transcript for assistive technology: a list with one row per message, whose name is who
// speaks and whose value is what was said. UI thread.
#pragma once

namespace starglass::ui {

class TranscriptView;

// Registers the factory once for the process.
void installTranscriptAccessibility();
// Rows are made on demand; after messages are removed their indices mean something else.
void forgetTranscriptRows(TranscriptView* view);
void focusTranscriptRow(TranscriptView* view, int row);

}  // namespace starglass::ui

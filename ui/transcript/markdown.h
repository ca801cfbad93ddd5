// SPDX-License-Identifier: GPL-3.0-or-later
//
// Markdown for the transcript: cutting growing text into chunks that can be laid out once, and
// writing one chunk into a QTextDocument. HTML is text here: `<tag>` is shown, never eaten.
// Links are shown, never followed. UI thread.
#pragma once

#include <QByteArray>
#include <QByteArrayView>
#include <QFont>
#include <QString>
#include <QTextDocument>
#include <QTextFormat>
#include <vector>

#include "theme/theme.h"

namespace starglass::ui {

// Bytes [begin, end) of the source. Each chunk alone means the same as it does in the whole text
// (except for link references defined elsewhere, which are then shown as written).
struct Chunk {
    int begin = 0;
    int end = 0;
    bool code = false;    // one fenced block at top level
    bool closed = false;  // nothing appended to the text can change it
};

// Cuts text from byte `from`, which must be the beginning of a chunk. With `final` the last chunk
// is closed too.
std::vector<Chunk> splitMarkdown(QByteArrayView text, int from, bool final);

// `length` bytes of source at `byte` became the document's characters from `position` on.
struct SourceRun {
    int position = 0;
    int byte = 0;
    int length = 0;
};

struct ProseStyle {
    QFont prose;
    QFont code;
    Theme theme;
    bool quiet = false;  // thinking
};

// Block properties that QTextDocument does not draw itself: the view does.
enum BlockProperty {
    kMarker = QTextFormat::UserProperty + 1,  // QString, drawn left of the first line
    kQuoteDepth,                              // int, vertical rules
    kRule,                                    // bool, a horizontal line
};

// Both replace the document's content. Runs are in bytes of `text`, ascending by position.
void writeMarkdown(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
                   const ProseStyle& style, std::vector<SourceRun>& runs);
void writeCode(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
               const ProseStyle& style, std::vector<SourceRun>& runs, QString& language);
// Text exactly as typed.
void writePlain(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
                const ProseStyle& style, std::vector<SourceRun>& runs);

// The byte shown at a document position and back; -1 when there is none.
int byteAt(const std::vector<SourceRun>& runs, QByteArrayView text, int position);
int positionAt(const std::vector<SourceRun>& runs, QByteArrayView text, int byte);

}  // namespace starglass::ui

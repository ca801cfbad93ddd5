// SPDX-License-Identifier: GPL-3.0-or-later
//
// One laid-out piece of a message: a Markdown chunk, a code block, typed text or a notice. Keeps
// its document between paints; only what changed is laid out again. UI thread.
#pragma once

#include <QPainter>
#include <QTextDocument>

#include "transcript/markdown.h"

namespace starglass::ui {

class Block {
public:
    enum class Kind { markdown, code, plain, notice };

    Block(Kind kind, const Chunk& chunk);

    // Writes the document from the source. Not for notices.
    void write(QByteArrayView text, const ProseStyle& style);
    // Rich text of our own making: a tool's call, an error.
    void writeNotice(const QList<std::pair<QString, QTextCharFormat>>& paragraphs);
    // Lays out if the width is new. Heights include the frame of a code block.
    void setWidth(double width);

    struct Selection {
        int begin = 0;
        int end = 0;  // begin == end: nothing
    };
    // `origin` is the block's top left corner; `token` is underlined.
    void paint(QPainter& painter, QPointF origin, const QRectF& clip, const ProseStyle& style,
               Selection selection, Selection token, bool caret) const;

    // Document position nearest to `local`, in the block's own coordinates.
    [[nodiscard]] int hit(QPointF local) const;
    [[nodiscard]] QString anchorAt(QPointF local) const;
    [[nodiscard]] int length() const;
    // As plain text, with list markers; table cells are separated by tabs.
    [[nodiscard]] QString text(Selection range) const;
    [[nodiscard]] Selection wordAt(int position) const;
    // Where the copy button of a code block is, in the block's own coordinates.
    [[nodiscard]] QRectF copyRect() const;

    Chunk chunk;
    double y = 0;  // within its part
    double height = 0;

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::vector<SourceRun>& runs() const { return runs_; }
    [[nodiscard]] const QTextDocument& document() const { return document_; }

private:
    [[nodiscard]] QPointF inset() const;
    void paintMarks(QPainter& painter, const ProseStyle& style) const;
    void paintCaret(QPainter& painter, const ProseStyle& style) const;

    Kind kind_;
    QTextDocument document_;
    std::vector<SourceRun> runs_;
    QString language_;
    QFont small_;
    double padding_ = 0;  // code only
    double head_ = 0;     // height of a code block's title line
    double width_ = -1;
};

}  // namespace starglass::ui

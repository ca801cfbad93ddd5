// SPDX-License-Identifier: GPL-3.0-or-later
#include "transcript/block.h"

#include <QAbstractTextDocumentLayout>
#include <QCoreApplication>
#include <QPalette>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextTable>
#include <algorithm>
#include <cmath>

#include "transcript/highlight.h"

namespace starglass::ui {
namespace {

QString copyLabel() {
    return QCoreApplication::translate("Transcript", "Copy");
}

}  // namespace

Block::Block(Kind kind, const Chunk& of) : chunk(of), kind_(kind) {
    document_.setUndoRedoEnabled(false);
    document_.setDocumentMargin(0);
}

void Block::write(QByteArrayView text, const ProseStyle& style) {
    width_ = -1;
    small_ = style.prose;
    if (small_.pointSizeF() > 0) small_.setPointSizeF(small_.pointSizeF() * 0.82);
    switch (kind_) {
        case Kind::markdown:
            writeMarkdown(document_, text, chunk, style, runs_);
            break;
        case Kind::plain:
            writePlain(document_, text, chunk, style, runs_);
            break;
        case Kind::code: {
            writeCode(document_, text, chunk, style, runs_, language_);
            const QFontMetricsF metrics(small_);
            padding_ = std::round(metrics.height() * 0.75);
            head_ = std::round(metrics.height() * 1.2);
            // An open block changes with every token; colours can wait until it stands still.
            if (chunk.closed) highlightCode(document_, language_, style.theme);
            break;
        }
        case Kind::notice:
            break;
    }
}

void Block::writeNotice(const QList<std::pair<QString, QTextCharFormat>>& paragraphs) {
    width_ = -1;
    document_.clear();
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document_.setDefaultTextOption(option);
    QTextCursor cursor(&document_);
    bool first = true;
    for (const auto& [text, format] : paragraphs) {
        QTextBlockFormat block;
        block.setLineHeight(125, QTextBlockFormat::ProportionalHeight);
        if (!first) block.setTopMargin(3);
        if (first) {
            cursor.setBlockFormat(block);
            cursor.setBlockCharFormat(format);
        } else {
            cursor.insertBlock(block, format);
        }
        cursor.insertText(text, format);
        first = false;
    }
}

QPointF Block::inset() const {
    return kind_ == Kind::code ? QPointF(padding_, head_ + padding_ * 0.55) : QPointF();
}

void Block::setWidth(double width) {
    if (width == width_) return;
    width_ = width;
    document_.setTextWidth(std::max(40.0, width - 2 * inset().x()));
    height = std::ceil(document_.size().height());
    if (kind_ == Kind::code) height += inset().y() + padding_ * 0.8;
}

QRectF Block::copyRect() const {
    if (kind_ != Kind::code) return {};
    const QFontMetricsF metrics(small_);
    const double width = metrics.horizontalAdvance(copyLabel()) + padding_;
    return {width_ - width - padding_ * 0.5, 3, width, head_};
}

void Block::paint(QPainter& painter, QPointF origin, const QRectF& clip, const ProseStyle& style,
                  Selection selection, Selection token, bool caret) const {
    const Theme& theme = style.theme;
    painter.save();
    painter.translate(origin);
    if (kind_ == Kind::code) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(theme.border);
        painter.setBrush(theme.code);
        painter.drawRoundedRect(QRectF(0.5, 0.5, width_ - 1, height - 1), 6, 6);
        painter.setFont(small_);
        painter.setPen(theme.quiet);
        const QRectF head(padding_, 3, width_ - 2 * padding_, head_);
        painter.drawText(head, Qt::AlignLeft | Qt::AlignVCenter, language_);
        painter.drawText(copyRect(), Qt::AlignCenter, copyLabel());
    }
    painter.translate(inset());
    QAbstractTextDocumentLayout::PaintContext context;
    context.palette.setColor(QPalette::Text, style.quiet ? theme.quiet : theme.text);
    context.clip = clip.translated(-origin - inset());
    const auto add = [&](Selection range, const QTextCharFormat& format) {
        if (range.begin >= range.end) return;
        QTextCursor cursor(const_cast<QTextDocument*>(&document_));
        const int last = length();
        cursor.setPosition(std::clamp(range.begin, 0, last));
        cursor.setPosition(std::clamp(range.end, 0, last), QTextCursor::KeepAnchor);
        context.selections.push_back({cursor, format});
    };
    QTextCharFormat marked;
    marked.setBackground(theme.tint);
    marked.setFontUnderline(true);
    marked.setUnderlineColor(theme.accent);
    add(token, marked);
    QTextCharFormat selected;
    selected.setBackground(theme.selection);
    selected.setForeground(theme.text);
    add(selection, selected);
    document_.documentLayout()->draw(&painter, context);
    if (kind_ == Kind::markdown) paintMarks(painter, style);
    if (caret) paintCaret(painter, style);
    painter.restore();
}

void Block::paintMarks(QPainter& painter, const ProseStyle& style) const {
    const double em = QFontMetricsF(style.prose).height();
    for (QTextBlock block = document_.begin(); block.isValid(); block = block.next()) {
        const QTextBlockFormat format = block.blockFormat();
        const QTextLayout* layout = block.layout();
        if (!layout || layout->lineCount() == 0) continue;
        const QRectF box = document_.documentLayout()->blockBoundingRect(block);
        const QTextLine line = layout->lineAt(0);
        if (const QString marker = format.stringProperty(kMarker); !marker.isEmpty()) {
            painter.setFont(style.prose);
            painter.setPen(style.quiet ? style.theme.quiet : style.theme.text);
            const double left = layout->position().x() + line.x();
            const double baseline = layout->position().y() + line.y() + line.ascent();
            const double width = QFontMetricsF(style.prose).horizontalAdvance(marker);
            painter.drawText(QPointF(left - width - em * 0.38, baseline), marker);
        }
        if (const int depth = format.intProperty(kQuoteDepth); depth > 0) {
            for (int i = 0; i < depth; ++i)
                painter.fillRect(
                    QRectF(i * em * 0.9, box.top() - format.topMargin() * (i > 0 ? 0 : 0), 3,
                           box.height()),
                    style.theme.border);
        }
        if (format.boolProperty(kRule))
            painter.fillRect(QRectF(0, std::floor(box.center().y()), width_, 1),
                             style.theme.border);
    }
}

void Block::paintCaret(QPainter& painter, const ProseStyle& style) const {
    const QTextBlock block = document_.lastBlock();
    const QTextLayout* layout = block.layout();
    if (!layout || layout->lineCount() == 0) return;
    const QTextLine line = layout->lineAt(layout->lineCount() - 1);
    const QFontMetricsF metrics(kind_ == Kind::code ? style.code : style.prose);
    const double x = layout->position().x() + line.cursorToX(block.length() - 1) + 1;
    const double baseline = layout->position().y() + line.y() + line.ascent();
    painter.fillRect(QRectF(x, std::round(baseline - metrics.ascent() * 0.92),
                            std::max(5.0, std::round(metrics.height() * 0.4)),
                            std::round(metrics.height() * 0.92)),
                     style.theme.accent);
}

int Block::length() const {
    return std::max(0, document_.characterCount() - 1);
}

int Block::hit(QPointF local) const {
    const int found = document_.documentLayout()->hitTest(local - inset(), Qt::FuzzyHit);
    return std::clamp(found, 0, length());
}

QString Block::anchorAt(QPointF local) const {
    return document_.documentLayout()->anchorAt(local - inset());
}

QString Block::text(Selection range) const {
    QString out;
    const int begin = std::clamp(range.begin, 0, length());
    const int end = std::clamp(range.end, 0, length());
    bool first = true;
    int lastRow = -1;
    for (QTextBlock block = document_.findBlock(begin); block.isValid() && block.position() <= end;
         block = block.next()) {
        if (block.position() == end && end != begin && block.position() != begin) break;
        const int from = std::max(begin, block.position()) - block.position();
        const int to = std::min(end, block.position() + block.length() - 1) - block.position();
        QTextCursor cursor(block);
        int row = -1;
        if (QTextTable* table = cursor.currentTable()) row = table->cellAt(cursor).row();
        if (!first) out += row >= 0 && row == lastRow ? u'\t' : u'\n';
        lastRow = row;
        first = false;
        if (from == 0) {
            const QString marker = block.blockFormat().stringProperty(kMarker);
            if (!marker.isEmpty()) out += marker + u' ';
        }
        out += QStringView(block.text()).mid(from, std::max(0, to - from));
    }
    out.replace(QChar::LineSeparator, u'\n');
    return out;
}

Block::Selection Block::wordAt(int position) const {
    QTextCursor cursor(const_cast<QTextDocument*>(&document_));
    cursor.setPosition(std::clamp(position, 0, length()));
    cursor.select(QTextCursor::WordUnderCursor);
    return {cursor.selectionStart(), cursor.selectionEnd()};
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "transcript/markdown.h"

#include <md4c.h>

#include <QFontMetricsF>
#include <QHash>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextTable>
#include <algorithm>

namespace starglass::ui {
namespace {

struct Line {
    int begin = 0;
    int end = 0;   // without the newline
    int next = 0;  // where the following line begins
    bool complete = false;
    int indent = 0;
    bool blank = false;
};

Line lineAt(QByteArrayView text, int begin) {
    Line line;
    line.begin = begin;
    qsizetype newline = begin;
    while (newline < text.size() && text[newline] != '\n') ++newline;
    line.end = static_cast<int>(newline);
    line.complete = newline < text.size();
    line.next = line.end + (line.complete ? 1 : 0);
    int at = begin;
    while (at < line.end && (text[at] == ' ' || text[at] == '\t')) {
        line.indent += text[at] == '\t' ? 4 - line.indent % 4 : 1;
        ++at;
    }
    line.blank = at == line.end || (at + 1 == line.end && text[at] == '\r');
    return line;
}

int firstInk(QByteArrayView text, const Line& line) {
    int at = line.begin;
    while (at < line.end && (text[at] == ' ' || text[at] == '\t')) ++at;
    return at;
}

// The length of the fence that opens here, 0 for none. A backtick fence has no backticks after it.
int fenceAt(QByteArrayView text, const Line& line, char& mark) {
    const int begin = firstInk(text, line);
    if (begin >= line.end || (text[begin] != '`' && text[begin] != '~')) return 0;
    mark = text[begin];
    int at = begin;
    while (at < line.end && text[at] == mark) ++at;
    if (at - begin < 3) return 0;
    if (mark == '`')
        for (int i = at; i < line.end; ++i)
            if (text[i] == '`') return 0;
    return at - begin;
}

bool closesFence(QByteArrayView text, const Line& line, char mark, int length) {
    int at = firstInk(text, line);
    const int begin = at;
    while (at < line.end && text[at] == mark) ++at;
    if (at - begin < length || line.indent > 3) return false;
    while (at < line.end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
    return at == line.end;
}

// 0: not a list item; 1: an item; 2: may become one when the line goes on.
int listMarker(QByteArrayView text, const Line& line) {
    int at = firstInk(text, line);
    if (at >= line.end) return line.complete ? 0 : 2;
    const char c = text[at];
    if (c == '-' || c == '*' || c == '+') {
        if (at + 1 == line.end) return line.complete ? 1 : 2;
        return text[at + 1] == ' ' || text[at + 1] == '\t' ? 1 : 0;
    }
    const int digits = at;
    while (at < line.end && text[at] >= '0' && text[at] <= '9' && at - digits < 9) ++at;
    if (at == digits) return 0;
    if (at == line.end) return line.complete ? 0 : 2;
    if (text[at] != '.' && text[at] != ')') return 0;
    if (at + 1 == line.end) return line.complete ? 1 : 2;
    return text[at + 1] == ' ' || text[at + 1] == '\t' ? 1 : 0;
}

bool isHeading(QByteArrayView text, const Line& line) {
    if (line.indent > 3) return false;
    int at = firstInk(text, line);
    const int begin = at;
    while (at < line.end && text[at] == '#') ++at;
    if (at == begin || at - begin > 6) return false;
    return at == line.end ? line.complete : text[at] == ' ' || text[at] == '\t';
}

// Writes md4c's events into a document.
class Writer {
public:
    Writer(QTextDocument& document, QByteArrayView text, int offset, const ProseStyle& style,
           std::vector<SourceRun>& runs)
        : cursor_(&document), text_(text), offset_(offset), style_(style), runs_(runs) {
        em_ = QFontMetricsF(style.prose).height();
    }

    void run(const Chunk& chunk) {
        MD_PARSER parser{};
        parser.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
                       MD_FLAG_PERMISSIVEURLAUTOLINKS;
        parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
            static_cast<Writer*>(self)->enterBlock(type, detail);
            return 0;
        };
        parser.leave_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
            static_cast<Writer*>(self)->leaveBlock(type);
            return 0;
        };
        parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) {
            static_cast<Writer*>(self)->enterSpan(type, detail);
            return 0;
        };
        parser.leave_span = [](MD_SPANTYPE, void*, void* self) {
            static_cast<Writer*>(self)->leaveSpan();
            return 0;
        };
        parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
            static_cast<Writer*>(self)->addText(type, text, size);
            return 0;
        };
        cursor_.beginEditBlock();
        md_parse(text_.data() + chunk.begin, static_cast<MD_SIZE>(chunk.end - chunk.begin), &parser,
                 this);
        if (reuse_ && afterTable_) {
            // A document always has a line after a table; it must not take room.
            QTextCharFormat tiny;
            QFont font = style_.prose;
            font.setPixelSize(1);
            tiny.setFont(font);
            cursor_.setBlockCharFormat(tiny);
            QTextBlockFormat format;
            format.setLineHeight(1, QTextBlockFormat::FixedHeight);
            cursor_.setBlockFormat(format);
        }
        cursor_.endEditBlock();
    }

private:
    struct List {
        bool ordered = false;
        unsigned next = 1;
        QChar delimiter = u'.';
        bool tight = true;
    };

    [[nodiscard]] QTextBlockFormat blockFormat() const {
        QTextBlockFormat format;
        format.setLineHeight(style_.quiet ? 122 : 128, QTextBlockFormat::ProportionalHeight);
        format.setLeftMargin(static_cast<double>(lists_.size()) * em_ * 1.25 + quotes_ * em_ * 0.9);
        if (quotes_ > 0) format.setProperty(kQuoteDepth, quotes_);
        return format;
    }

    // Opens a paragraph with `gap` above it, unless it is the first thing.
    void paragraph(double gap, const QTextCharFormat& characters, QTextBlockFormat format) {
        if (!marker_.isEmpty()) {
            format.setProperty(kMarker, marker_);
            marker_.clear();
        }
        format.setTopMargin(first_ ? 0 : gap);
        if (reuse_) {
            cursor_.setBlockFormat(format);
            cursor_.setBlockCharFormat(characters);
        } else {
            cursor_.insertBlock(format, characters);
        }
        first_ = reuse_ = afterTable_ = false;
        open_ = true;
        base_ = characters;
    }

    // Text directly in a tight list item has no paragraph of its own.
    void ensureParagraph() {
        if (open_ || cell_) return;
        const bool tight = !lists_.empty() && lists_.back().tight;
        paragraph(tight ? em_ * 0.12 : em_ * 0.5, plain(), blockFormat());
    }

    [[nodiscard]] QTextCharFormat plain() const {
        QTextCharFormat format;
        format.setFont(style_.prose);
        return format;
    }

    void enterBlock(MD_BLOCKTYPE type, void* detail) {
        switch (type) {
            case MD_BLOCK_QUOTE:
                ++quotes_;
                open_ = false;
                break;
            case MD_BLOCK_UL:
                open_ = false;
                lists_.push_back(
                    {false, 1, u'.', static_cast<MD_BLOCK_UL_DETAIL*>(detail)->is_tight != 0});
                break;
            case MD_BLOCK_OL: {
                open_ = false;
                const auto* list = static_cast<MD_BLOCK_OL_DETAIL*>(detail);
                lists_.push_back(
                    {true, list->start, QLatin1Char(list->mark_delimiter), list->is_tight != 0});
                break;
            }
            case MD_BLOCK_LI: {
                open_ = false;
                List& list = lists_.back();
                const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
                if (item->is_task)
                    marker_ = item->task_mark == ' ' ? QStringLiteral("☐") : QStringLiteral("☑");
                else if (list.ordered)
                    marker_ = QString::number(list.next) + list.delimiter;
                else
                    marker_ = lists_.size() % 2 == 1 ? QStringLiteral("•") : QStringLiteral("◦");
                ++list.next;
                break;
            }
            case MD_BLOCK_HR: {
                QTextBlockFormat format = blockFormat();
                format.setProperty(kRule, true);
                paragraph(em_ * 0.4, plain(), format);
                open_ = false;
                break;
            }
            case MD_BLOCK_H: {
                const unsigned level = static_cast<MD_BLOCK_H_DETAIL*>(detail)->level;
                QTextCharFormat format = plain();
                QFont font = style_.prose;
                const double scale = level == 1 ? 1.35 : level == 2 ? 1.2 : level == 3 ? 1.08 : 1.0;
                if (font.pointSizeF() > 0)
                    font.setPointSizeF(font.pointSizeF() * scale);
                else
                    font.setPixelSize(qRound(font.pixelSize() * scale));
                font.setWeight(QFont::DemiBold);
                format.setFont(font);
                paragraph(em_ * 0.9, format, blockFormat());
                break;
            }
            case MD_BLOCK_P:
                // The first paragraph of a loose item belongs beside its marker.
                paragraph(em_ * 0.5, plain(), blockFormat());
                break;
            case MD_BLOCK_CODE: {
                QTextCharFormat format;
                format.setFont(style_.code);
                QTextBlockFormat block = blockFormat();
                block.setBackground(style_.theme.code);
                block.setLineHeight(115, QTextBlockFormat::ProportionalHeight);
                block.setLeftMargin(block.leftMargin() + em_ * 0.4);
                paragraph(em_ * 0.4, format, block);
                code_ = true;
                break;
            }
            case MD_BLOCK_TABLE:
                enterTable(*static_cast<MD_BLOCK_TABLE_DETAIL*>(detail));
                break;
            case MD_BLOCK_THEAD:
                head_ = true;
                break;
            case MD_BLOCK_TBODY:
                head_ = false;
                break;
            case MD_BLOCK_TR:
                ++row_;
                column_ = -1;
                break;
            case MD_BLOCK_TH:
            case MD_BLOCK_TD:
                enterCell(static_cast<MD_BLOCK_TD_DETAIL*>(detail)->align);
                break;
            case MD_BLOCK_DOC:
            case MD_BLOCK_HTML:
                break;
        }
    }

    void leaveBlock(MD_BLOCKTYPE type) {
        switch (type) {
            case MD_BLOCK_QUOTE:
                --quotes_;
                open_ = false;
                break;
            case MD_BLOCK_UL:
            case MD_BLOCK_OL:
                lists_.pop_back();
                open_ = false;
                break;
            case MD_BLOCK_LI:
                if (!marker_.isEmpty()) ensureParagraph();  // an empty item keeps its marker
                open_ = false;
                break;
            case MD_BLOCK_CODE:
                // The last line ends with a newline of its own; it is not a line.
                if (cursor_.atBlockStart() && cursor_.position() > 0) cursor_.deletePreviousChar();
                code_ = false;
                open_ = false;
                break;
            case MD_BLOCK_TABLE:
                table_ = nullptr;
                cell_ = false;
                cursor_.movePosition(QTextCursor::End);
                reuse_ = afterTable_ = true;
                open_ = false;
                break;
            case MD_BLOCK_TH:
            case MD_BLOCK_TD:
                break;
            default:
                open_ = false;
                break;
        }
    }

    void enterTable(const MD_BLOCK_TABLE_DETAIL& detail) {
        const int rows = static_cast<int>(detail.head_row_count + detail.body_row_count);
        const int columns = static_cast<int>(detail.col_count);
        QTextTableFormat format;
        format.setBorder(1);
        format.setBorderStyle(QTextFrameFormat::BorderStyle_Solid);
        format.setBorderBrush(style_.theme.border);
        format.setBorderCollapse(true);
        format.setCellPadding(em_ * 0.28);
        format.setTopMargin(first_ ? 0 : em_ * 0.5);
        if (first_ && reuse_) {
            // A table cannot be the first thing in a document: the line before it takes no room.
            QTextBlockFormat tiny;
            tiny.setLineHeight(1, QTextBlockFormat::FixedHeight);
            cursor_.setBlockFormat(tiny);
        }
        table_ = cursor_.insertTable(std::max(rows, 1), std::max(columns, 1), format);
        first_ = false;
        row_ = -1;
    }

    void enterCell(MD_ALIGN align) {
        ++column_;
        if (!table_ || row_ >= table_->rows() || column_ >= table_->columns()) return;
        cursor_ = table_->cellAt(row_, column_).firstCursorPosition();
        QTextBlockFormat format;
        format.setAlignment(align == MD_ALIGN_RIGHT    ? Qt::AlignRight
                            : align == MD_ALIGN_CENTER ? Qt::AlignHCenter
                                                       : Qt::AlignLeft);
        cursor_.setBlockFormat(format);
        base_ = plain();
        if (head_) base_.setFontWeight(QFont::DemiBold);
        cell_ = true;
    }

    void enterSpan(MD_SPANTYPE type, void* detail) {
        ensureParagraph();
        QTextCharFormat format = spans_.empty() ? base_ : spans_.back();
        switch (type) {
            case MD_SPAN_EM:
                format.setFontItalic(true);
                break;
            case MD_SPAN_STRONG:
                format.setFontWeight(QFont::Bold);
                break;
            case MD_SPAN_DEL:
                format.setFontStrikeOut(true);
                break;
            case MD_SPAN_CODE:
                format.setFontFamilies(style_.code.families());
                format.setFontFixedPitch(true);
                if (style_.code.pointSizeF() > 0) format.setFontPointSize(style_.code.pointSizeF());
                format.setBackground(style_.theme.code);
                break;
            case MD_SPAN_A:
            case MD_SPAN_IMG: {
                const MD_ATTRIBUTE& target = type == MD_SPAN_A
                                                 ? static_cast<MD_SPAN_A_DETAIL*>(detail)->href
                                                 : static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src;
                format.setAnchorHref(QString::fromUtf8(target.text, target.size));
                format.setForeground(style_.theme.accent);
                format.setFontUnderline(true);
                break;
            }
            default:
                break;
        }
        spans_.push_back(format);
    }

    void leaveSpan() {
        if (!spans_.empty()) spans_.pop_back();
    }

    void addText(MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size) {
        ensureParagraph();
        const QTextCharFormat format = spans_.empty() ? base_ : spans_.back();
        if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR) {
            // Models break lines where they mean it, so a soft break is shown as one.
            cursor_.insertText(QString(QChar::LineSeparator), format);
            return;
        }
        if (type == MD_TEXT_NULLCHAR) {
            cursor_.insertText(QString(QChar::ReplacementCharacter), format);
            return;
        }
        QString out = QString::fromUtf8(text, size);
        if (type == MD_TEXT_ENTITY) out = entity(out);
        if (code_) {
            // One document line per code line.
            out.replace(u'\n', QChar::ParagraphSeparator);
        }
        const char* begin = text_.data();
        if (text >= begin && text + size <= begin + text_.size())
            runs_.push_back(
                {cursor_.position(), static_cast<int>(text - begin), static_cast<int>(size)});
        cursor_.insertText(out, format);
    }

    static QString entity(const QString& name) {
        static const QHash<QString, QString> kNames{
            {QStringLiteral("&amp;"), QStringLiteral("&")},
            {QStringLiteral("&lt;"), QStringLiteral("<")},
            {QStringLiteral("&gt;"), QStringLiteral(">")},
            {QStringLiteral("&quot;"), QStringLiteral("\"")},
            {QStringLiteral("&apos;"), QStringLiteral("'")},
            {QStringLiteral("&nbsp;"), QString(QChar::Nbsp)},
            {QStringLiteral("&ndash;"), QStringLiteral("–")},
            {QStringLiteral("&mdash;"), QStringLiteral("—")},
            {QStringLiteral("&hellip;"), QStringLiteral("…")}};
        if (const auto found = kNames.constFind(name); found != kNames.cend()) return *found;
        if (name.startsWith(QLatin1String("&#"))) {
            const bool hex = name.size() > 2 && (name[2] == u'x' || name[2] == u'X');
            bool good = false;
            const uint code =
                QStringView(name).mid(hex ? 3 : 2).chopped(1).toUInt(&good, hex ? 16 : 10);
            if (good && code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
                const char32_t one = code;
                return QString::fromUcs4(&one, 1);
            }
        }
        return name;
    }

    QTextCursor cursor_;
    QByteArrayView text_;
    int offset_;
    const ProseStyle& style_;
    std::vector<SourceRun>& runs_;
    double em_ = 16;
    std::vector<List> lists_;
    std::vector<QTextCharFormat> spans_;
    QTextCharFormat base_;
    QString marker_;
    QTextTable* table_ = nullptr;
    int quotes_ = 0;
    int row_ = -1, column_ = -1;
    bool first_ = true;  // nothing written yet
    bool reuse_ = true;  // the document's present empty block is to be used
    bool afterTable_ = false;
    bool open_ = false;  // inside a paragraph
    bool cell_ = false;
    bool head_ = false;
    bool code_ = false;
};

void reset(QTextDocument& document, const QFont& font) {
    document.clear();
    document.setUndoRedoEnabled(false);
    document.setDocumentMargin(0);
    document.setDefaultFont(font);
}

}  // namespace

std::vector<Chunk> splitMarkdown(QByteArrayView text, int from, bool final) {
    std::vector<Chunk> out;
    int begin = from;
    bool list = false;  // the chunk holds a list, whose items may be apart
    bool ink = false;   // the chunk has text
    bool afterBlank = false;
    char mark = 0;
    int fence = 0;  // length of the open fence, 0 outside
    bool chunkIsFence = false;
    const auto cut = [&](int end, bool code) {
        if (end > begin && ink) out.push_back({begin, end, code, true});
        begin = end;
        list = ink = false;
        chunkIsFence = false;
    };
    for (int at = from; at < text.size();) {
        const Line line = lineAt(text, at);
        if (fence > 0) {
            if (closesFence(text, line, mark, fence) && (line.complete || final)) {
                fence = 0;
                if (chunkIsFence) cut(line.next, true);
            }
            afterBlank = false;
            at = line.next;
            continue;
        }
        char newMark = 0;
        if (const int length = fenceAt(text, line, newMark); length > 0) {
            // Indented under a list item the code belongs to the item.
            const bool inside = list && line.indent >= 2;
            if (!inside) {
                cut(line.begin, false);
                chunkIsFence = true;
            }
            mark = newMark;
            fence = length;
            ink = true;
        } else if (line.blank) {
            afterBlank = true;
            at = line.next;
            continue;
        } else {
            const int marker = listMarker(text, line);
            if (afterBlank && ink) {
                const bool goesOn = list && (line.indent >= 2 || marker != 0);
                if (!goesOn) cut(line.begin, false);
            }
            if (!list && isHeading(text, line)) {
                cut(line.begin, false);
                ink = true;
                if (line.complete) cut(line.next, false);
                afterBlank = false;
                at = line.next;
                continue;
            }
            if (marker == 1 && line.indent <= 3) list = true;
            ink = true;
        }
        afterBlank = false;
        at = line.next;
    }
    if (begin < text.size() && ink)
        out.push_back({begin, static_cast<int>(text.size()), chunkIsFence, final});
    return out;
}

void writeMarkdown(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
                   const ProseStyle& style, std::vector<SourceRun>& runs) {
    reset(document, style.prose);
    runs.clear();
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document.setDefaultTextOption(option);
    Writer(document, text, chunk.begin, style, runs).run(chunk);
    std::stable_sort(runs.begin(), runs.end(), [](const SourceRun& a, const SourceRun& b) {
        return a.position < b.position;
    });
}

void writeCode(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
               const ProseStyle& style, std::vector<SourceRun>& runs, QString& language) {
    reset(document, style.code);
    runs.clear();
    const Line head = lineAt(text, chunk.begin);
    char mark = 0;
    const int length = fenceAt(text, head, mark);
    const int info = firstInk(text, head) + length;
    language = QString::fromUtf8(text.sliced(info, head.end - info)).trimmed().section(u' ', 0, 0);
    const int begin = std::min(head.next, chunk.end);
    int end = chunk.end;
    // Without the closing fence, when it is there.
    int last = end;
    while (last > begin && text[last - 1] == '\n') --last;
    int lastLine = last;
    while (lastLine > begin && text[lastLine - 1] != '\n') --lastLine;
    if (lastLine < last || lastLine == begin) {
        const Line tail = lineAt(text, lastLine);
        if (tail.begin >= begin && tail.end > tail.begin && closesFence(text, tail, mark, length))
            end = lastLine;
    }
    if (end > begin && text[end - 1] == '\n') --end;
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setTabStopDistance(QFontMetricsF(style.code).horizontalAdvance(u' ') * 4);
    document.setDefaultTextOption(option);
    QTextCursor cursor(&document);
    QTextBlockFormat format;
    format.setLineHeight(118, QTextBlockFormat::ProportionalHeight);
    cursor.setBlockFormat(format);
    QTextCharFormat characters;
    characters.setFont(style.code);
    cursor.setBlockCharFormat(characters);
    if (end > begin) {
        cursor.insertText(QString::fromUtf8(text.sliced(begin, end - begin)), characters);
        runs.push_back({0, begin, end - begin});
    }
}

void writePlain(QTextDocument& document, QByteArrayView text, const Chunk& chunk,
                const ProseStyle& style, std::vector<SourceRun>& runs) {
    reset(document, style.prose);
    runs.clear();
    int end = chunk.end;
    while (end > chunk.begin && text[end - 1] == '\n') --end;
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document.setDefaultTextOption(option);
    QTextCursor cursor(&document);
    QTextBlockFormat format;
    format.setLineHeight(128, QTextBlockFormat::ProportionalHeight);
    cursor.setBlockFormat(format);
    QTextCharFormat characters;
    characters.setFont(style.prose);
    cursor.setBlockCharFormat(characters);
    cursor.insertText(QString::fromUtf8(text.sliced(chunk.begin, end - chunk.begin)), characters);
    runs.push_back({0, chunk.begin, end - chunk.begin});
}

int byteAt(const std::vector<SourceRun>& runs, QByteArrayView text, int position) {
    auto run = std::upper_bound(runs.begin(), runs.end(), position,
                                [](int p, const SourceRun& r) { return p < r.position; });
    if (run == runs.begin()) return -1;
    --run;
    int units = position - run->position;
    int byte = run->byte;
    const int end = run->byte + run->length;
    while (units > 0 && byte < end) {
        const auto lead = static_cast<unsigned char>(text[byte]);
        const int width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        byte += width;
        units -= width == 4 ? 2 : 1;
    }
    return byte < end ? byte : -1;
}

int positionAt(const std::vector<SourceRun>& runs, QByteArrayView text, int byte) {
    for (const SourceRun& run : runs) {
        if (byte < run.byte || byte > run.byte + run.length) continue;
        int units = 0;
        for (int at = run.byte; at < byte;) {
            const auto lead = static_cast<unsigned char>(text[at]);
            const int width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
            at += width;
            units += width == 4 ? 2 : 1;
        }
        return run.position + units;
    }
    return -1;
}

}  // namespace starglass::ui

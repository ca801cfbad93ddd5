// SPDX-License-Identifier: GPL-3.0-or-later
#include "transcript/highlight.h"

#include <QSet>
#include <QTextBlock>
#include <QTextLayout>

namespace starglass::ui {
namespace {

struct Family {
    QSet<QString> keywords;
    QString lineComment;  // empty: none
    QString openComment;  // empty: none
    QString closeComment;
    bool hashComment = false;
    bool tripleQuotes = false;
};

QSet<QString> words(const char* list) {
    const QStringList parts = QString::fromLatin1(list).split(u' ');
    return {parts.begin(), parts.end()};
}

const Family* familyOf(const QString& language) {
    static const Family kC{
        words(
            "alignas auto bool break case catch char class const constexpr continue default delete "
            "do double else enum explicit extern false float for friend goto if inline int long "
            "mutable namespace new noexcept nullptr operator override private protected public "
            "return short signed sizeof static struct switch template this throw true try typedef "
            "typename union unsigned using virtual void volatile while fn let mut pub impl use "
            "match mod trait where self func package import type range chan defer go map var "
            "function export from async await of in instanceof interface extends implements "
            "final abstract null undefined u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 usize string"),
        QStringLiteral("//"),
        QStringLiteral("/*"),
        QStringLiteral("*/"),
        false,
        false};
    static const Family kPython{
        words(
            "and as assert async await break class continue def del elif else except False finally "
            "for from global if import in is lambda None nonlocal not or pass raise return True "
            "try "
            "while with yield match case self"),
        {},
        {},
        {},
        true,
        true};
    static const Family kShell{
        words(
            "if then else elif fi for while do done case esac function in return export local set "
            "cd echo exit sudo source"),
        {},
        {},
        {},
        true,
        false};
    static const Family kSql{
        words(
            "select from where and or not insert into values update set delete create table index "
            "join left right inner on group by order limit as null primary key drop alter SELECT "
            "FROM WHERE AND OR NOT INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE INDEX JOIN "
            "LEFT "
            "RIGHT INNER ON GROUP BY ORDER LIMIT AS NULL PRIMARY KEY DROP ALTER"),
        QStringLiteral("--"),
        QStringLiteral("/*"),
        QStringLiteral("*/"),
        false,
        false};
    static const Family kData{words("true false null yes no"), {}, {}, {}, true, false};
    static const QHash<QString, const Family*> kFamilies = [] {
        QHash<QString, const Family*> out;
        for (const char* name :
             {"c",          "cpp",    "c++",        "cc",   "h",   "hpp", "java", "js",
              "javascript", "ts",     "typescript", "rust", "rs",  "go",  "glsl", "cs",
              "csharp",     "kotlin", "swift",      "css",  "php", "d",   "zig"})
            out.insert(QLatin1String(name), &kC);
        for (const char* name : {"python", "py", "python3"})
            out.insert(QLatin1String(name), &kPython);
        for (const char* name :
             {"sh", "bash", "shell", "zsh", "console", "cmake", "make", "makefile", "dockerfile"})
            out.insert(QLatin1String(name), &kShell);
        out.insert(QStringLiteral("sql"), &kSql);
        for (const char* name : {"json", "yaml", "yml", "toml", "ini", "conf"})
            out.insert(QLatin1String(name), &kData);
        return out;
    }();
    const auto found = kFamilies.constFind(language.toLower());
    return found == kFamilies.cend() ? nullptr : *found;
}

class Painter {
public:
    Painter(const Family& family, const Theme& theme) : family_(family) {
        keyword_.setForeground(theme.keyword);
        string_.setForeground(theme.literal);
        number_.setForeground(theme.name);
        comment_.setForeground(theme.comment);
    }

    void line(const QTextBlock& block) {
        const QString text = block.text();
        ranges_.clear();
        qsizetype at = 0;
        if (!until_.isEmpty()) at = finishOpen(text, 0, 0);
        while (at < text.size()) {
            const QChar c = text[at];
            if (startsComment(text, at)) {
                mark(at, text.size() - at, comment_);
                break;
            }
            if (!family_.openComment.isEmpty() &&
                QStringView(text).mid(at).startsWith(family_.openComment)) {
                until_ = family_.closeComment;
                open_ = &comment_;
                at = finishOpen(text, at, family_.openComment.size());
            } else if (family_.tripleQuotes && (QStringView(text).mid(at).startsWith(u"\"\"\"") ||
                                                QStringView(text).mid(at).startsWith(u"'''"))) {
                until_ = text.mid(at, 3);
                open_ = &string_;
                at = finishOpen(text, at, 3);
            } else if (c == u'"' || c == u'\'' || c == u'`') {
                at = quoted(text, at);
            } else if (c.isDigit()) {
                qsizetype end = at;
                while (end < text.size() && (text[end].isLetterOrNumber() || text[end] == u'.'))
                    ++end;
                mark(at, end - at, number_);
                at = end;
            } else if (c.isLetter() || c == u'_') {
                qsizetype end = at;
                while (end < text.size() && (text[end].isLetterOrNumber() || text[end] == u'_'))
                    ++end;
                if (family_.keywords.contains(text.mid(at, end - at))) mark(at, end - at, keyword_);
                at = end;
            } else {
                ++at;
            }
        }
        block.layout()->setFormats(ranges_);
    }

private:
    bool startsComment(const QString& text, qsizetype at) const {
        if (family_.hashComment && text[at] == u'#') return at == 0 || text[at - 1].isSpace();
        return !family_.lineComment.isEmpty() &&
               QStringView(text).mid(at).startsWith(family_.lineComment);
    }

    qsizetype finishOpen(const QString& text, qsizetype at, qsizetype skip) {
        const qsizetype end = text.indexOf(until_, at + skip);
        if (end < 0) {
            mark(at, text.size() - at, *open_);
            return text.size();
        }
        const qsizetype stop = end + until_.size();
        mark(at, stop - at, *open_);
        until_.clear();
        return stop;
    }

    qsizetype quoted(const QString& text, qsizetype at) {
        qsizetype end = at + 1;
        while (end < text.size() && text[end] != text[at]) end += text[end] == u'\\' ? 2 : 1;
        // An apostrophe without a partner is an apostrophe.
        if (end >= text.size()) return at + 1;
        mark(at, end + 1 - at, string_);
        return end + 1;
    }

    void mark(qsizetype at, qsizetype length, const QTextCharFormat& format) {
        QTextLayout::FormatRange range;
        range.start = static_cast<int>(at);
        range.length = static_cast<int>(length);
        range.format = format;
        ranges_.push_back(range);
    }

    const Family& family_;
    QTextCharFormat keyword_, string_, number_, comment_;
    QList<QTextLayout::FormatRange> ranges_;
    QString until_;  // what ends the comment or string left open by the line before
    const QTextCharFormat* open_ = nullptr;
};

}  // namespace

void highlightCode(QTextDocument& document, const QString& language, const Theme& theme) {
    const Family* family = familyOf(language);
    if (!family) return;
    Painter painter(*family, theme);
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next())
        painter.line(block);
    document.markContentsDirty(0, document.characterCount());
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Search over titles and everything that was said.
#include <algorithm>

#include "library/library_db.h"
#include "library/sql.h"

namespace starglass::ui {
namespace {

// Only the newest matches are ranked. A word that stands in every message of a very long session
// would otherwise cost its whole length per keystroke.
constexpr int kCandidates = 400;
constexpr int kWordsMax = 16;

// Each word quoted, so that nothing in it is an operator; the last one as a prefix. Empty when
// there is nothing to search for.
QString ftsQuery(const QString& typed) {
    QStringList out;
    const QStringList words = typed.simplified().split(u' ', Qt::SkipEmptyParts);
    for (QString word : words) {
        word.remove(QChar(0));
        // The tokenizer would find no word in punctuation, and FTS5 then matches nothing.
        if (std::none_of(word.begin(), word.end(),
                         [](QChar c) { return c.isLetterOrNumber() || c.isSurrogate(); }))
            continue;
        word.replace(u'"', QStringLiteral("\"\""));
        out << u'"' + word + u'"';
        if (out.size() >= kWordsMax) break;
    }
    if (out.isEmpty()) return {};
    out.back() += u'*';
    return out.join(u' ');
}

// Lower case without accents, as the tokenizer has it.
QString folded(QStringView word) {
    const QString lower = word.toString().toLower();
    if (std::all_of(lower.begin(), lower.end(), [](QChar c) { return c.unicode() < 0x80; }))
        return lower;
    QString out;
    for (const QChar c : lower.normalized(QString::NormalizationForm_D))
        if (c.category() != QChar::Mark_NonSpacing) out += c;
    return out;
}

struct Word {
    qsizetype begin = 0;
    qsizetype end = 0;
};

std::vector<Word> wordsOf(QStringView text) {
    std::vector<Word> out;
    for (qsizetype at = 0; at < text.size();) {
        const auto inside = [&](qsizetype i) {
            return text[i].isLetterOrNumber() || text[i].isSurrogate() || text[i].isMark();
        };
        while (at < text.size() && !inside(at)) ++at;
        const qsizetype begin = at;
        while (at < text.size() && inside(at)) ++at;
        if (at > begin) out.push_back({begin, at});
    }
    return out;
}

// A line around the first word that was looked for, with marks around all that are in it. FTS5's
// own snippet() runs the query once more per message; a prefix of very many words takes long.
QString snippetOf(const QString& text, const QString& typed) {
    // Further in, the beginning of the message does as well.
    constexpr qsizetype kLookCharacters = 40'000;
    constexpr qsizetype kBefore = 50, kLength = 140;
    const QStringView looked = QStringView(text).left(kLookCharacters);
    QStringList wanted;
    for (const Word& word : wordsOf(typed))
        wanted << folded(QStringView(typed).mid(word.begin, word.end - word.begin));
    const auto matches = [&](const Word& word) {
        const QString one = folded(looked.mid(word.begin, word.end - word.begin));
        for (qsizetype i = 0; i < wanted.size(); ++i)
            if (i + 1 == wanted.size() ? one.startsWith(wanted[i]) : one == wanted[i]) return true;
        return false;
    };
    const std::vector<Word> words = wordsOf(looked);
    const auto first = std::find_if(words.begin(), words.end(), matches);
    qsizetype begin = 0;
    if (first != words.end() && first->begin > kBefore) {
        begin = first->begin - kBefore;
        for (auto word = first; word != words.begin() && word->begin > begin; --word)
            if (std::prev(word)->begin < begin) begin = word->begin;
    }
    const qsizetype end = std::min(text.size(), begin + kLength);
    QString out = begin > 0 ? QStringLiteral("…") : QString();
    qsizetype at = begin;
    for (auto word = first; word != words.end() && word->end <= end; ++word) {
        if (!matches(*word)) continue;
        out += QStringView(text).mid(at, word->begin - at);
        out += kMarkBegin;
        out += QStringView(text).mid(word->begin, word->end - word->begin);
        out += kMarkEnd;
        at = word->end;
    }
    out += QStringView(text).mid(at, end - at);
    if (end < text.size()) out += u'…';
    return out.replace(u'\n', u' ').simplified();
}

}  // namespace

Result<SearchHits> LibraryDb::search(const QString& typed, int limit) {
    SearchHits out;
    const QString wanted = ftsQuery(typed);
    if (wanted.isEmpty()) return out;
    // Ids are in the order of time, and walking them backwards needs no sorting.
    const auto candidates = [&](const char* which, int count) -> Result<std::vector<qint64>> {
        TRY(QSqlQuery query,
            runSql(db_,
                   QStringLiteral("SELECT rowid FROM search WHERE search MATCH ? AND %1 ORDER BY "
                                  "rowid DESC LIMIT ?")
                       .arg(QLatin1String(which)),
                   {wanted, count}));
        std::vector<qint64> rows;
        while (query.next()) rows.push_back(query.value(0).toLongLong());
        if (query.lastError().isValid()) return sqlFail(query.lastError());
        return rows;
    };
    TRY(const auto titles, candidates("rowid<0", limit));
    TRY(const auto nodes, candidates("rowid>0", kCandidates));

    struct Found {
        qint64 session = 0;
        qint64 node = 0;
        qint64 row = 0;
        int matches = 0;  // messages of this session among the candidates
        qint64 newest = 0;
    };
    std::vector<Found> found;
    QHash<qint64, std::size_t> known;
    QSqlQuery live(db_);
    if (!live.prepare(QStringLiteral("SELECT 1 FROM sessions WHERE id=? AND deleted_at=0")))
        return sqlFail(live.lastError());
    for (const qint64 row : titles) {
        live.bindValue(0, -row);
        if (!live.exec()) return sqlFail(live.lastError());
        if (!live.next()) continue;
        known.insert(-row, found.size());
        // A title counts for more than any number of mentions.
        found.push_back({-row, 0, row, 1 << 20, -row});
    }
    QSqlQuery owner(db_);
    if (!owner.prepare(QStringLiteral(
            "SELECT nodes.session FROM nodes JOIN sessions ON sessions.id=nodes.session WHERE "
            "nodes.id=? AND nodes.deleted_at=0 AND sessions.deleted_at=0")))
        return sqlFail(owner.lastError());
    for (const qint64 row : nodes) {
        owner.bindValue(0, row);
        if (!owner.exec()) return sqlFail(owner.lastError());
        if (!owner.next()) continue;
        const qint64 session = owner.value(0).toLongLong();
        const auto at = known.constFind(session);
        if (at == known.cend()) {
            known.insert(session, found.size());
            found.push_back({session, row, row, 1, row});
            continue;
        }
        ++found[*at].matches;
        if (found[*at].node == 0) found[*at].node = row;
    }
    live.finish();
    owner.finish();
    // More mentions first, in steps of two, then the newest.
    const auto weight = [](const Found& one) {
        int bits = 0;
        for (int n = one.matches; n > 1; n /= 2) ++bits;
        return bits;
    };
    std::stable_sort(found.begin(), found.end(), [&](const Found& a, const Found& b) {
        const int x = weight(a), y = weight(b);
        return x != y ? x > y : a.newest > b.newest;
    });
    if (static_cast<int>(found.size()) > limit) found.resize(static_cast<std::size_t>(limit));
    for (const Found& one : found) {
        // A title is shown anyway: what is interesting is where the text says it.
        QString snippet;
        if (one.node != 0) {
            TRY(const QVariant body,
                readSql(db_, "SELECT body FROM search WHERE rowid=?", {one.node}));
            snippet = snippetOf(body.toString(), typed);
        }
        out.push_back({one.session, one.node, snippet});
    }
    return out;
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Search over titles and everything that was said.
#include <QSet>
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

QString snippetText(QString text) {
    return text.replace(u'\n', u' ').simplified();
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
        const qint64 row = one.node != 0 ? one.node : one.row;
        TRY(const QVariant snippet,
            readSql(db_,
                    "SELECT snippet(search, 0, char(1), char(2), '…', 14) FROM search WHERE search "
                    "MATCH ? AND rowid=?",
                    {wanted, row}));
        out.push_back({one.session, one.node, snippetText(snippet.toString())});
    }
    return out;
}

}  // namespace starglass::ui

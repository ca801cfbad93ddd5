// SPDX-License-Identifier: GPL-3.0-or-later
//
// Messages as a tree: where a node stands, the path to it, what hangs below it.
#include <QDateTime>
#include <QJsonDocument>
#include <QUuid>
#include <algorithm>

#include "library/library_db.h"
#include "library/message_codec.h"
#include "library/sql.h"

namespace starglass::ui {
namespace {

// Newest answers looked at for a checkpoint and a count of tokens; older ones would not be worth
// resuming from.
constexpr int kTailMessages = 8;

constexpr const char* kNodeColumns =
    "id, parent, created, running, tokens, evaluate_s, prompt_checkpoint, checkpoint, payload, "
    "depth";

// All branches that hang below depth `d` of branch `b`; two arguments.
constexpr const char* kBelow =
    "WITH RECURSIVE below(id) AS (SELECT id FROM branches WHERE parent=? AND fork_depth>? UNION "
    "ALL SELECT branches.id FROM branches JOIN below ON branches.parent=below.id) ";

// A payload that cannot be read becomes a message that says so: its neighbours are still there.
ChatMessage readMessage(const QSqlQuery& query) {
    QJsonParseError problem{};
    const QJsonDocument json = QJsonDocument::fromJson(query.value(8).toByteArray(), &problem);
    auto message = decodeMessage(json.object());
    ChatMessage out;
    if (message) {
        out = std::move(*message);
    } else {
        out.author = ChatMessage::Author::assistant;
        ChatPart part;
        part.kind = ChatPart::Kind::error;
        part.closed = true;
        part.error.happened = Chat::tr("This message cannot be read any more.");
        part.error.details = QString::fromStdString(message.error().message);
        out.parts.push_back(std::move(part));
    }
    out.id = query.value(0).toLongLong();
    out.parent = query.value(1).toLongLong();
    out.createdMs = query.value(2).toLongLong();
    out.timelineTokens = query.value(4).toLongLong();
    out.evaluateSeconds = query.value(5).toDouble();
    out.promptCheckpoint = query.value(6).toString();
    out.checkpoint = query.value(7).toString();
    return out;
}

QString text(const QString& value) {
    return value.isNull() ? QStringLiteral("") : value;
}

QString lastLineOf(const ChatMessage& message) {
    if (message.author == ChatMessage::Author::user)
        return lineFromText(QString::fromUtf8(message.text.left(3200)));
    for (auto part = message.parts.rbegin(); part != message.parts.rend(); ++part)
        if (part->kind == ChatPart::Kind::answer && !part->text.trimmed().isEmpty())
            return lineFromText(QString::fromUtf8(part->text.left(3200)));
    return {};
}

}  // namespace

Result<LibraryDb::Place> LibraryDb::placeOf(qint64 session, qint64 node) {
    TRY(QSqlQuery query,
        runSql(db_, "SELECT branch, depth FROM nodes WHERE id=? AND session=?", {node, session}));
    if (!query.next()) return fail(ErrorCode::not_found, "this message is not there any more");
    return Place{query.value(0).toLongLong(), query.value(1).toLongLong()};
}

Result<LibraryDb::Place> LibraryDb::placeForChild(qint64 session, qint64 parent) {
    Place above;
    if (parent != 0) {
        TRY(above, placeOf(session, parent));
        TRY(const QVariant taken,
            readSql(db_, "SELECT EXISTS(SELECT 1 FROM nodes WHERE branch=? AND depth=?)",
                    {above.branch, above.depth + 1}));
        if (!taken.toBool()) return Place{above.branch, above.depth + 1};
    }
    TRY(const QSqlQuery query,
        runSql(db_, "INSERT INTO branches(session, parent, fork_depth) VALUES(?,?,?)",
               {session, above.branch, above.depth + 1}));
    return Place{query.lastInsertId().toLongLong(), above.depth + 1};
}

Result<std::vector<LibraryDb::Range>> LibraryDb::pathTo(const Place& place) {
    std::vector<Range> out;
    qint64 branch = place.branch, last = place.depth;
    while (branch != 0 && last >= 0) {
        TRY(QSqlQuery query,
            runSql(db_, "SELECT parent, fork_depth FROM branches WHERE id=?", {branch}));
        if (!query.next())
            return fail(ErrorCode::invalid_input, "a branch of this session is lost");
        const qint64 first = query.value(1).toLongLong();
        if (last >= first) out.push_back({branch, first, last});
        last = std::min(last, first - 1);
        branch = query.value(0).toLongLong();
    }
    return out;
}

Result<std::vector<ChatMessage>> LibraryDb::read(const Place& place, int limit) {
    std::vector<ChatMessage> out;
    qint64 branch = place.branch, last = place.depth;
    const QString sql = QStringLiteral(
                            "SELECT %1 FROM nodes WHERE branch=? AND depth BETWEEN ? "
                            "AND ? ORDER BY depth DESC LIMIT ?")
                            .arg(QLatin1String(kNodeColumns));
    while (branch != 0 && last >= 0 && static_cast<int>(out.size()) < limit) {
        TRY(QSqlQuery fork,
            runSql(db_, "SELECT parent, fork_depth FROM branches WHERE id=?", {branch}));
        if (!fork.next()) return fail(ErrorCode::invalid_input, "a branch of this session is lost");
        const qint64 first = fork.value(1).toLongLong();
        TRY(QSqlQuery query,
            runSql(db_, sql, {branch, first, last, limit - static_cast<int>(out.size())}));
        while (query.next()) out.push_back(readMessage(query));
        if (query.lastError().isValid()) return sqlFail(query.lastError());
        last = std::min(last, first - 1);
        branch = fork.value(0).toLongLong();
    }
    std::reverse(out.begin(), out.end());
    return out;
}

Status LibraryDb::fillSiblings(qint64 session, std::vector<ChatMessage>& messages) {
    QSqlQuery query(db_);
    query.setForwardOnly(true);
    if (!query.prepare(QStringLiteral("SELECT id FROM nodes WHERE session=? AND parent=? AND "
                                      "deleted_at=0 ORDER BY id")))
        return sqlFail(query.lastError());
    for (ChatMessage& message : messages) {
        query.bindValue(0, session);
        query.bindValue(1, message.parent);
        if (!query.exec()) return sqlFail(query.lastError());
        std::vector<qint64> siblings;
        while (query.next()) siblings.push_back(query.value(0).toLongLong());
        if (siblings.size() > 1) message.siblings = std::move(siblings);
    }
    return {};
}

Status LibraryDb::index(qint64 row, const QString& body) {
    TRY_STATUS(
        runSql(db_, "INSERT OR REPLACE INTO search(rowid, body) VALUES(?,?)", {row, text(body)}));
    return {};
}

Status LibraryDb::saveMessage(qint64 session, const ChatMessage& message, const QString& modelName,
                              const QString& modelFingerprint) {
    Transaction change(db_, depth_);
    const QString payload =
        QString::fromUtf8(QJsonDocument(encodeMessage(message)).toJson(QJsonDocument::Compact));
    const int running = message.running ? 1 : 0;
    TRY(const QVariant known,
        readSql(db_, "SELECT session FROM nodes WHERE id=?", {message.id}, 0));
    const bool fresh = known.toLongLong() == 0;
    if (!fresh && known.toLongLong() != session)
        return fail(ErrorCode::invalid_input, "this message belongs to another session");
    if (fresh) {
        TRY(const Place place, placeForChild(session, message.parent));
        TRY_STATUS(
            runSql(db_,
                   "INSERT INTO nodes(id, session, parent, branch, depth, author, created, "
                   "running, tokens, evaluate_s, prompt_checkpoint, checkpoint, payload) "
                   "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                   {message.id, session, message.parent, place.branch, place.depth,
                    static_cast<int>(message.author),
                    message.createdMs > 0 ? message.createdMs : QDateTime::currentMSecsSinceEpoch(),
                    running, static_cast<qint64>(message.timelineTokens), message.evaluateSeconds,
                    text(message.promptCheckpoint), text(message.checkpoint), payload}));
        TRY_STATUS(runSql(db_, "UPDATE sessions SET leaf=? WHERE id=?", {message.id, session}));
    } else {
        TRY_STATUS(runSql(
            db_,
            "UPDATE nodes SET running=?, tokens=?, evaluate_s=?, "
            "prompt_checkpoint=?, checkpoint=?, payload=? WHERE id=?",
            {running, static_cast<qint64>(message.timelineTokens), message.evaluateSeconds,
             text(message.promptCheckpoint), text(message.checkpoint), payload, message.id}));
    }
    if (!message.running) TRY_STATUS(index(message.id, searchText(message)));
    if (!modelName.isEmpty())
        TRY_STATUS(runSql(db_, "UPDATE sessions SET model_name=?, model_fingerprint=? WHERE id=?",
                          {modelName, text(modelFingerprint), session}));
    // The journal of a running answer stays small: its row is written at the end.
    if (fresh || !message.running) {
        TRY_STATUS(runSql(db_, "UPDATE sessions SET updated=? WHERE id=?",
                          {QDateTime::currentMSecsSinceEpoch(), session}));
        TRY_STATUS(refreshRow(session));
    }
    return change.commit();
}

// What the list shows, from the newest messages of the current path.
Status LibraryDb::refreshRow(qint64 session) {
    if (bulk_) {
        stale_.insert(session);
        return {};
    }
    TRY(const SessionRow row, this->session(session));
    QString lastLine, checkpoint, promptCheckpoint, title = row.title;
    qint64 tokens = 0;
    if (row.leaf != 0) {
        TRY(const Place place, placeOf(session, row.leaf));
        TRY(const auto tail, read(place, kTailMessages));
        for (auto message = tail.rbegin(); message != tail.rend(); ++message) {
            if (lastLine.isEmpty()) lastLine = lastLineOf(*message);
            if (tokens == 0) tokens = message->timelineTokens;
            if (checkpoint.isEmpty() && promptCheckpoint.isEmpty()) {
                checkpoint = message->checkpoint;
                promptCheckpoint = message->promptCheckpoint;
            }
            if (title.isEmpty() && message->author == ChatMessage::Author::user &&
                message->parent == 0)
                title = titleFromText(QString::fromUtf8(message->text.left(1600)));
        }
    }
    TRY_STATUS(runSql(db_,
                      "UPDATE sessions SET last_line=?, tokens=?, checkpoint=?, "
                      "prompt_checkpoint=? WHERE id=?",
                      {text(lastLine), tokens, text(checkpoint), text(promptCheckpoint), session}));
    if (title != row.title) TRY_STATUS(setTitle(session, title, TitleSource::words));
    return setOwned(session, {checkpoint, promptCheckpoint});
}

Result<qint64> LibraryDb::leafBelow(qint64 session, qint64 node) {
    TRY(const Place place, placeOf(session, node));
    TRY(const QVariant newest,
        readSql(db_,
                QByteArray(QByteArray(kBelow) +
                           "SELECT max(id) FROM (SELECT max(id) AS id FROM nodes WHERE branch=? "
                           "AND depth>=? AND deleted_at=0 UNION ALL SELECT max(nodes.id) FROM "
                           "nodes JOIN below ON nodes.branch=below.id WHERE deleted_at=0)")
                    .constData(),
                {place.branch, place.depth, place.branch, place.depth}));
    qint64 leaf = newest.toLongLong();
    if (leaf == 0) leaf = node;
    // Newer is deeper, unless the clock was set back in between.
    for (;;) {
        TRY(const QVariant child,
            readSql(db_, "SELECT max(id) FROM nodes WHERE session=? AND parent=? AND deleted_at=0",
                    {session, leaf}));
        if (child.toLongLong() == 0) return leaf;
        leaf = child.toLongLong();
    }
}

Status LibraryDb::setLeaf(qint64 session, qint64 node) {
    Transaction change(db_, depth_);
    if (node != 0) TRY_STATUS(placeOf(session, node));
    TRY_STATUS(runSql(db_, "UPDATE sessions SET leaf=? WHERE id=?", {node, session}));
    TRY_STATUS(refreshRow(session));
    return change.commit();
}

Result<SessionPage> LibraryDb::page(qint64 session, int limit) {
    SessionPage out;
    TRY(out.row, this->session(session));
    TRY(QSqlQuery query,
        runSql(db_, "SELECT settings, queued FROM sessions WHERE id=?", {session}));
    if (query.next()) {
        out.settings = SessionSettings::fromJson(query.value(0).toByteArray());
        const QVariantList queued =
            QJsonDocument::fromJson(query.value(1).toByteArray()).toVariant().toList();
        for (const QVariant& one : queued) out.queued << one.toString();
    }
    query.finish();
    if (out.row.leaf == 0) return out;
    TRY(const Place place, placeOf(session, out.row.leaf));
    TRY(out.messages, read(place, limit));
    out.earlier = !out.messages.empty() && out.messages.front().parent != 0;
    TRY_STATUS(fillSiblings(session, out.messages));
    return out;
}

Result<SessionPage> LibraryDb::earlier(qint64 session, qint64 node, int limit) {
    SessionPage out;
    TRY(out.row, this->session(session));
    TRY(const QVariant parent,
        readSql(db_, "SELECT parent FROM nodes WHERE id=? AND session=?", {node, session}, 0));
    if (parent.toLongLong() == 0) return out;
    TRY(const Place place, placeOf(session, parent.toLongLong()));
    TRY(out.messages, read(place, limit));
    out.earlier = !out.messages.empty() && out.messages.front().parent != 0;
    TRY_STATUS(fillSiblings(session, out.messages));
    return out;
}

Result<std::vector<Message>> LibraryDb::engineMessagesBefore(qint64 session, qint64 node) {
    std::vector<Message> out;
    TRY(const QVariant parent,
        readSql(db_, "SELECT parent FROM nodes WHERE id=? AND session=?", {node, session}, 0));
    if (parent.toLongLong() == 0) return out;
    TRY(const Place place, placeOf(session, parent.toLongLong()));
    TRY(const auto messages, read(place, 1 << 30));
    for (const ChatMessage& message : messages)
        for (const Message& one : message.engineMessages) out.push_back(one);
    return out;
}

Result<qint64> LibraryDb::deleteMessage(qint64 session, qint64 node) {
    Transaction change(db_, depth_);
    TRY(const SessionRow row, this->session(session));
    TRY(const Place place, placeOf(session, node));
    TRY(const QVariant parent, readSql(db_, "SELECT parent FROM nodes WHERE id=?", {node}));
    TRY(const QVariant newest,
        readSql(db_, "SELECT max(deleted_at) FROM nodes WHERE deleted_at>0", {}, 0));
    const qint64 mark = std::max(QDateTime::currentMSecsSinceEpoch(), newest.toLongLong() + 1);
    TRY_STATUS(
        runSql(db_,
               QString::fromLatin1(kBelow) +
                   QStringLiteral("UPDATE nodes SET deleted_at=? WHERE deleted_at=0 AND "
                                  "((branch=? AND depth>=?) OR branch IN (SELECT id FROM below))"),
               {place.branch, place.depth, mark, place.branch, place.depth}));
    qint64 leaf = parent.toLongLong();
    if (leaf == 0) {
        TRY(const QVariant root,
            readSql(db_, "SELECT max(id) FROM nodes WHERE session=? AND parent=0 AND deleted_at=0",
                    {session}));
        leaf = root.toLongLong();
    }
    if (leaf != 0) {
        TRY(leaf, leafBelow(session, leaf));
    }
    TRY_STATUS(setLeaf(session, leaf));
    TRY_STATUS(change.commit());
    return mark;
}

Status LibraryDb::restoreMessages(qint64 session, qint64 mark, qint64 leaf) {
    Transaction change(db_, depth_);
    TRY_STATUS(runSql(db_, "UPDATE nodes SET deleted_at=0 WHERE deleted_at=? AND session=?",
                      {mark, session}));
    TRY_STATUS(setLeaf(session, leaf));
    return change.commit();
}

Result<qint64> LibraryDb::fork(qint64 session, qint64 node, const QString& title) {
    Transaction change(db_, depth_);
    TRY(SessionRow row, this->session(session));
    TRY(const Place place, placeOf(session, node));
    TRY(const auto ranges, pathTo(place));
    TRY(const QVariant settings,
        readSql(db_, "SELECT settings FROM sessions WHERE id=?", {session}));
    row.id = newMessageId();
    row.uuid.clear();
    row.createdMs = row.updatedMs = 0;
    row.pinned = false;
    row.title = title;
    row.titleSource = TitleSource::user;
    TRY_STATUS(createSession(row, SessionSettings::fromJson(settings.toByteArray())));
    TRY(const QSqlQuery branch,
        runSql(db_, "INSERT INTO branches(session, parent, fork_depth) VALUES(?,0,0)", {row.id}));
    const qint64 to = branch.lastInsertId().toLongLong();
    const qint64 first = newMessageId(place.depth + 1);
    for (const Range& range : ranges) {
        TRY_STATUS(runSql(
            db_,
            "INSERT INTO nodes(id, session, parent, branch, depth, author, created, tokens, "
            "evaluate_s, prompt_checkpoint, checkpoint, payload) SELECT ?+depth, ?, CASE WHEN "
            "depth=0 THEN 0 ELSE ?+depth-1 END, ?, depth, author, created, tokens, evaluate_s, "
            "prompt_checkpoint, checkpoint, payload FROM nodes WHERE branch=? AND depth BETWEEN ? "
            "AND ?",
            {first, row.id, first, to, range.branch, range.first, range.last}));
        TRY_STATUS(runSql(db_,
                          "INSERT INTO search(rowid, body) SELECT ?+nodes.depth, search.body FROM "
                          "nodes JOIN search ON search.rowid=nodes.id WHERE nodes.branch=? AND "
                          "nodes.depth BETWEEN ? AND ?",
                          {first, range.branch, range.first, range.last}));
    }
    TRY_STATUS(setLeaf(row.id, first + place.depth));
    TRY_STATUS(change.commit());
    return row.id;
}

Status LibraryDb::eachNode(qint64 session, const std::function<Status(const ChatMessage&)>& visit) {
    // By depth, so that a parent comes before its children even if the clock was set back.
    TRY(QSqlQuery query,
        runSql(db_,
               QStringLiteral("SELECT %1 FROM nodes WHERE session=? AND deleted_at=0 ORDER BY "
                              "depth, id")
                   .arg(QLatin1String(kNodeColumns)),
               {session}));
    while (query.next()) TRY_STATUS(visit(readMessage(query)));
    if (query.lastError().isValid()) return sqlFail(query.lastError());
    return {};
}

Status LibraryDb::eachOnPath(qint64 session,
                             const std::function<Status(const ChatMessage&)>& visit) {
    TRY(const SessionRow row, this->session(session));
    if (row.leaf == 0) return {};
    TRY(const Place place, placeOf(session, row.leaf));
    TRY(auto ranges, pathTo(place));
    std::reverse(ranges.begin(), ranges.end());
    for (const Range& range : ranges) {
        TRY(QSqlQuery query,
            runSql(db_,
                   QStringLiteral("SELECT %1 FROM nodes WHERE branch=? AND depth BETWEEN ? AND ? "
                                  "ORDER BY depth")
                       .arg(QLatin1String(kNodeColumns)),
                   {range.branch, range.first, range.last}));
        while (query.next()) TRY_STATUS(visit(readMessage(query)));
        if (query.lastError().isValid()) return sqlFail(query.lastError());
    }
    return {};
}

}  // namespace starglass::ui

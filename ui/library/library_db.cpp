// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/library_db.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QUuid>
#include <atomic>

#include "library/library_file.h"
#include "library/message_codec.h"
#include "library/sql.h"

namespace starglass::ui {
namespace {

constexpr const char* kRowColumns =
    "s.id, s.uuid, s.title, s.title_source, s.created, s.updated, s.pinned, s.model_name, "
    "s.model_fingerprint, s.leaf, s.tokens, s.last_line, s.checkpoint, s.prompt_checkpoint";

SessionRow readRow(const QSqlQuery& query) {
    SessionRow row;
    row.id = query.value(0).toLongLong();
    row.uuid = query.value(1).toString();
    row.title = query.value(2).toString();
    row.titleSource = static_cast<TitleSource>(std::clamp(query.value(3).toInt(), 0, 2));
    row.createdMs = query.value(4).toLongLong();
    row.updatedMs = query.value(5).toLongLong();
    row.pinned = query.value(6).toBool();
    row.modelName = query.value(7).toString();
    row.modelFingerprint = query.value(8).toString();
    row.leaf = query.value(9).toLongLong();
    row.tokens = query.value(10).toLongLong();
    row.lastLine = query.value(11).toString();
    row.checkpoint = query.value(12).toString();
    row.promptCheckpoint = query.value(13).toString();
    return row;
}

qint64 nowMs() {
    return QDateTime::currentMSecsSinceEpoch();
}

}  // namespace

LibraryDb::LibraryDb(QSqlDatabase db, QString connection, QString notice)
    : db_(std::move(db)), connection_(std::move(connection)), notice_(std::move(notice)) {
}

LibraryDb::~LibraryDb() {
    db_.close();
    db_ = {};
    QSqlDatabase::removeDatabase(connection_);
}

Result<std::unique_ptr<LibraryDb>> LibraryDb::open(const QString& path) {
    static std::atomic<int> count{0};
    const QString connection = QStringLiteral("starglass-library-%1").arg(++count);
    TRY(OpenedLibrary opened, openLibraryFile(path, connection));
    std::unique_ptr<LibraryDb> out(new LibraryDb(opened.db, connection, opened.notice));
    opened.db = {};
    TRY_STATUS(out->recover());
    TRY_STATUS(out->purge(nowMs() + 1));
    return out;
}

Status LibraryDb::inTransaction(const std::function<Status()>& body) {
    Transaction change(db_, depth_);
    bulk_ = true;
    const Status done = body();
    bulk_ = false;
    const std::set<qint64> stale = std::exchange(stale_, {});
    TRY_STATUS(done);
    for (const qint64 session : stale) TRY_STATUS(refreshRow(session));
    return change.commit();
}

Status LibraryDb::recover() {
    std::vector<std::pair<qint64, ChatMessage>> broken;
    {
        TRY(QSqlQuery query,
            runSql(db_, "SELECT id, payload FROM nodes WHERE running<>0 AND deleted_at=0"));
        while (query.next()) {
            auto message =
                decodeMessage(QJsonDocument::fromJson(query.value(1).toByteArray()).object());
            if (!message) continue;
            message->id = query.value(0).toLongLong();
            broken.emplace_back(message->id, std::move(*message));
        }
    }
    if (broken.empty()) return {};
    Transaction change(db_, depth_);
    for (auto& [id, message] : broken) {
        message.interrupted = true;
        Message said = partialReply(message);
        if (!said.content.empty() || !said.reasoning.empty())
            message.engineMessages.push_back(std::move(said));
        TRY_STATUS(
            runSql(db_, "UPDATE nodes SET running=0, payload=? WHERE id=?",
                   {QString::fromUtf8(
                        QJsonDocument(encodeMessage(message)).toJson(QJsonDocument::Compact)),
                    id}));
        TRY_STATUS(index(id, searchText(message)));
    }
    return change.commit();
}

// --- sessions ------------------------------------------------------------------------------

Result<SessionRows> LibraryDb::sessions() {
    TRY(QSqlQuery query, runSql(db_, QStringLiteral("SELECT %1 FROM sessions s WHERE deleted_at=0 "
                                                    "ORDER BY pinned DESC, updated DESC, id DESC")
                                         .arg(QLatin1String(kRowColumns))));
    SessionRows out;
    while (query.next()) out.push_back(readRow(query));
    if (query.lastError().isValid()) return sqlFail(query.lastError());
    // Few sessions have tags: one look at all of them is cheaper than one per row.
    TRY(QSqlQuery tags, runSql(db_, "SELECT session, tag FROM tags ORDER BY session, tag"));
    QHash<qint64, QStringList> tagged;
    while (tags.next()) tagged[tags.value(0).toLongLong()] << tags.value(1).toString();
    if (!tagged.isEmpty())
        for (SessionRow& row : out) row.tags = tagged.value(row.id);
    return out;
}

Result<SessionRow> LibraryDb::session(qint64 id) {
    TRY(QSqlQuery query, runSql(db_,
                                QStringLiteral("SELECT %1 FROM sessions s WHERE id=? AND "
                                               "deleted_at=0")
                                    .arg(QLatin1String(kRowColumns)),
                                {id}));
    if (!query.next()) return fail(ErrorCode::not_found, "this session is not there any more");
    SessionRow row = readRow(query);
    TRY(QSqlQuery tags, runSql(db_, "SELECT tag FROM tags WHERE session=? ORDER BY tag", {id}));
    while (tags.next()) row.tags << tags.value(0).toString();
    return row;
}

Status LibraryDb::createSession(const SessionRow& row, const SessionSettings& settings) {
    Transaction change(db_, depth_);
    const QString uuid =
        row.uuid.isEmpty() ? QUuid::createUuid().toString(QUuid::WithoutBraces) : row.uuid;
    const qint64 now = nowMs();
    TRY_STATUS(runSql(
        db_,
        "INSERT INTO sessions(id, uuid, title, title_source, created, updated, pinned, settings, "
        "model_name, model_fingerprint) VALUES(?,?,?,?,?,?,?,?,?,?)",
        {row.id, uuid, row.title.isNull() ? QStringLiteral("") : row.title,
         static_cast<int>(row.titleSource), row.createdMs > 0 ? row.createdMs : now,
         row.updatedMs > 0 ? row.updatedMs : now, row.pinned, QString::fromUtf8(settings.json()),
         row.modelName.isNull() ? QStringLiteral("") : row.modelName,
         row.modelFingerprint.isNull() ? QStringLiteral("") : row.modelFingerprint}));
    TRY_STATUS(index(-row.id, row.title));
    if (!row.tags.isEmpty()) TRY_STATUS(setTags(row.id, row.tags));
    return change.commit();
}

Status LibraryDb::setTitle(qint64 session, const QString& title, TitleSource source) {
    Transaction change(db_, depth_);
    TRY_STATUS(
        runSql(db_, "UPDATE sessions SET title=?, title_source=? WHERE id=?",
               {title.isNull() ? QStringLiteral("") : title, static_cast<int>(source), session}));
    TRY_STATUS(index(-session, title));
    return change.commit();
}

Status LibraryDb::setPinned(qint64 session, bool pinned) {
    TRY_STATUS(runSql(db_, "UPDATE sessions SET pinned=? WHERE id=?", {pinned ? 1 : 0, session}));
    return {};
}

Status LibraryDb::setTags(qint64 session, const QStringList& tags) {
    Transaction change(db_, depth_);
    TRY_STATUS(runSql(db_, "DELETE FROM tags WHERE session=?", {session}));
    for (const QString& tag : tags) {
        const QString clean = lineFromText(tag).left(40).remove(QChar(31));
        if (!clean.isEmpty())
            TRY_STATUS(runSql(db_, "INSERT OR IGNORE INTO tags(session, tag) VALUES(?,?)",
                              {session, clean}));
    }
    return change.commit();
}

Status LibraryDb::setSettings(qint64 session, const SessionSettings& settings) {
    TRY_STATUS(runSql(db_, "UPDATE sessions SET settings=? WHERE id=?",
                      {QString::fromUtf8(settings.json()), session}));
    return {};
}

Status LibraryDb::setQueued(qint64 session, const QStringList& texts) {
    const QByteArray json =
        QJsonDocument(QJsonArray::fromStringList(texts)).toJson(QJsonDocument::Compact);
    TRY_STATUS(
        runSql(db_, "UPDATE sessions SET queued=? WHERE id=?", {QString::fromUtf8(json), session}));
    return {};
}

Status LibraryDb::setDeleted(qint64 session, bool deleted) {
    Transaction change(db_, depth_);
    TRY_STATUS(runSql(db_, "UPDATE sessions SET deleted_at=? WHERE id=?",
                      {deleted ? nowMs() : qint64{0}, session}));
    // Undo finds the checkpoints still there: they are released when the session is purged.
    return change.commit();
}

Status LibraryDb::purge(qint64 beforeMs) {
    Transaction change(db_, depth_);
    const auto drop = [&](const char* which) -> Status {
        TRY_STATUS(runSql(db_,
                          QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT id FROM nodes "
                                         "WHERE %1)")
                              .arg(QLatin1String(which)),
                          {beforeMs}));
        TRY_STATUS(runSql(db_,
                          QStringLiteral("DELETE FROM nodes WHERE %1").arg(QLatin1String(which)),
                          {beforeMs}));
        return {};
    };
    TRY_STATUS(drop("session IN (SELECT id FROM sessions WHERE deleted_at>0 AND deleted_at<?)"));
    TRY_STATUS(drop("deleted_at>0 AND deleted_at<?"));
    TRY_STATUS(runSql(db_,
                      "DELETE FROM search WHERE rowid IN (SELECT -id FROM sessions WHERE "
                      "deleted_at>0 AND deleted_at<?)",
                      {beforeMs}));
    TRY_STATUS(runSql(db_,
                      "UPDATE owned SET wanted=0, done=0 WHERE session IN (SELECT id FROM "
                      "sessions WHERE deleted_at>0 AND deleted_at<?)",
                      {beforeMs}));
    TRY_STATUS(runSql(db_, "DELETE FROM sessions WHERE deleted_at>0 AND deleted_at<?", {beforeMs}));
    return change.commit();
}

// --- checkpoints and rates -----------------------------------------------------------------

Status LibraryDb::setOwned(qint64 session, const QStringList& checkpoints) {
    TRY_STATUS(runSql(db_,
                      "UPDATE owned SET wanted=0, done=0 WHERE session=? AND wanted=1 AND "
                      "checkpoint NOT IN (?,?)",
                      {session, checkpoints.value(0), checkpoints.value(1)}));
    for (const QString& checkpoint : checkpoints) {
        if (checkpoint.isEmpty()) continue;
        TRY_STATUS(runSql(db_,
                          "INSERT INTO owned(checkpoint, session, wanted, done) VALUES(?,?,1,0) "
                          "ON CONFLICT(checkpoint, session) DO UPDATE SET done=CASE WHEN "
                          "wanted=1 THEN done ELSE 0 END, wanted=1",
                          {checkpoint, session}));
    }
    return {};
}

Result<std::vector<OwnedCheckpoint>> LibraryDb::ownershipToTell() {
    // One that another session still wants stays.
    TRY(QSqlQuery query,
        runSql(db_,
               "SELECT checkpoint, max(wanted) FROM owned WHERE checkpoint IN (SELECT "
               "checkpoint FROM owned WHERE done=0) GROUP BY checkpoint"));
    std::vector<OwnedCheckpoint> out;
    while (query.next()) out.push_back({query.value(0).toString(), query.value(1).toBool()});
    return out;
}

Status LibraryDb::ownershipTold(const QString& checkpoint, bool wanted) {
    Transaction change(db_, depth_);
    // What was given up while the cache was being told the opposite is still to be told.
    TRY_STATUS(runSql(db_,
                      wanted ? "DELETE FROM owned WHERE checkpoint=? AND wanted=0 AND "
                               "checkpoint IN (SELECT checkpoint FROM owned WHERE wanted=1)"
                             : "DELETE FROM owned WHERE checkpoint=? AND wanted=0",
                      {checkpoint}));
    if (wanted)
        TRY_STATUS(
            runSql(db_, "UPDATE owned SET done=1 WHERE checkpoint=? AND wanted=1", {checkpoint}));
    return change.commit();
}

Status LibraryDb::renameCheckpoint(qint64 session, const QString& from, const QString& to) {
    Transaction change(db_, depth_);
    for (const char* column : {"checkpoint", "prompt_checkpoint"})
        TRY_STATUS(runSql(db_,
                          QStringLiteral("UPDATE nodes SET %1=? WHERE session=? AND %1=?")
                              .arg(QLatin1String(column)),
                          {to, session, from}));
    TRY_STATUS(refreshRow(session));
    return change.commit();
}

Status LibraryDb::setPrefillRate(const QString& fingerprint, double tokensPerSecond) {
    TRY_STATUS(runSql(db_,
                      "INSERT INTO rates(model, prefill) VALUES(?,?) ON CONFLICT(model) DO UPDATE "
                      "SET prefill=excluded.prefill",
                      {fingerprint, tokensPerSecond}));
    return {};
}

Result<double> LibraryDb::prefillRate(const QString& fingerprint) {
    TRY(const QVariant rate,
        readSql(db_, "SELECT prefill FROM rates WHERE model=?", {fingerprint}, 0.0));
    return rate.toDouble();
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/library_file.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>

#include "library/sql.h"

namespace starglass::ui {
namespace {

// Checking every page of a small file costs less than a blink; of a large one it would keep the
// list of sessions away for seconds, so there damage is found when it is met.
constexpr qint64 kCheckBytesMax = 64 << 20;
constexpr int kBusyMs = 5000;

QString say(const char* text) {
    return QCoreApplication::translate("Library", text);
}

void close(const QString& connection) {
    QSqlDatabase::removeDatabase(connection);
}

Result<QSqlDatabase> connectTo(const QString& path, const QString& connection) {
    if (!QSqlDatabase::isDriverAvailable(QStringLiteral("QSQLITE")))
        return fail(ErrorCode::unsupported,
                    "Qt's SQLite driver is missing (package libqt6sql6-sqlite)");
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection);
    db.setDatabaseName(path);
    db.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1").arg(kBusyMs));
    if (!db.open())
        return fail(ErrorCode::io, "'{}' cannot be opened: {}", path.toStdString(),
                    db.lastError().databaseText().toStdString());
    return db;
}

// Everything that reading a damaged file stumbles over early.
Status check(const QSqlDatabase& db, bool thorough) {
    TRY_STATUS(readSql(db, "SELECT count(*) FROM sqlite_master"));
    if (!thorough) return {};
    TRY(const QVariant answer, readSql(db, "PRAGMA quick_check(1)"));
    if (answer.toString() != QLatin1String("ok"))
        return fail(ErrorCode::invalid_input, "{}", answer.toString().toStdString());
    return {};
}

Status configure(const QSqlDatabase& db) {
    // FULL: a message that was sent is on disk when the window says so. One flush per message, or
    // per half second while an answer is written, is no burden.
    for (const char* pragma :
         {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
          // What was deleted is really gone: some people keep other people's secrets here.
          "PRAGMA secure_delete=ON", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-16384"})
        TRY_STATUS(runSql(db, pragma));
    return {};
}

Status haveFts5(const QSqlDatabase& db) {
    TRY(const QVariant known,
        readSql(db, "SELECT count(*) FROM pragma_module_list WHERE name='fts5'"));
    if (known.toInt() == 0)
        return fail(ErrorCode::unsupported,
                    "this SQLite was built without FTS5, which searching the sessions needs");
    return {};
}

Status migrate(const QSqlDatabase& db, const QString& path, int from,
               const std::vector<Migration>& migrations) {
    if (from > 0) {
        const QString copy = path + QStringLiteral(".bak-v%1").arg(from);
        // An earlier attempt may have left one; it is as old, and this one is complete.
        const QString kept = copy + QStringLiteral(".tmp");
        QFile::remove(kept);
        TRY_STATUS(runSql(db, "VACUUM INTO ?", {kept}));
        QFile::remove(copy);
        if (!QFile::rename(kept, copy))
            return fail(ErrorCode::io, "the copy '{}' cannot be written", copy.toStdString());
    }
    int depth = 0;
    Transaction change(db, depth);
    for (const Migration& step : migrations) {
        if (step.version <= from) continue;
        for (const QString& statement : step.statements) TRY_STATUS(runSql(db, statement));
        TRY_STATUS(runSql(db, QStringLiteral("PRAGMA user_version=%1").arg(step.version)));
    }
    return change.commit();
}

// Returns the new name, or an empty one.
QString setAside(const QString& path) {
    const QString name = path + QStringLiteral(".damaged-") +
                         QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss"));
    QString unused = name;
    for (int i = 2; QFileInfo::exists(unused); ++i) unused = name + QStringLiteral("-%1").arg(i);
    if (!QFile::rename(path, unused)) return {};
    for (const char* ending : {"-wal", "-shm"})
        if (QFileInfo::exists(path + QLatin1String(ending)))
            QFile::rename(path + QLatin1String(ending), unused + QLatin1String(ending));
    return unused;
}

Result<OpenedLibrary> openOnce(const QString& path, const QString& connection,
                               const std::vector<Migration>& migrations, bool& damaged) {
    damaged = false;
    const bool file = path != QLatin1String(":memory:");
    TRY(const QSqlDatabase db, connectTo(path, connection));
    const bool thorough = file && QFileInfo(path).size() <= kCheckBytesMax;
    const auto version = [&]() -> Result<int> {
        TRY_STATUS(check(db, thorough));
        TRY(const QVariant value, readSql(db, "PRAGMA user_version"));
        return value.toInt();
    }();
    if (!version) {
        damaged = version.error().code == ErrorCode::invalid_input;
        return tl::unexpected<Error>(version.error());
    }
    const int newest = migrations.back().version;
    if (*version > newest)
        return fail(ErrorCode::unsupported,
                    "'{}' was written by a newer Starglass (layout {}, this one knows {})",
                    path.toStdString(), *version, newest);
    TRY_STATUS(haveFts5(db));
    TRY_STATUS(configure(db));
    if (*version < newest) TRY_STATUS(migrate(db, path, *version, migrations));
    return OpenedLibrary{db, {}};
}

}  // namespace

Result<OpenedLibrary> openLibraryFile(const QString& path, const QString& connection,
                                      const std::vector<Migration>& migrations) {
    if (path != QLatin1String(":memory:")) {
        const QString folder = QFileInfo(path).absolutePath();
        if (!QDir().mkpath(folder))
            return fail(ErrorCode::io, "the folder '{}' cannot be made", folder.toStdString());
        // Conversations are nobody else's business.
        if (!QFileInfo::exists(path)) {
            QFile made(path);
            if (!made.open(QIODevice::WriteOnly))
                return fail(ErrorCode::io, "'{}' cannot be written: {}", path.toStdString(),
                            made.errorString().toStdString());
            made.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
        }
    }
    bool damaged = false;
    auto first = openOnce(path, connection, migrations, damaged);
    if (first) return first;
    close(connection);
    if (!damaged) return first;
    const QString aside = setAside(path);
    if (aside.isEmpty())
        return fail(ErrorCode::io, "'{}' is damaged and cannot be moved away", path.toStdString());
    auto second = openOnce(path, connection, migrations, damaged);
    if (!second) {
        close(connection);
        return second;
    }
    second->notice =
        say("The file of your sessions was damaged. It is kept as '%1', and a new one was begun.")
            .arg(aside);
    return second;
}

const std::vector<Migration>& libraryMigrations() {
    static const std::vector<Migration> kMigrations{
        {1,
         {QStringLiteral(R"(
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL DEFAULT '', title_source INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL, updated INTEGER NOT NULL,
  pinned INTEGER NOT NULL DEFAULT 0, deleted_at INTEGER NOT NULL DEFAULT 0,
  settings TEXT NOT NULL DEFAULT '{}',
  model_name TEXT NOT NULL DEFAULT '', model_fingerprint TEXT NOT NULL DEFAULT '',
  leaf INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0,
  last_line TEXT NOT NULL DEFAULT '',
  checkpoint TEXT NOT NULL DEFAULT '', prompt_checkpoint TEXT NOT NULL DEFAULT ''))"),
          QStringLiteral(
              "CREATE INDEX sessions_order ON sessions(deleted_at, pinned DESC, updated DESC)"),
          QStringLiteral(R"(
CREATE TABLE tags(
  session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  tag TEXT NOT NULL, PRIMARY KEY(session, tag)) WITHOUT ROWID)"),
          // A branch is a chain of messages without gaps in depth. Its first one hangs on the
          // message of `parent` at fork_depth - 1. So a path is a few ranges of an index.
          QStringLiteral(R"(
CREATE TABLE branches(
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  parent INTEGER NOT NULL, fork_depth INTEGER NOT NULL))"),
          QStringLiteral("CREATE INDEX branches_parent ON branches(parent)"),
          QStringLiteral("CREATE INDEX branches_session ON branches(session)"), QStringLiteral(R"(
CREATE TABLE nodes(
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  parent INTEGER NOT NULL,
  branch INTEGER NOT NULL REFERENCES branches(id) ON DELETE CASCADE,
  depth INTEGER NOT NULL,
  author INTEGER NOT NULL, created INTEGER NOT NULL,
  running INTEGER NOT NULL DEFAULT 0, deleted_at INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0, evaluate_s REAL NOT NULL DEFAULT 0,
  prompt_checkpoint TEXT NOT NULL DEFAULT '', checkpoint TEXT NOT NULL DEFAULT '',
  payload TEXT NOT NULL))"),
          QStringLiteral("CREATE UNIQUE INDEX nodes_place ON nodes(branch, depth)"),
          QStringLiteral("CREATE INDEX nodes_live ON nodes(branch, deleted_at, depth)"),
          QStringLiteral("CREATE INDEX nodes_children ON nodes(session, parent, deleted_at)"),
          QStringLiteral("CREATE INDEX nodes_running ON nodes(running) WHERE running<>0"),
          QStringLiteral("CREATE INDEX nodes_deleted ON nodes(deleted_at) WHERE deleted_at>0"),
          // Row ids are those of nodes; a session's title is the row -id.
          QStringLiteral("CREATE VIRTUAL TABLE search USING fts5(body, prefix='1 2 3', "
                         "tokenize='unicode61 remove_diacritics 2')"),
          // Checkpoints the KV cache keeps for us; done=0: it has not been told yet.
          QStringLiteral(R"(
CREATE TABLE owned(
  checkpoint TEXT NOT NULL, session INTEGER NOT NULL, wanted INTEGER NOT NULL DEFAULT 1,
  done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(checkpoint, session)) WITHOUT ROWID)")}},
        {2,
         {// What was typed and not sent yet.
          QStringLiteral("ALTER TABLE sessions ADD COLUMN queued TEXT NOT NULL DEFAULT '[]'"),
          // Measured prefill, tokens per second, by model fingerprint.
          QStringLiteral("CREATE TABLE rates(model TEXT PRIMARY KEY, prefill REAL NOT NULL) "
                         "WITHOUT ROWID")}},
    };
    return kMigrations;
}

}  // namespace starglass::ui

// SPDX-License-Identifier: MIT
//
// The sessions' database: layout, tree, search, journal, files. Real SQLite files in a temporary
// folder; no window.
#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

#include "library/library_db.h"
#include "library/library_file.h"
#include "library/message_codec.h"
#include "library/session_file.h"

using namespace starglass;
using namespace starglass::ui;

namespace {

ChatMessage typed(const char* text, qint64 parent) {
    ChatMessage out;
    out.id = newMessageId();
    out.parent = parent;
    out.author = ChatMessage::Author::user;
    out.text = text;
    Message engine;
    engine.role = Role::user;
    engine.content = text;
    out.engineMessages.push_back(engine);
    return out;
}

ChatMessage answered(const char* text, qint64 parent) {
    ChatMessage out;
    out.id = newMessageId();
    out.parent = parent;
    out.author = ChatMessage::Author::assistant;
    out.speaker = QStringLiteral("Model");
    ChatPart thinking;
    thinking.kind = ChatPart::Kind::thinking;
    thinking.text = "let me see";
    thinking.closed = true;
    thinking.seconds = 1.25;
    thinking.tokens = 3;
    out.parts.push_back(thinking);
    ChatPart answer;
    answer.text = text;
    answer.closed = true;
    out.parts.push_back(answer);
    Message engine;
    engine.role = Role::assistant;
    engine.content = text;
    engine.reasoning = "let me see";
    out.engineMessages.push_back(engine);
    out.summary = ReplySummary{};
    out.summary->tokens = 7;
    out.summary->reuse = ReuseSource::disk;
    out.summary->savedSeconds = 12.5;
    out.summary->note = QStringLiteral("a checkpoint was set aside");
    out.timelineTokens = 100;
    return out;
}

QString value(const Status& status) {
    return status ? QString() : QString::fromStdString(status.error().message);
}

#define OK(...)                                              \
    do {                                                     \
        const Status done = (__VA_ARGS__);                   \
        QVERIFY2(done.has_value(), qPrintable(value(done))); \
    } while (false)
#define GET(name, ...)                                                                            \
    auto name##Result = (__VA_ARGS__);                                                            \
    QVERIFY2(name##Result.has_value(), name##Result ? "" : name##Result.error().message.c_str()); \
    auto& name = *name##Result

struct Folder {
    QTemporaryDir dir;
    [[nodiscard]] QString path(const QString& name = QStringLiteral("sessions.db")) const {
        return dir.filePath(name);
    }
    [[nodiscard]] std::unique_ptr<LibraryDb> open() const {
        auto made = LibraryDb::open(path());
        if (!made) qWarning("%s", made.error().message.c_str());
        return made ? std::move(*made) : nullptr;
    }
};

qint64 newSession(LibraryDb& db, const QString& title = {}) {
    SessionRow row;
    row.id = newMessageId();
    row.title = title;
    return db.createSession(row, {}) ? row.id : 0;
}

QStringList texts(const SessionPage& page) {
    QStringList out;
    for (const ChatMessage& message : page.messages)
        out << (message.author == ChatMessage::Author::user
                    ? QString::fromUtf8(message.text)
                    : QString::fromUtf8(message.parts.back().text));
    return out;
}

// What killedWhileWriting() kills: writes an answer as the window does until it is.
int streamForever(const QString& path) {
    auto db = LibraryDb::open(path);
    if (!db) return 1;
    const qint64 session = newSession(**db);
    ChatMessage question = typed("count for me", 0);
    if (!(*db)->saveMessage(session, question)) return 1;
    ChatMessage reply = answered("", question.id);
    reply.summary.reset();
    reply.engineMessages.clear();
    reply.running = true;
    QElapsedTimer clock, since;
    clock.start();
    since.start();
    for (;;) {
        // The number is the time: what is missing afterwards can be read off.
        reply.parts.back().text = "started " + QByteArray::number(clock.elapsed()) + " ms ago";
        if (since.elapsed() >= 450) {
            since.restart();
            if (!(*db)->saveMessage(session, reply)) return 1;
            std::printf("%lld\n", static_cast<long long>(clock.elapsed()));
            std::fflush(stdout);
        }
        QTest::qSleep(5);
    }
}

}  // namespace

class LibraryTest : public QObject {
    Q_OBJECT
private slots:
    void aMessageComesBackExactly() {
        ChatMessage message = answered("so **it** is: \u00e9\u4e2d", 0);
        ChatPart tool;
        tool.kind = ChatPart::Kind::tool;
        tool.closed = true;
        tool.toolName = "calculator";
        tool.toolArguments = "{\"expression\":\"1+1\"}";
        tool.toolResult = "2";
        message.parts.push_back(tool);
        ChatPart error;
        error.kind = ChatPart::Kind::error;
        error.closed = true;
        error.error = {QStringLiteral("a"), QStringLiteral("b"), QStringLiteral("c"),
                       QStringLiteral("d")};
        message.parts.push_back(error);
        message.engineMessages[0].tool_calls.push_back({"call_1", "calculator", "{}"});
        const QJsonObject json = encodeMessage(message);
        GET(back, decodeMessage(json));
        QCOMPARE(QJsonDocument(encodeMessage(back)).toJson(), QJsonDocument(json).toJson());
        QCOMPARE(back.parts.size(), message.parts.size());
        QCOMPARE(back.parts[0].seconds, 1.25);
        QCOMPARE(back.parts[2].toolResult, QByteArray("2"));
        QCOMPARE(back.parts[3].error.next, QStringLiteral("c"));
        QCOMPARE(back.summary->savedSeconds, 12.5);
        QCOMPARE(back.engineMessages[0].tool_calls[0].id, std::string("call_1"));
    }

    void remembersAcrossStarts() {
        Folder folder;
        qint64 session = 0;
        {
            auto db = folder.open();
            session = newSession(*db);
            const ChatMessage first =
                typed("Why does the state take so little room on disk, and is anything lost?", 0);
            OK(db->saveMessage(session, first));
            ChatMessage reply = answered("Two reasons.", first.id);
            reply.checkpoint = QStringLiteral("abc");
            OK(db->saveMessage(session, reply, QStringLiteral("Model"), QStringLiteral("f00")));
            OK(db->setTags(session, {QStringLiteral("notes"), QStringLiteral("kv")}));
            OK(db->setPinned(session, true));
            SessionSettings settings;
            settings.think = ThinkMode::off;
            settings.tools = false;
            OK(db->setSettings(session, settings));
            OK(db->setQueued(session, {QStringLiteral("later")}));
        }
        auto db = folder.open();
        GET(rows, db->sessions());
        QCOMPARE(rows.size(), std::size_t{1});
        QCOMPARE(rows[0].title, QStringLiteral("Why does the state take so little room on disk,…"));
        QCOMPARE(rows[0].titleSource, TitleSource::words);
        QCOMPARE(rows[0].lastLine, QStringLiteral("Two reasons."));
        QCOMPARE(rows[0].tokens, 100);
        QCOMPARE(rows[0].checkpoint, QStringLiteral("abc"));
        QCOMPARE(rows[0].modelFingerprint, QStringLiteral("f00"));
        QCOMPARE(rows[0].tags.size(), 2);
        QVERIFY(rows[0].pinned);
        GET(page, db->page(session));
        QCOMPARE(page.messages.size(), std::size_t{2});
        QCOMPARE(page.messages[1].parts[1].text, QByteArray("Two reasons."));
        QCOMPARE(page.messages[1].summary->note, QStringLiteral("a checkpoint was set aside"));
        QCOMPARE(page.settings.think, ThinkMode::off);
        QCOMPARE(page.queued, QStringList{QStringLiteral("later")});
        QVERIFY(!page.earlier);
        // Renaming wins over first words.
        OK(db->setTitle(session, QStringLiteral("Mine"), TitleSource::user));
        OK(db->saveMessage(session, typed("more", page.messages[1].id)));
        GET(row, db->session(session));
        QCOMPARE(row.title, QStringLiteral("Mine"));
        QVERIFY(QFile::permissions(folder.path()).testFlag(QFile::ReadOwner));
        QVERIFY(!QFile::permissions(folder.path()).testFlag(QFile::ReadOther));
    }

    void branches() {
        Folder folder;
        auto db = folder.open();
        const qint64 session = newSession(*db);
        const ChatMessage q1 = typed("q1", 0);
        OK(db->saveMessage(session, q1));
        const ChatMessage a1 = answered("a1", q1.id);
        OK(db->saveMessage(session, a1));
        const ChatMessage q2 = typed("q2", a1.id);
        OK(db->saveMessage(session, q2));
        const ChatMessage a2 = answered("a2", q2.id);
        OK(db->saveMessage(session, a2));
        // Another answer to the first question, and one more message on it.
        const ChatMessage a1b = answered("a1b", q1.id);
        OK(db->saveMessage(session, a1b));
        const ChatMessage q2b = typed("q2b", a1b.id);
        OK(db->saveMessage(session, q2b));
        GET(now, db->page(session));
        QCOMPARE(texts(now), (QStringList{"q1", "a1b", "q2b"}));
        QCOMPARE(now.messages[1].branches(), 2);
        QCOMPARE(now.messages[1].branch(), 1);
        QCOMPARE(now.messages[0].branches(), 1);
        // Back to the first.
        GET(leaf, db->leafBelow(session, a1.id));
        QCOMPARE(leaf, a2.id);
        OK(db->setLeaf(session, leaf));
        GET(before, db->page(session));
        QCOMPARE(texts(before), (QStringList{"q1", "a1", "q2", "a2"}));
        // The first message edited: another root.
        const ChatMessage q0 = typed("q0", 0);
        OK(db->saveMessage(session, q0));
        GET(edited, db->page(session));
        QCOMPARE(texts(edited), QStringList{"q0"});
        QCOMPARE(edited.messages[0].branches(), 2);
        GET(below, db->leafBelow(session, q1.id));
        QCOMPARE(below, q2b.id);
        // A fork is a copy of the path, and leaves the original alone.
        GET(copy, db->fork(session, q2.id, QStringLiteral("copy")));
        GET(forked, db->page(copy));
        QCOMPARE(texts(forked), (QStringList{"q1", "a1", "q2"}));
        QVERIFY(forked.messages[0].id != q1.id);
        QCOMPARE(forked.messages[2].parent, forked.messages[1].id);
        OK(db->saveMessage(copy, answered("a2c", forked.messages[2].id)));
        GET(longer, db->page(copy));
        QCOMPARE(longer.messages.size(), std::size_t{4});
    }

    void deletingAndUndo() {
        Folder folder;
        auto db = folder.open();
        const qint64 session = newSession(*db);
        const ChatMessage q1 = typed("keepme", 0);
        OK(db->saveMessage(session, q1));
        const ChatMessage a1 = answered("first", q1.id);
        OK(db->saveMessage(session, a1));
        const ChatMessage q2 = typed("dropme", a1.id);
        OK(db->saveMessage(session, q2));
        const ChatMessage a2 = answered("second", q2.id);
        OK(db->saveMessage(session, a2));
        const ChatMessage a2b = answered("third", q2.id);
        OK(db->saveMessage(session, a2b));
        GET(mark, db->deleteMessage(session, q2.id));
        GET(page, db->page(session));
        QCOMPARE(texts(page), (QStringList{"keepme", "first"}));
        GET(gone, db->search(QStringLiteral("dropme")));
        QVERIFY(gone.empty());
        OK(db->restoreMessages(session, mark, a2.id));
        GET(back, db->page(session));
        QCOMPARE(texts(back), (QStringList{"keepme", "first", "dropme", "second"}));
        QCOMPARE(back.messages[3].branches(), 2);
        // A new message where a deleted one was.
        GET(again, db->deleteMessage(session, q2.id));
        (void)again;
        OK(db->saveMessage(session, typed("other", a1.id)));
        GET(other, db->page(session));
        QCOMPARE(texts(other), (QStringList{"keepme", "first", "other"}));
        // The whole session, and its end.
        OK(db->setDeleted(session, true));
        GET(none, db->sessions());
        QVERIFY(none.empty());
        OK(db->setDeleted(session, false));
        GET(one, db->sessions());
        QCOMPARE(one.size(), std::size_t{1});
        OK(db->setDeleted(session, true));
        db.reset();
        db = folder.open();  // starting again purges
        QSqlQuery count(QStringLiteral("SELECT (SELECT count(*) FROM nodes)+(SELECT count(*) FROM "
                                       "sessions)+(SELECT count(*) FROM search)"),
                        db->handle());
        QVERIFY(count.next());
        QCOMPARE(count.value(0).toInt(), 0);
    }

    void deletingEverything() {
        Folder folder;
        auto db = folder.open();
        const qint64 session = newSession(*db);
        const ChatMessage q1 = typed("only", 0);
        OK(db->saveMessage(session, q1));
        GET(mark, db->deleteMessage(session, q1.id));
        GET(empty, db->page(session));
        QVERIFY(empty.messages.empty());
        OK(db->restoreMessages(session, mark, q1.id));
        GET(back, db->page(session));
        QCOMPARE(texts(back), QStringList{"only"});
    }

    void pages() {
        Folder folder;
        auto db = folder.open();
        const qint64 session = newSession(*db);
        qint64 parent = 0;
        OK(db->inTransaction([&]() -> Status {
            for (int i = 0; i < 450; ++i) {
                ChatMessage one = typed(qPrintable(QString::number(i)), parent);
                parent = one.id;
                TRY_STATUS(db->saveMessage(session, one));
                // Every hundredth has a sibling, and the path goes on below that one.
                if (i % 100 == 99) {
                    ChatMessage sibling = one;
                    sibling.id = newMessageId();
                    sibling.text += "b";
                    TRY_STATUS(db->saveMessage(session, sibling));
                    parent = sibling.id;
                }
            }
            return {};
        }));
        GET(page, db->page(session));
        QCOMPARE(page.messages.size(), std::size_t{200});
        QVERIFY(page.earlier);
        QCOMPARE(page.messages.front().text, QByteArray("250"));
        QCOMPARE(page.messages.back().text, QByteArray("449"));
        GET(before, db->earlier(session, page.messages.front().id));
        QCOMPARE(before.messages.front().text, QByteArray("50"));
        QCOMPARE(before.messages.back().text, QByteArray("249"));
        QCOMPARE(before.messages.back().id, page.messages.front().parent);
        GET(first, db->earlier(session, before.messages.front().id));
        QCOMPARE(first.messages.size(), std::size_t{50});
        QVERIFY(!first.earlier);
        GET(engine, db->engineMessagesBefore(session, page.messages.front().id));
        QCOMPARE(engine.size(), std::size_t{250});
    }

    void searching() {
        Folder folder;
        auto db = folder.open();
        const qint64 one = newSession(*db, QStringLiteral("Lease contract"));
        const ChatMessage q = typed("What does clause fourteen say about caf\u00e9 tables?", 0);
        OK(db->saveMessage(one, q));
        OK(db->saveMessage(one,
                           answered("Nothing about \"tables\"; C++ (and foo_bar) neither.", q.id)));
        const qint64 two = newSession(*db, QStringLiteral("Recipes"));
        OK(db->saveMessage(two, typed("Grandmother kept a contract with the baker", 0)));
        const auto sessions = [&](const QString& query) {
            QList<qint64> out;
            const auto hits = db->search(query);
            if (!hits) qWarning("%s", hits.error().message.c_str());
            if (hits)
                for (const SearchHit& hit : *hits) out << hit.session;
            return out;
        };
        QCOMPARE(sessions(QStringLiteral("clause")), QList<qint64>{one});
        // Prefixes while typing, without accents and in any case.
        QCOMPARE(sessions(QStringLiteral("cla")), QList<qint64>{one});
        QCOMPARE(sessions(QStringLiteral("CAFE TAB")), QList<qint64>{one});
        // A title comes before a mention.
        QCOMPARE(sessions(QStringLiteral("contract")), (QList<qint64>{one, two}));
        QCOMPARE(sessions(QStringLiteral("let me see")), QList<qint64>{one});  // thinking
        const auto hits = db->search(QStringLiteral("fourt"));
        QVERIFY(hits && hits->size() == 1);
        QVERIFY(hits->front().snippet.contains(kMarkBegin + QStringLiteral("fourteen") + kMarkEnd));
        GET(accents, db->search(QStringLiteral("cafe tab")));
        QVERIFY(accents[0].snippet.contains(kMarkBegin + QStringLiteral("caf\u00e9") + kMarkEnd +
                                            u' ' + kMarkBegin + QStringLiteral("tables")));
        // Nothing one can type is an error.
        for (const char* weird : {"",
                                  " ",
                                  "\"",
                                  "'",
                                  "*",
                                  "a*",
                                  "a\"b",
                                  "(",
                                  ")",
                                  "AND",
                                  "OR NOT",
                                  "NEAR(a b)",
                                  "a:b",
                                  "^a",
                                  "-a",
                                  "a-b",
                                  "{x}",
                                  "\\",
                                  ";DROP TABLE nodes;--",
                                  "%",
                                  "_",
                                  "c++",
                                  "foo_bar",
                                  "\xf0\x9f\x98\x80",
                                  "\xe4\xb8\xad\xe6\x96\x87",
                                  "a\tb\nc",
                                  "body:clause",
                                  "+",
                                  "1 2 3",
                                  "\x01\x02",
                                  "NOT",
                                  "a AND",
                                  "''''",
                                  "\"\"\"\""}) {
            const auto found = db->search(QString::fromUtf8(weird));
            QVERIFY2(found.has_value(), weird);
        }
        QVERIFY(db->search(QString(5000, u'x') + u' ' + QString(5000, u'"')).has_value());
        QVERIFY(db->search(QChar(0) + QStringLiteral("clause")).has_value());
        QCOMPARE(sessions(QStringLiteral("c++")).contains(one), true);
        QCOMPARE(sessions(QStringLiteral("foo_bar")), QList<qint64>{one});
        // Renaming and editing keep up.
        OK(db->setTitle(two, QStringLiteral("Bakery"), TitleSource::user));
        QCOMPARE(sessions(QStringLiteral("bakery")), QList<qint64>{two});
        QVERIFY(sessions(QStringLiteral("recipes")).isEmpty());
        OK(db->setDeleted(one, true));
        QVERIFY(sessions(QStringLiteral("clause")).isEmpty());
    }

    void migratesWithACopy() {
        Folder folder;
        // The first layout, as the first program left it.
        {
            std::vector<Migration> first{libraryMigrations().front()};
            auto opened = openLibraryFile(folder.path(), QStringLiteral("old"), first);
            QVERIFY(opened.has_value());
            QSqlQuery query(opened->db);
            QVERIFY(
                query.exec(QStringLiteral("INSERT INTO sessions(id, uuid, title, created, updated) "
                                          "VALUES(7,'u','Old',1,2)")));
            opened->db.close();
        }
        QSqlDatabase::removeDatabase(QStringLiteral("old"));
        {
            auto db = folder.open();
            QVERIFY(db);
            GET(rows, db->sessions());
            QCOMPARE(rows.size(), std::size_t{1});
            QCOMPARE(rows[0].title, QStringLiteral("Old"));
            OK(db->setQueued(7, {QStringLiteral("new column")}));
            OK(db->setPrefillRate(QStringLiteral("m"), 12.5));
            GET(rate, db->prefillRate(QStringLiteral("m")));
            QCOMPARE(rate, 12.5);
        }
        const QString copy = folder.path() + QStringLiteral(".bak-v1");
        QVERIFY(QFile::exists(copy));
        {
            QSqlDatabase old =
                QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("copy"));
            old.setDatabaseName(copy);
            QVERIFY(old.open());
            QSqlQuery query(QStringLiteral("SELECT title FROM sessions"), old);
            QVERIFY(query.next());
            QCOMPARE(query.value(0).toString(), QStringLiteral("Old"));
            QSqlQuery version(QStringLiteral("PRAGMA user_version"), old);
            QVERIFY(version.next());
            QCOMPARE(version.value(0).toInt(), 1);
        }
        QSqlDatabase::removeDatabase(QStringLiteral("copy"));
        // A step that fails half way leaves the old layout.
        std::vector<Migration> broken = libraryMigrations();
        broken.push_back(
            {99, {QStringLiteral("CREATE TABLE half(a)"), QStringLiteral("NONSENSE")}});
        QVERIFY(!openLibraryFile(folder.path(), QStringLiteral("broken"), broken).has_value());
        auto db = folder.open();
        QVERIFY(db);
        QSqlQuery half(QStringLiteral("SELECT count(*) FROM sqlite_master WHERE name='half'"),
                       db->handle());
        QVERIFY(half.next());
        QCOMPARE(half.value(0).toInt(), 0);
    }

    void refusesANewerLayout() {
        Folder folder;
        {
            auto db = folder.open();
            QSqlQuery query(db->handle());
            QVERIFY(query.exec(QStringLiteral("PRAGMA user_version=1000")));
        }
        QFile file(folder.path());
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray before = file.readAll();
        const auto opened = LibraryDb::open(folder.path());
        QVERIFY(!opened.has_value());
        QCOMPARE(opened.error().code, ErrorCode::unsupported);
        QVERIFY(QString::fromStdString(opened.error().message).contains(QStringLiteral("newer")));
        file.seek(0);
        QCOMPARE(file.readAll(), before);
    }

    void setsADamagedFileAside() {
        for (const bool shredded : {false, true}) {
            Folder folder;
            if (shredded) {
                {
                    auto db = folder.open();
                    const qint64 session = newSession(*db);
                    for (int i = 0; i < 50; ++i)
                        OK(db->saveMessage(session, typed(QByteArray(3000, 'x').constData(), 0)));
                }
                QFile file(folder.path());
                QVERIFY(file.open(QIODevice::ReadWrite));
                for (qint64 at = 4096; at < file.size(); at += 8192) {
                    file.seek(at);
                    file.write(QByteArray(4096, '\x5a'));
                }
            } else {
                QFile file(folder.path());
                QVERIFY(file.open(QIODevice::WriteOnly));
                file.write(QByteArray(10000, 'j'));
            }
            auto db = folder.open();
            QVERIFY(db);
            QVERIFY(db->notice().contains(QStringLiteral("damaged")));
            GET(rows, db->sessions());
            QVERIFY(rows.empty());
            const QStringList kept =
                QDir(folder.dir.path()).entryList({QStringLiteral("sessions.db.damaged-*")});
            QVERIFY(!kept.isEmpty());
            QVERIFY(newSession(*db) != 0);
        }
    }

    void killedWhileWriting() {
        Folder folder;
        for (const int life : {700, 1300, 1900}) {
            QFile::remove(folder.path());
            QFile::remove(folder.path() + QStringLiteral("-wal"));
            QFile::remove(folder.path() + QStringLiteral("-shm"));
            QProcess child;
            child.start(QCoreApplication::applicationFilePath(),
                        {QStringLiteral("--stream-forever"), folder.path()});
            QVERIFY(child.waitForStarted());
            QVERIFY(child.waitForReadyRead(20000));  // the first save
            QElapsedTimer since;
            since.start();
            child.waitForFinished(life);
            const QByteArray before = child.readAllStandardOutput();
            child.kill();
            QVERIFY(child.waitForFinished());
            const qint64 claimed = before.trimmed().split('\n').last().trimmed().toLongLong();
            auto db = folder.open();
            QVERIFY(db);
            GET(rows, db->sessions());
            QCOMPARE(rows.size(), std::size_t{1});
            GET(page, db->page(rows[0].id));
            QCOMPARE(page.messages.size(), std::size_t{2});
            QCOMPARE(page.messages[0].text, QByteArray("count for me"));
            const ChatMessage& reply = page.messages[1];
            QVERIFY(reply.interrupted);
            QVERIFY(!reply.running);
            QVERIFY(reply.canContinue());
            const qint64 kept = reply.parts.back().text.split(' ').value(1).toLongLong();
            // Everything the child knew to be written is there, and it was never behind by more.
            QVERIFY2(kept >= claimed - 20 && claimed > 0,
                     qPrintable(QStringLiteral("%1 of %2").arg(kept).arg(claimed)));
            QCOMPARE(reply.engineMessages.back().content, reply.parts.back().text.toStdString());
            GET(hits, db->search(QStringLiteral("started")));
            QCOMPARE(hits.size(), std::size_t{1});
        }
    }

    void exportAndImport() {
        Folder folder;
        auto db = folder.open();
        const qint64 session = newSession(*db);
        const ChatMessage q1 = typed("q1", 0);
        OK(db->saveMessage(session, q1));
        ChatMessage a1 = answered("a1 ```fenced```", q1.id);
        a1.checkpoint = QStringLiteral("c0ffee");
        a1.promptCheckpoint = QStringLiteral("beef");
        OK(db->saveMessage(session, a1));
        OK(db->saveMessage(session, answered("a1b", q1.id)));
        OK(db->setLeaf(session, a1.id));
        OK(db->setTags(session, {QStringLiteral("tag")}));
        const QString json = folder.path(QStringLiteral("out.json"));
        GET(checkpoint, exportSessionJson(*db, session, json, true));
        QCOMPARE(checkpoint, QStringLiteral("c0ffee"));
        GET(made, importSessionJson(*db, json));
        QVERIFY(made.id != session);
        QCOMPARE(made.bundle, folder.path(QStringLiteral("out.sgkv")));
        QCOMPARE(made.checkpoint, QStringLiteral("c0ffee"));
        GET(page, db->page(made.id));
        QCOMPARE(texts(page), (QStringList{"q1", "a1 ```fenced```"}));
        QCOMPARE(page.messages[1].branches(), 2);
        QCOMPARE(page.row.tags, QStringList{QStringLiteral("tag")});
        QCOMPARE(page.row.checkpoint, QStringLiteral("c0ffee"));
        QVERIFY(page.row.uuid != db->session(session)->uuid);
        // Out once more: the same file but for what names it.
        const QString again = folder.path(QStringLiteral("again.json"));
        GET(second, exportSessionJson(*db, made.id, again, false));
        (void)second;
        const auto read = [](const QString& path) {
            QFile file(path);
            (void)file.open(QIODevice::ReadOnly);
            return QJsonDocument::fromJson(file.readAll()).object();
        };
        QCOMPARE(read(again).value(QStringLiteral("messages")),
                 read(json).value(QStringLiteral("messages")));
        QCOMPARE(read(again).value(QStringLiteral("leaf")),
                 read(json).value(QStringLiteral("leaf")));
        const QString markdown = folder.path(QStringLiteral("out.md"));
        OK(exportSessionMarkdown(*db, session, markdown));
        QFile file(markdown);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray text = file.readAll();
        QVERIFY(text.startsWith("# q1\n"));
        QVERIFY(text.contains("## Model"));
        QVERIFY(text.contains("> Thinking:\n> let me see"));
        QVERIFY(!text.contains("a1b"));
        QVERIFY(!exportSessionMarkdown(*db, session, QStringLiteral("/nonexistent/x.md")));
    }

    void hostileFiles() {
        Folder folder;
        auto db = folder.open();
        const auto import = [&](const QByteArray& text) {
            QFile file(folder.path(QStringLiteral("in.json")));
            (void)file.open(QIODevice::WriteOnly | QIODevice::Truncate);
            file.write(text);
            file.close();
            return importSessionJson(*db, file.fileName());
        };
        const QByteArray head = R"({"format":"starglass-session","version":1,"session":{},)";
        for (
            const QByteArray& bad : {
                QByteArray(""),
                QByteArray("[]"),
                QByteArray("{"),
                QByteArray("\x00\xff", 2),
                QByteArray("{}"),
                QByteArray(100000, '['),
                QByteArray(R"({"format":"starglass-session","version":2,"messages":[]})"),
                QByteArray(R"({"format":"starglass-session","version":1})"),
                head + R"("messages":{}})",
                head + R"("messages":[1],"leaf":0})",
                head + R"("messages":[{"author":"nobody","parent":-1}],"leaf":0})",
                head + R"("messages":[{"author":"user","text":5,"parent":-1}],"leaf":0})",
                head + R"("messages":[{"author":"user","text":"x","parent":0}],"leaf":0})",
                head + R"("messages":[{"author":"user","text":"x","parent":7}],"leaf":0})",
                head + R"("messages":[{"author":"user","text":"x"}],"leaf":0})",
                head + R"("messages":[{"author":"user","text":"x","parent":-1}],"leaf":9})",
                head + R"("messages":[{"author":"user","text":"x","parent":-1}]})",
                head +
                    R"("messages":[{"author":"assistant","parts":[{"kind":"evil"}],"parent":-1}],"leaf":0})",
                head +
                    R"("messages":[{"author":"assistant","parts":[{"kind":"answer","tokens":-4}],"parent":-1}],"leaf":0})",
                head +
                    R"("messages":[{"author":"assistant","parts":[{"kind":"answer","tokens":1e300}],"parent":-1}],"leaf":0})",
                head +
                    R"("messages":[{"author":"assistant","summary":{"stop":"never"},"parent":-1}],"leaf":0})",
                head +
                    R"("messages":[{"author":"assistant","engine":[{"role":"root"}],"parent":-1}],"leaf":0})",
            }) {
            const auto made = import(bad);
            QVERIFY2(!made.has_value(), bad.left(200).constData());
            QVERIFY(QString::fromStdString(made.error().message).size() > 10);
        }
        GET(rows, db->sessions());
        QVERIFY(rows.empty());  // nothing half done
        // Odd but harmless: the neighbours of the checkpoint's directory stay out of reach.
        const auto made = import(
            head +
            R"("kv":{"file":"../../etc/passwd","checkpoint":"x"},"messages":[{"author":"user","text":"x","parent":-1,"checkpoint":"../../etc/passwd"}],"leaf":0})");
        QVERIFY(made.has_value());
        QVERIFY(made->bundle.isEmpty());
        GET(page, db->page(made->id));
        QVERIFY(page.messages[0].checkpoint.isEmpty());
        GET(tell, db->ownershipToTell());
        QVERIFY(tell.empty());
    }

    void keepsCheckpointsOfLeaves() {
        Folder folder;
        auto db = folder.open();
        const auto told = [&] {
            QStringList out;
            const auto list = db->ownershipToTell();
            if (list)
                for (const OwnedCheckpoint& one : *list) {
                    out << (one.wanted ? u'+' : u'-') + one.checkpoint;
                    (void)db->ownershipTold(one.checkpoint, one.wanted);
                }
            out.sort();
            return out;
        };
        const qint64 session = newSession(*db);
        const ChatMessage q1 = typed("q1", 0);
        OK(db->saveMessage(session, q1));
        ChatMessage a1 = answered("a1", q1.id);
        a1.promptCheckpoint = QStringLiteral("p1");
        a1.checkpoint = QStringLiteral("e1");
        OK(db->saveMessage(session, a1));
        QCOMPARE(told(), (QStringList{"+e1", "+p1"}));
        QVERIFY(told().isEmpty());
        // A question leaves them, the next answer moves them on.
        const ChatMessage q2 = typed("q2", a1.id);
        OK(db->saveMessage(session, q2));
        QVERIFY(told().isEmpty());
        // A fork needs them, too.
        GET(fork, db->fork(session, a1.id, QStringLiteral("fork")));
        QCOMPARE(told(), (QStringList{"+e1", "+p1"}));
        ChatMessage a2 = answered("a2", q2.id);
        a2.promptCheckpoint = QStringLiteral("p2");
        a2.checkpoint = QStringLiteral("e2");
        OK(db->saveMessage(session, a2));
        QCOMPARE(told(), (QStringList{"+e1", "+e2", "+p1", "+p2"}));
        OK(db->setDeleted(fork, true));
        QVERIFY(told().isEmpty());  // undo needs them
        OK(db->purge(QDateTime::currentMSecsSinceEpoch() + 10));
        QCOMPARE(told(), (QStringList{"-e1", "-p1"}));
        // Given up while the cache is being told to keep it: it is told that, too.
        ChatMessage a3 = answered("a3", q2.id);
        a3.checkpoint = QStringLiteral("e3");
        OK(db->saveMessage(session, a3));
        GET(keep, db->ownershipToTell());
        QVERIFY(!keep.empty());
        OK(db->setLeaf(session, a2.id));
        OK(db->ownershipTold(QStringLiteral("e3"), true));
        QVERIFY(told().contains(QStringLiteral("-e3")));
        QVERIFY(told().isEmpty());
    }
};

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    if (argc == 3 && QByteArray(argv[1]) == "--stream-forever")
        return streamForever(QString::fromLocal8Bit(argv[2]));
    LibraryTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "library_test.moc"

// SPDX-License-Identifier: MIT
//
// Sessions in the real window, offscreen, with a fake engine: they come back, branch, fork, are
// searched, deleted and brought back.
#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFontDatabase>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <algorithm>
#include <cstdio>

#include "fake_cache.h"
#include "fake_engine.h"
#include "library/library_service.h"
#include "library/session_controller.h"
#include "library/session_file.h"
#include "sessions/session_panel.h"
#include "sessions/undo_bar.h"
#include "shell/composer.h"
#include "shell/main_window.h"
#include "transcript/transcript_view.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;

struct Scene {
    QTemporaryDir folder;
    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::unique_ptr<MainWindow> window;
    std::shared_ptr<KvCache> cache;

    [[nodiscard]] QString path() const { return folder.filePath(QStringLiteral("sessions.db")); }
    void open(bool load = true) {
        window.reset();
        WindowOptions options;
        options.remember = false;
        options.library = path();
        const auto opener = [plan = plan](const EngineOptions& engine, const LoadListener& listener,
                                          const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.builtin = opener;
        if (cache) options.openers.cache = [cache = cache] { return Result<KvCachePtr>(cache); };
        window = std::make_unique<MainWindow>(std::move(options));
        window->resize(1180, 760);
        window->show();
        QVERIFY(QTest::qWaitForWindowExposed(window.get()));
        if (!load) return;
        window->openBuiltin();
        QTRY_VERIFY_WITH_TIMEOUT(window->bridge().model() != nullptr && !window->bridge().loading(),
                                 kWaitMs);
    }
    Chat& chat() const { return window->chat(); }
    SessionPanel& list() const { return window->sidebar(); }
    int rows() const { return window->sidebar().model().rowCount(); }
    QString row(int index, int role = SessionModel::kTitle) const {
        return list().model().index(index).data(role).toString();
    }
    void type(const QString& text) const {
        QTest::keyClicks(window->composer().edit(), text);
        QTest::keyClick(window->composer().edit(), Qt::Key_Return);
    }
    void finish() const {
        QTRY_VERIFY_WITH_TIMEOUT(!chat().answering() && chat().queuedCount() == 0, kWaitMs);
        settle();
    }
    void settle() const {
        window->library().waitForWrites();
        QTest::qWait(60);
    }
    void ask(const char* question, const char* answer) const {
        plan->add(reply("", answer));
        type(QString::fromUtf8(question));
        finish();
    }
    void trigger(const char* name) const {
        QVERIFY2(window->action(QLatin1String(name))->isEnabled(), name);
        window->action(QLatin1String(name))->trigger();
        settle();
        settle();
    }
    QStringList texts() const {
        QStringList out;
        for (int i = 0; i < chat().size(); ++i) out << chat().at(i).plainText(false);
        return out;
    }
    void shot(const QString& name) const {
        const QString to = qEnvironmentVariable("SG_SHOTS");
        if (to.isEmpty()) return;
        QDir().mkpath(to);
        QTest::qWait(80);
        window->grab().save(to + u'/' + name + QStringLiteral(".png"));
    }
};

std::string words(int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += (i ? " word" : "word") + std::to_string(i);
    return out;
}

}  // namespace

class SessionsWindowTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(ThemeChoice::light); }

    void comeBackBeforeAnyModel() {
        Scene scene;
        scene.open();
        QTRY_VERIFY_WITH_TIMEOUT(!scene.list().emptyText().isEmpty(), kWaitMs);
        scene.plan->add(reply("hm hm", "Because **codes** are small."));
        scene.type(QStringLiteral("Why does it take so little room?"));
        scene.finish();
        scene.trigger("newChat");
        QCOMPARE(scene.chat().size(), 0);
        scene.ask("Another subject altogether", "yes");
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        QCOMPARE(scene.row(0), QStringLiteral("Another subject altogether"));

        scene.open(false);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        QVERIFY(!scene.window->bridge().model());
        QCOMPARE(scene.row(1), QStringLiteral("Why does it take so little room?"));
        // By keyboard: into the list, down, Enter.
        scene.list().view().setFocus();
        scene.list().view().setCurrentIndex(scene.list().model().index(1));
        QTest::keyClick(&scene.list().view(), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().size(), 2, kWaitMs);
        const ChatMessage& answer = scene.chat().at(1);
        QCOMPARE(answer.parts[0].text, QByteArray("hm hm"));
        QCOMPARE(answer.parts[1].text, QByteArray("Because **codes** are small."));
        QVERIFY(answer.summary && answer.summary->tokens > 0);
        QCOMPARE(answer.speaker, QStringLiteral("Fake guide"));
        QVERIFY(scene.window->windowTitle().startsWith(QStringLiteral("Why does it")));
        // And the model reads what was said.
        scene.window->openBuiltin();
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->bridge().model() != nullptr, kWaitMs);
        scene.ask("and now?", "still");
        QVERIFY(scene.plan->prompts().back().find("Because **codes** are small.") !=
                std::string::npos);
        QCOMPARE(scene.chat().size(), 4);
        scene.shot(QStringLiteral("light-sessions"));
        scene.window->setTheme(ThemeChoice::dark);
        scene.shot(QStringLiteral("dark-sessions"));
        scene.window->setTheme(ThemeChoice::light);
    }

    void branches() {
        Scene scene;
        scene.open();
        scene.ask("q1", "first");
        scene.plan->add(reply("", "second"));
        scene.trigger("regenerate");
        scene.finish();
        QCOMPARE(scene.texts(), (QStringList{"q1", "second"}));
        QCOMPARE(scene.chat().at(1).branches(), 2);
        QCOMPARE(scene.chat().at(1).branch(), 1);
        scene.ask("q2", "on second");
        // Alt+Up three times: the second answer's message; Alt+Left: the first.
        scene.window->transcript().moveCurrent(-1);
        scene.window->transcript().moveCurrent(-1);
        scene.window->transcript().moveCurrent(-1);
        QCOMPARE(scene.window->transcript().currentMessage(), 1);
        QVERIFY(scene.window->transcript().hasFocus());
        scene.trigger("previousBranch");
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "first"}), kWaitMs);
        QCOMPARE(scene.window->transcript().messageState(1), QStringLiteral("version 1 of 2"));
        QAccessibleInterface* rows =
            QAccessible::queryAccessibleInterface(&scene.window->transcript());
        QVERIFY(rows->child(1)->text(QAccessible::Name).contains(QStringLiteral("version 1 of 2")));
        scene.shot(QStringLiteral("light-branches"));
        emit scene.window->transcript().branchRequested(1, 1);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "second", "q2", "on second"}),
                                  kWaitMs);
        // Editing the first message keeps the old one beside the new.
        emit scene.window->transcript().editRequested(scene.chat().at(0).id);
        QVERIFY(scene.window->composer().editing());
        scene.window->composer().edit()->selectAll();
        scene.ask("q1 edited", "third");
        QCOMPARE(scene.texts(), (QStringList{"q1 edited", "third"}));
        QCOMPARE(scene.chat().at(0).branches(), 2);
        QVERIFY(scene.plan->prompts().back().find("second") == std::string::npos);
        // All of it is there after a restart, too.
        scene.open(false);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 1, kWaitMs);
        scene.window->sessions().open(scene.list().model().at(0).id);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1 edited", "third"}), kWaitMs);
        emit scene.window->transcript().branchRequested(0, -1);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "second", "q2", "on second"}),
                                  kWaitMs);
    }

    void forksAndDeletes() {
        Scene scene;
        scene.open();
        scene.ask("q1", "a1");
        scene.ask("q2", "a2");
        const qint64 original = scene.window->sessions().current();
        scene.window->sessions().forkAt(1);
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->sessions().current() != original, kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "a1"}), kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        QVERIFY(scene.row(0).contains(QStringLiteral("fork")));
        scene.window->sessions().open(original);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().size(), 4, kWaitMs);
        scene.window->sessions().deleteFrom(2);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "a1"}), kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->undoBar().isVisible(), kWaitMs);
        scene.shot(QStringLiteral("light-undo"));
        QTest::mouseClick(scene.window->undoBar().button(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"q1", "a1", "q2", "a2"}), kWaitMs);
        // A whole session.
        scene.trigger("deleteSession");
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 1, kWaitMs);
        QCOMPARE(scene.chat().size(), 0);
        scene.trigger("undoDelete");
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().size(), 4, kWaitMs);
    }

    void searchesRenamesAndPins() {
        Scene scene;
        scene.open();
        scene.ask("the first subject", "it mentions a marmalade jar");
        scene.trigger("newChat");
        scene.ask("the second subject", "nothing of the kind");
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        scene.trigger("searchSessions");
        QVERIFY(scene.list().searchField().hasFocus());
        QTest::keyClicks(&scene.list().searchField(), QStringLiteral("marmal"));
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 1, kWaitMs);
        QVERIFY(scene.row(0, SessionModel::kSnippet).contains(kMarkBegin));
        scene.shot(QStringLiteral("light-search"));
        QTest::keyClick(&scene.list().searchField(), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts().value(0), QStringLiteral("the first subject"),
                                  kWaitMs);
        scene.list().searchField().setText(QStringLiteral("\"(nothing* AND"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.rows() == 1, kWaitMs);
        scene.list().searchField().setText(QStringLiteral("zzz"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.list().emptyText().contains(QStringLiteral("zzz")), kWaitMs);
        scene.list().searchField().clear();
        QCOMPARE(scene.rows(), 2);
        // F2, a new name, Enter.
        scene.trigger("renameSession");
        auto* editor = scene.list().view().findChild<QLineEdit*>();
        QVERIFY(editor);
        editor->selectAll();
        QTest::keyClicks(editor, QStringLiteral("Jars"));
        QTest::keyClick(editor, Qt::Key_Return);
        scene.settle();
        const qint64 session = scene.window->sessions().current();
        QCOMPARE(scene.list().model().find(session)->title, QStringLiteral("Jars"));
        scene.window->library().setTags(session, {QStringLiteral("kitchen")});
        scene.trigger("pinSession");
        QTRY_COMPARE_WITH_TIMEOUT(scene.row(0), QStringLiteral("Jars"), kWaitMs);
        const QString heard = scene.list().model().index(0).data(Qt::AccessibleTextRole).toString();
        QVERIFY2(heard.contains(QStringLiteral("pinned")) &&
                     heard.contains(QStringLiteral("in memory")) == false,
                 qPrintable(heard));
        scene.list().model().setTagFilter(QStringLiteral("kitchen"));
        QCOMPARE(scene.rows(), 1);
        scene.open(false);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2, kWaitMs);
        QCOMPARE(scene.row(0), QStringLiteral("Jars"));
    }

    void leavingAnAnswerKeepsIt() {
        Scene scene;
        scene.open();
        scene.ask("short", "yes");
        const qint64 first = scene.window->sessions().current();
        scene.trigger("newChat");
        scene.plan->add(reply("", words(2000), 4));
        scene.type(QStringLiteral("long"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 2 && scene.chat().at(1).tokens.size() > 20,
                                 kWaitMs);
        const qint64 second = scene.window->sessions().current();
        scene.window->sessions().open(first);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts(), (QStringList{"short", "yes"}), kWaitMs);
        scene.window->sessions().open(second);
        QTRY_COMPARE_WITH_TIMEOUT(scene.texts().value(0), QStringLiteral("long"), kWaitMs);
        const QString kept = scene.chat().at(1).plainText(false);
        QVERIFY(kept.startsWith(QStringLiteral("word0 word1")));
        QVERIFY(scene.chat().canContinue());
        scene.plan->add(reply("", " and that is all"));
        scene.trigger("continueAnswer");
        scene.finish();
        QCOMPARE(scene.chat().at(1).plainText(false), kept + QStringLiteral(" and that is all"));
        // The prompt ended inside the answer.
        const std::string prompt = scene.plan->prompts().back();
        QVERIFY(QString::fromStdString(prompt).endsWith(kept));
        QCOMPARE(scene.chat().at(1).engineMessages.back().content,
                 (kept + QStringLiteral(" and that is all")).toStdString());
        QCOMPARE(scene.chat().size(), 2);
    }

    void unsentTextSurvives() {
        Scene scene;
        scene.open(false);
        scene.type(QStringLiteral("typed before any model"));
        scene.settle();
        QVERIFY(scene.chat().at(0).queued);
        scene.open(false);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 1, kWaitMs);
        scene.window->sessions().open(scene.list().model().at(0).id);
        QTRY_COMPARE_WITH_TIMEOUT(scene.window->composer().text(),
                                  QStringLiteral("typed before any model"), kWaitMs);
    }

    void pricesAreSaid() {
        SessionRow row;
        row.id = 5;
        row.title = QStringLiteral("Priced");
        row.tokens = 48'210;
        row.checkpoint = QStringLiteral("c1");
        SessionModel model;
        model.setRows({row});
        const auto line = [&] { return model.index(0).data(SessionModel::kLine).toString(); };
        const auto heard = [&] { return model.index(0).data(Qt::AccessibleTextRole).toString(); };
        const auto cost = [&] { return model.index(0).data(SessionModel::kPrice).toString(); };
        // Nothing measured: nothing claimed.
        QCOMPARE(line(), QStringLiteral("48,210 tok · —"));
        QVERIFY(heard().contains(QStringLiteral("nothing was measured")));
        PriceBook book;
        book.prefillRate = 250;
        model.setPrices(book);
        QCOMPARE(line(), QStringLiteral("48,210 tok · ≈ 3 min 13 s"));
        QCOMPARE(model.index(0).data(SessionModel::kMark).toString(), QStringLiteral("○"));
        CheckpointInfo info;
        info.id = "c1";
        info.tokens = 48'200;
        info.own_bytes = 10'000'000;
        info.shared_bytes = 160'000'000;
        book.setCheckpoints({info}, {});
        model.setPrices(book);
        QCOMPARE(line(), QStringLiteral("48,210 tok · —"));
        book.setCheckpoints({info}, {1e9, 0});
        model.setPrices(book);
        QCOMPARE(line(), QStringLiteral("48,210 tok · ≈ 0.2 s"));
        QCOMPARE(cost(), QStringLiteral("48k tokens: ≈ 0.2 s (else ≈ 3 min 13 s)"));
        info.load_seconds = 0.9;
        info.evaluate_seconds = 190;
        book.setCheckpoints({info}, {1e9, 0});
        model.setPrices(book);
        QCOMPARE(line(), QStringLiteral("48,210 tok · 0.9 s"));
        QCOMPARE(cost(), QStringLiteral("48k tokens: 0.9 s (else 3 min 10 s)"));
        QVERIFY(heard().contains(QStringLiteral("on disk")));
        book.live = 5;
        model.setPrices(book);
        QCOMPARE(line(), QStringLiteral("48,210 tok · in memory"));
        QVERIFY(heard().contains(QStringLiteral("in memory")));
        // Another model's checkpoint is no help.
        book.live = 0;
        book.modelFingerprint = QStringLiteral("other");
        model.setPrices(book);
        QCOMPARE(model.index(0).data(SessionModel::kMark).toString(), QStringLiteral("○"));
    }

    void cacheKeepsAndCarriesWhatASessionNeeds() {
        QTemporaryDir folder;
        const auto cache = std::make_shared<FakeCache>();
        cache->set({checkpoint("e1", "", 4000, "the end"), checkpoint("other", "", 10, "x")});
        qint64 session = newMessageId();
        const QString path = folder.filePath(QStringLiteral("carried.json"));
        {
            LibraryService library(folder.filePath(QStringLiteral("s.db")));
            library.open();
            SessionRow row;
            row.id = session;
            library.create(row, {});
            ChatMessage question;
            question.id = newMessageId();
            question.text = "q";
            library.save(session, question, {}, {});
            ChatMessage answer;
            answer.id = newMessageId();
            answer.parent = question.id;
            answer.author = ChatMessage::Author::assistant;
            answer.checkpoint = QStringLiteral("e1");
            answer.promptCheckpoint = QStringLiteral("p1");  // not on disk yet
            library.save(session, answer, QStringLiteral("m"), QStringLiteral("f"));
            library.setCache(cache);
            QTRY_VERIFY_WITH_TIMEOUT(cache->callsOf("own e1") >= 1 && cache->callsOf("own p1") >= 1,
                                     kWaitMs);
            QVERIFY(cache->info("e1")->owned);
            library.waitForWrites();
            QTest::qWait(100);
            const int told = cache->callsOf("own e1");
            // It arrives, and the next look tells it.
            cache->set({checkpoint("e1", "", 4000, "the end"), checkpoint("p1", "", 3000, "mid")});
            library.refreshCheckpoints();
            QTRY_VERIFY_WITH_TIMEOUT(cache->info("p1")->owned, kWaitMs);
            QCOMPARE(cache->callsOf("own e1"), told);

            QString exported;
            connect(&library, &LibraryService::exported, this,
                    [&](const QString& to) { exported = to; });
            library.exportJson(session, path, true);
            QTRY_COMPARE_WITH_TIMEOUT(exported, path, kWaitMs);
            QCOMPARE(cache->callsOf("export e1 " + bundlePath(path).toStdString()), 1);
            // The fake writes nothing; a file of that name stands for what it would have written.
            QFile bundle(bundlePath(path));
            QVERIFY(bundle.open(QIODevice::WriteOnly));
            bundle.close();
            qint64 copy = 0;
            SessionRow copied;
            connect(&library, &LibraryService::rowChanged, this,
                    [&](const SessionRow& one) { copied = one; });
            connect(&library, &LibraryService::imported, this, [&](qint64 id) { copy = id; });
            library.importJson(path);
            QTRY_VERIFY_WITH_TIMEOUT(copy != 0, kWaitMs);
            QCOMPARE(cache->callsOf("import "), 1);
            QCOMPARE(copied.id, copy);
            QCOMPARE(copied.checkpoint, QStringLiteral("imported"));
            // Deleting releases nothing: undo would need it.
            library.deleteSession(session);
            library.waitForWrites();
            QCOMPARE(cache->callsOf("disown"), 0);
        }
        LibraryService library(folder.filePath(QStringLiteral("s.db")));
        library.open();
        library.setCache(cache);
        QTRY_COMPARE_WITH_TIMEOUT(cache->callsOf("disown e1"), 1, kWaitMs);
    }

    void savingPausesAndGoesOn() {
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("s.db"));
        QString paused;
        bool wentOn = false;
        LibraryService library(path);
        connect(&library, &LibraryService::savingPaused, this, [&](const QString& reason) {
            if (reason.isEmpty())
                wentOn = true;
            else
                paused = reason;
        });
        library.open();
        SessionRow row;
        row.id = newMessageId();
        library.create(row, {});
        library.waitForWrites();
        // As full as a disk can be without one: no further page may be taken.
        ChatMessage big;
        big.id = newMessageId();
        big.text = QByteArray(3'000'000, 'x');
        library.limitPagesForTests(true);
        library.save(row.id, big, {}, {});
        QTRY_VERIFY_WITH_TIMEOUT(!paused.isEmpty(), kWaitMs);
        QVERIFY2(paused.contains(QStringLiteral("disk is full")), qPrintable(paused));
        library.limitPagesForTests(false);
        QTRY_VERIFY_WITH_TIMEOUT(wentOn, kWaitMs);
        SessionPage page;
        connect(&library, &LibraryService::pageReady, this,
                [&](const SessionPage& one) { page = one; });
        library.openSession(row.id);
        QTRY_COMPARE_WITH_TIMEOUT(page.messages.size(), std::size_t{1}, kWaitMs);
        QCOMPARE(page.messages[0].text.size(), big.text.size());
    }

    void theModelNamesASessionAfterItsFirstAnswer() {
        Scene scene;
        scene.plan->builtin = false;
        scene.open();
        scene.plan->add(reply("", "Boil the marmalade for an hour."));
        scene.plan->add(reply("", "\"Marmalade, *step by step*.\"\nMore words"));
        scene.type(QStringLiteral("how do i make marmalade from my oranges, please tell me"));
        scene.finish();
        QTRY_COMPARE_WITH_TIMEOUT(scene.row(0), QStringLiteral("Marmalade, *step by step"),
                                  kWaitMs);
        QVERIFY(scene.plan->prompts().back().find("a title of at most six words") !=
                std::string::npos);
        // Nothing of it is in the conversation, and a second answer names nothing.
        QCOMPARE(scene.chat().size(), 2);
        scene.ask("and jam?", "The same.");
        QCOMPARE(scene.row(0), QStringLiteral("Marmalade, *step by step"));
        QVERIFY(scene.plan->prompts().back().find("title of at most") == std::string::npos);
    }

    // SG_LONG_MESSAGES=200000 for the session of the largest size that is promised.
    void longSessionsStayResponsive() {
        Scene scene;
        const int messages = std::max(1000, qEnvironmentVariableIntValue("SG_LONG_MESSAGES"));
        {
            auto db = LibraryDb::open(scene.path());
            QVERIFY(db.has_value());
            QVERIFY((*db)
                        ->inTransaction([&]() -> Status {
                            for (int i = 0; i < 2000; ++i) {
                                SessionRow row;
                                row.id = newMessageId();
                                row.title = QStringLiteral("Session %1").arg(i);
                                row.updatedMs = 1000 + i;
                                TRY_STATUS((*db)->createSession(row, {}));
                            }
                            SessionRow row;
                            row.id = newMessageId();
                            row.title = QStringLiteral("Long");
                            TRY_STATUS((*db)->createSession(row, {}));
                            qint64 parent = 0;
                            for (int i = 0; i < messages; ++i) {
                                ChatMessage one;
                                one.id = newMessageId();
                                one.parent = parent;
                                one.author = ChatMessage::Author::user;
                                one.text = "message " + QByteArray::number(i);
                                Message engine;
                                engine.content = one.text.toStdString();
                                one.engineMessages.push_back(engine);
                                parent = one.id;
                                TRY_STATUS((*db)->saveMessage(row.id, one));
                            }
                            return {};
                        })
                        .has_value());
        }
        const auto text = [messages](int fromEnd) {
            return "message " + QByteArray::number(messages - fromEnd);
        };
        scene.open();
        // The longest time for which the window did not look at its events.
        QElapsedTimer beat;
        qint64 gapMs = 0;
        QTimer heart;
        connect(&heart, &QTimer::timeout, this, [&] { gapMs = std::max(gapMs, beat.restart()); });
        beat.start();
        heart.start(5);
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2001, kWaitMs);
        scene.window->sessions().open(scene.list().model().at(0).id);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().size(), 200, kWaitMs);
        QCOMPARE(scene.chat().at(199).text, text(1));
        for (const QChar key : QStringLiteral("message 77")) {
            scene.list().searchField().insert(key);
            QTest::qWait(30);
        }
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 1, kWaitMs);
        scene.list().searchField().clear();
        QTRY_COMPARE_WITH_TIMEOUT(scene.rows(), 2001, kWaitMs);
        QVERIFY(scene.chat().hasEarlier());
        QTest::qWait(100);
        // At the top earlier ones come, and what is read stays where it is.
        TranscriptView& view = scene.window->transcript();
        view.verticalScrollBar()->setValue(0);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().size(), 400, kWaitMs);
        QCOMPARE(scene.chat().at(0).text, text(400));
        QTest::qWait(50);
        heart.stop();
        std::printf("  %d messages: the window's longest pause was %lld ms\n", messages,
                    static_cast<long long>(gapMs));
        QVERIFY2(gapMs < 1000, "on a quiet machine it is below 100 ms");
        QVERIFY(std::abs(view.messageRect(200).top()) < 200);
        // The model still reads all of it.
        scene.plan->contextTokens = 1 << 24;
        scene.ask("more", "well");
        const std::string prompt = scene.plan->prompts().back();
        QVERIFY(prompt.find("message 0") != std::string::npos);
        QVERIFY(prompt.find(text(401).toStdString()) != std::string::npos);
        QVERIFY(prompt.find(text(1).toStdString()) != std::string::npos);
    }
};

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    qputenv("XDG_CONFIG_HOME", "/nonexistent");
    QApplication app(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("starglass-test"));
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) {
        QFont font(QStringLiteral("Inter"));
        font.setPointSizeF(9.75);
        QApplication::setFont(font);
    }
    SessionsWindowTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "sessions_window_test.moc"

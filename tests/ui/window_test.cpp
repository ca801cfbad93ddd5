// SPDX-License-Identifier: MIT
//
// The real window, offscreen, with real keystrokes and a fake engine behind the facade.
#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QDockWidget>
#include <QElapsedTimer>
#include <QFontDatabase>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QSlider>
#include <QTest>
#include <QTranslator>
#include <optional>

#include "fake_engine.h"
#include "inspector/expert_disk_view.h"
#include "inspector/experts_tab.h"
#include "inspector/inspector_panel.h"
#include "inspector/what_if.h"
#include "sessions/session_panel.h"
#include "shell/command_palette.h"
#include "shell/composer.h"
#include "shell/main_window.h"
#include "shell/notice.h"
#include "shell/status_strip.h"
#include "transcript/transcript_view.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

// Generous: the machine may be busy, and a test that fails then teaches nothing.
constexpr int kWaitMs = 20000;

struct Scene {
    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::unique_ptr<MainWindow> window;

    void open(bool load = true) {
        WindowOptions options;
        options.remember = false;
        options.openers.file = [plan = plan](const std::string&, const EngineOptions& engine,
                                             const LoadListener& listener,
                                             const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.builtin = [plan = plan](const EngineOptions& engine,
                                                const LoadListener& listener,
                                                const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        window = std::make_unique<MainWindow>(std::move(options));
        window->resize(1000, 700);
        window->show();
        QVERIFY(QTest::qWaitForWindowExposed(window.get()));
        if (!load) return;
        window->openBuiltin();
        QTRY_VERIFY_WITH_TIMEOUT(window->bridge().model() != nullptr && !window->bridge().loading(),
                                 kWaitMs);
    }

    Chat& chat() const { return window->chat(); }
    TranscriptView& view() const { return window->transcript(); }

    void type(const QString& text) const {
        QTest::keyClicks(window->composer().edit(), text);
        QTest::keyClick(window->composer().edit(), Qt::Key_Return);
    }
    void finish() const {
        QTRY_VERIFY_WITH_TIMEOUT(!chat().answering() && chat().queuedCount() == 0, kWaitMs);
        QTest::qWait(120);  // the last layout
    }
    void trigger(const char* name) const { window->action(QLatin1String(name))->trigger(); }

    // The look of it, for people: set SG_SHOTS to a folder.
    void shot(const QString& name) const {
        const QString folder = qEnvironmentVariable("SG_SHOTS");
        if (folder.isEmpty()) return;
        QDir().mkpath(folder);
        QTest::qWait(80);
        window->grab().save(folder + u'/' + name + QStringLiteral(".png"));
    }
};

std::string words(int count, const std::string& word = "word") {
    std::string out;
    for (int i = 0; i < count; ++i) out += (i ? " " : "") + word + std::to_string(i);
    return out;
}

const char* const kRichAnswer =
    "Two reasons, and **neither** costs accuracy:\n\n"
    "1. Past tokens are *compressed* along time: even layers keep one row per 4 tokens, odd layers "
    "one per 128.\n"
    "2. The model rounds each row to 8-bit codes before using it, so what comes back is "
    "**identical**.\n"
    "   - a nested point with `inline code`\n\n"
    "A row of 512 values is then:\n\n"
    "```cpp\nstruct PackedRow {        // 583 bytes, was 2,048\n    u8 code[448];         // not "
    "rotary\n"
    "    const char* name = \"row\";\n};\n```\n\n"
    "| layer | rows | ratio |\n|:--|--:|:-:|\n| 0 | 128 | 0 |\n| 22 | 12,052 | 4 |\n\n"
    "> A quotation with a [link](https://example.org/page) and <tag> text.\n\n"
    "## What follows\n\nSo a conversation of 48,210 tokens is about `170 MB` on disk, and opening "
    "it again reads just that.";

// Every translated text in brackets, half as long again: what is not in brackets was not tr().
class PseudoTranslator final : public QTranslator {
public:
    QString translate(const char*, const char* source, const char*, int) const override {
        const QString text = QString::fromUtf8(source);
        return u'[' + text + QString(text.size() / 2, u'~') + u']';
    }
    bool isEmpty() const override { return false; }
};

}  // namespace

class WindowTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setApplicationName(QStringLiteral("starglass-test"));
        applyTheme(ThemeChoice::light);
    }

    void streamsIntoTwoPanes() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("let me think about it", kRichAnswer, 2));
        scene.shot(QStringLiteral("light-welcome"));
        scene.type(QStringLiteral("Why so little room?"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 2 && scene.chat().at(1).parts.size() == 2,
                                 kWaitMs);
        scene.shot(QStringLiteral("light-answering"));
        scene.finish();
        const ChatMessage& answer = scene.chat().at(1);
        QCOMPARE(answer.parts[0].kind, ChatPart::Kind::thinking);
        QCOMPARE(answer.parts[0].text, QByteArray("let me think about it"));
        QCOMPARE(answer.parts[1].kind, ChatPart::Kind::answer);
        QCOMPARE(answer.parts[1].text, QByteArray(kRichAnswer));
        QVERIFY(answer.summary);
        QVERIFY(scene.view().partFolded(1, 0));
        scene.shot(QStringLiteral("light-answered"));
        scene.window->setTheme(ThemeChoice::dark);
        scene.shot(QStringLiteral("dark-answered"));
        scene.trigger("sideBySide");
        scene.shot(QStringLiteral("dark-beside"));
        scene.window->setTheme(ThemeChoice::light);
        // Copying across messages gives what is seen.
        scene.trigger("sideBySide");
        scene.view().selectAll();
        const QString copied = scene.view().selectedText();
        QVERIFY(copied.contains(QStringLiteral("Why so little room?")));
        QVERIFY(copied.contains(QStringLiteral("1. Past tokens are compressed")));
        QVERIFY(copied.contains(QStringLiteral("<tag> text")));
        QVERIFY(copied.contains(QStringLiteral("layer\trows\tratio")));
    }

    void escapeStops() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", words(2000), 5));
        scene.type(QStringLiteral("go"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 2 && !scene.chat().at(1).tokens.empty(),
                                 kWaitMs);
        QTest::keyClick(scene.window->composer().edit(), Qt::Key_Escape);
        scene.finish();
        QCOMPARE(scene.chat().at(1).summary->stop, StopReason::cancelled);
        QVERIFY(scene.chat().at(1).tokens.size() < 2000);
        // The partial answer stays part of the conversation.
        QVERIFY(scene.chat().at(1).plainText(false).startsWith(QStringLiteral("word0")));
        scene.type(QStringLiteral("and on"));
        scene.finish();
        QCOMPARE(scene.chat().size(), 4);
        QVERIFY(scene.plan->prompts().back().find("word0") != std::string::npos);
    }

    void regenerates() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", "first"));
        scene.plan->add(reply("", "second"));
        scene.type(QStringLiteral("hello"));
        scene.finish();
        QCOMPARE(scene.chat().at(1).plainText(false), QStringLiteral("first"));
        QTest::keyClick(scene.window.get(), Qt::Key_R, Qt::ControlModifier);
        QTRY_COMPARE_WITH_TIMEOUT(scene.chat().at(1).plainText(false), QStringLiteral("second"),
                                  kWaitMs);
        scene.finish();
        QCOMPARE(scene.chat().size(), 2);
        const auto requests = scene.plan->requests();
        QVERIFY(requests[0].sampling.seed != requests[1].sampling.seed);
    }

    void queuesWhileLoading() {
        Scene scene;
        scene.plan->loadDelayMs = 300;
        scene.open(false);
        scene.window->openBuiltin();
        QVERIFY(scene.window->bridge().loading());
        scene.type(QStringLiteral("early"));
        QCOMPARE(scene.chat().size(), 1);
        QVERIFY(scene.chat().at(0).queued);
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->notice().isVisible(), kWaitMs);
        scene.shot(QStringLiteral("light-loading"));
        scene.finish();
        QCOMPARE(scene.chat().size(), 2);
        QVERIFY(!scene.chat().at(0).queued);
        QVERIFY(!scene.window->notice().isVisible());
    }

    void queuesWhileAnswering() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", words(60), 5));
        scene.plan->add(reply("", "two"));
        scene.plan->add(reply("", "three"));
        scene.type(QStringLiteral("one?"));
        scene.type(QStringLiteral("two?"));
        scene.type(QStringLiteral("three?"));
        QCOMPARE(scene.chat().queuedCount(), 2);
        scene.finish();
        QCOMPARE(scene.chat().size(), 6);
        QCOMPARE(scene.chat().at(3).plainText(false), QStringLiteral("two"));
        QCOMPARE(scene.chat().at(5).plainText(false), QStringLiteral("three"));
    }

    void cancelsLoading() {
        Scene scene;
        scene.plan->loadDelayMs = 20000;
        scene.open(false);
        scene.window->openModel(QStringLiteral("/tmp/some.gguf"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->notice().isVisible(), kWaitMs);
        QTest::mouseClick(scene.window->findChild<QPushButton*>(QStringLiteral("cancelLoad")),
                          Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!scene.window->bridge().loading(), 5000);
        QVERIFY(!scene.window->notice().isVisible());
        QVERIFY(scene.window->bridge().model() == nullptr);
    }

    void loadErrorIsThreeSentences() {
        Scene scene;
        scene.open();
        scene.plan->loadError =
            Error{ErrorCode::invalid_input, "the key 'deepseek4.block_count' is missing"};
        scene.window->openModel(QStringLiteral("/tmp/broken.gguf"));
        QTRY_VERIFY_WITH_TIMEOUT(
            scene.window->notice().text().contains(QStringLiteral("block_count")), kWaitMs);
        QVERIFY(scene.window->notice().text().contains(QStringLiteral("stays in use")));
        QVERIFY(scene.window->notice().text().contains(QStringLiteral("Ctrl+O")));
        scene.shot(QStringLiteral("light-load-error"));
        // The model in use before still answers.
        scene.type(QStringLiteral("still there?"));
        scene.finish();
        QCOMPARE(scene.chat().at(1).plainText(false), QStringLiteral("ok"));
    }

    void answerErrorKeepsEverything() {
        Scene scene;
        scene.open();
        FakeReply broken = reply("", "half an answer");
        broken.error =
            Error{ErrorCode::io, "cannot read /models/flash.gguf at 1,234: input/output error"};
        scene.plan->add(broken);
        scene.type(QStringLiteral("question"));
        scene.finish();
        const ChatMessage& answer = scene.chat().at(1);
        QCOMPARE(answer.parts.size(), std::size_t{2});
        QCOMPARE(answer.parts[0].text, QByteArray("half an answer"));
        QCOMPARE(answer.parts[1].kind, ChatPart::Kind::error);
        QVERIFY(!answer.parts[1].error.safe.isEmpty() && !answer.parts[1].error.next.isEmpty());
        scene.shot(QStringLiteral("light-answer-error"));
        QTest::keyClick(scene.window.get(), Qt::Key_R, Qt::ControlModifier);
        scene.finish();
        QCOMPARE(scene.chat().size(), 2);
        QCOMPARE(scene.chat().at(1).plainText(false), QStringLiteral("ok"));
    }

    void thinkingFoldsUnlessTouched() {
        Scene scene;
        scene.open();
        scene.plan->add(reply(words(30), words(30), 4));
        scene.type(QStringLiteral("fold"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 2 && scene.chat().at(1).parts.size() == 1,
                                 kWaitMs);
        QVERIFY(!scene.view().partFolded(1, 0));
        scene.finish();
        QVERIFY(scene.view().partFolded(1, 0));
        // Touched while thinking: stays as the user left it.
        scene.plan->add(reply(words(60), words(20), 4));
        scene.type(QStringLiteral("keep"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 4 && scene.chat().at(3).parts.size() == 1,
                                 kWaitMs);
        QTest::qWait(150);
        const QRect pane = scene.view().partRect(3, 0);
        const QPoint title(pane.left() + 40, pane.top() + 8);
        QTest::mouseClick(scene.view().viewport(), Qt::LeftButton, {}, title);
        QVERIFY(scene.view().partFolded(3, 0));
        QTest::mouseClick(scene.view().viewport(), Qt::LeftButton, {}, title);
        QVERIFY(!scene.view().partFolded(3, 0));
        scene.finish();
        QVERIFY(!scene.view().partFolded(3, 0));
    }

    void followsTheEndOnlyWhenThere() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", words(900)));
        scene.type(QStringLiteral("long"));
        scene.finish();
        QScrollBar* bar = scene.view().verticalScrollBar();
        QVERIFY(bar->maximum() > 0);
        QCOMPARE(bar->value(), bar->maximum());
        // A second answer, with the reader somewhere else.
        scene.plan->add(reply("", words(600), 1));
        scene.type(QStringLiteral("more"));
        QTRY_VERIFY_WITH_TIMEOUT(scene.chat().size() == 4 && scene.chat().at(3).tokens.size() > 20,
                                 kWaitMs);
        QCOMPARE(bar->value(), bar->maximum());
        bar->setValue(10);
        QVERIFY(!scene.view().followsEnd());
        scene.finish();
        QCOMPARE(bar->value(), 10);
        QTest::keyClick(&scene.view(), Qt::Key_End);
        QCOMPARE(bar->value(), bar->maximum());
        QVERIFY(scene.view().followsEnd());
    }

    void layoutStaysIncremental() {
        Scene scene;
        scene.open();
        std::string text;
        for (int i = 0; i < 100; ++i) text += "Paragraph " + words(20) + ".\n\n";
        FakeReply script = reply("", text);
        QVERIFY(script.tokens.size() >= 2000);
        scene.plan->add(script);
        const qint64 before = scene.view().blocksLaidOut();
        QElapsedTimer clock;
        clock.start();
        scene.type(QStringLiteral("go"));
        scene.finish();
        const qint64 done = scene.view().blocksLaidOut() - before;
        // Each paragraph once, and the open one at most twenty times a second.
        const qint64 allowed = 100 + 10 + clock.elapsed() / TranscriptView::kLayoutIntervalMs;
        QVERIFY2(done <= allowed,
                 qPrintable(QStringLiteral("%1 blocks, allowed %2").arg(done).arg(allowed)));
        // Moving and repainting lays nothing out.
        const qint64 settled = scene.view().blocksLaidOut();
        scene.view().verticalScrollBar()->setValue(0);
        scene.window->grab();
        QCOMPARE(scene.view().blocksLaidOut(), settled);
    }

    void windowNeverWaitsForTheEngine() {
        Scene scene;
        scene.open();
        FakeReply slow = reply("", "done");
        slow.prefillDelayMs = 1500;
        scene.plan->add(slow);
        QElapsedTimer clock;
        qint64 last = 0, gap = 0;
        QTimer heart;
        connect(&heart, &QTimer::timeout, this, [&] {
            gap = std::max(gap, clock.elapsed() - last);
            last = clock.elapsed();
        });
        scene.type(QStringLiteral("slow"));
        clock.start();
        heart.start(5);
        // Stopping returns at once although the engine is deaf.
        QTest::qWait(100);
        scene.chat().stop();
        QVERIFY(clock.elapsed() < 1000);
        scene.finish();
        QVERIFY(clock.elapsed() >= 1300);
        QVERIFY2(gap < 700, qPrintable(QString::number(gap)));
    }

    void tagsAreShown() {
        Scene scene;
        scene.open();
        scene.plan->add(
            reply("", "Use <b>bold</b> or <think> and <div class=\"x\">\n\n<section>\n\nend"));
        scene.type(QStringLiteral("tags & <input>"));
        scene.finish();
        scene.view().selectAll();
        const QString text = scene.view().selectedText();
        for (const char* tag :
             {"<b>bold</b>", "<think>", "<div class=\"x\">", "<section>", "<input>"})
            QVERIFY2(text.contains(QLatin1String(tag)), tag);
    }

    void toolsRunAndTheAnswerFollows() {
        Scene scene;
        scene.open();
        FakeReply call = reply("needs a sum", "");
        call.tokens.push_back({StreamPart::tool, "calling"});
        call.calls.push_back({"", "calculator", R"json({"expression":"12 * (3 + 4.5)"})json"});
        scene.plan->add(call);
        scene.plan->add(reply("got it", "It is **90**."));
        scene.type(QStringLiteral("what is 12 * (3 + 4.5)?"));
        scene.finish();
        const ChatMessage& answer = scene.chat().at(1);
        QCOMPARE(answer.parts.size(), std::size_t{4});
        QCOMPARE(answer.parts[1].kind, ChatPart::Kind::tool);
        QCOMPARE(answer.parts[1].toolResult, QByteArray("90"));
        QCOMPARE(answer.parts[3].text, QByteArray("It is **90**."));
        const std::string prompt = scene.plan->prompts().back();
        QVERIFY(prompt.find("calculator") != std::string::npos);
        QVERIFY(prompt.find("90") != std::string::npos);
        scene.shot(QStringLiteral("light-tools"));
        // Off means the model is not told about them.
        QTest::keyClick(scene.window.get(), Qt::Key_T, Qt::ControlModifier);
        scene.trigger("newChat");
        scene.type(QStringLiteral("plain"));
        scene.finish();
        QVERIFY(scene.plan->prompts().back().find("calculator") == std::string::npos);
    }

    void editsAndSendsAgain() {
        Scene scene;
        scene.open();
        scene.type(QStringLiteral("frist"));
        scene.finish();
        QTest::keyClick(scene.window.get(), Qt::Key_E, Qt::ControlModifier);
        QCOMPARE(scene.window->composer().text(), QStringLiteral("frist"));
        QTest::keyClick(scene.window->composer().edit(), Qt::Key_Escape);
        QVERIFY(!scene.window->composer().editing());
        QCOMPARE(scene.chat().size(), 2);  // nothing lost by looking
        QTest::keyClick(scene.window.get(), Qt::Key_E, Qt::ControlModifier);
        scene.window->composer().edit()->selectAll();
        scene.type(QStringLiteral("first"));
        scene.finish();
        QCOMPARE(scene.chat().size(), 2);
        QCOMPARE(scene.chat().at(0).text, QByteArray("first"));
    }

    void clickingATokenSelectsIt() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", "alpha beta **gamma** delta"));
        scene.type(QStringLiteral("tokens"));
        scene.finish();
        QSignalSpy spy(&scene.window->bridge(), &EngineBridge::tokenSelected);
        const QRect pane = scene.view().partRect(1, 0);
        QTest::mouseClick(scene.view().viewport(), Qt::LeftButton, {},
                          QPoint(pane.left() + 3, pane.top() + 10));
        QCOMPARE(spy.count(), 1);
        QCOMPARE(spy.at(0).at(0).toLongLong(), scene.chat().at(1).id);
        QCOMPARE(spy.at(0).at(1).toInt(), 0);
        const TokenEvent* token = scene.chat().token(scene.chat().at(1).id, 0);
        QVERIFY(token && token->alternatives.size() == 2);
    }

    void countsTokensWhileTyping() {
        Scene scene;
        scene.open();
        // A spy would listen on the thread that counts.
        std::optional<TokenCount> count;
        QObject here;
        connect(&scene.window->bridge().counter(), &TokenCounter::counted, &here,
                [&count](const TokenCount& counted) { count = counted; });
        QTest::keyClicks(scene.window->composer().edit(), QStringLiteral("twelve bytes"));
        QTRY_VERIFY_WITH_TIMEOUT(count.has_value(), kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(count->draftTokens, 3, kWaitMs);
        QVERIFY(count->promptTokens > 3);
    }

    void themeFollowsLive() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", "text and `code`"));
        scene.type(QStringLiteral("colours"));
        scene.finish();
        scene.window->setTheme(ThemeChoice::light);
        QTest::qWait(50);
        const QColor light = scene.window->grab().toImage().pixelColor(500, 250);
        scene.window->setTheme(ThemeChoice::dark);
        QTest::qWait(50);
        const QColor dark = scene.window->grab().toImage().pixelColor(500, 250);
        QVERIFY(light.lightness() > 200);
        QVERIFY(dark.lightness() < 80);
        scene.window->setTheme(ThemeChoice::light);
    }

    void everyActionHasAShortcutAndAName() {
        Scene scene;
        scene.open();
        QSet<QString> seen;
        for (const QAction* action : scene.window->actions()) {
            QVERIFY2(!action->shortcut().isEmpty(), qPrintable(action->text()));
            const QString keys = action->shortcut().toString();
            QVERIFY2(!seen.contains(keys), qPrintable(keys));
            seen.insert(keys);
        }
        for (QWidget* widget : scene.window->findChildren<QWidget*>()) {
            if (widget->focusPolicy() == Qt::NoFocus || !widget->isVisible()) continue;
            QAccessibleInterface* face = QAccessible::queryAccessibleInterface(widget);
            QVERIFY2(face && !face->text(QAccessible::Name).isEmpty(),
                     widget->metaObject()->className());
        }
    }

    void transcriptIsAListForScreenReaders() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("hm", "an answer"));
        scene.type(QStringLiteral("a question"));
        scene.finish();
        QAccessibleInterface* list = QAccessible::queryAccessibleInterface(&scene.view());
        QVERIFY(list);
        QCOMPARE(list->role(), QAccessible::List);
        QCOMPARE(list->childCount(), 2);
        QVERIFY(list->child(0)->text(QAccessible::Name).contains(QStringLiteral("a question")));
        QVERIFY(list->child(1)->text(QAccessible::Name).contains(QStringLiteral("an answer")));
        QCOMPARE(list->indexOfChild(list->child(1)), 1);
        QVERIFY(list->child(1)->rect().isValid());
        QVERIFY(scene.view().plainText().contains(QStringLiteral("hm")));
        // Alt+Up walks by message.
        QTest::keyClick(scene.window.get(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(scene.view().currentMessage(), 1);
        QTest::keyClick(scene.window.get(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(scene.view().currentMessage(), 0);
        QVERIFY(list->child(0)->state().focused);
    }

    void zoomAndPanes() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("", words(40)));
        scene.type(QStringLiteral("zoom"));
        scene.finish();
        const int before = scene.view().partRect(1, 0).height();
        scene.trigger("zoomIn");
        scene.trigger("zoomIn");
        QVERIFY(scene.view().partRect(1, 0).height() >= before);
        QVERIFY(scene.view().zoom() > 1.15);
        scene.trigger("zoomReset");
        QCOMPARE(scene.view().zoom(), 1.0);
        scene.window->composer().edit()->setFocus();
        scene.trigger("nextPane");
        QVERIFY(scene.view().hasFocus());
        scene.trigger("nextPane");
        QVERIFY(scene.window->sidebar().isAncestorOf(QApplication::focusWidget()));
        scene.trigger("nextPane");
        QVERIFY(scene.window->composer().edit()->hasFocus());
    }

    void paletteFindsActions() {
        Scene scene;
        scene.open();
        CommandPalette palette(scene.window->actions(), scene.window.get());
        palette.show();
        auto* input = palette.findChild<QLineEdit*>();
        QTest::keyClicks(input, QStringLiteral("zoom in"));
        auto* list = palette.findChild<QListWidget*>();
        QVERIFY(list->count() >= 1);
        QVERIFY(list->item(0)->text().startsWith(QStringLiteral("Zoom in")));
        QTest::keyClick(input, Qt::Key_Return);
        QTRY_VERIFY_WITH_TIMEOUT(scene.view().zoom() > 1.05, kWaitMs);
    }

    void pastedBooksAreFolded() {
        Scene scene;
        scene.open();
        const QString book = QStringLiteral("A line of a long book.\n").repeated(20000);
        QElapsedTimer clock;
        clock.start();
        scene.chat().send(book);
        QVERIFY(clock.elapsed() < 2000);
        QCOMPARE(scene.chat().at(0).text.size(), book.toUtf8().size());
        QVERIFY(scene.view().messageRect(0).height() < 8000);
        scene.finish();
    }

    void pseudoLocale() {
        PseudoTranslator translator;
        QCoreApplication::installTranslator(&translator);
        {
            Scene scene;
            scene.open();
            scene.plan->add(reply("hm", "an answer"));
            scene.shot(QStringLiteral("light-pseudo-welcome"));
            scene.type(QStringLiteral("text"));
            scene.finish();
            for (const QAction* action : scene.window->actions())
                QVERIFY2(action->text().startsWith(u'['), qPrintable(action->text()));
            for (const QPushButton* button : scene.window->findChildren<QPushButton*>())
                QVERIFY2(button->text().isEmpty() || button->text().startsWith(u'['),
                         qPrintable(button->text()));
            for (const QLabel* label : scene.window->findChildren<QLabel*>())
                QVERIFY2(label->text().isEmpty() || label->text().startsWith(u'['),
                         qPrintable(label->text()));
            scene.shot(QStringLiteral("light-pseudo"));
        }
        QCoreApplication::removeTranslator(&translator);
    }

    // The status line's figure is that of the frames; it is there only while experts are read from
    // disk, and leads to their tab.
    void expertsInTheStatusLine() {
        Scene scene;
        scene.plan->experts = std::make_shared<FakeExperts>();
        scene.plan->experts->set(small_snapshot());
        scene.open(false);
        auto* panel = new InspectorPanel;
        panel->follow(scene.window->bridge(), scene.chat());
        panel->followExperts(scene.window->experts());
        scene.window->setInspector(panel);
        scene.window->resize(1500, 800);
        StatusItem* item = scene.window->status().experts;
        QVERIFY(!item->isVisible());
        QSignalSpy ready(&scene.window->bridge(), &EngineBridge::modelReady);
        scene.window->openBuiltin();
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(item->isVisible(), kWaitMs);
        QCOMPARE(item->text(), QString("experts –"));
        // After the context, before the cache.
        QVERIFY(item->x() > scene.window->status().context->x());
        QVERIFY(item->x() < scene.window->status().kv->x());
        scene.plan->add(reply("hm", words(20)));
        scene.type(QStringLiteral("question"));
        scene.finish();
        QCOMPARE(item->text(), QString("experts 75 %"));
        QVERIFY(item->toolTip().contains("75 % of the experts that the last 21 tokens needed"));
        QVERIFY(!item->accessibleName().isEmpty());
        QCOMPARE(item->accessibleDescription(), item->text());
        // 12.3 MB of file, 8 of experts, of which 3 are in memory.
        QTRY_VERIFY_WITH_TIMEOUT(scene.window->status().memory->text().contains("7.3 MB/16.0 MB"),
                                 kWaitMs);
        QSignalSpy wanted(scene.window.get(), &MainWindow::expertsWanted);
        QTest::mouseClick(item, Qt::LeftButton);
        QTest::keyClick(item, Qt::Key_Return);
        scene.trigger("showExperts");
        QCOMPARE(wanted.count(), 3);
        QVERIFY(scene.window->inspectorDock()->isVisible());
        // The panel heard the same.
        panel->showNow();
        QCOMPARE(panel->expertsTab().series().recent().rate(), 0.75);
        QVERIFY(panel->expertsTab().streaming());
        QCOMPARE(panel->expertsTab().disk().figureText(ExpertDiskView::kReadAnswer),
                 QString("21.0 MB"));
        scene.shot(QStringLiteral("light-experts"));
        // One token without a miss among many is not yet all of them.
        scene.plan->expertUse = {{100, 0, 0, 0}, {100, 0, 0, 0}};
        scene.plan->add(reply("", words(60)));
        scene.type(QStringLiteral("more"));
        scene.finish();
        QCOMPARE(item->text(), QString("experts 99.9 %"));
        // A model in memory has no such item.
        scene.plan->experts.reset();
        scene.window->openBuiltin();
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 2, kWaitMs);
        QVERIFY(!item->isVisible());
        QVERIFY(!panel->expertsTab().streaming());
        QVERIFY(scene.window->status().memory->text().contains("12.3 MB") ||
                scene.window->status().memory->text().contains("12 MB"));
    }

    // The slider asks, the service predicts off the window's thread, the sentence says so.
    void whatIfThroughTheWindow() {
        Scene scene;
        scene.plan->experts = std::make_shared<FakeExperts>();
        scene.plan->experts->set(small_snapshot());
        scene.plan->experts->set(small_trace(7));
        WindowOptions options;
        options.remember = false;
        options.openers.builtin = [plan = scene.plan](const EngineOptions& engine,
                                                      const LoadListener& listener,
                                                      const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.simulate = [](const ExpertTrace& trace, const SimulationOptions& asked,
                                      const CancelToken&) -> Result<Simulation> {
            Simulation out;
            out.decode.hits = asked.budget_bytes;
            out.decode.misses = 8'000'000 - std::min<std::uint64_t>(8'000'000, asked.budget_bytes);
            out.decoded_tokens = static_cast<int>(trace.batches.size());
            out.predicted_tokens_s = 12;
            return out;
        };
        scene.window = std::make_unique<MainWindow>(std::move(options));
        auto* panel = new InspectorPanel;
        panel->follow(scene.window->bridge(), scene.chat());
        panel->followExperts(scene.window->experts());
        scene.window->setInspector(panel);
        scene.window->resize(1300, 800);
        scene.window->action(QStringLiteral("inspector"))->setChecked(true);
        scene.window->show();
        scene.window->openBuiltin();
        WhatIf& section = panel->expertsTab().disk().whatIf();
        // Seen at once: the experts are in memory before the first token.
        QTRY_VERIFY_WITH_TIMEOUT(section.sentence().contains("predicted hit rate 50.0 %"), kWaitMs);
        QCOMPARE(section.remark(), QString("predicted from 7 recorded tokens"));
        section.slider().setFocus();
        QTest::keyClick(&section.slider(), Qt::Key_End);
        QTRY_VERIFY_WITH_TIMEOUT(section.sentence().contains(
                                     "predicted hit rate 100.0 %, predicted 12.0 tokens/\u2060s"),
                                 kWaitMs);
        QVERIFY(section.presentSentence().contains("predicted hit rate 50.0 %"));
    }

    void narrowWindow() {
        Scene scene;
        scene.open();
        scene.plan->add(reply("hm", kRichAnswer));
        scene.window->resize(430, 560);
        scene.type(QStringLiteral("narrow"));
        scene.finish();
        scene.shot(QStringLiteral("light-narrow"));
        QVERIFY(scene.view().partRect(1, 1).width() <= 430);
    }
};

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    qputenv("XDG_CONFIG_HOME", "/nonexistent");
    QApplication app(argc, argv);
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) {
        QFont font(QStringLiteral("Inter"));
        font.setPointSizeF(9.75);
        QApplication::setFont(font);
    }
    WindowTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "window_test.moc"

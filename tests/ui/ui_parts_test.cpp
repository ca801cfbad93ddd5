// SPDX-License-Identifier: MIT
//
// The parts of the window that are functions: cutting and writing Markdown, the demo tools, errors
// as sentences.
#include <QApplication>
#include <QTest>
#include <ctime>

#include "bridge/error_text.h"
#include "tools/demo_tools.h"
#include "transcript/markdown.h"

using namespace starglass;
using namespace starglass::ui;

namespace {

QStringList pieces(const QByteArray& text, bool final = true) {
    QStringList out;
    for (const Chunk& chunk : splitMarkdown(text, 0, final))
        out << QString::fromUtf8(text.mid(chunk.begin, chunk.end - chunk.begin)).trimmed();
    return out;
}

ProseStyle look() {
    ProseStyle style;
    style.prose = QFont(QStringLiteral("DejaVu Sans"), 10);
    style.code = QFont(QStringLiteral("DejaVu Sans Mono"), 9);
    style.theme = Theme::of(QPalette());
    return style;
}

QString shown(const QByteArray& text) {
    QTextDocument document;
    std::vector<SourceRun> runs;
    writeMarkdown(document, text, {0, static_cast<int>(text.size()), false, true}, look(), runs);
    return document.toPlainText();
}

}  // namespace

class PartsTest : public QObject {
    Q_OBJECT
private slots:
    void cutsParagraphs() {
        QCOMPARE(pieces("one\n\ntwo\n\n\nthree"), QStringList({"one", "two", "three"}));
        QCOMPARE(pieces("# head\ntext\n## next\nmore"),
                 QStringList({"# head", "text", "## next", "more"}));
    }

    void keepsListsTogether() {
        QCOMPARE(pieces("1. a\n\n2. b\n\n   more b\n\nafter").size(), 2);
        QCOMPARE(pieces("- a\n\n  ```\n  code\n\n  code\n  ```\n\n- b\n\nafter").size(), 2);
        QCOMPARE(pieces("intro:\n- a\n\n- b\n\nend").size(), 2);
    }

    void keepsFencesWhole() {
        const QByteArray text = "before\n```cpp\nint a;\n\n# not a heading\n```\nafter";
        const auto chunks = splitMarkdown(text, 0, true);
        QCOMPARE(chunks.size(), std::size_t{3});
        QVERIFY(chunks[1].code);
        QCOMPARE(pieces("````\n```\n````\nx").size(), 2);
        // Still open: not closed, but code.
        const auto open = splitMarkdown("```py\nx = 1\n", 0, false);
        QCOMPARE(open.size(), std::size_t{1});
        QVERIFY(open[0].code && !open[0].closed);
    }

    // Whatever way the text arrives, closed chunks never change afterwards.
    void growsByBytes() {
        const QByteArray text =
            "Intro **bold**\n\n1. one\n2. two\n\n   inner\n\n3. three\n\n```cpp\nint x;\n\n```\n\n"
            "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n> more\n\n# Head\nlast *line*\n- "
            "item\n\n- item 2\n\nend";
        std::vector<Chunk> known;
        for (int size = 1; size <= text.size(); ++size) {
            const QByteArray now = text.left(size);
            int from = 0;
            std::vector<Chunk> kept;
            for (const Chunk& chunk : known)
                if (chunk.closed)
                    kept.push_back(chunk), from = chunk.end;
                else {
                    from = chunk.begin;
                    break;
                }
            for (const Chunk& chunk : splitMarkdown(now, from, false)) kept.push_back(chunk);
            known = kept;
        }
        const auto whole = splitMarkdown(text, 0, true);
        QCOMPARE(known.size(), whole.size());
        for (std::size_t i = 0; i < whole.size(); ++i) {
            QCOMPARE(known[i].begin, whole[i].begin);
            QCOMPARE(known[i].code, whole[i].code);
        }
    }

    void showsTagsAndEntities() {
        QCOMPARE(shown("a <b>x</b> <think> c"), QStringLiteral("a <b>x</b> <think> c"));
        QCOMPARE(shown("<div>\nx\n</div>"), QStringLiteral("<div>\nx\n</div>"));
        QCOMPARE(shown("1 &lt; 2 &amp; &#65; &nosuch;"), QStringLiteral("1 < 2 & A &nosuch;"));
        QCOMPARE(shown("**a** _b_ `c*d*`"), QStringLiteral("a b c*d*"));
        QCOMPARE(shown("[name](https://example.org)"), QStringLiteral("name"));
    }

    void mapsPositionsToBytes() {
        const QByteArray text = "äö **für** 😀 end";
        QTextDocument document;
        std::vector<SourceRun> runs;
        writeMarkdown(document, text, {0, static_cast<int>(text.size()), false, true}, look(),
                      runs);
        const QString plain = document.toPlainText();
        const int position = static_cast<int>(plain.indexOf(QStringLiteral("end")));
        const int byte = static_cast<int>(text.indexOf("end"));
        QCOMPARE(byteAt(runs, text, position), byte);
        QCOMPARE(positionAt(runs, text, byte), position);
        QCOMPARE(byteAt(runs, text, static_cast<int>(plain.indexOf(u'f'))),
                 static_cast<int>(text.indexOf('f')));
    }

    void writesTables() {
        const QString table = shown("| a | b |\n|---|--:|\n| 1 | 2 |\n");
        QVERIFY(table.contains(u'a') && table.contains(u'2'));
        // Half a table, as it comes while streaming.
        for (const char* part :
             {"| a", "| a | b |\n|", "| a | b |\n|--", "| a | b |\n|---|---|\n| 1"})
            QVERIFY(!shown(part).isEmpty());
    }

    void calculates_data() {
        QTest::addColumn<QString>("expression");
        QTest::addColumn<QString>("result");
        QTest::newRow("sum") << "2 + 3"
                             << "5";
        QTest::newRow("order") << "2 + 3 * 4"
                               << "14";
        QTest::newRow("brackets") << "(2 + 3) * 4"
                                  << "20";
        QTest::newRow("left") << "100 - 10 - 1"
                              << "89";
        QTest::newRow("decimals") << "0.1 + 0.2"
                                  << "0.3";
        QTest::newRow("fraction") << "1 / 3"
                                  << "0.333333";
        QTest::newRow("unary") << "-(-3) + +2"
                               << "5";
        QTest::newRow("large") << "123456789 * 1000"
                               << "123456789000";
        QTest::newRow("minus zero") << "-0 * 1"
                                    << "0";
        for (const char* wrong : {"1 / 0", "", "(1 + 2", "2 + x", "2 2", "1.2.3"})
            QTest::newRow(wrong) << wrong << "error";
        QTest::newRow("deep") << QString(500, u'(') << "error";
    }
    void calculates() {
        QFETCH(QString, expression);
        QFETCH(QString, result);
        const QString given = QString::fromStdString(calculate(expression.toStdString()));
        if (result == QLatin1String("error"))
            QVERIFY(given.startsWith(QStringLiteral("error: ")));
        else
            QCOMPARE(given, result);
    }

    void toolsAnswerInText() {
        const auto now = std::chrono::system_clock::now();
        QCOMPARE(run_demo_tool({"", "calculator", R"({"expression":"6*7"})"}, now),
                 std::string("42"));
        QVERIFY(run_demo_tool({"", "calculator", "not json"}, now).rfind("error:", 0) == 0);
        QVERIFY(run_demo_tool({"", "calculator", "{}"}, now).rfind("error:", 0) == 0);
        QVERIFY(run_demo_tool({"", "delete_all", "{}"}, now).rfind("error:", 0) == 0);
        std::tm parts{};
        parts.tm_year = 126;
        parts.tm_mon = 2;
        parts.tm_mday = 14;
        parts.tm_hour = 14;
        parts.tm_min = 32;
        parts.tm_sec = 5;
        parts.tm_isdst = -1;
        const auto moment = std::chrono::system_clock::from_time_t(std::mktime(&parts));
        QCOMPARE(run_demo_tool({"", "clock", "{}"}, moment),
                 std::string("2026-03-14 14:32:05 Saturday"));
    }

    void errorsSayThreeThings() {
        for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
            for (const Doing doing : {Doing::opening, Doing::answering}) {
                const UserError error =
                    describeError({static_cast<ErrorCode>(code), "the key 'x' is missing"}, doing,
                                  QStringLiteral("/a.gguf"));
                QVERIFY(!error.happened.isEmpty() && !error.safe.isEmpty() &&
                        !error.next.isEmpty());
                QVERIFY(error.details.contains(QStringLiteral("'x'")));
            }
        }
    }

    void themesCanBeRead() {
        for (const ThemeChoice choice : {ThemeChoice::light, ThemeChoice::dark}) {
            applyTheme(choice);
            const Theme theme = Theme::of(QApplication::palette());
            QCOMPARE(theme.dark, choice == ThemeChoice::dark);
            // Lightness of the ramp is monotone, from the panel outwards.
            double last = theme.ramp(0).lightnessF();
            for (int i = 1; i <= 20; ++i) {
                const double now = theme.ramp(i / 20.0).lightnessF();
                QVERIFY(theme.dark ? now >= last - 0.002 : now <= last + 0.002);
                last = now;
            }
            QCOMPARE(theme.ramp(0).rgb(), theme.panel.rgb());
        }
    }
};

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication app(argc, argv);
    PartsTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "ui_parts_test.moc"

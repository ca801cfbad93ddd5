// SPDX-License-Identifier: MIT
//
// How long listing, searching and opening take: p95 over many calls, said on standard output. The
// processor's time decides, because the machine may be busy with something else; the clock's is
// said beside it.
// `library_scale_test` builds a small session; with --messages N a large one (label slow: 200,000).
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QTemporaryDir>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "library/library_db.h"

using namespace starglass;
using namespace starglass::ui;

namespace {

constexpr double kAllowedMs = 100;

const char* const kWords[] = {"the",    "model",    "cache",   "expert",  "token",
                              "layer",  "reads",    "writes",  "segment", "budget",
                              "letter", "contract", "because", "answer",  "question"};

double p95(std::vector<double> ms) {
    std::sort(ms.begin(), ms.end());
    return ms[ms.size() * 95 / 100];
}

struct Took {
    double work = 0;  // processor, ms
    double wall = 0;
    [[nodiscard]] QByteArray text() const {
        return QByteArray::number(work, 'f', 1) + " ms (clock " + QByteArray::number(wall, 'f', 1) +
               ")";
    }
};

template <class F>
Took measure(int times, F&& body) {
    std::vector<double> work, wall;
    for (int i = 0; i < times; ++i) {
        QElapsedTimer clock;
        clock.start();
        const std::clock_t before = std::clock();
        if (!body(i)) return {1e9, 1e9};
        work.push_back(1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
        wall.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
    }
    return {p95(work), p95(wall)};
}

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    const int messages =
        arguments.value(arguments.indexOf(QStringLiteral("--messages")) + 1).toInt() > 0
            ? arguments.last().toInt()
            : 5000;
    const int others = messages >= 100000 ? 10000 : 300;
    QTemporaryDir folder;
    auto opened = LibraryDb::open(folder.filePath(QStringLiteral("sessions.db")));
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
    LibraryDb& db = **opened;
    std::mt19937 random(7);
    const auto words = [&](int count) {
        QByteArray out;
        for (int i = 0; i < count; ++i)
            out += QByteArray(kWords[random() % std::size(kWords)]) + ' ';
        return out;
    };
    QElapsedTimer building;
    building.start();
    qint64 session = 0, middle = 0;
    const Status built = db.inTransaction([&]() -> Status {
        for (int i = 0; i <= others; ++i) {
            SessionRow row;
            row.id = newMessageId();
            row.title = QStringLiteral("Session %1 about ").arg(i) + QString::fromUtf8(words(3));
            TRY_STATUS(db.createSession(row, {}));
            session = row.id;  // the last one becomes the long one
        }
        qint64 parent = 0;
        for (int i = 0; i < messages; ++i) {
            ChatMessage one;
            one.id = newMessageId();
            one.parent = parent;
            one.author = i % 2 ? ChatMessage::Author::assistant : ChatMessage::Author::user;
            QByteArray text = words(30) + "number" + QByteArray::number(i);
            if (i % 2) {
                ChatPart part;
                part.closed = true;
                part.text = text;
                one.parts.push_back(part);
            } else {
                one.text = text;
            }
            Message engine;
            engine.role = i % 2 ? Role::assistant : Role::user;
            engine.content = text.toStdString();
            one.engineMessages.push_back(engine);
            TRY_STATUS(db.saveMessage(session, one));
            parent = one.id;
            if (i == messages / 2) middle = one.id;
            // Now and then an answer was asked for again.
            if (i % 5000 == 4999) {
                one.id = newMessageId();
                TRY_STATUS(db.saveMessage(session, one));
                parent = one.id;
            }
        }
        return {};
    });
    if (!built) return std::fprintf(stderr, "%s\n", built.error().message.c_str()), 1;
    std::printf(
        "%d messages and %d other sessions built in %.1f s, %.1f MB\n", messages, others,
        static_cast<double>(building.elapsed()) / 1e3,
        static_cast<double>(QFileInfo(folder.filePath(QStringLiteral("sessions.db"))).size()) /
            1e6);

    const Took list = measure(40, [&](int) {
        const auto rows = db.sessions();
        return rows && static_cast<int>(rows->size()) == others + 1;
    });
    // Words of every message, prefixes of one letter, two words, one that is rare, one that is not
    // there, and a title's.
    const char* const queries[] = {"the",  "t", "model ca",           "number77", "nothere",
                                   "Sess", "e", "cache expert token", "number1",  "contract b"};
    Took search;
    for (const char* query : queries) {
        const Took one =
            measure(20, [&](int) { return db.search(QString::fromLatin1(query)).has_value(); });
        std::printf("  search '%s': p95 %s\n", query, one.text().constData());
        if (one.work > search.work) search = one;
    }
    const Took open = measure(40, [&](int) {
        const auto page = db.page(session);
        return page && page->messages.size() == 200;
    });
    const Took earlier = measure(40, [&](int) {
        const auto page = db.earlier(session, middle);
        return page && page->messages.size() == 200;
    });
    const Took branch = measure(20, [&](int) { return db.leafBelow(session, middle).has_value(); });
    std::printf(
        "p95: list %s, search (worst query) %s, open %s, earlier page %s, end of a branch %s\n",
        list.text().constData(), search.text().constData(), open.text().constData(),
        earlier.text().constData(), branch.text().constData());
    const bool good = list.work < kAllowedMs && search.work < kAllowedMs && open.work < kAllowedMs;
    if (!good) std::printf("FAILED: more than %.0f ms\n", kAllowedMs);
    return good ? 0 : 1;
}

// SPDX-License-Identifier: MIT
//
// The Cache tab over a scripted cache: structure, sums, requests, states and what is read aloud.
#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QDockWidget>
#include <QFontDatabase>
#include <QHeaderView>
#include <QLineSeries>
#include <QPushButton>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTest>
#include <QValueAxis>
#include <map>

#include "bridge/cache_service.h"
#include "cache_samples.h"
#include "fake_engine.h"
#include "inspector/cache_budget.h"
#include "inspector/cache_charts.h"
#include "inspector/cache_tab.h"
#include "inspector/cache_tree.h"
#include "inspector/inspector_panel.h"
#include "inspector/prefix_card.h"
#include "inspector_samples.h"
#include "shell/main_window.h"
#include "shell/notice.h"
#include "shell/status_strip.h"
#include "theme/theme.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;
constexpr std::int64_t kGB = 1'000'000'000;

ModelInfoPtr guide() {
    auto out = std::make_shared<ModelInfo>(samples::model({2, 1, 4, 2}));
    out->name = "Fake guide";
    out->fingerprint = "00112233445566778899aabbccddeeff";
    return out;
}

// Children by id, "" for the top; groups by "/name".
std::map<QString, QStringList> structure(const CacheTreeModel& model) {
    std::map<QString, QStringList> out;
    const auto key = [&](const QModelIndex& index) {
        if (!index.isValid()) return QString();
        const QString group = model.group(index);
        return group.isEmpty() ? index.data(CacheTreeModel::kId).toString() : u'/' + group;
    };
    QList<QModelIndex> todo{QModelIndex()};
    while (!todo.isEmpty()) {
        const QModelIndex parent = todo.takeFirst();
        for (int row = 0; row < model.rowCount(parent); ++row) {
            const QModelIndex index = model.index(row, 0, parent);
            if (model.parent(index) != parent) qFatal("a child does not know its parent");
            out[key(parent)] << key(index);
            todo << index;
        }
    }
    return out;
}

CacheView sampleView() {
    FakeCache cache;
    fillSample(cache);
    return {cache.list(), cache.stats(), cache.rate()};
}

struct Scene {
    std::shared_ptr<FakeCache> cache = std::make_shared<FakeCache>();
    CacheService service;
    InspectorPanel panel;

    CacheTab& tab() { return panel.cacheTab(); }
    void open(bool fill = true) {
        if (fill) fillSample(*cache);
        panel.setModel(guide());
        panel.followCache(service);
        panel.setCurrentIndex(InspectorPanel::kCache);
        panel.resize(420, 900);
        panel.show();
        QVERIFY(QTest::qWaitForWindowExposed(&panel));
        QSignalSpy views(&service, &CacheService::viewChanged);
        service.setCache(cache);
        QTRY_VERIFY_WITH_TIMEOUT(views.count() > 0, kWaitMs);
    }
    void refresh() {
        QSignalSpy views(&service, &CacheService::viewChanged);
        service.refresh();
        QTRY_VERIFY_WITH_TIMEOUT(views.count() > 0, kWaitMs);
    }
    void trigger(const char* name) { tab().action(QLatin1String(name))->trigger(); }
};

}  // namespace

class CacheTabTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }
    void cleanup() { applyTheme(ThemeChoice::light); }

    void treeOfPrefixes() {
        CacheTreeModel model;
        model.setModelFingerprint(guide()->fingerprint);
        model.show(sampleView());
        model.sort(CacheTreeModel::kTokens, Qt::AscendingOrder);
        const auto found = structure(model);
        const std::map<QString, QStringList> wanted{
            {"", {"sys", "notes", "import", "/Flash q2-imatrix"}},
            {"sys", {"lease-1", "parser-1"}},
            {"lease-1", {"lease-2"}},
            // A row without branches is one level deep, its branches stand below its end.
            {"parser-1", {"parser-2"}},
            {"parser-2", {"parser-3a", "parser-3b"}},
            {"/Flash q2-imatrix", {"other-0"}},
            {"other-0", {"other-1"}},
        };
        QCOMPARE(found, wanted);
        QVERIFY(model.indexOf("other-0").data(CacheTreeModel::kQuiet).toBool());
        QVERIFY(!model.indexOf("sys").data(CacheTreeModel::kQuiet).toBool());
        // With another model the two groups change places.
        model.setModelFingerprint("ffffffffffffffffffffffffffffffff");
        QCOMPARE(structure(model)[""], (QStringList{"other-0", "/Fake guide"}));
    }

    void longRowsStayFlat() {
        QCOMPARE(readable(QString("<｜User｜>hi<｜end▁of▁sentence｜>")),
                 QString("‹User›hi‹end▁of▁sentence›"));
        QCOMPARE(readable(QString("a < b ｜ c >")), QString("a < b ｜ c >"));
        CacheView view;
        const auto name = [](int i) { return std::string(1, 'c').append(std::to_string(i)); };
        for (int i = 0; i < 50; ++i)
            view.list.push_back(checkpoint(name(i), i ? name(i - 1) : "", 2048 * (i + 1), "text"));
        // A damaged index: a parent that is itself, and one that is longer.
        view.list.push_back(checkpoint("self", "self", 10, "text"));
        view.list.push_back(checkpoint("turned", "c49", 20, "text"));
        CacheTreeModel model;
        model.setModelFingerprint(guide()->fingerprint);
        model.show(view);
        const auto found = structure(model);
        QCOMPARE(found.size(), std::size_t{2});
        QCOMPARE(found.at("").size(), 3);
        QCOMPARE(found.at("c0").size(), 49);
    }

    void sortsByEveryColumn() {
        CacheTree tree;
        tree.cacheModel().setModelFingerprint(guide()->fingerprint);
        tree.show(sampleView());
        const auto top = [&](int column, Qt::SortOrder order) {
            tree.sortByColumn(column, order);
            return structure(tree.cacheModel())[""];
        };
        const QString other = "/Flash q2-imatrix";
        QCOMPARE(top(CacheTreeModel::kTokens, Qt::DescendingOrder),
                 (QStringList{"import", "notes", "sys", other}));
        QCOMPARE(top(CacheTreeModel::kAge, Qt::AscendingOrder),
                 (QStringList{"sys", "import", "notes", other}));
        QCOMPARE(top(CacheTreeModel::kHits, Qt::AscendingOrder),
                 (QStringList{"notes", "import", "sys", other}));
        QCOMPARE(top(CacheTreeModel::kNext, Qt::AscendingOrder),
                 (QStringList{"notes", "import", "sys", other}));
        QCOMPARE(top(CacheTreeModel::kReason, Qt::AscendingOrder),
                 (QStringList{"import", "notes", "sys", other}));
        // What never goes comes last.
        QCOMPARE(structure(tree.cacheModel())["parser-2"], (QStringList{"parser-3a", "parser-3b"}));
        tree.sortByColumn(CacheTreeModel::kNext, Qt::AscendingOrder);
        QCOMPARE(structure(tree.cacheModel())["parser-2"], (QStringList{"parser-3a", "parser-3b"}));
    }

    void columnsSayTheirUnits() {
        CacheTreeModel model;
        model.setNow(static_cast<std::int64_t>(std::time(nullptr)));
        model.setModelFingerprint(guide()->fingerprint);
        model.show(sampleView());
        const auto text = [&](const char* id, int column, int role = Qt::DisplayRole) {
            return model.indexOf(QLatin1String(id)).siblingAtColumn(column).data(role).toString();
        };
        QCOMPARE(text("parser-2", CacheTreeModel::kTokens), QString("30,720"));
        QCOMPARE(text("parser-2", CacheTreeModel::kSize), QString("12.0 + 107.5 MB"));
        QCOMPARE(text("parser-2", CacheTreeModel::kAge), QString("15 min"));
        // Measured both: 122.88 s less 0.36 s.
        QCOMPARE(text("parser-2", CacheTreeModel::kSaved), QString("2 min 3 s"));
        QCOMPARE(text("parser-2", CacheTreeModel::kReason), QString("before answer"));
        QCOMPARE(text("notes", CacheTreeModel::kNext), QString("next"));
        QCOMPARE(text("lease-1", CacheTreeModel::kNext), QString("2"));
        QCOMPARE(text("lease-2", CacheTreeModel::kNext), QString("session"));
        QCOMPARE(text("parser-3b", CacheTreeModel::kNext), QString("pinned"));
        QCOMPARE(text("notes", CacheTreeModel::kNext, Qt::AccessibleTextRole),
                 QString("evicted next"));
        QVERIFY(text("notes", CacheTreeModel::kSaved, Qt::AccessibleTextRole)
                    .contains("not loaded yet"));
        for (int column = 0; column < CacheTreeModel::kColumns; ++column)
            QVERIFY(!text("lease-2", column, Qt::AccessibleTextRole).isEmpty());
        model.setTitles([](const QString& id) {
            return id.startsWith("lease") ? QString("Lease contract") : QString();
        });
        QVERIFY(text("lease-2", CacheTreeModel::kWhat).startsWith("Lease contract · …Clause 14"));
    }

    void previewAddsUp() {
        CacheView view = sampleView();
        EvictionPreview shown = previewBudget(view, 2 * kGB);
        QCOMPARE(shown.checkpoints, 0);
        QCOMPARE(shown.over, 0);
        QCOMPARE(previewSentence(shown, view),
                 QString("At 2 GB, everything stays; 1.26 GB are left."));
        // 742 MB; each eviction frees its own 12 MB in the order of rank.
        shown = previewBudget(view, 720'000'000);
        QCOMPARE(shown.checkpoints, 2);
        QCOMPARE(shown.freed, 24'000'000);
        QCOMPARE(shown.over, 0);
        QCOMPARE(previewSentence(shown, view),
                 QString("At 720.0 MB, 2 checkpoints (24.0 MB) would go."));
        for (CheckpointInfo& info : view.list)
            if (info.evict_rank == 0) info.freed_bytes = 30'000'000;
        shown = previewBudget(view, 720'000'000);
        QCOMPARE(shown.checkpoints, 1);
        // Pinned and owned ones never go.
        shown = previewBudget(view, 1);
        QCOMPARE(shown.checkpoints, 9);
        QCOMPARE(shown.freed, 30'000'000 + 8 * 12'000'000);
        QCOMPARE(shown.over, 742'000'000 - shown.freed - 1);
        QVERIFY(previewSentence(shown, view).contains("nothing new would be saved"));
    }

    void budgetStepsFitTheDisk() {
        CacheStats stats;
        stats.bytes = 3 * kGB;
        stats.budget_bytes = 32 * kGB;
        stats.disk_free_bytes = 50 * kGB;
        const auto steps = budgetSteps(stats);
        QCOMPARE(steps.front(), kGB);
        QCOMPARE(steps.back(), 48 * kGB);
        QVERIFY(std::is_sorted(steps.begin(), steps.end()));
        stats.budget_bytes = std::int64_t{32} << 30;  // not one of ours
        const auto more = budgetSteps(stats);
        QCOMPARE(more.size(), steps.size() + 1);
        stats.disk_free_bytes = 0;
        stats.bytes = 0;
        QCOMPARE(budgetSteps(stats).front(), kGB);
        stats.disk_free_bytes = -1;
        QCOMPARE(budgetSteps(stats).back(), 512 * kGB);
    }

    void sharesCountSegmentsOnce() {
        const CacheView view = sampleView();
        const auto titles = [](const QString& id) {
            if (id == "lease-2") return QString("Lease contract");
            if (id == "parser-3a" || id == "parser-3b") return QString("Parser");
            return QString();
        };
        const auto shares = diskShares(view, guide()->fingerprint, titles, 10);
        std::map<QString, DiskShare> byName;
        std::int64_t sum = 0;
        for (const DiskShare& share : shares) {
            byName[share.name] = share;
            sum += share.bytes;
        }
        QVERIFY(std::is_sorted(shares.begin(), shares.end(),
                               [](auto& a, auto& b) { return a.bytes > b.bytes; }));
        // The system prompt belongs to two sessions; a session has all of its own branch.
        QCOMPARE(byName["Shared by several"].checkpoints, 1);
        QCOMPARE(byName["Shared by several"].bytes, 12'000'000 + 1'240 * 3'500);
        QCOMPARE(byName["Lease contract"].checkpoints, 2);
        QCOMPARE(byName["Lease contract"].bytes, 2 * 12'000'000 + (31'900 - 1'240) * 3'500);
        QCOMPARE(byName["Parser"].checkpoints, 4);
        QCOMPARE(byName["Model Flash q2-imatrix"].checkpoints, 2);
        // Rows only once: the ends of all branches, less what branches share.
        std::int64_t files = 0;
        for (const CheckpointInfo& info : view.list) files += info.own_bytes;
        QCOMPARE(sum, files + std::int64_t{3'500} * (31'900 + (31'012 - 1'240) + (31'240 - 30'720) +
                                                     5'020 + 48'210 + 4'096));
        const auto few = diskShares(view, guide()->fingerprint, titles, 2);
        QCOMPARE(few.size(), std::size_t{3});
        QCOMPARE(few.back().kind, DiskShare::Kind::others);
        std::int64_t again = 0;
        for (const DiskShare& share : few) again += share.bytes;
        QCOMPARE(again, sum);
        // Without titles a branch goes by its text.
        const auto bare = diskShares(view, guide()->fingerprint, {}, 20);
        QVERIFY(std::any_of(bare.begin(), bare.end(), [](const DiskShare& share) {
            return share.name == "…14 lets either side end it.";
        }));
    }

    void requestsReachTheCacheOnAnotherThread() {
        Scene scene;
        scene.open();
        scene.tab().tree().select("notes");
        QVERIFY(scene.tab().detailText().contains("5,020 tokens"));
        scene.trigger("pin");
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("pin notes"), 1, kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(
            scene.tab().tree().selected() && scene.tab().tree().selected()->pinned, kWaitMs);
        QCOMPARE(scene.tab().action("pin")->text(), QString("Un&pin"));
        scene.trigger("pin");
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("unpin notes"), 1, kWaitMs);

        // Deleting asks; a session's checkpoint says whose it is.
        QStringList asked;
        bool answer = false;
        scene.tab().confirm = [&](const QString&, const QString& text) {
            asked << text;
            return answer;
        };
        scene.tab().setSessionTitles([](const QString& id) {
            return id == "lease-2" ? QString("Lease contract") : QString();
        });
        scene.tab().tree().select("lease-2");
        scene.tab().tree().setFocus();
        QTest::keyClick(&scene.tab().tree(), Qt::Key_Delete);
        QCOMPARE(asked.size(), 1);
        QVERIFY(asked[0].contains("“Lease contract” resumes here"));
        QVERIFY(asked[0].contains("2 min 8 s"));
        QTest::qWait(50);
        QCOMPARE(scene.cache->callsOf("remove"), 0);
        answer = true;
        scene.tab().tree().select("notes");
        scene.trigger("delete");
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("remove notes"), 1, kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(!scene.tab().tree().cacheModel().indexOf("notes").isValid(),
                                 kWaitMs);
        QVERIFY(!scene.tab().tree().selected());
        QVERIFY(!scene.tab().action("delete")->isEnabled());

        scene.tab().tree().select("import");
        scene.trigger("copyId");
        QCOMPARE(QApplication::clipboard()->text(), QString("import"));
        scene.tab().exportPath = [] { return QString("/tmp/it.sgkv"); };
        scene.trigger("export");
        scene.tab().importPath = [] { return QString("/tmp/that.sgkv"); };
        scene.trigger("import");
        scene.trigger("verifyAll");
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("export import /tmp/it.sgkv"), 1, kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("import /tmp/that.sgkv"), 1, kWaitMs);
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("verify"), 1, kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(scene.tab().noticeText().contains("as written"), kWaitMs);
        for (const FakeCache::Call& call : scene.cache->calls())
            QVERIFY2(call.thread != std::this_thread::get_id(), call.what.c_str());
    }

    void failuresAreSentences() {
        Scene scene;
        scene.open();
        scene.tab().tree().select("import");
        scene.cache->failNext({ErrorCode::io, "the disk went away"});
        scene.trigger("pin");
        QTRY_VERIFY_WITH_TIMEOUT(scene.tab().noticeText().contains("the disk went away."), kWaitMs);
        scene.cache->setProblems({{"segments/ab", "its checksum does not fit"}});
        scene.trigger("verify");
        QTRY_VERIFY_WITH_TIMEOUT(scene.tab().noticeText().contains("One file"), kWaitMs);
    }

    void budgetIsChosenOnRelease() {
        Scene scene;
        scene.open();
        CacheBudget& budget = scene.tab().budget();
        QCOMPARE(budget.remark(), QString("742.0 MB of 2 GB used · 210.0 GB free on the disk"));
        StepSlider& slider = budget.slider();
        QCOMPARE(budget.steps()[static_cast<std::size_t>(slider.value())], 2 * kGB);
        QTest::keyClick(&slider, Qt::Key_Left);
        QCOMPARE(budget.sentence(), QString("At 1 GB, everything stays; 258.0 MB are left."));
        QTest::qWait(50);
        QCOMPARE(scene.cache->callsOf("budget"), 0);
        // A refresh does not take the slider away from the hand.
        scene.refresh();
        QCOMPARE(budget.steps()[static_cast<std::size_t>(slider.value())], kGB);
        QTest::keyClick(&slider, Qt::Key_Escape);
        QCOMPARE(budget.steps()[static_cast<std::size_t>(slider.value())], 2 * kGB);
        QTest::keyClick(&slider, Qt::Key_Left);
        QSignalSpy changed(&scene.service, &CacheService::budgetChanged);
        QTest::keyClick(&slider, Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, kWaitMs);
        QCOMPARE(scene.cache->callsOf("budget 1000000000"), 1);
        QCOMPARE(changed.at(0).at(0).toLongLong(), kGB);
        // The wheel never evicts.
        const int before = slider.value();
        QWheelEvent wheel(QPointF(5, 5), slider.mapToGlobal(QPointF(5, 5)), {}, {0, -120},
                          Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(&slider, &wheel);
        QCOMPARE(slider.value(), before);
    }

    void statesAreSaid() {
        {
            InspectorPanel panel;
            QVERIFY(panel.cacheTab().emptyShown());
            QVERIFY(panel.cacheTab().emptyText().contains("No cache on disk"));
        }
        Scene scene;
        scene.open(false);
        QVERIFY(scene.tab().emptyShown());
        QVERIFY(scene.tab().emptyText().contains("Nothing is saved yet"));
        fillSample(*scene.cache);
        scene.refresh();
        QVERIFY(!scene.tab().emptyShown());
        QCOMPARE(scene.tab().stateText(), QString());

        QSignalSpy notices(&scene.service, &CacheService::notice);
        scene.cache->setStats([](CacheStats& stats) {
            stats.paused = true;
            stats.pause_reason = "the disk is full";
        });
        scene.refresh();
        QVERIFY(scene.tab().stateText().startsWith(
            "Saving is paused, and nothing is lost. The disk is full."));
        QCOMPARE(notices.count(), 1);
        scene.cache->setStats([](CacheStats& stats) {
            stats.paused = false;
            stats.pause_reason = "";
        });
        scene.refresh();
        QCOMPARE(notices.count(), 2);
        QCOMPARE(scene.tab().stateText(), QString());

        scene.cache->setStats([](CacheStats& stats) {
            stats.read_only = true;
            stats.pause_reason = "process 4711 writes to this cache";
        });
        scene.refresh();
        scene.tab().tree().select("sys");
        QVERIFY(scene.tab().stateText().contains("only read. Process 4711"));
        for (const char* name : {"pin", "delete", "clean", "import"})
            QVERIFY2(!scene.tab().action(name)->isEnabled(), name);
        QVERIFY(scene.tab().action("export")->isEnabled());
        QVERIFY(!scene.tab().budget().slider().isEnabled());

        scene.cache->setStats([](CacheStats& stats) {
            stats.read_only = false;
            stats.pause_reason = "";
            stats.set_aside = 2;
        });
        scene.refresh();
        QCOMPARE(scene.tab().stateText(), QString("2 damaged files are set aside."));
        scene.cache->fire({.kind = CacheEvent::Kind::set_aside,
                           .message = "'checkpoints/ab' cannot be used and was moved aside"});
        QTRY_VERIFY_WITH_TIMEOUT(scene.tab().noticeText().contains("moved aside."), kWaitMs);
        scene.trigger("clean");
        QTRY_COMPARE_WITH_TIMEOUT(scene.cache->callsOf("gc"), 1, kWaitMs);
        QTRY_VERIFY_WITH_TIMEOUT(scene.tab().stateText().isEmpty(), kWaitMs);

        UserError broken;
        broken.happened = "The folder cannot be read.";
        scene.service.setCache({}, broken);
        QVERIFY(scene.tab().emptyShown());
        QVERIFY(scene.tab().emptyText().contains("cannot be read"));
    }

    void wherePromptsLeave() {
        Scene scene;
        scene.open();
        QVERIFY(scene.tab().prefix().isHidden());
        GenerateResult result;
        result.reuse = sampleReuse();
        scene.panel.addResult(result);
        PrefixCard& card = scene.tab().prefix();
        QVERIFY(!card.isHidden());
        QCOMPARE(card.sentence(),
                 QString("30,720 tokens of the prompt were read from disk in 360 ms. Evaluating "
                         "them took 2 min 3 s when that was done."));
        QVERIFY(card.diffShown());
        QCOMPARE(card.cachedText(), QString("write␣it?↵↵Use␣a␣table␣of␣states␣instead."));
        QCOMPARE(card.promptText(), QString("test␣it␣without␣a␣file?"));
        QVERIFY(card.commonText().endsWith("how␣would␣you␣"));
        result.reuse = {};
        result.timings.prompt_tokens = 300;
        result.reuse.note = "a checkpoint could not be used";
        scene.panel.addResult(result);
        QVERIFY(!card.diffShown());
        QVERIFY(card.sentence().contains("300 tokens"));
        scene.panel.clearConversation();
        QVERIFY(card.isHidden());
    }

    void chartsFollow() {
        Scene scene;
        scene.open();
        QCOMPARE(scene.tab().shareChart().shares().size(), std::size_t{6});
        QVERIFY(scene.tab().shareChart().accessibleDescription().contains("MB"));
        for (const QString& label : scene.tab().shareChart().labels())
            QVERIFY2(label.contains("MB"), qPrintable(label));
        QVERIFY(scene.tab().timeChart().budgetShown());
        QVERIFY(scene.tab().timeChart().bytesLine().count() >= 2);
        QCOMPARE(scene.tab().timeChart().bytesAxis().titleText(), QString("GB"));
        // A budget far above what is used is said, not drawn.
        scene.cache->setStats([](CacheStats& stats) { stats.budget_bytes = 512 * kGB; });
        scene.refresh();
        QVERIFY(!scene.tab().timeChart().budgetShown());
        QCOMPARE(scene.tab().timeChart().bytesAxis().titleText(), QString("MB"));
        // Both themes: the lines are seen on the panel.
        for (const ThemeChoice theme : {ThemeChoice::light, ThemeChoice::dark}) {
            applyTheme(theme);
            QCoreApplication::processEvents();
            const QColor ground = Theme::of(scene.panel.palette()).panel;
            for (const QColor& line :
                 {scene.tab().timeChart().bytesColour(), scene.tab().timeChart().budgetColour(),
                  scene.tab().timeChart().protectedColour()})
                QVERIFY(std::abs(line.lightness() - ground.lightness()) > 40);
        }
    }

    void selectionAndFoldingSurvive() {
        Scene scene;
        scene.open();
        CacheTree& tree = scene.tab().tree();
        tree.select("parser-2");
        tree.collapse(tree.cacheModel().indexOf("lease-1"));
        auto list = sampleCheckpoints(static_cast<std::int64_t>(std::time(nullptr)));
        list.push_back(checkpoint("new", "", 900, "a new one"));
        scene.cache->set(list);
        scene.refresh();
        QVERIFY(tree.selected());
        QCOMPARE(tree.selected()->id, std::string("parser-2"));
        QVERIFY(!tree.isExpanded(tree.cacheModel().indexOf("lease-1")));
        QVERIFY(tree.isExpanded(tree.cacheModel().indexOf("sys")));
    }

    void narrowPanelsKeepTheTellingColumns() {
        Scene scene;
        scene.open();
        CacheTree& tree = scene.tab().tree();
        QVERIFY(!tree.isColumnHidden(CacheTreeModel::kWhat));
        QVERIFY(!tree.isColumnHidden(CacheTreeModel::kTokens));
        QVERIFY(!tree.isColumnHidden(CacheTreeModel::kNext));
        int width = 0;
        for (int column = 0; column < CacheTreeModel::kColumns; ++column)
            if (!tree.isColumnHidden(column)) width += tree.columnWidth(column);
        QVERIFY(width <= tree.viewport()->width());
        scene.panel.resize(1100, 900);
        QTest::qWait(50);
        for (int column = 0; column < CacheTreeModel::kColumns; ++column)
            QVERIFY2(!tree.isColumnHidden(column), qPrintable(QString::number(column)));
    }

    void everythingHasAName() {
        Scene scene;
        scene.open();
        GenerateResult result;
        result.reuse = sampleReuse();
        scene.panel.addResult(result);
        for (QWidget* widget : scene.tab().findChildren<QWidget*>()) {
            if (widget->focusPolicy() == Qt::NoFocus || !widget->isVisible() ||
                widget->focusProxy())
                continue;
            QAccessibleInterface* face = QAccessible::queryAccessibleInterface(widget);
            QVERIFY2(face && !face->text(QAccessible::Name).isEmpty(),
                     widget->metaObject()->className());
        }
        QStringList keys;
        for (const QAction* action : scene.tab().actions()) {
            QVERIFY2(!action->shortcut().isEmpty(), qPrintable(action->text()));
            keys << action->shortcut().toString();
        }
        QCOMPARE(keys.removeDuplicates(), 0);
        QAccessibleInterface* tree = QAccessible::queryAccessibleInterface(&scene.tab().tree());
        QVERIFY(tree && tree->text(QAccessible::Name).contains("Checkpoints"));
    }

    void statusLineOpensTheTab() {
        auto plan = std::make_shared<FakePlan>();
        auto cache = std::make_shared<FakeCache>();
        fillSample(*cache);
        WindowOptions options;
        options.remember = false;
        options.openers.builtin = [plan](const EngineOptions& engine, const LoadListener& listener,
                                         const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.cache = [cache]() -> Result<KvCachePtr> { return KvCachePtr(cache); };
        auto window = std::make_unique<MainWindow>(std::move(options));
        StatusItem* item = window->status().kv;
        QCOMPARE(item->text(), QString("KV –"));
        window->setInspector(new InspectorPanel);
        window->resize(1300, 700);
        window->show();
        QVERIFY(QTest::qWaitForWindowExposed(window.get()));
        QTRY_COMPARE_WITH_TIMEOUT(item->text(), QString("KV 0.7/2 GB"), kWaitMs);
        QVERIFY(item->toolTip().contains("742,000,000 bytes of 2,000,000,000"));
        QSignalSpy wanted(window.get(), &MainWindow::cacheWanted);
        QTest::mouseClick(item, Qt::LeftButton);
        QCOMPARE(wanted.count(), 1);
        QTest::keyClick(item, Qt::Key_Return);
        QCOMPARE(wanted.count(), 2);
        QVERIFY(window->inspectorDock()->isVisible());
        cache->setStats([](CacheStats& stats) {
            stats.paused = true;
            stats.pause_reason = "the disk is full";
        });
        window->cache().refresh();
        QTRY_COMPARE_WITH_TIMEOUT(item->text(), QString("KV 0.7/2 GB paused"), kWaitMs);
        QVERIFY(window->notice().text().contains("The disk is full. Nothing is lost"));
        // The window lets go of the cache, and never on its own thread.
        window.reset();
        QVERIFY(!cache->listening());
        QCOMPARE(cache.use_count(), 1);
        QCOMPARE(cache->callsOf("flush"), 1);
        for (const FakeCache::Call& call : cache->calls())
            QVERIFY2(call.thread != std::this_thread::get_id(), call.what.c_str());
    }

    // The look of it, for people: set SG_SHOTS to a folder.
    void pictures() {
        const QString folder = qEnvironmentVariable("SG_SHOTS");
        if (folder.isEmpty()) QSKIP("SG_SHOTS names no folder for pictures");
        QDir().mkpath(folder);
        for (const ThemeChoice theme : {ThemeChoice::light, ThemeChoice::dark}) {
            applyTheme(theme);
            const QString name = theme == ThemeChoice::light ? "light" : "dark";
            Scene scene;
            scene.panel.setStyleSheet(Theme::of(QApplication::palette()).styleSheet());
            scene.open();
            scene.tab().setSessionTitles([](const QString& id) {
                if (id == "lease-2") return QString("Lease contract, clause 14");
                if (id == "parser-3a" || id == "parser-3b") return QString("Refactor the parser");
                return QString();
            });
            GenerateResult result;
            result.reuse = sampleReuse();
            scene.panel.addResult(result);
            scene.tab().tree().select("parser-2");
            for (int i = 0; i < 4; ++i) {
                QTest::qWait(1100);
                scene.cache->setStats([i](CacheStats& stats) {
                    stats.bytes += 90'000'000;
                    if (i == 2) stats.budget_bytes = 1'000'000'000;
                });
                scene.refresh();
            }
            scene.panel.resize(420, 1500);
            QTest::qWait(100);
            scene.panel.grab().save(folder + "/cache-" + name + ".png");
            scene.panel.resize(1000, 1500);
            scene.cache->setStats([](CacheStats& stats) {
                stats.paused = true;
                stats.pause_reason = "the disk is full";
                stats.set_aside = 1;
            });
            scene.refresh();
            QTest::qWait(100);
            scene.panel.grab().save(folder + "/cache-wide-" + name + ".png");
        }
    }
};

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication app(argc, argv);
    QStandardPaths::setTestModeEnabled(true);
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) {
        QFont font(QStringLiteral("Inter"));
        font.setPointSizeF(9.75);
        QApplication::setFont(font);
    }
    applyTheme(ThemeChoice::light);
    CacheTabTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "cache_tab_test.moc"

// SPDX-License-Identifier: MIT
#include <QAction>
#include <QDir>
#include <QElapsedTimer>
#include <QImage>
#include <QLineSeries>
#include <QPainter>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QSlider>
#include <QStandardPaths>
#include <QTest>
#include <cmath>

#include "expert_samples.h"
#include "inspector/alternatives_view.h"
#include "inspector/expert_charts.h"
#include "inspector/expert_disk_view.h"
#include "inspector/experts_tab.h"
#include "inspector/heat_legend.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_panel.h"
#include "inspector/inspector_parts.h"
#include "inspector/performance_tab.h"
#include "inspector/rate_series.h"
#include "inspector/routing_history.h"
#include "inspector/what_if.h"
#include "inspector_samples.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr RoutingShape kSmall{6, 2, 32, 4};
constexpr RoutingShape kFlash{43, 3, 256, 6};
constexpr RoutingShape kPro{61, 3, 384, 6};

RoutingSample sampleOf(std::int64_t position, int layers, int used,
                       std::vector<std::int32_t> experts, std::vector<float> weights,
                       bool prefill = false) {
    return {position, prefill, layers, used, std::move(experts), std::move(weights)};
}

QPalette paletteOf(bool dark) {
    applyTheme(dark ? ThemeChoice::dark : ThemeChoice::light);
    return QApplication::palette();
}

// Counts what reaches the screen.
class PaintCounter : public QObject {
public:
    int paints = 0;
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::Paint) ++paints;
        return false;
    }
};

// Layer 0 by token id; of 2 x 4 experts three are in memory, of layer 1 expert 3 was never needed.
ExpertMemorySnapshot twoLayers() {
    ExpertMemorySnapshot out = starglass::test::small_snapshot();
    out.resident_experts = 2;
    using enum ExpertTier;
    out.tiers = {host, disk, disk, device, disk, host, disk, disk};
    out.hits = {9, 0, 0, 0, 0, 4, 0, 0};
    out.misses = {1, 2, 0, 0, 4, 0, 1, 0};
    out.totals.hits = 13;
    out.totals.misses = 8;
    out.totals.experts_read = 0;
    return out;
}
constexpr RoutingShape kTwo{2, 1, 4, 2};

ExpertSnapshotPtr shared(const ExpertMemorySnapshot& snapshot) {
    return std::make_shared<const ExpertMemorySnapshot>(snapshot);
}

ExpertsSample useOf(std::int64_t position, std::vector<ExpertLayerUse> layers, double seconds = 0.1,
                    bool prefill = false) {
    ExpertsSample out{position, 1, prefill, seconds, 0, std::move(layers)};
    for (const ExpertLayerUse& layer : out.layers)
        out.stallSeconds += static_cast<double>(layer.stall_seconds);
    return out;
}

ExpertPrediction predictionOf(quint64 request, std::uint64_t budget, double rate) {
    return {request, budget, 212, rate, rate * 16, {}};
}

QColor middleOf(const QImage& image, const QRectF& rect) {
    const qreal ratio = image.devicePixelRatio();
    return image.pixelColor((rect.center() * ratio).toPoint());
}

}  // namespace

class InspectorTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }
    void cleanup() { applyTheme(ThemeChoice::light); }

    void countsAddUp() {
        RoutingCounts counts({2, 0, 4, 2});
        counts.add(sampleOf(0, 2, 2, {0, 1, 2, 3}, {0.75F, 0.25F, 0.5F, 0.5F}));
        counts.add(sampleOf(1, 2, 2, {0, 2, 2, 1}, {0.25F, 0.75F, 1.0F, 0.0F}));
        QCOMPARE(counts.tokens(), 2);
        QCOMPARE(counts.count({0, 0}), 2);
        QCOMPARE(counts.count({0, 3}), 0);
        QCOMPARE(counts.share({0, 0}), 1.0);
        QCOMPARE(counts.share({0, 1}), 0.5);
        QCOMPARE(counts.share({0, 3}), 0.0);
        QCOMPARE(counts.meanWeight({0, 0}), 0.5);
        QVERIFY(std::isnan(counts.meanWeight({0, 3})));
        QCOMPARE(counts.maxShare(), 1.0);
        QCOMPARE(counts.maxCount(), 2);
        QCOMPARE(counts.expertsUsed(0), 3);
        QCOMPARE(counts.expertsUsed(), 6);
        // Choices 2, 1, 1 of 4: 1.5 bits.
        QVERIFY(std::abs(counts.entropyBits(0) - 1.5) < 1e-12);
        QVERIFY(std::abs(counts.weightEntropyBits(0) -
                         (0.5 * 1 + 0.125 * 3 + 0.375 * std::log2(1 / 0.375))) < 1e-6);
        counts.clear();
        QCOMPARE(counts.tokens(), 0);
        QVERIFY(std::isnan(counts.entropyBits(0)));
    }

    void missingIsNotZero() {
        RoutingCounts counts({3, 0, 4, 2});
        // Layer 1 sends nothing usable, layer 2 is not in the frame at all.
        counts.add(sampleOf(0, 2, 2, {0, 1, -1, 9}, {0.5F, 0.5F, 0, 0}));
        QCOMPARE(counts.tokens(0), 1);
        QCOMPARE(counts.tokens(1), 0);
        QCOMPARE(counts.tokens(2), 0);
        QCOMPARE(counts.share({0, 3}), 0.0);
        QVERIFY(std::isnan(counts.share({1, 0})));
        QVERIFY(describeCell(counts, RoutingScale::share, {0, 3}).detail.startsWith("never used"));
        QVERIFY(describeCell(counts, RoutingScale::share, {1, 0}).detail.startsWith("no data"));

        RoutingMap map;
        map.setPalette(paletteOf(false));
        map.resize(500, 300);
        map.setSource(&counts, RoutingScale::share);
        const QImage image = map.grab().toImage();
        const QColor panel = Theme::of(map.palette()).panel;
        QCOMPARE(map.levelOf({0, 3}), 0);
        QCOMPARE(map.levelOf({1, 3}), RoutingMap::kNoData);
        QVERIFY(map.anyLayerWithoutData());
        QCOMPARE(middleOf(image, map.cellRect({0, 3})), panel);
        QVERIFY(middleOf(image, map.cellRect({0, 0})) != panel);
        // Hatching: some pixels of the row differ from the background, some do not.
        const QRect row = map.cellRect({1, 2}).toRect().adjusted(4, 4, -4, -4);
        int inked = 0;
        for (int y = row.top(); y <= row.bottom(); ++y)
            for (int x = row.left(); x <= row.right(); ++x)
                inked += image.pixelColor(x, y) != panel;
        QVERIFY(inked > 0 && inked < row.width() * row.height());
    }

    // Frames that do not fit the model must be survived, not believed.
    void crookedFrames() {
        RoutingCounts counts({2, 0, 4, 2});
        counts.add(sampleOf(0, 9, 2, {0, 1}, {0.5F}));
        counts.add(sampleOf(1, 2, 0, {}, {}));
        counts.add(sampleOf(2, -3, 2, {1, 1, 1, 1}, {}));
        counts.add(sampleOf(3, 2, 2, {0, 1, 2, 3}, {std::nanf(""), 1, 1, 1}));
        QCOMPARE(counts.tokens(), 4);
        QCOMPARE(counts.count({0, 0}), 2);
        QVERIFY(std::isfinite(counts.weightSum({0, 0})));
        RoutingHistory history;
        history.reset({2, 0, 4, 2});
        history.add(1, sampleOf(0, 9, 2, {0, 1}, {0.5F}));
        history.add(1, sampleOf(1, 1, 4, {0, 1, 2, 3}, {}));
        QCOMPARE(history.at(1, 0)->experts, (std::vector<std::int32_t>{0, 1, -1, -1}));
        QCOMPARE(history.at(1, 1)->experts, (std::vector<std::int32_t>{0, 1, -1, -1}));
    }

    void historyByMessage() {
        RoutingHistory history;
        history.reset({1, 0, 4, 2});
        history.add(7, sampleOf(9, 1, 2, {0, 1}, {1, 1}, true));
        history.add(7, sampleOf(10, 1, 2, {0, 1}, {0.5F, 0.5F}));
        history.add(7, sampleOf(11, 1, 2, {0, 3}, {0.5F, 0.5F}));
        history.add(8, sampleOf(10, 1, 2, {2, 3}, {0.5F, 0.5F}));
        QCOMPARE(history.positionsOf(7, {0, 0}), (std::vector<std::int64_t>{10, 11}));
        QCOMPARE(history.positionsOf(8, {0, 0}), std::vector<std::int64_t>{});
        QCOMPARE(history.at(7, 10)->experts, (std::vector<std::int32_t>{0, 1}));
        QCOMPARE(history.at(8, 10)->experts, (std::vector<std::int32_t>{2, 3}));
        QVERIFY(history.at(7, 9).has_value());  // wrote the first token
        QVERIFY(!history.at(8, 11).has_value());
        history.add(7, sampleOf(10, 1, 2, {2, 1}, {0.5F, 0.5F}));  // evaluated again
        QCOMPARE(history.positionsOf(7, {0, 0}), std::vector<std::int64_t>{11});
        QCOMPARE(history.countsOf(7).tokens(), 2);
        history.setMaxBytes(50);  // the oldest message goes, the running one stays
        history.add(8, sampleOf(11, 1, 2, {2, 3}, {0.5F, 0.5F}));
        QVERIFY(!history.has(7));
        QVERIFY(history.at(8, 10).has_value());
    }

    void hashLayersApart() {
        RoutingCounts counts(kFlash);
        for (int i = 0; i < 20; ++i) counts.add(samples::routing(kFlash, i, 1));
        RoutingMap map;
        map.resize(460, 400);
        map.setSource(&counts, RoutingScale::share);
        map.grab();
        QVERIFY(!map.hashRect().isEmpty());
        QVERIFY(map.routedRect().top() - map.hashRect().bottom() >= 12);
        for (int layer = 0; layer < kFlash.layers; ++layer) {
            const RoutingCell cell{layer, (layer * 37) % kFlash.experts};
            const QRectF rect = map.cellRect(cell);
            QVERIFY((layer < 3 ? map.hashRect() : map.routedRect())
                        .adjusted(-1, -1, 1, 1)
                        .contains(rect));
            QCOMPARE(map.cellAt(QPoint(static_cast<int>(rect.center().x()),
                                       static_cast<int>(rect.center().y())))
                         .layer,
                     layer);
        }
        QVERIFY(!map.cellAt(QPoint(static_cast<int>(map.hashRect().center().x()),
                                   static_cast<int>(map.hashRect().bottom()) + 6))
                     .valid());

        // A model without hash-routed layers has one block.
        RoutingCounts plain({4, 0, 8, 2});
        map.setSource(&plain, RoutingScale::share);
        QVERIFY(map.hashRect().isEmpty());
        QVERIFY(!map.routedRect().isEmpty());
    }

    void largeCellsAreAlike() {
        RoutingCounts counts(kSmall);
        RoutingMap map;
        map.resize(437, 311);
        map.setSource(&counts, RoutingScale::share);
        const QSizeF size = map.cellRect({3, 0}).size();
        QCOMPARE(size.width(), std::floor(size.width()));
        QCOMPARE(size.height(), std::floor(size.height()));
        for (int expert = 0; expert < kSmall.experts; ++expert)
            QCOMPARE(map.cellRect({3, expert}).left(),
                     std::floor(map.cellRect({3, expert}).left()));
    }

    void logarithmicAndMonotone() {
        RoutingCounts counts({1, 0, 8, 1});
        // Expert k is used 2^k times.
        std::int64_t position = 0;
        for (int k = 0; k < 7; ++k)
            for (int i = 0; i < (1 << k); ++i) counts.add(sampleOf(position++, 1, 1, {k}, {1}));
        for (const bool dark : {false, true}) {
            RoutingMap map;
            map.setPalette(paletteOf(dark));
            map.resize(500, 120);
            map.setSource(&counts, RoutingScale::share);
            const QImage image = map.grab().toImage();
            QCOMPARE(map.levelOf({0, 7}), 0);
            QCOMPARE(map.levelOf({0, 6}), 255);
            // Equal factors are equal steps.
            for (int k = 1; k + 1 < 7; ++k) {
                const int left = map.levelOf({0, k}) - map.levelOf({0, k - 1});
                const int right = map.levelOf({0, k + 1}) - map.levelOf({0, k});
                QVERIFY2(std::abs(left - right) <= 1, qPrintable(QString::number(k)));
            }
            for (int k = 0; k + 1 < 7; ++k) {
                const float here = middleOf(image, map.cellRect({0, k})).lightnessF();
                const float next = middleOf(image, map.cellRect({0, k + 1})).lightnessF();
                QVERIFY(dark ? next > here : next < here);
            }
        }
    }

    void hoverSelectKeys() {
        RoutingCounts counts(kSmall);
        for (int i = 0; i < 10; ++i) counts.add(samples::routing(kSmall, i, 1));
        RoutingMap map;
        map.resize(480, 320);
        map.setSource(&counts, RoutingScale::share);
        map.show();
        QVERIFY(QTest::qWaitForWindowExposed(&map));
        QSignalSpy hovered(&map, &RoutingMap::cellHovered),
            selected(&map, &RoutingMap::cellSelected);
        const QPoint at = map.cellRect({4, 17}).center().toPoint();
        QTest::mouseMove(&map, at);
        QTRY_COMPARE(map.hoveredCell(), (RoutingCell{4, 17}));
        QVERIFY(hovered.size() >= 1);
        QTest::mouseClick(&map, Qt::LeftButton, {}, at);
        QCOMPARE(map.selectedCell(), (RoutingCell{4, 17}));
        QCOMPARE(selected.size(), 1);
        QVERIFY(map.accessibleDescription().contains("Layer 4 · expert 17"));
        QTest::keyClick(&map, Qt::Key_Right);
        QCOMPARE(map.selectedCell(), (RoutingCell{4, 18}));
        QTest::keyClick(&map, Qt::Key_Up);
        QTest::keyClick(&map, Qt::Key_Up);
        QTest::keyClick(&map, Qt::Key_Up);  // over the gap into the hash-routed layers
        QCOMPARE(map.selectedCell(), (RoutingCell{1, 18}));
        QTest::keyClick(&map, Qt::Key_End);
        QCOMPARE(map.selectedCell(), (RoutingCell{1, 31}));
        QTest::keyClick(&map, Qt::Key_Right);
        QCOMPARE(map.selectedCell(), (RoutingCell{1, 31}));
        QTest::keyClick(&map, Qt::Key_PageDown);
        QCOMPARE(map.selectedCell(), (RoutingCell{5, 31}));
        QTest::keyClick(&map, Qt::Key_Escape);
        QVERIFY(!map.selectedCell().valid());
        QTest::keyClick(&map, Qt::Key_Down);
        QVERIFY(map.selectedCell().valid());
        QTest::mouseClick(&map, Qt::LeftButton, {},
                          map.cellRect(map.selectedCell()).center().toPoint());
        QVERIFY(!map.selectedCell().valid());
    }

    void repaintsAtMostTwentyTimesASecond() {
        ExpertsTab tab;
        tab.setModel(kFlash);
        tab.resize(420, 640);
        tab.show();
        QVERIFY(QTest::qWaitForWindowExposed(&tab));
        tab.add({samples::routing(kFlash, 0, 1)});
        QTest::qWait(150);
        PaintCounter counter;
        tab.map().installEventFilter(&counter);
        QElapsedTimer clock;
        clock.start();
        int frames = 1;
        while (clock.elapsed() < 600) {
            tab.add({samples::routing(kFlash, frames++, 1)});
            QCoreApplication::processEvents();
        }
        const double seconds = static_cast<double>(clock.elapsed()) / 1000;
        QVERIFY2(counter.paints <= static_cast<int>(seconds * 20) + 2,
                 qPrintable(QString::number(counter.paints)));
        // The last frame is never lost.
        QTRY_VERIFY(tab.summaryText().startsWith(numberText(tab.counts().expertsUsed())));
        QCOMPARE(tab.counts().tokens(), frames);
    }

    void scopesAndTexts() {
        ExpertsTab tab;
        tab.setModel(kSmall);
        tab.resize(420, 640);
        tab.show();
        tab.startAnswer();
        RoutingBatch batch;
        for (int i = 0; i < 8; ++i) batch.push_back(samples::routing(kSmall, i, 1, true));
        for (int i = 8; i < 20; ++i) batch.push_back(samples::routing(kSmall, i, 1));
        tab.add(batch);
        QCOMPARE(tab.counts().tokens(), 12);  // the answer, without its prompt
        tab.setScope(ExpertsTab::session);
        QCOMPARE(tab.counts().tokens(), 20);
        tab.setScope(ExpertsTab::token);
        QCOMPARE(tab.counts().tokens(), 1);
        tab.grab();
        QVERIFY(tab.legendText().startsWith("not chosen"));
        tab.startAnswer();
        tab.setScope(ExpertsTab::answer);
        QCOMPARE(tab.counts().tokens(), 0);
        tab.setScope(ExpertsTab::session);
        QCOMPARE(tab.counts().tokens(), 20);
    }

    void legendSaysItsUnit() {
        QCOMPARE(frequencyText(1.0 / 3), QString("1 in 3 tokens"));
        QCOMPARE(frequencyText(1.0 / 2.6), QString("1 in 2.6 tokens"));
        QCOMPARE(frequencyText(0.62), QString("62.0 % of tokens"));
        QCOMPARE(frequencyText(1), QString("every token"));
        QCOMPARE(percentText(0.0939), QString("9.4 %"));
        QCOMPARE(percentText(0.0001), QString("< 0.1 %"));
        QCOMPARE(percentText(0), QString("0.0 %"));
        QCOMPARE(durationText(0.068), QString("68 ms"));
        QCOMPARE(durationText(190), QString("3 min 10 s"));

        ExpertsTab tab;
        tab.setModel({1, 0, 8, 1});
        tab.resize(400, 500);
        RoutingBatch batch;
        for (int i = 0; i < 9; ++i) batch.push_back(sampleOf(i, 1, 1, {i % 3}, {1}));
        tab.add(batch);
        tab.grab();
        QCOMPARE(tab.legendText(), QString("never … once … 1 in 3 tokens"));
        QVERIFY(tab.summaryText().startsWith("3 of 8 experts used"));
        tab.map().selectCell({0, 1});
        QVERIFY2(tab.cardText().contains("33.3 % of tokens · mean weight 1.00 · 3 of 9 tokens"),
                 qPrintable(tab.cardText()));
    }

    void themeSwitchRecolours() {
        paletteOf(false);
        InspectorPanel panel;
        panel.resize(420, 700);
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kSmall)));
        panel.startAnswer(1);
        panel.addRouting({samples::routing(kSmall, 5, 1)});
        panel.show();
        QVERIFY(QTest::qWaitForWindowExposed(&panel));
        const int expert = samples::routing(kSmall, 5, 1).experts[4 * 3];
        RoutingMap& map = panel.expertsTab().map();
        const auto seen = [&](int other) {
            return middleOf(map.grab().toImage(), map.cellRect({3, other}));
        };
        int never = 0;
        while (map.levelOf({3, never}) != 0) ++never;
        const QColor light = seen(expert), lightNever = seen(never);
        const QColor lightLine = panel.performanceTab().chart().smoothLine().pen().color();
        const QColor lightAxis = panel.performanceTab().chart().rateAxis().labelsBrush().color();
        paletteOf(true);
        QCoreApplication::processEvents();
        const Theme dark = Theme::of(panel.palette());
        QVERIFY(dark.dark);
        QVERIFY(seen(expert) != light);
        QCOMPARE(seen(never), dark.panel);
        QVERIFY(lightNever != dark.panel);
        QCOMPARE(panel.performanceTab().chart().smoothLine().pen().color(), dark.accent);
        QVERIFY(lightLine != dark.accent);
        QCOMPARE(panel.performanceTab().chart().rateAxis().labelsBrush().color(), dark.quiet);
        QVERIFY(lightAxis != dark.quiet);
    }

    void largestShapePaintsQuickly() {
        RoutingCounts counts(kPro);
        for (int i = 0; i < 200; ++i) counts.add(samples::routing(kPro, i, i / 50));
        RoutingMap map;
        map.resize(420, 420);
        map.setSource(&counts, RoutingScale::share);
        QImage target(map.size(), QImage::Format_RGB32);
        map.render(&target);
        qint64 best = 1'000'000'000;
        for (int i = 0; i < 5; ++i) {
            map.setSource(&counts, RoutingScale::share);  // everything anew
            QElapsedTimer clock;
            clock.start();
            map.render(&target);
            best = std::min(best, clock.nsecsElapsed());
        }
        qInfo("61 x 384: levels, images and paint in %.2f ms", static_cast<double>(best) / 1e6);
        QVERIFY(best < 40'000'000);  // unoptimised and beside other work; 20 Hz leaves 50 ms

        // Fewer pixels than experts: an expert used once is still seen.
        RoutingCounts one(kPro);
        one.add(sampleOf(0, 61, 1, std::vector<std::int32_t>(61, 200), std::vector<float>(61, 1)));
        map.resize(230, 420);
        map.setSource(&one, RoutingScale::share);
        const QImage image = map.grab().toImage();
        QVERIFY(map.cellRect({30, 200}).width() < 1);
        const QRectF at = map.cellRect({30, 200});
        bool found = false;
        for (int dx = -1; dx <= 1; ++dx)
            found = found || image.pixelColor(static_cast<int>(at.center().x()) + dx,
                                              static_cast<int>(at.center().y())) !=
                                 Theme::of(map.palette()).panel;
        QVERIFY(found);
    }

    void rates() {
        RateSeries series;
        series.add(100, 0.002);  // right after the prompt: no rate
        for (int i = 1; i <= 20; ++i) series.add(100 + i, i <= 10 ? 0.1 : 0.05);
        QCOMPARE(series.tokens(), 21);
        const auto raw = series.raw();
        QCOMPARE(raw.size(), 20U);
        QCOMPARE(raw.front().x(), 2.0);
        QVERIFY(std::abs(raw.front().y() - 10) < 1e-9);
        QVERIFY(std::abs(raw.back().y() - 20) < 1e-9);
        const auto smooth = series.smooth();
        QVERIFY(std::abs(smooth.back().y() - 20) < 1e-9);
        // Four steps of 0.1 and four of 0.05: 8 tokens in 0.6 s.
        QVERIFY(std::abs(smooth[13].y() - 8 / 0.6) < 1e-9);
        QVERIFY(std::abs(series.mean() - 20 / 1.5) < 1e-9);
        series.add(300, 0.001);  // a second round after a tool call
        QCOMPARE(series.raw().size(), 20U);
        for (int i = 1; i < 5000; ++i) series.add(300 + i, 0.1);
        QVERIFY(series.raw().size() <= RateSeries::kMaxPoints);
        QCOMPARE(series.stride(), 5);
        QVERIFY(std::abs(series.smooth().back().y() - 10) < 1e-6);
    }

    void performanceFigures() {
        PerformanceTab tab;
        tab.resize(420, 640);
        tab.show();
        tab.startAnswer();
        QCOMPARE(tab.figureText(PerformanceTab::kFirstToken), QString("–"));
        tab.setPrefill({300, 300, 1000, 0.6});
        tab.addToken(TokenSample::of(samples::token(1300, 1, "a", 0.01, StreamPart::thinking)));
        for (int i = 1; i < 11; ++i)
            tab.addToken(TokenSample::of(samples::token(1300 + i, 1, "a", 0.1)));
        tab.finishAnswer();
        QCOMPARE(tab.figureText(PerformanceTab::kFirstToken), QString("610 ms"));
        QCOMPARE(tab.figureText(PerformanceTab::kPrompt), QString("1,300 tokens"));
        QCOMPARE(tab.figureText(PerformanceTab::kReused), QString("1,000 tokens"));
        QCOMPARE(tab.figureText(PerformanceTab::kGenerated), QString("11 tokens"));
        QCOMPARE(tab.figureText(PerformanceTab::kThinking), QString("1 token"));
        QCOMPARE(tab.generationText(), QString("10.0 tokens/s on average"));
        QCOMPARE(tab.prefillText(), QString("500 tokens/s · 300 tokens in 600 ms"));
        QCOMPARE(tab.chart().rawLine().count(), 10);
        QVERIFY(std::abs(tab.chart().rawLine().at(9).y() - 10) < 1e-9);
        QCOMPARE(tab.chart().rawLine().at(9).x(), 11.0);
        QCOMPARE(tab.chart().rateAxis().titleText(), QString("tokens/s"));
        QVERIFY(tab.chart().rateAxis().max() >= 10);
        GenerateTimings timings;
        timings.prefill_seconds = 0.6;
        timings.first_token_seconds = 0.62;
        timings.decode_seconds = 1.01;
        timings.prompt_tokens = 1300;
        timings.reused_tokens = 1000;
        timings.generated_tokens = 11;
        timings.thinking_tokens = 1;
        tab.addTimings(timings);
        tab.setMemory(3'100'000);
        tab.finishAnswer();
        QCOMPARE(tab.figureText(PerformanceTab::kFirstToken), QString("620 ms"));
        QCOMPARE(tab.figureText(PerformanceTab::kGenerated), QString("11 tokens"));
        QCOMPARE(tab.figureText(PerformanceTab::kMemory), QString("3.1 MB"));
        tab.setModel();
        QCOMPARE(tab.figureText(PerformanceTab::kGenerated), QString("–"));
    }

    void tokenPane() {
        QCOMPARE(visibleToken(" a\n\t"), QString("␣a↵⇥"));
        QCOMPARE(visibleToken(QByteArray("\xe4\xbd", 2)), QString("⟨E4⟩⟨BD⟩"));
        QCOMPARE(visibleToken("\xc3\xa9"), QString("é"));
        QCOMPARE(visibleToken("\xf0\x9f\x8c\x99"), QString("🌙"));
        TokenTab tab;
        tab.setModel(kSmall);
        const TokenEvent event = samples::token(48'097, 77, " compressed", 0.068);
        tab.show(TokenSample::of(event), {samples::routing(kSmall, 48'097, 1), false}, true);
        QCOMPARE(tab.titleText(), QString("“␣compressed”"));
        QCOMPARE(tab.remarkText(),
                 QString("position 48,097 · id 77 · 71.2 % · entropy 1.02 bits · 68 ms"));
        QCOMPARE(tab.othersText(), QString("others 3.4 %"));
        ExpertsModel& model = tab.table().expertsModel();
        QCOMPARE(model.rowCount(), 6);
        QCOMPARE(model.columnCount(), 5);
        QVERIFY(model.index(0, 0).data().toString().startsWith('#'));
        for (int column = 2; column < 5; ++column)
            QVERIFY(model.index(3, column - 1).data(ExpertsModel::kWeight).toFloat() >=
                    model.index(3, column).data(ExpertsModel::kWeight).toFloat());
        // The sampled token was not among the most probable ones: it still has a row.
        TokenSample rare = TokenSample::of(event);
        rare.id = 5;
        rare.text = "x";
        rare.probability = 0.01F;
        AlternativesView bars;
        bars.show(rare);
        QCOMPARE(bars.rows(), 6);
        QVERIFY(bars.accessibleDescription().contains("x 1.0 %, sampled"));
    }

    void selectionDrivesEveryTab() {
        InspectorPanel panel;
        panel.resize(420, 700);
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kSmall)));
        panel.show();
        QSignalSpy cells(&panel, &InspectorPanel::tokensOfCell);
        panel.startAnswer(3);
        panel.addRouting({samples::routing(kSmall, 9, 1, true)});
        for (int i = 0; i < 6; ++i) {
            panel.addTokens(3, i, {samples::token(10 + i, 50 + i, "t" + std::to_string(i), 0.05)});
            if (i < 5) panel.addRouting({samples::routing(kSmall, 10 + i, 1)});
        }
        panel.finishAnswer(3);
        QCOMPARE(panel.tokenTab().titleText(), QString("“t5”"));  // the latest
        panel.selectToken(3, 2);
        QCOMPARE(panel.tokenTab().titleText(), QString("“t2”"));
        panel.expertsTab().setScope(ExpertsTab::token);
        const int expert = samples::routing(kSmall, 12, 1).experts[0];
        QCOMPARE(panel.expertsTab().counts().count({0, expert}), 1);
        // The positions of a cell are those of the tokens that chose it, of the answer alone.
        panel.expertsTab().setScope(ExpertsTab::answer);
        panel.expertsTab().map().selectCell({0, expert});
        std::vector<std::int64_t> wanted;
        for (int i = 0; i < 5; ++i) {
            const auto sample = samples::routing(kSmall, 10 + i, 1);
            if (std::find(sample.experts.begin(), sample.experts.begin() + 4, expert) !=
                sample.experts.begin() + 4)
                wanted.push_back(10 + i);
        }
        QCOMPARE(cells.back().at(0).toLongLong(), 3);
        QCOMPARE(panel.positionsOfCell(), wanted);
        QVERIFY(!wanted.empty());
        panel.selectToken(3, -1);
        QCOMPARE(panel.tokenTab().titleText(), QString("“t5”"));
        // A new answer lets go of the old token; an old one is found through the source.
        panel.setTokenSource([](qint64 message, int token) -> std::optional<TokenSample> {
            if (message != 3 || token != 1) return {};
            return TokenSample::of(samples::token(11, 51, "old", 0.05));
        });
        panel.startAnswer(4);
        panel.selectToken(3, 1);
        QCOMPARE(panel.tokenTab().titleText(), QString("“old”"));
        QCOMPARE(panel.expertsTab().counts().tokens(), 5);
        panel.clearConversation();
        QCOMPARE(panel.positionsOfCell(), std::vector<std::int64_t>{});
    }

    // --- experts read from disk ------------------------------------------------------------

    void viewsOnlyWhereExpertsAreRead() {
        ExpertsTab tab;
        tab.resize(420, 900);
        tab.show();
        tab.setModel(kTwo);
        tab.add({sampleOf(0, 2, 2, {0, 1, 1, 2}, {0.5F, 0.5F, 0.5F, 0.5F})});
        QVERIFY(tab.memoryText().contains("All experts are in memory"));
        QVERIFY(!tab.disk().isVisible());
        QVERIFY(!tab.action("viewTier")->isEnabled());
        tab.setView(ExpertsTab::tier);
        QCOMPARE(tab.view(), ExpertsTab::use);
        tab.setStreaming(true, true);
        tab.setSnapshot(shared(twoLayers()));
        QVERIFY(tab.memoryText().isEmpty());
        QVERIFY(tab.disk().isVisible());
        tab.setView(ExpertsTab::tier);
        QCOMPARE(tab.view(), ExpertsTab::tier);
        // Another model, in memory: back to use, and nothing of the old one is left.
        tab.setModel(kTwo);
        tab.setStreaming(false, false);
        QCOMPARE(tab.view(), ExpertsTab::use);
        QVERIFY(!tab.disk().isVisible());
        QVERIFY(!tab.series().recent().any());
    }

    void tiersAndHitsAsTheyWereSent() {
        ExpertsTab tab;
        tab.setPalette(paletteOf(false));
        tab.resize(520, 1400);
        tab.setModel(kTwo);
        tab.setStreaming(true, false);
        tab.setSnapshot(shared(twoLayers()));
        tab.show();
        const Theme theme = Theme::of(tab.palette());
        const QString use = tab.map().accessibleName();
        tab.setView(ExpertsTab::tier);
        QVERIFY(tab.map().accessibleName() != use);
        QImage image = tab.map().grab().toImage();
        QCOMPARE(middleOf(image, tab.map().cellRect({0, 1})), theme.panel);
        QCOMPARE(middleOf(image, tab.map().cellRect({0, 0})), TierSource::hostColour(theme));
        QCOMPARE(tab.map().levelOf({0, 3}), int{TierSource::kDevice});
        // The device is hatched: more than one colour in its cell.
        const QRect cell = tab.map().cellRect({0, 3}).toRect().adjusted(2, 2, -2, -2);
        int plain = 0;
        for (int y = cell.top(); y <= cell.bottom(); ++y)
            for (int x = cell.left(); x <= cell.right(); ++x)
                plain += image.pixelColor(x, y) == TierSource::deviceColour(theme);
        QVERIFY(plain > 0 && plain < cell.width() * cell.height());
        QCOMPARE(tab.legendText(), QString("on disk · in memory · on the device"));
        QCOMPARE(
            tab.summaryText(),
            QString("2 of 8 experts in memory, 3.0 MB of a budget of 4.0 MB · 1 on the device"));
        tab.map().selectCell({0, 0});
        QVERIFY2(tab.cardText().contains("in memory · 9 hits, 1 miss · hit rate 90.0 %"),
                 qPrintable(tab.cardText()));
        QVERIFY(tab.map().accessibleDescription().contains("9 hits, 1 miss"));

        tab.setView(ExpertsTab::hits);
        image = tab.map().grab().toImage();
        // Never needed is the panel's own background, always missed is not.
        QCOMPARE(tab.map().levelOf({1, 3}), 0);
        QCOMPARE(middleOf(image, tab.map().cellRect({1, 3})), theme.panel);
        QVERIFY(tab.map().levelOf({1, 0}) > 0);
        QVERIFY(middleOf(image, tab.map().cellRect({1, 0})) != theme.panel);
        QCOMPARE(tab.map().levelOf({1, 1}), 255);
        // Linear: 90 % lies nine tenths of the way.
        const int low = tab.map().levelOf({1, 0});
        QVERIFY(std::abs(tab.map().levelOf({0, 0}) - (low + 0.9 * (255 - low))) < 1);
        QCOMPARE(tab.legendText(), QString("never needed … hit rate 0 % … 100 %"));
        QCOMPARE(tab.summaryText(), QString("hit rate 61.9 % · 13 hits, 8 misses"));
        tab.map().selectCell({1, 3});
        QVERIFY(tab.cardText().contains("on disk · never needed"));
        QVERIFY(tab.remarkText().contains("linear scale"));

        // In the view of use the card says it too.
        tab.setView(ExpertsTab::use);
        tab.add({sampleOf(0, 2, 2, {0, 1, 1, 2}, {0.5F, 0.5F, 0.5F, 0.5F})});
        tab.map().selectCell({1, 1});
        QVERIFY2(tab.cardText().contains("in memory · 4 hits, 0 misses"),
                 qPrintable(tab.cardText()));
    }

    // A layer of which nothing was needed has no rate; a snapshot of another shape is no data.
    void noHitRateIsNotZero() {
        ExpertMemorySnapshot snapshot = twoLayers();
        snapshot.hits = {0, 0, 0, 0, 0, 0, 0, 0};
        snapshot.misses = {0, 0, 0, 0, 3, 0, 0, 0};
        HitSource source;
        source.set(kTwo, shared(snapshot));
        RoutingMap map;
        map.resize(400, 200);
        map.setSource(source);
        map.grab();
        QCOMPARE(map.levelOf({0, 0}), RoutingMap::kNoData);
        QCOMPARE(map.levelOf({1, 1}), 0);
        QVERIFY(std::isnan(source.bar(0)));
        QCOMPARE(source.bar(1), 0.0);
        LayerRateChart chart;
        chart.show(source.layers(), 1);
        QVERIFY(std::isnan(chart.rateOf(0)));
        QCOMPARE(chart.rateOf(1), 0.0);
        QVERIFY(chart.accessibleDescription().contains("Layer 0: nothing was needed · routed by"));
        snapshot.tiers.pop_back();
        source.set(kTwo, shared(snapshot));
        QVERIFY(!source.any());
        QVERIFY(source.describe({1, 1}).detail.contains("no data"));
    }

    void viewsByKeyboard() {
        ExpertsTab tab;
        tab.resize(420, 900);
        tab.setModel(kTwo);
        tab.setStreaming(true, true);
        tab.setSnapshot(shared(twoLayers()));
        tab.show();
        QVERIFY(QTest::qWaitForWindowActive(&tab));
        tab.map().setFocus();
        QTest::keyClick(&tab.map(), Qt::Key_2, Qt::AltModifier);
        QCOMPARE(tab.view(), ExpertsTab::tier);
        QVERIFY(tab.action("viewTier")->isChecked());
        QTest::keyClick(&tab.map(), Qt::Key_3, Qt::AltModifier);
        QCOMPARE(tab.view(), ExpertsTab::hits);
        QTest::keyClick(&tab.map(), Qt::Key_1, Qt::AltModifier);
        QCOMPARE(tab.view(), ExpertsTab::use);
        // Arrow keys move inside the control itself, and everything has a name.
        SegmentBar* views = nullptr;
        for (SegmentBar* bar : tab.findChildren<SegmentBar*>())
            if (bar->accessibleName() == "View") views = bar;
        QVERIFY(views);
        const auto buttons = views->findChildren<QAbstractButton*>();
        QCOMPARE(buttons.size(), 3);
        buttons[0]->setFocus();
        QTest::keyClick(buttons[0], Qt::Key_Right);
        QCOMPARE(tab.view(), ExpertsTab::tier);
        for (const QAbstractButton* button : buttons) {
            QVERIFY(button->accessibleName().startsWith("View: "));
            QVERIFY(!button->accessibleDescription().isEmpty());
        }
        QVERIFY(!tab.disk().chart().accessibleName().isEmpty());
        QVERIFY(!tab.disk().layerChart().accessibleName().isEmpty());
        QVERIFY(!tab.disk().whatIf().slider().accessibleName().isEmpty());
        QVERIFY(!tab.disk().whatIf().bars().accessibleName().isEmpty());
    }

    void waitingInWords() {
        ExpertSeries series;
        series.reset(30);
        std::vector<ExpertLayerUse> layers(30, ExpertLayerUse{6, 0, 0, 0});
        layers[22] = {6, 5, 35'000'000, 0.015F};
        layers[17] = {6, 7, 49'000'000, 0.026F};
        series.add(1, useOf(99, layers));
        const auto wait = series.waitOf(1, 100);  // the batch of 99 wrote token 100
        QVERIFY(wait.has_value());
        QCOMPARE(waitText(*wait), QString("41 ms: 12 misses, layers 17, 22"));
        QVERIFY(!series.waitOf(1, 99).has_value());
        QVERIFY(!series.waitOf(2, 100).has_value());
        layers[3] = {6, 1, 7'000'000, 0.002F};
        layers[4] = {6, 1, 7'000'000, 0.001F};
        series.add(1, useOf(100, layers));
        QCOMPARE(waitText(*series.lastWait()),
                 QString("44 ms: 14 misses, longest in layers 17, 22, 3"));
        std::vector<ExpertLayerUse> calm(30, ExpertLayerUse{6, 0, 0, 0});
        series.add(1, useOf(101, calm));
        QCOMPARE(waitText(*series.lastWait()),
                 QString("no waiting: all 180 experts were in memory"));
        calm[5].misses = 1;
        series.add(1, useOf(102, calm));
        QCOMPARE(waitText(*series.lastWait()),
                 QString("no waiting: 1 miss, read while others were computed"));
        QVERIFY(std::abs(*series.answerStallPerToken() - 0.085 / 4) < 1e-6);
    }

    void hitRateOverTime() {
        ExpertSeries series;
        series.reset(2);
        // A prompt's chunk is read, but draws nothing.
        series.add(1, useOf(0, {{4, 4, 4'000'000, 0}, {4, 4, 4'000'000, 0}}, 1, true));
        QVERIFY(series.line().empty());
        QCOMPARE(series.answerReadBytes(), 8'000'000U);
        for (int i = 0; i < ExpertSeries::kSmooth; ++i)
            series.add(1, useOf(i, {{2, 0, 0, 0}, {2, 1, 1'000'000, 0}}));
        auto line = series.line();
        QCOMPARE(line.size(), std::size_t{ExpertSeries::kSmooth});
        QCOMPARE(line.back(), QPointF(0, 75));
        QCOMPARE(series.worstLayer(), 1);
        QCOMPARE(series.line(1).back().y(), 50.0);
        for (int i = 0; i < 400; ++i) series.add(1, useOf(20 + i, {{2, 0, 0, 0}, {2, 0, 0, 0}}));
        line = series.line();
        QCOMPARE(line.size(), std::size_t{ExpertSeries::kShown});
        QCOMPARE(line.front().x(), 1.0 - ExpertSeries::kShown);
        QCOMPARE(line.back().y(), 100.0);
        QCOMPARE(series.answerReadBytes(), 24'000'000U);
        // The engine's own count of the round takes the place of ours.
        ExpertTotals totals;
        totals.misses = 1;
        totals.read_bytes = 24'576'000;
        series.addResult(totals);
        QCOMPARE(series.answerReadBytes(), 24'576'000U);
        series.add(1, useOf(500, {{2, 1, 1'000'000, 0}, {2, 0, 0, 0}}));
        QCOMPARE(series.answerReadBytes(), 25'576'000U);
        series.startAnswer();
        QCOMPARE(series.answerReadBytes(), 0U);
        QVERIFY(series.recent().any());  // goes on over answers
    }

    void diskFiguresEqualWhatWasSent() {
        InspectorPanel panel;
        panel.resize(420, 1600);
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kTwo)));
        panel.setStreaming(true, true);
        ExpertMemorySnapshot snapshot = twoLayers();
        snapshot.note = "direct reads are not possible here, the page cache is used";
        panel.expertsTab().setSnapshot(shared(snapshot));
        panel.show();
        panel.startAnswer(3);
        for (int i = 0; i < 10; ++i) {
            panel.addExperts({useOf(9 + i, {{2, 1, 1'500'000, 0.03F}, {2, 0, 0, 0}})});
            panel.addTokens(3, i, {samples::token(10 + i, 50 + i, "t", 0.1)});
            panel.addRouting({sampleOf(10 + i, 2, 2, {0, 1, 1, 2}, {0.5F, 0.5F, 0.5F, 0.5F})});
        }
        panel.finishAnswer(3);
        panel.showNow();
        ExpertDiskView& disk = panel.expertsTab().disk();
        QCOMPARE(disk.hitRateText(),
                 QString("75.0 % over the last 10 tokens · 61.9 % since the model was opened"));
        QCOMPARE(disk.figureText(ExpertDiskView::kReadAnswer), QString("15.0 MB"));
        QCOMPARE(disk.figureText(ExpertDiskView::kReadOpened), QString("9.0 MB"));
        QCOMPARE(disk.figureText(ExpertDiskView::kMedian), QString("4.1 ms"));
        QCOMPARE(disk.figureText(ExpertDiskView::kSlow), QString("9.8 ms"));
        QCOMPARE(disk.figureText(ExpertDiskView::kLongest), QString("22 ms"));
        QCOMPARE(disk.figureText(ExpertDiskView::kRate), QString("1.10 GB/s"));
        QVERIFY(disk.readsText().startsWith("io_uring, direct, registered memory"));
        QCOMPARE(disk.noteText(),
                 QString("⚠ Direct reads are not possible here, the page cache is used."));
        QCOMPARE(disk.waitingText(), QString("30 ms: 1 miss, layer 0"));
        QCOMPARE(panel.tokenTab().waitText(),
                 QString("computing 70 ms · waiting for experts 30 ms: 1 miss, layer 0"));
        QCOMPARE(disk.meanWaitText(), QString("30 ms per token of this answer on average"));
        QVERIFY(disk.layersText().contains("lowest 44.4 %, layer\u00a01"));
        QCOMPARE(disk.chart().line().count(), 10);
        // The same in the table of times.
        PerformanceTab& times = panel.performanceTab();
        QCOMPARE(times.figureText(PerformanceTab::kWaiting), QString("300 ms"));
        QCOMPARE(times.figureText(PerformanceTab::kDiskRead), QString("1.5 MB"));
        // A selected token has its own wait; of the first one only its prompt knows.
        panel.addExperts({useOf(19, {{2, 2, 3'000'000, 0.05F}, {2, 0, 0, 0}})});
        panel.selectToken(3, 2);
        QCOMPARE(disk.waitingText(), QString("30 ms: 1 miss, layer 0"));
        panel.selectToken(3, -1);
        QCOMPARE(disk.waitingText(), QString("50 ms: 2 misses, layer 0"));
        panel.startAnswer(4);
        panel.setTokenSource([](qint64, int) -> std::optional<TokenSample> {
            return TokenSample::of(samples::token(700, 51, "old", 0.05));
        });
        panel.selectToken(2, 1);
        QVERIFY(disk.waitingText().startsWith("not known"));
        // Without streaming the table has no such rows.
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kTwo)));
        panel.setStreaming(false, false);
        panel.setCurrentIndex(InspectorPanel::kPerformance);
        bool shown = false;
        for (const QLabel* label : times.findChildren<QLabel*>())
            shown = shown || (label->isVisible() && label->text().contains("waiting for experts"));
        QVERIFY(!shown);
    }

    void budgetsOneCanSay() {
        ExpertMemorySnapshot snapshot;
        snapshot.routed_bytes = 77'900'000'000;
        snapshot.budget_bytes = 11'800'000'000;
        const auto budgets = whatIfBudgets(snapshot);
        QVERIFY(std::is_sorted(budgets.begin(), budgets.end()));
        QVERIFY(std::find(budgets.begin(), budgets.end(), 11'800'000'000U) != budgets.end());
        QCOMPARE(budgets.back(), 77'900'000'000U);
        QVERIFY(budgets.size() >= 8 && budgets.size() <= 24);
        QCOMPARE(roundBytesText(12'000'000'000), QString("12\u00a0GB"));
        QCOMPARE(roundBytesText(11'800'000'000), QString("11.8\u00a0GB"));
        snapshot.budget_bytes = 0;
        QVERIFY(whatIfBudgets(snapshot).empty());
        // A budget that holds everything.
        snapshot.budget_bytes = 100'000'000'000;
        QCOMPARE(whatIfBudgets(snapshot).back(), 100'000'000'000U);
        // The smallest model there is.
        snapshot = twoLayers();
        for (const std::uint64_t budget : whatIfBudgets(snapshot)) QVERIFY(budget > 0);
    }

    void whatIfSaysPredicted() {
        WhatIf section;
        section.resize(400, 300);
        ExpertMemorySnapshot snapshot;
        snapshot.routed_bytes = 64'000'000'000;
        snapshot.budget_bytes = 18'000'000'000;
        section.setSnapshot(snapshot);
        section.setMeasured(0.931, 14.2);
        QList<std::vector<std::uint64_t>> asked;
        quint64 request = 0;
        connect(&section, &WhatIf::wanted, this, [&](const std::vector<std::uint64_t>& budgets) {
            asked << budgets;
            section.setRequest(++request);
        });
        section.show();
        QTRY_COMPARE(asked.size(), 1);  // when it is first seen
        QCOMPARE(asked[0].front(), 18'000'000'000U);
        QCOMPARE(asked[0].size(), section.budgets().size());
        QVERIFY(section.sentence().contains("predicting"));
        section.add(predictionOf(1, 18'000'000'000, 0.929));
        QVERIFY(section.sentence().contains("predicted hit rate 92.9 %"));
        QVERIFY(section.presentSentence().contains(
            "Now 18\u00a0GB: measured hit rate 93.1 %, 14.2 tokens/\u2060s"));

        // Many moves are one question, the budget looked at first, the present one second.
        for (int i = 0; i < 3; ++i) QTest::keyClick(&section.slider(), Qt::Key_Right);
        QCOMPARE(asked.size(), 1);
        QTRY_COMPARE(asked.size(), 2);
        const std::uint64_t chosen =
            section.budgets()[static_cast<std::size_t>(section.slider().value())];
        QCOMPARE(asked[1].front(), chosen);
        QCOMPARE(asked[1][1], 18'000'000'000U);
        // What an older question is answered is not heard.
        section.add(predictionOf(1, chosen, 0.1));
        QVERIFY(!section.sentence().contains("10.0 %"));
        section.add(predictionOf(2, chosen, 0.968));
        section.add(predictionOf(2, 18'000'000'000, 0.93));
        QVERIFY2(
            section.sentence().contains("predicted hit rate 96.8 %, predicted 15.5 tokens/\u2060s"),
            qPrintable(section.sentence()));
        QVERIFY(section.presentSentence().contains("predicted hit rate 93.0 %"));
        QCOMPARE(section.remark(), QString("predicted from 212 recorded tokens"));
        QCOMPARE(section.bars().rates()[static_cast<std::size_t>(section.slider().value())], 0.968);
        QCOMPARE(section.budgets()[static_cast<std::size_t>(section.bars().present())],
                 18'000'000'000U);
        QVERIFY(section.slider().accessibleDescription().contains("predicted"));
        // A figure that is known is not asked for again; after more tokens it is.
        for (const std::uint64_t budget : section.budgets())
            section.add(predictionOf(2, budget, 0.9));
        section.finish(2);
        QTest::keyClick(&section.slider(), Qt::Key_Left);
        QTest::qWait(WhatIf::kDebounceMs + 100);
        QCOMPARE(asked.size(), 2);
        section.recordChanged();
        QTRY_COMPARE(asked.size(), 3);
        // Too little for one token is said, not drawn as no hits.
        ExpertPrediction impossible{3, section.budgets().front(), 212, 0, 0, "Too little."};
        section.add(impossible);
        QVERIFY(section.bars().rates().front() < 0);
        section.slider().setValue(0);
        QVERIFY(section.sentence().contains("cannot be predicted. Too little."));
    }

    // A narrow dock cuts nothing, and everything grows with the zoom.
    void diskViewFitsNarrowAndZooms() {
        InspectorPanel panel;
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kFlash)));
        panel.setStreaming(true, true);
        samples::Disk disk(kFlash, 2000, 7'080'000);
        panel.show();
        panel.startAnswer(1);
        for (int i = 0; i < 5; ++i) {
            const RoutingSample routing = samples::routing(kFlash, i, 1);
            panel.addExperts({disk.step(routing)});
            panel.addRouting({routing});
        }
        panel.expertsTab().setSnapshot(disk.taken());
        QVERIFY2(panel.minimumSizeHint().width() <= 360,
                 qPrintable(QString::number(panel.minimumSizeHint().width())));
        panel.resize(360, 1000);
        panel.showNow();
        QCoreApplication::processEvents();
        const auto areas = panel.expertsTab().findChildren<QScrollArea*>();
        QCOMPARE(areas.size(), 1);
        QVERIFY(areas[0]->widget()->width() <= areas[0]->viewport()->width());
        const int height = panel.expertsTab().disk().chart().sizeHint().height();
        const int bars = panel.expertsTab().disk().whatIf().bars().sizeHint().height();
        panel.setZoom(1.5);
        QCoreApplication::processEvents();
        QVERIFY(panel.expertsTab().disk().chart().sizeHint().height() > height * 5 / 4);
        QVERIFY(panel.expertsTab().disk().whatIf().bars().sizeHint().height() > bars * 5 / 4);
    }

    // Pictures to look at, where SG_SHOTS names a folder.
    void pictures() {
        const QString folder = qEnvironmentVariable("SG_SHOTS");
        if (folder.isEmpty()) QSKIP("SG_SHOTS names no folder");
        QDir().mkpath(folder);
        const std::tuple<const char*, RoutingShape, int, std::uint64_t, int> models[] = {
            {"flash", kFlash, 3000, 7'080'000, 0},
            {"device", kFlash, 2200, 7'080'000, 9},
            {"small", kSmall, 70, 49'000, 0}};
        for (const auto& [name, shape, budget, bytes, device] : models)
            for (const bool dark : {false, true})
                for (const int width : {360, 460, 720}) {
                    const QPalette palette = paletteOf(dark);
                    InspectorPanel panel;
                    panel.setStyleSheet(Theme::of(palette).styleSheet());
                    panel.setAutoFillBackground(true);
                    panel.setModel(std::make_shared<ModelInfo>(samples::model(shape)));
                    panel.setStreaming(true, true);
                    samples::Disk disk(shape, budget, bytes, device);
                    quint64 request = 0;
                    WhatIf& whatIf = panel.expertsTab().disk().whatIf();
                    connect(
                        &whatIf, &WhatIf::wanted, &whatIf,
                        [&](const std::vector<std::uint64_t>& budgets) {
                            whatIf.setRequest(++request);
                            const double all = static_cast<double>(disk.snapshot().routed_bytes);
                            for (const std::uint64_t one : budgets) {
                                ExpertPrediction out = predictionOf(
                                    request, one, std::pow(static_cast<double>(one) / all, 0.25));
                                if (static_cast<double>(one) < all / 40)
                                    out.problem = "The budget is below what one token needs.";
                                whatIf.add(out);
                            }
                            whatIf.finish(request);
                        });
                    panel.resize(width, 900);
                    panel.show();
                    panel.startAnswer(1);
                    for (int i = 0; i < 300; ++i) {
                        const RoutingSample routing = samples::routing(shape, i, i / 100);
                        panel.addExperts({disk.step(routing)});
                        panel.addRouting({routing});
                    }
                    if (shape == kSmall)
                        disk.snapshot().note =
                            "direct reads are not possible on this file system, so the page "
                            "cache is used too";
                    panel.expertsTab().setSnapshot(disk.taken());
                    panel.finishAnswer(1);
                    panel.expertsTab().map().selectCell({4, 17});
                    QTest::qWait(WhatIf::kDebounceMs + 150);
                    whatIf.slider().setValue(whatIf.slider().value() + 2);
                    const char* const views[] = {"use", "tier", "hits"};
                    for (int view = 0; view < 3; ++view) {
                        panel.expertsTab().setView(static_cast<ExpertsTab::View>(view));
                        panel.showNow();
                        QTest::qWait(50);
                        const auto save = [&](const QString& part) {
                            panel.grab();  // drawing may want another line of text
                            QCoreApplication::sendPostedEvents(nullptr, QEvent::LayoutRequest);
                            panel.grab().save(QStringLiteral("%1/experts-%2-%3-%4-%5%6.png")
                                                  .arg(folder, QLatin1String(name),
                                                       QLatin1String(dark ? "dark" : "light"))
                                                  .arg(width)
                                                  .arg(QLatin1String(views[view]), part));
                        };
                        save({});
                        if (view > 0) continue;
                        QScrollBar* bar =
                            panel.expertsTab().findChild<QScrollArea*>()->verticalScrollBar();
                        bar->setValue(bar->maximum());
                        QTest::qWait(30);
                        save(QStringLiteral("-end"));
                        bar->setValue(0);
                    }
                }
    }

    void zoomScales() {
        InspectorPanel panel;
        panel.setModel(std::make_shared<ModelInfo>(samples::model(kSmall)));
        panel.resize(600, 900);
        panel.show();
        const qreal before = panel.performanceTab().chart().tokenAxis().labelsFont().pointSizeF();
        const int hint = panel.expertsTab().map().sizeHint().height();
        panel.setZoom(1.5);
        QCoreApplication::processEvents();
        QVERIFY(
            std::abs(panel.performanceTab().chart().tokenAxis().labelsFont().pointSizeF() / before -
                     1.5) < 0.05);
        QVERIFY(panel.expertsTab().map().sizeHint().height() > hint * 5 / 4);
    }
};

}  // namespace starglass::ui

int main(int argc, char** argv) {
    QApplication app(argc, argv);
    QStandardPaths::setTestModeEnabled(true);
    starglass::ui::InspectorTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "inspector_test.moc"

// SPDX-License-Identifier: MIT
//
// The way from an engine that reads its experts from disk to the window: frames, looks at where
// experts are, predictions, and who lets go of what when the model changes.
#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSignalSpy>
#include <QTest>
#include <atomic>
#include <mutex>
#include <thread>

#include "bridge/engine_bridge.h"
#include "bridge/expert_lease.h"
#include "bridge/expert_service.h"
#include "bridge_scene.h"
#include "fake_engine.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;

struct Wires : BridgeScene {
    std::unique_ptr<ExpertService> service;

    explicit Wires(ExpertService::Simulate simulate = {}) {
        plan->experts = std::make_shared<FakeExperts>();
        plan->experts->set(small_snapshot());
        plan->experts->set(small_trace(5));
        bridge = std::make_unique<EngineBridge>(openers());
        service = std::make_unique<ExpertService>(std::move(simulate));
        service->follow(*bridge);
    }
};

// Hit rate in percent equals the budget in MB; notes who asked for what, and can be held up.
struct FakeSimulator {
    std::mutex mutex;
    std::vector<SimulationOptions> asked;
    std::atomic<bool> hold{false};
    std::atomic<int> cancelled{0};
    std::thread::id thread;

    Result<Simulation> operator()(const ExpertTrace& trace, const SimulationOptions& options,
                                  const CancelToken& cancel) {
        {
            const std::lock_guard lock(mutex);
            asked.push_back(options);
            thread = std::this_thread::get_id();
        }
        while (hold && !cancel.cancelled())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (cancel.cancelled()) {
            ++cancelled;
            return fail(ErrorCode::cancelled, "cancelled");
        }
        if (options.budget_bytes < 2'000'000)
            return fail(ErrorCode::invalid_input, "the budget is below what one token needs");
        Simulation out;
        out.decoded_tokens = static_cast<int>(trace.batches.size());
        out.decode.hits = options.budget_bytes / 1'000'000;
        out.decode.misses = 100 - out.decode.hits;
        out.predicted_tokens_s = 10;
        return out;
    }
    [[nodiscard]] int calls() {
        const std::lock_guard lock(mutex);
        return static_cast<int>(asked.size());
    }
};

ExpertService::Simulate of(const std::shared_ptr<FakeSimulator>& fake) {
    return [fake](const ExpertTrace& trace, const SimulationOptions& options,
                  const CancelToken& cancel) { return (*fake)(trace, options, cancel); };
}

}  // namespace

class ExpertServiceTest : public QObject {
    Q_OBJECT
private slots:
    void framesArriveAsTheyWereSent() {
        Wires wires;
        wires.load();
        ExpertsBatch heard;
        int batches = 0;
        connect(wires.bridge.get(), &EngineBridge::expertFrames, this,
                [&](const ExpertsBatch& batch) {
                    heard.insert(heard.end(), batch.begin(), batch.end());
                    ++batches;
                });
        wires.plan->add(reply("", "one two three four five six seven eight"));
        wires.answer();
        QCOMPARE(heard.size(), 8U);
        QVERIFY(batches < 8);  // together, like routing
        QCOMPARE(heard[0].layers.size(), 2U);
        QCOMPARE(heard[0].needed(), 4);
        QCOMPARE(heard[0].misses(), 1);
        QCOMPARE(heard[0].readBytes(), 1'000'000U);
        QCOMPARE(heard[7].position, heard[0].position + 7);
        QVERIFY(std::abs(heard[0].stallSeconds - 0.004) < 1e-6);
        // 8 tokens, each 1 miss of 4.
        QCOMPARE(wires.service->recent().tokens(), 8);
        QCOMPARE(wires.service->recent().rate(), 0.75);
    }

    void theWindowForgetsOldTokens() {
        HitWindow window;
        ExpertsSample miss, hit, prompt;
        miss.layers = {{4, 4, 0, 0}};
        hit.layers = {{4, 0, 0, 0}};
        prompt.layers = {{4, 4, 0, 0}};
        prompt.prefill = true;
        QVERIFY(!window.any());
        for (int i = 0; i < HitWindow::kTokens; ++i) window.add(miss);
        QCOMPARE(window.rate(), 0.0);
        for (int i = 0; i < HitWindow::kTokens / 2; ++i) window.add(hit);
        QCOMPARE(window.rate(), 0.5);
        window.add(prompt);
        QCOMPARE(window.rate(), 0.5);
        for (int i = 0; i < HitWindow::kTokens / 2; ++i) window.add(hit);
        QCOMPARE(window.rate(), 1.0);
        QCOMPARE(window.tokens(), HitWindow::kTokens);
    }

    void looksAtMostTwiceASecondAndOnceAtTheEnd() {
        Wires wires;
        QSignalSpy seen(wires.service.get(), &ExpertService::snapshotTaken);
        wires.load();
        QTRY_COMPARE_WITH_TIMEOUT(seen.count(), 1, kWaitMs);  // without any token
        QVERIFY(wires.service->streaming());
        QCOMPARE(wires.service->snapshot()->resident_experts, 3);
        QElapsedTimer clock;
        clock.start();
        const int before = wires.plan->experts->looks;
        wires.plan->add(reply("", QString("word ").repeated(300).toStdString(), 4));
        wires.answer();
        const int during = wires.plan->experts->looks - before;
        QVERIFY2(during >= 1 && during <= clock.elapsed() / ExpertService::kRefreshIntervalMs + 1,
                 qPrintable(QString::number(during)));
        // What changed last is seen too, and then there is rest.
        ExpertMemorySnapshot last = small_snapshot();
        last.resident_experts = 4;
        wires.plan->experts->set(last);
        wires.answer();
        QTRY_COMPARE_WITH_TIMEOUT(wires.service->snapshot()->resident_experts, 4, kWaitMs);
        QTest::qWait(2 * ExpertService::kRefreshIntervalMs + 100);
        const int settled = wires.plan->experts->looks;
        QTest::qWait(2 * ExpertService::kRefreshIntervalMs);
        QCOMPARE(wires.plan->experts->looks.load(), settled);
    }

    void aModelInMemoryIsLeftAlone() {
        Wires wires;
        const auto experts = std::exchange(wires.plan->experts, nullptr);
        wires.load();
        wires.plan->add(reply("", "one two"));
        wires.answer();
        QVERIFY(!wires.service->streaming());
        QVERIFY(!wires.service->canPredict());
        QCOMPARE(wires.service->snapshot(), nullptr);
        QCOMPARE(experts->looks.load(), 0);
        QVERIFY(!wires.service->recent().any());
    }

    // The engine dies on its own thread before the next one is opened, and nobody looks any more,
    // although a look was under way.
    void switchingModelsLetsGoFirst() {
        std::atomic<bool> looking{false}, hold{false};
        Wires wires;
        const auto let = qScopeGuard([&] { hold = false; });
        const auto first = wires.plan->experts;
        first->whileLooking = [&] {
            looking = true;
            while (hold) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        };
        wires.load();
        QTRY_VERIFY_WITH_TIMEOUT(wires.service->snapshot() != nullptr, kWaitMs);
        QTest::qWait(ExpertService::kRefreshIntervalMs);
        looking = false;
        hold = true;
        wires.service->refresh();
        QTRY_VERIFY_WITH_TIMEOUT(looking.load(), kWaitMs);
        QSignalSpy ready(wires.bridge.get(), &EngineBridge::modelReady);
        wires.plan->experts.reset();
        QElapsedTimer clock;
        clock.start();
        wires.bridge->openBuiltin();
        QVERIFY(clock.elapsed() < 500);  // the window's thread waits for nobody
        QTest::qWait(100);
        QVERIFY(!first->gone);  // nor does the engine go under a look
        QCOMPARE(ready.count(), 0);
        hold = false;
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
        QVERIFY(first->gone);
        QVERIFY(!wires.service->streaming());
        QCOMPARE(wires.service->snapshot(), nullptr);
        QTest::qWait(ExpertService::kRefreshIntervalMs + 100);
        QCOMPARE(first->looksAfterTheEnd.load(), 0);
    }

    void aFailedSwitchTakesTheExpertsAlong() {
        Wires wires;
        const auto first = wires.plan->experts;
        wires.load();
        QVERIFY(wires.service->streaming());
        wires.plan->loadError = Error{ErrorCode::io, "the disk is gone"};
        QSignalSpy failed(wires.bridge.get(), &EngineBridge::loadFailed);
        wires.bridge->openBuiltin();
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kWaitMs);
        // It kept to a ceiling that two models would have broken: it went first, in vain.
        QVERIFY(first->gone);
        QVERIFY(!wires.service->streaming());
        QCOMPARE(wires.bridge->model(), nullptr);
    }

    void predictsInTheOrderAskedOffTheWindowsThread() {
        const auto fake = std::make_shared<FakeSimulator>();
        Wires wires(of(fake));
        wires.load();
        QTRY_VERIFY_WITH_TIMEOUT(wires.service->snapshot() != nullptr, kWaitMs);
        QVERIFY(wires.service->canPredict());
        QList<ExpertPrediction> heard;
        connect(wires.service.get(), &ExpertService::predicted, this,
                [&](const ExpertPrediction& one) { heard << one; });
        QSignalSpy done(wires.service.get(), &ExpertService::predictionsDone);
        const quint64 request = wires.service->predict({30'000'000, 1'000'000, 70'000'000});
        QTRY_COMPARE_WITH_TIMEOUT(done.count(), 1, kWaitMs);
        QCOMPARE(done.at(0).at(0).toULongLong(), request);
        QCOMPARE(heard.size(), 3);
        QCOMPARE(heard[0].budgetBytes, 30'000'000U);
        QCOMPARE(heard[0].hitRate, 0.3);
        QCOMPARE(heard[0].tokensPerSecond, 10.0);
        QCOMPARE(heard[0].decodedTokens, 5);
        QVERIFY(heard[1].problem.contains("below what one token needs"));
        QCOMPARE(heard[2].hitRate, 0.7);
        QVERIFY(fake->thread != std::this_thread::get_id());
        QCOMPARE(fake->asked[0].policy, std::string("lru"));  // as the engine runs
    }

    void theNewestRequestWins() {
        const auto fake = std::make_shared<FakeSimulator>();
        Wires wires(of(fake));
        wires.load();
        QList<ExpertPrediction> heard;
        connect(wires.service.get(), &ExpertService::predicted, this,
                [&](const ExpertPrediction& one) { heard << one; });
        const auto let = qScopeGuard([&] { fake->hold = false; });
        fake->hold = true;
        wires.service->predict({10'000'000, 20'000'000});
        QTRY_COMPARE_WITH_TIMEOUT(fake->calls(), 1, kWaitMs);
        wires.service->predict({40'000'000});  // never even begun
        const quint64 newest = wires.service->predict({50'000'000});
        QTRY_COMPARE_WITH_TIMEOUT(fake->cancelled.load(), 1, kWaitMs);
        fake->hold = false;
        QTRY_COMPARE_WITH_TIMEOUT(heard.size(), 1, kWaitMs);
        QTest::qWait(50);
        QCOMPARE(heard.size(), 1);
        QCOMPARE(heard[0].request, newest);
        QCOMPARE(heard[0].budgetBytes, 50'000'000U);
        for (const SimulationOptions& asked : fake->asked)
            QVERIFY(asked.budget_bytes != 20'000'000 && asked.budget_bytes != 40'000'000);
    }

    void nothingRecordedIsSaidAndNotSimulated() {
        const auto fake = std::make_shared<FakeSimulator>();
        Wires wires(of(fake));
        wires.plan->experts->set(ExpertTrace());
        wires.load();
        QList<ExpertPrediction> heard;
        connect(wires.service.get(), &ExpertService::predicted, this,
                [&](const ExpertPrediction& one) { heard << one; });
        wires.service->predict({50'000'000});
        QTRY_COMPARE_WITH_TIMEOUT(heard.size(), 1, kWaitMs);
        QCOMPARE(heard[0].decodedTokens, 0);
        QVERIFY(!heard[0].problem.isEmpty());
        QCOMPARE(fake->calls(), 0);
    }

    void endsWhilePredicting() {
        const auto fake = std::make_shared<FakeSimulator>();
        Wires wires(of(fake));
        wires.load();
        fake->hold = true;
        wires.service->predict({10'000'000, 20'000'000});
        QTRY_COMPARE_WITH_TIMEOUT(fake->calls(), 1, kWaitMs);
        QElapsedTimer clock;
        clock.start();
        wires.service.reset();
        QVERIFY2(clock.elapsed() < 5000, qPrintable(QString::number(clock.elapsed())));
        QCOMPARE(fake->cancelled.load(), 1);
        QCOMPARE(fake->calls(), 1);
        wires.bridge.reset();
        QCOMPARE(wires.plan->experts->looksAfterTheEnd.load(), 0);
    }

    void theBridgeMayGoFirst() {
        Wires wires;
        wires.load();
        QTRY_VERIFY_WITH_TIMEOUT(wires.service->snapshot() != nullptr, kWaitMs);
        wires.bridge.reset();
        QVERIFY(wires.plan->experts->gone);
        wires.service->refresh();
        QTest::qWait(ExpertService::kRefreshIntervalMs + 100);
        QCOMPARE(wires.plan->experts->looksAfterTheEnd.load(), 0);
    }
};

QTEST_GUILESS_MAIN(ExpertServiceTest)
#include "expert_service_test.moc"

// SPDX-License-Identifier: MIT
//
// The way from the engine's thread to the disk cache and back.
#include <QSignalSpy>
#include <QTest>
#include <atomic>
#include <thread>

#include "bridge/cache_service.h"
#include "bridge/engine_bridge.h"
#include "bridge_scene.h"
#include "fake_cache.h"
#include "fake_engine.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;

struct Wires : BridgeScene {
    std::shared_ptr<FakeCache> cache = std::make_shared<FakeCache>();

    EngineOpeners openers(std::function<Result<KvCachePtr>()> open) {
        EngineOpeners out = BridgeScene::openers();
        out.cache = std::move(open);
        return out;
    }
    void start(std::function<Result<KvCachePtr>()> open) {
        bridge = std::make_unique<EngineBridge>(openers(std::move(open)));
    }
};

}  // namespace

class CacheServiceTest : public QObject {
    Q_OBJECT
private slots:
    void theWorkerOpensTheCacheOnce() {
        Wires wires;
        std::atomic<int> opened = 0;
        std::thread::id where;
        wires.start([&]() -> Result<KvCachePtr> {
            ++opened;
            where = std::this_thread::get_id();
            return KvCachePtr(wires.cache);
        });
        QSignalSpy ready(wires.bridge.get(), &EngineBridge::cacheReady);
        // Before any model.
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
        QCOMPARE(wires.bridge->cache(), KvCachePtr(wires.cache));
        QVERIFY(ready.at(0).at(1).value<UserError>().empty());
        QVERIFY(where != std::this_thread::get_id());
        wires.load();
        wires.load();
        QCOMPARE(opened.load(), 1);
        // Nothing was said yet: there is nothing to save.
        QVERIFY(wires.plan->saves().empty());
    }

    void anotherModelAndTheEndSave() {
        Wires wires;
        wires.start([&]() -> Result<KvCachePtr> { return KvCachePtr(wires.cache); });
        wires.load();
        wires.answer();
        wires.load();
        QCOMPARE(wires.plan->saves(), std::vector{SaveReason::evict});
        wires.answer();
        QCOMPARE(wires.cache->callsOf("flush"), 0);
        wires.bridge.reset();
        QCOMPARE(wires.plan->saves(), (std::vector{SaveReason::evict, SaveReason::shutdown}));
        QCOMPARE(wires.cache->callsOf("flush"), 1);
        for (const FakeCache::Call& call : wires.cache->calls())
            QVERIFY(call.thread != std::this_thread::get_id());
    }

    void aBrokenCacheDoesNotStopTheChat() {
        Wires wires;
        wires.start([&]() -> Result<KvCachePtr> {
            return fail(ErrorCode::io, "the folder '/cache' cannot be read");
        });
        QSignalSpy ready(wires.bridge.get(), &EngineBridge::cacheReady);
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
        const auto error = ready.at(0).at(1).value<UserError>();
        QVERIFY(error.happened.contains("cannot be read"));
        QVERIFY(!error.safe.isEmpty() && !error.next.isEmpty());
        wires.load();
        wires.answer();
        wires.bridge.reset();
        QVERIFY(wires.plan->saves().empty());
    }

    void theViewIsThrottled() {
        auto cache = std::make_shared<FakeCache>();
        cache->set({checkpoint("a", "", 100, "text")});
        CacheService service;
        QSignalSpy views(&service, &CacheService::viewChanged);
        service.setCache(cache);
        QTRY_VERIFY_WITH_TIMEOUT(views.count() == 1 && cache->listening(), kWaitMs);
        QCOMPARE(service.view().list.size(), std::size_t{1});
        // From another thread and far more often than anybody looks.
        QElapsedTimer clock;
        clock.start();
        std::thread busy([&] {
            for (int i = 0; i < 600; ++i) {
                cache->setStats([&](CacheStats& stats) { stats.bytes = i; });
                cache->fire({.kind = CacheEvent::Kind::saved});
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
        });
        QTRY_COMPARE_WITH_TIMEOUT(service.view().stats.bytes, std::int64_t{599}, kWaitMs);
        busy.join();
        QTest::qWait(2 * CacheService::kRefreshIntervalMs);
        const auto most = 2 + clock.elapsed() / CacheService::kRefreshIntervalMs;
        QVERIFY2(cache->callsOf("list") <= most, qPrintable(QString::number(views.count())));
        QVERIFY(views.count() >= 4);
        for (const FakeCache::Call& call : cache->calls())
            QVERIFY(call.thread != std::this_thread::get_id());
        // Samples are a second apart, and the last one is the present.
        QVERIFY(service.samples().size() <= static_cast<std::size_t>(2 + clock.elapsed() / 1000));
        QCOMPARE(service.samples().back().bytes, std::int64_t{599});
    }

    void slowWorkHoldsNobodyUp() {
        auto cache = std::make_shared<FakeCache>();
        CacheService service;
        QSignalSpy views(&service, &CacheService::viewChanged);
        service.setCache(cache);
        QTRY_VERIFY_WITH_TIMEOUT(views.count() == 1, kWaitMs);
        cache->setDelayMs(1500);
        QElapsedTimer clock;
        clock.start();
        service.verify({});
        QVERIFY(clock.elapsed() < 500);
        QCOMPARE(service.busy(), QString("Verifying…"));
        // The view goes on meanwhile.
        cache->setStats([](CacheStats& stats) { stats.bytes = 7; });
        service.refresh();
        QTRY_COMPARE_WITH_TIMEOUT(service.view().stats.bytes, std::int64_t{7}, kWaitMs);
        QCOMPARE(service.busy(), QString("Verifying…"));
        QSignalSpy notices(&service, &CacheService::notice);
        service.cancelVerify();
        QTRY_COMPARE_WITH_TIMEOUT(notices.count(), 1, kWaitMs);
        QVERIFY(notices.at(0).at(0).toString().contains("cancelled"));
        QVERIFY(service.busy().isEmpty());
    }

    void aSentenceIsSaidOnce() {
        auto cache = std::make_shared<FakeCache>();
        CacheService service;
        service.setCache(cache);
        QTRY_VERIFY_WITH_TIMEOUT(cache->listening(), kWaitMs);
        QSignalSpy notices(&service, &CacheService::notice);
        for (int i = 0; i < 5; ++i)
            cache->fire({.kind = CacheEvent::Kind::failed, .message = "the disk is full"});
        cache->fire({.kind = CacheEvent::Kind::skipped, .message = "too short"});
        cache->fire({.kind = CacheEvent::Kind::set_aside, .message = "'x' was damaged"});
        QTRY_COMPARE_WITH_TIMEOUT(notices.count(), 2, kWaitMs);
        QCOMPARE(notices.at(0).at(0).toString(), QString("The disk is full."));
        QCOMPARE(notices.at(1).at(0).toString(), QString("'x' was damaged."));
    }

    void aListenerInFlightFindsNobody() {
        auto cache = std::make_shared<FakeCache>();
        std::atomic<bool> stop = false;
        std::thread busy([&] {
            while (!stop) cache->fire({.kind = CacheEvent::Kind::saved});
        });
        for (int i = 0; i < 20; ++i) {
            CacheService service;
            service.setCache(cache);
            QTest::qWait(3);
        }
        stop = true;
        busy.join();
        QVERIFY(!cache->listening());
        QCOMPARE(cache.use_count(), 1);
    }

    void withoutOneNothingIsSaid() {
        Wires wires;
        wires.start({});
        QSignalSpy ready(wires.bridge.get(), &EngineBridge::cacheReady);
        wires.load();
        wires.answer();
        QCOMPARE(ready.count(), 0);
        QVERIFY(!wires.bridge->cache());
    }
};

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    CacheServiceTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "cache_service_test.moc"

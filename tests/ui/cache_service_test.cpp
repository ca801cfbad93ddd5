// SPDX-License-Identifier: MIT
//
// The way from the engine's thread to the disk cache and back.
#include <QSignalSpy>
#include <QTest>

#include "bridge/engine_bridge.h"
#include "fake_cache.h"
#include "fake_engine.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;

struct Wires {
    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::shared_ptr<FakeCache> cache = std::make_shared<FakeCache>();
    std::unique_ptr<EngineBridge> bridge;

    EngineOpeners openers(std::function<Result<KvCachePtr>()> open) {
        EngineOpeners out;
        out.builtin = [plan = plan](const EngineOptions& options, const LoadListener& listener,
                                    const CancelToken& cancel) {
            return open_fake(plan, options, listener, cancel);
        };
        out.cache = std::move(open);
        return out;
    }
    void start(std::function<Result<KvCachePtr>()> open) {
        bridge = std::make_unique<EngineBridge>(openers(std::move(open)));
    }
    void load() const {
        QSignalSpy ready(bridge.get(), &EngineBridge::modelReady);
        bridge->openBuiltin();
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
    }
    void answer() const {
        QSignalSpy finished(bridge.get(), &EngineBridge::finished);
        GenerateJob job;
        Message message;
        message.role = Role::user;
        message.content = "hello";
        job.conversation.messages.push_back(message);
        bridge->generate(job);
        QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, kWaitMs);
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

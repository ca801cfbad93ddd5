// SPDX-License-Identifier: MIT
//
// A bridge on a fake engine, for tests of the services beside it.
#pragma once

#include <QSignalSpy>
#include <QTest>

#include "bridge/engine_bridge.h"
#include "fake_engine.h"

namespace starglass::test {

struct BridgeScene {
    static constexpr int kWaitMs = 20000;

    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::unique_ptr<ui::EngineBridge> bridge;

    [[nodiscard]] ui::EngineOpeners openers() const {
        ui::EngineOpeners out;
        out.builtin = [plan = plan](const EngineOptions& options, const LoadListener& listener,
                                    const CancelToken& cancel) {
            return open_fake(plan, options, listener, cancel);
        };
        return out;
    }
    void load() const {
        QSignalSpy ready(bridge.get(), &ui::EngineBridge::modelReady);
        bridge->openBuiltin();
        QTRY_COMPARE_WITH_TIMEOUT(ready.count(), 1, kWaitMs);
    }
    void answer() const {
        QSignalSpy finished(bridge.get(), &ui::EngineBridge::finished);
        ui::GenerateJob job;
        Message message;
        message.role = Role::user;
        message.content = "hello";
        job.conversation.messages.push_back(message);
        bridge->generate(job);
        QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, kWaitMs);
    }
};

}  // namespace starglass::test

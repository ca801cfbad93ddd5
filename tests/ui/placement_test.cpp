// SPDX-License-Identifier: MIT
//
// Where the model runs: shown, chosen, remembered, and what is offered when a graphics processor
// fails. The real window, a fake engine.
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSpinBox>
#include <QStandardItemModel>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>

#include "bridge/error_text.h"
#include "fake_engine.h"
#include "shell/main_window.h"
#include "shell/notice.h"
#include "shell/placement_dialog.h"
#include "shell/placement_text.h"
#include "shell/status_strip.h"

using namespace starglass;
using namespace starglass::test;
using namespace starglass::ui;

namespace {

constexpr int kWaitMs = 20000;
const char* const kCard = "Fake Radeon 9999";

std::vector<DeviceDescription> twoDevices() {
    DeviceDescription card;
    card.name = kCard;
    card.kind_text = "discrete GPU";
    card.driver = "radv 24.1";
    card.api_version = "1.3.278";
    card.memory_bytes = 24'000'000'000;
    card.free_bytes = 22'000'000'000;
    card.memory_budget = true;
    DeviceDescription old;
    old.index = 1;
    old.name = "Old card";
    old.unusable = "it has no timeline semaphores";
    return {card, old};
}

struct Scene {
    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::unique_ptr<MainWindow> window;
    bool remember = false;
    std::function<Result<std::vector<DeviceDescription>>()> devices = [] { return twoDevices(); };

    void open(bool load = true) {
        WindowOptions options;
        options.remember = remember;
        options.engine.backend = BackendKind::automatic;
        options.openers.builtin = [plan = plan](const EngineOptions& engine,
                                                const LoadListener& listener,
                                                const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.devices = devices;
        window = std::make_unique<MainWindow>(std::move(options));
        window->resize(1000, 700);
        window->show();
        if (!load) return;
        window->openBuiltin();
        ready(1);
    }
    void ready(std::size_t opened) const {
        QTRY_VERIFY_WITH_TIMEOUT(plan->options().size() == opened && window->bridge().model() &&
                                     !window->bridge().loading(),
                                 kWaitMs);
    }
    PlacementDialog& dialog() const {
        PlacementDialog& dialog = window->showPlacement();
        [&] { QTRY_VERIFY_WITH_TIMEOUT(!window->devices().waiting(), kWaitMs); }();
        return dialog;
    }
    void ask() const {
        window->ask(QStringLiteral("How?"));
        QTRY_VERIFY_WITH_TIMEOUT(!window->chat().answering() && window->chat().size() == 2,
                                 kWaitMs);
    }
    void shot(QWidget& of, const QString& name) const {
        const QString folder = qEnvironmentVariable("SG_SHOTS");
        if (folder.isEmpty()) return;
        QTest::qWait(80);
        of.grab().save(folder + u'/' + name + QStringLiteral(".png"));
    }
};

QString text(const PlacementDialog& dialog, const char* name) {
    return dialog.findChild<QLabel*>(QLatin1String(name))->text();
}

QPushButton* button(QWidget& in, const char* name) {
    return in.findChild<QPushButton*>(QLatin1String(name));
}

Error outOfMemory() {
    return {ErrorCode::out_of_memory,
            "the graphics processor ran out of memory while making room for a tensor"};
}

}  // namespace

class PlacementTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName(QStringLiteral("starglass-test"));
        QCoreApplication::setApplicationName(QStringLiteral("placement-test"));
        QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settings_.path());
        applyTheme(ThemeChoice::light);
    }

    void says() {
        PlacementSummary placement;
        QCOMPARE(placeText(placement), QStringLiteral("The CPU"));
        placement.backend = BackendKind::vulkan;
        placement.device = kCard;
        placement.layers = 43;
        placement.device_expert_layers = 20;
        placement.device_bytes = 20'000'000'000;
        placement.host_bytes = 40'000'000'000;
        placement.reason = "asked for";
        QCOMPARE(placementText(placement),
                 QStringLiteral("Runs on: Fake Radeon 9999, with the experts of 20 of 43 layers\n"
                                "Device memory used: 20.0 GB\nExperts on the CPU: 40.0 GB\n"
                                "Why: Asked for."));
        placement.device_expert_layers = 43;
        QVERIFY(placeText(placement).contains(QStringLiteral("all of it")));
    }

    void knowsADevicesErrors() {
        QVERIFY(describeError(outOfMemory(), Doing::answering, {}).device);
        QVERIFY(describeError({ErrorCode::not_found, "there is no Vulkan device 'x'"},
                              Doing::opening, {})
                    .device);
        QVERIFY(!describeError({ErrorCode::out_of_memory, "there is not enough memory"},
                               Doing::answering, {})
                     .device);
        QVERIFY(!describeError({ErrorCode::io, "the disk is gone"}, Doing::opening, {}).device);
    }

    void theDialogShowsAndChooses() {
        Scene scene;
        scene.plan->device = kCard;
        scene.open();
        scene.ask();
        QVERIFY(scene.window->status().model->text().contains(QStringLiteral("GPU")));
        PlacementDialog& dialog = scene.dialog();
        QVERIFY(text(dialog, "place").contains(QLatin1String(kCard)));
        QVERIFY(text(dialog, "memory").contains(QStringLiteral("1.5 GB")));
        QCOMPARE(text(dialog, "reason"), QStringLiteral("The plan says so."));
        auto* where = dialog.findChild<QComboBox*>(QStringLiteral("where"));
        QCOMPARE(where->count(), 4);  // automatic, the CPU, two devices
        QCOMPARE(where->currentIndex(), 0);
        QVERIFY(!button(dialog, "apply")->isEnabled());
        // What the engine cannot use can be seen, not chosen.
        QVERIFY(!qobject_cast<QStandardItemModel*>(where->model())->item(3)->isEnabled());
        where->setCurrentIndex(2);
        QVERIFY(text(dialog, "about").contains(QStringLiteral("22.0 GB free")));
        scene.shot(dialog, QStringLiteral("placement-dialog"));
        dialog.findChild<QSpinBox*>(QStringLiteral("layers"))->setValue(1);
        QVERIFY(button(dialog, "apply")->isEnabled());
        button(dialog, "apply")->click();
        scene.ready(2);
        EngineOptions now = scene.plan->options().back();
        QVERIFY(now.backend == BackendKind::vulkan);
        QCOMPARE(now.device, std::string(kCard));
        QCOMPARE(now.device_expert_layers, 1);
        QVERIFY(text(dialog, "place").contains(QStringLiteral("1 of 2 layers")));
        QVERIFY(text(dialog, "memory").contains(QStringLiteral("stay with the CPU")));

        where->setCurrentIndex(1);
        button(dialog, "apply")->click();
        scene.ready(3);
        QVERIFY(scene.plan->options().back().backend == BackendKind::cpu);
        QCOMPARE(text(dialog, "place"), QStringLiteral("The CPU"));
        QVERIFY(!scene.window->status().model->text().contains(QStringLiteral("GPU")));
        QCOMPARE(scene.window->chat().size(), 2);  // the conversation stays
    }

    void withoutADriverItSaysSo() {
        Scene scene;
        scene.devices = []() -> Result<std::vector<DeviceDescription>> {
            return fail(ErrorCode::not_found, "there is no Vulkan loader on this machine");
        };
        scene.open();
        PlacementDialog& dialog = scene.dialog();
        QCOMPARE(dialog.findChild<QComboBox*>(QStringLiteral("where"))->count(), 2);
        QVERIFY(text(dialog, "about").contains(QStringLiteral("There is no Vulkan loader")));
    }

    void aSlowDriverHoldsNobodyUp() {
        Scene scene;
        auto go = std::make_shared<std::atomic<bool>>(false);
        scene.devices = [go]() -> Result<std::vector<DeviceDescription>> {
            while (!*go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return twoDevices();
        };
        scene.open();
        PlacementDialog& dialog = scene.window->showPlacement();
        QVERIFY(scene.window->devices().waiting());
        scene.ask();  // the engine's thread is free too
        QCOMPARE(dialog.findChild<QComboBox*>(QStringLiteral("where"))->count(), 2);
        *go = true;
        QTRY_COMPARE_WITH_TIMEOUT(dialog.findChild<QComboBox*>(QStringLiteral("where"))->count(), 4,
                                  kWaitMs);
    }

    void aFailingDeviceOffersWaysOut() {
        Scene scene;
        scene.plan->device = kCard;
        scene.open();
        FakeReply broken = reply("", "It is");
        broken.error = outOfMemory();
        scene.plan->add(broken);
        scene.ask();
        Notice& notice = scene.window->notice();
        QTRY_VERIFY_WITH_TIMEOUT(notice.isVisible(), kWaitMs);
        QVERIFY(notice.text().contains(QStringLiteral("ran out of memory")));
        QVERIFY(notice.text().contains(QStringLiteral("kept")));
        QVERIFY(button(notice, "runOnCpu")->isVisible());
        QVERIFY(button(notice, "fewerLayers")->isVisible());
        scene.shot(*scene.window, QStringLiteral("device-error"));
        button(notice, "fewerLayers")->click();
        scene.ready(2);
        QCOMPARE(scene.plan->options().back().device_expert_layers, 1);
        QVERIFY(scene.plan->options().back().backend == BackendKind::automatic);
        QVERIFY(!notice.isVisible());
        QCOMPARE(scene.window->chat().size(), 2);
        QVERIFY(scene.window->chat().canRegenerate());
    }

    void aDeviceThatDoesNotOpenLeavesTheCpu() {
        Scene scene;
        scene.plan->device = kCard;
        scene.open();
        scene.plan->loadError = outOfMemory();
        scene.window->openBuiltin();
        Notice& notice = scene.window->notice();
        QTRY_VERIFY_WITH_TIMEOUT(button(notice, "runOnCpu")->isVisible(), kWaitMs);
        // The first one went to make room.
        QVERIFY(!scene.window->bridge().model());
        QVERIFY(notice.text().contains(QStringLiteral("no model is open now")));
        QVERIFY(!button(notice, "fewerLayers")->isVisible());
        scene.plan->loadError.reset();
        button(notice, "runOnCpu")->click();
        scene.ready(2);
        QVERIFY(scene.plan->options().back().backend == BackendKind::cpu);
        scene.ask();
    }

    void theChoiceIsRemembered() {
        {
            Scene scene;
            scene.remember = true;
            scene.open();
            PlacementDialog& dialog = scene.dialog();
            dialog.findChild<QComboBox*>(QStringLiteral("where"))->setCurrentIndex(2);
            button(dialog, "apply")->click();
            scene.ready(2);
            scene.window->close();
        }
        Scene again;
        again.remember = true;
        again.open();
        QVERIFY(again.plan->options().back().backend == BackendKind::vulkan);
        QCOMPARE(again.plan->options().back().device, std::string(kCard));
        PlacementDialog& dialog = again.dialog();
        QCOMPARE(dialog.findChild<QComboBox*>(QStringLiteral("where"))->currentIndex(), 2);
    }

private:
    QTemporaryDir settings_;
};

QTEST_MAIN(PlacementTest)
#include "placement_test.moc"

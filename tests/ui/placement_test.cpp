// SPDX-License-Identifier: MIT
//
// Where the model runs: shown, chosen, remembered, and what is offered when a graphics processor
// fails. The real window, a fake engine.
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFile>
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
#include "shell/plan_view.h"
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

// A plan as the engine makes it: 11,008 experts, as many in memory as the ceiling has room for.
Result<MemoryReport> somePlan(const std::string& path, const PlanRequest& request) {
    MemoryReport report;
    report.path = path;
    report.layers = 43;
    report.experts = 256;
    report.experts_used = 6;
    MemoryPlan& plan = report.plan;
    plan.available_bytes = 20'000'000'000;
    plan.least_ceiling = 9'100'000'000;
    plan.mapped = request.engine.memory_bytes == kMemoryMapped;
    plan.automatic = request.engine.memory_bytes == kMemoryAutomatic;
    plan.ceiling = plan.mapped      ? 0
                   : plan.automatic ? 16'000'000'000
                                    : static_cast<std::uint64_t>(request.engine.memory_bytes);
    plan.parts = {{"the program itself", 120'000'000},
                  {"weights every token needs", 7'800'000'000},
                  {"the context's rows and saved states", 480'000'000},
                  {"working memory of a batch", 400'000'000}};
    if (!plan.mapped && plan.ceiling < plan.least_ceiling) {
        report.problem = "8 MiB of memory are not enough";
        return report;
    }
    if (plan.mapped) {
        plan.parts.push_back({"routed experts, mapped", 78'000'000'000});
        plan.host_experts = 11008;
    } else {
        plan.expert_budget = plan.ceiling - 9'000'000'000;
        plan.parts.push_back({"spare", 200'000'000});
        plan.parts.push_back({"routed experts", plan.expert_budget});
        plan.host_experts = static_cast<int>(plan.expert_budget / 7'100'000);
        plan.disk_experts = 11008 - plan.host_experts;
    }
    report.decode.low = {0.09, 0.6, 1.4, 0.62};
    report.decode.high = {0.54, 0.3, 0.7, 1.24};
    report.decode.reasons = {
        "A token needs 8.6 GB, of it 1.8 GB of experts; memory gives 28 GB/s (measured), of which "
        "kernels reach half or more: 307 ms to 614 ms to compute (predicted).",
        "The rest, 820 MB to 1.6 GB a token, is read at 1.14 GB/s (measured for a moment, "
        "io_uring, direct; a disk that reads for long may be slower): 719 ms to 1.4 s."};
    report.speeds = {28e9, 0, 1.14e9, "io_uring, direct"};
    return report;
}

struct Scene {
    std::shared_ptr<FakePlan> plan = std::make_shared<FakePlan>();
    std::unique_ptr<MainWindow> window;
    bool remember = false;
    std::int64_t memory = kMemoryAutomatic;  // as if from the command line
    PlanService::Planner planner = [](const std::string& path, const PlanRequest& request,
                                      const CancelToken&) { return somePlan(path, request); };
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
        options.openers.file = [plan = plan](const std::string&, const EngineOptions& engine,
                                             const LoadListener& listener,
                                             const CancelToken& cancel) {
            return open_fake(plan, engine, listener, cancel);
        };
        options.openers.plan = planner;
        options.openers.memory = [] { return std::int64_t{100'000'000}; };
        options.engine.memory_bytes = memory;
        options.memoryGiven = memory != kMemoryAutomatic;
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

    void saysTheCeiling() {
        PlacementSummary placement;
        QCOMPARE(ceilingText(placement), QString());
        placement.memory_ceiling = 12'000'000'000;
        placement.expert_budget = 3'000'000'000;
        placement.host_experts = 3412;
        placement.disk_experts = 11008 - 3412;
        const QString text = QStringLiteral(
            "keeps below 12.0 GB: 3,412 of 11,008 experts in memory, the rest on "
            "disk");
        QCOMPARE(ceilingText(placement), text);
        QCOMPARE(placementText(placement), QStringLiteral("Runs on: The CPU\nMemory: ") + text);
        placement.host_experts = 11008;
        placement.disk_experts = 0;
        QVERIFY(ceilingText(placement).contains(QStringLiteral("all 11,008 experts")));
    }

    void understandsSizes() {
        QCOMPARE(memoryFromText(QStringLiteral("12GB")), std::int64_t{12'000'000'000});
        QCOMPARE(memoryFromText(QStringLiteral(" 1.5 GiB")), std::int64_t{3} << 29);
        QCOMPARE(memoryFromText(QStringLiteral("4096")), std::int64_t{4096});
        QCOMPARE(memoryFromText(QStringLiteral("auto")), kMemoryAutomatic);
        QCOMPARE(memoryFromText(QStringLiteral("Mapped")), kMemoryMapped);
        for (const char* none :
             {"", "0", "-1GB", "much", "12 parsecs", "1e9GB", "12GBs", "9999999TB"})
            QVERIFY2(!memoryFromText(QLatin1String(none)), none);
    }

    void theCeilingIsPlannedAndChosen() {
        for (const ThemeChoice theme : {ThemeChoice::light, ThemeChoice::dark}) {
            applyTheme(theme);
            Scene scene;
            scene.open();
            scene.window->openModel(QStringLiteral("/models/flash.gguf"));
            scene.ready(2);
            PlacementDialog& dialog = scene.dialog();
            auto* ceiling = dialog.findChild<QComboBox*>(QStringLiteral("ceiling"));
            auto* gigabytes = dialog.findChild<QDoubleSpinBox*>(QStringLiteral("gigabytes"));
            QCOMPARE(ceiling->currentIndex(), 0);
            QVERIFY(!gigabytes->isEnabled());
            QTRY_VERIFY_WITH_TIMEOUT(
                text(dialog, "planExperts").contains(QStringLiteral("985 in memory")), kWaitMs);
            ceiling->setCurrentIndex(1);
            gigabytes->setValue(8);
            QVERIFY(button(dialog, "apply")->isEnabled());
            QVERIFY(!dialog.findChild<QLabel*>(QStringLiteral("planExperts"))->isVisible());
            QTRY_VERIFY_WITH_TIMEOUT(
                text(dialog, "planMessage").contains(QStringLiteral("The least that works is 9.1")),
                kWaitMs);
            gigabytes->setValue(12);
            QTRY_VERIFY_WITH_TIMEOUT(
                text(dialog, "planExperts").contains(QStringLiteral("422 in memory")), kWaitMs);
            QCOMPARE(text(dialog, "planSpeed"), QStringLiteral("0.6 to 1.2 tokens/s, predicted."));
            QVERIFY(text(dialog, "planReasons").contains(QStringLiteral("measured")));
            QVERIFY(!dialog.findChild<QLabel*>(QStringLiteral("planMessage"))->isVisible());
            scene.shot(dialog, theme == ThemeChoice::light ? QStringLiteral("plan-light")
                                                           : QStringLiteral("plan-dark"));
            button(dialog, "apply")->click();
            scene.ready(3);
            QCOMPARE(scene.plan->options().back().memory_bytes, std::int64_t{12'000'000'000});
            QVERIFY(!button(dialog, "apply")->isEnabled());
            ceiling->setCurrentIndex(2);
            QTRY_VERIFY_WITH_TIMEOUT(text(dialog, "planExperts").contains(QStringLiteral("mapped")),
                                     kWaitMs);
            button(dialog, "apply")->click();
            scene.ready(4);
            QCOMPARE(scene.plan->options().back().memory_bytes, kMemoryMapped);
        }
        applyTheme(ThemeChoice::light);
    }

    void aSlowDiskHoldsNobodyUp() {
        Scene scene;
        auto go = std::make_shared<std::atomic<bool>>(false);
        auto asked = std::make_shared<std::atomic<int>>(0);
        auto given_up = std::make_shared<std::atomic<int>>(0);
        scene.planner = [go, asked, given_up](const std::string& path, const PlanRequest& request,
                                              const CancelToken& cancel) -> Result<MemoryReport> {
            ++*asked;
            if (request.process_bytes != 100'000'000)
                return fail(ErrorCode::internal, "the process was not looked at");
            while (!*go && !cancel.cancelled())
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (cancel.cancelled()) {
                ++*given_up;
                return fail(ErrorCode::cancelled, "planning was cancelled");
            }
            return somePlan(path, request);
        };
        scene.open();
        scene.window->openModel(QStringLiteral("/models/flash.gguf"));
        scene.ready(2);
        PlacementDialog& dialog = scene.dialog();
        QTRY_VERIFY_WITH_TIMEOUT(*asked == 1, kWaitMs);
        QVERIFY(text(dialog, "planMessage").contains(QStringLiteral("Measuring")));
        scene.ask();  // the window and the engine go on
        // A newer question takes the place of the one that waits.
        dialog.findChild<QComboBox*>(QStringLiteral("ceiling"))->setCurrentIndex(1);
        QTRY_VERIFY_WITH_TIMEOUT(*asked == 2 && *given_up == 1, kWaitMs);
        *go = true;
        QTRY_VERIFY_WITH_TIMEOUT(
            text(dialog, "planExperts").contains(QStringLiteral("985 in memory")), kWaitMs);
        // And the window may go while one is being worked out.
        *go = false;
        dialog.findChild<QComboBox*>(QStringLiteral("ceiling"))->setCurrentIndex(2);
        QTRY_VERIFY_WITH_TIMEOUT(*asked == 3, kWaitMs);
        scene.window.reset();
        QVERIFY(*given_up == 2);
    }

    void theBuiltInModelNeedsNoPlan() {
        Scene scene;
        scene.open();
        PlacementDialog& dialog = scene.dialog();
        QVERIFY(text(dialog, "planMessage").contains(QStringLiteral("built-in")));
        QVERIFY(!scene.window->plans().waiting());
    }

    void theCeilingIsRemembered() {
        QSettings().clear();
        {
            Scene scene;
            scene.remember = true;
            scene.open();
            PlacementDialog& dialog = scene.dialog();
            dialog.findChild<QComboBox*>(QStringLiteral("ceiling"))->setCurrentIndex(1);
            dialog.findChild<QDoubleSpinBox*>(QStringLiteral("gigabytes"))->setValue(24.5);
            button(dialog, "apply")->click();
            scene.ready(2);
            scene.window->close();
        }
        {
            Scene again;
            again.remember = true;
            again.open();
            QCOMPARE(again.plan->options().back().memory_bytes, std::int64_t{24'500'000'000});
            PlacementDialog& dialog = again.dialog();
            QCOMPARE(dialog.findChild<QDoubleSpinBox*>(QStringLiteral("gigabytes"))->value(), 24.5);
            again.window->close();
        }
        // The command line goes first.
        Scene given;
        given.remember = true;
        given.memory = 8'123'456'789;
        given.open();
        QCOMPARE(given.plan->options().back().memory_bytes, std::int64_t{8'123'456'789});
        PlacementDialog& dialog = given.dialog();
        QVERIFY(!button(dialog, "apply")->isEnabled());
        QSettings().clear();
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

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window's part about where the model runs: the dialog, the setting, and what to do when a
// graphics processor fails.
#include <QSettings>
#include <algorithm>

#include "shell/main_window.h"
#include "shell/notice.h"
#include "shell/placement_dialog.h"

namespace starglass::ui {
namespace {

// As they stand in the settings.
const char* const kAutomatic = "auto";
const char* const kCpu = "cpu";
const char* const kVulkan = "vulkan";

// A quarter fewer, at least one; what else grows on the device is small beside a layer's experts.
int fewerLayers(const PlacementSummary& placement) {
    const int now = placement.device_expert_layers;
    return now - std::max(1, now / 4);
}

}  // namespace

void MainWindow::connectPlacement() {
    connect(bridge_, &EngineBridge::modelReady, this, &MainWindow::updatePlacement);
    connect(bridge_, &EngineBridge::loadFailed, this, &MainWindow::updatePlacement);
    connect(bridge_, &EngineBridge::failed, this, [this](quint64, const UserError& error) {
        // The message has it too; here are the ways out.
        if (error.device) showDeviceError(error, false);
    });
    connect(notice_, &Notice::cpuRequested, this, [this] {
        PlacementChoice choice = placementChoice();
        choice.backend = BackendKind::cpu;
        choice.device.clear();
        choosePlacement(choice);
    });
    connect(notice_, &Notice::fewerLayersRequested, this, [this] {
        PlacementChoice choice = placementChoice();
        choice.gpuLayers = fewerLayers(bridge_->placement());
        choosePlacement(choice);
    });
}

PlacementChoice MainWindow::placementChoice() const {
    return {options_.engine.backend, QString::fromStdString(options_.engine.device),
            options_.engine.device_expert_layers, options_.engine.memory_bytes};
}

PlacementDialog& MainWindow::showPlacement() {
    if (!placement_) {
        placement_ = new PlacementDialog(*devices_, *plans_, this);
        connect(placement_, &PlacementDialog::chosen, this, &MainWindow::choosePlacement);
    }
    devices_->refresh();
    placement_->setChoice(placementChoice());
    updatePlacement();
    placement_->show();
    placement_->setPlanned(opened_.value_or(QString()), options_.engine);
    placement_->raise();
    placement_->activateWindow();
    return *placement_;
}

void MainWindow::choosePlacement(const PlacementChoice& choice) {
    options_.engine.backend = choice.backend;
    options_.engine.device = choice.device.toStdString();
    options_.engine.device_expert_layers = choice.gpuLayers;
    options_.engine.memory_bytes = choice.memoryBytes;
    bridge_->setOptions(options_.engine);
    if (options_.remember) savePlacement();
    if (placement_) placement_->setChoice(choice);
    // The conversation stays: its state goes to the cache on disk, or is read again.
    if (opened_) bridge_->openModel(*opened_);
}

void MainWindow::updatePlacement() {
    if (!placement_) return;
    placement_->setModel(bridge_->model(), bridge_->placement());
    if (placement_->isVisible())
        placement_->setPlanned(opened_.value_or(QString()), options_.engine);
}

void MainWindow::showDeviceError(const UserError& error, bool modelWanted) {
    const PlacementSummary& placement = bridge_->placement();
    notice_->showError(
        error, modelWanted,
        placement.backend == BackendKind::vulkan && placement.device_expert_layers > 0);
}

void MainWindow::loadPlacement() {
    const QSettings settings;
    const QString backend = settings.value(QStringLiteral("engine/backend")).toString();
    if (backend == QLatin1String(kCpu)) options_.engine.backend = BackendKind::cpu;
    if (backend == QLatin1String(kVulkan)) options_.engine.backend = BackendKind::vulkan;
    if (backend == QLatin1String(kAutomatic)) options_.engine.backend = BackendKind::automatic;
    options_.engine.device =
        settings.value(QStringLiteral("engine/device")).toString().toStdString();
    options_.engine.device_expert_layers =
        std::clamp(settings.value(QStringLiteral("engine/gpuLayers"), -1).toInt(), -1, 1000);
    // What the command line says goes first.
    if (!options_.memoryGiven)
        options_.engine.memory_bytes = std::max<std::int64_t>(
            settings.value(QStringLiteral("engine/memory"), qint64{kMemoryAutomatic}).toLongLong(),
            kMemoryMapped);
    bridge_->setOptions(options_.engine);
}

void MainWindow::savePlacement() const {
    QSettings settings;
    const BackendKind backend = options_.engine.backend;
    settings.setValue(QStringLiteral("engine/backend"),
                      QLatin1String(backend == BackendKind::vulkan ? kVulkan
                                    : backend == BackendKind::cpu  ? kCpu
                                                                   : kAutomatic));
    settings.setValue(QStringLiteral("engine/device"),
                      QString::fromStdString(options_.engine.device));
    settings.setValue(QStringLiteral("engine/gpuLayers"), options_.engine.device_expert_layers);
    settings.setValue(QStringLiteral("engine/memory"), qint64{options_.engine.memory_bytes});
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/placement_text.h"

#include <QCoreApplication>

#include "bridge/error_text.h"
#include "shell/notice.h"

namespace starglass::ui {
namespace {

QString say(const char* text) {
    return QCoreApplication::translate("Placement", text);
}

}  // namespace

QString placeText(const PlacementSummary& placement) {
    if (placement.backend == BackendKind::reference) return say("The CPU, by the slow reference");
    if (placement.backend != BackendKind::vulkan) return say("The CPU");
    const QString device = QString::fromStdString(placement.device);
    if (placement.device_expert_layers >= placement.layers) return say("%1, all of it").arg(device);
    return say("%1, with the experts of %2 of %3 layers")
        .arg(device)
        .arg(placement.device_expert_layers)
        .arg(placement.layers);
}

QString placementText(const PlacementSummary& placement) {
    QString text = say("Runs on: %1").arg(placeText(placement));
    if (placement.backend == BackendKind::vulkan) {
        text += u'\n' + say("Device memory used: %1")
                            .arg(bytesText(static_cast<double>(placement.device_bytes)));
        if (placement.host_bytes > 0)
            text += u'\n' + say("Experts on the CPU: %1")
                                .arg(bytesText(static_cast<double>(placement.host_bytes)));
    }
    if (placement.memory_ceiling > 0)
        text += u'\n' + say("At most %1 in memory, of these %2 for experts; the others are read "
                            "from disk when they are needed")
                            .arg(bytesText(static_cast<double>(placement.memory_ceiling)),
                                 bytesText(static_cast<double>(placement.expert_budget)));
    if (!placement.reason.empty()) text += u'\n' + say("Why: %1").arg(asSentence(placement.reason));
    return text;
}

QString deviceText(const DeviceDescription& device) {
    if (!device.unusable.empty())
        return say("The engine cannot use it: %1").arg(asSentence(device.unusable));
    QString memory = bytesText(static_cast<double>(device.memory_bytes));
    if (device.memory_budget)
        memory = say("%1, %2 free").arg(memory, bytesText(static_cast<double>(device.free_bytes)));
    return QStringLiteral("%1 · %2 · %3, Vulkan %4")
        .arg(QString::fromStdString(device.kind_text), memory,
             QString::fromStdString(device.driver), QString::fromStdString(device.api_version));
}

}  // namespace starglass::ui

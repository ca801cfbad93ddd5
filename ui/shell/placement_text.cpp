// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/placement_text.h"

#include <QCoreApplication>
#include <QLocale>
#include <QRegularExpression>
#include <QStringList>
#include <cmath>

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
    if (const QString ceiling = ceilingText(placement); !ceiling.isEmpty())
        text += u'\n' + say("Memory: %1").arg(ceiling);
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

QString ceilingText(const PlacementSummary& placement) {
    if (placement.memory_ceiling == 0) return {};
    const QString ceiling = bytesText(static_cast<double>(placement.memory_ceiling));
    const int all = placement.host_experts + placement.disk_experts;
    if (placement.disk_experts == 0)
        return say("keeps below %1: all %2 experts in memory once they have been read")
            .arg(ceiling, QLocale().toString(all));
    return say("keeps below %1: %2 of %3 experts in memory, the rest on disk")
        .arg(ceiling, QLocale().toString(placement.host_experts), QLocale().toString(all));
}

QString partText(const std::string& name) {
    // The engine's names, so that they can be translated.
    constexpr const char* kNames[] = {
        QT_TRANSLATE_NOOP("Placement", "the program itself"),
        QT_TRANSLATE_NOOP("Placement", "weights every token needs"),
        QT_TRANSLATE_NOOP("Placement", "the context's rows and saved states"),
        QT_TRANSLATE_NOOP("Placement", "working memory of a batch"),
        QT_TRANSLATE_NOOP("Placement", "spare"),
        QT_TRANSLATE_NOOP("Placement", "routed experts"),
        QT_TRANSLATE_NOOP("Placement", "routed experts, mapped")};
    QString text = QString::fromStdString(name);
    for (const char* known : kNames)
        if (name == known) text = say(known);
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    return text;
}

QString expertsText(const MemoryReport& report) {
    const MemoryPlan& plan = report.plan;
    const auto number = [](int count) { return QLocale().toString(count); };
    QStringList places;
    if (plan.device_experts > 0)
        places << say("%1 on the graphics processor").arg(number(plan.device_experts));
    if (plan.mapped)
        places << say("%1 in the file, which is mapped").arg(number(plan.host_experts));
    else
        places << say("%1 in memory").arg(number(plan.host_experts));
    if (plan.disk_experts > 0) places << say("%1 on disk only").arg(number(plan.disk_experts));
    return say("Of %1 experts: %2.")
        .arg(number(report.layers * report.experts), places.join(QStringLiteral(", ")));
}

QString speedText(const MemoryReport& report) {
    const auto rate = [](double value) {
        return QLocale().toString(value, 'f', value < 9.95 ? 1 : 0);
    };
    const QString low = rate(report.decode.low.tokens_s);
    const QString high = rate(report.decode.high.tokens_s);
    if (low == high) return say("%1 tokens/s, predicted.").arg(low);
    return say("%1 to %2 tokens/s, predicted.").arg(low, high);
}

QString planProblem(const MemoryReport& report) {
    return say("This ceiling is too low for the model and its context. The least that works is %1.")
        .arg(bytesText(static_cast<double>(report.plan.least_ceiling)));
}

std::optional<std::int64_t> memoryFromText(const QString& text) {
    const QString given = text.trimmed().toLower();
    if (given == QLatin1String("auto")) return kMemoryAutomatic;
    if (given == QLatin1String("mapped")) return kMemoryMapped;
    static const QRegularExpression kSize(
        QStringLiteral("^([0-9]+(?:\\.[0-9]+)?) *(b|kb|mb|gb|tb|kib|mib|gib|tib)?$"));
    const QRegularExpressionMatch match = kSize.match(given);
    if (!match.hasMatch()) return std::nullopt;
    const QString unit = match.captured(2);
    const double step = unit.contains(u'i') ? 1024 : 1000;
    const auto power = unit.isEmpty() ? 0 : QStringLiteral("bkmgt").indexOf(unit[0]);
    const double bytes = match.captured(1).toDouble() * std::pow(step, static_cast<double>(power));
    if (bytes < 1 || bytes >= 0x1p50) return std::nullopt;
    return static_cast<std::int64_t>(bytes);
}

}  // namespace starglass::ui

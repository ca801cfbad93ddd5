// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a model runs, in words. Pure functions.
#pragma once

#include <QString>
#include <optional>

#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"

namespace starglass::ui {

// "NVIDIA H100, with the experts of 20 of 43 layers", "The CPU".
QString placeText(const PlacementSummary& placement);
// All of it, a line each: place, memory, what stays on the host, why.
QString placementText(const PlacementSummary& placement);
// "keeps below 12.0 GB: 3,412 of 11,008 experts in memory, the rest on disk"; empty without a
// ceiling.
QString ceilingText(const PlacementSummary& placement);
// "discrete GPU · 79.6 GB, 78.1 GB free · NVIDIA 550.54, Vulkan 1.3.277", or why it cannot be used.
QString deviceText(const DeviceDescription& device);

// Of a plan: a part's name, where experts will be, "2.1 to 3.5 tokens/s, predicted", and why it
// does not work.
QString partText(const std::string& name);
QString expertsText(const MemoryReport& report);
QString speedText(const MemoryReport& report);
QString planProblem(const MemoryReport& report);

// "12GB", "7.5 GiB", "auto" or "mapped" as EngineOptions::memory_bytes; nothing for what is none.
std::optional<std::int64_t> memoryFromText(const QString& text);

}  // namespace starglass::ui

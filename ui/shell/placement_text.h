// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a model runs, in words. Pure functions.
#pragma once

#include <QString>

#include "engine/devices.h"
#include "engine/engine.h"

namespace starglass::ui {

// "NVIDIA H100, with the experts of 20 of 43 layers", "The CPU".
QString placeText(const PlacementSummary& placement);
// All of it, a line each: place, memory, what stays on the host, why.
QString placementText(const PlacementSummary& placement);
// "discrete GPU · 79.6 GB, 78.1 GB free · NVIDIA 550.54, Vulkan 1.3.277", or why it cannot be used.
QString deviceText(const DeviceDescription& device);

}  // namespace starglass::ui

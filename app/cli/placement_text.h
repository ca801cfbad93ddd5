// SPDX-License-Identifier: MIT
//
// Where a model runs, in words and as JSON.
#pragma once

#include <string>

#include "engine/engine.h"
#include "output.h"

namespace starglass::cli {

std::string_view backend_name(BackendKind kind);
// "cpu (the model is small: ...)", "vulkan on NVIDIA H100, experts of 20 of 43 layers, 61.2 GiB of
// it ..."
std::string placement_text(const PlacementSummary& placement);
Json placement_to_json(const PlacementSummary& placement);

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
#include "placement_text.h"

#include <nlohmann/json.hpp>

namespace starglass::cli {

std::string_view backend_name(BackendKind kind) {
    switch (kind) {
        case BackendKind::cpu:
            return "cpu";
        case BackendKind::reference:
            return "reference";
        case BackendKind::vulkan:
            return "vulkan";
        case BackendKind::automatic:
            break;
    }
    return "auto";
}

std::string placement_text(const PlacementSummary& placement) {
    std::string text(backend_name(placement.backend));
    if (placement.backend == BackendKind::vulkan) {
        text += fmt::format(" on {}, experts of {} of {} layers, {} of its memory",
                            placement.device, placement.device_expert_layers, placement.layers,
                            size_text(placement.device_bytes));
        if (placement.host_bytes > 0)
            text += fmt::format("; {} of experts run on the CPU", size_text(placement.host_bytes));
    }
    if (placement.memory_ceiling > 0)
        text +=
            fmt::format(", below {} of memory, {} of it for experts",
                        size_text(placement.memory_ceiling), size_text(placement.expert_budget));
    if (!placement.reason.empty()) text += fmt::format(" ({})", placement.reason);
    return text;
}

Json placement_to_json(const PlacementSummary& placement) {
    Json out{{"backend", backend_name(placement.backend)},
             {"reason", placement.reason},
             {"considered", placement.considered}};
    if (placement.memory_ceiling > 0) {
        out["memory_ceiling"] = placement.memory_ceiling;
        out["expert_budget"] = placement.expert_budget;
    }
    if (placement.backend != BackendKind::vulkan) return out;
    out["device"] = placement.device;
    out["layers"] = placement.layers;
    out["device_expert_layers"] = placement.device_expert_layers;
    out["device_bytes"] = placement.device_bytes;
    out["host_bytes"] = placement.host_bytes;
    return out;
}

}  // namespace starglass::cli

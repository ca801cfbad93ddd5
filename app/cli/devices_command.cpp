// SPDX-License-Identifier: MIT
//
// starglass-cli devices: the graphics processors of this machine, and what the engine makes of
// them.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "engine/devices.h"
#include "output.h"

namespace starglass::cli {
namespace {

std::string shape_text(const DeviceDescription::MatrixShape& shape) {
    return fmt::format("{}x{}x{}", shape.m, shape.n, shape.k);
}

struct Feature {
    const char* name;   // in JSON
    const char* words;  // for people
    bool DeviceDescription::*has;
};
constexpr Feature kFeatures[] = {
    {"storage8", "8-bit storage", &DeviceDescription::storage8},
    {"storage16", "16-bit storage", &DeviceDescription::storage16},
    {"float16", "f16 arithmetic", &DeviceDescription::float16},
    {"int8", "int8 arithmetic", &DeviceDescription::int8},
    {"integer_dot", "integer dot product", &DeviceDescription::integer_dot},
    {"cooperative_matrix", "cooperative matrix", &DeviceDescription::cooperative_matrix},
    {"memory_budget", "memory budget", &DeviceDescription::memory_budget},
    {"transfer_queue", "transfer queue", &DeviceDescription::transfer_queue},
};

// What `--backend auto` makes of it.
std::string_view automatic_text(const DeviceDescription& device) {
    if (device.automatic) return "compares this one with the CPU for each model that is not small";
    if (!device.unusable.empty()) return "no: the engine cannot use it";
    if (device.kind == DeviceDescription::Kind::software)
        return "never: a software driver is slower than the CPU itself";
    return "no: another one comes first; --device chooses this one";
}

Json to_json(const DeviceDescription& device) {
    Json heaps = Json::array();
    for (const DeviceDescription::Heap& heap : device.heaps)
        heaps.push_back({{"bytes", heap.bytes},
                         {"free_bytes", heap.free_bytes},
                         {"device_local", heap.device_local},
                         {"host_visible", heap.host_visible}});
    Json features;
    for (const Feature& feature : kFeatures) features[feature.name] = device.*feature.has;
    Json shapes = Json::array();
    for (const auto& shape : device.matrix_shapes) shapes.push_back({shape.m, shape.n, shape.k});
    Json unusable;
    if (!device.unusable.empty()) unusable = device.unusable;
    return {{"index", device.index},
            {"name", device.name},
            {"kind", device.kind_text},
            {"driver", device.driver},
            {"api_version", device.api_version},
            {"memory_bytes", device.memory_bytes},
            {"free_bytes", device.free_bytes},
            {"heaps", std::move(heaps)},
            {"subgroup",
             {{"size", device.subgroup_size},
              {"min", device.subgroup_min},
              {"max", device.subgroup_max}}},
            {"features", std::move(features)},
            {"matrix_shapes", std::move(shapes)},
            {"usable", device.unusable.empty()},
            {"unusable_because", std::move(unusable)},
            {"automatic", device.automatic}};
}

void write_text(const DeviceDescription& device) {
    const auto row = [](std::string_view label, std::string_view value) {
        write_out(fmt::format("   {:<10}{}\n", label, printable(value)));
    };
    write_out(fmt::format("{}  {} ({})\n", device.index, printable(device.name), device.kind_text));
    row("driver", fmt::format("{}, Vulkan {}", device.driver, device.api_version));
    for (const DeviceDescription::Heap& heap : device.heaps)
        row("memory",
            fmt::format(
                "{}{}, {}{}", size_text(heap.bytes),
                device.memory_budget ? fmt::format(", {} free", size_text(heap.free_bytes)) : "",
                heap.device_local ? "its own" : "the host's",
                heap.device_local && heap.host_visible ? ", mapped by the CPU" : ""));
    row("subgroup", device.subgroup_min == device.subgroup_max
                        ? fmt::format("{}", device.subgroup_size)
                        : fmt::format("{}, from {} to {}", device.subgroup_size,
                                      device.subgroup_min, device.subgroup_max));
    std::vector<std::string_view> has;
    std::vector<std::string_view> lacks;
    for (const Feature& feature : kFeatures)
        (device.*feature.has ? has : lacks).push_back(feature.words);
    if (!has.empty()) row("has", fmt::format("{}", fmt::join(has, ", ")));
    if (!lacks.empty()) row("lacks", fmt::format("{}", fmt::join(lacks, ", ")));
    if (!device.matrix_shapes.empty()) {
        std::vector<std::string> shapes;
        for (const auto& shape : device.matrix_shapes) shapes.push_back(shape_text(shape));
        row("matrices", fmt::format("{} of f16 into f32", fmt::join(shapes, ", ")));
    }
    row("usable", device.unusable.empty() ? "yes" : "no: " + device.unusable);
    row("auto", automatic_text(device));
}

Result<int> devices(bool json) {
    TRY(const std::vector<DeviceDescription> list, list_vulkan_devices());
    if (json) {
        Json out = Json::array();
        for (const DeviceDescription& device : list) out.push_back(to_json(device));
        write_json({{"schema", 1}, {"devices", std::move(out)}});
        return kExitOk;
    }
    for (const DeviceDescription& device : list) write_text(device);
    return kExitOk;
}

}  // namespace

void add_devices(CLI::App& app, Command& chosen) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command =
        app.add_subcommand("devices", "List the graphics processors a model may run on");
    command->add_flag("--json", *json, "Print JSON (docs/gpu.md)");
    command->footer(
        "Without a Vulkan loader or driver: one sentence, and code 1.\n"
        "Examples:\n  starglass-cli devices\n"
        "  starglass-cli chat -m model.gguf --backend vulkan --device 0");
    command->callback([&chosen, json] { chosen = [json] { return devices(*json); }; });
}

}  // namespace starglass::cli

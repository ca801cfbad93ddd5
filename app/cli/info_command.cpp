// SPDX-License-Identifier: MIT
//
// starglass-cli info: what a model file says about itself.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "model_options.h"
#include "output.h"
#include "placement_text.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct InfoOptions {
    ModelOptions model;
    std::string file;
    bool json = false, tensors = false;
    bool placed = false;  // --backend was given
};

std::string_view layer_kind(int ratio) {
    return ratio == 0 ? "window only" : ratio == 4 ? "compressed by 4, indexed" : "compressed";
}

// "12.3 million"
std::string count_text(std::uint64_t count) {
    if (count < 1'000'000) return fmt::format("{}", count);
    if (count < 1'000'000'000)
        return fmt::format("{:.1f} million", static_cast<double>(count) / 1e6);
    return fmt::format("{:.1f} billion", static_cast<double>(count) / 1e9);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("{}", fmt::join(shape, " x "));
}

Json to_json(const ModelInfo& info, bool tensors) {
    Json out{{"name", info.name},
             {"path", info.path},
             {"builtin", info.builtin},
             {"file_bytes", info.file_bytes},
             {"parameters", info.parameters},
             {"routed_bytes", info.routed_bytes},
             {"other_bytes", info.other_bytes},
             {"kv_bytes_per_1k_tokens", info.kv_bytes_per_1k_tokens},
             {"context_length", info.context_length},
             {"vocabulary", info.vocabulary},
             {"embedding", info.embedding},
             {"layers", info.layers},
             {"hash_layers", info.hash_layers},
             {"heads", info.heads},
             {"head_width", info.head_width},
             {"experts", info.experts},
             {"experts_used", info.experts_used},
             {"hyper_streams", info.hyper_streams},
             {"sliding_window", info.sliding_window},
             {"index_top_k", info.index_top_k},
             {"compress_ratios", info.compress_ratios},
             {"expert_types", info.expert_types},
             {"sampling",
              {{"temperature", info.sampling.temperature},
               {"top_k", info.sampling.top_k},
               {"top_p", info.sampling.top_p},
               {"min_p", info.sampling.min_p}}},
             {"tensor_count", info.tensors.size()}};
    if (tensors) {
        Json list = Json::array();
        for (const TensorSummary& tensor : info.tensors)
            list.push_back({{"name", tensor.name},
                            {"type", tensor.type},
                            {"shape", tensor.shape},
                            {"bytes", tensor.bytes}});
        out["tensors"] = std::move(list);
    }
    return out;
}

void write_text(const ModelInfo& info, const PlacementSummary* placement, bool tensors) {
    const auto row = [](std::string_view label, const std::string& value) {
        write_out(fmt::format("{:<12}{}\n", label, printable(value)));
    };
    row("model", info.name);
    row("file",
        fmt::format("{}, {}", info.builtin ? "built in" : info.path, size_text(info.file_bytes)));
    row("parameters", count_text(info.parameters));
    row("weights", fmt::format("{} routed experts, {} the rest", size_text(info.routed_bytes),
                               size_text(info.other_bytes)));
    row("memory",
        fmt::format("{} per 1000 tokens of context", size_text(info.kv_bytes_per_1k_tokens)));
    if (placement != nullptr) row("runs on", placement_text(*placement));
    row("layout",
        placement != nullptr && placement->backend == BackendKind::vulkan
            ? "on the device codes and scales of a tensor lie apart; the rest is as in the file"
        : placement != nullptr && placement->memory_ceiling > 0
            ? "as in the file, copied into memory; experts are read from it when they are needed"
            : "every tensor is used as the file has it; none is repacked");
    row("context", fmt::format("{} tokens trained", info.context_length));
    row("shape", fmt::format("{} layers, width {}, {} streams, {} heads of {}, vocabulary {}",
                             info.layers, info.embedding, info.hyper_streams, info.heads,
                             info.head_width, info.vocabulary));
    row("experts", fmt::format("{} per layer, {} used; the first {} layers choose by token",
                               info.experts, info.experts_used, info.hash_layers));
    row("attention", fmt::format("window of {} tokens, index of the best {} rows",
                                 info.sliding_window, info.index_top_k));
    row("sampling",
        fmt::format("temperature {}, top-k {}, top-p {}, min-p {}", info.sampling.temperature,
                    info.sampling.top_k, info.sampling.top_p, info.sampling.min_p));
    write_out("\nlayer  ratio  experts          attention\n");
    for (std::size_t i = 0; i < info.compress_ratios.size(); ++i) {
        const int ratio = info.compress_ratios[i];
        const std::string types = i < info.expert_types.size() ? info.expert_types[i] : "";
        write_out(fmt::format("{:>5}  {:>5}  {:<15}  {}\n", i, ratio, types, layer_kind(ratio)));
    }
    if (!tensors) return;
    write_out(fmt::format("\n{} tensors\n", info.tensors.size()));
    for (const TensorSummary& tensor : info.tensors)
        write_out(fmt::format("{:<44} {:<8} {:>10}  {}\n", printable(tensor.name), tensor.type,
                              size_text(tensor.bytes), shape_text(tensor.shape)));
}

Result<int> info(const InfoOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    ModelOptions model = options.model;
    if (!options.file.empty()) model.path = options.file;
    TRY(const std::shared_ptr<Engine> engine, open_model(model, cancel));
    // Only when asked where it would run is it brought there.
    const PlacementSummary* placement = options.placed ? &engine->placement() : nullptr;
    if (options.json) {
        Json out = to_json(engine->info(), options.tensors);
        if (placement != nullptr) out["placement"] = placement_to_json(*placement);
        write_json(out);
    } else {
        write_text(engine->info(), placement, options.tensors);
    }
    return kExitOk;
}

}  // namespace

void add_info(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<InfoOptions>();
    CLI::App* command = app.add_subcommand("info", "Show a model's shape, types and sizes");
    add_model_options(*command, options->model);
    command->add_option("FILE", options->file, "A GGUF file")
        ->excludes(command->get_option("--builtin"))
        ->excludes(command->get_option("--model"));
    command->add_flag("--tensors", options->tensors, "List the tensors too");
    command->add_flag("--json", options->json, "Print JSON");
    add_engine_options(*command, options->model);
    add_context_option(*command, options->model);
    command->footer(
        "With --backend the model is opened there, and where it runs and why is told too.\n"
        "Examples:\n  starglass-cli info model.gguf --tensors\n"
        "  starglass-cli info model.gguf --backend auto --device-memory 24GB\n"
        "  starglass-cli info --builtin --json");
    command->callback([&chosen, options, command] {
        options->placed = command->count("--backend") > 0;
        chosen = [options] { return info(*options); };
    });
}

}  // namespace starglass::cli

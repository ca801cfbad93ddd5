// SPDX-License-Identifier: MIT
#include "model_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>

#include "builtin/builtin_model.h"
#include "output.h"
#include "size_value.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

std::string_view stage_text(LoadProgress::Stage stage) {
    switch (stage) {
        case LoadProgress::Stage::open:
            return "opening the model";
        case LoadProgress::Stage::metadata:
            return "reading metadata";
        case LoadProgress::Stage::tensors:
            return "checking tensors";
        case LoadProgress::Stage::tokenizer:
            return "building the tokenizer";
        case LoadProgress::Stage::weights:
            return "preparing weights";
        case LoadProgress::Stage::ready:
            return "ready";
    }
    return "";
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
    CLI::Option* path =
        command.add_option("-m,--model", options.path, "A GGUF file")->type_name("FILE");
    command.add_flag("--builtin", options.builtin, "The built-in model (default without -m)")
        ->excludes(path);
}

namespace {

// A number of threads, or `auto`, which becomes the engine's number for it.
std::string threads_value(std::string& text) {
    if (text == "auto") {
        text = std::to_string(kThreadsByMeasurement);
        return {};
    }
    int threads = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, threads);
    if (error != std::errc() || at != end || threads < 0 || threads > 1024)
        return "a number from 0 to 1024, or auto, not " + quoted_text(text);
    return {};
}

// A size, or `auto` or `mapped`.
std::string ceiling_value(std::string& text) {
    if (text == "auto" || text == "mapped") return {};
    std::string problem = size_value(text);
    if (problem.empty() && text == "0") problem = "more than nothing";
    return problem.empty() ? problem : fmt::format("auto, mapped, or {}", problem);
}

}  // namespace

void add_engine_options(CLI::App& command, ModelOptions& options) {
    command
        .add_option("--backend", options.backend,
                    "auto (a graphics processor where it promises to be faster), cpu, vulkan, or "
                    "reference (slow and plain)")
        ->check(CLI::IsMember({"auto", "cpu", "vulkan", "reference"}))
        ->type_name("NAME")
        ->capture_default_str();
    command
        .add_option("--device", options.device,
                    "Graphics processor by index or part of its name, see `devices`")
        ->type_name("NAME");
    command
        .add_option("--device-memory", options.device_memory,
                    "Take at most so much of its memory, 8GB or 7.5GiB (default: what is free)")
        ->transform(CLI::Validator(size_value, ""))
        ->type_name("SIZE");
    command
        .add_option("--gpu-layers", options.gpu_layers,
                    "Keep the experts of at most N layers on it (default: while they fit)")
        ->check(CLI::Range(0, 100000))
        ->type_name("N");
    command
        .add_option("--memory", options.memory,
                    "Keep no more than this in memory, all of it together, 12GB or 11.5GiB, and "
                    "read experts that do not fit from the file; auto: by what is free; mapped: "
                    "leave it to the system")
        ->transform(CLI::Validator(ceiling_value, ""))
        ->type_name("SIZE|auto|mapped")
        ->capture_default_str();
    command
        .add_option("--expert-memory", options.expert_memory,
                    "Of it for experts exactly so much (default: what the rest leaves)")
        ->transform(CLI::Validator(size_value, ""))
        ->type_name("SIZE");
    command
        .add_option("--expert-policy", options.expert_policy,
                    "Who stays in memory when experts are read from the file")
        ->check(CLI::IsMember(
            std::vector<std::string>(expert_policies().begin(), expert_policies().end())))
        ->type_name("NAME");
    command
        .add_option("--expert-reads", options.expert_reads,
                    "How they are read: io_uring or threads (default: what works here)")
        ->check(CLI::IsMember({"io_uring", "threads"}))
        ->type_name("NAME");
    command
        .add_option("--lookahead", options.lookahead,
                    "Read ahead what the next layer is predicted to choose: on, off, or auto "
                    "(tries both and keeps the faster)")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->type_name("NAME")
        ->capture_default_str();
    command
        .add_option("--numerics", options.numerics,
                    "act8: int8 activations; fp: f32 activations; cont: f32 and unrounded "
                    "memory rows, for debugging")
        ->check(CLI::IsMember({"act8", "fp", "cont"}))
        ->type_name("NAME")
        ->capture_default_str();
    command
        .add_option("--threads", options.threads,
                    "Threads; 0: one per core; auto: as many as prove fastest")
        ->transform(CLI::Validator(threads_value, ""))
        ->type_name("N|auto");
}

void add_memory_options(CLI::App& command, std::vector<std::string>& ceilings) {
    command.remove_option(command.get_option("--memory"));
    command
        .add_option("--memory", ceilings,
                    "Ceilings to compare, 12GB or 11.5GiB, auto or mapped, separated by commas "
                    "(default: auto)")
        ->delimiter(',')
        ->transform(CLI::Validator(ceiling_value, ""))
        ->type_name("SIZE|auto|mapped");
}

void add_context_option(CLI::App& command, ModelOptions& options) {
    command
        .add_option("--context", options.context_tokens,
                    "Tokens of context; 0: the model's own, at most 32768")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24))
        ->type_name("N");
}

namespace {

// A folder of ours below one of the user's: `variable` names it, else it is `below` the home.
std::string user_folder(const char* variable, std::string_view below, std::string_view ours) {
    // The specification of these folders tells programs to ignore relative paths.
    const char* const folder = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
    if (folder != nullptr && folder[0] == '/') return fmt::format("{}/starglass/{}", folder, ours);
    const char* const home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
    if (home != nullptr && home[0] == '/')
        return fmt::format("{}/{}/starglass/{}", home, below, ours);
    return {};
}

}  // namespace

std::string default_pipeline_folder() {
    return user_folder("XDG_CACHE_HOME", ".cache", "pipelines");
}

std::string default_expert_folder() {
    return user_folder("XDG_STATE_HOME", ".local/state", "experts");
}

std::int64_t memory_bytes(const std::string& ceiling) {
    return ceiling == "auto"     ? kMemoryAutomatic
           : ceiling == "mapped" ? kMemoryMapped
                                 : std::stoll(ceiling);
}

EngineOptions engine_options(const ModelOptions& options) {
    EngineOptions engine;
    engine.backend = options.backend == "reference" ? BackendKind::reference
                     : options.backend == "vulkan"  ? BackendKind::vulkan
                     : options.backend == "auto"    ? BackendKind::automatic
                                                    : BackendKind::cpu;
    engine.device = options.device;
    engine.device_memory = std::stoll(options.device_memory);
    engine.device_expert_layers = options.gpu_layers;
    engine.pipeline_folder = default_pipeline_folder();
    engine.memory_bytes = memory_bytes(options.memory);
    engine.expert_bytes = std::stoll(options.expert_memory);
    engine.expert_policy = options.expert_policy;
    engine.expert_reads = options.expert_reads;
    engine.expert_lookahead = options.lookahead == "on"    ? Lookahead::on
                              : options.lookahead == "off" ? Lookahead::off
                                                           : Lookahead::automatic;
    engine.expert_folder = default_expert_folder();
    engine.numerics = options.numerics == "cont" ? Numerics::cont
                      : options.numerics == "fp" ? Numerics::fp
                                                 : Numerics::act8;
    engine.threads = options.threads;
    engine.context_tokens = options.context_tokens;
    return engine;
}

Result<std::shared_ptr<Engine>> open_model(const ModelOptions& options, const CancelToken& cancel) {
    const EngineOptions engine = engine_options(options);
    StatusLine status;
    const LoadListener progress = [&](const LoadProgress& at) {
        std::string text(stage_text(at.stage));
        if (at.bytes_total > 0)
            text += fmt::format(" ({} of {})", size_text(at.bytes_done), size_text(at.bytes_total));
        status.show(text);
    };
    if (options.path.empty())
        return open_engine(builtin_model(), "the built-in model", engine, progress, cancel);
    return open_engine(options.path, engine, progress, cancel);
}

}  // namespace starglass::cli

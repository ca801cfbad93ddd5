// SPDX-License-Identifier: MIT
//
// The options that choose a model and how it is run, shared by every subcommand that has one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace CLI {
class App;
}

namespace starglass::cli {

struct ModelOptions {
    std::string path;
    bool builtin = false;
    std::string backend = "cpu";
    std::string device;
    std::string device_memory = "0";  // bytes in digits, once the command line was understood
    int gpu_layers = -1;
    std::string memory = "auto";      // or "mapped", or bytes in digits
    std::string expert_memory = "0";  // bytes in digits
    std::string expert_policy, expert_reads;
    std::string lookahead = "auto";
    std::string numerics = "act8";
    int threads = 0;
    std::int64_t context_tokens = 0;

    // Whether the command line names a model; if not, open_model() takes the built-in one.
    [[nodiscard]] bool named() const { return builtin || !path.empty(); }
};

void add_model_options(CLI::App& command, ModelOptions& options);
// --backend (by default what `options` says: "auto" for talking, "cpu" for comparing figures),
// --device and its like, --numerics, --threads; add_context_option adds --context.
void add_engine_options(CLI::App& command, ModelOptions& options);
void add_context_option(CLI::App& command, ModelOptions& options);
// Behind add_engine_options: --memory takes several ceilings instead of one.
void add_memory_options(CLI::App& command, std::vector<std::string>& ceilings);

// Where compiled kernels are kept: below the user's cache folder; empty where there is none.
std::string default_pipeline_folder();
// Where it is remembered which experts are used: below the user's state folder.
std::string default_expert_folder();

// What was understood, for the engine; a ceiling alone.
EngineOptions engine_options(const ModelOptions& options);
std::int64_t memory_bytes(const std::string& ceiling);
// Shows the stages of a slow load on the terminal; Ctrl-C (through `cancel`) stops it.
Result<std::shared_ptr<Engine>> open_model(const ModelOptions& options, const CancelToken& cancel);

}  // namespace starglass::cli

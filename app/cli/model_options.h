// SPDX-License-Identifier: MIT
//
// The options that choose a model and how it is run, shared by every subcommand that has one.
#pragma once

#include <memory>
#include <string>

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
    std::string numerics = "act8";
    int threads = 0;
    std::int64_t context_tokens = 0;

    // Whether the command line names a model; if not, open_model() takes the built-in one.
    [[nodiscard]] bool named() const { return builtin || !path.empty(); }
};

void add_model_options(CLI::App& command, ModelOptions& options);
// --backend, --numerics, --threads; add_context_option adds --context.
void add_engine_options(CLI::App& command, ModelOptions& options);
void add_context_option(CLI::App& command, ModelOptions& options);

// Shows the stages of a slow load on the terminal; Ctrl-C (through `cancel`) stops it.
Result<std::shared_ptr<Engine>> open_model(const ModelOptions& options, const CancelToken& cancel);

}  // namespace starglass::cli

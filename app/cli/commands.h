// SPDX-License-Identifier: MIT
//
// The subcommands. Each add_* describes itself to CLI11 and, when it is the one chosen, stores
// what to do in `chosen`; main runs that after the whole command line has been understood.
#pragma once

#include <functional>

#include "engine/result.h"

namespace CLI {
class App;
}

namespace starglass::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;  // what shells expect after Ctrl-C

// The exit code, or the sentence that main prints before it leaves with kExitFailed.
using Command = std::function<Result<int>()>;

void add_info(CLI::App& app, Command& chosen);
void add_chat(CLI::App& app, Command& chosen);
void add_run(CLI::App& app, Command& chosen);
void add_tokenize(CLI::App& app, Command& chosen);
void add_render(CLI::App& app, Command& chosen);
void add_dsml(CLI::App& app, Command& chosen);
void add_logits(CLI::App& app, Command& chosen);
void add_trace(CLI::App& app, Command& chosen);
void add_kv(CLI::App& app, Command& chosen);
void add_bench(CLI::App& app, Command& chosen);
void add_devices(CLI::App& app, Command& chosen);
void add_plan(CLI::App& app, Command& chosen);
void add_cache_sim(CLI::App& app, Command& chosen);

}  // namespace starglass::cli

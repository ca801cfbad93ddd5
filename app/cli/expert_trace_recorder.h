// SPDX-License-Identifier: MIT
//
// `--expert-trace FILE` of run and chat: what the routers chose, for cache-sim.
#pragma once

#include <string>

#include "engine/engine.h"

namespace CLI {
class App;
}

namespace starglass::cli {

// --expert-trace
void add_expert_trace_option(CLI::App& command, std::string& path);

// Puts the routing of one session together, batch by batch. Main thread.
class ExpertTraceRecorder {
public:
    // An empty path records nothing. `engine` outlives the recorder.
    ExpertTraceRecorder(const Engine& engine, std::string path);

    [[nodiscard]] bool recording() const { return !path_.empty(); }
    void on_routing(const RoutingFrame& frame);
    // A chunk of a prompt was evaluated: what follows is another batch.
    void end_chunk();
    void on_result(const GenerateResult& result);
    // Writes the file and says so on standard error. Nothing when nothing is recorded. Errors: io,
    // disk_full; invalid_input when the model has no routed experts or nothing was evaluated.
    Status finish();

private:
    const Engine& engine_;
    std::string path_;
    ExpertTrace trace_;
    bool chunk_open_ = false;
    std::vector<std::int16_t> rows_;  // of the open chunk, row by row: [rows, layers, used]
    double decode_seconds_ = 0, prefill_seconds_ = 0;
    std::int64_t decoded_ = 0, prefilled_ = 0;
};

}  // namespace starglass::cli

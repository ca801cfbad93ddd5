// SPDX-License-Identifier: MIT
//
// What `logits` and `trace` share: which tokens are evaluated by what, and in which steps.
#pragma once

#include <string>

#include "model_options.h"

namespace CLI {
class App;
}

namespace starglass::cli {

struct EvaluationOptions {
    ModelOptions model;
    std::string tokens, tokens_file;
    bool decode = false;
    int chunk = 0;
    bool all = false;
    bool stats = false;
};

void add_evaluation_options(CLI::App& command, EvaluationOptions& options);

// Loads the model and evaluates the tokens from an empty timeline. Shows progress on a terminal,
// the summary for --stats on standard error.
Status evaluate_tokens(const EvaluationOptions& options, TraceSink* trace,
                       const LogitsConsumer& logits, CancelToken& cancel);

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
#include "evaluation_options.h"

#include <CLI/CLI.hpp>

#include "input.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

class ProgressListener final : public SessionListener {
public:
    void on_prefill(const PrefillProgress& progress) override {
        last = progress;
        status.show(fmt::format("{} of {} tokens", progress.tokens_done, progress.tokens_total));
    }
    StatusLine status;
    PrefillProgress last;
};

}  // namespace

void add_evaluation_options(CLI::App& command, EvaluationOptions& options) {
    add_model_options(command, options.model);
    CLI::Option_group* tokens = command.add_option_group("Tokens");
    tokens->add_option("--tokens", options.tokens, "Token ids, separated by commas")
        ->type_name("LIST");
    tokens
        ->add_option("--tokens-file", options.tokens_file,
                     "Token ids, separated by white space or commas (-: standard input)")
        ->type_name("FILE");
    tokens->require_option(1);
    CLI::Option* decode =
        command.add_flag("--decode", options.decode, "One token at a time, as in generation");
    command.add_option("--chunk", options.chunk, "N tokens at a time; 0: the engine's choice")
        ->check(CLI::Range(0, 1 << 20))
        ->type_name("N")
        ->excludes(decode);
    command.add_flag("--all", options.all, "Logits of every position, not only the last");
    command.add_flag("--stats", options.stats, "Print counts and times to standard error");
    add_engine_options(command, options.model);
    add_context_option(command, options.model);
}

Status evaluate_tokens(const EvaluationOptions& options, TraceSink* trace,
                       const LogitsConsumer& logits, CancelToken& cancel) {
    std::string list = options.tokens;
    if (!options.tokens_file.empty()) {
        TRY(list, read_input(options.tokens_file));
    }
    TRY(const std::vector<TokenId> tokens, parse_token_list(list));
    ModelOptions model = options.model;
    // A list that is longer than the usual context was meant to be evaluated.
    if (model.context_tokens == 0 && tokens.size() > 32768)
        model.context_tokens = static_cast<std::int64_t>(tokens.size()) + 1;
    TRY(const std::shared_ptr<Engine> engine, open_model(model, cancel));
    TRY(const std::unique_ptr<Session> session, engine->create_session());
    EvaluateOptions how;
    how.chunk = options.decode ? 1 : options.chunk;
    how.all_logits = options.all;
    how.trace = trace;
    ProgressListener listener;
    TRY_STATUS(session->evaluate(tokens, how, listener, logits, cancel));
    listener.status.clear();
    if (options.stats)
        print_note(fmt::format("{} tokens in {:.3f} s, {:.1f} tok/s, {} threads, session memory {}",
                               tokens.size(), listener.last.seconds,
                               listener.last.seconds > 0
                                   ? static_cast<double>(tokens.size()) / listener.last.seconds
                                   : 0.0,
                               engine->options().threads,
                               size_text(static_cast<std::uint64_t>(session->memory_bytes()))));
    return {};
}

}  // namespace starglass::cli

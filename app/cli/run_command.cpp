// SPDX-License-Identifier: MIT
//
// starglass-cli run: one prompt, one answer.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "answer_printer.h"
#include "commands.h"
#include "expert_text.h"
#include "expert_trace_recorder.h"
#include "input.h"
#include "kv_options.h"
#include "model_options.h"
#include "placement_text.h"
#include "run_lines.h"
#include "tools/demo_tools.h"
#include "turn_json.h"

namespace starglass::cli {
namespace {

struct RunOptions {
    ModelOptions model;
    SamplingFlags sampling;
    KvFlags kv;
    std::string prompt, prompt_file, lines_file;
    std::string system;
    std::string think = "on";
    int max_tokens = -1;
    std::vector<std::string> stop;
    std::string expert_trace;
    bool show_thinking = false, tools = false, json = false, stats = false, routing = false;
};

Result<int> run_many(const RunOptions& options, Engine& engine, Session& session, TurnOptions turn,
                     const CancelToken& cancel) {
    TRY(const std::string lines, read_input(options.lines_file));
    return run_lines(engine, session, lines,
                     {std::move(turn), options.sampling, options.system, options.tools}, cancel);
}

Result<int> run(const RunOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const ThinkMode think, parse_think_mode(options.think));
    TurnOptions turn;
    turn.think = think;
    turn.max_tokens = options.max_tokens;
    turn.stop = options.stop;
    turn.count_experts = options.routing;
    turn.run_tools = options.tools;
    std::string prompt = options.prompt;
    if (!options.prompt_file.empty()) {
        TRY(prompt, read_input(options.prompt_file));
    }
    TRY(const std::shared_ptr<Engine> engine, open_model(options.model, cancel));
    TRY(const SessionKv kv, SessionKv::open(options.kv));
    TRY(const std::unique_ptr<Session> session, engine->create_session({kv.cache()}));
    ExpertTraceRecorder recorder(*engine, options.expert_trace);
    if (recorder.recording()) turn.recorder = &recorder;
    if (!options.lines_file.empty()) {
        auto answered = run_many(options, *engine, *session, turn, cancel);
        kv.finish(*session);
        TRY_STATUS(recorder.finish());
        return answered;
    }

    TRY(turn.sampling, resolve_sampling(options.sampling, engine->info().sampling));
    Conversation conversation;
    if (options.tools) conversation.tools = demo_tool_schemas();
    Message message;
    if (!options.system.empty()) {
        message.role = Role::system;
        message.content = options.system;
        conversation.messages.push_back(message);
    }
    message.role = Role::user;
    message.content = prompt;
    conversation.messages.push_back(message);

    AnswerPrinter printer({.thinking = options.show_thinking ? AnswerPrinter::Thinking::on_stderr
                                                             : AnswerPrinter::Thinking::hidden,
                           .calls = options.show_thinking || stderr_is_terminal()});
    TurnView silent;
    TurnView& view = options.json ? silent : static_cast<TurnView&>(printer);
    Result<TurnResult> result = run_turn(*engine, *session, conversation, turn, view, cancel);
    printer.finish();
    if (result) kv.report(result->reuse);
    kv.finish(*session);
    if (!result) return tl::unexpected<Error>(result.error());
    TRY_STATUS(recorder.finish());
    if (options.json) {
        Json out = turn_to_json(*result);
        out["seed"] = turn.sampling.seed;
        out["placement"] = placement_to_json(engine->placement());
        if (const ExpertMemory* experts = engine->expert_memory())
            out["expert_memory"] = {{"use", expert_totals_to_json(result->experts)},
                                    {"memory", expert_memory_to_json(*experts)}};
        write_json(out);
    }
    if (result->think_lowered)
        print_note(
            "thinking mode max needs a context of at least 393216 tokens (--context); the "
            "model thought as with --think on");
    if (options.stats) {
        print_note(turn_summary(*result, session->context_tokens()));
        if (engine->placement().considered)
            print_note(fmt::format("runs on {}", printable(placement_text(engine->placement()))));
    }
    if (result->stop == StopReason::cancelled)
        return fail(ErrorCode::cancelled, "the answer was stopped");
    return kExitOk;
}

}  // namespace

void add_run(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = app.add_subcommand("run", "Answer one prompt");
    CLI::Option_group* source = command->add_option_group("Prompt");
    source->add_option("-p,--prompt", options->prompt, "What to ask")->type_name("TEXT");
    source
        ->add_option("--prompt-file", options->prompt_file,
                     "Ask what is in FILE (-: standard input)")
        ->type_name("FILE");
    source
        ->add_option("--jsonl", options->lines_file,
                     "Answer a JSON object per line of FILE (-: standard input), one per line out")
        ->type_name("FILE");
    source->require_option(1);
    add_model_options(*command, options->model);
    command->add_option("--system", options->system, "System text")->type_name("TEXT");
    command->add_option("--think", options->think, "off, on or max")
        ->check(CLI::IsMember({"off", "on", "max"}))
        ->type_name("MODE")
        ->capture_default_str();
    command->add_flag("--show-thinking", options->show_thinking,
                      "Print the thinking to standard error");
    command->add_option("--max-tokens", options->max_tokens, "Stop after N tokens")
        ->check(CLI::Range(0, 1 << 24))
        ->type_name("N");
    command->add_option("--stop", options->stop, "Stop in front of this text; may be repeated")
        ->type_name("TEXT")
        ->expected(1)
        ->take_all();
    add_sampling_options(*command, options->sampling);
    command->add_flag("--tools", options->tools, "Offer the clock and the calculator");
    command->add_flag("--json", options->json, "Print one JSON object at the end");
    command->add_flag("--routing", options->routing,
                      "Count the experts used, in --json and --jsonl");
    command->add_flag("--stats", options->stats, "Print counts and times to standard error");
    options->model.backend = "auto";
    add_engine_options(*command, options->model);
    add_context_option(*command, options->model);
    add_kv_options(*command, options->kv);
    add_expert_trace_option(*command, options->expert_trace);
    command->footer(
        "A line for --jsonl: {\"user\": \"2 + 3?\", \"thinking\": true, \"tools\": false} or "
        "{\"messages\": [...]}.\nExamples:\n"
        "  starglass-cli run -p \"What is a hit rate?\" --stats\n"
        "  starglass-cli run -m model.gguf --prompt-file question.txt --think off --temp 0");
    command->callback([&chosen, options] { chosen = [options] { return run(*options); }; });
}

}  // namespace starglass::cli

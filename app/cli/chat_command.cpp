// SPDX-License-Identifier: MIT
//
// starglass-cli chat: the window's chat in a terminal, on the same facade.
#include <CLI/CLI.hpp>

#include "answer_printer.h"
#include "commands.h"
#include "expert_trace_recorder.h"
#include "input.h"
#include "kv_options.h"
#include "model_options.h"
#include "placement_text.h"
#include "sampling_flags.h"
#include "tools/demo_tools.h"
#include "turn_json.h"

namespace starglass::cli {
namespace {

constexpr std::string_view kHelp =
    "/help                this list\n"
    "/new                 a new conversation\n"
    "/think on|off|max    whether the model thinks before it answers\n"
    "/system TEXT         the system text; without TEXT: none\n"
    "/tools on|off        the clock and the calculator\n"
    "/regen               answer the last question again\n"
    "/stats               counts and times of the last answer\n"
    "/quit                leave (or Ctrl-D); Ctrl-C stops an answer\n"
    "A message that begins with // is sent with one / less.";

struct ChatOptions {
    ModelOptions model;
    SamplingFlags sampling;
    KvFlags kv;
    std::string system;
    std::string think = "on";
    int max_tokens = -1;
    std::string expert_trace;
    std::string tools;  // "on", "off", empty: on for the built-in model
    bool show_thinking = false;
};

class Chat {
public:
    Chat(const ChatOptions& options, std::shared_ptr<Engine> engine, const SessionKv& kv,
         std::unique_ptr<Session> session, ThinkMode think, SamplingOptions sampling)
        : engine_(std::move(engine)),
          kv_(kv),
          session_(std::move(session)),
          recorder_(*engine_, options.expert_trace),
          system_(options.system),
          show_thinking_(options.show_thinking) {
        if (recorder_.recording()) turn_.recorder = &recorder_;
        turn_.think = think;
        turn_.sampling = sampling;
        turn_.max_tokens = options.max_tokens;
        turn_.run_tools = options.tools.empty() ? engine_->info().builtin : options.tools == "on";
    }

    Result<int> run() {
        Result<int> left = talk();
        kv_.finish(*session_);
        TRY_STATUS(recorder_.finish());
        return left;
    }

private:
    Result<int> talk() {
        greet();
        for (std::string line;;) {
            prompt();
            switch (read_typed_line(line)) {
                case LineEnd::line:
                    break;
                case LineEnd::end:
                    if (interactive()) write_out("\n");
                    return kExitOk;
                case LineEnd::interrupted:
                    write_out("\n");
                    continue;
                case LineEnd::too_long:
                    return fail(ErrorCode::invalid_input,
                                "a line of the chat is longer than 16 MiB; send less at once");
            }
            if (line.find_first_not_of(" \t") == std::string::npos) continue;
            if (line.starts_with("//"))
                line.erase(0, 1);
            else if (line.starts_with('/')) {
                if (!obey(line)) return kExitOk;
                continue;
            }
            Message message;
            message.role = Role::user;
            message.content = line;
            messages_.push_back(std::move(message));
            if (auto status = answer(); !status) return tl::unexpected<Error>(status.error());
        }
    }

    static bool interactive() { return stdin_is_terminal() && stdout_is_terminal(); }

    void greet() {
        if (!interactive()) return;
        const ModelInfo& info = engine_->info();
        if (info.builtin)
            say("Built-in model: shows the tools, not the quality.");
        else
            say(printable(info.name));
        if (engine_->placement().considered)
            say(fmt::format("Runs on {}.", printable(placement_text(engine_->placement()))));
        say(fmt::format("Context {} tokens. Thinking {}, tools {}. /help lists the commands.",
                        session_->context_tokens(), think_name(), turn_.run_tools ? "on" : "off"));
    }

    void prompt() {
        if (interactive()) write_out("\n> ");
        flush_out();
    }

    static void say(std::string_view text) {
        write_out(text);
        write_out("\n");
        flush_out();
    }

    std::string_view think_name() const {
        return turn_.think == ThinkMode::off ? "off" : turn_.think == ThinkMode::on ? "on" : "max";
    }

    // False when the chat is over.
    bool obey(const std::string& line) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        const std::string command = line.substr(0, blank);
        std::string rest = line.substr(blank);
        rest.erase(0, std::min(rest.find_first_not_of(' '), rest.size()));
        rest.erase(rest.find_last_not_of(" \t") + 1);
        if (command == "/quit" || command == "/exit") return false;
        if (command == "/help") {
            say(kHelp);
        } else if (command == "/new") {
            messages_.clear();
            session_->clear();
            say("A new conversation.");
        } else if (command == "/think") {
            const auto mode = parse_think_mode(rest);
            if (!mode) return complain("write /think on, /think off or /think max");
            turn_.think = *mode;
            say(fmt::format("Thinking is {}.", think_name()));
        } else if (command == "/tools") {
            if (rest != "on" && rest != "off") return complain("write /tools on or /tools off");
            turn_.run_tools = rest == "on";
            say(fmt::format("The clock and the calculator are {}.", rest));
        } else if (command == "/system") {
            system_ = rest;
            say(system_.empty() ? "There is no system text." : "The system text is set.");
        } else if (command == "/stats") {
            say(last_summary_.empty() ? "There is no answer yet." : last_summary_);
        } else if (command == "/regen") {
            return answer_again();
        } else {
            return complain(
                fmt::format("there is no command {}; /help lists them", quoted_text(command)));
        }
        return true;
    }

    static bool complain(std::string_view text) {
        print_error(text);
        return true;
    }

    bool answer_again() {
        std::size_t keep = messages_.size();
        while (keep > 0 && messages_[keep - 1].role != Role::user) --keep;
        if (keep == 0) return complain("there is nothing to answer again");
        const std::vector<Message> before = messages_;
        messages_.resize(keep);
        // The same seed would give the same answer.
        ++turn_.sampling.seed;
        if (auto status = answer(); !status) print_error(status.error().message);
        if (messages_.size() < keep + 1) messages_ = before;
        return true;
    }

    // Answers messages_; errors that leave the chat usable are printed here.
    Status answer() {
        Conversation conversation;
        if (turn_.run_tools) conversation.tools = demo_tool_schemas();
        if (!system_.empty()) {
            Message system;
            system.role = Role::system;
            system.content = system_;
            conversation.messages.push_back(std::move(system));
        }
        const std::size_t head = conversation.messages.size();
        conversation.messages.insert(conversation.messages.end(), messages_.begin(),
                                     messages_.end());
        CancelToken cancel;
        const InterruptScope interrupts(cancel);
        AnswerPrinter printer({.thinking = stdout_is_terminal() ? AnswerPrinter::Thinking::on_stdout
                                           : show_thinking_     ? AnswerPrinter::Thinking::on_stderr
                                                                : AnswerPrinter::Thinking::hidden,
                               .calls = stdout_is_terminal() || show_thinking_});
        Result<TurnResult> result =
            run_turn(*engine_, *session_, conversation, turn_, printer, cancel);
        printer.finish();
        if (!result) {
            messages_.pop_back();
            print_error(result.error().message);
            if (result.error().code == ErrorCode::invalid_input)
                print_note("The question was taken back; /new starts a new conversation.");
            return {};
        }
        kv_.report(result->reuse);
        last_summary_ = turn_summary(*result, session_->context_tokens());
        if (result->think_lowered && !told_lowered_) {
            told_lowered_ = true;
            print_note(
                "Thinking mode max needs a context of at least 393216 tokens (--context); "
                "the model thinks as with /think on.");
        }
        messages_.assign(conversation.messages.begin() + static_cast<std::ptrdiff_t>(head),
                         conversation.messages.end());
        if (result->stop == StopReason::cancelled) {
            const bool nothing = !messages_.empty() && messages_.back().role == Role::user;
            if (nothing) messages_.pop_back();
            print_note(nothing ? "(stopped; the question was taken back)" : "(stopped)");
        } else if (result->stop == StopReason::length) {
            print_note(result->context_used + 1 >= session_->context_tokens()
                           ? "(the context is full; /new starts a new conversation)"
                           : "(stopped after --max-tokens)");
        }
        return finish_output();
    }

    std::shared_ptr<Engine> engine_;
    const SessionKv& kv_;
    std::unique_ptr<Session> session_;
    ExpertTraceRecorder recorder_;
    TurnOptions turn_;
    std::string system_;
    bool show_thinking_;
    bool told_lowered_ = false;
    std::vector<Message> messages_;  // without the system text, which may change on the way
    std::string last_summary_;
};

Result<int> chat(const ChatOptions& options) {
    TRY(const ThinkMode think, parse_think_mode(options.think));
    std::shared_ptr<Engine> engine;
    {
        CancelToken cancel;
        const InterruptScope interrupts(cancel);
        TRY(engine, open_model(options.model, cancel));
    }
    TRY(const SessionKv kv, SessionKv::open(options.kv));
    TRY(std::unique_ptr<Session> session, engine->create_session({kv.cache()}));
    TRY(const SamplingOptions sampling,
        resolve_sampling(options.sampling, engine->info().sampling));
    return Chat(options, std::move(engine), kv, std::move(session), think, sampling).run();
}

}  // namespace

void add_chat(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<ChatOptions>();
    CLI::App* command = app.add_subcommand("chat", "Talk with a model, line by line");
    add_model_options(*command, options->model);
    command->add_option("--system", options->system, "System text")->type_name("TEXT");
    command->add_option("--think", options->think, "off, on or max")
        ->check(CLI::IsMember({"off", "on", "max"}))
        ->type_name("MODE")
        ->capture_default_str();
    command
        ->add_option("--tools", options->tools,
                     "on or off: the clock and the calculator (on for the built-in model)")
        ->check(CLI::IsMember({"off", "on"}))
        ->type_name("MODE");
    command->add_option("--max-tokens", options->max_tokens, "Stop an answer after N tokens")
        ->check(CLI::Range(0, 1 << 24))
        ->type_name("N");
    command->add_flag("--show-thinking", options->show_thinking,
                      "Print the thinking to standard error when standard output is no terminal");
    add_sampling_options(*command, options->sampling);
    options->model.backend = "auto";
    add_engine_options(*command, options->model);
    add_context_option(*command, options->model);
    add_kv_options(*command, options->kv);
    add_expert_trace_option(*command, options->expert_trace);
    command->footer(std::string(kHelp) +
                    "\nExamples:\n  starglass-cli chat\n"
                    "  printf 'hello\\n/stats\\n' | starglass-cli chat --think off");
    command->callback([&chosen, options] { chosen = [options] { return chat(*options); }; });
}

}  // namespace starglass::cli

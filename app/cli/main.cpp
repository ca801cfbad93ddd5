// SPDX-License-Identifier: MIT
//
// starglass-cli: the engine without a window.
#include <CLI/CLI.hpp>
#include <exception>
#include <new>

#include "commands.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

// CLI11's own messages end in a hint of several lines; a script's log wants one.
int usage_failure(const CLI::App& app, const CLI::ParseError& error) {
    std::string command = app.get_name();
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        command += " " + at->get_name();
    }
    std::string message = error.what();
    while (!message.empty() && (message.back() == '\n' || message.back() == '.'))
        message.pop_back();
    print_error(fmt::format("{}; see '{} --help'", message, command));
    return kExitUsage;
}

int finish(const Result<int>& result) {
    if (!result) {
        if (result.error().code == ErrorCode::cancelled) {
            print_note("stopped");
            return kExitInterrupted;
        }
        print_error(result.error().message);
        return kExitFailed;
    }
    if (const Status written = finish_output(); !written) {
        print_error(written.error().message);
        return kExitFailed;
    }
    return *result;
}

int run(int argc, char** argv) {
    CLI::App app("Starglass on the command line: the engine and its models without a window.",
                 "starglass-cli");
    app.set_version_flag("--version", "starglass-cli " SG_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Without -m FILE the built-in model is used. 'starglass-cli COMMAND --help' tells "
        "more.\nExample:\n  starglass-cli run -p \"What is a hit rate?\"");
    Command chosen;
    add_chat(app, chosen);
    add_run(app, chosen);
    add_info(app, chosen);
    add_tokenize(app, chosen);
    add_render(app, chosen);
    add_dsml(app, chosen);
    add_logits(app, chosen);
    add_trace(app, chosen);
    add_kv(app, chosen);
    add_bench(app, chosen);
    add_devices(app, chosen);
    add_plan(app, chosen);
    add_cache_sim(app, chosen);
    // CLI11 would only say that a command is missing.
    if (argc > 1 && argv[1][0] != '-' &&
        app.get_subcommands([&](const CLI::App* command) { return command->get_name() == argv[1]; })
            .empty()) {
        print_error(fmt::format("there is no command {}; see 'starglass-cli --help'",
                                quoted_text(argv[1])));
        return kExitUsage;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& answered) {  // --help, --version
        app.exit(answered);
        return kExitOk;
    } catch (const CLI::ParseError& error) {
        return usage_failure(app, error);
    }
    return finish(chosen());
}

}  // namespace
}  // namespace starglass::cli

int main(int argc, char** argv) {
    using namespace starglass::cli;
    install_signal_handlers();
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        print_error(
            "there is not enough memory for this; close other programs or use a smaller "
            "--context");
    } catch (const std::exception& error) {
        print_error(error.what());
    }
    return kExitFailed;
}

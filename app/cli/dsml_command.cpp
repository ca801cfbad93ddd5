// SPDX-License-Identifier: MIT
//
// starglass-cli dsml parse: a model's finished text to thinking, answer and tool calls.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "engine/chat.h"
#include "input.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct DsmlOptions {
    std::string file;
    bool no_thinking = false, json = false;
};

void write_section(std::string_view title, const std::string& text) {
    if (text.empty()) return;
    write_out(fmt::format("[{}]\n{}\n", title, stdout_is_terminal() ? printable(text) : text));
}

Result<int> parse(const DsmlOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const std::string text, read_input(options.file));
    const ParsedReply reply = parse_reply(text, !options.no_thinking);
    if (options.json) {
        Json calls = Json::array();
        for (const ToolCall& call : reply.calls)
            calls.push_back({{"name", call.name}, {"arguments", call.arguments}});
        write_json({{"well_formed", reply.well_formed},
                    {"reasoning", reply.reasoning},
                    {"content", reply.content},
                    {"tool_calls", std::move(calls)},
                    {"raw_block", reply.raw_block}});
        return kExitOk;
    }
    write_section("thinking", reply.reasoning);
    write_section("answer", reply.content);
    for (const ToolCall& call : reply.calls) write_section("call " + call.name, call.arguments);
    if (!reply.well_formed)
        print_note("The text opens a tool block that is malformed; it was left in the answer.");
    return kExitOk;
}

}  // namespace

void add_dsml(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<DsmlOptions>();
    CLI::App* dsml = app.add_subcommand("dsml", "Read tool calls");
    dsml->require_subcommand(1);
    dsml->footer("Example:\n  starglass-cli dsml parse reply.txt --json");
    CLI::App* command = dsml->add_subcommand("parse", "Take a model's finished text apart");
    command->add_option("FILE", options->file, "The text; -: standard input")->required();
    command->add_flag("--no-thinking", options->no_thinking,
                      "The text was generated with thinking off");
    command->add_flag("--json", options->json, "Print JSON");
    command->footer(
        "Example:\n  printf 'Let me see.</think>It is 12.' | starglass-cli dsml parse "
        "- --json");
    command->callback([&chosen, options] { chosen = [options] { return parse(*options); }; });
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// starglass-cli tokenize: text to token ids and back.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "input.h"
#include "model_options.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct TokenizeOptions {
    ModelOptions model;
    std::string text = "-";
    bool rendered = false, decode = false, json = false, ids = false;
};

Result<int> decode(const TokenizeOptions& options, const Engine& engine, std::string_view list) {
    TRY(const std::vector<TokenId> tokens, parse_token_list(list));
    std::string text;
    for (const TokenId token : tokens) {
        if (token < 0 || token >= engine.info().vocabulary)
            return fail(ErrorCode::invalid_input, "token {} is outside the vocabulary of {} tokens",
                        token, engine.info().vocabulary);
        text += engine.token_text(token);
    }
    if (options.json)
        write_json({{"text", text}});
    else
        write_out(stdout_is_terminal() ? printable(text) + "\n" : text);
    return kExitOk;
}

Result<int> tokenize(const TokenizeOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    std::string text = options.text;
    if (text == "-") {
        TRY(text, read_input("-"));
    }
    TRY(const std::shared_ptr<Engine> engine, open_model(options.model, cancel));
    if (options.decode) return decode(options, *engine, text);
    const std::vector<TokenId> tokens =
        engine->tokenize(text, options.rendered ? TokenizeMode::rendered : TokenizeMode::plain);
    if (options.json) {
        Json pieces = Json::array();
        for (const TokenId token : tokens) pieces.push_back(engine->token_text(token));
        Json out{{"count", tokens.size()}, {"ids", tokens}, {"pieces", std::move(pieces)}};
        write_json(out);
    } else if (options.ids) {
        write_out(fmt::format("{}\n", fmt::join(tokens, ",")));
    } else {
        for (const TokenId token : tokens)
            write_out(fmt::format("{:>6}  {}\n", token, quoted_text(engine->token_text(token))));
    }
    return kExitOk;
}

}  // namespace

void add_tokenize(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<TokenizeOptions>();
    CLI::App* command = app.add_subcommand("tokenize", "Turn text into tokens, or back");
    add_model_options(*command, options->model);
    command->add_option("TEXT", options->text, "The text; - or nothing: standard input");
    CLI::Option* rendered =
        command->add_flag("--rendered", options->rendered,
                          "The text is a rendered prompt: its control strings become their tokens");
    command->add_flag("--decode", options->decode, "The text is a list of ids; print their text")
        ->excludes(rendered);
    CLI::Option* json = command->add_flag("--json", options->json, "Print JSON");
    command->add_flag("--ids", options->ids, "Print only the ids, as `logits --tokens` takes them")
        ->excludes(json);
    command->footer(
        "Without --rendered everything is text, also what looks like a control "
        "token.\nExamples:\n  starglass-cli tokenize \"hello world\" --json\n"
        "  starglass-cli tokenize -m model.gguf --decode 17,4,99");
    command->callback([&chosen, options] { chosen = [options] { return tokenize(*options); }; });
}

}  // namespace starglass::cli

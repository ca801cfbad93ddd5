// SPDX-License-Identifier: MIT
//
// starglass-cli render: JSON messages to the prompt a model reads.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "input.h"
#include "model_options.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

// What the published model was trained for; with a model, its own metadata counts.
constexpr std::int64_t kContextTokensAssumed = 1 << 20;

struct RenderCommandOptions {
    ModelOptions model;
    std::string file;
    std::string think = "on";
    bool tokens = false, json = false;
};

std::string_view kind_name(PromptSpan::Kind kind) {
    switch (kind) {
        case PromptSpan::Kind::text:
            return "text";
        case PromptSpan::Kind::bos:
            return "bos";
        case PromptSpan::Kind::eos:
            return "eos";
        case PromptSpan::Kind::user:
            return "user";
        case PromptSpan::Kind::assistant:
            return "assistant";
        case PromptSpan::Kind::think_open:
            return "think_open";
        case PromptSpan::Kind::think_close:
            return "think_close";
        case PromptSpan::Kind::dsml:
            return "dsml";
    }
    return "";
}

std::string_view think_name(ThinkMode mode) {
    return mode == ThinkMode::off ? "off" : mode == ThinkMode::on ? "on" : "max";
}

Result<int> render(const RenderCommandOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    RenderOptions how;
    TRY(how.think, parse_think_mode(options.think));
    TRY(const std::string text, read_input(options.file));
    TRY(const Conversation conversation, parse_conversation_json(text));
    how.context_tokens = kContextTokensAssumed;
    std::shared_ptr<Engine> engine;
    if (options.model.named()) {
        // The rendering does not need room for the context, only its size.
        ModelOptions model = options.model;
        model.context_tokens = 0;
        TRY(engine, open_model(model, cancel));
        how.context_tokens = engine->info().context_length;
        how.dialect = engine->dialect();
    }
    if (options.model.context_tokens > 0) how.context_tokens = options.model.context_tokens;
    TRY(const RenderedPrompt prompt, render_prompt(conversation, how));
    if (prompt.think != how.think)
        print_note(
            fmt::format("thinking mode max needs a context of at least 393216 tokens, not "
                        "{}; rendered as with --think on",
                        how.context_tokens));
    std::vector<TokenId> tokens;
    if (options.tokens) tokens = engine->encode(prompt);
    if (options.json) {
        Json spans = Json::array();
        for (const PromptSpan& span : prompt.spans)
            spans.push_back({{"kind", kind_name(span.kind)}, {"text", span.text}});
        Json out{{"prompt", prompt.text()},
                 {"think", think_name(prompt.think)},
                 {"keeps_reasoning", prompt.keeps_reasoning},
                 {"spans", std::move(spans)}};
        if (options.tokens) out["tokens"] = tokens;
        write_json(out);
    } else if (options.tokens) {
        write_out(fmt::format("{}\n", fmt::join(tokens, ",")));
    } else {
        // Exactly the prompt: a line feed of ours would be part of it.
        const bool terminal = stdout_is_terminal();
        write_out(terminal ? printable(prompt.text()) + "\n" : prompt.text());
    }
    return kExitOk;
}

}  // namespace

void add_render(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<RenderCommandOptions>();
    CLI::App* command = app.add_subcommand("render", "Turn JSON messages into prompt text");
    add_model_options(*command, options->model);
    command
        ->add_option("FILE", options->file,
                     "{\"messages\": [...], \"tools\": [...]}; -: standard input")
        ->required();
    command->add_option("--think", options->think, "off, on or max")
        ->check(CLI::IsMember({"off", "on", "max"}))
        ->type_name("MODE")
        ->capture_default_str();
    command
        ->add_option("--context", options->model.context_tokens,
                     "Tokens of context; max needs 393216 (default: as trained)")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24))
        ->type_name("N");
    CLI::Option* tokens =
        command->add_flag("--tokens", options->tokens, "Print token ids; needs -m or --builtin");
    command->add_flag("--json", options->json, "Print JSON with the spans");
    command->footer(
        "Without -m or --builtin the wording around tools is the published "
        "encoder's.\nExample:\n  echo "
        "'{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | starglass-cli "
        "render - --think off");
    command->callback([&chosen, options, tokens] {
        if (options->tokens && !options->model.named())
            throw CLI::RequiresError(tokens->get_name(), "-m FILE or --builtin");
        chosen = [options] { return render(*options); };
    });
}

}  // namespace starglass::cli

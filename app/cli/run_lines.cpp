// SPDX-License-Identifier: MIT
#include "run_lines.h"

#include <nlohmann/json.hpp>

#include "commands.h"
#include "input.h"
#include "terminal.h"
#include "tools/demo_tools.h"
#include "turn_json.h"

namespace starglass::cli {
namespace {

struct Question {
    Conversation conversation;
    TurnOptions options;
};

Result<std::string> text_member(const Json& object, const char* key, std::string otherwise) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return otherwise;
    if (!found->is_string()) return fail(ErrorCode::invalid_input, "'{}' is not text", key);
    return found->get<std::string>();
}

Result<ThinkMode> think_member(const Json& object, ThinkMode otherwise) {
    if (const auto found = object.find("thinking"); found != object.end()) {
        if (!found->is_boolean())
            return fail(ErrorCode::invalid_input, "'thinking' is not true or false");
        return found->get<bool>() ? ThinkMode::on : ThinkMode::off;
    }
    TRY(const std::string text, text_member(object, "think", ""));
    return text.empty() ? Result<ThinkMode>(otherwise) : parse_think_mode(text);
}

Status read_stop(const Json& object, std::vector<std::string>& stop) {
    const auto found = object.find("stop");
    if (found == object.end() || found->is_null()) return {};
    stop.clear();
    if (found->is_string()) {
        stop.push_back(found->get<std::string>());
        return {};
    }
    if (!found->is_array()) return fail(ErrorCode::invalid_input, "'stop' is no text and no list");
    for (const Json& item : *found) {
        if (!item.is_string()) return fail(ErrorCode::invalid_input, "'stop' holds a non-text");
        stop.push_back(item.get<std::string>());
    }
    return {};
}

Result<Question> read_question(Json object, const LineDefaults& defaults,
                               const SamplingOptions& recommended) {
    if (!object.is_object()) return fail(ErrorCode::invalid_input, "the line is not a JSON object");
    Question out;
    out.options = defaults.turn;
    TRY(out.options.think, think_member(object, defaults.turn.think));
    TRY_STATUS(read_stop(object, out.options.stop));
    SamplingFlags sampling = defaults.sampling;
    TRY_STATUS(read_sampling(object, sampling));
    TRY(out.options.sampling, resolve_sampling(sampling, recommended));
    if (const auto found = object.find("max_tokens"); found != object.end()) {
        if (!found->is_number_integer() || *found < 0 || *found > (1 << 24))
            return fail(ErrorCode::invalid_input, "'max_tokens' is not a whole number from 0 up");
        out.options.max_tokens = found->get<int>();
    }
    bool demo_tools = defaults.tools;
    if (const auto found = object.find("tools"); found != object.end() && !found->is_array()) {
        if (!found->is_boolean())
            return fail(ErrorCode::invalid_input, "'tools' is not true, false or a list");
        demo_tools = found->get<bool>();
        object.erase("tools");
    } else if (found != object.end()) {
        demo_tools = false;
    }
    if (object.contains("messages") == object.contains("user"))
        return fail(ErrorCode::invalid_input, "the line needs either 'user' or 'messages'");
    if (object.contains("user")) {
        TRY(const std::string user, text_member(object, "user", ""));
        TRY(const std::string system, text_member(object, "system", defaults.system));
        Json messages = Json::array();
        if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
        messages.push_back({{"role", "user"}, {"content", user}});
        object["messages"] = std::move(messages);
    }
    // Only what makes the conversation: the other members are ours and were read above.
    Json body{{"messages", object["messages"]}};
    if (object.contains("tools")) body["tools"] = object["tools"];
    TRY(out.conversation, parse_conversation_json(json_text(body)));
    if (demo_tools) out.conversation.tools = demo_tool_schemas();
    out.options.run_tools = demo_tools;
    return out;
}

}  // namespace

Result<int> run_lines(Engine& engine, Session& session, std::string_view lines,
                      const LineDefaults& defaults, const CancelToken& cancel) {
    int exit_code = kExitOk;
    int line_number = 0;
    StatusLine status;
    TurnView silent;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        ++line_number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        status.show(fmt::format("line {}", line_number));

        Json out;
        const Json object = Json::parse(line, nullptr, false);
        out["line"] = line_number;
        if (object.is_object())
            if (const auto id = object.find("id"); id != object.end() && id->is_primitive())
                out["id"] = *id;
        const auto answer = [&]() -> Result<TurnResult> {
            if (object.is_discarded())
                return fail(ErrorCode::invalid_input, "the line is not valid JSON");
            TRY(Question question, read_question(object, defaults, engine.info().sampling));
            return run_turn(engine, session, question.conversation, question.options, silent,
                            cancel);
        };
        const Result<TurnResult> result = answer();
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "stopped");
        if (result) {
            out.update(turn_to_json(*result));
        } else {
            out["error"] = fmt::format("line {}: {}", line_number, result.error().message);
            exit_code = kExitFailed;
        }
        write_out(json_text(out) + "\n");
        flush_out();
    }
    return exit_code;
}

}  // namespace starglass::cli

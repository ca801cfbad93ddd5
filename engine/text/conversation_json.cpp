// SPDX-License-Identifier: MIT
//
// Request bodies in the OpenAI chat shape (protocol sections 3.1, 4.4 and 5), as far as they say
// what the conversation is.
#include <optional>
#include <utility>

#include "engine/chat.h"
#include "text/json_value.h"

namespace starglass {
namespace {

using Kind = JsonValue::Kind;

[[nodiscard]] bool is_absent(const JsonValue* value) {
    return value == nullptr || value->is(Kind::null);
}

// A member that is a string when it is there; `where` names the object it is a member of.
[[nodiscard]] Result<std::string> read_string(const JsonValue& object, std::string_view name,
                                              const std::string& where) {
    const JsonValue* value = object.find(name);
    if (is_absent(value)) return std::string();
    if (!value->is(Kind::string))
        return fail(ErrorCode::invalid_input, "{}.{} is not a string", where, name);
    return value->text;
}

// A string, null, or an array whose strings and `text` members count; images and files are not
// for this model and are left out.
[[nodiscard]] Result<std::string> read_content(const JsonValue& message, const std::string& where) {
    const JsonValue* content = message.find("content");
    if (is_absent(content)) return std::string();
    if (content->is(Kind::string)) return content->text;
    if (!content->is(Kind::array))
        return fail(ErrorCode::invalid_input,
                    "{}.content is neither a string nor an array of parts", where);
    std::string text;
    for (std::size_t i = 0; i < content->items.size(); ++i) {
        const JsonValue& part = content->items[i];
        if (part.is(Kind::string)) {
            text += part.text;
            continue;
        }
        if (!part.is(Kind::object))
            return fail(ErrorCode::invalid_input,
                        "{}.content[{}] is neither a string nor an object", where, i);
        TRY(const std::string part_text,
            read_string(part, "text", fmt::format("{}.content[{}]", where, i)));
        text += part_text;
    }
    return text;
}

[[nodiscard]] Role role_of(std::string_view name) {
    if (name == "system") return Role::system;
    if (name == "developer") return Role::developer;
    if (name.empty() || name == "user") return Role::user;
    if (name == "assistant") return Role::assistant;
    if (name == "tool" || name == "function") return Role::tool;
    return Role::other;
}

[[nodiscard]] Result<std::vector<ToolCall>> read_calls(const JsonValue& message,
                                                       const std::string& where) {
    std::vector<ToolCall> calls;
    const JsonValue* list = message.find("tool_calls");
    if (is_absent(list)) return calls;
    if (!list->is(Kind::array))
        return fail(ErrorCode::invalid_input, "{}.tool_calls is not an array", where);
    for (std::size_t i = 0; i < list->items.size(); ++i) {
        const JsonValue& item = list->items[i];
        const std::string here = fmt::format("{}.tool_calls[{}]", where, i);
        if (!item.is(Kind::object))
            return fail(ErrorCode::invalid_input, "{} is not an object", here);
        const JsonValue* function = item.find("function");
        if (is_absent(function)) continue;
        if (!function->is(Kind::object))
            return fail(ErrorCode::invalid_input, "{}.function is not an object", here);
        ToolCall call;
        TRY(call.id, read_string(item, "id", here));
        TRY(call.name, read_string(*function, "name", here + ".function"));
        const JsonValue* arguments = function->find("arguments");
        // Half a call is no call.
        if (call.name.empty() || is_absent(arguments)) continue;
        call.arguments = arguments->is(Kind::string) ? arguments->text : arguments->compact();
        calls.push_back(std::move(call));
    }
    return calls;
}

[[nodiscard]] Result<Message> read_message(const JsonValue& json, const std::string& where) {
    if (!json.is(Kind::object)) return fail(ErrorCode::invalid_input, "{} is not an object", where);
    Message message;
    TRY(const std::string role, read_string(json, "role", where));
    message.role = role_of(role);
    TRY(message.content, read_content(json, where));
    TRY(message.tool_call_id, read_string(json, "tool_call_id", where));
    if (message.role == Role::assistant) {
        TRY(message.reasoning, read_string(json, "reasoning_content", where));
        TRY(message.tool_calls, read_calls(json, where));
    }
    return message;
}

[[nodiscard]] Result<std::vector<std::string>> read_tools(const JsonValue& body) {
    std::vector<std::string> tools;
    const JsonValue* list = body.find("tools");
    if (is_absent(list)) return tools;
    if (!list->is(Kind::array)) return fail(ErrorCode::invalid_input, "tools is not an array");
    for (std::size_t i = 0; i < list->items.size(); ++i) {
        const JsonValue& tool = list->items[i];
        if (!tool.is(Kind::object))
            return fail(ErrorCode::invalid_input, "tools[{}] is not an object", i);
        const JsonValue* function = tool.find("function");
        const bool wrapped = function != nullptr && function->is(Kind::object);
        tools.push_back((wrapped ? *function : tool).spaced());
    }
    const JsonValue* choice = body.find("tool_choice");
    if (choice != nullptr && choice->is(Kind::string) && choice->text == "none") tools.clear();
    return tools;
}

// On or off, from `thinking` ({"type": ...} or a boolean), `think`, or else the model's name.
[[nodiscard]] Result<std::optional<bool>> read_switch(const JsonValue& body) {
    std::optional<bool> on;
    bool said = false;
    if (const JsonValue* thinking = body.find("thinking"); thinking != nullptr) {
        said = true;
        if (thinking->is(Kind::boolean)) {
            on = thinking->boolean;
        } else if (thinking->is(Kind::object)) {
            TRY(const std::string type, read_string(*thinking, "type", "thinking"));
            if (type == "enabled") on = true;
            if (type == "disabled") on = false;
        } else if (!thinking->is(Kind::null)) {
            return fail(ErrorCode::invalid_input,
                        "thinking is neither an object nor true or false");
        }
    }
    if (const JsonValue* think = body.find("think"); !is_absent(think)) {
        if (!think->is(Kind::boolean))
            return fail(ErrorCode::invalid_input, "think is neither true nor false");
        said = true;
        on = think->boolean;
    }
    if (said) return on;
    TRY(const std::string model, read_string(body, "model", "the request"));
    if (model == "deepseek-chat") on = false;
    if (model == "deepseek-reasoner") on = true;
    return on;
}

[[nodiscard]] Result<std::optional<ThinkMode>> read_think(const JsonValue& body) {
    TRY(const std::string effort, read_string(body, "reasoning_effort", "the request"));
    TRY(const std::optional<bool> on, read_switch(body));
    bool known = false;
    for (const std::string_view word :
         {"", "none", "minimal", "low", "medium", "high", "xhigh", "max"})
        known = known || effort == word;
    if (!known)
        return fail(ErrorCode::invalid_input,
                    "reasoning_effort is not none, minimal, low, medium, high, xhigh or max");
    if (on == false || effort == "none") return std::optional(ThinkMode::off);
    if (effort == "max") return std::optional(ThinkMode::max);
    if (on == true || !effort.empty()) return std::optional(ThinkMode::on);
    return std::optional<ThinkMode>();
}

}  // namespace

Result<Conversation> parse_conversation_json(std::string_view json) {
    TRY(JsonValue body, JsonValue::parse(json));
    if (body.is(Kind::array)) {
        JsonValue object{.kind = Kind::object};
        object.members.emplace_back("messages", std::move(body));
        body = std::move(object);
    }
    if (!body.is(Kind::object))
        return fail(ErrorCode::invalid_input, "the conversation is neither an object nor an array");
    const JsonValue* messages = body.find("messages");
    if (messages == nullptr) return fail(ErrorCode::invalid_input, "messages is missing");
    if (!messages->is(Kind::array))
        return fail(ErrorCode::invalid_input, "messages is not an array");

    Conversation conversation;
    for (std::size_t i = 0; i < messages->items.size(); ++i) {
        TRY(auto message, read_message(messages->items[i], fmt::format("messages[{}]", i)));
        conversation.messages.push_back(std::move(message));
    }
    TRY(conversation.tools, read_tools(body));
    TRY(conversation.think, read_think(body));
    return conversation;
}

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// JSON as prompts need it: members in the order they were written, numbers that do not lose
// digits, and writing in the two spellings of the protocol. Reading is strict (RFC 8259) except
// that a comma in front of a closing bracket is forgiven, as people leave them there.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace starglass {

struct JsonValue {
    enum class Kind { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::string text{};  // a string's characters; a number as it was written
    std::vector<JsonValue> items{};
    std::vector<std::pair<std::string, JsonValue>> members{};  // a repeated name: the last value

    // Errors: invalid_input with the position, also for more than kJsonDepthMax levels.
    static Result<JsonValue> parse(std::string_view json);

    [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
    // The member of that name, or nullptr (also when this is not an object).
    [[nodiscard]] const JsonValue* find(std::string_view name) const;

    // Blanks after ',' and ':', numbers as Python writes them: how the public encoder, and so
    // the training data, spells JSON.
    [[nodiscard]] std::string spaced() const;
    // No blanks, numbers as they were written: the form on the wire.
    [[nodiscard]] std::string compact() const;
};

// Deep enough for any schema; recursion over values stays harmless.
inline constexpr std::size_t kJsonDepthMax = 256;

// Appends `text` as a JSON string with its quotes. Non-ASCII is kept; bytes that are not UTF-8
// become U+FFFD, as JSON cannot hold them.
void append_json_string(std::string& out, std::string_view text);

// The length of the JSON value at the start of `text` (no blanks in front); 0 when there is none.
[[nodiscard]] std::size_t json_value_length(std::string_view text);

// `value`, one JSON value, without the blanks outside its strings.
[[nodiscard]] std::string minify_json(std::string_view value);

}  // namespace starglass

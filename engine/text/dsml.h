// SPDX-License-Identifier: MIT
//
// The tool-call markup (protocol section 3.2): its tags in the three spellings models write, and
// the small readings that the parser and the tracker share.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace starglass {

struct DsmlStyle {
    std::string_view block_open;       // whole tag
    std::string_view block_close;      // whole tag
    std::string_view invoke_open;      // up to the attributes
    std::string_view invoke_close;     // whole tag
    std::string_view parameter_open;   // up to the attributes
    std::string_view parameter_close;  // whole tag
};

// The official spelling, the one without the leading bar, plain XML: in the order of preference.
inline constexpr std::array<DsmlStyle, 3> kDsmlStyles{{
    {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", "<｜DSML｜invoke", "</｜DSML｜invoke>",
     "<｜DSML｜parameter", "</｜DSML｜parameter>"},
    {"<DSML｜tool_calls>", "</DSML｜tool_calls>", "<DSML｜invoke", "</DSML｜invoke>",
     "<DSML｜parameter", "</DSML｜parameter>"},
    {"<tool_calls>", "</tool_calls>", "<invoke", "</invoke>", "<parameter", "</parameter>"},
}};

[[nodiscard]] constexpr bool is_ascii_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
// First position at or after `at` that is no ASCII blank.
[[nodiscard]] std::size_t skip_blanks(std::string_view text, std::size_t at);
// `text` without the ASCII blanks at its end.
[[nodiscard]] std::string_view trim_end(std::string_view text);

// `text` could become `tag` when more of it arrives (also when it is empty).
[[nodiscard]] constexpr bool is_proper_prefix(std::string_view text, std::string_view tag) {
    return text.size() < tag.size() && tag.starts_with(text);
}

// The value of an attribute in the inside of a tag, entities decoded: the first place that reads
// NAME=", up to the next quotation mark.
[[nodiscard]] std::optional<std::string> dsml_attribute(std::string_view tag,
                                                        std::string_view name);

// The five XML entities, decoded once; anything else after '&' stays.
[[nodiscard]] std::string decode_entities(std::string_view text);

// How a parameter's value is to be read, by its tag.
enum class DsmlValue { string, json };
[[nodiscard]] DsmlValue dsml_value_kind(std::string_view tag);

}  // namespace starglass

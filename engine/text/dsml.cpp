// SPDX-License-Identifier: MIT
#include "text/dsml.h"

#include <utility>

namespace starglass {

std::size_t skip_blanks(std::string_view text, std::size_t at) {
    while (at < text.size() && is_ascii_blank(text[at])) ++at;
    return at;
}

std::string_view trim_end(std::string_view text) {
    while (!text.empty() && is_ascii_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::optional<std::string> dsml_attribute(std::string_view tag, std::string_view name) {
    std::string key(name);
    key += "=\"";
    const std::size_t found = tag.find(key);
    if (found == std::string_view::npos) return std::nullopt;
    const std::size_t begin = found + key.size();
    const std::size_t end = tag.find('"', begin);
    if (end == std::string_view::npos) return std::nullopt;
    return decode_entities(tag.substr(begin, end - begin));
}

std::string decode_entities(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
        {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        std::size_t taken = 0;
        if (text[0] == '&') {
            for (const auto& [entity, meaning] : kEntities) {
                if (!text.starts_with(entity)) continue;
                out += meaning;
                taken = entity.size();
                break;
            }
        }
        if (taken == 0) {
            out += text[0];
            taken = 1;
        }
        text.remove_prefix(taken);
    }
    return out;
}

DsmlValue dsml_value_kind(std::string_view tag) {
    const auto attribute = dsml_attribute(tag, "string");
    return !attribute || *attribute == "true" ? DsmlValue::string : DsmlValue::json;
}

}  // namespace starglass

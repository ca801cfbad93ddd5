// SPDX-License-Identifier: MIT
#include "size_value.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>

#include "output.h"

namespace starglass::cli {

std::optional<std::int64_t> parse_size(std::string_view text) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    std::string unit;
    for (const char* c = at; c != end; ++c)
        if (*c != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
    struct Unit {
        std::string_view name;
        double bytes;
    };
    constexpr Unit kUnits[] = {{"", 1},         {"b", 1},       {"kb", 1e3},     {"mb", 1e6},
                               {"gb", 1e9},     {"tb", 1e12},   {"kib", 0x1p10}, {"mib", 0x1p20},
                               {"gib", 0x1p30}, {"tib", 0x1p40}};
    const auto* known = std::find_if(std::begin(kUnits), std::end(kUnits),
                                     [&](const Unit& one) { return one.name == unit; });
    if (error != std::errc() || known == std::end(kUnits) ||
        !(number >= 0 && number * known->bytes < 0x1p50))
        return {};
    return static_cast<std::int64_t>(number * known->bytes);
}

std::string size_value(std::string& text) {
    const auto bytes = parse_size(text);
    if (!bytes) return "a size like 8GB or 7.5GiB, not " + quoted_text(text);
    text = std::to_string(*bytes);
    return {};
}

}  // namespace starglass::cli

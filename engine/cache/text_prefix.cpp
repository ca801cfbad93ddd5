// SPDX-License-Identifier: MIT
#include "cache/text_prefix.h"

#include <algorithm>

#include "cache/checkpoint_file.h"

namespace starglass {
namespace {

constexpr std::size_t kShownBytes = 160;

// 10xxxxxx continues a character.
bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::string text_start(std::string_view text) {
    std::size_t end = std::min(text.size(), kShownBytes);
    while (end > 0 && end < text.size() && continues(text[end])) --end;
    return std::string(text.substr(0, end));
}

}  // namespace

std::size_t common_prefix(std::string_view a, std::string_view b) {
    const std::size_t least = std::min(a.size(), b.size());
    auto at = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(least), b.begin()).first -
        a.begin());
    while (at > 0 && ((at < a.size() && continues(a[at])) || (at < b.size() && continues(b[at]))))
        --at;
    return at;
}

PrefixReport prefix_report(std::string_view cached, std::size_t cached_bytes,
                           std::string_view prompt) {
    const std::size_t common = common_prefix(cached, prompt);
    PrefixReport report;
    report.common_bytes = static_cast<std::int64_t>(common);
    report.cached_bytes = static_cast<std::int64_t>(cached_bytes);
    report.prompt_bytes = static_cast<std::int64_t>(prompt.size());
    report.common_end = text_end(prompt.substr(0, common), kShownBytes);
    report.cached_next = text_start(cached.substr(common));
    report.prompt_next = text_start(prompt.substr(common));
    return report;
}

}  // namespace starglass

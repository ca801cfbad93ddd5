// SPDX-License-Identifier: MIT
#include "input.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "output.h"

namespace starglass::cli {
namespace {

constexpr std::size_t kInputBytesMax = std::size_t{1} << 30;
constexpr std::size_t kTokensMax = std::size_t{1} << 24;  // the engine's largest context

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> read_input(const std::string& path) {
    std::unique_ptr<std::FILE, CloseFile> opened;
    std::FILE* file = stdin;
    const std::string name = path == "-" ? "standard input" : fmt::format("'{}'", path);
    if (path != "-") {
        std::error_code ignored;
        if (std::filesystem::is_directory(path, ignored))
            return fail(ErrorCode::io, "cannot read {}: it is a folder", name);
        opened.reset(std::fopen(path.c_str(), "rb"));
        if (!opened)
            return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                        "cannot open {}: {}", name, std::strerror(errno));
        file = opened.get();
    }
    std::string text;
    std::array<char, 65536> buffer;
    for (;;) {
        errno = 0;
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file);
        text.append(buffer.data(), count);
        if (text.size() > kInputBytesMax)
            return fail(ErrorCode::invalid_input, "{} is larger than 1 GiB", name);
        if (count == buffer.size()) continue;
        if (std::ferror(file) == 0) return text;
        if (errno == EINTR) return fail(ErrorCode::cancelled, "reading {} was stopped", name);
        return fail(ErrorCode::io, "cannot read {}: {}", name, std::strerror(errno));
    }
}

Result<std::vector<TokenId>> parse_token_list(std::string_view text) {
    constexpr std::string_view kSeparators = ", \t\r\n\v\f";
    std::vector<TokenId> tokens;
    for (std::size_t at = 0;;) {
        at = text.find_first_not_of(kSeparators, at);
        if (at == std::string_view::npos) break;
        const std::size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
        const std::string_view piece = text.substr(at, end - at);
        TokenId id = 0;
        const auto [stop, status] = std::from_chars(piece.data(), piece.data() + piece.size(), id);
        if (status != std::errc{} || stop != piece.data() + piece.size())
            return fail(ErrorCode::invalid_input,
                        "token {} of the list, {}, is not a token id; write integers separated by "
                        "commas or white space",
                        tokens.size() + 1, quoted_text(piece.substr(0, 40)));
        if (tokens.size() == kTokensMax)
            return fail(ErrorCode::invalid_input, "the list has more than {} tokens", kTokensMax);
        tokens.push_back(id);
        at = end;
    }
    if (tokens.empty()) return fail(ErrorCode::invalid_input, "the list of tokens is empty");
    return tokens;
}

Result<ThinkMode> parse_think_mode(std::string_view text) {
    if (text == "off") return ThinkMode::off;
    if (text == "on") return ThinkMode::on;
    if (text == "max") return ThinkMode::max;
    return fail(ErrorCode::invalid_input, "the thinking mode is off, on or max, not {}",
                quoted_text(text.substr(0, 40)));
}

}  // namespace starglass::cli

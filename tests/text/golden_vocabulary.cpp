// SPDX-License-Identifier: MIT
#include "text/golden_vocabulary.h"

#include <zstd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

namespace starglass::golden {
namespace {

[[noreturn]] void give_up(const std::string& sentence) {
    std::fprintf(stderr, "%s\n", sentence.c_str());
    std::abort();
}

std::string read_file(const std::string& name) {
    std::ifstream file(std::string(SG_GOLDEN_DIR) + "/" + name, std::ios::binary);
    if (!file) give_up("cannot read golden file " + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string decompress(const std::string& packed) {
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > (64U << 20U))
        give_up("the packed vocabulary does not say its size");
    std::string text(size, '\0');
    const std::size_t got = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
    if (ZSTD_isError(got) || got != size) give_up("the packed vocabulary is damaged");
    return text;
}

Tokenizer make_tokenizer(const nlohmann::ordered_json& vocabulary) {
    const auto tokens = vocabulary.at("tokens").get<std::vector<std::string>>();
    const auto merges = vocabulary.at("merges").get<std::vector<std::string>>();
    const std::vector<std::string_view> token_views(tokens.begin(), tokens.end());
    const std::vector<std::string_view> merge_views(merges.begin(), merges.end());
    auto tokenizer = Tokenizer::create({token_views, merge_views, {}});
    if (!tokenizer) give_up(tokenizer.error().message);
    return *tokenizer;
}

}  // namespace

nlohmann::ordered_json read_json(const std::string& name) {
    return nlohmann::ordered_json::parse(read_file(name));
}

const Tokenizer& flash_tokenizer() {
    static const Tokenizer kTokenizer = make_tokenizer(
        nlohmann::ordered_json::parse(decompress(read_file("tokenizer/dsv4_vocab.json.zst"))));
    return kTokenizer;
}

const Tokenizer& tiny_tokenizer() {
    static const Tokenizer kTokenizer = make_tokenizer(read_json("tokenizer/tiny.json"));
    return kTokenizer;
}

std::string decode_base64(std::string_view text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) continue;
        bits = bits << 6U | static_cast<unsigned>(digit);
        if ((count += 6) >= 8) {
            count -= 8;
            out.push_back(static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU));
        }
    }
    return out;
}

}  // namespace starglass::golden

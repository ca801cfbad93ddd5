// SPDX-License-Identifier: MIT
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/control_tokens.h"
#include "text/golden_vocabulary.h"
#include "text/utf8.h"

namespace starglass {
namespace {

using Ids = std::vector<TokenId>;
using golden::flash_tokenizer;
using golden::tiny_tokenizer;

// --- golden vectors ---

TEST(TokenizerGolden, EveryVectorGivesTheOfficialIds) {
    const auto file = golden::read_json("tokenizer/vectors.json");
    const Tokenizer& tokenizer = flash_tokenizer();
    int official = 0;
    for (const auto& vector : file.at("vectors")) {
        const std::string text =
            vector.contains("text") ? vector.at("text").get<std::string>()
                                    : golden::decode_base64(vector.at("base64").get<std::string>());
        const bool differs = vector.value("official_differs", false);
        official += differs ? 1 : 0;
        const auto expected = vector.at(differs ? "ids_official" : "ids").get<Ids>();
        const Ids ids = vector.at("mode") == "rendered" ? tokenizer.encode_rendered(text)
                                                        : tokenizer.encode(text);
        EXPECT_EQ(ids, expected) << vector.dump(-1, ' ', false,
                                                nlohmann::json::error_handler_t::replace);
        EXPECT_EQ(tokenizer.decode(ids), text);
    }
    EXPECT_EQ(file.at("vectors").size(), 283U);
    EXPECT_EQ(official, 14);
}

TEST(TokenizerGolden, TinyVocabulary) {
    const auto file = golden::read_json("tokenizer/tiny.json");
    for (const auto& vector : file.at("cases")) {
        const auto text = vector.at("text").get<std::string>();
        const Ids ids = tiny_tokenizer().encode_rendered(text);
        EXPECT_EQ(ids, vector.at("ids").get<Ids>()) << text;
        EXPECT_EQ(tiny_tokenizer().decode(ids), text);
    }
}

TEST(TokenizerGolden, ControlTokensAreFoundByTheirSpelling) {
    const auto ids = [](const Tokenizer& tokenizer) {
        Ids out;
        for (const ControlToken& control : kControlTokens)
            out.push_back(tokenizer.vocabulary().control_id(control.kind));
        return out;
    };
    EXPECT_EQ(ids(flash_tokenizer()), (Ids{0, 1, 128803, 128804, 128821, 128822, 128825}));
    EXPECT_EQ(ids(tiny_tokenizer()), (Ids{0, 1, 507, 508, 509, 510, 511}));
}

// --- what must hold for every text ---

std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> kParts = {
        "a",       "Word", " ",        "  ",       "\n",      "\r\n",       "\t",
        "1",       "23",   "٣",        "é",        "e\u0301", "世",         "カ",
        "・",      "。",   "…",        "🌍",        "!",       "<",          "</",
        "<think>", "｜",   "｜DSML｜", "Ⅳ",        "\u00A0",  "\u2003",     "\u180E",
        "\u200B",  "\xFF", "\xE4",     "\xF0\x9F", "_x",      "<｜User｜>", "\u0085"};
    std::string text;
    const auto count = std::uniform_int_distribution<std::size_t>(0, 30)(random);
    for (std::size_t i = 0; i < count; ++i) {
        const auto part = std::uniform_int_distribution<std::size_t>(0, kParts.size())(random);
        text += part == kParts.size() ? std::string(1, '\0') : kParts[part];
    }
    return text;
}

TEST(Tokenizer, DecodingGivesTheBytesBack) {
    std::mt19937 random(20250101);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random_text(random);
        const Ids ids = flash_tokenizer().encode(text);
        ASSERT_EQ(flash_tokenizer().decode(ids), text);
        for (const ControlToken& control : kControlTokens)
            ASSERT_THAT(ids, testing::Not(testing::Contains(
                                 flash_tokenizer().vocabulary().control_id(control.kind))));
        ASSERT_EQ(tiny_tokenizer().decode(tiny_tokenizer().encode_rendered(text)), text);
    }
}

// Merging as the specification words it, pair by pair.
Ids merge_slowly(const Vocabulary& vocabulary, std::string_view piece) {
    Ids ids;
    for (const char c : piece) ids.push_back(vocabulary.byte_id(static_cast<unsigned char>(c)));
    for (;;) {
        std::size_t best = ids.size();
        Vocabulary::Merge merge;
        for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
            const auto found = vocabulary.find_merge(ids[i], ids[i + 1]);
            if (found.result >= 0 && (best == ids.size() || found.rank < merge.rank)) {
                best = i;
                merge = found;
            }
        }
        if (best == ids.size()) return ids;
        ids[best] = merge.result;
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
}

TEST(Tokenizer, MergingAgreesWithTheSlowRule) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        const auto length = std::uniform_int_distribution<std::size_t>(1, 60)(random);
        std::string piece;
        for (std::size_t k = 0; k < length; ++k)
            piece.push_back(
                "etaoinshrdlaaaa"[std::uniform_int_distribution<std::size_t>(0, 14)(random)]);
        ASSERT_EQ(flash_tokenizer().encode(piece),
                  merge_slowly(flash_tokenizer().vocabulary(), piece))
            << piece;
    }
}

TEST(Tokenizer, NulIsAByteLikeAnyOther) {
    const std::string text{"a\0b\0\0c", 6};
    const Ids ids = flash_tokenizer().encode(text);
    EXPECT_EQ(flash_tokenizer().decode(ids), text);
    EXPECT_EQ(ids.front(), flash_tokenizer().encode("a").front());
    EXPECT_EQ(ids.back(), flash_tokenizer().encode("c").back());
}

TEST(Tokenizer, InvalidBytesKeepTheirPlace) {
    const std::string text = "é\xFF\xC3(\xE4\xB8 fin\xF0\x9F\x8C";
    EXPECT_EQ(flash_tokenizer().decode(flash_tokenizer().encode(text)), text);
    EXPECT_EQ(flash_tokenizer().encode("\xFF"), (Ids{190}));
}

TEST(Tokenizer, MegabytesInOnePieceTakeAboutASecond) {
    struct Case {
        const char* name;
        std::string text;
    };
    constexpr std::size_t kBytes = 1 << 20;
    std::mt19937 random(3);
    std::string letters;
    for (std::size_t i = 0; i < kBytes; ++i)
        letters.push_back(
            static_cast<char>('a' + std::uniform_int_distribution<int>(0, 25)(random)));
    std::string cjk;
    while (cjk.size() < kBytes) cjk += "世界";
    std::string mixed_blanks;
    while (mixed_blanks.size() < kBytes) mixed_blanks += " \t\u00A0";
    const std::vector<Case> cases = {{"random letters", letters},
                                     {"one letter", std::string(kBytes, 'a')},
                                     {"blanks", std::string(kBytes, ' ')},
                                     {"blanks before a word", std::string(kBytes, ' ') + "x"},
                                     {"mixed blanks, then a line end", mixed_blanks + "\n"},
                                     {"line ends", std::string(kBytes, '\n')},
                                     {"digits", std::string(kBytes, '7')},
                                     {"punctuation", std::string(kBytes, '!')},
                                     {"CJK", cjk},
                                     {"NUL", std::string(kBytes, '\0')},
                                     {"no UTF-8", std::string(kBytes, '\xFF')}};
    for (const Case& c : cases) {
        const std::clock_t start = std::clock();  // processor time: the machine may be busy
        const Ids ids = flash_tokenizer().encode(c.text);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        std::printf("%-32s %8.3f s, %zu tokens\n", c.name, seconds, ids.size());
        EXPECT_EQ(flash_tokenizer().decode(ids), c.text) << c.name;
        // A quadratic rule would need minutes; the margin is for sanitizers.
        EXPECT_LT(seconds, 20.0) << c.name;
    }
    // Pieces were really found, up to megabytes: the search did not give up half way.
    EXPECT_EQ(flash_tokenizer().encode(std::string(kBytes, ' ') + "x").back(),
              flash_tokenizer().encode("a x").back());
}

TEST(Tokenizer, PiecesBeyondTheSearchLimitsAreStillCut) {
    // 24 MB: more steps than the regular expression library allows by default.
    const std::string blanks(24U << 20U, ' ');
    auto pre_tokenizer = PreTokenizer::create();
    ASSERT_TRUE(pre_tokenizer);
    const std::string text = blanks + "word" + blanks + "\n1234";
    const auto pieces = pre_tokenizer->split(text);
    ASSERT_EQ(pieces.size(), 5U);
    EXPECT_EQ(pieces[0].size(), blanks.size() - 1);
    EXPECT_EQ(pieces[1], " word");
    EXPECT_EQ(pieces[2].size(), blanks.size() + 1);
    EXPECT_EQ(pieces[3], "123");
    EXPECT_EQ(pieces[4], "4");
}

// --- pre-tokenisation ---

std::vector<std::string> pieces_of(std::string_view text) {
    auto pre_tokenizer = PreTokenizer::create();
    const auto views = pre_tokenizer.value().split(text);
    return {views.begin(), views.end()};
}

using Pieces = std::vector<std::string>;

TEST(PreTokenizer, FollowsTheOfficialRules) {
    EXPECT_EQ(pieces_of(""), Pieces{});
    EXPECT_EQ(pieces_of("Hello, world!\n"), (Pieces{"Hello", ",", " world", "!\n"}));
    EXPECT_EQ(pieces_of("12345"), (Pieces{"123", "45"}));
    EXPECT_EQ(pieces_of("x  7"), (Pieces{"x", "  ", "7"}));
    EXPECT_EQ(pieces_of("x  世界"), (Pieces{"x", "  ", "世界"}));
    EXPECT_EQ(pieces_of("你好。\n\n"), (Pieces{"你好", "。\n\n"}));
    EXPECT_EQ(pieces_of("_name .name"), (Pieces{"_name", " .", "name"}));
    EXPECT_EQ(pieces_of("a  \n  b"), (Pieces{"a", "  \n", " ", " b"}));
    EXPECT_EQ(pieces_of("カ・タ"), (Pieces{"カ", "・", "タ"}));
    EXPECT_EQ(pieces_of("e\u0301tude"), (Pieces{"e\u0301tude"}));
}

TEST(PreTokenizer, MongolianVowelSeparatorIsNoBlank) {
    EXPECT_EQ(pieces_of("a \u180E b"), (Pieces{"a", " ", "\u180E", " b"}));
}

TEST(PreTokenizer, StretchesNobodyMatchesStayPieces) {
    EXPECT_EQ(pieces_of("\x01\x02\x03 7"), (Pieces{"\x01\x02\x03", " ", "7"}));
    EXPECT_EQ(pieces_of("\x01\x02z"), (Pieces{"\x01", "\x02z"}));
}

// --- prompts ---

TEST(Tokenizer, OnlySpansMakeControlTokens) {
    RenderedPrompt prompt;
    using Kind = PromptSpan::Kind;
    prompt.spans = {{Kind::bos, std::string(kBosText)},
                    {Kind::user, std::string(kUserText)},
                    {Kind::text, "say <｜Assistant｜></think>"},
                    {Kind::text, "<｜end▁of▁sentence｜>ok"},
                    {Kind::assistant, std::string(kAssistantText)},
                    {Kind::think_close, std::string(kThinkCloseText)}};
    const Ids ids = flash_tokenizer().encode(prompt);
    const Ids inner =
        flash_tokenizer().encode("say <｜Assistant｜></think><｜end▁of▁sentence｜>ok");
    Ids expected = {0, 128803};
    expected.insert(expected.end(), inner.begin(), inner.end());
    expected.insert(expected.end(), {128804, 128822});
    EXPECT_EQ(ids, expected);
    EXPECT_EQ(flash_tokenizer().decode(ids), prompt.text());
}

// --- vocabularies ---

struct Parts {
    std::vector<std::string> tokens;
    std::vector<std::string> merges;

    Parts() {
        for (const ControlToken& control : kControlTokens) tokens.emplace_back(control.text);
        for (int b = 0; b < 256; ++b)
            tokens.emplace_back(byte_spelling(static_cast<unsigned char>(b)));
        tokens.insert(tokens.end(), {"th", "the"});
        merges = {"t h", "th e"};
    }
    [[nodiscard]] Result<Tokenizer> create(std::vector<std::int32_t> types = {}) const {
        const std::vector<std::string_view> t(tokens.begin(), tokens.end());
        const std::vector<std::string_view> m(merges.begin(), merges.end());
        return Tokenizer::create({t, m, types});
    }
    [[nodiscard]] std::string error() const {
        const auto made = create();
        return made ? "" : made.error().message;
    }
};

TEST(Vocabulary, AnyOrderAndSizeWill) {
    const auto tokenizer = Parts().create();
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->encode("the"), (Ids{264}));
    EXPECT_EQ(tokenizer->vocabulary().control_id(PromptSpan::Kind::dsml), 6);
}

TEST(Vocabulary, WithoutMergesEveryByteIsAToken) {
    Parts parts;
    parts.merges.clear();
    const auto tokenizer = parts.create();
    ASSERT_TRUE(tokenizer);
    EXPECT_EQ(tokenizer->encode("the").size(), 3U);
}

TEST(Vocabulary, RefusesWithOneSentence) {
    using testing::HasSubstr;
    EXPECT_THAT(Tokenizer::create({}).error().message, HasSubstr("empty"));
    Parts parts;
    parts.tokens[4] = "think";
    EXPECT_THAT(parts.error(), HasSubstr("'<think>' (start of thinking)"));
    parts = {};
    parts.tokens.emplace_back("the");
    EXPECT_THAT(parts.error(), HasSubstr("token 265 of the vocabulary repeats token 264: 'the'"));
    parts = {};
    parts.tokens[7 + 32] = "nothing";
    EXPECT_THAT(parts.error(), HasSubstr("byte 0x20"));
    parts = {};
    parts.merges = {"t h", "th x"};
    EXPECT_THAT(parts.error(), HasSubstr("merge 1 ('th x') needs the token 'thx'"));
    for (const char* broken : {"", " ", "th", " th", "th ", "t h e", "t  h"}) {
        parts.merges = {broken};
        EXPECT_THAT(parts.error(), HasSubstr("merge 0 is not two tokens")) << broken;
    }
    EXPECT_THAT(Parts().create({1, 2, 3}).error().message, HasSubstr("tokenizer.ggml.token_type"));
}

TEST(Vocabulary, TokenText) {
    const Vocabulary& vocabulary = flash_tokenizer().vocabulary();
    EXPECT_EQ(vocabulary.token_text(-1), "");
    EXPECT_EQ(vocabulary.token_text(129280), "");
    EXPECT_EQ(vocabulary.token_text(0), "<｜begin▁of▁sentence｜>");
    EXPECT_EQ(vocabulary.token_text(128821), "<think>");
    EXPECT_EQ(vocabulary.token_text(128825), "｜DSML｜");
    EXPECT_EQ(vocabulary.token_text(223), " ");
    EXPECT_EQ(vocabulary.token_text(190), "\xFF");
}

TEST(ByteAlphabet, IsAOneToOneMap) {
    for (int b = 0; b < 256; ++b) {
        const auto spelling = byte_spelling(static_cast<unsigned char>(b));
        EXPECT_EQ(byte_of_spelling(utf8_decode(spelling, utf8_length(spelling))), b);
    }
    EXPECT_EQ(byte_spelling(' '), "Ġ");
    EXPECT_EQ(byte_spelling('\n'), "Ċ");
    EXPECT_EQ(byte_spelling(0x7F), "\u0121");
    EXPECT_EQ(byte_spelling(0xAD), "\u0143");
    EXPECT_EQ(byte_of_spelling(0x144), -1);
    EXPECT_EQ(byte_of_spelling(' '), -1);
    EXPECT_EQ(token_bytes("aĠ▁b"), "a b");
}

// --- UTF-8 ---

TEST(Utf8, LengthsAndValidity) {
    EXPECT_EQ(utf8_length("a"), 1U);
    EXPECT_EQ(utf8_length("é"), 2U);
    EXPECT_EQ(utf8_length("世"), 3U);
    EXPECT_EQ(utf8_length("🌍"), 4U);
    for (const char* bad : {"\x80", "\xC0\xAF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x9F\x8C", "\xFF"})
        EXPECT_EQ(utf8_length(bad), 0U);
    EXPECT_EQ(utf8_length(""), 0U);
    EXPECT_TRUE(is_valid_utf8("aé世🌍"));
    EXPECT_FALSE(is_valid_utf8("a\xC3"));
}

TEST(Utf8, HoldsBackOnlyWhatMayStillBecomeACharacter) {
    EXPECT_EQ(utf8_complete_prefix(""), 0U);
    EXPECT_EQ(utf8_complete_prefix("ab"), 2U);
    EXPECT_EQ(utf8_complete_prefix("ab\xF0\x9F\x8C"), 2U);
    EXPECT_EQ(utf8_complete_prefix("ab\xF0"), 2U);
    EXPECT_EQ(utf8_complete_prefix("ab\xE4\xB8"), 2U);
    EXPECT_EQ(utf8_complete_prefix("ab\xC3"), 2U);
    EXPECT_EQ(utf8_complete_prefix("🌍"), 4U);
    EXPECT_EQ(utf8_complete_prefix("a\x80\x80"), 3U);  // never a character
    EXPECT_EQ(utf8_complete_prefix("a\xC0"), 2U);
    EXPECT_EQ(utf8_complete_prefix("a\xED\xA0"), 3U);
    EXPECT_EQ(utf8_complete_prefix("\x80\x80\x80\x80"), 4U);
}

TEST(Utf8, EveryCutOfATextShowsWholeCharacters) {
    const std::string text = "aé世🌍z\u0301\U0010FFFF";
    for (std::size_t first = 0; first <= text.size(); ++first)
        for (std::size_t second = first; second <= text.size(); ++second) {
            Utf8HoldBack hold;
            std::string shown;
            for (const auto& part :
                 {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
                shown += hold.feed(part);
                EXPECT_TRUE(is_valid_utf8(shown));
            }
            EXPECT_EQ(shown, text);
            EXPECT_EQ(hold.flush(), "");
        }
    Utf8HoldBack hold;
    EXPECT_EQ(hold.feed("x\xF0\x9F"), "x");
    EXPECT_EQ(hold.flush(), "\uFFFD");
    EXPECT_EQ(hold.feed("\xFFy"), "\uFFFDy");
}

}  // namespace
}  // namespace starglass

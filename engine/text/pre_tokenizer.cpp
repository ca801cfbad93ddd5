// SPDX-License-Identifier: MIT
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/pre_tokenizer.h"

#include <pcre2.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "text/utf8.h"

namespace starglass {
namespace {

// White_Space of the Unicode character database, spelled out: PCRE2's own \s with UCP also takes
// U+180E, which left that property in Unicode 6.3 and which the official tokenizer does not take.
#define SG_SPACE \
    R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})"

constexpr std::array<std::string_view, 3> kSteps = {
    R"(\p{N}{1,3})",
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    // In order: punctuation with an ASCII word; a word with at most one other character in
    // front; punctuation and symbols with the line ends behind them; blanks up to their last
    // line end; blanks but for the one that belongs to the next word; blanks.
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
    R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*)"
    "|[" SG_SPACE
    "]*[\\r\\n]+"
    "|[" SG_SPACE "]+(?![^" SG_SPACE
    "])"
    "|[" SG_SPACE "]+",
};

struct CodeFree {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataFree {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextFree {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
using Code = std::unique_ptr<pcre2_code, CodeFree>;
using MatchData = std::unique_ptr<pcre2_match_data, MatchDataFree>;
using MatchContext = std::unique_ptr<pcre2_match_context, MatchContextFree>;

}  // namespace

struct PreTokenizer::Patterns {
    std::array<Code, kSteps.size()> steps;
};

namespace {

// One call of split: the scratch PCRE2 wants per thread, and the pieces.
class Splitter {
public:
    explicit Splitter(const std::array<Code, kSteps.size()>& steps)
        : steps_(steps),
          data_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)) {
        if (context_ == nullptr) return;
        // The library's limits guard against patterns that explode; ours backtrack at most once
        // over a run of blanks, but that run may be megabytes long.
        pcre2_set_match_limit(context_.get(), std::numeric_limits<std::uint32_t>::max());
        pcre2_set_depth_limit(context_.get(), std::numeric_limits<std::uint32_t>::max());
        pcre2_set_heap_limit(context_.get(), std::numeric_limits<std::uint32_t>::max());
    }

    // `text` is valid UTF-8.
    void run(std::string_view text, std::size_t step = 0) {
        if (text.empty()) return;
        if (step == steps_.size()) {
            pieces_.push_back(text);
            return;
        }
        std::size_t done = 0;
        std::size_t begin = 0;
        std::size_t end = 0;
        while (done < text.size() && find(text, done, step, begin, end)) {
            run(text.substr(done, begin - done), step + 1);
            run(text.substr(begin, end - begin), step + 1);
            done = end;
        }
        run(text.substr(done), step + 1);
    }

    std::vector<std::string_view> take() { return std::move(pieces_); }

private:
    // The next match of a step at or after `from`. Without memory for the search there is none:
    // the rest of the text then stays one piece, which costs quality but loses nothing.
    bool find(std::string_view text, std::size_t from, std::size_t step, std::size_t& begin,
              std::size_t& end) {
        if (data_ == nullptr || context_ == nullptr) return false;
        const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
        int found = pcre2_match(steps_[step].get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK,
                                data_.get(), context_.get());
        if (found == PCRE2_ERROR_JIT_STACKLIMIT)
            found = pcre2_match(steps_[step].get(), subject, text.size(), from,
                                PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data_.get(), context_.get());
        if (found < 0) return false;
        const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_.get());
        begin = offsets[0];
        end = offsets[1];
        return end > begin;
    }

    const std::array<Code, kSteps.size()>& steps_;
    MatchData data_;
    MatchContext context_;
    std::vector<std::string_view> pieces_;
};

// A stand-in for text that is not UTF-8: each byte that belongs to no character is written as a
// letter, and `origin` leads back. Letters are what such bytes are for the tokenizer the golden
// vectors come from: mostly the halves of characters inside words.
struct Shadow {
    std::string text;
    std::vector<std::size_t> origin;  // per shadow byte, plus the end
};

[[nodiscard]] Shadow make_shadow(std::string_view text) {
    constexpr std::string_view kLetter = "\xC3\xA0";  // U+00E0
    Shadow shadow;
    shadow.text.reserve(text.size() + text.size() / 8);
    shadow.origin.reserve(text.size() + text.size() / 8);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text.substr(at));
        const std::string_view written = length == 0 ? kLetter : text.substr(at, length);
        shadow.text.append(written);
        shadow.origin.insert(shadow.origin.end(), written.size(), at);
        at += length == 0 ? 1 : length;
    }
    shadow.origin.push_back(text.size());
    return shadow;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::create() {
    auto patterns = std::make_shared<Patterns>();
    for (std::size_t i = 0; i < kSteps.size(); ++i) {
        int error = 0;
        PCRE2_SIZE where = 0;
        Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(kSteps[i].data()), kSteps[i].size(),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &where,
                                nullptr));
        if (code == nullptr) {
            std::array<PCRE2_UCHAR, 256> reason{};
            pcre2_get_error_message(error, reason.data(), reason.size());
            return fail(ErrorCode::internal,
                        "the regular expression library refuses pre-tokenisation rule {} at {}: {}",
                        i + 1, where, reinterpret_cast<const char*>(reason.data()));
        }
        // Without a JIT on this processor the interpreter does the same, only slower.
        (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
        patterns->steps[i] = std::move(code);
    }
    PreTokenizer result;
    result.patterns_ = std::move(patterns);
    return result;
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text) const {
    Splitter splitter(patterns_->steps);
    if (is_valid_utf8(text)) {
        splitter.run(text);
        return splitter.take();
    }
    const Shadow shadow = make_shadow(text);
    splitter.run(shadow.text);
    std::vector<std::string_view> pieces = splitter.take();
    std::size_t shadow_at = 0;
    for (std::string_view& piece : pieces) {
        const std::size_t begin = shadow.origin[shadow_at];
        shadow_at += piece.size();
        piece = text.substr(begin, shadow.origin[shadow_at] - begin);
    }
    return pieces;
}

}  // namespace starglass

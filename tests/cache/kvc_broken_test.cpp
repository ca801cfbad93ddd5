// SPDX-License-Identifier: MIT
//
// KVC files with one thing wrong each: refused with the sentence that names it. Where the tool-id
// map is wrong the state still counts.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cache/kvc_file.h"
#include "support/kvc_samples.h"

namespace starglass::test {
namespace {

constexpr std::int64_t kTokens = 131;  // the window has wrapped, every kind of layer has rows

struct Sample {
    KvcShape shape = tiny_kvc_shape();
    CheckpointState state;
    std::string bytes;
    std::size_t payload = 0;  // where it begins

    explicit Sample(std::vector<ToolBlock> blocks = {}) : state(kvc_state(shape, kTokens)) {
        state.blocks = std::move(blocks);
        bytes = kvc_bytes(state, shape, {});
        payload = kKvcHeaderBytes + state.text.size();
    }
    [[nodiscard]] std::size_t tokens_at() const { return payload + kKvcPayloadHeaderBytes; }
    [[nodiscard]] std::size_t logits_at() const { return tokens_at() + 4 * kTokens; }
    [[nodiscard]] std::size_t counts_at() const {
        return logits_at() + 4 * static_cast<std::size_t>(shape.vocabulary);
    }
    [[nodiscard]] std::size_t layers_at() const { return counts_at() + 8 * shape.layers.size(); }
    // Layers 0 and 1 are raw rows only.
    [[nodiscard]] std::size_t layer2_at() const { return layers_at() + 4 * 2 * 128 * 192; }
    [[nodiscard]] std::size_t layer2_compressed_at() const { return layer2_at() + 4 * 128 * 192; }
    [[nodiscard]] std::size_t layer2_state_at() const {
        return layer2_compressed_at() + 4 * std::size_t{kTokens / 4} * 192;
    }
    [[nodiscard]] std::size_t layer2_index_at() const {
        return layer2_state_at() + 4 * 2 * std::size_t{8 * 384};
    }
};

template <class T>
std::string patched(std::string bytes, std::size_t at, T value) {
    return bytes.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
}

std::string refusal(const std::string& bytes, const KvcShape& shape) {
    const auto file = parse_kvc(bytes_of(bytes), shape);
    return file ? std::string("accepted") : file.error().message;
}

void expect_refused(const std::string& bytes, const KvcShape& shape, std::string_view says) {
    const std::string sentence = refusal(bytes, shape);
    EXPECT_NE(sentence.find(says), std::string::npos) << "expected: " << says << "\n"
                                                      << "got: " << sentence;
    EXPECT_EQ(sentence.find('\n'), std::string::npos);
}

TEST(KvcBroken, HeaderFields) {
    const Sample s;
    ASSERT_EQ(refusal(s.bytes, s.shape), "accepted");
    const auto byte = [&](std::size_t at, int value) {
        return patched(s.bytes, at, static_cast<std::uint8_t>(value));
    };
    expect_refused(byte(0, 'X'), s.shape, "does not begin with \"KVC\"");
    expect_refused(byte(3, 2), s.shape, "the file's version is 2");
    expect_refused(byte(4, 3), s.shape, "quantisation bits are 3");
    expect_refused(patched(s.bytes, 8, 0U), s.shape, "token count is 0");
    expect_refused(patched(s.bytes, 8, 130U), s.shape, "token count is 131, but the file's header");
    expect_refused(patched(s.bytes, 48, 0xFFFFFFFFU), s.shape, "ends inside its text");
    expect_refused(patched(s.bytes, 40, ~0ULL), s.shape, "ends inside its payload");
    expect_refused(patched(s.bytes, 40, std::uint64_t{1} << 63), s.shape,
                   "ends inside its payload");
    expect_refused(patched(s.bytes, 40, std::uint64_t{51}), s.shape, "header alone takes 52");
    // The text's length moves the payload.
    expect_refused(patched(s.bytes, 48, static_cast<std::uint32_t>(s.state.text.size() - 1)),
                   s.shape, "\"DSV4\"");
    expect_refused(patched(patched(s.bytes, 48, static_cast<std::uint32_t>(s.bytes.size() - 52)),
                           40, std::uint64_t{0}),
                   s.shape, "header alone takes 52");
}

TEST(KvcBroken, ReadersIgnoreWhatMeansNothing) {
    const Sample s;
    const auto with = [&](std::size_t at, std::uint8_t value) {
        return parse_kvc(bytes_of(patched(s.bytes, at, value)), s.shape);
    };
    EXPECT_EQ(with(5, 7)->header.reason, SaveReason::unknown);
    EXPECT_EQ(with(5, 255)->header.reason, SaveReason::unknown);
    EXPECT_TRUE(with(7, 1));
    EXPECT_TRUE(parse_kvc(bytes_of(patched(s.bytes, 20, 5U)), s.shape));
    EXPECT_TRUE(parse_kvc(bytes_of(s.bytes + "left by a map that was not finished"), s.shape));
}

TEST(KvcBroken, PayloadFields) {
    const Sample s;
    const auto field = [&](std::size_t index, std::uint32_t value) {
        return patched(s.bytes, s.payload + 4 * index, value);
    };
    expect_refused(field(0, 5), s.shape, "instead of 0x34565344");
    expect_refused(field(1, 2), s.shape, "payload's version is 2");
    expect_refused(field(2, 131), s.shape, "does not fit its own context of 131");
    expect_refused(field(3, 0), s.shape, "prefill chunk is 0");
    expect_refused(field(3, 5000), s.shape, "prefill chunk is 5000");
    expect_refused(field(4, 0), s.shape, "raw ring holds 0 rows");
    expect_refused(field(4, 127), s.shape, "raw ring holds 127 rows");
    expect_refused(field(5, 127), s.shape, "sliding window is 127");
    expect_refused(field(6, 31), s.shape, "row capacity is 31");
    expect_refused(field(7, 132), s.shape, "token count is 132");
    expect_refused(field(8, 43), s.shape, "layer count is 43");
    expect_refused(field(9, 512), s.shape, "KV row width is 512");
    expect_refused(field(10, 64), s.shape, "indexer row width is 64");
    expect_refused(field(11, 129280), s.shape, "vocabulary size is 129280");
    expect_refused(field(12, 127), s.shape, "stores 127 raw rows; 131 tokens leave 128");
    expect_refused(field(12, 131), s.shape, "stores 131 raw rows");
    // Larger buffers than ours are no reason.
    EXPECT_EQ(refusal(field(2, 1U << 20), s.shape), "accepted");
    EXPECT_EQ(refusal(field(3, 512), s.shape), "accepted");
    EXPECT_EQ(refusal(field(4, 2304), s.shape), "accepted");
    EXPECT_EQ(refusal(field(6, 1U << 18), s.shape), "accepted");
    KvcShape small = s.shape;
    small.context_tokens = 131;
    expect_refused(s.bytes, small, "the context holds 131 and one must stay free");
    // A count that would take the memory of the world is only ever multiplied.
    std::string huge = patched(field(7, 0xFFFFFFF0U), 8, 0xFFFFFFF0U);
    expect_refused(patched(huge, s.payload + 8, 0xFFFFFFFFU), s.shape, "one must stay free");
    KvcShape endless = s.shape;
    endless.context_tokens = std::int64_t{1} << 40;
    std::string sized = patched(patched(huge, s.payload + 8, 0xFFFFFFFFU), s.payload + 24, ~0U);
    expect_refused(sized, endless, "4294967280 tokens of this model take");
}

TEST(KvcBroken, LengthOfThePayload) {
    const Sample s;
    const std::uint64_t right = kvc_payload_bytes(s.shape, kTokens);
    for (const std::int64_t more : {1, 4, 4096}) {
        expect_refused(patched(s.bytes + std::string(static_cast<std::size_t>(more), '\0'), 40,
                               right + static_cast<std::uint64_t>(more)),
                       s.shape, "tokens of this model take");
        expect_refused(patched(s.bytes, 40, right - static_cast<std::uint64_t>(more)), s.shape,
                       "tokens of this model take");
    }
}

TEST(KvcBroken, EveryTruncationIsRefused) {
    const Sample s;
    // Each byte of what stands in front of the rows, then steps that meet every region.
    for (std::size_t size = 0; size < s.bytes.size(); size += size < s.tokens_at() + 64 ? 1 : 997)
        EXPECT_NE(refusal(s.bytes.substr(0, size), s.shape), "accepted") << size;
    for (const std::size_t size : {s.logits_at(), s.counts_at(), s.layers_at(), s.layer2_at(),
                                   s.layer2_state_at(), s.layer2_index_at(), s.bytes.size() - 1})
        expect_refused(s.bytes.substr(0, size), s.shape, "ends inside its payload");
}

TEST(KvcBroken, CountsAndTokens) {
    const Sample s;
    const std::size_t layers = s.shape.layers.size();
    const auto rows = [&](std::size_t layer, std::uint32_t value) {
        return patched(s.bytes, s.counts_at() + 4 * layer, value);
    };
    expect_refused(rows(0, 1), s.shape, "layer 0 has 1 compressed rows; 131 tokens leave 0");
    expect_refused(rows(2, 33), s.shape, "layer 2 has 33 compressed rows; 131 tokens leave 32");
    expect_refused(rows(3, ~0U), s.shape, "layer 3 has 4294967295 compressed rows");
    expect_refused(rows(layers + 2, 31), s.shape, "layer 2 has 31 indexer rows");
    expect_refused(rows(layers + 3, 1), s.shape, "layer 3 has 1 indexer rows; 131 tokens leave 0");
    expect_refused(patched(s.bytes, s.tokens_at() + 4 * 7, 512U), s.shape,
                   "token 512 at position 7 is outside the vocabulary (0 to 511)");
    expect_refused(patched(s.bytes, s.tokens_at(), ~0U), s.shape, "token 4294967295 at position 0");
}

TEST(KvcBroken, NumbersThatAreNone) {
    const Sample s;
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
        expect_refused(patched(s.bytes, s.logits_at() + 4 * 9, bad), s.shape,
                       "the logit of token 9 is not a finite number");
        expect_refused(patched(s.bytes, s.layers_at() + 4 * (3 * 192 + 5), bad), s.shape,
                       "row 3 of the raw rows of layer 0 holds");
        // A rotary value: f16 could hold an infinity.
        expect_refused(patched(s.bytes, s.layers_at() + 4 * 191, bad), s.shape,
                       "row 0 of the raw rows of layer 0 holds");
        expect_refused(patched(s.bytes, s.layer2_compressed_at() + 4 * 192, bad), s.shape,
                       "row 1 of the compressed rows of layer 2 holds");
        expect_refused(patched(s.bytes, s.layer2_index_at() + 4 * 128 * 2, bad), s.shape,
                       "row 2 of the indexer rows of layer 2 holds");
        // Slots 0 to 3 are the previous group, 4 to 6 the open one; slot 7 holds nothing.
        expect_refused(patched(s.bytes, s.layer2_state_at(), bad), s.shape,
                       "slot 0 of the compressor state of layer 2 holds");
        expect_refused(patched(s.bytes, s.layer2_state_at() + 4 * (8 + 6) * 384, bad), s.shape,
                       "slot 6 of the compressor state of layer 2 holds");
        const auto stale =
            parse_kvc(bytes_of(patched(s.bytes, s.layer2_state_at() + 4 * 7 * 384, bad)), s.shape);
        ASSERT_TRUE(stale) << stale.error().message;
        EXPECT_EQ(stale->state.kv.layers[2].frontier_kv[7 * 384], 0.0F);
        EXPECT_EQ(stale->state.kv.layers[2].frontier_score[7 * 384], kEmptyScore);
    }
}

TEST(KvcBroken, RowsOfAnotherRounding) {
    const Sample s;
    float value = 0;
    const std::size_t at = s.layers_at() + 4 * (2 * 192 + 70);
    std::memcpy(&value, s.bytes.data() + at, 4);
    expect_refused(patched(s.bytes, at, std::nextafter(value, 100.0F)), s.shape,
                   "row 2 of the raw rows of layer 0 was not rounded as this model rounds");
    expect_refused(patched(s.bytes, at, 3.3F), s.shape, "another kind of model");
    expect_refused(patched(s.bytes, s.layer2_index_at() + 4, 0.3F), s.shape,
                   "row 0 of the indexer rows of layer 2 was not rounded");
    expect_refused(patched(s.bytes, s.layers_at() + 4 * 191, 0.1F), s.shape, "was not rounded");
}

TEST(KvcBroken, ToolMapsGiveWhatTheyHave) {
    const Sample s({{"call_1", "first block"}, {"call_2", "second"}, {"call_3", "third"}});
    const std::size_t map = s.payload + kvc_payload_bytes(s.shape, kTokens);
    ASSERT_EQ(s.bytes.substr(map, 3), "KTM");
    const auto entries = [&](const std::string& bytes) -> int {
        const auto file = parse_kvc(bytes_of(bytes), s.shape);
        return file ? static_cast<int>(file->state.blocks.size()) : -1;
    };
    EXPECT_EQ(entries(s.bytes), 3);
    EXPECT_EQ(entries(patched(s.bytes, 6, std::uint8_t{0})), 0) << "not announced";
    EXPECT_EQ(entries(patched(s.bytes, map, 'X')), 0);
    EXPECT_EQ(entries(patched(s.bytes, map + 3, std::uint8_t{2})), 0) << "unknown version";
    EXPECT_EQ(entries(patched(s.bytes, map + 4, 400'001U)), 0) << "count out of limits";
    EXPECT_EQ(entries(patched(s.bytes, map + 4, 400'000U)), 3) << "more announced than there";
    EXPECT_EQ(entries(patched(s.bytes, map + 4, 2U)), 2);
    // Cut anywhere: the entries in front are kept.
    const std::size_t first = map + 8 + 8 + 6 + 11;
    const std::size_t second = first + 8 + 6 + 6;
    for (std::size_t size = map; size < s.bytes.size(); ++size)
        EXPECT_EQ(entries(s.bytes.substr(0, size)), size < first    ? 0
                                                    : size < second ? 1
                                                                    : 2)
            << size - map;
    // Lengths out of their limits end the section.
    EXPECT_EQ(entries(patched(s.bytes, first, 0U)), 1);
    EXPECT_EQ(entries(patched(s.bytes, first, 257U)), 1);
    EXPECT_EQ(entries(patched(s.bytes, first + 4, 0U)), 1);
    EXPECT_EQ(entries(patched(s.bytes, first + 4, (512U << 20) + 1)), 1);
    EXPECT_EQ(entries(patched(s.bytes, first + 4, ~0U)), 1);
    const auto whole = parse_kvc(bytes_of(s.bytes), s.shape);
    EXPECT_EQ(kvc_difference(s.state, whole->state, s.shape, false), "");
}

}  // namespace
}  // namespace starglass::test

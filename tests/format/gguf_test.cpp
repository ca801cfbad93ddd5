// SPDX-License-Identifier: MIT
#include "format/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "format/gguf_writer.h"

namespace starglass {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GgufBytes zeros(std::size_t count) {
    return GgufBytes(count, std::byte{0});
}

Gguf parsed(const GgufBytes& file) {
    auto gguf = Gguf::parse(file);
    if (!gguf) throw std::runtime_error(gguf.error().message);
    return std::move(*gguf);
}

// The refusal of `file`, which must be one sentence: no line break, no final stop.
std::string refusal(const GgufBytes& file) {
    const auto gguf = Gguf::parse(file);
    if (gguf) return "accepted";
    EXPECT_EQ(gguf.error().message.find('\n'), std::string::npos);
    EXPECT_NE(gguf.error().message.back(), '.');
    return gguf.error().message;
}

TEST(Gguf, ReadsEveryScalarType) {
    GgufWriter w;
    w.u32("a.u32", 7).i32("a.i32", -7).u64("a.u64", 1ULL << 40U).f32("a.f32", 0.5F);
    w.f64("a.f64", 0.25).boolean("a.bool", true).string("a.string", "ночь");
    w.scalar<std::uint8_t>("a.u8", GgufType::u8, 200);
    w.scalar<std::int16_t>("a.i16", GgufType::i16, -300);
    const GgufBytes file = w.build();
    const Gguf gguf = parsed(file);

    EXPECT_EQ(*gguf.require_u32("a.u32"), 7U);
    EXPECT_EQ(*gguf.require_u64_or_u32("a.u64"), 1ULL << 40U);
    EXPECT_EQ(*gguf.require_u64_or_u32("a.u32"), 7U);
    EXPECT_EQ(*gguf.require_f32_like("a.f32"), 0.5F);
    EXPECT_EQ(*gguf.require_f32_like("a.f64"), 0.25F);
    EXPECT_EQ(*gguf.require_f32_like("a.u32"), 7.0F);
    EXPECT_EQ(*gguf.require_f32_like("a.i32"), -7.0F);
    EXPECT_TRUE(*gguf.require_boolean("a.bool"));
    EXPECT_EQ(*gguf.require_string("a.string"), "ночь");
    EXPECT_TRUE(gguf.has("a.u8"));
    EXPECT_EQ(describe(*gguf.find_value("a.u8")), "200");
    EXPECT_EQ(describe(*gguf.find_value("a.i16")), "-300");
    EXPECT_EQ(gguf.metadata().size(), 9U);
}

TEST(Gguf, SaysWhyAKeyIsOfNoUse) {
    GgufWriter w;
    w.i32("x", 3).f32("nan", std::numeric_limits<float>::quiet_NaN()).f64("huge", 1e300);
    w.i32s("list", std::vector<std::int32_t>{1, 2}).u64("padding", 0);
    const GgufBytes file = w.build();
    const Gguf gguf = parsed(file);

    EXPECT_EQ(gguf.require_u32("y").error().message, "metadata key 'y' is missing");
    EXPECT_EQ(gguf.require_u32("y").error().code, ErrorCode::not_found);
    EXPECT_EQ(gguf.require_u32("x").error().message, "metadata key 'x' has type i32, expected u32");
    EXPECT_EQ(gguf.require_strings("list").error().message,
              "metadata key 'list' has type array of i32, expected array of string");
    EXPECT_EQ(gguf.require_ints("x").error().message,
              "metadata key 'x' has type i32, expected array of i32 or u32");
    EXPECT_EQ(gguf.require_f32_like("nan").error().message,
              "metadata key 'nan' is nan, expected a finite number");
    EXPECT_THAT(gguf.require_f32_like("huge").error().message, HasSubstr("is inf"));
    EXPECT_FALSE(gguf.u32("x").has_value());
}

TEST(Gguf, ViewsArraysOfBothWidths) {
    GgufWriter w;
    w.i32s("i", std::vector<std::int32_t>{0, -4, 128});
    w.u32s("u", std::vector<std::uint32_t>{0, 4000000000U});
    w.f32s("f", std::vector<float>{1.5F}).f64s("d", std::vector<double>{2.5, 10.0});
    w.strings("s", std::vector<std::string>{"", "b", "Ġc"});
    const GgufBytes file = w.build();
    const Gguf gguf = parsed(file);

    const GgufInts i = *gguf.require_ints("i");
    ASSERT_EQ(i.size(), 3U);
    EXPECT_EQ(i[1], -4);
    EXPECT_EQ(i[2], 128);
    EXPECT_EQ((*gguf.require_ints("u"))[1], 4000000000);
    EXPECT_EQ((*gguf.require_floats("f"))[0], 1.5);
    EXPECT_EQ((*gguf.require_floats("d"))[1], 10.0);
    const GgufStrings s = *gguf.require_strings("s");
    EXPECT_EQ(s.size(), 3U);
    EXPECT_THAT(s.to_vector(), ElementsAre("", "b", "Ġc"));
    EXPECT_EQ(describe(*gguf.find_value("i")), "3 × i32 [0, -4, 128]");
}

TEST(Gguf, LocatesTensors) {
    GgufWriter w;
    w.string("general.architecture", "deepseek4");
    GgufBytes q8 = zeros(3 * 2 * 34);
    q8.front() = std::byte{0x5A};
    w.tensor("first", DataType::f32, {3}, zeros(12)).tensor("second", DataType::q8_0, {64, 3}, q8);
    const GgufBytes file = w.build();
    const Gguf gguf = parsed(file);

    EXPECT_EQ(gguf.alignment(), 32U);
    EXPECT_EQ(gguf.data_start() % 32, 0U);
    const GgufTensor& second = **gguf.require_tensor("second");
    EXPECT_EQ(second.offset, gguf.data_start() + 32);
    EXPECT_EQ(second.bytes, 3U * 2 * 34);
    EXPECT_EQ(second.elements(), 192U);
    EXPECT_THAT(second.shape(), ElementsAre(64, 3));
    EXPECT_EQ(second.data.data(), file.data() + second.offset);
    EXPECT_EQ(second.data[0], std::byte{0x5A});
    EXPECT_EQ(second.type_name(), "Q8_0");
    EXPECT_EQ(gguf.require_tensor("third").error().message, "tensor 'third' is missing");
}

TEST(Gguf, AcceptsLegalOddities) {
    GgufWriter w;
    w.alignment = 64;
    w.u32("general.alignment", 64).u32("twice", 1).string("twice", "later");
    w.raw("empty nested", 9, [] {
        GgufBytes body;
        append(body, std::uint32_t{9});  // array of arrays
        append(body, std::uint64_t{2});
        for (int i = 0; i < 2; ++i) {
            append(body, std::uint32_t{8});
            append(body, std::uint64_t{0});
        }
        return body;
    }());
    w.tensor("a", DataType::f32, {4}, zeros(16)).directory_entry("b", {2, 2}, 0, 0);
    w.directory_entry("strange", {7}, 99, 0).directory_entry("a", {1}, 0, 0);
    w.directory_entry("none", {0, 5}, 0, 0);
    const GgufBytes file = w.build();
    const Gguf gguf = parsed(file);

    EXPECT_EQ(gguf.alignment(), 64U);
    EXPECT_EQ(*gguf.require_u32("twice"), 1U);  // the first one wins
    EXPECT_THAT((*gguf.require_tensor("a"))->shape(), ElementsAre(4));
    EXPECT_EQ((*gguf.require_tensor("a"))->offset, (*gguf.require_tensor("b"))->offset);
    EXPECT_EQ(gguf.find_tensor("strange")->bytes, 0U);
    EXPECT_EQ(gguf.find_tensor("strange")->type_name(), "type 99");
    EXPECT_EQ(gguf.require_tensor("strange").error().message,
              "tensor 'strange' has the ggml type 99, which this build does not know");
    EXPECT_EQ(gguf.find_tensor("none")->bytes, 0U);
    EXPECT_EQ(gguf.tensors().size(), 5U);
}

TEST(Gguf, AlignmentCountsOnlyAsNonZeroU32) {
    for (const bool zero : {false, true}) {
        GgufWriter w;
        if (zero)
            w.u32("general.alignment", 0);
        else
            w.u64("general.alignment", 64);
        w.tensor("a", DataType::f32, {8}, zeros(32)).tensor("b", DataType::f32, {8}, zeros(32));
        const GgufBytes file = w.build();
        EXPECT_EQ(parsed(file).alignment(), 32U);
    }
    for (const std::uint32_t bad : {1U, 4U, 24U, 1U << 30U}) {
        GgufWriter w;
        w.u32("general.alignment", bad);
        EXPECT_EQ(refusal(w.build()),
                  fmt::format("metadata key 'general.alignment' is {}, but it must be a power of "
                              "two from 8 to 1048576",
                              bad));
    }
}

TEST(Gguf, RefusesTheHeader) {
    EXPECT_THAT(refusal(zeros(31)), HasSubstr("only 31 bytes"));
    EXPECT_THAT(refusal(GgufBytes{}), HasSubstr("only 0 bytes"));
    EXPECT_THAT(refusal(zeros(64)), HasSubstr("does not begin with 'GGUF'"));
    GgufWriter w;
    w.string("k", "some words to pass 32 bytes");
    w.version = 2;
    EXPECT_THAT(refusal(w.build()), HasSubstr("GGUF version 2,"));
    w.version = 0x03000000;
    EXPECT_THAT(refusal(w.build()), HasSubstr("big endian"));
    w.version = 3;
    w.metadata_count = ~0ULL;
    EXPECT_THAT(refusal(w.build()), HasSubstr("announces 18446744073709551615 metadata keys"));
    w.metadata_count.reset();
    w.tensor_count = 1ULL << 60U;
    EXPECT_THAT(refusal(w.build()), HasSubstr("announces 1152921504606846976 tensors"));
}

TEST(Gguf, RefusesMetadata) {
    const auto with = [](std::uint32_t type, const GgufBytes& body) {
        GgufWriter w;
        w.raw("the.key", type, body);
        return refusal(w.build());
    };
    const auto array = [](std::uint32_t type, std::uint64_t count) {
        GgufBytes body;
        append(body, type);
        append(body, count);
        return body;
    };
    EXPECT_THAT(with(13, zeros(8)), HasSubstr("'the.key' has the unknown type 13"));
    EXPECT_THAT(with(9, array(77, 1)), HasSubstr("'the.key' is an array of the unknown type 77"));
    EXPECT_THAT(with(9, array(4, ~0ULL)), HasSubstr("'the.key' announces 18446744073709551615"));
    EXPECT_THAT(with(9, array(10, 1ULL << 61U)), HasSubstr("'the.key' announces"));
    EXPECT_THAT(with(9, array(8, 1ULL << 40U)), HasSubstr("'the.key' announces"));
    GgufBytes long_string;
    append(long_string, ~0ULL);
    EXPECT_THAT(with(8, long_string), HasSubstr("value of metadata key 'the.key' runs past"));

    GgufBytes deep;
    for (int i = 0; i < 8; ++i) append(deep, array(9, 1));
    append(deep, array(4, 0));
    EXPECT_EQ(with(9, deep),
              "metadata key 'the.key' nests arrays deeper than 8; the file is damaged");
    const GgufBytes legal(deep.begin() + 12, deep.end());
    EXPECT_EQ(with(9, legal), "accepted");
}

TEST(Gguf, RefusesTensors) {
    const auto with = [](std::initializer_list<std::int64_t> dims, std::uint32_t type,
                         std::uint64_t offset) {
        GgufWriter w;
        w.tensor("data", DataType::f32, {64}, zeros(256));
        w.directory_entry("t", dims, type, offset);
        return refusal(w.build());
    };
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(with({64}, 0, 0), "accepted");
    EXPECT_THAT(with({}, 0, 0), HasSubstr("tensor 't' has 0 dimensions"));
    EXPECT_THAT(with({1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 0), HasSubstr("tensor 't' has 9 dimensions"));
    EXPECT_THAT(with({-1}, 0, 0), HasSubstr("[18446744073709551615] has more elements"));
    EXPECT_THAT(with({kMax, 2}, 0, 0), HasSubstr("tensor 't' of shape [9223372036854775807, 2]"));
    EXPECT_THAT(with({kMax, 2}, 99, 0), HasSubstr("more elements than can be counted"));
    EXPECT_THAT(with({kMax}, 0, 0), HasSubstr("more bytes than can be counted"));
    EXPECT_THAT(with({1}, 0, 8), HasSubstr("offset 8, which is not a multiple of the file's"));
    EXPECT_THAT(with({1}, 0, ~31ULL), HasSubstr("tensor 't' ends"));
    EXPECT_THAT(with({1}, 99, 1ULL << 40U), HasSubstr("tensor 't' ends at byte 10995116"));
    EXPECT_THAT(with({65}, 0, 0),
                testing::MatchesRegex("tensor 't' ends at byte [0-9]+, but the file has [0-9]+ "
                                      "bytes; the file is truncated, download it again"));
    // Rows are padded to whole blocks.
    EXPECT_EQ(with({33, 3}, 8, 0), "accepted");
    EXPECT_THAT(with({33, 4}, 8, 0), HasSubstr("tensor 't' ends"));
}

TEST(Gguf, RefusesEveryTruncation) {
    GgufWriter w;
    w.string("general.architecture", "deepseek4").u32("n", 1);
    w.strings("tokens", std::vector<std::string>{"a", "bc"});
    w.tensor("t", DataType::f32, {8}, zeros(32)).tensor("u", DataType::f16, {3, 5}, zeros(30));
    const GgufBytes file = w.build();
    ASSERT_TRUE(Gguf::parse(file));
    for (std::size_t length = 0; length < file.size(); ++length) {
        // An exact allocation, so that asan sees the first byte read too far.
        const GgufBytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_NE(refusal(part), "accepted") << "at " << length;
    }
}

TEST(Gguf, NamesInSentencesArePrintable) {
    GgufWriter w;
    w.raw("bad\n\xff'key" + std::string(200, 'x'), 50, zeros(16));
    const std::string message = refusal(w.build());
    EXPECT_THAT(message, HasSubstr("'bad\\x0a\\xff\\x27keyxxx"));
    EXPECT_THAT(message, HasSubstr("xxx...'"));
    EXPECT_LT(message.size(), 250U);
}

// The real model's directory: 129,280 tokens, 127,741 merges, 1,328 tensors.
TEST(Gguf, ParsesALargeDirectoryQuickly) {
    std::vector<std::string> tokens;
    for (int i = 0; i < 129280; ++i) tokens.push_back(fmt::format("tok{}", i));
    std::vector<std::string> merges;
    for (int i = 0; i < 127741; ++i) merges.push_back(fmt::format("to {}", i));
    GgufWriter w;
    w.strings("tokenizer.ggml.tokens", tokens).strings("tokenizer.ggml.merges", merges);
    w.tensor("blk.0.0", DataType::f32, {8}, zeros(32));
    for (int i = 1; i < 1328; ++i)
        w.directory_entry(fmt::format("blk.{}.weight.{}", i % 43, i), {8}, 0, 0);
    const GgufBytes file = w.build();

    const auto start = std::chrono::steady_clock::now();
    const Gguf gguf = parsed(file);
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    RecordProperty("parse_ms", std::to_string(ms));
    EXPECT_EQ(gguf.require_strings("tokenizer.ggml.merges")->size(), 127741U);
    EXPECT_NE(gguf.find_tensor("blk.2.weight.45"), nullptr);
    EXPECT_LT(ms, 100.0 * 10);  // 2 ms in a release build; sanitizers and busy machines get room
}

}  // namespace
}  // namespace starglass

// SPDX-License-Identifier: MIT
#include "base/byte_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace starglass {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

TEST(ByteReader, ReadsLittleEndianAtAnyAddress) {
    const auto bytes = bytes_of({0xFF, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0xC0});
    ByteReader reader(bytes);
    ASSERT_TRUE(reader.skip(1));
    std::uint32_t number = 0;
    ASSERT_TRUE(reader.read(number));
    EXPECT_EQ(number, 0x12345678U);
    float real = 0;
    ASSERT_TRUE(reader.read(real));
    EXPECT_EQ(real, -2.0F);
    EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ByteReader, FailedReadsMoveNothing) {
    const auto bytes = bytes_of({9, 0, 0, 0, 0, 0, 0, 0, 'a', 'b'});
    ByteReader reader(bytes);
    std::string_view text;
    EXPECT_FALSE(reader.read_string(text));  // nine bytes announced, two there
    EXPECT_EQ(reader.position(), 0U);
    EXPECT_FALSE(reader.skip(11));
    EXPECT_FALSE(reader.skip(~0ULL));
    ASSERT_TRUE(reader.skip(8));
    std::uint32_t number = 5;
    EXPECT_FALSE(reader.read(number));
    EXPECT_EQ(number, 5U);
    EXPECT_EQ(reader.position(), 8U);
    std::span<const std::byte> rest;
    EXPECT_FALSE(reader.read_bytes(~0ULL, rest));
    EXPECT_TRUE(reader.read_bytes(2, rest));
    EXPECT_EQ(rest.size(), 2U);
    EXPECT_TRUE(reader.read_bytes(0, rest));
}

TEST(ByteReader, ReadsStringsInPlace) {
    const auto bytes = bytes_of({2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i', 0, 0, 0, 0, 0, 0, 0, 0});
    ByteReader reader(bytes);
    std::string_view text;
    ASSERT_TRUE(reader.read_string(text));
    EXPECT_EQ(text, "hi");
    EXPECT_EQ(static_cast<const void*>(text.data()), bytes.data() + 8);
    ASSERT_TRUE(reader.read_string(text));
    EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace starglass

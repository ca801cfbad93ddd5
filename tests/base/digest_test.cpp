// SPDX-License-Identifier: MIT
#include "base/digest.h"

#include <gtest/gtest.h>

namespace starglass {
namespace {

// FIPS 180-2, appendices A and B.
constexpr std::string_view kLong = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(Digest, GivesThePublishedValues) {
    EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(sha1_hex(kLong), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(kLong),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, PrefixesCanBeTakenWhileMoreFollows) {
    const std::string text(1000, 'x');
    Sha1 digest;
    for (std::size_t at = 0; at < text.size(); ++at) {
        EXPECT_EQ(digest.hex(), sha1_hex(std::string_view(text).substr(0, at)));
        digest.update(std::string_view(text).substr(at, 1));
    }
    Sha1 fork = digest;
    fork.update("a");
    digest.update("b");
    EXPECT_EQ(fork.hex(), sha1_hex(text + "a"));
    EXPECT_EQ(digest.hex(), sha1_hex(text + "b"));
    fork = digest;
    EXPECT_EQ(fork.hex(), digest.hex());
}

TEST(Digest, HexIsLowerCaseAndWhole) {
    EXPECT_EQ(to_hex({}), "");
    const std::uint8_t bytes[] = {0, 0x0F, 0xA0, 0xFF};
    EXPECT_EQ(to_hex(bytes), "000fa0ff");
}

}  // namespace
}  // namespace starglass

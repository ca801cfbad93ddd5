// SPDX-License-Identifier: MIT
#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace starglass {
namespace {

using testing::HasSubstr;

std::string write_file(const std::string& name, std::string_view content) {
    const std::string path = testing::TempDir() + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

TEST(MappedFile, ShowsTheBytes) {
    auto file = MappedFile::open(write_file("mapped_file_test.bin", "star"));
    ASSERT_TRUE(file) << file.error().message;
    MappedFile moved = std::move(*file);
    ASSERT_EQ(moved.bytes().size(), 4U);
    EXPECT_EQ(moved.bytes()[3], std::byte{'r'});
    EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, SaysWhatIsWrong) {
    const auto missing = MappedFile::open(testing::TempDir() + "no such file");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_THAT(missing.error().message, HasSubstr("no such file': No such file"));
    const auto folder = MappedFile::open(testing::TempDir());
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(folder.error().message, HasSubstr("not a regular file"));
    const auto empty = MappedFile::open(write_file("mapped_file_empty.bin", ""));
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().message, HasSubstr("is empty"));
}

}  // namespace
}  // namespace starglass

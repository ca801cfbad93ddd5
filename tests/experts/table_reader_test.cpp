// SPDX-License-Identifier: MIT
#include "experts/table_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "experts/hot_list.h"

namespace starglass {
namespace {

namespace fs = std::filesystem;

class TableReaderTest : public testing::Test {
protected:
    static constexpr std::int64_t kOffset = 4096 * 3 + 32;
    static constexpr int kRows = 5000;
    void SetUp() override {
        std::string name = (fs::current_path() / "table-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        path_ = folder_ + "/table";
        table_ = {nullptr, DataType::f16, 100, kRows, 1};
        bytes_.resize(static_cast<std::size_t>(kOffset + kRows * table_.row_size()));
        std::mt19937 random(3);
        for (std::byte& byte : bytes_) byte = static_cast<std::byte>(random());
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes_.data()),
                   static_cast<std::streamsize>(bytes_.size()));
    }
    void TearDown() override { fs::remove_all(folder_); }
    void expect_rows(TableReader& reader, const std::vector<std::int32_t>& rows) {
        const auto got = reader.gather(rows);
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(got->out, static_cast<std::int64_t>(rows.size()));
        EXPECT_EQ(got->in, 100);
        for (std::size_t i = 0; i < rows.size(); ++i)
            ASSERT_EQ(std::memcmp(got->row(static_cast<std::int64_t>(i)),
                                  bytes_.data() + kOffset + rows[i] * table_.row_size(),
                                  static_cast<std::size_t>(table_.row_size())),
                      0)
                << "row " << rows[i] << " at " << i;
    }
    std::string folder_, path_;
    Weight table_;
    std::vector<std::byte> bytes_;
};

TEST_F(TableReaderTest, RowsAreThoseOfTheFile) {
    for (const char* reads : {"threads", ""}) {
        auto reader = *TableReader::create(path_, table_, kOffset, reads);
        expect_rows(*reader, {0});
        expect_rows(*reader, {kRows - 1, 0, kRows - 1});
        std::mt19937 random(5);
        // Few rows at a time and many, more different ones than are kept.
        for (const int count : {1, 2, 7, 128, 129, 1000, 4096, 1, 3}) {
            std::vector<std::int32_t> rows;
            for (int i = 0; i < count; ++i)
                rows.push_back(static_cast<std::int32_t>(random() % kRows));
            expect_rows(*reader, rows);
            expect_rows(*reader, rows);
        }
        expect_rows(*reader, {});
    }
}

TEST_F(TableReaderTest, AFileThatWasCutOffIsOneSentenceAndGoesOnWhenItIsBack) {
    auto reader = *TableReader::create(path_, table_, kOffset, "");
    expect_rows(*reader, {1, 2, 3});
    fs::resize_file(path_, kOffset + 1000 * table_.row_size());
    const std::int32_t gone[] = {4, kRows - 1};
    auto failed = reader->gather(gone);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::io);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("cut off"));
    // Another file than it was.
    failed = reader->gather(gone);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("open the model again"));
}

TEST(HotList, ComesBackAndSaysWhatIsWrong) {
    std::string name = (fs::current_path() / "hot-XXXXXX").string();
    const std::string folder = ::mkdtemp(name.data());
    const std::string path = folder + "/a.experts";
    FileSystem& disk = FileSystem::disk();
    const std::vector<float> shares{0.5F, 0, 0.25F, 1, 0, 0.75F};
    ASSERT_TRUE(write_hot_list(disk, path, 2, 3, shares));
    EXPECT_EQ(*read_hot_list(disk, path, 2, 3), shares);
    EXPECT_EQ(hottest_first(shares), (std::vector<ExpertId>{3, 5, 0, 2}));
    EXPECT_EQ(read_hot_list(disk, path, 3, 2).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(read_hot_list(disk, path, 2, 4).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(read_hot_list(disk, path + "x", 2, 3).error().code, ErrorCode::not_found);
    const auto size = fs::file_size(path);
    for (std::uintmax_t at = 0; at < size; ++at) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const auto byte = static_cast<char>(file.get());
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(byte ^ 4));
        file.close();
        EXPECT_FALSE(read_hot_list(disk, path, 2, 3)) << at;
        std::fstream back(path, std::ios::in | std::ios::out | std::ios::binary);
        back.seekp(static_cast<std::streamoff>(at));
        back.put(byte);
    }
    EXPECT_TRUE(read_hot_list(disk, path, 2, 3));
    for (std::uintmax_t length = 0; length < size; ++length) {
        fs::resize_file(path, length);
        EXPECT_FALSE(read_hot_list(disk, path, 2, 3));
        ASSERT_TRUE(write_hot_list(disk, path, 2, 3, shares));
    }
    fs::remove_all(folder);
}

}  // namespace
}  // namespace starglass

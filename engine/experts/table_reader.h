// SPDX-License-Identifier: MIT
//
// The rows of a large table (a model's embedding: one row per token of the vocabulary, a gigabyte
// in Flash) read from the file when they are asked for. Rows used lately are kept; they are what a
// conversation is made of.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async_reader.h"
#include "kernel/table_feed.h"

namespace starglass {

class TableReader final : public TableFeed {
public:
    static constexpr int kRowsKept = 2048;

    // `table` as it lies `offset` bytes into the file; its data is not looked at. Errors: those of
    // ReadFile::open and make_async_reader.
    static Result<std::unique_ptr<TableReader>> create(const std::string& path, const Weight& table,
                                                       std::int64_t offset,
                                                       const std::string& reads);
    // Host memory for calls of up to so many rows.
    [[nodiscard]] static std::int64_t memory_bytes(const Weight& table, std::int64_t rows);

    Result<Weight> gather(std::span<const std::int32_t> rows) override;

private:
    TableReader(std::string path, ReadFile file, std::unique_ptr<AsyncReader> reader,
                const Weight& table, std::int64_t offset);
    Status read(std::span<const std::int32_t> missing);
    std::byte* keep(std::int32_t row);  // where it may be kept; the oldest there gives way

    std::string path_;
    ReadFile file_;
    std::unique_ptr<AsyncReader> reader_;
    Weight table_;
    std::int64_t offset_;
    bool need_reopen_ = false;

    std::vector<std::byte> kept_;      // [kRowsKept] rows
    std::vector<std::int32_t> owner_;  // [kRowsKept], -1: free
    std::size_t hand_ = 0;             // the next to give way
    std::unordered_map<std::int32_t, std::int32_t> slot_;
    std::vector<std::byte> gathered_, blocks_;
    std::vector<std::int32_t> missing_;
};

}  // namespace starglass

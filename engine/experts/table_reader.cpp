// SPDX-License-Identifier: MIT
#include "experts/table_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace starglass {
namespace {

// Rows read at once.
constexpr std::size_t kGroup = 128;

}  // namespace

Result<std::unique_ptr<TableReader>> TableReader::create(const std::string& path,
                                                         const Weight& table, std::int64_t offset,
                                                         const std::string& reads) {
    TRY(ReadFile file, ReadFile::open(path));
    TRY(std::unique_ptr<AsyncReader> reader, make_async_reader(reads));
    return std::unique_ptr<TableReader>(
        new TableReader(path, std::move(file), std::move(reader), table, offset));
}

TableReader::TableReader(std::string path, ReadFile file, std::unique_ptr<AsyncReader> reader,
                         const Weight& table, std::int64_t offset)
    : path_(std::move(path)),
      file_(std::move(file)),
      reader_(std::move(reader)),
      table_(table),
      offset_(offset),
      kept_(static_cast<std::size_t>(kRowsKept * table.row_size())),
      owner_(kRowsKept, -1) {
    slot_.reserve(kRowsKept);
}

std::int64_t TableReader::memory_bytes(const Weight& table, std::int64_t rows) {
    constexpr std::int64_t kBlock = 4096;
    return (kRowsKept + rows) * table.row_size() +
           static_cast<std::int64_t>(kGroup) * (table.row_size() + 3 * kBlock);
}

std::byte* TableReader::keep(std::int32_t row) {
    const std::size_t slot = hand_;
    hand_ = (hand_ + 1) % owner_.size();
    if (owner_[slot] >= 0) slot_.erase(owner_[slot]);
    owner_[slot] = row;
    slot_[row] = static_cast<std::int32_t>(slot);
    return kept_.data() + slot * static_cast<std::size_t>(table_.row_size());
}

Status TableReader::read(std::span<const std::int32_t> missing) {
    const std::int64_t size = table_.row_size();
    const std::int64_t alignment = file_.alignment();
    const std::int64_t room = (size + 3 * alignment) / alignment * alignment;
    blocks_.resize(static_cast<std::size_t>(static_cast<std::int64_t>(kGroup) * room + alignment));
    const auto address = reinterpret_cast<std::uintptr_t>(blocks_.data());
    std::byte* const first = blocks_.data() + (static_cast<std::uintptr_t>(alignment) -
                                               address % static_cast<std::uintptr_t>(alignment));
    std::array<ReadRequest, kGroup> requests;
    for (std::size_t i = 0; i < missing.size(); ++i) {
        const std::int64_t begin = offset_ + missing[i] * size;
        const std::int64_t from = begin / alignment * alignment;
        const std::int64_t end = (begin + size + alignment - 1) / alignment * alignment;
        requests[i] = {from, first + static_cast<std::int64_t>(i) * room, end - from, i};
    }
    reader_->submit(file_, std::span(requests).first(missing.size()));
    Status status;
    std::array<ReadCompletion, kGroup> done;
    while (reader_->pending() > 0) {
        const std::size_t count = reader_->take(done, true);
        for (std::size_t k = 0; k < count; ++k) {
            const std::size_t i = done[k].tag;
            const std::int64_t begin = offset_ + missing[i] * size;
            const std::int64_t skip = begin - requests[i].offset;
            if (done[k].error != 0 || done[k].bytes < skip + size) {
                need_reopen_ = true;
                status = done[k].error != 0
                             ? fail(ErrorCode::io,
                                    "cannot read the embedding of token {} from '{}': {}; nothing "
                                    "of the conversation is lost, check the disk and go on",
                                    missing[i], path_, std::strerror(done[k].error))
                             : fail(ErrorCode::io,
                                    "'{}' ends before the embedding of token {}: it was cut off "
                                    "while it was in use; get the file again",
                                    path_, missing[i]);
                continue;
            }
            std::memcpy(keep(missing[i]), requests[i].to + skip, static_cast<std::size_t>(size));
        }
    }
    return status;
}

Result<Weight> TableReader::gather(std::span<const std::int32_t> rows) {
    if (need_reopen_) {
        TRY(ReadFile again, ReadFile::open(path_, file_.direct()));
        if (!again.same_content(file_) || again.alignment() != file_.alignment())
            return fail(ErrorCode::io,
                        "'{}' is not the file it was when the model was opened; open the model "
                        "again",
                        path_);
        file_ = std::move(again);
        need_reopen_ = false;
    }
    const auto size = static_cast<std::size_t>(table_.row_size());
    gathered_.resize(rows.size() * size);
    // Group by group: what a group brings stays until it was copied.
    for (std::size_t begin = 0; begin < rows.size(); begin += kGroup) {
        const auto group = rows.subspan(begin, std::min(kGroup, rows.size() - begin));
        missing_.clear();
        for (const std::int32_t row : group)
            if (!slot_.contains(row)) missing_.push_back(row);
        std::sort(missing_.begin(), missing_.end());
        missing_.erase(std::unique(missing_.begin(), missing_.end()), missing_.end());
        // Reading may make rows of this very group give way.
        for (std::size_t i = 0; i < group.size(); ++i)
            if (const auto at = slot_.find(group[i]); at != slot_.end())
                std::memcpy(gathered_.data() + (begin + i) * size,
                            kept_.data() + static_cast<std::size_t>(at->second) * size, size);
        if (missing_.empty()) continue;
        TRY_STATUS(read(missing_));
        for (std::size_t i = 0; i < group.size(); ++i)
            if (std::binary_search(missing_.begin(), missing_.end(), group[i]))
                std::memcpy(gathered_.data() + (begin + i) * size,
                            kept_.data() + static_cast<std::size_t>(slot_.at(group[i])) * size,
                            size);
    }
    Weight out = table_;
    out.data = gathered_.data();
    out.matrices = nullptr;
    out.out = static_cast<std::int64_t>(rows.size());
    out.count = 1;
    return out;
}

}  // namespace starglass

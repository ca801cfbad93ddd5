// SPDX-License-Identifier: MIT
//
// A file mapped read-only. The bytes stay valid for the life of the object; a file that
// another program shortens meanwhile can still fault, which is why loading copies nothing
// it has not bounds-checked and the model files are opened once.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace starglass {

class MappedFile {
public:
    // Errors: not_found / io with the system's reason; invalid_input for a directory or an
    // empty file.
    static Result<MappedFile> open(const std::string& path);

    MappedFile() = default;
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
    // Here and there will be looked at, not all of it in a row: nothing is read ahead.
    void expect_random();
    // Nothing of it is needed for now: its pages leave this process, and the system's cache where
    // nobody else has them.
    void forget();

private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::string path_;
};

}  // namespace starglass

// SPDX-License-Identifier: MIT
//
// Result<T>: how everything that can fail because of the outside world (files, devices,
// memory, input) reports it. Our own mistakes fail through assertions instead.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace starglass {

enum class ErrorCode {
    invalid_input,  // bytes, text or arguments that break a documented rule
    not_found,      // a file, key or tensor that is not there
    io,             // the operating system refused to read or write
    disk_full,      // no room on the disk, or a quota is used up
    unsupported,    // well formed, but a shape or type this build cannot run
    out_of_memory,  // a budget or an allocation limit was reached
    cancelled,      // the caller asked to stop
    internal,       // a broken promise of our own, caught before it did harm
};

// `message` is one sentence for a person: what is wrong, where, what to do.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(ErrorCode::io, "cannot open '{}': {}", path, reason);
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
    return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace starglass

// TRY(auto file, MappedFile::open(path));   declares `file` or returns the error.
// TRY_STATUS(write_all(fd, bytes));         the same for Status.
#define SG_CONCAT_INNER(a, b) a##b
#define SG_CONCAT(a, b) SG_CONCAT_INNER(a, b)
#define SG_TRY_NAMED(temp, declaration, ...)                                         \
    auto temp = (__VA_ARGS__);                                                       \
    if (!temp) return ::tl::unexpected<::starglass::Error>(std::move(temp).error()); \
    declaration = std::move(*temp)
#define TRY(declaration, ...) SG_TRY_NAMED(SG_CONCAT(try_, __LINE__), declaration, __VA_ARGS__)
#define TRY_STATUS(...)                                                                 \
    do {                                                                                \
        auto try_status = (__VA_ARGS__);                                                \
        if (!try_status)                                                                \
            return ::tl::unexpected<::starglass::Error>(std::move(try_status).error()); \
    } while (false)

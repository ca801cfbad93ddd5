// SPDX-License-Identifier: MIT
//
// What only matters when a person sits in front: colours, a status line that goes away, typed
// lines, Ctrl-C.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace starglass::cli {

[[nodiscard]] bool stdin_is_terminal();
[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();

inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kPlain = "\x1b[0m";

// One line on standard error that is overwritten in place and leaves nothing behind. Silent where
// standard error is no terminal, and for the first moments: what is quick needs no progress.
class StatusLine {
public:
    StatusLine();
    ~StatusLine() { clear(); }
    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;
    void show(std::string_view text);
    void clear();

private:
    bool enabled_;
    bool shown_ = false;
    std::chrono::steady_clock::time_point next_;
};

// Ctrl-C cancels the token of the innermost scope; pressed again, while the work has not noticed
// yet, it ends the program. Without a scope it interrupts read_typed_line() and read_input().
// A broken pipe ends the program silently, as everywhere in a shell.
void install_signal_handlers();

class InterruptScope {
public:
    explicit InterruptScope(CancelToken& token);
    ~InterruptScope();
    InterruptScope(const InterruptScope&) = delete;
    InterruptScope& operator=(const InterruptScope&) = delete;

private:
    CancelToken* outer_;
};

enum class LineEnd { line, end, interrupted, too_long };

// Reads a line from standard input into `line`, without its line feed.
LineEnd read_typed_line(std::string& line);

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// Prints a turn while it runs: the answer to standard output, the thinking dim beside it, tool
// calls as one line each.
#pragma once

#include <string_view>

#include "terminal.h"
#include "turn.h"

namespace starglass::cli {

class AnswerPrinter final : public TurnView {
public:
    enum class Thinking {
        hidden,
        on_stdout,  // dim, above the answer: a chat on a terminal
        on_stderr,  // dim on a terminal, else every line behind "| "
    };
    struct Options {
        Thinking thinking = Thinking::hidden;
        bool calls = false;  // one line per tool call, where the thinking goes or on stderr
    };
    explicit AnswerPrinter(Options options);

    void on_prefill(const PrefillProgress& progress) override;
    void on_text(StreamPart part, std::string_view text) override;
    void on_call(const AnsweredCall& call) override;
    void finish();  // ends an unfinished line

private:
    void write_thinking(std::string_view text);
    void write_aside(std::string_view text);  // to where thinking goes
    void end_thinking();
    void end_answer_line();

    Options options_;
    bool out_terminal_, err_terminal_;
    bool in_thinking_ = false;
    bool thinking_line_open_ = false;
    bool answer_line_open_ = false;
    StatusLine status_;
};

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
#include "answer_printer.h"

#include <cstdio>

#include "output.h"

namespace starglass::cli {

AnswerPrinter::AnswerPrinter(Options options)
    : options_(options), out_terminal_(stdout_is_terminal()), err_terminal_(stderr_is_terminal()) {
}

void AnswerPrinter::on_prefill(const PrefillProgress& progress) {
    if (progress.tokens_done >= progress.tokens_total) return status_.clear();
    status_.show(fmt::format("reading the prompt: {} of {} tokens", progress.tokens_done,
                             progress.tokens_total));
}

void AnswerPrinter::on_text(StreamPart part, std::string_view text) {
    if (text.empty() || part == StreamPart::tool) return;
    status_.clear();
    if (part == StreamPart::thinking) {
        if (options_.thinking != Thinking::hidden) write_thinking(text);
        return;
    }
    end_thinking();
    write_out(out_terminal_ ? printable(text) : std::string(text));
    answer_line_open_ = text.back() != '\n';
    flush_out();
}

void AnswerPrinter::on_call(const AnsweredCall& call) {
    if (!options_.calls) return;
    status_.clear();
    end_thinking();
    end_answer_line();
    const std::string line =
        call.answered
            ? fmt::format("[{} {} = {}]", call.call.name, call.call.arguments, call.result)
            : fmt::format("[{} {}, not run]", call.call.name, call.call.arguments);
    const bool terminal = options_.thinking == Thinking::on_stdout ? out_terminal_ : err_terminal_;
    write_aside(terminal ? fmt::format("{}{}{}\n", kDim, printable(line), kPlain) : line + "\n");
}

void AnswerPrinter::finish() {
    status_.clear();
    end_thinking();
    end_answer_line();
    flush_out();
}

void AnswerPrinter::write_thinking(std::string_view text) {
    const bool terminal = options_.thinking == Thinking::on_stdout ? out_terminal_ : err_terminal_;
    end_answer_line();
    std::string shown;
    if (terminal) {
        if (!in_thinking_) shown += kDim;
        shown += printable(text);
    } else {
        for (const char byte : text) {
            if (!thinking_line_open_) shown += "| ";
            shown += byte;
            thinking_line_open_ = byte != '\n';
        }
    }
    in_thinking_ = true;
    thinking_line_open_ = text.back() != '\n';
    write_aside(shown);
}

void AnswerPrinter::write_aside(std::string_view text) {
    if (options_.thinking == Thinking::on_stdout) {
        write_out(text);
        flush_out();
    } else {
        std::fwrite(text.data(), 1, text.size(), stderr);
    }
}

void AnswerPrinter::end_thinking() {
    if (!in_thinking_) return;
    const bool terminal = options_.thinking == Thinking::on_stdout ? out_terminal_ : err_terminal_;
    if (terminal) write_aside(kPlain);
    if (thinking_line_open_) write_aside("\n");
    in_thinking_ = false;
    thinking_line_open_ = false;
}

void AnswerPrinter::end_answer_line() {
    if (!answer_line_open_) return;
    write_out("\n");
    flush_out();
    answer_line_open_ = false;
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
#include "terminal.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

#include "commands.h"
#include "output.h"

namespace starglass::cli {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{16} << 20;
constexpr auto kStatusDelay = std::chrono::milliseconds(400);
constexpr auto kStatusInterval = std::chrono::milliseconds(100);

// Everything the handler touches is lock-free.
std::atomic<CancelToken*> armed_token{nullptr};
std::atomic<int> presses{0};
constexpr int kPressesMax = 3;  // the third says it is meant
static_assert(std::atomic<CancelToken*>::is_always_lock_free);

extern "C" void on_interrupt(int) {
    CancelToken* token = armed_token.load();
    if (token == nullptr) return;
    token->cancel();
    if (presses.fetch_add(1) + 1 >= kPressesMax) std::_Exit(kExitInterrupted);
#ifdef _WIN32
    std::signal(SIGINT, on_interrupt);
#endif
}

bool is_terminal(std::FILE* stream) {
#ifdef _WIN32
    return _isatty(_fileno(stream)) != 0;
#else
    return isatty(fileno(stream)) != 0;
#endif
}

}  // namespace

bool stdin_is_terminal() {
    return is_terminal(stdin);
}
bool stdout_is_terminal() {
    return is_terminal(stdout);
}
bool stderr_is_terminal() {
    return is_terminal(stderr);
}

StatusLine::StatusLine()
    : enabled_(stderr_is_terminal()), next_(std::chrono::steady_clock::now() + kStatusDelay) {
}

void StatusLine::show(std::string_view text) {
    const auto now = std::chrono::steady_clock::now();
    if (!enabled_ || now < next_) return;
    next_ = now + kStatusInterval;
    shown_ = true;
    fmt::print(stderr, "\r{}{}{}\x1b[K", kDim, printable(text), kPlain);
    std::fflush(stderr);
}

void StatusLine::clear() {
    if (!shown_) return;
    shown_ = false;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
}

void install_signal_handlers() {
#ifdef _WIN32
    std::signal(SIGINT, on_interrupt);
#else
    // No SA_RESTART: a pending read has to return so that the prompt can answer Ctrl-C.
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    // Some callers hand down an ignored SIGPIPE.
    std::signal(SIGPIPE, SIG_DFL);
#endif
}

InterruptScope::InterruptScope(CancelToken& token) {
    presses.store(0);
    outer_ = armed_token.exchange(&token);
}

InterruptScope::~InterruptScope() {
    armed_token.store(outer_);
}

LineEnd read_typed_line(std::string& line) {
    line.clear();
    for (;;) {
        errno = 0;
        const int byte = std::fgetc(stdin);
        if (byte == '\n') break;
        if (byte == EOF) {
            if (std::ferror(stdin) != 0 && errno == EINTR) {
                std::clearerr(stdin);
                return LineEnd::interrupted;
            }
            if (line.empty()) return LineEnd::end;
            break;
        }
        if (line.size() >= kLineBytesMax) return LineEnd::too_long;
        line += static_cast<char>(byte);
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return LineEnd::line;
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// The disk cache on the command line: where it lies, and how `run` and `chat` use one.
#pragma once

#include <memory>
#include <string>

#include "engine/kv_cache.h"

namespace CLI {
class App;
}

namespace starglass::cli {

// $XDG_DATA_HOME/starglass/kv, else ~/.local/share/starglass/kv; empty when neither is known.
std::string default_kv_directory();

struct KvFlags {
    std::string directory;  // empty: no cache
    std::int64_t budget_mib = 32 * 1024;
};
// --kv-dir, --kv-budget
void add_kv_options(CLI::App& command, KvFlags& flags);

// The cache of a running session: says on standard error what went wrong with it, and saves the
// live state at the end. Does nothing without a directory.
class SessionKv {
public:
    static Result<SessionKv> open(const KvFlags& flags);
    ~SessionKv();
    SessionKv(SessionKv&&) noexcept = default;
    SessionKv& operator=(SessionKv&&) noexcept = default;
    SessionKv(const SessionKv&) = delete;
    SessionKv& operator=(const SessionKv&) = delete;

    [[nodiscard]] const std::shared_ptr<KvCache>& cache() const { return cache_; }
    // One line on standard error when the prompt went on from disk, and one when it could not.
    void report(const ReuseReport& reuse) const;
    // Saves the state (shutdown) and waits until everything is written.
    void finish(Session& session) const;

private:
    SessionKv() = default;
    std::shared_ptr<KvCache> cache_;
};

// "from disk: 1024 tokens in 0.02 s instead of 3.10 s, 3.08 s saved"
std::string reuse_line(const ReuseReport& reuse);

}  // namespace starglass::cli

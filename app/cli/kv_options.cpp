// SPDX-License-Identifier: MIT
#include "kv_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "output.h"

namespace starglass::cli {

std::string default_kv_directory() {
    // The specification of these folders tells programs to ignore relative paths.
    const char* const data = std::getenv("XDG_DATA_HOME");  // NOLINT(concurrency-mt-unsafe)
    if (data != nullptr && data[0] == '/') return fmt::format("{}/starglass/kv", data);
    const char* const home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
    if (home != nullptr && home[0] == '/') return fmt::format("{}/.local/share/starglass/kv", home);
    return {};
}

void add_kv_options(CLI::App& command, KvFlags& flags) {
    CLI::Option* directory =
        command
            .add_option("--kv-dir", flags.directory,
                        "Resume from the KV cache in this folder, and save there")
            ->type_name("DIR");
    command.add_option("--kv-budget", flags.budget_mib, "Size of that cache in MiB")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
        ->needs(directory)
        ->type_name("MIB")
        ->capture_default_str();
}

Result<SessionKv> SessionKv::open(const KvFlags& flags) {
    SessionKv out;
    if (flags.directory.empty()) return out;
    KvCacheOptions options;
    options.directory = flags.directory;
    options.budget_bytes = flags.budget_mib << 20;
    TRY(out.cache_, open_kv_cache(options));
    out.cache_->set_listener([](const CacheEvent& event) {
        if (event.kind == CacheEvent::Kind::failed || event.kind == CacheEvent::Kind::set_aside)
            print_note(printable(event.message));
    });
    if (const CacheStats stats = out.cache_->stats(); stats.read_only)
        print_note(printable(stats.pause_reason));
    return out;
}

SessionKv::~SessionKv() {
    if (cache_) cache_->set_listener({});
}

void SessionKv::report(const ReuseReport& reuse) const {
    if (!cache_) return;
    if (!reuse.note.empty()) print_note(printable(reuse.note));
    if (reuse.source == ReuseSource::disk) print_note(reuse_line(reuse));
}

void SessionKv::finish(Session& session) const {
    if (!cache_) return;
    if (!session.tokens().empty() && !cache_->stats().read_only)
        if (const auto saved = session.save(SaveReason::shutdown); !saved)
            print_note(printable(saved.error().message));
    cache_->flush();
}

std::string reuse_line(const ReuseReport& reuse) {
    std::string line =
        fmt::format("from disk: {} tokens in {:.3f} s", reuse.tokens, reuse.load_seconds);
    // What evaluating them took is not known of a checkpoint that came from elsewhere.
    if (reuse.saved_seconds > 0)
        line += fmt::format(" instead of {:.3f} s, {:.3f} s saved", reuse.saved_seconds,
                            reuse.saved_seconds - reuse.load_seconds);
    if (reuse.other_arithmetic) line += "; another backend made them";
    return line;
}

}  // namespace starglass::cli

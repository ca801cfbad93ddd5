// SPDX-License-Identifier: MIT
//
// starglass-cli kv: the disk cache from a shell.
#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "kv_options.h"
#include "kv_output.h"
#include "model_options.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct KvOptions {
    std::string directory = default_kv_directory();
    std::int64_t budget_mib = 0;  // 0: no limit, so nothing is evicted
    bool json = false;
    std::string id;
    std::vector<std::string> ids, files;
    bool off = false, text = false;
    std::string file, format;
    ModelOptions model;
};

constexpr std::string_view kKvcMagic = "KVC";

std::int64_t now_unix() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

enum class Access { read, write };

Result<std::shared_ptr<KvCache>> open_cache(const KvOptions& options, Access access) {
    if (options.directory.empty())
        return fail(ErrorCode::invalid_input,
                    "neither XDG_DATA_HOME nor HOME names a folder; name the cache with --dir");
    std::error_code ignored;
    const bool there = std::filesystem::is_directory(options.directory, ignored);
    if (access == Access::read && !there)
        return fail(ErrorCode::not_found, "there is no KV cache at '{}'", options.directory);
    KvCacheOptions cache;
    cache.directory = options.directory;
    // A tool that looks must not evict because it knows no budget.
    cache.budget_bytes = options.budget_mib > 0 ? options.budget_mib << 20
                                                : std::numeric_limits<std::int64_t>::max();
    cache.read_only = access == Access::read;
    TRY(std::shared_ptr<KvCache> out, open_kv_cache(cache));
    if (const CacheStats stats = out->stats(); access == Access::write && stats.read_only)
        return fail(ErrorCode::io, "cannot write to the KV cache at '{}': {}", options.directory,
                    stats.pause_reason);
    return out;
}

// The one checkpoint whose id begins so.
Result<CheckpointInfo> find(const KvCache& cache, const std::string& prefix) {
    std::vector<CheckpointInfo> found;
    for (CheckpointInfo& info : cache.list()) {
        if (info.id == prefix) return std::move(info);
        if (info.id.starts_with(prefix)) found.push_back(std::move(info));
    }
    if (prefix.empty() || found.empty())
        return fail(ErrorCode::not_found, "there is no checkpoint {}", quoted_text(prefix));
    if (found.size() > 1)
        return fail(ErrorCode::invalid_input, "{} checkpoints begin with {}; give more of the id",
                    found.size(), quoted_text(prefix));
    return std::move(found.front());
}

Result<int> list(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::read));
    const std::vector<CheckpointInfo> all = cache->list();
    if (options.json) {
        Json out = Json::array();
        for (const CheckpointInfo& info : all) out.push_back(checkpoint_to_json(info));
        write_json(out);
    } else {
        write_out(checkpoint_table(all, now_unix()));
    }
    return kExitOk;
}

Result<int> show(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::read));
    TRY(const CheckpointInfo info, find(*cache, options.id));
    if (options.text && !options.json) {
        TRY(const std::string text, cache->text(info.id));
        write_out(stdout_is_terminal() ? printable(text) : text);
        if (stdout_is_terminal() && !text.ends_with('\n')) write_out("\n");
        return kExitOk;
    }
    TRY(const auto next, cache->next_tokens(info.id));
    TRY(const auto blocks, cache->tool_blocks(info.id));
    if (options.json) {
        Json out = checkpoint_to_json(info);
        Json tokens = Json::array();
        for (const TokenAlternative& one : next)
            tokens.push_back(
                {{"id", one.id}, {"probability", one.probability}, {"text", one.text}});
        out["next_tokens"] = std::move(tokens);
        Json calls = Json::array();
        for (const ToolBlock& block : blocks)
            calls.push_back({{"id", block.id}, {"block", block.block}});
        out["tool_blocks"] = std::move(calls);
        if (options.text) {
            TRY(out["text"], cache->text(info.id));
        }
        write_json(out);
        return kExitOk;
    }
    int evictable = 0;
    for (const CheckpointInfo& other : cache->list()) evictable += other.evict_rank >= 0 ? 1 : 0;
    write_out(checkpoint_text(
        info, {next.begin(), next.begin() + std::min<std::ptrdiff_t>(8, std::ssize(next))}, blocks,
        evictable, now_unix()));
    return kExitOk;
}

Result<int> verify(const KvOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const auto cache, open_cache(options, Access::read));
    std::string id;
    if (!options.id.empty()) {
        TRY(const CheckpointInfo info, find(*cache, options.id));
        id = info.id;
    }
    TRY(const std::vector<CacheProblem> problems, cache->verify(id, cancel));
    if (options.json) {
        Json out = Json::array();
        for (const CacheProblem& problem : problems)
            out.push_back({{"file", problem.file}, {"message", problem.message}});
        write_json(out);
    } else {
        for (const CacheProblem& problem : problems)
            write_out(fmt::format("{}: {}\n", printable(problem.file), printable(problem.message)));
        if (problems.empty()) write_out("Every file is sound.\n");
    }
    if (!problems.empty())
        return fail(ErrorCode::invalid_input, "{} of the cache's files {} damaged", problems.size(),
                    problems.size() == 1 ? "is" : "are");
    return kExitOk;
}

Result<int> pin(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::write));
    TRY(const CheckpointInfo info, find(*cache, options.id));
    TRY_STATUS(cache->pin(info.id, !options.off));
    if (options.json)
        write_json({{"id", info.id}, {"pinned", !options.off}});
    else
        write_out(fmt::format("{} is {}.\n", info.id,
                              options.off ? "no longer pinned" : "pinned: it is never evicted"));
    return kExitOk;
}

Result<int> remove(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::write));
    // All of them are found before one is removed.
    std::vector<std::string> ids;
    for (const std::string& prefix : options.ids) {
        TRY(const CheckpointInfo info, find(*cache, prefix));
        ids.push_back(info.id);
    }
    const std::int64_t before = cache->stats().bytes;
    Json removed = Json::array();
    for (const std::string& id : ids) {
        TRY_STATUS(cache->remove(id));
        removed.push_back(id);
    }
    const std::int64_t freed = std::max<std::int64_t>(0, before - cache->stats().bytes);
    if (options.json)
        write_json({{"removed", removed}, {"freed_bytes", freed}});
    else
        write_out(fmt::format("Removed {} checkpoint{}, {} freed.\n", ids.size(),
                              ids.size() == 1 ? "" : "s",
                              size_text(static_cast<std::uint64_t>(freed))));
    return kExitOk;
}

Result<int> collect(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::write));
    TRY(const std::int64_t freed, cache->collect_garbage());
    if (options.json)
        write_json({{"freed_bytes", freed}, {"bytes", cache->stats().bytes}});
    else
        write_out(fmt::format("{} freed, {} left.\n", size_text(static_cast<std::uint64_t>(freed)),
                              size_text(static_cast<std::uint64_t>(cache->stats().bytes))));
    return kExitOk;
}

Result<int> stats(const KvOptions& options) {
    TRY(const auto cache, open_cache(options, Access::read));
    CacheStats at = cache->stats();
    if (options.json) {
        Json out = stats_to_json(at);
        // Facts of this command, not of the cache.
        for (const char* key : {"budget_bytes", "read_only", "paused", "pause_reason"})
            out.erase(key);
        write_json(out);
    } else {
        write_out(stats_text(at));
    }
    return kExitOk;
}

Result<bool> is_kvc(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::array<char, kKvcMagic.size()> start{};
    if (!file || !std::filesystem::is_regular_file(path))
        return fail(ErrorCode::not_found, "cannot read '{}'", path);
    file.read(start.data(), start.size());
    return file.gcount() == static_cast<std::streamsize>(start.size()) &&
           std::string_view(start.data(), start.size()) == kKvcMagic;
}

class Importer {
public:
    Importer(const KvOptions& options, KvCache& cache, const CancelToken& cancel)
        : options_(options), cache_(cache), cancel_(cancel) {}

    Result<std::string> import(const std::string& path) {
        TRY(const bool kvc, is_kvc(path));
        if (!kvc) return cache_.import_bundle(path);
        if (!options_.model.named())
            return fail(ErrorCode::invalid_input,
                        "'{}' is a file of ds4's, which only its model can read; name it with -m "
                        "FILE or --builtin",
                        path);
        if (!engine_) {
            TRY(engine_, open_model(options_.model, cancel_));
        }
        return import_kvc(*engine_, cache_, path);
    }

private:
    const KvOptions& options_;
    KvCache& cache_;
    const CancelToken& cancel_;
    std::shared_ptr<Engine> engine_;
};

Result<int> import_files(const KvOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const auto cache, open_cache(options, Access::write));
    Importer importer(options, *cache, cancel);
    int exit_code = kExitOk;
    Json out = Json::array();
    for (const std::string& path : options.files) {
        const auto id = importer.import(path);
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "stopped");
        if (!id) {
            exit_code = kExitFailed;
            if (options.json)
                out.push_back({{"file", path}, {"error", id.error().message}});
            else
                print_error(id.error().message);
            continue;
        }
        const auto info = cache->info(*id);
        const std::int64_t tokens = info ? info->tokens : 0;
        if (options.json)
            out.push_back({{"file", path}, {"id", *id}, {"tokens", tokens}});
        else
            write_out(fmt::format("{}  {} tokens  {}\n", *id, tokens, printable(path)));
    }
    cache->flush();
    if (options.json) write_json(out);
    return exit_code;
}

// "kvc" or "sgkv".
Result<std::string> export_format(const KvOptions& options) {
    if (!options.format.empty()) return options.format;
    const std::string extension = std::filesystem::path(options.file).extension().string();
    if (extension == ".kv") return "kvc";
    if (extension == ".sgkv") return "sgkv";
    return fail(ErrorCode::invalid_input,
                "'{}' ends in neither .kv (ds4's format) nor .sgkv (Starglass's); say which with "
                "--format",
                options.file);
}

Result<int> export_file(const KvOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const std::string format, export_format(options));
    TRY(const auto cache, open_cache(options, Access::read));
    TRY(const CheckpointInfo info, find(*cache, options.id));
    std::string path = options.file;
    // ds4 finds a file by the SHA-1 of its text.
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        path = (std::filesystem::path(path) /
                (format == "kvc" ? info.text_sha1 + ".kv" : info.id + ".sgkv"))
                   .string();
    if (format == "kvc") {
        if (!options.model.named())
            return fail(ErrorCode::invalid_input,
                        "writing ds4's format takes the checkpoint's model; name it with -m FILE "
                        "or --builtin");
        TRY(const std::shared_ptr<Engine> engine, open_model(options.model, cancel));
        TRY_STATUS(export_kvc(*engine, *cache, info.id, path));
    } else {
        TRY_STATUS(cache->export_bundle(info.id, path));
    }
    const auto bytes = std::filesystem::file_size(path, ignored);
    if (options.json)
        write_json({{"id", info.id}, {"file", path}, {"format", format}, {"bytes", bytes}});
    else
        write_out(fmt::format("{}  {}\n", printable(path), size_text(bytes)));
    return kExitOk;
}

using Action = Result<int> (*)(const KvOptions&);

}  // namespace

void add_kv(CLI::App& app, Command& chosen) {
    CLI::App* kv = app.add_subcommand("kv", "Look after the KV cache on disk");
    kv->require_subcommand(1);
    kv->footer(
        "The cache holds what sessions resume from instead of reading their prompts again. Ids "
        "may be shortened to what only one checkpoint begins with.\nExample:\n"
        "  starglass-cli kv list");
    const auto add = [&](const char* name, const char* says, const char* footer, Action action) {
        auto options = std::make_shared<KvOptions>();
        CLI::App* command = kv->add_subcommand(name, says);
        command->add_option("--dir", options->directory, "The cache's folder")
            ->type_name("DIR")
            ->capture_default_str();
        command->add_flag("--json", options->json, "Print JSON");
        command->footer(fmt::format("Example:\n  starglass-cli kv {}", footer));
        command->callback([&chosen, options, action] {
            chosen = [options, action] { return action(*options); };
        });
        return std::pair(command, options);
    };
    const auto add_budget = [](CLI::App& command, KvOptions& options, const char* says) {
        command.add_option("--budget", options.budget_mib, says)
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
            ->type_name("MIB");
    };

    add("list", "List the checkpoints, the last used one first", "list", list);
    {
        const auto [command, options] =
            add("show", "Show all about a checkpoint", "show 3f2a91c0 --text", show);
        command->add_option("ID", options->id, "A checkpoint")->required();
        command->add_flag("--text", options->text, "Print its text instead (with --json: too)");
    }
    {
        const auto [command, options] =
            add("verify", "Read every byte and report what is damaged", "verify", verify);
        command->add_option("ID", options->id, "Only this checkpoint");
    }
    {
        const auto [command, options] =
            add("pin", "Keep a checkpoint whatever happens", "pin 3f2a91c0", pin);
        command->add_option("ID", options->id, "A checkpoint")->required();
        command->add_flag("--off", options->off, "Let it go like any other");
    }
    {
        const auto [command, options] =
            add("rm", "Remove checkpoints, pinned ones too", "rm 3f2a91c0 77d1", remove);
        command->add_option("ID", options->ids, "Checkpoints")->required();
    }
    {
        const auto [command, options] =
            add("gc", "Delete what no checkpoint needs", "gc --budget 8192", collect);
        add_budget(*command, *options, "Then evict down to this many MiB");
    }
    add("stats", "Show how much there is", "stats", stats);
    {
        const auto [command, options] =
            add("import", "Read checkpoints of ds4's (.kv) or other caches (.sgkv)",
                "import -m model.gguf ~/.ds4/kv/*.kv", import_files);
        command->add_option("FILE", options->files, "Files")->required();
        add_model_options(*command, options->model);
        add_engine_options(*command, options->model);
        add_context_option(*command, options->model);
        add_budget(*command, *options, "Size of the cache in MiB; without it nothing is evicted");
    }
    {
        const auto [command, options] =
            add("export", "Write a checkpoint as one file",
                "export 3f2a91c0 talk.sgkv\n"
                "  starglass-cli kv export 3f2a91c0 -m model.gguf --format kvc ~/.ds4/kv",
                export_file);
        command->add_option("ID", options->id, "A checkpoint")->required();
        command->add_option("FILE", options->file, "A file, or a folder to write it to")
            ->required();
        command
            ->add_option("--format", options->format,
                         "kvc (ds4's) or sgkv (Starglass's); else by the file's ending")
            ->check(CLI::IsMember({"kvc", "sgkv"}))
            ->type_name("NAME");
        add_model_options(*command, options->model);
        add_engine_options(*command, options->model);
        add_context_option(*command, options->model);
    }
}

}  // namespace starglass::cli

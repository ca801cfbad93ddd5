// SPDX-License-Identifier: MIT
#include "kv_output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace starglass::cli {
namespace {

constexpr std::size_t kIdDigits = 12;  // shown of an id, more when two begin alike
constexpr std::size_t kTextCells = 40;

using Row = std::vector<std::string>;

// Characters, which for what is shown here is near enough to cells.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
}

// Columns as wide as their widest cell; those marked '>' are aligned to the right.
std::string aligned(const std::vector<Row>& rows, std::string_view alignment) {
    std::vector<std::size_t> widths(alignment.size());
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], characters(row[i]));
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - characters(row[i]), ' ');
            if (i > 0) line += "  ";
            line += alignment[i] == '>' ? padding + row[i] : row[i] + padding;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::size_t id_digits(const std::vector<CheckpointInfo>& list) {
    std::vector<std::string_view> ids;
    for (const CheckpointInfo& info : list) ids.push_back(info.id);
    std::sort(ids.begin(), ids.end());
    std::size_t digits = kIdDigits;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        std::size_t same = 0;
        while (same < std::min(ids[i - 1].size(), ids[i].size()) &&
               ids[i - 1][same] == ids[i][same])
            ++same;
        digits = std::max(digits, same + 1);
    }
    return digits;
}

std::string bytes_text(std::int64_t bytes) {
    return bytes < 0 ? "unknown" : size_text(static_cast<std::uint64_t>(bytes));
}

std::string marks(const CheckpointInfo& info) {
    return info.pinned && info.owned ? "pinned, owned"
           : info.pinned             ? "pinned"
           : info.owned              ? "owned"
                                     : "";
}

// "never: pinned" or the place in the queue.
std::string eviction_place(const CheckpointInfo& info) {
    if (info.evict_rank < 0) return "never";
    return fmt::format("{}.", info.evict_rank + 1);
}

// Why a checkpoint stands where it stands.
std::string eviction_reason(const CheckpointInfo& info) {
    if (info.evaluate_seconds <= 0)
        return fmt::format("frees {}, and what it saves was never measured",
                           bytes_text(info.freed_bytes));
    return fmt::format("saves {}, was used {} time{} and frees {}",
                       duration_text(info.evaluate_seconds), info.hits, info.hits == 1 ? "" : "s",
                       bytes_text(info.freed_bytes));
}

// The end of the text, on one line.
std::string text_end(const std::string& preview) {
    const std::string line = quoted_text(preview);
    const std::string_view inside = std::string_view(line).substr(1, line.size() - 2);
    if (characters(inside) <= kTextCells) return std::string(inside);
    std::size_t from = inside.size();
    for (std::size_t count = 0; from > 0 && count + 1 < kTextCells;) {
        --from;
        if ((static_cast<unsigned char>(inside[from]) & 0xC0U) != 0x80U) ++count;
    }
    return "…" + std::string(inside.substr(from));
}

}  // namespace

std::string_view reason_name(SaveReason reason) {
    switch (reason) {
        case SaveReason::unknown:
            return "unknown";
        case SaveReason::cold:
            return "cold";
        case SaveReason::continued:
            return "continued";
        case SaveReason::evict:
            return "evict";
        case SaveReason::shutdown:
            return "shutdown";
        case SaveReason::agent_prompt:
            return "agent_prompt";
        case SaveReason::agent_session:
            return "agent_session";
        case SaveReason::prompt:
            return "prompt";
        case SaveReason::turn:
            return "turn";
        case SaveReason::requested:
            return "requested";
        case SaveReason::imported:
            return "imported";
    }
    return "unknown";
}

std::string age_text(std::int64_t seconds) {
    const auto plural = [](std::int64_t count, std::string_view unit) {
        return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
    };
    if (seconds < 0) return "in the future";  // a clock was set back
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min", seconds / 60);
    if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
    return plural(seconds / 86400, "day");
}

std::string duration_text(double seconds) {
    if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 100) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(seconds);
    return fmt::format("{} min {} s", whole / 60, whole % 60);
}

Json checkpoint_to_json(const CheckpointInfo& info) {
    return {{"id", info.id},
            {"parent", info.parent},
            {"model", info.model_name},
            {"model_fingerprint", info.model_fingerprint},
            {"text_sha1", info.text_sha1},
            {"tokens", info.tokens},
            {"text_bytes", info.text_bytes},
            {"own_bytes", info.own_bytes},
            {"shared_bytes", info.shared_bytes},
            {"freed_bytes", info.freed_bytes},
            {"reason", reason_name(info.reason)},
            {"created_unix", info.created_unix},
            {"last_used_unix", info.last_used_unix},
            {"hits", info.hits},
            {"pinned", info.pinned},
            {"owned", info.owned},
            {"evaluate_seconds", info.evaluate_seconds},
            {"load_seconds", info.load_seconds < 0 ? Json(nullptr) : Json(info.load_seconds)},
            {"value", info.value},
            {"evict_rank", info.evict_rank < 0 ? Json(nullptr) : Json(info.evict_rank)},
            {"preview", info.preview}};
}

Json stats_to_json(const CacheStats& stats) {
    return {{"directory", stats.directory},
            {"bytes", stats.bytes},
            {"budget_bytes", stats.budget_bytes},
            {"protected_bytes", stats.protected_bytes},
            {"disk_free_bytes",
             stats.disk_free_bytes < 0 ? Json(nullptr) : Json(stats.disk_free_bytes)},
            {"checkpoints", stats.checkpoints},
            {"segments", stats.segments},
            {"set_aside", stats.set_aside},
            {"read_only", stats.read_only},
            {"paused", stats.paused},
            {"pause_reason", stats.pause_reason}};
}

std::string checkpoint_table(const std::vector<CheckpointInfo>& list, std::int64_t now_unix) {
    if (list.empty()) return "The cache is empty.\n";
    const std::size_t digits = id_digits(list);
    std::vector<Row> rows{{"id", "tokens", "own", "shared", "saved", "why", "used", "hits", "saves",
                           "load", "evicted", "mark", "text ends"}};
    const CheckpointInfo* first = nullptr;
    for (const CheckpointInfo& info : list) {
        if (info.evict_rank == 0) first = &info;
        rows.push_back({info.id.substr(0, digits), fmt::format("{}", info.tokens),
                        bytes_text(info.own_bytes), bytes_text(info.shared_bytes),
                        age_text(now_unix - info.created_unix),
                        std::string(save_reason_text(info.reason)),
                        age_text(now_unix - info.last_used_unix), fmt::format("{}", info.hits),
                        info.evaluate_seconds > 0 ? duration_text(info.evaluate_seconds) : "?",
                        info.load_seconds >= 0 ? duration_text(info.load_seconds) : "?",
                        eviction_place(info), marks(info), text_end(info.preview)});
    }
    std::string out = aligned(rows, "<>>>><>>>>><<");
    if (first != nullptr)
        out += fmt::format("\nNext to be evicted: {}. It {}: the least for its size.\n",
                           first->id.substr(0, digits), eviction_reason(*first));
    else
        out += "\nNothing can be evicted: every checkpoint is pinned or belongs to a session.\n";
    return out;
}

std::string checkpoint_text(const CheckpointInfo& info,
                            const std::vector<TokenAlternative>& next_tokens,
                            const std::vector<ToolBlock>& blocks, int evictable,
                            std::int64_t now_unix) {
    std::vector<Row> rows;
    const auto row = [&](std::string label, std::string value) {
        rows.push_back({std::move(label), std::move(value)});
    };
    row("id", info.id);
    row("model", fmt::format("{} ({})", printable(info.model_name), info.model_fingerprint));
    row("text",
        fmt::format("{} tokens, {} bytes, SHA-1 {}", info.tokens, info.text_bytes, info.text_sha1));
    row("saved", fmt::format("{} ago, {}", age_text(now_unix - info.created_unix),
                             save_reason_text(info.reason)));
    row("used",
        fmt::format("{} ago, {} hits", age_text(now_unix - info.last_used_unix), info.hits));
    row("goes on from", info.parent.empty() ? "nothing here" : info.parent);
    row("size",
        fmt::format("{} of its own, {} shared; removing it frees {}", bytes_text(info.own_bytes),
                    bytes_text(info.shared_bytes), bytes_text(info.freed_bytes)));
    row("evaluation", info.evaluate_seconds > 0
                          ? fmt::format("took {}", duration_text(info.evaluate_seconds))
                          : "never measured");
    row("loading", info.load_seconds >= 0
                       ? fmt::format("took {} the last time", duration_text(info.load_seconds))
                       : "never measured");
    if (const std::string mark = marks(info); !mark.empty()) row("mark", mark);
    row("eviction",
        info.evict_rank < 0
            ? fmt::format("never: {}", info.owned ? "a saved session resumes here" : "it is pinned")
            : fmt::format("{} of {}: {}", info.evict_rank + 1, evictable, eviction_reason(info)));
    if (!blocks.empty()) row("tool calls", fmt::format("{} known by id", blocks.size()));
    row("text ends", text_end(info.preview));
    std::string out = aligned(rows, "<<");
    if (next_tokens.empty()) return out + "\nIt holds no distribution of the next token.\n";
    out += "\nnext token\n";
    std::vector<Row> tokens;
    for (const TokenAlternative& one : next_tokens)
        tokens.push_back({fmt::format("{:.1f} %", 100 * one.probability), fmt::format("{}", one.id),
                          quoted_text(one.text)});
    return out + aligned(tokens, ">><");
}

std::string stats_text(const CacheStats& stats) {
    std::vector<Row> rows;
    const auto row = [&](std::string label, std::string value) {
        rows.push_back({std::move(label), std::move(value)});
    };
    row("folder", printable(stats.directory));
    row("size", fmt::format("{}, {} of it pinned or owned", bytes_text(stats.bytes),
                            bytes_text(stats.protected_bytes)));
    row("checkpoints", fmt::format("{} on {} shared segments", stats.checkpoints, stats.segments));
    if (stats.set_aside > 0) row("set aside", fmt::format("{} damaged files", stats.set_aside));
    row("disk", fmt::format("{} free", bytes_text(stats.disk_free_bytes)));
    if (stats.paused) row("paused", printable(stats.pause_reason));
    return aligned(rows, "<<");
}

}  // namespace starglass::cli

// SPDX-License-Identifier: MIT
//
// A KvCache that keeps whole checkpoints in a map: for tests of what moves them in and out.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cache/checkpoint_io.h"
#include "engine/kv_cache.h"

namespace starglass::test {

class MemoryCache final : public KvCache, public CheckpointIo {
public:
    struct Entry {
        ModelStateShape shape;
        CheckpointState state;
        CheckpointMeta meta;
        CheckpointInfo info;
    };
    std::map<std::string, Entry> entries;

    Result<std::string> put(const ModelStateShape& shape, CheckpointState state,
                            const CheckpointMeta& meta) override {
        CheckpointInfo info;
        info.id = fmt::format("c{}", entries.size() + 1);
        info.model_fingerprint = shape.fingerprint;
        info.tokens = static_cast<std::int64_t>(state.tokens.size());
        info.reason = meta.reason;
        info.created_unix = info.last_used_unix = meta.created_unix;
        entries[info.id] = {shape, std::move(state), meta, info};
        return info.id;
    }
    Result<CheckpointState> get(const std::string& id, const ModelStateShape& shape) override {
        const auto found = entries.find(id);
        if (found == entries.end()) return missing(id);
        if (found->second.shape.fingerprint != shape.fingerprint)
            return fail(ErrorCode::invalid_input, "checkpoint {} is of another model", id);
        return found->second.state;
    }

    [[nodiscard]] const KvCacheOptions& options() const override { return options_; }
    [[nodiscard]] std::vector<CheckpointInfo> list() const override {
        std::vector<CheckpointInfo> out;
        for (const auto& [id, entry] : entries) out.push_back(entry.info);
        return out;
    }
    [[nodiscard]] std::optional<CheckpointInfo> info(const std::string& id) const override {
        const auto found = entries.find(id);
        return found == entries.end() ? std::nullopt : std::optional(found->second.info);
    }
    [[nodiscard]] CacheStats stats() const override { return {}; }
    [[nodiscard]] CacheRate rate() const override { return {}; }
    Result<std::string> text(const std::string& id) override {
        return entries.count(id) != 0 ? Result<std::string>(entries[id].state.text) : missing(id);
    }
    Result<std::vector<TokenAlternative>> next_tokens(const std::string&) override {
        return std::vector<TokenAlternative>{};
    }
    Result<std::vector<ToolBlock>> tool_blocks(const std::string& id) override {
        if (entries.count(id) == 0) return missing(id);
        return entries[id].state.blocks;
    }
    Status pin(const std::string&, bool) override { return {}; }
    Status own(const std::string&, bool) override { return {}; }
    Status remove(const std::string& id) override {
        if (entries.erase(id) == 0) return missing(id);
        return {};
    }
    Result<std::int64_t> set_budget(std::int64_t) override { return 0; }
    Result<std::int64_t> collect_garbage() override { return 0; }
    Result<std::vector<CacheProblem>> verify(const std::string&, const CancelToken&) override {
        return std::vector<CacheProblem>{};
    }
    Status export_bundle(const std::string& id, const std::string&) override { return missing(id); }
    Result<std::string> import_bundle(const std::string& path) override { return missing(path); }
    void flush() override {}
    void set_listener(CacheListener) override {}

private:
    static tl::unexpected<Error> missing(const std::string& id) {
        return fail(ErrorCode::not_found, "there is no checkpoint {}", id);
    }
    KvCacheOptions options_;
};

}  // namespace starglass::test

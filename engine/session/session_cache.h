// SPDX-License-Identifier: MIT
//
// A session's dealings with the disk cache: turning its timeline into a checkpoint and back, and
// the moments at which that happens (docs/kv_file.md). Belongs to one session and its thread; does
// nothing, and says so, without a cache.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cache/kv_store.h"
#include "session/engine_impl.h"
#include "session/prompt_match.h"
#include "session/timeline.h"

namespace starglass {

class SessionCache {
public:
    // `cache` may be empty. Numerics `cont` keeps rows that no checkpoint holds: it goes without.
    SessionCache(EngineImpl& engine, std::shared_ptr<KvCache> cache);

    [[nodiscard]] bool available() const { return store_ != nullptr; }

    // Hands the timeline over. `logits` are those after its last token, empty when not known.
    // Returns the checkpoint's id. Errors as KvStore::enqueue.
    Result<std::string> save(Timeline& timeline, std::span<const float> logits, SaveReason reason,
                             bool requested);
    // As save, for the moments nobody waits for: too short or unwritable is not an error. The id
    // is empty when nothing was handed over.
    std::string save_quietly(Timeline& timeline, std::span<const float> logits, SaveReason reason);

    struct Loaded {
        LoadedCheckpoint checkpoint;
        std::string id;
        std::vector<TokenId> rest;  // of the prompt
    };
    // The longest checkpoint that the prompt begins with, that loads, and that covers at least
    // `tokens_more` tokens more than `memory_tokens`, which need no loading. `note` gets a sentence
    // for each that could not be used.
    std::optional<Loaded> find(const PromptMatch& prompt, std::int64_t memory_tokens,
                               std::string& note);
    Result<LoadedCheckpoint> load(const std::string& id);
    void install(Timeline& timeline, LoadedCheckpoint& loaded, const std::string& id);
    // Whether other arithmetic than this engine's made some of its rows.
    [[nodiscard]] bool made_elsewhere(const LoadedCheckpoint& loaded) const;

    // The best checkpoint by what the catalogue says, without reading it.
    [[nodiscard]] std::optional<CheckpointMatch> predict(const PromptMatch& prompt) const;
    [[nodiscard]] std::optional<PrefixReport> nearest(std::string_view text) const;

    // Positions in (from, to) at which a prompt's evaluation stops to save, with the reason.
    struct Stop {
        std::int64_t position = 0;
        SaveReason reason = SaveReason::continued;
    };
    [[nodiscard]] std::vector<Stop> stops(std::span<const TokenId> timeline, std::int64_t from,
                                          std::int64_t to) const;
    // After a token was generated.
    [[nodiscard]] bool due(std::int64_t position) const;

    [[nodiscard]] const ModelStateShape& shape() const { return *shape_; }

private:
    EngineImpl& engine_;
    std::shared_ptr<KvCache> cache_;
    KvStore* store_ = nullptr;  // cache_, when it is one
    std::shared_ptr<const ModelStateShape> shape_;
    std::shared_ptr<SpentStates> spent_;
    std::uint32_t producer_ = 0;
};

}  // namespace starglass

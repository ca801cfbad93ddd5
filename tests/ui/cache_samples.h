// SPDX-License-Identifier: MIT
//
// A made-up cache for the Cache tab's tests and pictures: a system prompt several conversations
// share, one of them with a branch, an imported one, and two of another model. All sizes and times
// are invented.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "fake_cache.h"

namespace starglass::test {

inline std::vector<CheckpointInfo> sampleCheckpoints(std::int64_t now) {
    std::vector<CheckpointInfo> out;
    const auto add = [&](CheckpointInfo one, SaveReason reason, std::int64_t ago, int hits,
                         double load, int rank) -> CheckpointInfo& {
        one.reason = reason;
        one.last_used_unix = now - ago;
        one.created_unix = now - ago - 600;
        one.hits = hits;
        one.load_seconds = load;
        one.evict_rank = rank;
        out.push_back(std::move(one));
        return out.back();
    };
    add(checkpoint("sys", "", 1'240, "You are a helpful guide to this program."), SaveReason::cold,
        120, 14, 0.04, 6);
    add(checkpoint("lease-1", "sys", 18'400, "Please read the contract, clause by clause."),
        SaveReason::continued, 4 * 3600, 2, 0.31, 1);
    add(checkpoint("lease-2", "lease-1", 31'900, "Clause 14 lets either side end it."),
        SaveReason::turn, 3 * 3600, 3, 0.44, -1)
        .owned = true;
    add(checkpoint("parser-1", "sys", 22'528, "static Result<Model> open(const Path& path) {"),
        SaveReason::continued, 1'500, 1, 0.28, 4);
    add(checkpoint("parser-2", "parser-1", 30'720, "The lookahead is not needed any more."),
        SaveReason::prompt, 900, 5, 0.36, 5);
    add(checkpoint("parser-3a", "parser-2", 31'012, "Use a table of states instead."),
        SaveReason::turn, 860, 0, -1, 2);
    add(checkpoint("parser-3b", "parser-2", 31'240, "Recursive descent is simpler here."),
        SaveReason::turn, 40, 1, 0.4, -1)
        .pinned = true;
    add(checkpoint("notes", "", 5'020, "…and buy lemons, too."), SaveReason::shutdown, 9 * 86'400,
        0, -1, 0);
    add(checkpoint("import", "", 48'210, "what comes back from disk is identical."),
        SaveReason::imported, 2 * 86'400, 1, 0.9, 3);
    for (int i = 0; i < 2; ++i) {
        CheckpointInfo& other =
            add(checkpoint(i ? "other-1" : "other-0", i ? "other-0" : "", 2'048 * (i + 1),
                           i ? "The second of another model." : "The first of another model."),
                SaveReason::continued, 20 * 86'400, 0, -1, 7 + i);
        other.model_fingerprint = "ffffffffffffffffffffffffffffffff";
        other.model_name = "Flash q2-imatrix";
    }
    return out;
}

inline void fillSample(FakeCache& cache) {
    cache.set(sampleCheckpoints(static_cast<std::int64_t>(std::time(nullptr))));
    cache.setStats([](CacheStats& stats) {
        stats.directory = "/home/someone/.local/share/starglass/kv";
        stats.bytes = 742'000'000;
        stats.budget_bytes = 2'000'000'000;
        stats.protected_bytes = 245'000'000;
        stats.disk_free_bytes = 210'000'000'000;
        stats.segments = 60;
        stats.lookups = 9;
        stats.hits = 7;
        stats.tokens_saved = 96'000;
        stats.seconds_saved = 372;
    });
    cache.setRate({1.1e9, 0.6e9});
}

inline ReuseReport sampleReuse() {
    ReuseReport out;
    out.source = ReuseSource::disk;
    out.checkpoint = "parser-2";
    out.tokens = 30'720;
    out.load_seconds = 0.36;
    out.saved_seconds = 122.9;
    PrefixReport left;
    left.checkpoint = "parser-3a";
    left.common_bytes = 122'904;
    left.cached_bytes = 124'100;
    left.prompt_bytes = 123'400;
    left.common_end = "is not needed any more.\n\nThen how would you ";
    left.cached_next = "write it?\n\nUse a table of states instead.";
    left.prompt_next = "test it without a file?";
    out.left = left;
    return out;
}

}  // namespace starglass::test

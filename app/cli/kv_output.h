// SPDX-License-Identifier: MIT
//
// Checkpoints and what a cache holds, as tables for people and as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/kv_cache.h"
#include "output.h"

namespace starglass::cli {

std::string_view reason_name(SaveReason reason);  // for JSON: "continued"

Json checkpoint_to_json(const CheckpointInfo& info);
Json stats_to_json(const CacheStats& stats);

// A line per checkpoint under a head, and one about who goes first.
std::string checkpoint_table(const std::vector<CheckpointInfo>& list, std::int64_t now_unix);
// Everything about one. `of` is how many the cache may evict.
std::string checkpoint_text(const CheckpointInfo& info,
                            const std::vector<TokenAlternative>& next_tokens,
                            const std::vector<ToolBlock>& blocks, int evictable,
                            std::int64_t now_unix);
std::string stats_text(const CacheStats& stats);

// "3 min", "2 days"
std::string age_text(std::int64_t seconds);
// "12 ms", "4.1 s", "3 min 20 s"
std::string duration_text(double seconds);

}  // namespace starglass::cli

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums over a CacheView, without widgets: what a smaller budget would take, and whose bytes are on
// disk. Pure functions; any thread.
#pragma once

#include <QString>
#include <functional>
#include <vector>

#include "bridge/cache_service.h"

namespace starglass::ui {

// The name of the session that resumes at a checkpoint; empty for none.
using SessionTitles = std::function<QString(const QString& checkpointId)>;

// What would go with a budget of `budget` bytes.
struct EvictionPreview {
    std::int64_t budget = 0;
    int checkpoints = 0;
    std::int64_t freed = 0;
    // What is left is more than the budget all the same: pinned, or needed by saved sessions.
    std::int64_t over = 0;
};
// In the order of evict_rank until the rest fits. `freed_bytes` is what removing one alone frees;
// two that share a segment free more together, so no more than this many will go.
EvictionPreview previewBudget(const CacheView& view, std::int64_t budget);
// "32 GB": a budget as it was chosen.
QString budgetText(std::int64_t bytes);
QString previewSentence(const EvictionPreview& preview, const CacheView& view);

// Budgets to choose from, ascending, whole gigabytes: 1 to 512, as far as the disk has room for
// (what the cache has and what is free), and the one in force.
std::vector<std::int64_t> budgetSteps(const CacheStats& stats);

// Bytes by the session they belong to, largest first.
struct DiskShare {
    enum class Kind { session, shared, model, others };
    Kind kind = Kind::session;
    QString name;
    std::int64_t bytes = 0;
    int checkpoints = 0;
    friend bool operator==(const DiskShare&, const DiskShare&) = default;
};
// A checkpoint adds its own file and the segments its parent does not need already; summed up,
// shared segments count once. It belongs to the session of its title, else to the one all that
// continue it belong to; what several continue is shared. Without titles a branch is named by its
// text. Checkpoints of other models than `fingerprint` go by model. At most `most` and the rest as
// one.
std::vector<DiskShare> diskShares(const CacheView& view, const std::string& fingerprint,
                                  const SessionTitles& titles, int most);

// Control strings of a rendered prompt as people read them: "<｜User｜>" is ‹User›. Its bars are
// not in every font.
QString readable(const QString& rendered);
// One line for a list: the text a checkpoint ends with.
QString previewText(const CheckpointInfo& info);

}  // namespace starglass::ui

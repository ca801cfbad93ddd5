// SPDX-License-Identifier: GPL-3.0-or-later
//
// What crosses from the engine's thread to the window's, as values. All of it can be copied
// freely and is registered with Qt's meta-type system by register_bridge_types().
#pragma once

#include <QMetaType>
#include <QString>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/experts.h"
#include "engine/kv_cache.h"

namespace starglass::ui {

using ModelInfoPtr = std::shared_ptr<const ModelInfo>;
using EnginePtr = std::shared_ptr<Engine>;
using CancelPtr = std::shared_ptr<CancelToken>;
using KvCachePtr = std::shared_ptr<KvCache>;
class ExpertLease;
using ExpertLeasePtr = std::shared_ptr<ExpertLease>;
using ExpertSnapshotPtr = std::shared_ptr<const ExpertMemorySnapshot>;

// An error as a person needs it: what happened, what is safe, what to do next. `details` is for
// a bug report.
struct UserError {
    QString happened;
    QString safe;
    QString next;
    QString details;
    bool device = false;  // a graphics processor's: another place may do what failed
    [[nodiscard]] bool empty() const { return happened.isEmpty(); }
    [[nodiscard]] QString sentence() const { return happened + u' ' + safe + u' ' + next; }
};

// RoutingFrame with its own memory. `experts` and `weights` are [layers, experts_used].
struct RoutingSample {
    std::int64_t position = 0;
    bool prefill = false;
    int layers = 0;
    int expertsUsed = 0;
    std::vector<std::int32_t> experts;
    std::vector<float> weights;
};
using RoutingBatch = std::vector<RoutingSample>;
using TokenBatch = std::vector<TokenEvent>;

// ExpertsFrame with its own memory.
struct ExpertsSample {
    std::int64_t position = 0;  // of the first row
    int rows = 0;
    bool prefill = false;
    double seconds = 0;
    double stallSeconds = 0;
    std::vector<ExpertLayerUse> layers;
    [[nodiscard]] std::int64_t needed() const;
    [[nodiscard]] std::int64_t misses() const;
    [[nodiscard]] std::uint64_t readBytes() const;
};
using ExpertsBatch = std::vector<ExpertsSample>;

// Where the session stands. `memoryBytes` counts rows, frontiers and snapshots.
struct SessionStats {
    std::int64_t usedTokens = 0;
    std::int64_t limitTokens = 0;
    std::int64_t memoryBytes = 0;
};

// One request to the engine: the whole conversation, rendered and encoded on the worker.
struct GenerateJob {
    Conversation conversation;
    ThinkMode think = ThinkMode::on;
    SamplingOptions sampling;
    int maxTokens = -1;
    bool tools = false;
    // The last message is the assistant's and unfinished: what is written continues it.
    enum class GoesOn { no, thinking, answer };
    GoesOn goesOn = GoesOn::no;
};

// How many tokens a draft has, and the prompt it would make.
struct TokenCount {
    int draftTokens = 0;
    int promptTokens = 0;
};

void registerBridgeTypes();

}  // namespace starglass::ui

Q_DECLARE_METATYPE(starglass::ui::ModelInfoPtr)
Q_DECLARE_METATYPE(starglass::ui::EnginePtr)
Q_DECLARE_METATYPE(starglass::ui::KvCachePtr)
Q_DECLARE_METATYPE(starglass::ui::UserError)
Q_DECLARE_METATYPE(starglass::ui::RoutingBatch)
Q_DECLARE_METATYPE(starglass::ui::TokenBatch)
Q_DECLARE_METATYPE(starglass::ui::ExpertsBatch)
Q_DECLARE_METATYPE(starglass::ui::ExpertLeasePtr)
Q_DECLARE_METATYPE(starglass::ui::ExpertSnapshotPtr)
Q_DECLARE_METATYPE(starglass::ui::SessionStats)
Q_DECLARE_METATYPE(starglass::ui::TokenCount)
Q_DECLARE_METATYPE(starglass::LoadProgress)
Q_DECLARE_METATYPE(starglass::PrefillProgress)
Q_DECLARE_METATYPE(starglass::GenerateResult)
Q_DECLARE_METATYPE(starglass::ReuseReport)

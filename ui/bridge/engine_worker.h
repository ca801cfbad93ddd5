// SPDX-License-Identifier: GPL-3.0-or-later
//
// Owns the Engine and its Session and is the only place that touches them. Lives on its own
// QThread; its slots are invoked queued by EngineBridge, its signals arrive queued there. What
// comes often (tokens, routing, progress) goes through the Mailbox instead of one event each.
#pragma once

#include <QObject>
#include <functional>

#include "bridge/mailbox.h"
#include "bridge/types.h"
#include "engine/devices.h"
#include "engine/memory_plan.h"

namespace starglass::ui {

// How engines come into being; tests put a FakeEngine here. `builtin` and `cache` may be empty.
struct EngineOpeners {
    std::function<Result<EnginePtr>(const std::string& path, const EngineOptions&,
                                    const LoadListener&, const CancelToken&)>
        file;
    std::function<Result<EnginePtr>(const EngineOptions&, const LoadListener&, const CancelToken&)>
        builtin;
    // The disk cache every session uses. Called once, on the worker.
    std::function<Result<KvCachePtr>()> cache;
    // The machine's graphics processors; called on a thread of its own.
    std::function<Result<std::vector<DeviceDescription>>()> devices;
    // What another budget for experts would bring; called on a thread of its own. Empty: nothing
    // is predicted.
    std::function<Result<Simulation>(const ExpertTrace&, const SimulationOptions&,
                                     const CancelToken&)>
        simulate;
    // What a model would keep in memory and how fast it would be; called on a thread of its own.
    // Empty: nothing is planned.
    std::function<Result<MemoryReport>(const std::string& path, const PlanRequest&,
                                       const CancelToken&)>
        plan;
    // What this process keeps in memory now. Empty: not known.
    std::function<std::int64_t()> memory;
};

class EngineWorker : public QObject {
    Q_OBJECT
public:
    // How long the end of the program waits for the disk. A write that is cut off there leaves the
    // cache as it was before it.
    static constexpr int kFlushMsMax = 10'000;

    EngineWorker(EngineOpeners openers, std::shared_ptr<Mailbox> mailbox);
    // Hands the live state to the cache and waits for the disk, at most kFlushMsMax.
    ~EngineWorker() override;

    // Both want the memory of a graphics processor, or the one in use keeps the process to a
    // ceiling that two models would break.
    static bool goesFirst(const PlacementSummary& inUse, const EngineOptions& next);

    // Does nothing the second time, or without `EngineOpeners::cache`. A cache that cannot be
    // opened is said and done without.
    void openCache();
    // An empty path means the built-in model. The model in use stays until the new one is ready,
    // unless goesFirst(): then it may be gone in vain.
    void open(quint64 request, const QString& path, const EngineOptions& options,
              const CancelPtr& cancel);
    void generate(quint64 request, const GenerateJob& job, const CancelPtr& cancel);
    void clear();
    // Makes the live state that of a checkpoint; nothing is evaluated.
    void resume(const QString& checkpoint);
    // A short name for a conversation, in the model's words; nothing is shown or saved of it.
    void suggestTitle(qint64 session, const Conversation& conversation, const CancelPtr& cancel);

signals:
    void titleSuggested(qint64 session, const QString& title);
    void activity();  // the mailbox has something
    // Either a cache or an error.
    void cacheReady(const KvCachePtr& cache, const UserError& error);
    // `experts` is null where all of them are in memory.
    void opened(quint64 request, const EnginePtr& engine, const ExpertLeasePtr& experts,
                const SessionStats& stats);
    // `closed`: the model that was in use is gone.
    void openFailed(quint64 request, const UserError& error, bool cancelled, bool closed);
    void promptReady(quint64 request, int promptTokens);
    void generated(quint64 request, const GenerateResult& result, const SessionStats& stats);
    void generateFailed(quint64 request, const UserError& error);
    void cleared(const SessionStats& stats);
    // `problem` is empty when it worked.
    void resumed(const QString& checkpoint, const ReuseReport& report, const QString& problem,
                 const SessionStats& stats);

private:
    [[nodiscard]] SessionStats stats() const;
    void save(SaveReason reason);
    void close();  // the session, what was lent, the engine
    Result<GenerateResult> answer(quint64 request, const GenerateJob& job,
                                  const CancelToken& cancel);

    EngineOpeners openers_;
    std::shared_ptr<Mailbox> mailbox_;
    KvCachePtr cache_;
    bool cacheTried_ = false;
    EnginePtr engine_;  // declared before the session, so it outlives it
    std::unique_ptr<Session> session_;
    ExpertLeasePtr lease_;  // on engine_
};

}  // namespace starglass::ui

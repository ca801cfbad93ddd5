// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/expert_service.h"

#include <optional>
#include <utility>

#include "bridge/engine_bridge.h"
#include "bridge/error_text.h"
#include "bridge/expert_lease.h"
#include "bridge/guarded.h"

namespace starglass::ui {
namespace {

template <class F>
void post(QObject* to, F&& what) {
    QMetaObject::invokeMethod(to, std::forward<F>(what), Qt::QueuedConnection);
}

int decodedTokens(const ExpertTrace& trace) {
    int out = 0;
    for (const ExpertTrace::Batch& batch : trace.batches) out += batch.rows == 1;
    return out;
}

}  // namespace

ExpertService::ExpertService(Simulate simulate, QObject* parent)
    : QObject(parent),
      simulate_(std::move(simulate)),
      viewer_(new QObject),
      simulator_(new QObject) {
    registerBridgeTypes();
    qRegisterMetaType<ExpertPrediction>();
    viewThread_.setObjectName(QStringLiteral("expert view"));
    simulationThread_.setObjectName(QStringLiteral("what if"));
    viewer_->moveToThread(&viewThread_);
    simulator_->moveToThread(&simulationThread_);
    connect(&viewThread_, &QThread::finished, viewer_, &QObject::deleteLater);
    connect(&simulationThread_, &QThread::finished, simulator_, &QObject::deleteLater);
    lookTimer_.setSingleShot(true);
    connect(&lookTimer_, &QTimer::timeout, this, &ExpertService::look);
    viewThread_.start();
    simulationThread_.start(QThread::IdlePriority);
}

ExpertService::~ExpertService() {
    cancelPrediction();
    // Behind a look that is under way; it may post to the other thread, so that one ends second.
    viewThread_.quit();
    viewThread_.wait();
    simulationThread_.quit();
    simulationThread_.wait();
}

void ExpertService::follow(EngineBridge& bridge) {
    const auto take = [this, &bridge] {
        setLookahead(bridge.options().expert_lookahead != Lookahead::off);
        setLease(bridge.experts());
    };
    connect(&bridge, &EngineBridge::modelReady, this, take);
    connect(&bridge, &EngineBridge::loadFailed, this, take);  // the model in use may be gone
    connect(&bridge, &EngineBridge::expertFrames, this, &ExpertService::addFrames);
    connect(&bridge, &EngineBridge::finished, this, &ExpertService::refresh);
    connect(&bridge, &EngineBridge::failed, this, &ExpertService::refresh);
    take();
}

void ExpertService::setLease(const ExpertLeasePtr& lease) {
    if (lease == lease_) return;
    cancelPrediction();
    lease_ = lease;
    snapshot_.reset();
    recent_.clear();
    emit streamingChanged();
    emit recentChanged();
    if (!lease_) {
        lookTimer_.stop();
        return;
    }
    refresh();
}

void ExpertService::addFrames(const ExpertsBatch& frames) {
    if (!lease_ || frames.empty()) return;
    for (const ExpertsSample& one : frames) recent_.add(one);
    emit recentChanged();
    refresh();
}

// --- where they are ------------------------------------------------------------------------

void ExpertService::refresh() {
    if (!lease_ || lookTimer_.isActive()) return;
    if (looking_) {
        again_ = true;
        return;
    }
    const qint64 waited = sinceLook_.isValid() ? sinceLook_.elapsed() : kRefreshIntervalMs;
    if (waited >= kRefreshIntervalMs)
        look();
    else
        lookTimer_.start(static_cast<int>(kRefreshIntervalMs - waited));
}

void ExpertService::look() {
    if (!lease_) return;
    looking_ = true;
    sinceLook_.start();
    post(viewer_, [this, lease = lease_] {
        ExpertSnapshotPtr taken;
        // Without memory for a copy the last one stays on screen.
        (void)guarded([&]() -> Status {
            lease->with([&](const ExpertMemory& memory) {
                taken = std::make_shared<const ExpertMemorySnapshot>(memory.snapshot());
            });
            return {};
        });
        post(this, [this, lease, taken = std::move(taken)] {
            looking_ = false;
            if (taken && lease == lease_) {
                snapshot_ = taken;
                emit snapshotTaken(snapshot_);
            }
            if (std::exchange(again_, false)) refresh();
        });
    });
}

// --- what if -------------------------------------------------------------------------------

quint64 ExpertService::predict(const std::vector<std::uint64_t>& budgets) {
    cancelPrediction();
    if (!canPredict() || budgets.empty()) return request_;
    cancel_ = std::make_shared<CancelToken>();
    // The copy is taken where there is always time for it: whoever waits for the lease to end must
    // not wait for a thread that gives way to everybody.
    SimulationOptions asRunning;
    if (snapshot_) asRunning.policy = snapshot_->policy;
    asRunning.lookahead = lookahead_;
    post(viewer_, [this, request = request_, budgets, asRunning, lease = lease_, cancel = cancel_] {
        auto trace = std::make_shared<ExpertTrace>();
        if (cancel->cancelled()) return;
        const Status copied = guarded([&]() -> Status {
            lease->with([&](const ExpertMemory& memory) { *trace = memory.trace(); });
            return {};
        });
        if (!copied) trace->batches.clear();
        post(simulator_, [this, request, budgets, asRunning, cancel, trace] {
            const int tokens = decodedTokens(*trace);
            for (const std::uint64_t budget : budgets) {
                if (cancel->cancelled()) return;
                ExpertPrediction out;
                out.request = request;
                out.budgetBytes = budget;
                out.decodedTokens = tokens;
                SimulationOptions options = asRunning;
                options.budget_bytes = budget;
                const auto made = guarded([&]() -> Result<Simulation> {
                    if (tokens == 0) return fail(ErrorCode::not_found, "no token was written yet");
                    return simulate_(*trace, options, *cancel);
                });
                if (cancel->cancelled()) return;
                if (made) {
                    out.hitRate = made->decode.hit_rate();
                    out.tokensPerSecond = made->predicted_tokens_s;
                } else {
                    out.problem = asSentence(made.error().message);
                }
                post(this, [this, out] {
                    if (out.request == request_) emit predicted(out);
                });
            }
            post(this, [this, request] {
                if (request == request_) emit predictionsDone(request);
            });
        });
    });
    return request_;
}

void ExpertService::cancelPrediction() {
    ++request_;
    if (cancel_) cancel_->cancel();
    cancel_.reset();
}

}  // namespace starglass::ui

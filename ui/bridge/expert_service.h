// SPDX-License-Identifier: GPL-3.0-or-later
//
// The experts of a model that reads them from disk, as the window sees them: where they are now,
// and what another budget would bring. Lives on the UI thread; looks at the engine on a thread of
// its own, predicts on another one that only runs when nobody else wants to, so that a prediction
// does not slow down what it predicts. Never owns the engine: see ExpertLease.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QThread>
#include <QTimer>
#include <functional>
#include <vector>

#include "bridge/hit_window.h"
#include "bridge/types.h"

namespace starglass::ui {

class EngineBridge;

// What one budget would have brought for what was recorded. Predicted, all of it.
struct ExpertPrediction {
    quint64 request = 0;
    std::uint64_t budgetBytes = 0;
    int decodedTokens = 0;       // of the trace it is predicted from
    double hitRate = 0;          // of these tokens
    double tokensPerSecond = 0;  // 0: not known
    QString problem;             // why there is none for this budget; else empty
};

class ExpertService : public QObject {
    Q_OBJECT
public:
    // Looked at twice a second at most.
    static constexpr int kRefreshIntervalMs = 500;
    // As EngineOpeners::simulate. Empty: nothing is predicted.
    using Simulate = std::function<Result<Simulation>(const ExpertTrace&, const SimulationOptions&,
                                                      const CancelToken&)>;

    explicit ExpertService(Simulate simulate = {}, QObject* parent = nullptr);
    // Cancels a prediction and waits for what is left of it.
    ~ExpertService() override;

    // Connects every signal the service lives on. The bridge outlives it or takes its signals with
    // it.
    void follow(EngineBridge& bridge);
    // Null: all experts are in memory, or no model is open. Forgets what was known.
    void setLease(const ExpertLeasePtr& lease);
    // Predictions read ahead as the engine does.
    void setLookahead(bool on) { lookahead_ = on; }
    // Counts and looks again, soon.
    void addFrames(const ExpertsBatch& frames);

    [[nodiscard]] bool streaming() const { return lease_ != nullptr; }
    [[nodiscard]] bool canPredict() const { return lease_ && simulate_; }
    // The latest; null before the first.
    [[nodiscard]] const ExpertSnapshotPtr& snapshot() const { return snapshot_; }
    // Over the last few tokens that were written.
    [[nodiscard]] const HitWindow& recent() const { return recent_; }

public slots:
    void refresh();  // soon
    // Predicts each budget in the order given, from what is recorded now; a signal each. Replaces
    // what was asked for before, of which nothing more is heard. Returns the request's number.
    quint64 predict(const std::vector<std::uint64_t>& budgets);
    void cancelPrediction();

signals:
    void streamingChanged();
    void snapshotTaken(const starglass::ui::ExpertSnapshotPtr& snapshot);
    void recentChanged();
    void predicted(const starglass::ui::ExpertPrediction& prediction);
    // All budgets of the newest request have been told.
    void predictionsDone(quint64 request);

private:
    void look();

    Simulate simulate_;
    QThread viewThread_;
    QThread simulationThread_;
    QObject* viewer_;     // lives on viewThread_: only copies, so it never waits for long
    QObject* simulator_;  // lives on simulationThread_
    ExpertLeasePtr lease_;
    ExpertSnapshotPtr snapshot_;
    HitWindow recent_;
    QElapsedTimer sinceLook_;
    QTimer lookTimer_;
    bool looking_ = false;
    bool again_ = false;
    bool lookahead_ = false;
    quint64 request_ = 0;
    CancelPtr cancel_;
};

}  // namespace starglass::ui

Q_DECLARE_METATYPE(starglass::ui::ExpertPrediction)

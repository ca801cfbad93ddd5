// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window's side of the engine: every call returns at once, every outcome is a signal. Lives on
// the UI thread and owns the worker's thread. The destructor cancels what runs and joins.
//
// For panels beside the transcript: modelReady, answerStarted, tokenEvents, routingFrames,
// answerFinished and tokenSelected are all they need; Chat::token() has a token's alternatives.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QThread>
#include <QTimer>

#include "bridge/engine_worker.h"
#include "bridge/token_counter.h"

namespace starglass::ui {

class EngineBridge : public QObject {
    Q_OBJECT
public:
    // Tokens that come faster than this are delivered together.
    static constexpr int kDeliveryIntervalMs = 50;

    explicit EngineBridge(EngineOpeners openers, QObject* parent = nullptr);
    ~EngineBridge() override;

    // For models opened from now on.
    void setOptions(const EngineOptions& options) { options_ = options; }
    [[nodiscard]] const EngineOptions& options() const { return options_; }
    // Pictures of a fast model need finer steps than people do.
    void setDeliveryInterval(int ms) { deliveryIntervalMs_ = ms; }

    // Stops a running answer first; the model in use stays until the new one is ready.
    void openModel(const QString& path);
    void openBuiltin() { openModel({}); }
    void cancelLoad();
    [[nodiscard]] bool loading() const { return load_ != 0; }
    // Null until a model is ready.
    [[nodiscard]] const ModelInfoPtr& model() const { return model_; }
    [[nodiscard]] const SessionStats& stats() const { return stats_; }
    // Where it runs; as made by default without a model.
    [[nodiscard]] const PlacementSummary& placement() const { return placement_; }
    // Null where all experts are in memory, and without a model.
    [[nodiscard]] const ExpertLeasePtr& experts() const { return experts_; }
    // Null until the disk cache is open, or when there is none.
    [[nodiscard]] const KvCachePtr& cache() const { return cache_; }

    // Starts an answer and returns its request number. One at a time.
    quint64 generate(const GenerateJob& job);
    void stop();
    void clearSession();
    // Asks the model for a name when it has nothing else to do; the next request cancels it. The
    // answer is titleSuggested, or nothing.
    void suggestTitle(qint64 session, const Conversation& conversation);
    // In the background, behind what runs; resumed() tells.
    void resume(const QString& checkpoint);
    [[nodiscard]] bool answering() const { return answer_ != 0; }

    [[nodiscard]] TokenCounter& counter() { return counter_; }
    // What Chat and the transcript announce to panels.
    void announceAnswer(qint64 message) { emit answerStarted(message); }
    void announceTokens(qint64 message, int first, const TokenBatch& batch) {
        emit tokenEvents(message, first, batch);
    }
    void announceFinished(qint64 message) { emit answerFinished(message); }
    void selectToken(qint64 message, int token) { emit tokenSelected(message, token); }

signals:
    void loadStarted(const QString& path);
    void loadProgress(const LoadProgress& progress);
    void modelReady(const ModelInfoPtr& model);
    void loadFailed(const UserError& error, bool cancelled);

    // Either a cache or an error; not sent at all without EngineOpeners::cache.
    void cacheReady(const KvCachePtr& cache, const UserError& error);

    void promptReady(quint64 request, int promptTokens);
    void prefillProgress(const PrefillProgress& progress);
    void tokens(quint64 request, const TokenBatch& batch);
    void finished(quint64 request, const GenerateResult& result);
    void failed(quint64 request, const UserError& error);
    void statsChanged(const SessionStats& stats);
    void titleSuggested(qint64 session, const QString& title);
    void resumed(const QString& checkpoint, const ReuseReport& report, const QString& problem);
    void stateChanged();  // loading() or answering() changed

    // For panels. A message is one reply with all its tool rounds; tokens are counted within it.
    void answerStarted(qint64 message);
    void tokenEvents(qint64 message, int firstToken, const TokenBatch& batch);
    void routingFrames(const RoutingBatch& frames);
    // One per batch of the forward pass, of a model whose experts are read from disk.
    void expertFrames(const ExpertsBatch& frames);
    void answerFinished(qint64 message);
    void tokenSelected(qint64 message, int token);

private:
    void onActivity();
    void deliver();
    void onOpened(quint64 request, const EnginePtr& engine, const ExpertLeasePtr& experts,
                  const SessionStats& stats);

    std::shared_ptr<Mailbox> mailbox_;
    QThread thread_;
    EngineWorker* worker_;  // lives on thread_, deleted when it ends
    TokenCounter counter_;
    EngineOptions options_;
    ModelInfoPtr model_;
    PlacementSummary placement_;
    SessionStats stats_;
    ExpertLeasePtr experts_;
    KvCachePtr cache_;
    CancelPtr loadCancel_;
    CancelPtr answerCancel_;
    CancelPtr titleCancel_;
    quint64 lastRequest_ = 0;
    quint64 load_ = 0;    // the request being loaded, 0 for none
    quint64 answer_ = 0;  // the request being answered, 0 for none
    int deliveryIntervalMs_ = kDeliveryIntervalMs;
    QElapsedTimer sinceDelivery_;
    QTimer deliveryTimer_;
};

}  // namespace starglass::ui

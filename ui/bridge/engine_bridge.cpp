// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/engine_bridge.h"

#include "bridge/expert_lease.h"

namespace starglass::ui {

EngineBridge::EngineBridge(EngineOpeners openers, QObject* parent)
    : QObject(parent),
      mailbox_(std::make_shared<Mailbox>()),
      worker_(new EngineWorker(std::move(openers), mailbox_)) {
    registerBridgeTypes();
    thread_.setObjectName(QStringLiteral("engine"));
    // Kernels use a few large stack frames; Qt's default of the platform may be 512 KiB.
    thread_.setStackSize(8 << 20);
    worker_->moveToThread(&thread_);
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);

    deliveryTimer_.setSingleShot(true);
    connect(&deliveryTimer_, &QTimer::timeout, this, &EngineBridge::deliver);
    connect(worker_, &EngineWorker::activity, this, &EngineBridge::onActivity);
    connect(worker_, &EngineWorker::cacheReady, this,
            [this](const KvCachePtr& cache, const UserError& error) {
                cache_ = cache;
                emit cacheReady(cache, error);
            });
    connect(worker_, &EngineWorker::opened, this, &EngineBridge::onOpened);
    connect(worker_, &EngineWorker::openFailed, this,
            [this](quint64 request, const UserError& error, bool cancelled, bool closed) {
                if (closed) {
                    model_.reset();
                    placement_ = {};
                    experts_.reset();
                    stats_ = {};
                }
                if (request != load_) return;
                deliver();
                load_ = 0;
                emit stateChanged();
                emit loadFailed(error, cancelled);
            });
    connect(worker_, &EngineWorker::promptReady, this, &EngineBridge::promptReady);
    connect(worker_, &EngineWorker::titleSuggested, this, &EngineBridge::titleSuggested);
    connect(worker_, &EngineWorker::generated, this,
            [this](quint64 request, const GenerateResult& result, const SessionStats& stats) {
                deliver();  // tokens before their ending
                stats_ = stats;
                if (request == answer_) answer_ = 0;
                emit stateChanged();
                emit statsChanged(stats_);
                emit finished(request, result);
            });
    connect(worker_, &EngineWorker::generateFailed, this,
            [this](quint64 request, const UserError& error) {
                deliver();
                if (request == answer_) answer_ = 0;
                emit stateChanged();
                emit failed(request, error);
            });
    connect(worker_, &EngineWorker::cleared, this, [this](const SessionStats& stats) {
        stats_ = stats;
        emit statsChanged(stats_);
    });
    connect(worker_, &EngineWorker::resumed, this,
            [this](const QString& checkpoint, const ReuseReport& report, const QString& problem,
                   const SessionStats& stats) {
                stats_ = stats;
                emit statsChanged(stats_);
                emit resumed(checkpoint, report, problem);
            });
    thread_.start();
    // Before any model: what the cache holds can be looked at without one.
    QMetaObject::invokeMethod(
        worker_, [worker = worker_] { worker->openCache(); }, Qt::QueuedConnection);
}

EngineBridge::~EngineBridge() {
    if (loadCancel_) loadCancel_->cancel();
    stop();
    cache_.reset();               // whoever holds it last waits for the disk: not this thread
    counter_.setEngine(nullptr);  // and a model's memory goes back on the worker's
    thread_.quit();
    thread_.wait();
}

void EngineBridge::openModel(const QString& path) {
    cancelLoad();
    stop();
    load_ = ++lastRequest_;
    loadCancel_ = std::make_shared<CancelToken>();
    // The worker may want its memory back before it opens the next.
    if (model_ && EngineWorker::goesFirst(placement_, options_)) counter_.setEngine(nullptr);
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, request = load_, path, options = options_, cancel = loadCancel_] {
            worker->open(request, path, options, cancel);
        },
        Qt::QueuedConnection);
    emit stateChanged();
    emit loadStarted(path);
}

void EngineBridge::cancelLoad() {
    if (load_ != 0) loadCancel_->cancel();
}

quint64 EngineBridge::generate(const GenerateJob& job) {
    if (titleCancel_) titleCancel_->cancel();
    answer_ = ++lastRequest_;
    answerCancel_ = std::make_shared<CancelToken>();
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, request = answer_, job, cancel = answerCancel_] {
            worker->generate(request, job, cancel);
        },
        Qt::QueuedConnection);
    emit stateChanged();
    return answer_;
}

void EngineBridge::suggestTitle(qint64 session, const Conversation& conversation) {
    if (answer_ != 0 || load_ != 0 || !model_) return;
    titleCancel_ = std::make_shared<CancelToken>();
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, session, conversation, cancel = titleCancel_] {
            worker->suggestTitle(session, conversation, cancel);
        },
        Qt::QueuedConnection);
}

void EngineBridge::stop() {
    if (titleCancel_) titleCancel_->cancel();
    if (answerCancel_) answerCancel_->cancel();
}

void EngineBridge::clearSession() {
    QMetaObject::invokeMethod(
        worker_, [worker = worker_] { worker->clear(); }, Qt::QueuedConnection);
}

void EngineBridge::resume(const QString& checkpoint) {
    QMetaObject::invokeMethod(
        worker_, [worker = worker_, checkpoint] { worker->resume(checkpoint); },
        Qt::QueuedConnection);
}

void EngineBridge::onActivity() {
    // The first token of an answer is shown at once; those close behind it travel together.
    const qint64 waited = sinceDelivery_.isValid() ? sinceDelivery_.elapsed() : deliveryIntervalMs_;
    if (waited >= deliveryIntervalMs_)
        deliver();
    else if (!deliveryTimer_.isActive())
        deliveryTimer_.start(static_cast<int>(deliveryIntervalMs_ - waited));
}

void EngineBridge::deliver() {
    deliveryTimer_.stop();
    const Mailbox::Content content = mailbox_->take();
    sinceDelivery_.start();
    if (content.load && load_ != 0) emit loadProgress(*content.load);
    if (content.prefill) emit prefillProgress(*content.prefill);
    // How a token was routed is known before the token is shown.
    if (!content.routing.empty()) emit routingFrames(content.routing);
    if (!content.experts.empty()) emit expertFrames(content.experts);
    for (const Mailbox::Tokens& part : content.tokens) emit tokens(part.request, part.events);
}

void EngineBridge::onOpened(quint64 request, const EnginePtr& engine, const ExpertLeasePtr& experts,
                            const SessionStats& stats) {
    // A load that was replaced still changed the worker's engine; what follows will replace it.
    deliver();
    if (request == load_) load_ = 0;
    // A copy: whoever still reads the info of a model must not keep its weights.
    model_ = std::make_shared<ModelInfo>(engine->info());
    placement_ = engine->placement();
    experts_ = experts;
    stats_ = stats;
    counter_.setEngine(engine);
    emit stateChanged();
    emit statsChanged(stats_);
    emit modelReady(model_);
}

}  // namespace starglass::ui

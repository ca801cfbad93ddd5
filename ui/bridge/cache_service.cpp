// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/cache_service.h"

#include <QLocale>
#include <mutex>
#include <utility>

#include "bridge/error_text.h"
#include "bridge/guarded.h"

namespace starglass::ui {
namespace {

// The same sentence is not said twice within this: a full disk fails every save.
constexpr int kRepeatMs = 30'000;

QString bytesOf(qint64 bytes) {
    return QLocale().formattedDataSize(bytes, 1, QLocale::DataSizeSIFormat);
}

template <class F>
void post(QObject* to, F&& what) {
    QMetaObject::invokeMethod(to, std::forward<F>(what), Qt::QueuedConnection);
}

}  // namespace

// The listener may be in the middle of a call when the service goes; it then finds nobody.
struct CacheService::Gate {
    std::mutex mutex;
    CacheService* service = nullptr;
};

CacheService::CacheService(QObject* parent)
    : QObject(parent), gate_(std::make_shared<Gate>()), viewer_(new QObject), worker_(new QObject) {
    qRegisterMetaType<CacheView>();
    registerBridgeTypes();
    gate_->service = this;
    viewThread_.setObjectName(QStringLiteral("cache view"));
    workThread_.setObjectName(QStringLiteral("cache"));
    viewer_->moveToThread(&viewThread_);
    worker_->moveToThread(&workThread_);
    connect(&viewThread_, &QThread::finished, viewer_, &QObject::deleteLater);
    connect(&workThread_, &QThread::finished, worker_, &QObject::deleteLater);
    refreshTimer_.setSingleShot(true);
    connect(&refreshTimer_, &QTimer::timeout, this, &CacheService::startRefresh);
    idleTimer_.setInterval(kIdleIntervalMs);
    connect(&idleTimer_, &QTimer::timeout, this, &CacheService::refresh);
    clock_.start();
    viewThread_.start();
    workThread_.start();
}

CacheService::~CacheService() {
    {
        const std::lock_guard lock(gate_->mutex);
        gate_->service = nullptr;
    }
    cancelVerify();
    // Through the queue, so that what was asked for before is done first.
    post(viewer_, [thread = &viewThread_] { thread->quit(); });
    viewThread_.wait();
    if (cache_)
        post(worker_, [cache = std::exchange(cache_, nullptr)] { cache->set_listener({}); });
    post(worker_, [thread = &workThread_] { thread->quit(); });
    workThread_.wait();
}

void CacheService::setCache(const KvCachePtr& cache, const UserError& error) {
    if (cache_) post(worker_, [old = std::exchange(cache_, nullptr)] { old->set_listener({}); });
    cache_ = cache;
    present_ = cache_ != nullptr;
    openError_ = error;
    view_ = {};
    seen_ = false;
    if (cache_) {
        post(worker_, [cache, gate = gate_] {
            cache->set_listener([gate](const CacheEvent& event) {
                const std::lock_guard lock(gate->mutex);
                if (CacheService* service = gate->service)
                    post(service, [service, event] { service->onEvent(event); });
            });
        });
        idleTimer_.start();
        refresh();
    } else {
        idleTimer_.stop();
    }
    emit cacheChanged();
}

// --- the view ------------------------------------------------------------------------------

void CacheService::onEvent(const CacheEvent& event) {
    const QString message = asSentence(event.message);
    if (event.kind == CacheEvent::Kind::set_aside)
        say(message.isEmpty() ? tr("A damaged file of the cache was set aside.") : message);
    else if (event.kind == CacheEvent::Kind::failed && !message.isEmpty())
        say(message);
    refresh();
}

void CacheService::refresh() {
    if (!cache_ || refreshTimer_.isActive()) return;
    if (refreshing_) {
        again_ = true;
        return;
    }
    const qint64 waited = sinceRefresh_.isValid() ? sinceRefresh_.elapsed() : kRefreshIntervalMs;
    if (waited >= kRefreshIntervalMs)
        startRefresh();
    else
        refreshTimer_.start(static_cast<int>(kRefreshIntervalMs - waited));
}

void CacheService::startRefresh() {
    if (!cache_) return;
    refreshing_ = true;
    sinceRefresh_.start();
    post(viewer_, [this, cache = cache_] {
        auto view = guarded([&]() -> Result<CacheView> {
            return CacheView{cache->list(), cache->stats(), cache->rate()};
        });
        post(this, [this, view = std::move(view)]() mutable {
            refreshing_ = false;
            if (view && cache_) takeView(std::move(*view));
            if (std::exchange(again_, false)) refresh();
        });
    });
}

void CacheService::takeView(CacheView view) {
    const std::string before = std::exchange(view_, std::move(view)).stats.pause_reason;
    addSample();
    emit viewChanged(view_);
    const std::string& why = view_.stats.pause_reason;
    if (why != before && !why.empty())
        say(asSentence(why));
    else if (why != before && seen_)
        say(tr("Saving to the cache on disk goes on."));
    seen_ = true;
}

void CacheService::addSample() {
    const double now = seconds();
    const CacheStats& stats = view_.stats;
    if (samples_.empty() || now - samples_.back().seconds >= kSampleSecondsMin)
        samples_.push_back({now});
    CacheSample& last = samples_.back();
    last.bytes = stats.bytes;
    last.protectedBytes = stats.protected_bytes;
    last.budgetBytes = stats.budget_bytes;
    while (now - samples_.front().seconds > kHistorySeconds) samples_.pop_front();
}

void CacheService::say(const QString& sentence) {
    if (sentence == lastSaid_ && sinceSaid_.isValid() && sinceSaid_.elapsed() < kRepeatMs) return;
    lastSaid_ = sentence;
    sinceSaid_.start();
    emit notice(sentence);
}

// --- requests ------------------------------------------------------------------------------

void CacheService::setBusy(int change, const QString& what) {
    busyCount_ += change;
    const QString now = busyCount_ > 0 ? what : QString();
    if (now == busy_) return;
    busy_ = now;
    emit busyChanged(busy_);
}

template <class Work, class Done>
void CacheService::run(const QString& what, Work work, Done done) {
    if (!cache_) return;
    if (!what.isEmpty()) setBusy(1, what);
    post(worker_, [this, what, cache = cache_, work = std::move(work), done = std::move(done)] {
        auto result = guarded([&] { return work(*cache); });
        post(this, [this, what, result = std::move(result), done] {
            if (!what.isEmpty()) setBusy(-1, busy_);
            if (result)
                done(result);
            else if (result.error().code == ErrorCode::cancelled)
                emit notice(tr("Verifying was cancelled."));
            else
                emit problem(describeError(result.error(), Doing::caching, {}));
            refresh();
        });
    });
}

void CacheService::pin(const QString& id, bool pinned) {
    run(
        {}, [id = id.toStdString(), pinned](KvCache& cache) { return cache.pin(id, pinned); },
        [](const Status&) {});
}

void CacheService::own(const QString& id, bool owned) {
    run(
        {}, [id = id.toStdString(), owned](KvCache& cache) { return cache.own(id, owned); },
        [](const Status&) {});
}

void CacheService::remove(const QString& id) {
    run(
        {}, [id = id.toStdString()](KvCache& cache) { return cache.remove(id); },
        [](const Status&) {});
}

void CacheService::setBudget(qint64 bytes) {
    run(
        {}, [bytes](KvCache& cache) { return cache.set_budget(bytes); },
        [this, bytes](const Result<std::int64_t>& freed) {
            emit budgetChanged(bytes);
            emit notice(*freed > 0 ? tr("The budget is %1 now; %2 were freed.")
                                         .arg(bytesOf(bytes), bytesOf(*freed))
                                   : tr("The budget is %1 now.").arg(bytesOf(bytes)));
        });
}

void CacheService::collectGarbage() {
    run(
        tr("Cleaning…"), [](KvCache& cache) { return cache.collect_garbage(); },
        [this](const Result<std::int64_t>& freed) {
            emit notice(*freed > 0 ? tr("Cleaned: %1 were freed.").arg(bytesOf(*freed))
                                   : tr("There was nothing to clean."));
        });
}

void CacheService::verify(const QString& id) {
    verifyCancel_ = std::make_shared<CancelToken>();
    run(
        tr("Verifying…"),
        [id = id.toStdString(), cancel = verifyCancel_](KvCache& cache) {
            return cache.verify(id, *cancel);
        },
        [this, id](const Result<std::vector<CacheProblem>>& found) {
            if (found->empty()) {
                emit notice(id.isEmpty()
                                ? tr("Every file of the cache was read: all are as written.")
                                : tr("Every byte of this checkpoint is as written."));
                return;
            }
            UserError error;
            error.happened = found->size() == 1
                                 ? tr("One file of the cache is damaged.")
                                 : tr("%1 files of the cache are damaged.").arg(found->size());
            error.safe = tr("A checkpoint that needs it is not used; its tokens are read again.");
            error.next = tr("Delete the checkpoints concerned, or clean up, to free the room.");
            for (const CacheProblem& one : *found)
                error.details += QString::fromStdString(one.file + ": " + one.message) + u'\n';
            emit problem(error);
        });
}

void CacheService::cancelVerify() {
    if (verifyCancel_) verifyCancel_->cancel();
}

void CacheService::exportBundle(const QString& id, const QString& path) {
    run(
        tr("Exporting…"),
        [id = id.toStdString(), path = path.toStdString()](KvCache& cache) {
            return cache.export_bundle(id, path);
        },
        [this, path](const Status&) {
            emit notice(tr("The checkpoint was written to “%1”.").arg(path));
        });
}

void CacheService::importBundle(const QString& path) {
    run(
        tr("Importing…"),
        [path = path.toStdString()](KvCache& cache) { return cache.import_bundle(path); },
        [this, path](const Result<std::string>&) {
            emit notice(tr("The checkpoint in “%1” is in the cache now.").arg(path));
        });
}

}  // namespace starglass::ui

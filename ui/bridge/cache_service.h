// SPDX-License-Identifier: GPL-3.0-or-later
//
// The disk cache as the window sees it: a value that is looked at, and requests whose outcome is
// a signal. Lives on the UI thread; every call of the cache is made on one of two threads of its
// own, so neither a slow disk nor a long verification holds up the window or the view.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QThread>
#include <QTimer>
#include <deque>
#include <functional>
#include <memory>

#include "bridge/types.h"

namespace starglass::ui {

struct CacheView {
    std::vector<CheckpointInfo> list;  // newest use first
    CacheStats stats;
    CacheRate rate;
};

// Where the bytes on disk stood at a moment.
struct CacheSample {
    double seconds = 0;  // since the service was made
    std::int64_t bytes = 0;
    std::int64_t protectedBytes = 0;
    std::int64_t budgetBytes = 0;
};

class CacheService : public QObject {
    Q_OBJECT
public:
    // The view follows the cache at most this often.
    static constexpr int kRefreshIntervalMs = 250;
    // A quiet cache is still sampled, so that the chart over time goes on.
    static constexpr int kIdleIntervalMs = 15'000;
    static constexpr double kSampleSecondsMin = 1;
    static constexpr double kHistorySeconds = 3600;

    explicit CacheService(QObject* parent = nullptr);
    // Cancels what it can and waits for the rest; lets go of the cache on its own thread.
    ~CacheService() override;

    // Becomes the cache's listener. A null pointer, or an error beside it, says there is none.
    void setCache(const KvCachePtr& cache, const UserError& error = {});
    [[nodiscard]] bool present() const { return present_; }
    // Why there is no cache; empty when there is one or none was wanted.
    [[nodiscard]] const UserError& openError() const { return openError_; }
    [[nodiscard]] const CacheView& view() const { return view_; }
    // Oldest first, at most an hour.
    [[nodiscard]] const std::deque<CacheSample>& samples() const { return samples_; }
    [[nodiscard]] double seconds() const { return static_cast<double>(clock_.elapsed()) / 1000; }
    // What runs now and may take a while, "Verifying…"; empty for nothing.
    [[nodiscard]] const QString& busy() const { return busy_; }

public slots:
    void refresh();  // soon
    void pin(const QString& id, bool pinned);
    void own(const QString& id, bool owned);
    void remove(const QString& id);
    void setBudget(qint64 bytes);
    void collectGarbage();
    void verify(const QString& id);  // an empty id: everything
    void cancelVerify();
    void exportBundle(const QString& id, const QString& path);
    void importBundle(const QString& path);

signals:
    void cacheChanged();  // present() or openError()
    void viewChanged(const starglass::ui::CacheView& view);
    void budgetChanged(qint64 bytes);  // set by somebody through this service
    void busyChanged(const QString& what);
    void problem(const starglass::ui::UserError& error);
    void notice(const QString& sentence);

private:
    struct Gate;
    void onEvent(const CacheEvent& event);
    void startRefresh();
    void takeView(CacheView view);
    void addSample();
    // Runs `work` on the thread for requests; `done` gets its Result here.
    template <class Work, class Done>
    void run(const QString& what, Work work, Done done);
    void say(const QString& sentence);
    void setBusy(int change, const QString& what);

    std::shared_ptr<Gate> gate_;
    QThread viewThread_;
    QThread workThread_;
    QObject* viewer_;   // lives on viewThread_: only looks, so it never waits for long
    QObject* worker_;   // lives on workThread_: all that reads or writes files
    KvCachePtr cache_;  // handed to workThread_ at the end: whoever is last waits for the disk
    bool present_ = false;
    UserError openError_;
    CacheView view_;
    std::deque<CacheSample> samples_;
    CancelPtr verifyCancel_;
    QElapsedTimer clock_;
    QElapsedTimer sinceRefresh_;
    QTimer refreshTimer_;
    QTimer idleTimer_;
    bool refreshing_ = false;
    bool again_ = false;
    bool seen_ = false;  // the view came from the cache once
    int busyCount_ = 0;
    QString busy_;
    QString lastSaid_;
    QElapsedTimer sinceSaid_;
};

}  // namespace starglass::ui

Q_DECLARE_METATYPE(starglass::ui::CacheView)

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Turns many requests into few calls: the first at once, the rest at most every `interval_ms`,
// the last one never lost. UI thread.
#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <functional>
#include <utility>

namespace starglass::ui {

class Throttle {
public:
    Throttle(int interval_ms, std::function<void()> action)
        : interval_ms_(interval_ms), action_(std::move(action)) {
        timer_.setSingleShot(true);
        timer_.setTimerType(Qt::PreciseTimer);
        QObject::connect(&timer_, &QTimer::timeout, [this] { run(); });
    }

    void request() {
        if (timer_.isActive()) return;
        const qint64 waited = since_.isValid() ? since_.elapsed() : interval_ms_;
        if (waited >= interval_ms_)
            run();
        else
            timer_.start(static_cast<int>(interval_ms_ - waited));
    }

    // Without waiting, for what the user did himself.
    void now() { run(); }

private:
    void run() {
        timer_.stop();
        since_.start();
        action_();
    }

    int interval_ms_;
    std::function<void()> action_;
    QTimer timer_;
    QElapsedTimer since_;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/plan_service.h"

#include <QThread>

#include "bridge/error_text.h"
#include "bridge/guarded.h"

namespace starglass::ui {

PlanService::PlanService(Planner planner, std::int64_t processBytes, QObject* parent)
    : QObject(parent), planner_(std::move(planner)), processBytes_(processBytes) {
}

PlanService::~PlanService() {
    if (!thread_) return;
    cancel_->cancel();
    thread_->wait();
}

void PlanService::ask(const QString& path, const EngineOptions& options) {
    if (!planner_) return;
    next_ = Question{path, options};
    report_.reset();
    problem_.clear();
    if (thread_)
        cancel_->cancel();  // then the newer question follows
    else
        start();
}

void PlanService::clear() {
    next_.reset();
    report_.reset();
    problem_.clear();
    if (thread_) cancel_->cancel();
    emit changed();
}

void PlanService::start() {
    const Question question = *std::exchange(next_, std::nullopt);
    if (speedsOf_ != question.path) {
        speeds_.disk = 0;
        speeds_.reads.clear();
        speedsOf_ = question.path;
    }
    PlanRequest request;
    request.engine = question.options;
    request.speeds = speeds_;
    request.process_bytes = processBytes_;
    cancel_ = std::make_shared<CancelToken>();
    auto found = std::make_shared<Result<MemoryReport>>();
    thread_.reset(QThread::create(
        [found, request, planner = planner_, cancel = cancel_, path = question.path.toStdString()] {
            *found = guarded([&] { return planner(path, request, *cancel); });
        }));
    thread_->setObjectName(QStringLiteral("plan"));
    connect(thread_.get(), &QThread::finished, this, [this, found] {
        thread_->wait();
        thread_.release()->deleteLater();
        if (next_) {
            start();
            return;
        }
        if (cancel_->cancelled()) return;
        if (*found) {
            report_ = std::move(**found);
            speeds_ = report_->speeds;
        } else {
            problem_ = asSentence(found->error().message);
        }
        emit changed();
    });
    thread_->start(QThread::LowPriority);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a model would keep in memory and how fast it would be, worked out on a thread of its own:
// disk and memory are measured, which takes half a second, and the engine's thread may be busy for
// minutes. UI thread.
#pragma once

#include <QObject>
#include <QString>
#include <functional>
#include <memory>
#include <optional>

#include "bridge/types.h"
#include "engine/memory_plan.h"

class QThread;

namespace starglass::ui {

class PlanService : public QObject {
    Q_OBJECT
public:
    using Planner = std::function<Result<MemoryReport>(const std::string& path, const PlanRequest&,
                                                       const CancelToken&)>;

    // Without a planner nothing is planned. `processBytes`: what the process keeps without a model,
    // 0 where that is not known.
    explicit PlanService(Planner planner, std::int64_t processBytes, QObject* parent = nullptr);
    ~PlanService() override;

    [[nodiscard]] bool canPlan() const { return planner_ != nullptr; }
    // Works out a plan in the background; changed() tells. What was asked for before is given up.
    void ask(const QString& path, const EngineOptions& options);
    // Forgets the plan, and stops what is being worked out.
    void clear();
    [[nodiscard]] bool waiting() const { return thread_ != nullptr || next_.has_value(); }
    // Of what was asked for last; empty while it is being worked out, and when it failed.
    [[nodiscard]] const std::optional<MemoryReport>& report() const { return report_; }
    // Why there is none, a sentence; else empty.
    [[nodiscard]] const QString& problem() const { return problem_; }

signals:
    void changed();

private:
    struct Question {
        QString path;
        EngineOptions options;
    };
    void start();

    Planner planner_;
    std::int64_t processBytes_;
    std::unique_ptr<QThread> thread_;
    CancelPtr cancel_;
    std::optional<Question> next_;
    std::optional<MemoryReport> report_;
    QString problem_;
    // Measured once: memory and device for the program's life, the disk for a file.
    PlanSpeeds speeds_;
    QString speedsOf_;
};

}  // namespace starglass::ui

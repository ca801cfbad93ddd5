// SPDX-License-Identifier: GPL-3.0-or-later
//
// A memory plan to look at: a bar of the parts under their ceiling, what each takes, where experts
// are, and what speed to expect. UI thread.
#pragma once

#include <QWidget>
#include <vector>

#include "engine/memory_plan.h"

class QGridLayout;
class QLabel;

namespace starglass::ui {

// The parts of a plan side by side, as wide as they are large.
class PlanBar : public QWidget {
    Q_OBJECT
public:
    explicit PlanBar(QWidget* parent = nullptr);
    void setPlan(const MemoryPlan& plan);
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::vector<double> shares_;  // of the bar
};

class PlanView : public QWidget {
    Q_OBJECT
public:
    explicit PlanView(QWidget* parent = nullptr);
    void setReport(const MemoryReport& report);
    // Instead of a plan: that it is being worked out, or why there is none.
    void setMessage(const QString& message);

protected:
    void changeEvent(QEvent* event) override;

private:
    void addRow(const QString& name, const QString& value, int category);

    QLabel* message_;
    PlanBar* bar_;
    QWidget* parts_;
    QGridLayout* rows_;
    QLabel* experts_;
    QLabel* speed_;
    QLabel* reasons_;
};

}  // namespace starglass::ui

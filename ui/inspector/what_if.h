// SPDX-License-Identifier: GPL-3.0-or-later
//
// What another budget for experts would bring, predicted from what was recorded: a bar per budget,
// a slider to look at one, and a sentence beside what was measured. Changes nothing. UI thread.
#pragma once

#include <QTimer>
#include <QWidget>
#include <map>
#include <optional>
#include <vector>

#include "bridge/expert_service.h"

class QLabel;
class QSlider;

namespace starglass::ui {

class QuietLabel;
class SectionHead;

// Budgets one can say, from a part of all experts to all of them, the present one among them.
// Ascending; empty when there are none.
std::vector<std::uint64_t> whatIfBudgets(const ExpertMemorySnapshot& snapshot);
// "12 GB".
QString roundBytesText(std::uint64_t bytes);

// Predicted hit rates as bars over the slider's steps; the present budget has a mark below.
class ForecastBars : public QWidget {
    Q_OBJECT
public:
    explicit ForecastBars(QWidget* parent = nullptr);
    // `rates` 0..1, NaN: not known, below 0: impossible. -1: no such step.
    void show(const std::vector<double>& rates, int present, int chosen);
    using QWidget::show;
    [[nodiscard]] const std::vector<double>& rates() const { return rates_; }
    [[nodiscard]] int present() const { return present_; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::vector<double> rates_;
    int present_ = -1, chosen_ = -1;
};

class WhatIf : public QWidget {
    Q_OBJECT
public:
    // From the last move of the slider to the question.
    static constexpr int kDebounceMs = 150;

    explicit WhatIf(QWidget* parent = nullptr);

    void reset();  // another model
    void setSnapshot(const ExpertMemorySnapshot& snapshot);
    // Of all tokens since the model was opened; empty: nothing measured.
    void setMeasured(std::optional<double> hitRate, std::optional<double> tokensPerSecond);
    // More was recorded: what was predicted is out of date, and asked for again when it is seen.
    void recordChanged();
    // The number of the request that the next predictions answer.
    void setRequest(quint64 request);
    void add(const ExpertPrediction& prediction);
    void finish(quint64 request);

    [[nodiscard]] QSlider& slider() { return *slider_; }
    [[nodiscard]] ForecastBars& bars() { return *bars_; }
    [[nodiscard]] const std::vector<std::uint64_t>& budgets() const { return budgets_; }
    [[nodiscard]] QString sentence() const;
    [[nodiscard]] QString presentSentence() const;
    [[nodiscard]] QString remark() const;

signals:
    // The one looked at first, then the present one, then the others.
    void wanted(const std::vector<std::uint64_t>& budgets);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void ask();
    void refresh();
    [[nodiscard]] int chosen() const;
    [[nodiscard]] int presentIndex() const;
    [[nodiscard]] const ExpertPrediction* of(std::uint64_t budget) const;

    std::vector<std::uint64_t> budgets_;
    std::uint64_t present_ = 0, routed_ = 0;
    std::optional<double> hitRate_, tokensPerSecond_;
    std::map<std::uint64_t, ExpertPrediction> predictions_;  // of request_
    quint64 request_ = 0;
    bool running_ = false;
    bool outdated_ = true;
    QTimer debounce_;

    SectionHead* head_;
    ForecastBars* bars_;
    QSlider* slider_;
    QuietLabel* least_;
    QuietLabel* most_;
    QLabel* sentence_;
    QuietLabel* presentSentence_;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Experts: the heat map with its scope, legend, the chosen cell in words, and how many experts
// were used. Owns the counts of all three scopes. UI thread.
#pragma once

#include <QWidget>
#include <optional>

#include "inspector/routing_counts.h"
#include "inspector/routing_map.h"

class QLabel;
class QStackedLayout;

namespace starglass::ui {

class Card;
class HeatLegend;
class QuietLabel;
class SectionHead;
class SegmentBar;

class ExpertsTab : public QWidget {
    Q_OBJECT
public:
    enum Scope { token, answer, session };

    explicit ExpertsTab(QWidget* parent = nullptr);

    void setModel(const RoutingShape& shape);
    void startAnswer();  // the answer's counts begin anew; the session's go on
    void add(const RoutingBatch& batch);
    // Shows another token or answer than the running one until followLatest().
    void showSelected(const std::optional<RoutingSample>& token,
                      const std::optional<RoutingCounts>& answer);
    void followLatest();

    void setScope(Scope scope);
    [[nodiscard]] Scope scope() const { return scope_; }
    [[nodiscard]] const RoutingCounts& counts() const;  // of the scope on screen
    [[nodiscard]] RoutingMap& map() { return *map_; }
    [[nodiscard]] QString legendText() const;
    [[nodiscard]] QString cardText() const;
    [[nodiscard]] QString summaryText() const;

signals:
    void cellSelected(starglass::ui::RoutingCell cell);

protected:
    void changeEvent(QEvent* event) override;

private:
    void updateSource();
    void updateTexts();
    void updateCard();
    [[nodiscard]] QString remark() const;

    RoutingShape shape_;
    RoutingCounts token_, answer_, session_;
    // Set while a token of the past is selected.
    std::optional<RoutingCounts> selectedToken_, selectedAnswer_;
    std::int64_t lastPosition_ = -1, selectedPosition_ = -1;
    Scope scope_ = answer;

    QStackedLayout* stack_;
    QLabel* emptyText_;
    SectionHead* head_;
    SegmentBar* scopes_;
    QuietLabel* remark_;
    RoutingMap* map_;
    HeatLegend* legend_;
    Card* card_;
    QuietLabel* summary_;
};

}  // namespace starglass::ui

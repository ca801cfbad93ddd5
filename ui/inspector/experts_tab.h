// SPDX-License-Identifier: GPL-3.0-or-later
//
// Experts: the heat map with its views and scopes, legend, the chosen cell in words, and below it,
// where experts are read from disk, what was read and waited for. Owns the counts of all three
// scopes. UI thread.
#pragma once

#include <QWidget>
#include <optional>

#include "inspector/expert_series.h"
#include "inspector/expert_views.h"
#include "inspector/routing_counts.h"
#include "inspector/routing_map.h"

class QAction;
class QLabel;
class QStackedLayout;

namespace starglass::ui {

class Card;
class ExpertDiskView;
class HeatLegend;
class QuietLabel;
class SectionHead;
class SegmentBar;
class TierLegend;

class ExpertsTab : public QWidget {
    Q_OBJECT
public:
    enum Scope { token, answer, session };
    // What the map shows: how often experts were chosen, where they are, how often they were there.
    enum View { use, tier, hits };

    explicit ExpertsTab(QWidget* parent = nullptr);

    void setModel(const RoutingShape& shape);
    // Experts are read from disk: the views of that can be chosen. Else the map shows use.
    void setStreaming(bool on, bool canPredict);
    void setSnapshot(const ExpertSnapshotPtr& snapshot);
    void addFrames(qint64 message, const ExpertsBatch& frames);
    void addTotals(const ExpertTotals& totals);  // of a round of the answer that is over
    void finishAnswer();
    void startAnswer();  // the answer's counts begin anew; the session's go on
    void add(const RoutingBatch& batch);
    // Shows another token or answer than the running one until followLatest().
    void showSelected(const std::optional<RoutingSample>& token,
                      const std::optional<RoutingCounts>& answer);
    // What that token waited for.
    void showWait(qint64 message, std::int64_t position);
    void followLatest();

    void setScope(Scope scope);
    [[nodiscard]] Scope scope() const { return scope_; }
    void setView(View view);  // does nothing where it cannot be chosen
    [[nodiscard]] View view() const { return view_; }
    [[nodiscard]] bool streaming() const { return streaming_; }
    // By name: viewUse, viewTier, viewHits.
    [[nodiscard]] QAction* action(const QString& name) const;
    [[nodiscard]] ExpertDiskView& disk() { return *disk_; }
    [[nodiscard]] const ExpertSeries& series() const { return series_; }
    [[nodiscard]] const RoutingCounts& counts() const;  // of the scope on screen
    [[nodiscard]] RoutingMap& map() { return *map_; }
    [[nodiscard]] QString legendText() const;
    [[nodiscard]] QString cardText() const;
    [[nodiscard]] QString summaryText() const;
    [[nodiscard]] QString remarkText() const;
    [[nodiscard]] QString memoryText() const;  // why nothing is read; empty where something is

signals:
    void cellSelected(starglass::ui::RoutingCell cell);

protected:
    void changeEvent(QEvent* event) override;

private:
    void updateSource();
    void updateTexts();
    void updateCard();
    void updateLegend();
    void updateStreaming();
    void buildActions();
    [[nodiscard]] QString remark() const;
    [[nodiscard]] QString summary() const;
    [[nodiscard]] CellText describe(RoutingCell cell) const;

    RoutingShape shape_;
    RoutingCounts token_, answer_, session_;
    // Set while a token of the past is selected.
    std::optional<RoutingCounts> selectedToken_, selectedAnswer_;
    std::int64_t lastPosition_ = -1, selectedPosition_ = -1;
    Scope scope_ = answer;
    View view_ = use;
    bool streaming_ = false;
    TierSource tiers_;
    HitSource hits_;
    ExpertSnapshotPtr snapshot_;
    ExpertSeries series_;

    QStackedLayout* stack_;
    QLabel* emptyText_;
    SectionHead* head_;
    SegmentBar* views_;
    SegmentBar* scopes_;
    QuietLabel* remark_;
    RoutingMap* map_;
    HeatLegend* legend_;
    TierLegend* tierLegend_;
    Card* card_;
    QuietLabel* summary_;
    QuietLabel* memory_;
    ExpertDiskView* disk_;
};

}  // namespace starglass::ui

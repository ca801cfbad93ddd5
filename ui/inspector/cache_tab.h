// SPDX-License-Identifier: GPL-3.0-or-later
//
// Cache: every checkpoint on disk, what it saves and what would go next; what the last prompt took
// from it; the budget; and whose bytes they are. UI thread. Asks the service for everything and
// draws what it says, at most a few times a second.
#pragma once

#include <QPointer>
#include <QWidget>
#include <functional>

#include "inspector/cache_plan.h"

class QAction;
class QLabel;
class QPushButton;
class QStackedLayout;

namespace starglass::ui {

class CacheBudget;
class CacheTree;
class Card;
class DiskShareChart;
class DiskTimeChart;
class PrefixCard;
class SectionHead;
class SeriesKey;

class CacheTab : public QWidget {
    Q_OBJECT
public:
    explicit CacheTab(QWidget* parent = nullptr);

    // The service outlives the tab, or takes its signals with it.
    void follow(CacheService& service);
    // Null: no model is open, and every checkpoint stands under its model's name.
    void setModel(const ModelInfoPtr& model);
    void addResult(const GenerateResult& result);
    void clearConversation();
    // How sessions are called; asked on the UI thread whenever the view changes.
    void setSessionTitles(SessionTitles titles);

    // Questions to a person; tests answer them.
    std::function<bool(const QString& title, const QString& text)> confirm;
    std::function<QString()> exportPath;
    std::function<QString()> importPath;

    [[nodiscard]] CacheTree& tree() { return *tree_; }
    [[nodiscard]] CacheBudget& budget() { return *budget_; }
    [[nodiscard]] DiskShareChart& shareChart() { return *shares_; }
    [[nodiscard]] DiskTimeChart& timeChart() { return *time_; }
    [[nodiscard]] PrefixCard& prefix() { return *prefix_; }
    // By name: pin, delete, verify, copyId, export, verifyAll, clean, import.
    [[nodiscard]] QAction* action(const QString& name) const;
    [[nodiscard]] bool emptyShown() const;
    [[nodiscard]] QString emptyText() const;
    [[nodiscard]] QString stateText() const;   // paused, read-only, set aside; empty: all is well
    [[nodiscard]] QString noticeText() const;  // the outcome of the last request
    [[nodiscard]] QString detailText() const;

protected:
    void changeEvent(QEvent* event) override;

private:
    void buildActions();
    void showView(const CacheView& view);
    void showState();
    void showDetails();
    void showEmpty();
    void removeSelected();
    void say(const QString& text);
    void recolour();
    QAction* add(const char* name, const QString& text, const char* keys,
                 std::function<void()> what);

    QPointer<CacheService> service_;
    CacheView view_;
    ModelInfoPtr model_;
    SessionTitles titles_;
    bool answered_ = false;

    QStackedLayout* stack_;
    QLabel* emptyText_ = nullptr;
    QWidget* state_;
    QLabel* stateText_;
    QPushButton* clean_;
    QLabel* notice_;
    SectionHead* head_;
    CacheTree* tree_;
    Card* details_;
    SectionHead* promptHead_;
    PrefixCard* prefix_;
    CacheBudget* budget_;
    SectionHead* sharesHead_;
    DiskShareChart* shares_;
    SectionHead* timeHead_;
    DiskTimeChart* time_;
    SeriesKey* bytesKey_;
    SeriesKey* protectedKey_;
    SeriesKey* budgetKey_;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Token: what was sampled, how sure the model was, what else it considered, and which experts
// read it. UI thread.
#pragma once

#include <QWidget>
#include <optional>

#include "inspector/expert_series.h"
#include "inspector/experts_table.h"
#include "inspector/throttle.h"
#include "inspector/token_sample.h"

class QLabel;
class QPushButton;
class QStackedLayout;

namespace starglass::ui {

class AlternativesView;
class QuietLabel;
class SectionHead;

// Which step's experts are shown beside a token.
struct TokenRouting {
    std::optional<RoutingSample> sample;
    bool ofWriter = false;  // the token was not read yet: the step that wrote it
};

class TokenTab : public QWidget {
    Q_OBJECT
public:
    explicit TokenTab(QWidget* parent = nullptr);

    void setModel(const RoutingShape& shape);
    // `pinned`: chosen by the user, not simply the latest.
    void show(const TokenSample& token, const TokenRouting& routing, bool pinned);
    using QWidget::show;
    // What the token waited for while experts were read; empty hides it.
    void setWait(const std::optional<TokenWait>& wait);
    void clear();
    // "Next token here": the distribution a checkpoint keeps. Empty hides it.
    void showNext(const std::vector<TokenAlternative>& tokens);
    [[nodiscard]] bool showsNext() const;

    [[nodiscard]] QString titleText() const;
    [[nodiscard]] QString remarkText() const;
    [[nodiscard]] QString waitText() const;
    [[nodiscard]] QString othersText() const;
    [[nodiscard]] ExpertsTable& table() { return *table_; }

signals:
    void cellActivated(starglass::ui::RoutingCell cell);
    void latestWanted();

protected:
    void changeEvent(QEvent* event) override;

private:
    void fitFonts();
    QStackedLayout* stack_;
    QLabel* title_;
    QPushButton* latest_;
    QuietLabel* remark_;
    QuietLabel* wait_;
    AlternativesView* alternatives_;
    QuietLabel* others_;
    SectionHead* expertsHead_;
    ExpertsTable* table_;
    QuietLabel* tableNote_;
    QWidget* next_;
    QuietLabel* nextNote_;
    AlternativesView* nextTokens_;
};

}  // namespace starglass::ui

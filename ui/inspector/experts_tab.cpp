// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/experts_tab.h"

#include <QBoxLayout>
#include <QEvent>
#include <QLabel>
#include <QScrollArea>
#include <QStackedLayout>
#include <cmath>

#include "inspector/heat_legend.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"

namespace starglass::ui {

ExpertsTab::ExpertsTab(QWidget* parent)
    : QWidget(parent),
      stack_(new QStackedLayout(this)),
      head_(new SectionHead(tr("Routing"))),
      scopes_(new SegmentBar(tr("Scope"))),
      remark_(new QuietLabel),
      map_(new RoutingMap),
      legend_(new HeatLegend),
      card_(new Card),
      summary_(new QuietLabel) {
    scopes_->add(tr("Token"), tr("One token: the last one, or the one selected"));
    scopes_->add(tr("Answer"), tr("The tokens of one answer, without its prompt"));
    scopes_->add(tr("Session"), tr("Everything read and written since the model was opened"));
    scopes_->setCurrent(scope_);
    connect(scopes_, &SegmentBar::chosen, this,
            [this](int index) { setScope(static_cast<Scope>(index)); });

    remark_->setWordWrap(true);
    summary_->setWordWrap(true);
    auto* content = new QWidget;
    auto* rows = new QVBoxLayout(content);
    rows->setContentsMargins(16, 14, 16, 14);
    rows->setSpacing(8);
    auto* top = new QHBoxLayout;
    top->addWidget(head_, 1, Qt::AlignVCenter);
    top->addWidget(scopes_, 0, Qt::AlignVCenter);
    rows->addLayout(top);
    rows->addWidget(remark_);
    rows->addWidget(map_, 1);
    rows->addWidget(legend_);
    rows->addSpacing(2);
    rows->addWidget(card_);
    rows->addWidget(summary_);
    rows->addStretch();

    stack_->addWidget(makeEmptyPane(tr("Which experts the model chooses"), {}, this, &emptyText_));
    stack_->addWidget(makeScrolling(content));

    connect(map_, &RoutingMap::cellHovered, this, &ExpertsTab::updateCard);
    connect(map_, &RoutingMap::cellSelected, this, [this](RoutingCell cell) {
        updateCard();
        emit cellSelected(cell);
    });
    connect(map_, &RoutingMap::drawn, this, &ExpertsTab::updateTexts);
    setModel({});
}

void ExpertsTab::setModel(const RoutingShape& shape) {
    shape_ = shape;
    for (RoutingCounts* counts : {&token_, &answer_, &session_}) counts->reset(shape);
    selectedToken_.reset();
    selectedAnswer_.reset();
    lastPosition_ = -1;
    emptyText_->setText(
        shape.empty()
            ? tr("Open a model and send a message: a map of its layers and experts will show "
                 "which experts were chosen for each token, and how often.")
            : tr("Send a message: this map will show which of the %1 experts each of the %2 layers "
                 "chooses, for the last token, for the answer and for the session.")
                  .arg(numberText(shape.experts), numberText(shape.layers)));
    stack_->setCurrentIndex(0);
    updateSource();
}

void ExpertsTab::startAnswer() {
    answer_.clear();
    followLatest();
}

void ExpertsTab::add(const RoutingBatch& batch) {
    if (shape_.empty() || batch.empty()) return;
    for (const RoutingSample& sample : batch) {
        session_.add(sample);
        if (!sample.prefill) answer_.add(sample);
    }
    token_.clear();
    token_.add(batch.back());
    lastPosition_ = batch.back().position;
    stack_->setCurrentIndex(1);
    map_->refresh();
}

void ExpertsTab::showSelected(const std::optional<RoutingSample>& one,
                              const std::optional<RoutingCounts>& whole) {
    selectedToken_.emplace(shape_);
    selectedPosition_ = -1;
    if (one) {
        selectedToken_->add(*one);
        selectedPosition_ = one->position;
    }
    selectedAnswer_ = whole;
    updateSource();
}

void ExpertsTab::followLatest() {
    selectedToken_.reset();
    selectedAnswer_.reset();
    updateSource();
}

void ExpertsTab::setScope(Scope scope) {
    scope_ = scope;
    scopes_->setCurrent(scope);
    updateSource();
}

const RoutingCounts& ExpertsTab::counts() const {
    if (scope_ == token) return selectedToken_ ? *selectedToken_ : token_;
    if (scope_ == answer) return selectedAnswer_ ? *selectedAnswer_ : answer_;
    return session_;
}

void ExpertsTab::updateSource() {
    map_->setSource(&counts(), scope_ == token ? RoutingScale::weight : RoutingScale::share);
    updateTexts();
}

QString ExpertsTab::remark() const {
    const RoutingCounts& shown = counts();
    const QString size =
        tr("%1 layers × %2 experts").arg(numberText(shape_.layers), numberText(shape_.experts));
    if (scope_ == token) {
        const std::int64_t position = selectedToken_ ? selectedPosition_ : lastPosition_;
        if (shown.tokens() == 0) return tr("%1 · the routing of this token is not kept").arg(size);
        return tr("%1 · router weights of token %2, linear scale").arg(size, numberText(position));
    }
    if (shown.tokens() == 0)
        return scope_ == answer ? tr("%1 · the answer has no token yet").arg(size) : size;
    return tr("%1 · share of %2 tokens, log scale").arg(size, numberText(shown.tokens()));
}

void ExpertsTab::updateTexts() {
    const RoutingCounts& shown = counts();
    remark_->setText(remark());
    if (scope_ == token) {
        double top = 0;
        for (int layer = 0; layer < shape_.layers; ++layer)
            for (int expert = 0; expert < shape_.experts; ++expert)
                top = std::max(top, shown.weightSum({layer, expert}));
        legend_->setEnds(tr("not chosen"), tr("weight 0"), decimalText(top, 2));
    } else {
        legend_->setEnds(tr("never"), tr("once"), frequencyText(shown.maxShare()));
    }
    legend_->setHatch(shown.tokens() > 0 && map_->anyLayerWithoutData());
    const double bits = shown.meanEntropyBits();
    QString summary;
    if (shown.tokens() > 0) {
        summary = tr("%1 of %2 experts used")
                      .arg(numberText(shown.expertsUsed()),
                           numberText(qint64{shape_.layers} * shape_.experts));
        if (scope_ != token && !std::isnan(bits))
            summary +=
                tr(" · mean entropy per layer %1 of %2 bits")
                    .arg(decimalText(bits, 2), bitsText(std::log2(std::max(2, shape_.experts))));
    }
    summary_->setText(summary);
    updateCard();
}

void ExpertsTab::updateCard() {
    const RoutingCell cell =
        map_->hoveredCell().valid() ? map_->hoveredCell() : map_->selectedCell();
    if (!cell.valid()) {
        card_->setText({}, tr("Point at a cell, or use the arrow keys: its layer, expert and share "
                              "will stand here. "
                              "A click keeps it and marks its tokens."));
        return;
    }
    const CellText text =
        describeCell(counts(), scope_ == token ? RoutingScale::weight : RoutingScale::share, cell);
    card_->setText(text.title, text.detail, text.more);
}

void ExpertsTab::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::LocaleChange) updateTexts();
}

QString ExpertsTab::legendText() const {
    return legend_->text();
}

QString ExpertsTab::cardText() const {
    return card_->text();
}

QString ExpertsTab::summaryText() const {
    return summary_->text();
}

}  // namespace starglass::ui

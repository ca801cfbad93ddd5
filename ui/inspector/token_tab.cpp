// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/token_tab.h"

#include <QBoxLayout>
#include <QEvent>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedLayout>
#include <algorithm>

#include "inspector/alternatives_view.h"
#include "inspector/expert_disk_view.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {

TokenTab::TokenTab(QWidget* parent)
    : QWidget(parent),
      stack_(new QStackedLayout(this)),
      title_(new QLabel),
      latest_(new QPushButton(tr("Follow the latest"))),
      remark_(new QuietLabel),
      wait_(new QuietLabel),
      alternatives_(new AlternativesView),
      others_(new QuietLabel),
      expertsHead_(new SectionHead(tr("Experts"))),
      table_(new ExpertsTable),
      tableNote_(new QuietLabel(tr("# routed by token id"))),
      next_(new QWidget),
      nextNote_(new QuietLabel),
      nextTokens_(new AlternativesView) {
    title_->setTextFormat(Qt::PlainText);
    title_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    title_->setProperty(kOwnFont, true);
    title_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    latest_->setProperty("link", true);
    latest_->setFlat(true);
    connect(latest_, &QPushButton::clicked, this, &TokenTab::latestWanted);
    connect(table_, &ExpertsTable::cellActivated, this, &TokenTab::cellActivated);
    remark_->setWordWrap(true);
    wait_->setWordWrap(true);
    wait_->hide();
    others_->setWordWrap(true);

    auto* content = new QWidget;
    auto* rows = new QVBoxLayout(content);
    rows->setContentsMargins(16, 14, 16, 14);
    rows->setSpacing(6);
    auto* top = new QHBoxLayout;
    top->addWidget(title_, 1);
    top->addWidget(latest_);
    rows->addLayout(top);
    rows->addWidget(remark_);
    rows->addWidget(wait_);
    rows->addSpacing(2);
    rows->addWidget(alternatives_);
    rows->addWidget(others_);
    rows->addSpacing(12);
    rows->addWidget(expertsHead_);
    rows->addWidget(table_, 1);
    rows->addWidget(tableNote_);
    rows->addStretch();

    stack_->addWidget(makeEmptyPane(
        tr("One token"),
        tr("While the model answers, the latest token stands here: how probable it was, what else "
           "the model considered, "
           "and which experts took part. Select a token in the conversation to look at that one."),
        this));
    stack_->addWidget(makeScrolling(content));
    auto* next = new QVBoxLayout(next_);
    next->setContentsMargins(16, 14, 16, 14);
    next->setSpacing(6);
    auto* nextHead = new SectionHead(tr("Next token here"));
    nextHead->setRemark(tr("read from disk, nothing was evaluated"));
    next->addWidget(nextHead);
    next->addWidget(nextTokens_);
    nextNote_->setWordWrap(true);
    next->addWidget(nextNote_);
    next->addStretch();
    stack_->addWidget(makeScrolling(next_));
    fitFonts();
}

void TokenTab::setModel(const RoutingShape& shape) {
    table_->setShape(shape);
    tableNote_->setVisible(shape.hashLayers > 0);
    clear();
}

void TokenTab::showNext(const std::vector<TokenAlternative>& tokens) {
    if (tokens.empty()) {
        if (showsNext()) clear();
        return;
    }
    TokenSample sample;
    sample.id = -1;  // none of them was sampled
    sample.alternatives = tokens;
    if (sample.alternatives.size() > 12) sample.alternatives.resize(12);
    nextTokens_->show(sample);
    nextNote_->setText(tr("others %1 · what the model was about to write at the end of this "
                          "session. Select a token in the conversation to look at that one.")
                           .arg(percentText(nextTokens_->others())));
    stack_->setCurrentIndex(2);
}

bool TokenTab::showsNext() const {
    return stack_->currentIndex() == 2;
}

void TokenTab::clear() {
    stack_->setCurrentIndex(0);
}

void TokenTab::show(const TokenSample& token, const TokenRouting& routing, bool pinned) {
    const QString text = visibleToken(token.text);
    title_->setText(text.isEmpty() ? tr("token %1").arg(token.id) : tr("“%1”").arg(text));
    remark_->setText(tr("position %1 · id %2 · %3 · entropy %4 bits · %5")
                         .arg(numberText(token.position), QString::number(token.id),
                              percentText(token.probability), decimalText(token.entropyBits, 2),
                              durationText(token.seconds)));
    latest_->setVisible(pinned);
    alternatives_->show(token);
    others_->setText(tr("others %1").arg(percentText(alternatives_->others())));
    const bool known = routing.sample.has_value();
    if (!known)
        expertsHead_->setRemark(tr("not kept for this token"));
    else if (routing.ofWriter)
        expertsHead_->setRemark(tr("and their weights, in the step that wrote this token"));
    else
        expertsHead_->setRemark(tr("and their weights, as this token was read"));
    table_->show(known ? &*routing.sample : nullptr);
    stack_->setCurrentIndex(1);
}

void TokenTab::fitFonts() {
    QFont big = codeFont(font());
    big.setBold(true);
    if (big.pointSizeF() > 0) big.setPointSizeF(big.pointSizeF() * 1.15);
    title_->setFont(big);
}

void TokenTab::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) fitFonts();
}

QString TokenTab::titleText() const {
    return title_->text();
}

void TokenTab::setWait(const std::optional<TokenWait>& wait) {
    wait_->setVisible(wait.has_value());
    if (!wait) return wait_->clear();
    const double computing =
        std::max(0.0, static_cast<double>(wait->seconds) - static_cast<double>(wait->stallSeconds));
    const QString text = wait->stallSeconds > 0 ? tr("computing %1 · waiting for experts %2")
                                                : tr("computing %1 · %2");
    wait_->setText(text.arg(durationText(computing), ui::waitText(*wait)));
}

QString TokenTab::waitText() const {
    return wait_->text();
}

QString TokenTab::remarkText() const {
    return remark_->text();
}

QString TokenTab::othersText() const {
    return others_->text();
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/what_if.h"

#include <QBoxLayout>
#include <QPainter>
#include <algorithm>
#include <cmath>
#include <limits>

#include "inspector/cache_budget.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr double kImpossible = -1;
// Less than this part of all experts is below what a token needs in every model there is.
constexpr int kLeastPart = 48;

// The slider's handle is this wide in our style sheet; its middle travels the rest.
constexpr int kHandle = 14;

}  // namespace

std::vector<std::uint64_t> whatIfBudgets(const ExpertMemorySnapshot& snapshot) {
    std::vector<std::uint64_t> out;
    const std::uint64_t all = snapshot.routed_bytes, present = snapshot.budget_bytes;
    if (all == 0 || present == 0) return out;
    const std::uint64_t least = std::min(present, all / kLeastPart);
    std::uint64_t power = 1;
    while (power <= all / 10) power *= 10;
    for (std::uint64_t unit = std::max<std::uint64_t>(power / 1000, 1); unit <= power; unit *= 10)
        for (const std::uint64_t tenths : {10, 15, 20, 30, 40, 60, 80}) {
            const std::uint64_t bytes = unit * tenths / 10;
            // One too close to another would be two steps for one figure.
            if (bytes < least || bytes > all - all / 20) continue;
            if (bytes > present - present / 20 && bytes < present + present / 20) continue;
            out.push_back(bytes);
        }
    out.push_back(all);
    out.push_back(present);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

QString roundBytesText(std::uint64_t bytes) {
    double value = static_cast<double>(bytes);
    QString unit = ForecastBars::tr("B");
    for (const QString& larger : {ForecastBars::tr("kB"), ForecastBars::tr("MB"),
                                  ForecastBars::tr("GB"), ForecastBars::tr("TB")}) {
        if (value < 999.5) break;
        value /= 1000;
        unit = larger;
    }
    const bool whole = value >= 99.95 || std::abs(value - std::round(value)) < 0.05;
    return decimalText(value, whole ? 0 : 1) + QChar(0xa0) + unit;
}

// --- bars ----------------------------------------------------------------------------------

ForecastBars::ForecastBars(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Predicted hit rate by budget"));
}

void ForecastBars::show(const std::vector<double>& rates, int present, int chosen) {
    rates_ = rates;
    present_ = present;
    chosen_ = chosen;
    QWidget::update();
}

QSize ForecastBars::sizeHint() const {
    const int em = fontMetrics().height();
    return {em * 16, em * 4};
}

QSize ForecastBars::minimumSizeHint() const {
    return {fontMetrics().height() * 6, sizeHint().height()};
}

void ForecastBars::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setFont(smallFont(font()));
    const QFontMetrics metrics = painter.fontMetrics();
    const qreal floor = height() - 1;
    const qreal most = floor - metrics.height() - 2;
    painter.setPen(QPen(theme.border, 1));
    painter.drawLine(QPointF(0, floor), QPointF(width(), floor));
    const auto steps = static_cast<int>(rates_.size());
    if (steps == 0) return;
    const qreal travel = width() - kHandle;
    const qreal pitch = steps > 1 ? travel / (steps - 1) : travel;
    const qreal thick = std::clamp<qreal>(pitch * 0.62, 3, metrics.height());
    const QColor blue = theme.dark ? Theme::category(5) : Theme::category(0);
    for (int i = 0; i < steps; ++i) {
        const qreal middle = kHandle / 2.0 + pitch * i;
        const double rate = rates_[static_cast<std::size_t>(i)];
        const bool chosen = i == chosen_;
        if (std::isnan(rate) || rate < 0) {
            // Not predicted yet, or impossible: no bar, which is not a bar of no height.
            painter.setPen(theme.quiet);
            painter.drawText(QRectF(middle - 12, floor - metrics.height(), 24, metrics.height()),
                             Qt::AlignHCenter | Qt::AlignBottom,
                             rate < 0 ? QStringLiteral("×") : QStringLiteral("·"));
        } else {
            const qreal high = std::max<qreal>(1, most * rate);
            painter.fillRect(QRectF(middle - thick / 2, floor - high, thick, high),
                             chosen ? blue : mix(theme.panel, blue, 0.35));
        }
        if (i != present_) continue;
        // The present budget is framed and named.
        painter.setPen(QPen(theme.text, 1));
        painter.setBrush(Qt::NoBrush);
        const qreal high = std::isnan(rate) || rate < 0 ? 0 : most * rate;
        painter.drawRect(QRectF(middle - thick / 2 - 0.5, floor - high, thick, high));
        const QString now = tr("now");
        const qreal half = metrics.horizontalAdvance(now) / 2.0 + 1;
        const qreal x = std::clamp<qreal>(middle, half, width() - half);
        painter.drawText(
            QRectF(x - half, floor - high - metrics.height() - 1, 2 * half, metrics.height()),
            Qt::AlignCenter, now);
    }
}

// --- the section ---------------------------------------------------------------------------

WhatIf::WhatIf(QWidget* parent)
    : QWidget(parent),
      head_(new SectionHead(tr("What if"))),
      bars_(new ForecastBars),
      slider_(new StepSlider),
      least_(new QuietLabel),
      most_(new QuietLabel),
      sentence_(new QLabel),
      presentSentence_(new QuietLabel) {
    slider_->setAccessibleName(tr("Another memory budget for experts"));
    slider_->setToolTip(tr("Only looks: the budget itself stays as it is"));
    for (QLabel* label : {sentence_, static_cast<QLabel*>(presentSentence_)}) {
        label->setTextFormat(Qt::PlainText);
        label->setWordWrap(true);
    }
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(4);
    rows->addWidget(head_);
    rows->addWidget(bars_);
    rows->addWidget(slider_);
    auto* ends = new QHBoxLayout;
    ends->addWidget(least_);
    ends->addStretch();
    ends->addWidget(most_);
    rows->addLayout(ends);
    rows->addWidget(sentence_);
    rows->addWidget(presentSentence_);
    debounce_.setSingleShot(true);
    debounce_.setInterval(kDebounceMs);
    connect(&debounce_, &QTimer::timeout, this, &WhatIf::ask);
    connect(slider_, &QSlider::valueChanged, this, [this] {
        refresh();
        debounce_.start();
    });
    reset();
}

void WhatIf::reset() {
    debounce_.stop();
    budgets_.clear();
    predictions_.clear();
    present_ = routed_ = 0;
    hitRate_.reset();
    tokensPerSecond_.reset();
    running_ = false;
    outdated_ = true;
    refresh();
}

void WhatIf::setSnapshot(const ExpertMemorySnapshot& snapshot) {
    if (snapshot.budget_bytes == present_ && snapshot.routed_bytes == routed_) return;
    present_ = snapshot.budget_bytes;
    routed_ = snapshot.routed_bytes;
    budgets_ = whatIfBudgets(snapshot);
    const QSignalBlocker quiet(slider_);
    slider_->setRange(0, std::max(0, static_cast<int>(budgets_.size()) - 1));
    slider_->setValue(std::max(0, presentIndex()));
    refresh();
}

void WhatIf::setMeasured(std::optional<double> hitRate, std::optional<double> tokensPerSecond) {
    hitRate_ = hitRate;
    tokensPerSecond_ = tokensPerSecond;
    refresh();
}

void WhatIf::recordChanged() {
    outdated_ = true;
    if (isVisible()) debounce_.start();
}

void WhatIf::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (outdated_) debounce_.start();
}

int WhatIf::chosen() const {
    return budgets_.empty() ? -1 : std::clamp(slider_->value(), 0, int(budgets_.size()) - 1);
}

int WhatIf::presentIndex() const {
    const auto found = std::find(budgets_.begin(), budgets_.end(), present_);
    return found == budgets_.end() ? -1 : static_cast<int>(found - budgets_.begin());
}

const ExpertPrediction* WhatIf::of(std::uint64_t budget) const {
    const auto found = predictions_.find(budget);
    return found == predictions_.end() ? nullptr : &found->second;
}

void WhatIf::ask() {
    if (budgets_.empty()) return;
    const std::uint64_t first = budgets_[static_cast<std::size_t>(chosen())];
    if (!outdated_ && of(first)) return;  // the slider moved to what is known
    outdated_ = false;
    std::vector<std::uint64_t> order{first};
    if (present_ != first) order.push_back(present_);
    for (const std::uint64_t budget : budgets_)
        if (budget != first && budget != present_) order.push_back(budget);
    emit wanted(order);
}

void WhatIf::setRequest(quint64 request) {
    request_ = request;
    predictions_.clear();
    running_ = true;
    refresh();
}

void WhatIf::add(const ExpertPrediction& prediction) {
    if (prediction.request != request_) return;
    predictions_[prediction.budgetBytes] = prediction;
    refresh();
}

void WhatIf::finish(quint64 request) {
    if (request != request_) return;
    running_ = false;
    refresh();
}

void WhatIf::refresh() {
    std::vector<double> rates;
    QStringList spoken;
    int tokens = 0;
    for (const std::uint64_t budget : budgets_) {
        const ExpertPrediction* known = of(budget);
        if (known) tokens = std::max(tokens, known->decodedTokens);
        rates.push_back(!known || known->decodedTokens == 0 ? kUnknown
                        : known->problem.isEmpty()          ? known->hitRate
                                                            : kImpossible);
        if (known && rates.back() >= 0)
            spoken
                << tr("%1: predicted %2").arg(roundBytesText(budget), percentText(known->hitRate));
    }
    bars_->show(rates, presentIndex(), chosen());
    head_->setRemark(tokens == 1  ? tr("predicted from 1 recorded token")
                     : tokens > 1 ? tr("predicted from %1 recorded tokens").arg(numberText(tokens))
                                  : tr("predicted from the recorded tokens"));
    least_->setText(budgets_.empty() ? QString() : roundBytesText(budgets_.front()));
    most_->setText(budgets_.empty() ? QString()
                                    : tr("%1, all experts").arg(roundBytesText(budgets_.back())));
    slider_->setEnabled(!budgets_.empty());
    const auto figures = [](const ExpertPrediction& one) {
        QString out = tr("predicted hit rate %1").arg(percentText(one.hitRate));
        if (one.tokensPerSecond > 0)
            out += tr(", predicted %1 tokens/\u2060s").arg(rateText(one.tokensPerSecond));
        return out;
    };
    QString text, present;
    if (chosen() >= 0) {
        const std::uint64_t budget = budgets_[static_cast<std::size_t>(chosen())];
        const ExpertPrediction* known = of(budget);
        const QString size = roundBytesText(budget);
        if (!known)
            text = running_ || debounce_.isActive()
                       ? tr("%1: predicting…").arg(size)
                       : tr("%1: write some tokens, and this can be predicted.").arg(size);
        else if (known->decodedTokens == 0)
            text = tr("%1: write some tokens, and this can be predicted.").arg(size);
        else if (!known->problem.isEmpty())
            text = tr("%1: cannot be predicted. %2").arg(size, known->problem);
        else
            text = tr("%1: %2").arg(size, figures(*known));
        QStringList lines;
        const QString now = tr("Now %1: %2").arg(roundBytesText(present_));
        const ExpertPrediction* here = of(present_);
        if (here && here->problem.isEmpty() && budget != present_) lines << now.arg(figures(*here));
        if (hitRate_) {
            QString measured = tr("measured hit rate %1").arg(percentText(*hitRate_));
            if (tokensPerSecond_)
                measured += tr(", %1 tokens/\u2060s").arg(rateText(*tokensPerSecond_));
            lines << now.arg(measured);
        }
        present = lines.join(u'\n');
    }
    sentence_->setText(text);
    presentSentence_->setText(present);
    presentSentence_->setVisible(!present.isEmpty());
    slider_->setAccessibleDescription(present.isEmpty() ? text
                                                        : text + QStringLiteral(". ") + present);
    bars_->setAccessibleDescription(spoken.join(QStringLiteral("; ")));
    bars_->setToolTip(spoken.join(u'\n'));
}

QString WhatIf::sentence() const {
    return sentence_->text();
}

QString WhatIf::presentSentence() const {
    return presentSentence_->text();
}

QString WhatIf::remark() const {
    return head_->remark();
}

}  // namespace starglass::ui

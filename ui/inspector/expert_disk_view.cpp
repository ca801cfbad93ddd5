// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/expert_disk_view.h"

#include <QBoxLayout>
#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QLineSeries>
#include <algorithm>
#include <cmath>

#include "bridge/error_text.h"
#include "inspector/expert_charts.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "inspector/what_if.h"
#include "theme/theme.h"

namespace starglass::ui {

QString waitText(const TokenWait& wait) {
    const QString misses = wait.misses == 1
                               ? ExpertDiskView::tr("1 miss")
                               : ExpertDiskView::tr("%1 misses").arg(numberText(wait.misses));
    if (wait.misses == 0 && !(wait.stallSeconds > 0))
        return ExpertDiskView::tr("no waiting: all %1 experts were in memory")
            .arg(numberText(wait.needed));
    if (!(wait.stallSeconds > 0))
        return ExpertDiskView::tr("no waiting: %1, read while others were computed").arg(misses);
    std::vector<int> top;
    for (const std::int16_t layer : wait.top)
        if (layer >= 0) top.push_back(layer);
    // All of them in their order; of more than fit here, the longest wait first.
    const bool more = wait.waitingLayers > static_cast<int>(top.size());
    if (!more) std::sort(top.begin(), top.end());
    QStringList layers;
    for (const int layer : top) layers << numberText(layer);
    const QString time = durationText(static_cast<double>(wait.stallSeconds));
    if (layers.isEmpty()) return ExpertDiskView::tr("%1: %2").arg(time, misses);
    const QString list = layers.join(QStringLiteral(", "));
    if (more) return ExpertDiskView::tr("%1: %2, longest in layers %3").arg(time, misses, list);
    return layers.size() == 1 ? ExpertDiskView::tr("%1: %2, layer %3").arg(time, misses, list)
                              : ExpertDiskView::tr("%1: %2, layers %3").arg(time, misses, list);
}

ExpertDiskView::ExpertDiskView(const ExpertSeries& series, const ExpertSource& source,
                               QWidget* parent)
    : QWidget(parent),
      series_(series),
      source_(source),
      rateHead_(new SectionHead(tr("Hit rate"))),
      chart_(new HitRateChart),
      allKey_(new SeriesKey),
      worstKey_(new SeriesKey),
      layersHead_(new SectionHead(tr("By layer"))),
      layerChart_(new LayerRateChart),
      routedKey_(new SeriesKey),
      hashKey_(new SeriesKey),
      waitHead_(new SectionHead(tr("Waiting"))),
      waitText_(new QLabel),
      meanWait_(new QuietLabel),
      whatIf_(new WhatIf),
      readsHead_(new SectionHead(tr("Reads"))),
      reads_(new QuietLabel),
      note_(new QLabel),
      throttle_(kRefreshIntervalMs, [this] {
          if (isVisible()) draw();
      }) {
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(6);
    const auto keys = [&](SeriesKey* one, SeriesKey* other) {
        auto* row = new QHBoxLayout;
        row->setSpacing(14);
        row->addWidget(one);
        row->addWidget(other);
        row->addStretch();
        rows->addLayout(row);
    };
    rows->addWidget(rateHead_);
    rows->addWidget(chart_);
    keys(allKey_, worstKey_);
    rows->addSpacing(8);
    rows->addWidget(layersHead_);
    rows->addWidget(layerChart_);
    keys(routedKey_, hashKey_);
    rows->addSpacing(8);
    rows->addWidget(waitHead_);
    for (QLabel* label :
         {waitText_, static_cast<QLabel*>(meanWait_), static_cast<QLabel*>(reads_), note_}) {
        label->setTextFormat(Qt::PlainText);
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->setFocusPolicy(Qt::NoFocus);
    }
    rows->addWidget(waitText_);
    rows->addWidget(meanWait_);
    rows->addSpacing(8);
    rows->addWidget(whatIf_);
    rows->addSpacing(8);
    rows->addWidget(readsHead_);
    rows->addWidget(note_);
    auto* table = new QGridLayout;
    table->setHorizontalSpacing(6);
    table->setVerticalSpacing(5);
    table->setColumnStretch(0, 1);
    const QString names[] = {tr("Read for this answer"),
                             tr("Read since the model was opened"),
                             tr("Time of a read, median"),
                             tr("95 of 100 within"),
                             tr("longest"),
                             tr("Speed while reading"),
                             tr("Experts in memory")};
    for (int i = 0; i < kFigures; ++i) {
        names_[i] = new QuietLabel(names[i]);
        values_[i] = new QLabel;
        values_[i]->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        values_[i]->setTextInteractionFlags(Qt::TextSelectableByMouse);
        values_[i]->setFocusPolicy(Qt::NoFocus);
        values_[i]->setProperty(kOwnFont, true);
        names_[i]->setBuddy(values_[i]);
        units_[i] = new QuietLabel;
        table->addWidget(names_[i], i, 0);
        table->addWidget(values_[i], i, 1);
        table->addWidget(units_[i], i, 2);
    }
    for (const Figure figure : {kSlow, kLongest}) names_[figure]->setIndent(14);
    rows->addLayout(table);
    rows->addWidget(reads_);
    allKey_->setText(tr("all layers"));
    routedKey_->setText(tr("chosen by the router"));
    hashKey_->setText(tr("routed by token id"));
    waitText_->setAccessibleName(tr("What the token waited for"));
    connect(chart_, &PanelChart::recoloured, this, &ExpertDiskView::recolour);
    connect(layerChart_, &PanelChart::recoloured, this, &ExpertDiskView::recolour);
    note_->hide();
    fitFonts();
    recolour();
    draw();
}

void ExpertDiskView::setSnapshot(const ExpertSnapshotPtr& snapshot) {
    snapshot_ = snapshot;
    if (snapshot) whatIf_->setSnapshot(*snapshot);
    throttle_.request();
}

void ExpertDiskView::setCanPredict(bool can) {
    whatIf_->setVisible(can);
}

void ExpertDiskView::setToken(std::optional<std::int64_t> position,
                              const std::optional<TokenWait>& wait) {
    position_ = position;
    wait_ = wait;
    drawWait();
}

void ExpertDiskView::refresh() {
    throttle_.request();
}

void ExpertDiskView::showNow() {
    draw();
}

void ExpertDiskView::setFigure(Figure figure, const QString& text) {
    const auto gap = text.lastIndexOf(u' ');
    values_[figure]->setText(gap < 0 ? text : text.left(gap));
    units_[figure]->setText(gap < 0 ? QString() : text.mid(gap + 1));
    values_[figure]->setAccessibleName(names_[figure]->text() + QStringLiteral(": ") + text);
}

void ExpertDiskView::drawWait() {
    const std::optional<TokenWait> wait = position_ ? wait_ : series_.lastWait();
    if (wait) {
        waitHead_->setRemark(
            tr("writing token %1, %2 in all")
                .arg(numberText(wait->position), durationText(static_cast<double>(wait->seconds))));
        waitText_->setText(waitText(*wait));
    } else if (position_) {
        waitHead_->setRemark(tr("token %1").arg(numberText(*position_)));
        waitText_->setText(tr(
            "not known: the first token waits with its prompt, and of old ones nothing is kept"));
    } else {
        waitHead_->setRemark({});
        waitText_->setText(tr("no token was written yet"));
    }
    const auto mean = series_.answerStallPerToken();
    meanWait_->setText(mean ? tr("%1 per token of this answer on average").arg(durationText(*mean))
                            : QString());
    meanWait_->setVisible(mean.has_value());
}

void ExpertDiskView::draw() {
    const QString none = QStringLiteral("–");
    chart_->show(series_);
    QStringList remark;
    if (series_.recent().any())
        remark << tr("%1 over the last %2 tokens")
                      .arg(percentText(series_.recent().rate()),
                           numberText(series_.recent().tokens()));
    if (snapshot_ && snapshot_->totals.hits + snapshot_->totals.misses > 0)
        remark
            << tr("%1 since the model was opened").arg(percentText(snapshot_->totals.hit_rate()));
    rateHead_->setRemark(remark.join(QStringLiteral(" · ")));
    worstKey_->setVisible(chart_->worstLayer() >= 0);
    worstKey_->setText(tr("lowest: layer %1").arg(chart_->worstLayer()));

    layerChart_->show(source_.layers(), source_.shape().hashLayers);
    int worst = -1;
    for (int layer = 0; layer < static_cast<int>(source_.layers().size()); ++layer) {
        const double rate = layerChart_->rateOf(layer);
        if (!std::isnan(rate) && (worst < 0 || rate < layerChart_->rateOf(worst))) worst = layer;
    }
    layersHead_->setRemark(worst < 0 ? QString()
                                     : tr("since the model was opened · lowest %1, layer\u00a0%2")
                                           .arg(percentText(layerChart_->rateOf(worst) / 100))
                                           .arg(worst));
    hashKey_->setVisible(source_.shape().hashLayers > 0);
    drawWait();

    setFigure(kReadAnswer, bytesText(static_cast<qint64>(series_.answerReadBytes())));
    const ExpertMemorySnapshot empty;
    const ExpertMemorySnapshot& seen = snapshot_ ? *snapshot_ : empty;
    const auto bytes = [](std::uint64_t n) { return bytesText(static_cast<qint64>(n)); };
    setFigure(kReadOpened, snapshot_ ? bytes(seen.totals.read_bytes) : none);
    const bool any = seen.latency.count > 0;
    setFigure(kMedian, any ? durationText(seen.latency.median_seconds) : none);
    setFigure(kSlow, any ? durationText(seen.latency.p95_seconds) : none);
    setFigure(kLongest, any ? durationText(seen.latency.longest_seconds) : none);
    setFigure(kRate, seen.read_bytes_s > 0
                         ? bytesText(static_cast<qint64>(seen.read_bytes_s)) + tr("/s")
                         : none);
    setFigure(kResident, snapshot_ ? bytes(seen.resident_bytes) : none);
    QStringList how;
    if (!seen.reads.empty()) how << QString::fromStdString(seen.reads);
    if (any) how << tr("times of the last %1 reads").arg(numberText(qint64(seen.latency.count)));
    if (snapshot_)
        how << tr("%1 of %2 experts in memory, budget %3")
                   .arg(numberText(seen.resident_experts),
                        numberText(qint64{seen.layers} * seen.experts), bytes(seen.budget_bytes));
    reads_->setText(how.join(QStringLiteral(" · ")));
    const QString note = asSentence(seen.note);
    note_->setText(note.isEmpty() ? QString() : QStringLiteral("⚠ ") + note);
    note_->setAccessibleName(note);
    note_->setVisible(!note.isEmpty());
    whatIf_->setMeasured(series_.measuredHitRate(), series_.measuredTokensPerSecond());
}

void ExpertDiskView::fitFonts() {
    for (QLabel* value : values_) value->setFont(codeFont(font()));
}

void ExpertDiskView::recolour() {
    allKey_->setLine(chart_->line().pen().color(), 2);
    worstKey_->setLine(chart_->worstLine().pen().color(), 1.5, Qt::DashLine);
    const QColor routed = layerChart_->routedColour(), hash = layerChart_->hashColour();
    routedKey_->setBox(routed, routed);
    hashKey_->setBox(QBrush(hash, Qt::BDiagPattern), hash);
}

void ExpertDiskView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    throttle_.now();
}

void ExpertDiskView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) fitFonts();
    if (event->type() == QEvent::LocaleChange) throttle_.now();
}

QString ExpertDiskView::figureText(Figure figure) const {
    const QString unit = units_[figure]->text();
    return unit.isEmpty() ? values_[figure]->text() : values_[figure]->text() + u' ' + unit;
}

QString ExpertDiskView::hitRateText() const {
    return rateHead_->remark();
}

QString ExpertDiskView::layersText() const {
    return layersHead_->remark();
}

QString ExpertDiskView::waitingText() const {
    return waitText_->text();
}

QString ExpertDiskView::meanWaitText() const {
    return meanWait_->text();
}

QString ExpertDiskView::readsText() const {
    return reads_->text();
}

QString ExpertDiskView::noteText() const {
    return note_->text();
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/performance_tab.h"

#include <QBoxLayout>
#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QScrollArea>
#include <QStackedLayout>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {

PerformanceTab::PerformanceTab(QWidget* parent)
    : QWidget(parent),
      stack_(new QStackedLayout(this)),
      generationHead_(new SectionHead(tr("Generation"))),
      chart_(new RateChart),
      smoothKey_(new SeriesKey),
      rawKey_(new SeriesKey),
      prefillHead_(new SectionHead(tr("Prefill"))),
      throttle_(kRefreshIntervalMs, [this] { refresh(); }) {
    auto* content = new QWidget;
    auto* rows = new QVBoxLayout(content);
    rows->setContentsMargins(16, 14, 16, 14);
    rows->setSpacing(6);
    rows->addWidget(generationHead_);
    rows->addWidget(chart_);
    auto* keys = new QHBoxLayout;
    keys->setSpacing(16);
    keys->addWidget(smoothKey_);
    keys->addWidget(rawKey_);
    keys->addStretch();
    rows->addLayout(keys);
    rows->addSpacing(12);
    rows->addWidget(prefillHead_);
    rows->addSpacing(12);
    auto* tableHead = new SectionHead(tr("This answer"));
    rows->addWidget(tableHead);
    auto* table = new QGridLayout;
    table->setHorizontalSpacing(6);
    table->setVerticalSpacing(5);
    table->setColumnStretch(0, 1);
    const QString names[] = {tr("Time to first token"),
                             tr("Prompt"),
                             tr("Reused from memory"),
                             tr("Read (prefill)"),
                             tr("Generated"),
                             tr("of these, thinking"),
                             tr("Time generating"),
                             tr("of this, waiting for experts"),
                             tr("Read from disk per token"),
                             tr("Session's memory")};
    for (int i = 0; i < kFigures; ++i) {
        names_[i] = new QuietLabel(names[i]);
        values_[i] = new QLabel;
        values_[i]->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        values_[i]->setTextInteractionFlags(Qt::TextSelectableByMouse);
        values_[i]->setProperty(kOwnFont, true);
        names_[i]->setBuddy(values_[i]);
        table->addWidget(names_[i], i, 0);
        units_[i] = new QuietLabel;
        table->addWidget(values_[i], i, 1);
        table->addWidget(units_[i], i, 2);
    }
    for (const Figure figure : {kThinking, kWaiting}) names_[figure]->setIndent(14);
    setStreaming(false);
    rows->addLayout(table);
    rows->addStretch();

    stack_->addWidget(makeEmptyPane(tr("How fast it goes"),
                                    tr("Send a message: tokens per second will be drawn here as "
                                       "the answer is written, with the time to the first "
                                       "token, what was reused of the prompt, and the memory the "
                                       "session takes. All of it is measured."),
                                    this));
    stack_->addWidget(makeScrolling(content));
    connect(chart_, &RateChart::recoloured, this, [this] {
        smoothKey_->setLine(chart_->smoothLine().pen().color(), 2);
        rawKey_->setLine(chart_->rawLine().pen().color(), 1);
    });
    smoothKey_->setLine(chart_->smoothLine().pen().color(), 2);
    rawKey_->setLine(chart_->rawLine().pen().color(), 1);
    fitFonts();
    refresh();
}

void PerformanceTab::setModel() {
    startAnswer();
    running_ = false;
    memory_.reset();
    stack_->setCurrentIndex(0);
    throttle_.now();
}

void PerformanceTab::startAnswer() {
    rates_.clear();
    totals_ = {};
    prefill_.reset();
    liveFirstToken_.reset();
    roundTokens_ = roundThinking_ = 0;
    roundSeconds_ = 0;
    diskTokens_ = 0;
    diskBytes_ = stallSeconds_ = 0;
    running_ = true;
    throttle_.now();
}

void PerformanceTab::setPrefill(const PrefillProgress& progress) {
    prefill_ = progress;
    stack_->setCurrentIndex(1);
    throttle_.request();
}

void PerformanceTab::addToken(const TokenSample& token) {
    rates_.add(token.position, token.seconds);
    // Both parts are measured: the prompt was read after that time, sampling took this one.
    if (roundTokens_ == 0 && !liveFirstToken_ && !totals_.any && prefill_)
        liveFirstToken_ = prefill_->seconds + token.seconds;
    ++roundTokens_;
    roundSeconds_ += token.seconds;
    if (token.part == StreamPart::thinking) ++roundThinking_;
    stack_->setCurrentIndex(1);
    throttle_.request();
}

void PerformanceTab::addTimings(const GenerateTimings& timings) {
    if (!totals_.any) totals_.firstToken = timings.first_token_seconds;
    totals_.any = true;
    totals_.prefillSeconds += timings.prefill_seconds;
    totals_.decodeSeconds += timings.decode_seconds;
    totals_.prompt = timings.prompt_tokens;
    totals_.reused += timings.reused_tokens;
    totals_.read += timings.prompt_tokens - timings.reused_tokens;
    totals_.generated += timings.generated_tokens;
    totals_.thinking += timings.thinking_tokens;
    prefill_.reset();
    roundTokens_ = roundThinking_ = 0;
    roundSeconds_ = 0;
    stack_->setCurrentIndex(1);
    throttle_.request();
}

void PerformanceTab::setStreaming(bool on) {
    for (const Figure figure : {kWaiting, kDiskRead}) {
        names_[figure]->setVisible(on);
        values_[figure]->setVisible(on);
        units_[figure]->setVisible(on);
    }
}

void PerformanceTab::addExperts(const ExpertsSample& sample) {
    if (sample.prefill) return;
    ++diskTokens_;
    diskBytes_ += static_cast<double>(sample.readBytes());
    stallSeconds_ += sample.stallSeconds;
    throttle_.request();
}

void PerformanceTab::setMemory(std::int64_t bytes) {
    memory_ = bytes;
    throttle_.request();
}

void PerformanceTab::finishAnswer() {
    running_ = false;
    throttle_.now();
}

void PerformanceTab::setFigure(Figure figure, const QString& text) {
    // The unit stands in a column of its own, so that the digits line up.
    const auto gap = text.lastIndexOf(u' ');
    values_[figure]->setText(gap < 0 ? text : text.left(gap));
    units_[figure]->setText(gap < 0 ? QString() : text.mid(gap + 1));
    values_[figure]->setAccessibleName(names_[figure]->text() + QStringLiteral(": ") + text);
}

void PerformanceTab::refresh() {
    const QString none = QStringLiteral("–");
    const auto tokens = [](std::int64_t n) { return numberText(n); };
    const auto counted = [](std::int64_t n) {
        return n == 1 ? tr("%1 token").arg(n) : tr("%1 tokens").arg(numberText(n));
    };
    chart_->show(rates_);
    const int stride = rates_.stride();
    smoothKey_->setText(tr("mean of %1 tokens").arg(stride * RateSeries::kWindow));
    rawKey_->setText(stride == 1 ? tr("each token") : tr("mean of %1 tokens").arg(stride));
    generationHead_->setRemark(rates_.mean() > 0
                                   ? tr("%1 tokens/s on average").arg(rateText(rates_.mean()))
                               : running_ ? tr("waiting for the first tokens")
                                          : QString());
    const bool prefilling = prefill_.has_value();
    const std::int64_t read = totals_.read + (prefilling ? prefill_->tokens_done : 0);
    // While tokens are being written the prompt's last report stands.
    const double readSeconds = totals_.prefillSeconds + (prefilling ? prefill_->seconds : 0);
    QString remark;
    if (read > 0 && readSeconds > 0)
        remark = tr("%1 tokens/s · %2 tokens in %3")
                     .arg(rateText(static_cast<double>(read) / readSeconds), tokens(read),
                          durationText(readSeconds));
    if (prefilling && prefill_->tokens_done < prefill_->tokens_total)
        remark += tr(" · %1 of %2 read")
                      .arg(tokens(prefill_->tokens_done), tokens(prefill_->tokens_total));
    prefillHead_->setRemark(remark);

    const std::optional<double> first = totals_.any ? totals_.firstToken : liveFirstToken_;
    setFigure(kFirstToken, first ? durationText(*first) : none);
    const bool prompt = totals_.any || prefilling;
    setFigure(kPrompt, prompt ? counted(prefilling ? std::int64_t{prefill_->tokens_total} +
                                                         prefill_->tokens_reused
                                                   : totals_.prompt)
                              : none);
    const std::int64_t reused = totals_.reused + (prefilling ? prefill_->tokens_reused : 0);
    setFigure(kReused, prompt ? counted(reused) : none);
    setFigure(kRead, prompt ? counted(read) : none);
    const std::int64_t generated = totals_.generated + roundTokens_;
    setFigure(kGenerated, totals_.any || roundTokens_ > 0 ? counted(generated) : none);
    setFigure(kThinking,
              totals_.any || roundTokens_ > 0 ? counted(totals_.thinking + roundThinking_) : none);
    const double decode = totals_.decodeSeconds + roundSeconds_;
    setFigure(kDecodeTime, decode > 0 ? durationText(decode) : none);
    setFigure(kWaiting, diskTokens_ > 0 ? durationText(stallSeconds_) : none);
    setFigure(kDiskRead,
              diskTokens_ > 0 ? bytesText(static_cast<qint64>(diskBytes_ / diskTokens_)) : none);
    setFigure(kMemory, memory_ ? bytesText(*memory_) : none);
}

void PerformanceTab::fitFonts() {
    // Figures below each other need digits of one width.
    for (QLabel* value : values_) value->setFont(codeFont(font()));
}

void PerformanceTab::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    throttle_.now();
}

void PerformanceTab::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) fitFonts();
}

QString PerformanceTab::figureText(Figure figure) const {
    const QString unit = units_[figure]->text();
    return unit.isEmpty() ? values_[figure]->text() : values_[figure]->text() + u' ' + unit;
}

QString PerformanceTab::generationText() const {
    return generationHead_->remark();
}

QString PerformanceTab::prefillText() const {
    return prefillHead_->remark();
}

}  // namespace starglass::ui

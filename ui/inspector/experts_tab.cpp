// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/experts_tab.h"

#include <QAction>
#include <QActionGroup>
#include <QBoxLayout>
#include <QEvent>
#include <QLabel>
#include <QScrollArea>
#include <QStackedLayout>
#include <cmath>

#include "inspector/expert_disk_view.h"
#include "inspector/heat_legend.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "inspector/what_if.h"

namespace starglass::ui {

ExpertsTab::ExpertsTab(QWidget* parent)
    : QWidget(parent),
      stack_(new QStackedLayout(this)),
      head_(new SectionHead(tr("Routing"))),
      views_(new SegmentBar(tr("View"))),
      scopes_(new SegmentBar(tr("Scope"))),
      remark_(new QuietLabel),
      map_(new RoutingMap),
      legend_(new HeatLegend),
      tierLegend_(new TierLegend),
      card_(new Card),
      summary_(new QuietLabel),
      memory_(new QuietLabel),
      disk_(new ExpertDiskView(series_, hits_)) {
    views_->add(tr("Use"), tr("How often each expert was chosen"));
    views_->add(tr("Tier"), {});
    views_->add(tr("Hits"), {});
    views_->setCurrent(view_);
    connect(views_, &SegmentBar::chosen, this,
            [this](int index) { setView(static_cast<View>(index)); });
    scopes_->add(tr("Token"), tr("One token: the last one, or the one selected"));
    scopes_->add(tr("Answer"), tr("The tokens of one answer, without its prompt"));
    scopes_->add(tr("Session"), tr("Everything read and written since the model was opened"));
    scopes_->setCurrent(scope_);
    connect(scopes_, &SegmentBar::chosen, this,
            [this](int index) { setScope(static_cast<Scope>(index)); });

    remark_->setWordWrap(true);
    summary_->setWordWrap(true);
    memory_->setWordWrap(true);
    auto* content = new QWidget;
    auto* rows = new QVBoxLayout(content);
    rows->setContentsMargins(16, 14, 16, 14);
    rows->setSpacing(8);
    auto* top = new WrapRow(head_);
    top->add(views_);
    top->add(scopes_);
    rows->addWidget(top);
    rows->addWidget(remark_);
    rows->addWidget(map_, 1);
    rows->addWidget(legend_);
    rows->addWidget(tierLegend_);
    rows->addSpacing(2);
    rows->addWidget(card_);
    rows->addWidget(summary_);
    rows->addWidget(memory_);
    rows->addSpacing(8);
    rows->addWidget(disk_);
    rows->addStretch();

    stack_->addWidget(makeEmptyPane(tr("Which experts the model chooses"), {}, this, &emptyText_));
    stack_->addWidget(makeScrolling(content));

    connect(map_, &RoutingMap::cellHovered, this, &ExpertsTab::updateCard);
    connect(map_, &RoutingMap::cellSelected, this, [this](RoutingCell cell) {
        updateCard();
        emit cellSelected(cell);
    });
    connect(map_, &RoutingMap::drawn, this, &ExpertsTab::updateTexts);
    buildActions();
    setModel({});
}

void ExpertsTab::setModel(const RoutingShape& shape) {
    shape_ = shape;
    for (RoutingCounts* counts : {&token_, &answer_, &session_}) counts->reset(shape);
    selectedToken_.reset();
    selectedAnswer_.reset();
    lastPosition_ = -1;
    snapshot_.reset();
    series_.reset(shape.layers);
    tiers_.set(shape, {});
    hits_.set(shape, {});
    disk_->setSnapshot({});
    disk_->setToken({}, {});
    disk_->whatIf().reset();
    emptyText_->setText(
        shape.empty()
            ? tr("Open a model and send a message: a map of its layers and experts will show "
                 "which experts were chosen for each token, and how often.")
            : tr("Send a message: this map will show which of the %1 experts each of the %2 layers "
                 "chooses, for the last token, for the answer and for the session.")
                  .arg(numberText(shape.experts), numberText(shape.layers)));
    stack_->setCurrentIndex(0);
    updateStreaming();
    updateSource();
}

// --- experts read from disk ----------------------------------------------------------------

void ExpertsTab::setStreaming(bool on, bool canPredict) {
    streaming_ = on;
    disk_->setCanPredict(canPredict);
    if (!on) setSnapshot({});
    updateStreaming();
    updateSource();
}

void ExpertsTab::updateStreaming() {
    if (!streaming_) view_ = use;
    views_->setCurrent(view_);
    const QString why = tr("All experts of this model are in memory: nothing is read from disk");
    views_->setChoice(tier, streaming_, streaming_ ? tr("Where each expert is now") : why);
    views_->setChoice(
        hits, streaming_,
        streaming_ ? tr("How often each expert was in memory when it was needed") : why);
    for (const char* name : {"viewTier", "viewHits"})
        action(QLatin1String(name))->setEnabled(streaming_);
    memory_->setText(streaming_ ? QString()
                                : tr("All experts are in memory: nothing is read from disk while "
                                     "it answers."));
    memory_->setVisible(!streaming_);
    disk_->setVisible(streaming_);
}

void ExpertsTab::setSnapshot(const ExpertSnapshotPtr& snapshot) {
    snapshot_ = snapshot;
    tiers_.set(shape_, snapshot);
    hits_.set(shape_, snapshot);
    disk_->setSnapshot(snapshot);
    if (snapshot && snapshot->resident_experts > 0 && !shape_.empty()) stack_->setCurrentIndex(1);
    if (view_ == use)
        updateCard();
    else
        map_->refresh();
}

void ExpertsTab::addFrames(qint64 message, const ExpertsBatch& frames) {
    for (const ExpertsSample& one : frames) series_.add(message, one);
    disk_->refresh();
}

void ExpertsTab::addTotals(const ExpertTotals& totals) {
    series_.addResult(totals);
    disk_->refresh();
}

void ExpertsTab::finishAnswer() {
    disk_->refresh();
    if (streaming_) disk_->whatIf().recordChanged();
}

void ExpertsTab::showWait(qint64 message, std::int64_t position) {
    disk_->setToken(position, series_.waitOf(message, position));
}

void ExpertsTab::buildActions() {
    auto* group = new QActionGroup(this);
    const std::tuple<const char*, QString, const char*, View> all[] = {
        {"viewUse", tr("Map: how often experts are &chosen"), "Alt+1", use},
        {"viewTier", tr("Map: &where experts are"), "Alt+2", tier},
        {"viewHits", tr("Map: &hits and misses"), "Alt+3", hits}};
    for (const auto& [name, text, keys, view] : all) {
        auto* out = new QAction(text, this);
        out->setObjectName(QLatin1String(name));
        out->setShortcut(QKeySequence(QLatin1String(keys)));
        out->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        out->setCheckable(true);
        out->setChecked(view == view_);
        group->addAction(out);
        connect(out, &QAction::triggered, this, [this, view = view] { setView(view); });
        addAction(out);
        map_->addAction(out);
    }
    map_->setContextMenuPolicy(Qt::ActionsContextMenu);
}

QAction* ExpertsTab::action(const QString& name) const {
    return findChild<QAction*>(name, Qt::FindDirectChildrenOnly);
}

// --- use -----------------------------------------------------------------------------------

void ExpertsTab::startAnswer() {
    series_.startAnswer();
    disk_->refresh();
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
    disk_->setToken({}, {});
    updateSource();
}

void ExpertsTab::setView(View view) {
    if (view != use && !streaming_) view = use;
    view_ = view;
    views_->setCurrent(view);
    static const char* const kNames[] = {"viewUse", "viewTier", "viewHits"};
    action(QLatin1String(kNames[view]))->setChecked(true);
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
    if (view_ == tier)
        map_->setSource(tiers_);
    else if (view_ == hits)
        map_->setSource(hits_);
    else
        map_->setSource(&counts(), scope_ == token ? RoutingScale::weight : RoutingScale::share);
    scopes_->setEnabled(view_ == use);
    // Where the expert is takes a line of its own beside its use.
    card_->setRoom(streaming_ && view_ == use ? 4 : 3);
    legend_->setVisible(view_ != tier);
    tierLegend_->setVisible(view_ == tier);
    updateTexts();
}

QString ExpertsTab::remark() const {
    const RoutingCounts& shown = counts();
    const QString size =
        tr("%1 layers × %2 experts").arg(numberText(shape_.layers), numberText(shape_.experts));
    if (view_ == tier) return tr("%1 · where each expert is now").arg(size);
    if (view_ == hits)
        return tr("%1 · hit rate since the model was opened, linear scale").arg(size);
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
    remark_->setText(remark());
    updateLegend();
    summary_->setText(summary());
    updateCard();
}

void ExpertsTab::updateLegend() {
    const RoutingCounts& shown = counts();
    if (view_ == tier) {
        bool device = false;
        for (const ExpertSource::Layer& layer : tiers_.layers()) device |= layer.device > 0;
        tierLegend_->setDevice(device);
        return;
    }
    if (view_ == hits) {
        legend_->setEnds(tr("never needed"), tr("hit rate 0 %"), tr("100 %"));
        legend_->setHatch(hits_.any() && map_->anyLayerWithoutData());
        return;
    }
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
}

QString ExpertsTab::summary() const {
    const qint64 all = qint64{shape_.layers} * shape_.experts;
    if (view_ != use && !snapshot_) return tr("no data yet");
    if (view_ == tier) {
        int host = 0, device = 0;
        for (const ExpertSource::Layer& layer : tiers_.layers()) {
            host += layer.host;
            device += layer.device;
        }
        QString out = tr("%1 of %2 experts in memory, %3 of a budget of %4")
                          .arg(numberText(host), numberText(all),
                               bytesText(static_cast<qint64>(snapshot_->resident_bytes)),
                               bytesText(static_cast<qint64>(snapshot_->budget_bytes)));
        if (device > 0) out += tr(" · %1 on the device").arg(numberText(device));
        return out;
    }
    if (view_ == hits) {
        const ExpertTotals& totals = snapshot_->totals;
        if (totals.hits + totals.misses == 0) return tr("nothing was needed yet");
        return tr("hit rate %1 · %2 hits, %3 misses")
            .arg(percentText(totals.hit_rate()), numberText(static_cast<qint64>(totals.hits)),
                 numberText(static_cast<qint64>(totals.misses)));
    }
    const RoutingCounts& shown = counts();
    const double bits = shown.meanEntropyBits();
    if (shown.tokens() == 0) return {};
    QString out = tr("%1 of %2 experts used").arg(numberText(shown.expertsUsed()), numberText(all));
    if (scope_ != token && !std::isnan(bits))
        out += tr(" · mean entropy per layer %1 of %2 bits")
                   .arg(decimalText(bits, 2), bitsText(std::log2(std::max(2, shape_.experts))));
    return out;
}

CellText ExpertsTab::describe(RoutingCell cell) const {
    if (view_ == tier) return tiers_.describe(cell);
    if (view_ == hits) return hits_.describe(cell);
    CellText out =
        describeCell(counts(), scope_ == token ? RoutingScale::weight : RoutingScale::share, cell);
    const QString where = hits_.cellDetail(cell);
    if (!where.isEmpty()) out.more = out.more.isEmpty() ? where : where + u'\n' + out.more;
    return out;
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
    const CellText text = describe(cell);
    card_->setText(text.title, text.detail, text.more);
}

void ExpertsTab::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::LocaleChange) updateTexts();
}

QString ExpertsTab::legendText() const {
    return view_ == tier ? tierLegend_->text() : legend_->text();
}

QString ExpertsTab::cardText() const {
    return card_->text();
}

QString ExpertsTab::summaryText() const {
    return summary_->text();
}

QString ExpertsTab::remarkText() const {
    return remark_->text();
}

QString ExpertsTab::memoryText() const {
    return memory_->text();
}

}  // namespace starglass::ui

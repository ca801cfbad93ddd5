// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/inspector_panel.h"

#include <QTabBar>

#include "bridge/chat.h"
#include "bridge/engine_bridge.h"
#include "bridge/expert_service.h"
#include "inspector/cache_tab.h"
#include "inspector/expert_disk_view.h"
#include "inspector/experts_tab.h"
#include "inspector/inspector_parts.h"
#include "inspector/performance_tab.h"
#include "inspector/what_if.h"

namespace starglass::ui {
namespace {

constexpr int kTokenIntervalMs = 50;

// Under a style sheet Qt hands a font to the children but not to theirs, so each widget is told;
// all but its size stays. Widgets with a size of their own follow their tab's font change.
void scaleFonts(QWidget* widget, qreal points) {
    QFont font = widget->font();
    font.setPointSizeF(points);
    widget->setFont(font);
    for (QObject* child : widget->children()) {
        auto* inner = qobject_cast<QWidget*>(child);
        if (inner && !inner->isWindow() && !inner->property(kOwnFont).toBool())
            scaleFonts(inner, points);
    }
}

// The bytes a token showed, where the chat still has them.
QByteArray textOf(const ChatMessage& message, int token) {
    if (token < 0 || token >= static_cast<int>(message.places.size())) return {};
    const TokenPlace& place = message.places[static_cast<std::size_t>(token)];
    if (place.part < 0 || place.part >= static_cast<int>(message.parts.size())) return {};
    return message.parts[static_cast<std::size_t>(place.part)].text.mid(place.begin,
                                                                        place.end - place.begin);
}

}  // namespace

InspectorPanel::InspectorPanel(QWidget* parent)
    : QTabWidget(parent),
      tokenTab_(new TokenTab),
      expertsTab_(new ExpertsTab),
      cacheTab_(new CacheTab),
      performanceTab_(new PerformanceTab),
      tokenThrottle_(kTokenIntervalMs, [this] { showToken(); }) {
    setDocumentMode(true);
    setAccessibleName(tr("Inspector"));
    tabBar()->setDrawBase(false);
    tabBar()->setExpanding(false);
    addTab(tokenTab_, tr("Token"));
    addTab(expertsTab_, tr("Experts"));
    addTab(cacheTab_, tr("Cache"));
    addTab(performanceTab_, tr("Performance"));
    setCurrentIndex(kExperts);
    connect(expertsTab_, &ExpertsTab::cellSelected, this, &InspectorPanel::announceCell);
    connect(tokenTab_, &TokenTab::latestWanted, this, &InspectorPanel::followLatest);
    connect(tokenTab_, &TokenTab::cellActivated, this, [this](RoutingCell cell) {
        setCurrentIndex(kExperts);
        expertsTab_->map().selectCell(cell);
        expertsTab_->map().setFocus();
    });
}

void InspectorPanel::follow(EngineBridge& bridge, Chat& chat) {
    connect(&bridge, &EngineBridge::modelReady, this, &InspectorPanel::setModel);
    connect(&bridge, &EngineBridge::answerStarted, this, &InspectorPanel::startAnswer);
    connect(&bridge, &EngineBridge::prefillProgress, this, &InspectorPanel::setPrefill);
    connect(&bridge, &EngineBridge::tokenEvents, this, &InspectorPanel::addTokens);
    connect(&bridge, &EngineBridge::routingFrames, this, &InspectorPanel::addRouting);
    connect(&bridge, &EngineBridge::expertFrames, this, &InspectorPanel::addExperts);
    connect(&bridge, &EngineBridge::finished, this,
            [this](quint64, const GenerateResult& result) { addResult(result); });
    connect(&bridge, &EngineBridge::statsChanged, this, &InspectorPanel::setStats);
    connect(&bridge, &EngineBridge::answerFinished, this, &InspectorPanel::finishAnswer);
    connect(&bridge, &EngineBridge::tokenSelected, this, &InspectorPanel::selectToken);
    connect(&chat, &Chat::removed, this, [this, &chat] {
        if (chat.size() == 0) clearConversation();
    });
    setTokenSource([&chat](qint64 message, int token) -> std::optional<TokenSample> {
        const TokenEvent* event = chat.token(message, token);
        if (!event) return {};
        TokenSample out = TokenSample::of(*event);
        const int index = chat.indexOf(message);
        if (out.text.isEmpty() && index >= 0) out.text = textOf(chat.at(index), token);
        return out;
    });
    setModel(bridge.model());
}

void InspectorPanel::showNow() {
    if (!pinned_) tokenThrottle_.now();
    expertsTab_->map().showNow();
    expertsTab_->disk().showNow();
}

void InspectorPanel::setModel(const ModelInfoPtr& model) {
    const RoutingShape shape = model ? RoutingShape::of(*model) : RoutingShape{};
    history_.reset(shape);
    message_ = 0;
    tokens_.clear();
    pinned_.reset();
    expertsTab_->setModel(shape);
    tokenTab_->setModel(shape);
    cacheTab_->setModel(model);
    performanceTab_->setModel();
}

void InspectorPanel::followCache(CacheService& cache) {
    cacheTab_->follow(cache);
}

void InspectorPanel::followExperts(ExpertService& experts) {
    connect(&experts, &ExpertService::streamingChanged, this,
            [this, &experts] { setStreaming(experts.streaming(), experts.canPredict()); });
    connect(&experts, &ExpertService::snapshotTaken, expertsTab_, &ExpertsTab::setSnapshot);
    WhatIf& whatIf = expertsTab_->disk().whatIf();
    connect(&whatIf, &WhatIf::wanted, &experts,
            [&experts, &whatIf](const std::vector<std::uint64_t>& budgets) {
                whatIf.setRequest(experts.predict(budgets));
            });
    connect(&experts, &ExpertService::predicted, &whatIf, &WhatIf::add);
    connect(&experts, &ExpertService::predictionsDone, &whatIf, &WhatIf::finish);
    setStreaming(experts.streaming(), experts.canPredict());
    expertsTab_->setSnapshot(experts.snapshot());
}

void InspectorPanel::setStreaming(bool on, bool canPredict) {
    expertsTab_->setStreaming(on, canPredict);
    performanceTab_->setStreaming(on);
}

void InspectorPanel::startAnswer(qint64 message) {
    message_ = message;
    tokens_.clear();
    pinned_.reset();
    tokenTab_->clear();
    expertsTab_->startAnswer();
    performanceTab_->startAnswer();
    announceCell();
}

void InspectorPanel::setPrefill(const PrefillProgress& progress) {
    performanceTab_->setPrefill(progress);
}

void InspectorPanel::addTokens(qint64 message, int, const TokenBatch& batch) {
    if (message != message_ || batch.empty()) return;
    for (const TokenEvent& event : batch) {
        tokens_.push_back(TokenSample::of(event));
        performanceTab_->addToken(tokens_.back());
    }
    if (!pinned_) tokenThrottle_.request();
}

void InspectorPanel::addRouting(const RoutingBatch& frames) {
    if (frames.empty()) return;
    for (const RoutingSample& sample : frames) history_.add(message_, sample);
    expertsTab_->add(frames);
    if (!pinned_) tokenThrottle_.request();
}

void InspectorPanel::addExperts(const ExpertsBatch& frames) {
    expertsTab_->addFrames(message_, frames);
    for (const ExpertsSample& one : frames) performanceTab_->addExperts(one);
    if (!pinned_) tokenThrottle_.request();
}

void InspectorPanel::addResult(const GenerateResult& result) {
    expertsTab_->addTotals(result.experts);
    performanceTab_->addTimings(result.timings);
    cacheTab_->addResult(result);
}

void InspectorPanel::setStats(const SessionStats& stats) {
    performanceTab_->setMemory(stats.memoryBytes);
}

void InspectorPanel::finishAnswer(qint64 message) {
    if (message != message_) return;
    expertsTab_->finishAnswer();
    performanceTab_->finishAnswer();
    tokenThrottle_.now();
    announceCell();
}

void InspectorPanel::selectToken(qint64 message, int token) {
    if (token < 0) return followLatest();
    std::optional<TokenSample> chosen;
    if (message == message_ && token < static_cast<int>(tokens_.size()))
        chosen = tokens_[static_cast<std::size_t>(token)];
    else if (source_)
        chosen = source_(message, token);
    if (!chosen) return;
    pinned_ = std::move(chosen);
    pinnedMessage_ = message;
    const TokenRouting routing = routingOf(message, pinned_->position);
    std::optional<RoutingCounts> answer;
    if (message != message_) answer = history_.countsOf(message);
    expertsTab_->showSelected(routing.sample, answer);
    expertsTab_->showWait(message, pinned_->position);
    showToken();
    announceCell();
}

void InspectorPanel::followLatest() {
    if (!pinned_) return;
    pinned_.reset();
    expertsTab_->followLatest();
    if (tokens_.empty()) tokenTab_->clear();
    showToken();
    announceCell();
}

void InspectorPanel::clearConversation() {
    message_ = 0;
    tokens_.clear();
    pinned_.reset();
    tokenTab_->clear();
    expertsTab_->startAnswer();
    cacheTab_->clearConversation();
    performanceTab_->setModel();
    announceCell();
}

void InspectorPanel::setZoom(qreal factor) {
    if (baseSize_ <= 0)
        baseSize_ = font().pointSizeF() > 0 ? font().pointSizeF() : font().pixelSize() * 0.75;
    scaleFonts(this, baseSize_ * factor);
}

TokenRouting InspectorPanel::routingOf(qint64 message, std::int64_t position) const {
    if (auto read = history_.at(message, position)) return {std::move(read), false};
    return {history_.at(message, position - 1), true};
}

void InspectorPanel::showToken() {
    if (pinned_) {
        tokenTab_->show(*pinned_, routingOf(pinnedMessage_, pinned_->position), true);
        tokenTab_->setWait(expertsTab_->series().waitOf(pinnedMessage_, pinned_->position));
    } else if (!tokens_.empty()) {
        tokenTab_->show(tokens_.back(), routingOf(message_, tokens_.back().position), false);
        tokenTab_->setWait(expertsTab_->series().waitOf(message_, tokens_.back().position));
    }
}

std::vector<std::int64_t> InspectorPanel::positionsOfCell() const {
    return history_.positionsOf(shownMessage(), expertsTab_->map().selectedCell());
}

void InspectorPanel::announceCell() {
    emit tokensOfCell(shownMessage(), positionsOfCell());
}

void InspectorPanel::setNextTokens(const std::vector<TokenAlternative>& tokens) {
    // A token that was selected or is being written says more.
    if (pinned_ || !tokens_.empty()) return;
    tokenTab_->showNext(tokens);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The inspector: Token, Experts, Cache, Performance. The window puts it into a dock and calls
// follow(); without a bridge the slots can be called by anybody. UI thread; owns all it shows.
//
// A selected token drives every tab until the next answer starts or the latest is wanted again.
// A selected cell names its tokens, so that the transcript can mark them.
#pragma once

#include <QTabWidget>
#include <functional>
#include <optional>
#include <vector>

#include "inspector/routing_history.h"
#include "inspector/throttle.h"
#include "inspector/token_sample.h"
#include "inspector/token_tab.h"

namespace starglass::ui {

class CacheService;
class CacheTab;
class Chat;
class EngineBridge;
class ExpertService;
class ExpertsTab;
class PerformanceTab;

class InspectorPanel : public QTabWidget {
    Q_OBJECT
public:
    enum Tab { kToken, kExperts, kCache, kPerformance };

    explicit InspectorPanel(QWidget* parent = nullptr);

    // Connects every signal the panel lives on. Both outlive the panel.
    void follow(EngineBridge& bridge, Chat& chat);
    void followCache(CacheService& cache);
    void followExperts(ExpertService& experts);

    // Finds a token of an earlier message; empty when it is gone.
    using TokenSource = std::function<std::optional<TokenSample>(qint64 message, int token)>;
    void setTokenSource(TokenSource source) { source_ = std::move(source); }

    [[nodiscard]] TokenTab& tokenTab() { return *tokenTab_; }
    [[nodiscard]] ExpertsTab& expertsTab() { return *expertsTab_; }
    [[nodiscard]] CacheTab& cacheTab() { return *cacheTab_; }
    [[nodiscard]] PerformanceTab& performanceTab() { return *performanceTab_; }
    // Draws what was heard so far without waiting for the next repaint slot.
    void showNow();
    // The tokens of the selected cell in the answer on screen, ascending positions.
    [[nodiscard]] std::vector<std::int64_t> positionsOfCell() const;

public slots:
    void setModel(const starglass::ui::ModelInfoPtr& model);
    void startAnswer(qint64 message);
    void setPrefill(const starglass::PrefillProgress& progress);
    void addTokens(qint64 message, int firstToken, const starglass::ui::TokenBatch& batch);
    void addRouting(const starglass::ui::RoutingBatch& frames);
    // Experts are read from disk, and what another budget brings can be predicted.
    void setStreaming(bool on, bool canPredict);
    void addExperts(const starglass::ui::ExpertsBatch& frames);
    void addResult(const starglass::GenerateResult& result);
    void setStats(const starglass::ui::SessionStats& stats);
    void finishAnswer(qint64 message);
    // A negative token follows the latest again.
    void selectToken(qint64 message, int token);
    void followLatest();
    // What the model is about to write at the end of the session on screen, read from disk.
    void setNextTokens(const std::vector<starglass::TokenAlternative>& tokens);
    // The conversation was emptied; what the session's counts saw stays true.
    void clearConversation();
    // Scales text, maps and charts alike; 1 is the window's own font.
    void setZoom(qreal factor);

signals:
    // Positions in the timeline of tokens that went through the selected cell while `message` was
    // written; empty when no cell is selected.
    void tokensOfCell(qint64 message, const std::vector<std::int64_t>& positions);

private:
    void showToken();
    [[nodiscard]] TokenRouting routingOf(qint64 message, std::int64_t position) const;
    [[nodiscard]] qint64 shownMessage() const { return pinned_ ? pinnedMessage_ : message_; }
    void announceCell();

    TokenSource source_;
    RoutingHistory history_;
    qint64 message_ = 0;               // the answer being written or the last one, 0 for none
    std::vector<TokenSample> tokens_;  // of message_
    std::optional<TokenSample> pinned_;
    qint64 pinnedMessage_ = 0;
    qreal baseSize_ = 0;

    TokenTab* tokenTab_;
    ExpertsTab* expertsTab_;
    CacheTab* cacheTab_;
    PerformanceTab* performanceTab_;
    Throttle tokenThrottle_;
};

}  // namespace starglass::ui

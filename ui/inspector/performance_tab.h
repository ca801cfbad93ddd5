// SPDX-License-Identifier: GPL-3.0-or-later
//
// Performance: tokens/s over the answer, reading the prompt, and a table of what was measured.
// A figure that was not measured yet is a dash, never a guess. UI thread.
#pragma once

#include <QWidget>
#include <array>
#include <optional>

#include "inspector/rate_chart.h"
#include "inspector/rate_series.h"
#include "inspector/throttle.h"
#include "inspector/token_sample.h"

class QLabel;
class QStackedLayout;

namespace starglass::ui {

class QuietLabel;
class SectionHead;
class SeriesKey;

class PerformanceTab : public QWidget {
    Q_OBJECT
public:
    // In the order of the table.
    enum Figure {
        kFirstToken,
        kPrompt,
        kReused,
        kRead,
        kGenerated,
        kThinking,
        kDecodeTime,
        kWaiting,   // for experts, of the time generating
        kDiskRead,  // per token
        kMemory,
        kFigures
    };
    static constexpr int kRefreshIntervalMs = 100;

    explicit PerformanceTab(QWidget* parent = nullptr);

    void setModel();  // a new model: nothing measured yet
    void startAnswer();
    void setPrefill(const PrefillProgress& progress);
    void addToken(const TokenSample& token);
    // Once per round of the answer; rounds after a tool call add up.
    void addTimings(const GenerateTimings& timings);
    // Experts are read from disk: two more figures.
    void setStreaming(bool on);
    void addExperts(const ExpertsSample& sample);
    void setMemory(std::int64_t bytes);
    void finishAnswer();

    [[nodiscard]] QString figureText(Figure figure) const;
    [[nodiscard]] const RateSeries& rates() const { return rates_; }
    [[nodiscard]] RateChart& chart() { return *chart_; }
    [[nodiscard]] QString generationText() const;
    [[nodiscard]] QString prefillText() const;

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void refresh();
    void fitFonts();
    void setFigure(Figure figure, const QString& text);

    // Finished rounds of this answer.
    struct Totals {
        std::optional<double> firstToken;
        double prefillSeconds = 0, decodeSeconds = 0;
        std::int64_t prompt = 0, reused = 0, read = 0, generated = 0, thinking = 0;
        bool any = false;
    };
    RateSeries rates_;
    Totals totals_;
    std::optional<PrefillProgress> prefill_;  // of the running round
    std::optional<double> liveFirstToken_;
    int roundTokens_ = 0, roundThinking_ = 0;
    double roundSeconds_ = 0;
    // Of the answer's tokens, without its prompt.
    int diskTokens_ = 0;
    double diskBytes_ = 0, stallSeconds_ = 0;
    std::optional<std::int64_t> memory_;
    bool running_ = false;

    QStackedLayout* stack_;
    SectionHead* generationHead_;
    RateChart* chart_;
    SeriesKey* smoothKey_;
    SeriesKey* rawKey_;
    SectionHead* prefillHead_;
    std::array<QLabel*, kFigures> names_{};
    std::array<QLabel*, kFigures> values_{};
    std::array<QuietLabel*, kFigures> units_{};
    Throttle throttle_;
};

}  // namespace starglass::ui

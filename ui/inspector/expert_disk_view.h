// SPDX-License-Identifier: GPL-3.0-or-later
//
// Below the map, for a model whose experts are read from disk: hit rate over the last tokens and by
// layer, what a token waited for, what another budget would bring, and how the disk was read. All
// of it measured, but for what says predicted. UI thread.
#pragma once

#include <QWidget>
#include <array>
#include <optional>

#include "inspector/expert_series.h"
#include "inspector/expert_views.h"
#include "inspector/throttle.h"

class QLabel;

namespace starglass::ui {

class HitRateChart;
class LayerRateChart;
class QuietLabel;
class SectionHead;
class SeriesKey;
class WhatIf;

// "41 ms: 12 misses, layers 17, 22".
QString waitText(const TokenWait& wait);

class ExpertDiskView : public QWidget {
    Q_OBJECT
public:
    static constexpr int kRefreshIntervalMs = 200;
    // In the order of the table.
    enum Figure { kReadAnswer, kReadOpened, kMedian, kSlow, kLongest, kRate, kResident, kFigures };

    // `series` and `source` outlive the view.
    ExpertDiskView(const ExpertSeries& series, const ExpertSource& source,
                   QWidget* parent = nullptr);

    void setSnapshot(const ExpertSnapshotPtr& snapshot);  // null: none yet
    void setCanPredict(bool can);
    // Empty: the latest one is followed. `known` is false when nothing is kept of it.
    void setToken(std::optional<std::int64_t> position, const std::optional<TokenWait>& wait);
    void refresh();  // the series changed
    void showNow();

    [[nodiscard]] QString figureText(Figure figure) const;
    [[nodiscard]] QString hitRateText() const;
    [[nodiscard]] QString layersText() const;
    [[nodiscard]] QString waitingText() const;
    [[nodiscard]] QString meanWaitText() const;
    [[nodiscard]] QString readsText() const;
    [[nodiscard]] QString noteText() const;  // empty: all is as it should be
    [[nodiscard]] HitRateChart& chart() { return *chart_; }
    [[nodiscard]] LayerRateChart& layerChart() { return *layerChart_; }
    [[nodiscard]] WhatIf& whatIf() { return *whatIf_; }

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void draw();
    void drawWait();
    void fitFonts();
    void recolour();
    void setFigure(Figure figure, const QString& text);

    const ExpertSeries& series_;
    const ExpertSource& source_;
    ExpertSnapshotPtr snapshot_;
    std::optional<std::int64_t> position_;
    std::optional<TokenWait> wait_;

    SectionHead* rateHead_;
    HitRateChart* chart_;
    SeriesKey* allKey_;
    SeriesKey* worstKey_;
    SectionHead* layersHead_;
    LayerRateChart* layerChart_;
    SeriesKey* routedKey_;
    SeriesKey* hashKey_;
    SectionHead* waitHead_;
    QLabel* waitText_;
    QuietLabel* meanWait_;
    WhatIf* whatIf_;
    SectionHead* readsHead_;
    QuietLabel* reads_;
    QLabel* note_;
    std::array<QuietLabel*, kFigures> names_{};
    std::array<QLabel*, kFigures> values_{};
    std::array<QuietLabel*, kFigures> units_{};
    Throttle throttle_;
};

}  // namespace starglass::ui

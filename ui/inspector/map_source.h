// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the map of layers and experts draws: several views of the same cells, each with its levels,
// its colours and its words. UI thread.
#pragma once

#include <QBrush>
#include <QString>
#include <array>
#include <cstdint>
#include <vector>

#include "inspector/routing_counts.h"
#include "theme/theme.h"

namespace starglass::ui {

// A cell in words, for the card and for screen readers.
struct CellText {
    QString title;   // Layer 22 · expert 141
    QString detail;  // 9.4 % of tokens · mean weight 0.21
    QString more;    // about the layer
    [[nodiscard]] QString sentence() const;
};
// "Layer 22 · expert 141", with a remark where the layer routes by token id.
QString cellTitle(const RoutingShape& shape, RoutingCell cell);

class MapSource {
public:
    virtual ~MapSource() = default;
    [[nodiscard]] virtual QString name() const = 0;  // of the map that shows it
    [[nodiscard]] virtual RoutingShape shape() const = 0;
    // `levels` [layers, experts] and `hasData` [layers] come zeroed. Level 0 is the panel's own
    // background; where several cells share a pixel the highest one is drawn.
    virtual void fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const = 0;
    [[nodiscard]] virtual std::array<QRgb, 256> colours(const Theme& theme) const {
        return theme.rampTable();
    }
    // Cells of this level are hatched too, so that they differ in more than colour; -1: none.
    [[nodiscard]] virtual int hatchedLevel() const { return -1; }

    // The column of bars beside the map: its head, what a full bar means, and each layer's length
    // in [0, 1], NaN for none.
    [[nodiscard]] virtual QString barTitle() const = 0;
    [[nodiscard]] virtual QString barEnd() const = 0;
    [[nodiscard]] virtual double bar(int layer) const = 0;

    [[nodiscard]] virtual CellText describe(RoutingCell cell) const = 0;
    [[nodiscard]] virtual QString describeLayer(int layer) const = 0;  // empty: no data
};

// What MapSource::hatchedLevel() is hatched with.
QBrush hatchBrush(const Theme& theme);

// Where on the ramp an amount in [0, 1] of something that did happen stands: its least is still
// told from the background, so that one use in many thousand is seen to be a use.
int levelOnRamp(double amount);

}  // namespace starglass::ui

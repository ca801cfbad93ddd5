// SPDX-License-Identifier: GPL-3.0-or-later
//
// Use: which experts the routers chose, as a share of tokens or as one token's weights. Shows
// counts owned by somebody else. UI thread.
#pragma once

#include "inspector/map_source.h"

namespace starglass::ui {

enum class RoutingScale {
    share,   // logarithm of the share of tokens
    weight,  // the router's weight in one token, linear
};

CellText describeCell(const RoutingCounts& counts, RoutingScale scale, RoutingCell cell);

class RoutingSource final : public MapSource {
public:
    // `counts` outlives the source or is replaced; null: nothing.
    void set(const RoutingCounts* counts, RoutingScale scale);

    [[nodiscard]] QString name() const override;
    [[nodiscard]] RoutingShape shape() const override;
    void fill(std::vector<std::uint8_t>& levels, std::vector<bool>& hasData) const override;
    [[nodiscard]] QString barTitle() const override;
    [[nodiscard]] QString barEnd() const override;
    [[nodiscard]] double bar(int layer) const override;
    [[nodiscard]] CellText describe(RoutingCell cell) const override;
    [[nodiscard]] QString describeLayer(int layer) const override;

private:
    const RoutingCounts* counts_ = nullptr;
    RoutingScale scale_ = RoutingScale::share;
};

}  // namespace starglass::ui

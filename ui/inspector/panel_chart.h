// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QChartView>

namespace starglass::ui {

// What all charts of the inspector share: no frame, legend, ground or motion of their own, and no
// more margin than their labels need.
void layIntoPanel(QChartView& view);

}  // namespace starglass::ui

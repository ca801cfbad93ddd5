// SPDX-License-Identifier: GPL-3.0-or-later
//
// What all charts of the inspector share.
#pragma once

#include <QChartView>

class QValueAxis;

namespace starglass::ui {

// No frame, legend, ground or motion of its own, and no more margin than its labels need.
void layIntoPanel(QChartView& view);

// Labels, grid and line in the panel's colours, text a step smaller than `font`.
void dressAxis(QValueAxis& axis, const QPalette& palette, const QFont& font);

// 1, 2 or 5 times a power of ten, so that about `ticks` of them cover `range`.
double niceInterval(double range, int ticks);

// A chart that takes colours from the palette and fonts from the widget, both live.
class PanelChart : public QChartView {
    Q_OBJECT
public:
    explicit PanelChart(QWidget* parent = nullptr);

signals:
    void recoloured();

protected:
    virtual void recolour() = 0;
    void changeEvent(QEvent* event) override;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/panel_chart.h"

#include <QChart>
#include <QGraphicsLayout>
#include <QLegend>

namespace starglass::ui {

void layIntoPanel(QChartView& view) {
    view.setFrameShape(QFrame::NoFrame);
    view.setRenderHint(QPainter::Antialiasing);
    view.setFocusPolicy(Qt::NoFocus);
    view.setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    view.setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    view.setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    QChart* drawing = view.chart();
    drawing->legend()->hide();
    drawing->setMargins({0, 4, 6, 0});
    drawing->layout()->setContentsMargins(0, 0, 0, 0);
    drawing->setBackgroundRoundness(0);
    drawing->setBackgroundVisible(false);
    drawing->setPlotAreaBackgroundVisible(false);
    drawing->setLocalizeNumbers(true);
    drawing->setAnimationOptions(QChart::NoAnimation);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/panel_chart.h"

#include <QChart>
#include <QEvent>
#include <QGraphicsLayout>
#include <QLegend>
#include <QValueAxis>
#include <cmath>

#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {

PanelChart::PanelChart(QWidget* parent) : QChartView(new QChart, parent) {
    layIntoPanel(*this);
}

void PanelChart::changeEvent(QEvent* event) {
    QChartView::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        recolour();
        emit recoloured();
    }
    if (event->type() == QEvent::FontChange) updateGeometry();
}

double niceInterval(double range, int ticks) {
    const double rough = range / ticks;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double step : {1.0, 2.0, 5.0})
        if (step * power >= rough * 0.999) return step * power;
    return 10 * power;
}

void dressAxis(QValueAxis& axis, const QPalette& palette, const QFont& font) {
    const Theme theme = Theme::of(palette);
    const QFont small = smallFont(font);
    axis.setLabelsFont(small);
    axis.setTitleFont(small);
    axis.setLabelsBrush(theme.quiet);
    axis.setTitleBrush(theme.quiet);
    axis.setGridLinePen(QPen(theme.border, 1));
    axis.setLinePen(QPen(theme.border, 1));
}

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

// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the heat map's colours mean: never, the ramp with both its ends named, and the hatching
// when some layer has it. Colours from the palette in force.
#pragma once

#include <QWidget>

namespace starglass::ui {

class HeatLegend : public QWidget {
    Q_OBJECT
public:
    explicit HeatLegend(QWidget* parent = nullptr);
    // `low` and `high` name the ramp's ends, with their unit.
    void setEnds(const QString& never, const QString& low, const QString& high);
    void setHatch(bool shown);
    [[nodiscard]] QString text() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString never_, low_, high_;
    bool hatch_ = false;
};

// The same for where experts are: a box for each place, filled as the map fills its cells.
class TierLegend : public QWidget {
    Q_OBJECT
public:
    explicit TierLegend(QWidget* parent = nullptr);
    // The device is left out where nothing is on one.
    void setDevice(bool shown);
    [[nodiscard]] QString text() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    [[nodiscard]] QStringList words() const;
    bool device_ = false;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The heat map: one row per layer, one column per expert. Layers that route by token id stand
// apart above the others. An expert never used has the panel's own background; a layer without
// data is hatched. To the right a bar per layer sums it up.
//
// Shows a source owned by somebody else (see map_source.h), who says with refresh() that it
// changed. UI thread; repaints at most 20 times a second while
// frames stream in, and one repaint costs one pass over the cells and two image blits.
//
// Mouse: hover looks, click selects, a click on the selected cell lets go. Keys: arrows move,
// Page Up/Down by eight layers, Home/End to the row's ends, Esc lets go.
#pragma once

#include <QImage>
#include <QWidget>
#include <array>
#include <vector>

#include "inspector/routing_source.h"
#include "inspector/throttle.h"

namespace starglass::ui {

class RoutingMap : public QWidget {
    Q_OBJECT
public:
    static constexpr int kRefreshIntervalMs = 50;

    explicit RoutingMap(QWidget* parent = nullptr);

    void setSource(const RoutingCounts* counts, RoutingScale scale);
    void setSource(const MapSource& source);  // outlives the map, or is replaced
    void refresh();
    // The same without waiting for the next repaint slot.
    void showNow();

    [[nodiscard]] RoutingCell selectedCell() const { return selected_; }
    void selectCell(RoutingCell cell);  // an invalid one lets go
    [[nodiscard]] RoutingCell hoveredCell() const { return hovered_; }

    // Geometry, in widget coordinates.
    [[nodiscard]] RoutingCell cellAt(const QPoint& point) const;
    [[nodiscard]] QRectF cellRect(RoutingCell cell) const;
    [[nodiscard]] QRectF hashRect() const { return layout_.hash; }
    [[nodiscard]] QRectF routedRect() const { return layout_.routed; }
    [[nodiscard]] QRectF barsRect() const { return layout_.bars; }

    // 0: never; kNoData: the layer sent nothing; else the place on the ramp, 1..255.
    static constexpr int kNoData = -1;
    [[nodiscard]] int levelOf(RoutingCell cell) const;
    [[nodiscard]] bool anyLayerWithoutData() const;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

signals:
    void cellHovered(starglass::ui::RoutingCell cell);   // invalid: the pointer left
    void cellSelected(starglass::ui::RoutingCell cell);  // invalid: none any more
    void drawn();  // the numbers on screen are those of the source now

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Layout {
        QRectF hash, routed;  // null when there are no such layers
        QRectF bars;          // spans both
        qreal cellWidth = 0, cellHeight = 0;
        int gutter = 0;  // left of the cells, for layer numbers
        int line = 0;    // height of a line of small text
    };
    [[nodiscard]] RoutingShape shape() const { return source_->shape(); }
    [[nodiscard]] int captionLines() const;  // with the axis below
    [[nodiscard]] int chromeHeight() const;
    [[nodiscard]] int mostHeight() const;
    void relayout();
    void fillLevels();
    void rebuildImages();
    [[nodiscard]] QImage blockImage(int first, int count, int columns) const;
    void paintBlock(QPainter& painter, const Theme& theme, const QRectF& rect, int first, int count,
                    const QImage& image);
    void paintHatched(QPainter& painter, const Theme& theme, int first, int count, int level);
    void paintBars(QPainter& painter, const Theme& theme);
    void paintMark(QPainter& painter, const Theme& theme, RoutingCell cell, bool selected);
    void hover(RoutingCell cell);
    void describe();

    RoutingSource routing_;
    const MapSource* source_ = &routing_;
    RoutingShape shown_;
    std::vector<std::uint8_t> levels_;  // [layers, experts], as last drawn
    std::vector<bool> hasData_;         // [layers]
    std::array<QRgb, 256> colours_{};
    QImage hashImage_, routedImage_;
    Layout layout_;
    bool stale_ = true;
    RoutingCell selected_, hovered_;
    Throttle throttle_;
};

}  // namespace starglass::ui

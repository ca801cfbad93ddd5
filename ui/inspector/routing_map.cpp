// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/routing_map.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kPageLayers = 8;
constexpr qreal kSnapFrom = 3;  // cells this large get whole pixels, so all look alike

qreal snapped(qreal size) {
    return size >= kSnapFrom ? std::floor(size) : size;
}

}  // namespace

RoutingMap::RoutingMap(QWidget* parent)
    : QWidget(parent), throttle_(kRefreshIntervalMs, [this] {
          stale_ = true;
          update();
      }) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setSizePolicy(policy);
    setAccessibleName(source_->name());
    describe();
}

void RoutingMap::setSource(const RoutingCounts* counts, RoutingScale scale) {
    routing_.set(counts, scale);
    setSource(routing_);
}

void RoutingMap::setSource(const MapSource& source) {
    source_ = &source;
    setAccessibleName(source.name());
    if (!(shown_ == shape())) {
        shown_ = shape();
        selected_ = hovered_ = {};
        relayout();
        updateGeometry();
    } else {
        relayout();  // the column beside it may want another width
    }
    describe();
    throttle_.now();
}

void RoutingMap::refresh() {
    throttle_.request();
}

void RoutingMap::showNow() {
    throttle_.now();
}

// --- geometry ------------------------------------------------------------------------------

int RoutingMap::captionLines() const {
    const RoutingShape s = shape();
    const bool both = s.hashLayers > 0 && s.hashLayers < s.layers;
    return both ? 3 : 2;
}

int RoutingMap::chromeHeight() const {
    const int line = QFontMetrics(smallFont(font())).height();
    return captionLines() * (line + 4) + 4;
}

QSize RoutingMap::sizeHint() const {
    const int em = fontMetrics().height();
    const int layers = std::max(1, shape().layers);
    const int row = std::clamp(em * 16 / layers, 4, em * 5 / 4);
    return {em * 22, std::min(chromeHeight() + layers * row, mostHeight())};
}

int RoutingMap::mostHeight() const {
    // Rows thicker than a line of text, or a map taller than it is wide, say no more.
    const int em = fontMetrics().height();
    const int layers = std::max(1, shape().layers);
    return chromeHeight() + std::max(layers * 2, std::min(layers * em * 3 / 2, em * 22));
}

QSize RoutingMap::minimumSizeHint() const {
    const int em = fontMetrics().height();
    return {em * 10, chromeHeight() + std::max(1, shape().layers) * 2};
}

void RoutingMap::relayout() {
    const RoutingShape s = shape();
    setMaximumHeight(mostHeight());
    layout_ = {};
    const QFontMetrics small(smallFont(font()));
    layout_.line = small.height();
    if (s.empty()) return;
    layout_.gutter = small.horizontalAdvance(QString::number(s.layers - 1)) + 7;
    const qreal column =
        std::max<qreal>(small.horizontalAdvance(source_->barTitle()), layout_.line * 3.3);
    const qreal between = 10;
    const qreal width = std::max<qreal>(1, this->width() - layout_.gutter - between - column - 1);
    const qreal height = std::max<qreal>(1, this->height() - chromeHeight());
    layout_.cellWidth = snapped(width / s.experts);
    layout_.cellHeight = snapped(height / s.layers);
    const qreal blockWidth = layout_.cellWidth * s.experts;
    const qreal caption = layout_.line + 4;
    const int hash = std::clamp(s.hashLayers, 0, s.layers);
    qreal top = 0;
    if (hash > 0) {
        top += caption;
        layout_.hash = {static_cast<qreal>(layout_.gutter), top, blockWidth,
                        hash * layout_.cellHeight};
        top = layout_.hash.bottom();
        if (hash < s.layers) top += 4;
    }
    if (hash < s.layers) {
        top += caption;
        top = std::round(top);
        layout_.routed = {static_cast<qreal>(layout_.gutter), top, blockWidth,
                          (s.layers - hash) * layout_.cellHeight};
        top = layout_.routed.bottom();
    }
    const qreal first = hash > 0 ? layout_.hash.top() : layout_.routed.top();
    layout_.bars = {this->width() - column - 1, first, column, top - first};
}

QRectF RoutingMap::cellRect(RoutingCell cell) const {
    const RoutingShape s = shape();
    if (!cell.valid() || cell.layer >= s.layers || cell.expert >= s.experts) return {};
    const bool hash = cell.layer < s.hashLayers;
    const QRectF& block = hash ? layout_.hash : layout_.routed;
    return {block.left() + cell.expert * layout_.cellWidth,
            block.top() + (cell.layer - (hash ? 0 : s.hashLayers)) * layout_.cellHeight,
            layout_.cellWidth, layout_.cellHeight};
}

RoutingCell RoutingMap::cellAt(const QPoint& point) const {
    const RoutingShape s = shape();
    const QPointF p(point.x() + 0.5, point.y() + 0.5);
    for (const bool hash : {true, false}) {
        const QRectF& block = hash ? layout_.hash : layout_.routed;
        if (block.isEmpty() || !block.contains(p)) continue;
        const int first = hash ? 0 : s.hashLayers;
        const int last = hash ? s.hashLayers - 1 : s.layers - 1;
        return {std::clamp(first + static_cast<int>((p.y() - block.top()) / layout_.cellHeight),
                           first, last),
                std::clamp(static_cast<int>((p.x() - block.left()) / layout_.cellWidth), 0,
                           s.experts - 1)};
    }
    return {};
}

// --- levels and images ---------------------------------------------------------------------

void RoutingMap::fillLevels() {
    const RoutingShape s = shape();
    levels_.assign(static_cast<std::size_t>(std::max(0, s.layers)) *
                       static_cast<std::size_t>(std::max(0, s.experts)),
                   0);
    hasData_.assign(static_cast<std::size_t>(std::max(0, s.layers)), false);
    if (!s.empty()) source_->fill(levels_, hasData_);
}

QImage RoutingMap::blockImage(int first, int count, int columns) const {
    const RoutingShape s = shape();
    QImage image(columns, std::max(1, count), QImage::Format_RGB32);
    for (int row = 0; row < count; ++row) {
        const auto* levels = levels_.data() + static_cast<std::size_t>(first + row) *
                                                  static_cast<std::size_t>(s.experts);
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
        if (columns == s.experts) {
            for (int x = 0; x < columns; ++x) line[x] = colours_[levels[x]];
        } else {
            // Fewer pixels than experts: the most used one of a pixel is drawn, so that no use
            // disappears.
            for (int x = 0; x < columns; ++x) {
                const auto from = static_cast<int>(static_cast<qint64>(x) * s.experts / columns);
                const auto to = static_cast<int>(static_cast<qint64>(x + 1) * s.experts / columns);
                line[x] =
                    colours_[*std::max_element(levels + from, levels + std::max(to, from + 1))];
            }
        }
    }
    return image;
}

void RoutingMap::rebuildImages() {
    stale_ = false;
    fillLevels();
    colours_ = source_->colours(Theme::of(palette()));
    const RoutingShape s = shape();
    hashImage_ = routedImage_ = {};
    if (s.empty()) return;
    const int pixels = std::max(
        1, static_cast<int>(std::floor(layout_.cellWidth * s.experts * devicePixelRatioF())));
    const int columns = std::min(s.experts, pixels);
    const int hash = std::clamp(s.hashLayers, 0, s.layers);
    if (hash > 0) hashImage_ = blockImage(0, hash, columns);
    if (hash < s.layers) routedImage_ = blockImage(hash, s.layers - hash, columns);
}

int RoutingMap::levelOf(RoutingCell cell) const {
    if (!cell.valid() || cell.layer >= static_cast<int>(hasData_.size()) || !hasData_[cell.layer])
        return kNoData;
    return levels_[static_cast<std::size_t>(cell.layer) *
                       static_cast<std::size_t>(shape().experts) +
                   static_cast<std::size_t>(cell.expert)];
}

bool RoutingMap::anyLayerWithoutData() const {
    return std::find(hasData_.begin(), hasData_.end(), false) != hasData_.end();
}

// --- painting ------------------------------------------------------------------------------

void RoutingMap::paintEvent(QPaintEvent*) {
    const RoutingShape s = shape();
    if (s.empty()) return;
    const bool changed = stale_;
    if (stale_) rebuildImages();
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setFont(smallFont(font()));
    const int hash = std::clamp(s.hashLayers, 0, s.layers);
    if (hash > 0) paintBlock(painter, theme, layout_.hash, 0, hash, hashImage_);
    if (hash < s.layers)
        paintBlock(painter, theme, layout_.routed, hash, s.layers - hash, routedImage_);
    paintBars(painter, theme);

    // The experts' axis, below the last block.
    const QRectF& last = layout_.routed.isNull() ? layout_.hash : layout_.routed;
    painter.setPen(theme.quiet);
    const QFontMetrics metrics = painter.fontMetrics();
    const QString zero = tr("expert 0");
    const qreal y = last.bottom() + 4;
    painter.drawText(QRectF(last.left(), y, last.width(), layout_.line), Qt::AlignLeft, zero);
    qreal free_from = last.left() + metrics.horizontalAdvance(zero) + 8;
    const QString end = QString::number(s.experts - 1);
    const qreal end_left = last.right() - metrics.horizontalAdvance(end);
    for (int quarter = 1; quarter <= 3; ++quarter) {
        const int expert = s.experts * quarter / 4;
        const QString label = QString::number(expert);
        const qreal half = metrics.horizontalAdvance(label) / 2.0;
        const qreal x = last.left() + (expert + 0.5) * layout_.cellWidth;
        if (x - half < free_from || x + half > end_left - 8) continue;
        painter.drawText(QRectF(x - half - 1, y, 2 * half + 2, layout_.line), Qt::AlignCenter,
                         label);
        free_from = x + half + 8;
    }
    if (s.experts > 1)
        painter.drawText(QRectF(last.left(), y, last.width(), layout_.line), Qt::AlignRight, end);

    if (hovered_.valid() && !(hovered_ == selected_)) paintMark(painter, theme, hovered_, false);
    if (selected_.valid()) paintMark(painter, theme, selected_, true);
    if (changed) emit drawn();
}

void RoutingMap::paintBlock(QPainter& painter, const Theme& theme, const QRectF& rect, int first,
                            int count, const QImage& image) {
    const RoutingShape s = shape();
    const int last = first + count - 1;
    const bool hash = first < s.hashLayers;
    const QString layers =
        count == 1 ? tr("Layer %1").arg(first) : tr("Layers %1–%2").arg(first).arg(last);
    painter.setPen(theme.quiet);
    const QString caption = hash ? tr("%1 · routed by token id").arg(layers)
                                 : tr("%1 · routed by the router").arg(layers);
    // The first caption shares its line with the entropy column's.
    const qreal room = (first == 0 ? layout_.bars.left() - 8 : width()) - rect.left();
    painter.drawText(
        QRectF(rect.left(), rect.top() - layout_.line - 4, room, layout_.line), Qt::AlignLeft,
        painter.fontMetrics().elidedText(caption, Qt::ElideRight, static_cast<int>(room)));

    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(rect, image);

    if (const int hatched = source_->hatchedLevel(); hatched >= 0)
        paintHatched(painter, theme, first, count, hatched);

    // Cells this large are easier to tell apart with the background between them.
    if (layout_.cellWidth >= 7 && layout_.cellHeight >= 7) {
        painter.setPen(QPen(theme.panel, 1));
        for (int column = 1; column < s.experts; ++column) {
            const qreal x = rect.left() + column * layout_.cellWidth - 0.5;
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()));
        }
        for (int row = 1; row < count; ++row) {
            const qreal y = rect.top() + row * layout_.cellHeight - 0.5;
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y));
        }
    }
    for (int row = 0; row < count; ++row) {
        if (hasData_[first + row]) continue;
        painter.fillRect(QRectF(rect.left(), rect.top() + row * layout_.cellHeight, rect.width(),
                                layout_.cellHeight),
                         QBrush(mix(theme.panel, theme.text, 0.28), Qt::BDiagPattern));
    }
    painter.setBrush(Qt::NoBrush);
    painter.setPen(hasFocus() ? QPen(theme.accent, 1) : QPen(theme.border, 1));
    painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5));

    // Layer numbers: the block's first, then round ones with room.
    painter.setPen(theme.quiet);
    qreal free_from = rect.top() - layout_.line;
    int step = 1;
    for (const int wider : {2, 5, 10, 20, 50})
        if (step * layout_.cellHeight < layout_.line * 1.15) step = wider;
    for (int layer = first; layer <= last; ++layer) {
        if (layer != first && layer % step != 0) continue;
        const qreal middle = rect.top() + (layer - first + 0.5) * layout_.cellHeight;
        if (middle - layout_.line / 2.0 < free_from) continue;
        painter.drawText(QRectF(0, middle - layout_.line / 2.0, layout_.gutter - 6, layout_.line),
                         Qt::AlignRight | Qt::AlignVCenter, QString::number(layer));
        free_from = middle + layout_.line / 2.0;
    }
}

// Neighbouring cells of the level together: the pattern needs room to be seen.
void RoutingMap::paintHatched(QPainter& painter, const Theme& theme, int first, int count,
                              int level) {
    const RoutingShape s = shape();
    const QBrush hatch = hatchBrush(theme);
    for (int layer = first; layer < first + count; ++layer) {
        const auto* row =
            levels_.data() + static_cast<std::size_t>(layer) * static_cast<std::size_t>(s.experts);
        for (int from = 0; from < s.experts; ++from) {
            if (row[from] != level) continue;
            int to = from;
            while (to < s.experts && row[to] == level) ++to;
            const QRectF begin = cellRect({layer, from});
            painter.fillRect(
                QRectF(begin.left(), begin.top(), (to - from) * layout_.cellWidth, begin.height()),
                hatch);
            from = to;
        }
    }
}

void RoutingMap::paintBars(QPainter& painter, const Theme& theme) {
    const RoutingShape s = shape();
    const QRectF& column = layout_.bars;
    painter.setPen(theme.quiet);
    painter.drawText(
        QRectF(column.left(), column.top() - layout_.line - 4, column.width(), layout_.line),
        Qt::AlignLeft, source_->barTitle());
    const qreal bar =
        std::max<qreal>(1, layout_.cellHeight >= 4 ? layout_.cellHeight - 1 : layout_.cellHeight);
    for (int layer = 0; layer < s.layers; ++layer) {
        const double length = source_->bar(layer);
        if (std::isnan(length)) continue;
        const QRectF row = cellRect({layer, 0});
        const qreal thick = std::min<qreal>(bar, layout_.line);
        painter.fillRect(QRectF(column.left(), row.top() + (row.height() - thick) / 2,
                                column.width() * std::clamp(length, 0.0, 1.0), thick),
                         mix(theme.panel, theme.quiet, 0.55));
    }
    painter.setPen(QPen(theme.border, 1));
    for (const QRectF& block : {layout_.hash, layout_.routed}) {
        if (block.isNull()) continue;
        painter.drawLine(QPointF(column.left() - 0.5, block.top()),
                         QPointF(column.left() - 0.5, block.bottom()));
        painter.drawLine(QPointF(column.right() + 0.5, block.top()),
                         QPointF(column.right() + 0.5, block.bottom()));
    }
    painter.setPen(theme.quiet);
    painter.drawText(QRectF(column.left(), column.bottom() + 4, column.width(), layout_.line),
                     Qt::AlignRight, source_->barEnd());
}

void RoutingMap::paintMark(QPainter& painter, const Theme& theme, RoutingCell cell, bool selected) {
    QRectF mark = cellRect(cell);
    // A cell of one or two pixels would vanish under its own frame.
    const qreal least = 7;
    if (mark.width() < least)
        mark.adjust((mark.width() - least) / 2, 0, (least - mark.width()) / 2, 0);
    if (mark.height() < least)
        mark.adjust(0, (mark.height() - least) / 2, 0, (least - mark.height()) / 2);
    painter.setRenderHint(QPainter::Antialiasing, selected);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(selected ? Theme::category(4) : theme.text, selected ? 2 : 1));
    painter.drawRect(mark.adjusted(-0.5, -0.5, 0.5, 0.5));
    painter.setRenderHint(QPainter::Antialiasing, false);
}

// --- interaction ---------------------------------------------------------------------------

void RoutingMap::selectCell(RoutingCell cell) {
    const RoutingShape s = shape();
    if (!cell.valid() || cell.layer >= s.layers || cell.expert >= s.experts) cell = {};
    if (cell == selected_) return;
    selected_ = cell;
    describe();
    update();
    emit cellSelected(selected_);
}

void RoutingMap::hover(RoutingCell cell) {
    if (cell == hovered_) return;
    hovered_ = cell;
    update();
    emit cellHovered(hovered_);
}

void RoutingMap::mouseMoveEvent(QMouseEvent* event) {
    hover(cellAt(event->position().toPoint()));
}

void RoutingMap::leaveEvent(QEvent*) {
    hover({});
}

void RoutingMap::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
    const RoutingCell cell = cellAt(event->position().toPoint());
    selectCell(cell == selected_ ? RoutingCell{} : cell);
}

void RoutingMap::keyPressEvent(QKeyEvent* event) {
    const RoutingShape s = shape();
    if (s.empty()) return QWidget::keyPressEvent(event);
    RoutingCell next = selected_.valid() ? selected_ : RoutingCell{};
    int layers = 0, experts = 0;
    switch (event->key()) {
        case Qt::Key_Left:
            experts = -1;
            break;
        case Qt::Key_Right:
            experts = 1;
            break;
        case Qt::Key_Up:
            layers = -1;
            break;
        case Qt::Key_Down:
            layers = 1;
            break;
        case Qt::Key_PageUp:
            layers = -kPageLayers;
            break;
        case Qt::Key_PageDown:
            layers = kPageLayers;
            break;
        case Qt::Key_Home:
            experts = -s.experts;
            break;
        case Qt::Key_End:
            experts = s.experts;
            break;
        case Qt::Key_Escape:
            if (!selected_.valid()) return QWidget::keyPressEvent(event);
            selectCell({});
            return;
        default:
            return QWidget::keyPressEvent(event);
    }
    if (!next.valid())
        next = hovered_.valid() ? hovered_ : RoutingCell{0, 0};
    else
        next = {std::clamp(next.layer + layers, 0, s.layers - 1),
                std::clamp(next.expert + experts, 0, s.experts - 1)};
    selectCell(next);
}

bool RoutingMap::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QPoint p = help->pos();
        const RoutingShape s = shape();
        for (int layer = 0; layer < s.layers; ++layer) {
            const QRectF row = cellRect({layer, 0});
            if (p.y() < row.top() || p.y() >= row.bottom() || p.x() < layout_.bars.left()) continue;
            const QString words = source_->describeLayer(layer);
            const QString text = words.isEmpty() ? tr("Layer %1: no data").arg(layer)
                                                 : tr("Layer %1").arg(layer) + u'\n' + words;
            QToolTip::showText(help->globalPos(), text, this);
            return true;
        }
        QToolTip::hideText();
        event->ignore();
        return true;
    }
    return QWidget::event(event);
}

void RoutingMap::describe() {
    const RoutingShape s = shape();
    QString text = s.empty() ? tr("No model is open.")
                             : tr("%1 layers by %2 experts. Arrow keys move, Escape lets go.")
                                   .arg(s.layers)
                                   .arg(s.experts);
    if (selected_.valid()) text = source_->describe(selected_).sentence();
    setAccessibleDescription(text);
}

void RoutingMap::resizeEvent(QResizeEvent*) {
    relayout();
    stale_ = true;  // how many columns fit may have changed
}

void RoutingMap::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) {
        relayout();
        updateGeometry();
    }
    if (event->type() == QEvent::FontChange || event->type() == QEvent::PaletteChange)
        throttle_.now();
}

void RoutingMap::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    update();
}

void RoutingMap::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

}  // namespace starglass::ui

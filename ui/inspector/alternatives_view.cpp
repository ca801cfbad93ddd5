// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/alternatives_view.h"

#include <QEvent>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>

#include "inspector/inspector_format.h"
#include "theme/theme.h"

namespace starglass::ui {

AlternativesView::AlternativesView(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Most probable tokens"));
}

void AlternativesView::show(const TokenSample& token) {
    const auto before = rows_.size();
    rows_.clear();
    bool found = false;
    for (const TokenAlternative& other : token.alternatives) {
        const bool sampled = other.id == token.id;
        found = found || sampled;
        const QString text = visibleToken(QByteArray::fromStdString(other.text));
        rows_.push_back(
            {text.isEmpty() ? tr("token %1").arg(other.id) : text, other.probability, sampled});
    }
    if (!found && token.id >= 0) {
        const QString text = visibleToken(token.text);
        rows_.push_back(
            {text.isEmpty() ? tr("token %1").arg(token.id) : text, token.probability, true});
    }
    QStringList words;
    for (const Row& row : rows_)
        words << (row.sampled ? tr("%1 %2, sampled") : tr("%1 %2"))
                     .arg(row.text, percentText(row.probability));
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    if (rows_.size() != before) updateGeometry();
    update();
}

double AlternativesView::others() const {
    double sum = 0;
    for (const Row& row : rows_) sum += row.probability;
    return std::clamp(1 - sum, 0.0, 1.0);
}

int AlternativesView::rowHeight() const {
    return fontMetrics().height() * 4 / 3;
}

QSize AlternativesView::sizeHint() const {
    return {fontMetrics().height() * 20, rowHeight() * std::max(1, rows())};
}

QSize AlternativesView::minimumSizeHint() const {
    return {fontMetrics().height() * 8, sizeHint().height()};
}

void AlternativesView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) updateGeometry();
    if (event->type() == QEvent::PaletteChange) update();
}

void AlternativesView::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    // A fixed-width face: its digits stand below each other.
    const QFont fixed = codeFont(font());
    painter.setFont(fixed);
    const QFontMetrics metrics = painter.fontMetrics();
    const int line = rowHeight();
    const int mark = metrics.height() * 2 / 3;
    const int figures = metrics.horizontalAdvance(QStringLiteral("> 99.9 %"));
    const int words = std::clamp(width() * 3 / 10, metrics.horizontalAdvance(u'0') * 6,
                                 metrics.horizontalAdvance(u'0') * 18);
    const int bars = mark + words + 10;
    const qreal room = std::max(8, width() - bars - figures - 8);
    const int thick = std::max(4, metrics.height() / 2);
    int y = 0;
    for (const Row& row : rows_) {
        if (row.sampled) {
            const qreal size = mark * 0.8, middle = y + line / 2.0;
            QPainterPath triangle;
            triangle.moveTo(1, middle - size / 2);
            triangle.lineTo(1 + size * 0.8, middle);
            triangle.lineTo(1, middle + size / 2);
            triangle.closeSubpath();
            painter.fillPath(triangle, theme.accent);
        }
        painter.setPen(theme.text);
        painter.drawText(QRect(mark, y, words, line), Qt::AlignVCenter | Qt::AlignLeft,
                         metrics.elidedText(row.text, Qt::ElideRight, words));
        const qreal length = std::max(2.0, room * std::clamp(row.probability, 0.0, 1.0));
        const qreal top = y + (line - thick) / 2.0;
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.hover);
        painter.drawRoundedRect(QRectF(bars, top, room, thick), 2, 2);
        painter.setBrush(theme.accent);
        painter.drawRoundedRect(QRectF(bars, top, length, thick), std::min(2.0, length / 2), 2);
        painter.setPen(row.sampled ? theme.text : theme.quiet);
        painter.drawText(QRect(width() - figures, y, figures, line),
                         Qt::AlignVCenter | Qt::AlignRight, percentText(row.probability));
        y += line;
    }
}

}  // namespace starglass::ui

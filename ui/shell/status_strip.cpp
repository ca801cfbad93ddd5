// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/status_strip.h"

#include <QAccessible>
#include <QAction>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>

#include "theme/theme.h"

namespace starglass::ui {
namespace {

// Draws or, without a painter, measures `text` with every digit as wide as the widest one. Qt 6.4
// cannot ask a font for its tabular figures.
double tabular(QPainter* painter, QPointF at, const QFont& font, const QString& text) {
    const QFontMetricsF metrics(font);
    double digit = 0;
    for (char16_t c = u'0'; c <= u'9'; ++c)
        digit = std::max(digit, metrics.horizontalAdvance(QChar(c)));
    double x = at.x();
    qsizetype i = 0;
    while (i < text.size()) {
        if (text[i].isDigit()) {
            const double width = metrics.horizontalAdvance(text[i]);
            if (painter)
                painter->drawText(QPointF(x + (digit - width) / 2, at.y()), QString(text[i]));
            x += digit;
            ++i;
            continue;
        }
        qsizetype end = i;
        while (end < text.size() && !text[end].isDigit()) ++end;
        const QString piece = text.mid(i, end - i);
        if (painter) painter->drawText(QPointF(x, at.y()), piece);
        x += metrics.horizontalAdvance(piece);
        i = end;
    }
    return x - at.x();
}

QFont strongFont(QFont font) {
    font.setWeight(QFont::DemiBold);
    return font;
}

constexpr int kPadding = 11;

}  // namespace

StatusItem::StatusItem(const QString& name, const QString& widest, bool divider, QWidget* parent)
    : QWidget(parent), name_(name), widest_(widest), divider_(divider) {
    setAccessibleName(name);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void StatusItem::set(const QString& before, const QString& strong, const QString& after) {
    if (before == before_ && strong == strong_ && after == after_) return;
    before_ = before;
    strong_ = strong;
    after_ = after;
    setAccessibleDescription(text());
    updateGeometry();
    update();
}

QSize StatusItem::sizeHint() const {
    const double text = tabular(nullptr, {}, font(), before_ + after_) +
                        tabular(nullptr, {}, strongFont(font()), strong_);
    const double widest = tabular(nullptr, {}, strongFont(font()), widest_);
    return {qRound(std::max(text, widest)) + 2 * kPadding,
            qRound(QFontMetricsF(font()).height() * 1.65)};
}

void StatusItem::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Theme theme = Theme::of(palette());
    const QFontMetricsF metrics(font());
    const double y = (height() + metrics.ascent() - metrics.descent()) / 2;
    double x = kPadding;
    painter.setFont(font());
    painter.setPen(theme.quiet);
    x += tabular(&painter, {x, y}, font(), before_);
    painter.setFont(strongFont(font()));
    painter.setPen(theme.text);
    x += tabular(&painter, {x, y}, strongFont(font()), strong_);
    painter.setFont(font());
    painter.setPen(theme.quiet);
    tabular(&painter, {x, y}, font(), after_);
    if (hasFocus()) {
        painter.setPen(theme.accent);
        painter.drawRect(rect().adjusted(2, 2, -4, -3));
    }
    if (divider_) painter.fillRect(QRect(width() - 1, 5, 1, height() - 10), theme.border);
}

void StatusItem::setWanted(bool wanted) {
    if (wanted == wanted_) return;
    wanted_ = wanted;
    setVisible(wanted);
}

void StatusItem::setAction(QAction* action) {
    action_ = action;
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::TabFocus);
}

void StatusItem::mouseReleaseEvent(QMouseEvent* event) {
    if (action_ && event->button() == Qt::LeftButton && rect().contains(event->pos()))
        action_->trigger();
    else
        QWidget::mouseReleaseEvent(event);
}

void StatusItem::keyPressEvent(QKeyEvent* event) {
    const int key = event->key();
    if (action_ && (key == Qt::Key_Return || key == Qt::Key_Enter || key == Qt::Key_Space))
        action_->trigger();
    else
        QWidget::keyPressEvent(event);
}

StatusStrip::StatusStrip(QWidget* parent) : QWidget(parent) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    const auto add = [&](const QString& name, const QString& widest, bool divider) {
        auto* item = new StatusItem(name, widest, divider, this);
        row->addWidget(item);
        return item;
    };
    model = add(tr("Model state"), QString(), true);
    prefill = add(tr("Prefill"), tr("prefill 100 % 0:00"), true);
    rate = add(tr("Speed"), tr("0000.0 tok/s"), true);
    context = add(tr("Context"), tr("context 00.0k/000k"), true);
    experts = add(tr("Experts in memory when needed"), tr("experts 00.0 %"), true);
    experts->setWanted(false);
    kv = add(tr("Cache on disk"), tr("KV 00.0/000 GB"), true);
    memory = add(tr("Memory"), tr("memory 00.0 MB"), false);
    row->addStretch(1);
    connections = add(tr("Network"), QString(), false);
    connections->set({}, QStringLiteral("0"), tr(" connections"));
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    connections->setToolTip(
        tr("This program has no network code switched on: nothing leaves this machine."));
}

void StatusStrip::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fit();
}

bool StatusStrip::event(QEvent* event) {
    if (event->type() == QEvent::LayoutRequest) fit();
    return QWidget::event(event);
}

// What does not fit goes as a whole, in a fixed order; the rest keeps its place.
void StatusStrip::fit() {
    int needed = 0;
    for (const StatusItem* item : {model, prefill, rate, context, experts, kv, memory, connections})
        if (item->wanted()) needed += item->sizeHint().width();
    for (StatusItem* item : {prefill, memory, kv, experts, rate, context}) {
        if (!item->wanted()) continue;
        const bool fits = needed <= width();
        if (item->isVisibleTo(this) != fits) item->setVisible(fits);
        if (!fits) needed -= item->sizeHint().width();
    }
}

}  // namespace starglass::ui

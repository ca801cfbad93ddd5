// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/session_delegate.h"

#include <QAbstractItemView>
#include <QLineEdit>
#include <QPainter>
#include <cmath>

#include "sessions/session_model.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kMargin = 10;  // beside the row's card
constexpr int kPadding = 7;  // above and below the texts

QFont small(const QFont& font) {
    QFont out = font;
    if (out.pointSizeF() > 0)
        out.setPointSizeF(out.pointSizeF() * 0.9);
    else
        out.setPixelSize(std::max(6, qRound(out.pixelSize() * 0.9)));
    return out;
}

int markWidth(const QFontMetricsF& metrics) {
    return static_cast<int>(std::ceil(metrics.height() * 1.15));
}

// The mark is drawn, not written: many fonts have no half circle.
void paintMark(QPainter& painter, Resume how, QPointF centre, double radius, const Theme& theme) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF circle(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius);
    const QColor colour = how == Resume::memory ? Theme::category(2)
                          : how == Resume::disk ? theme.accent
                                                : theme.quiet;
    painter.setPen(QPen(colour, 1.3));
    painter.setBrush(how == Resume::memory ? QBrush(colour) : QBrush(Qt::NoBrush));
    painter.drawEllipse(circle);
    if (how == Resume::disk) {
        painter.setBrush(colour);
        painter.drawPie(circle, 90 * 16, 180 * 16);
    }
    painter.restore();
}

// One line; what stands between the marks is strong. Cut at the right edge.
void paintSnippet(QPainter& painter, const QRectF& line, const QString& snippet, const QFont& font,
                  const Theme& theme) {
    QFont strong = font;
    strong.setWeight(QFont::DemiBold);
    double x = line.left();
    bool found = false;
    QString rest = snippet;
    // The found word should be seen: what stands long before it is dropped.
    if (const qsizetype at = rest.indexOf(kMarkBegin); at > 18) rest = u'…' + rest.mid(at - 14);
    while (!rest.isEmpty() && x < line.right()) {
        const QChar mark = found ? kMarkEnd : kMarkBegin;
        const qsizetype end = rest.indexOf(mark);
        QString piece = end < 0 ? rest : rest.left(end);
        rest = end < 0 ? QString() : rest.mid(end + 1);
        const QFont& face = found ? strong : font;
        const QFontMetricsF metrics(face);
        const double room = line.right() - x;
        if (metrics.horizontalAdvance(piece) > room) {
            piece = metrics.elidedText(piece, Qt::ElideRight, room);
            rest.clear();
        }
        painter.setFont(face);
        painter.setPen(found ? theme.text : theme.quiet);
        painter.drawText(QPointF(x, line.top() + metrics.ascent()), piece);
        x += metrics.horizontalAdvance(piece);
        found = !found;
    }
}

}  // namespace

void SessionDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
    const Theme theme = Theme::of(option.palette);
    const QFontMetricsF metrics(option.font);
    const QFont lesser = small(option.font);
    const QFontMetricsF lesserMetrics(lesser);
    const bool selected = option.state & QStyle::State_Selected;
    const bool focused = selected && option.state & QStyle::State_HasFocus;
    painter->save();
    const QRectF card = QRectF(option.rect).adjusted(kMargin - 4, 1, -kMargin + 4, -1);
    if (selected || option.state & QStyle::State_MouseOver) {
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(focused ? QPen(theme.accent, 1) : QPen(Qt::NoPen));
        painter->setBrush(selected ? theme.tint : theme.hover);
        painter->drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
        painter->setRenderHint(QPainter::Antialiasing, false);
    }
    const int mark = markWidth(metrics);
    const double left = card.left() + 6 + mark;
    const double right = card.right() - 8;
    double y = card.top() + kPadding - 1;

    const auto how = static_cast<Resume>(index.data(SessionModel::kHow).toInt());
    paintMark(*painter, how, {card.left() + 6 + mark * 0.42, y + metrics.height() / 2},
              metrics.height() * 0.25, theme);

    double titleRight = right;
    if (index.data(SessionModel::kPinned).toBool()) {
        const QString word = tr("pinned");
        const double width = lesserMetrics.horizontalAdvance(word);
        painter->setFont(lesser);
        painter->setPen(theme.quiet);
        painter->drawText(QPointF(right - width, y + metrics.ascent()), word);
        titleRight -= width + 8;
    }
    QFont title = option.font;
    title.setWeight(QFont::Medium);
    const QFontMetricsF titleMetrics(title);
    painter->setFont(title);
    painter->setPen(theme.text);
    painter->drawText(QPointF(left, y + titleMetrics.ascent()),
                      titleMetrics.elidedText(index.data(SessionModel::kTitle).toString(),
                                              Qt::ElideRight, titleRight - left));
    y += metrics.height() + 2;

    double chipsLeft = right;
    for (const QString& tag : index.data(SessionModel::kTags).toStringList()) {
        const QString word = lesserMetrics.elidedText(tag, Qt::ElideRight, 90);
        const double width = lesserMetrics.horizontalAdvance(word) + 10;
        if (chipsLeft - width < left + (right - left) * 0.5) break;
        const QRectF chip(chipsLeft - width, y, width, lesserMetrics.height());
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(theme.border);
        painter->setBrush(selected ? theme.page : theme.raised);
        painter->drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
        painter->setRenderHint(QPainter::Antialiasing, false);
        painter->setFont(lesser);
        painter->setPen(theme.quiet);
        painter->drawText(chip, Qt::AlignCenter, word);
        chipsLeft -= width + 4;
    }
    const QRectF line(left, y, std::max(0.0, chipsLeft - 4 - left), lesserMetrics.height());
    const QString snippet = index.data(SessionModel::kSnippet).toString();
    if (!snippet.isEmpty()) {
        paintSnippet(*painter, line, snippet, lesser, theme);
    } else {
        painter->setFont(lesser);
        painter->setPen(theme.quiet);
        painter->drawText(QPointF(line.left(), line.top() + lesserMetrics.ascent()),
                          lesserMetrics.elidedText(index.data(SessionModel::kLine).toString(),
                                                   Qt::ElideRight, line.width()));
    }
    painter->restore();
}

QSize SessionDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    const double height =
        QFontMetricsF(option.font).height() + 2 + QFontMetricsF(small(option.font)).height();
    return {160, static_cast<int>(std::ceil(height)) + 2 * kPadding};
}

QWidget* SessionDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                                       const QModelIndex& index) const {
    QWidget* editor = QStyledItemDelegate::createEditor(parent, option, index);
    if (auto* line = qobject_cast<QLineEdit*>(editor)) {
        line->setAccessibleName(tr("Title of the session"));
        line->setMaxLength(160);
    }
    return editor;
}

void SessionDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                           const QModelIndex&) const {
    const int mark = markWidth(QFontMetricsF(option.font));
    const int height = editor->sizeHint().height();
    editor->setGeometry(option.rect.left() + kMargin + mark - 6,
                        option.rect.top() + (option.rect.height() - height) / 2,
                        option.rect.width() - 2 * kMargin - mark + 6, height);
}

}  // namespace starglass::ui

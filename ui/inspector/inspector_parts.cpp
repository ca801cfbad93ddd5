// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/inspector_parts.h"

#include <QBoxLayout>
#include <QButtonGroup>
#include <QEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>
#include <QScrollArea>
#include <QScrollBar>
#include <algorithm>

#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kWrapGap = 8;

// Only the weight is set, so that family and size still follow the parent's font.
QFont boldOnly() {
    QFont out;
    out.setBold(true);
    return out;
}

class Segment : public QAbstractButton {
public:
    explicit Segment(const QString& text, QWidget* parent) : QAbstractButton(parent) {
        setText(text);
        setCheckable(true);
        setFocusPolicy(Qt::TabFocus);
        setAttribute(Qt::WA_Hover);
    }
    [[nodiscard]] QSize sizeHint() const override {
        const QFontMetrics metrics = fontMetrics();
        return {metrics.horizontalAdvance(text()) + metrics.height() * 5 / 4,
                metrics.height() * 3 / 2};
    }
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent*) override {
        const Theme theme = Theme::of(palette());
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        const QRectF box = QRectF(rect()).adjusted(1, 1, -1, -1);
        if (isChecked() || (underMouse() && isEnabled())) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(isChecked() ? theme.tint : theme.hover);
            painter.drawRoundedRect(box, 3, 3);
        }
        if (hasFocus()) {
            painter.setPen(QPen(theme.accent, 1));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
        }
        painter.setPen(!isEnabled()  ? mix(theme.page, theme.quiet, 0.55)
                       : isChecked() ? theme.text
                                     : theme.quiet);
        painter.drawText(rect(), Qt::AlignCenter, text());
    }
};

}  // namespace

QFont smallFont(const QFont& font) {
    QFont out = font;
    if (font.pointSizeF() > 0)
        out.setPointSizeF(font.pointSizeF() * 0.88);
    else
        out.setPixelSize(std::max(1, qRound(font.pixelSize() * 0.88)));
    return out;
}

QuietLabel::QuietLabel(const QString& text, QWidget* parent) : QLabel(text, parent) {
    setTextFormat(Qt::PlainText);
    recolour();
}

void QuietLabel::changeEvent(QEvent* event) {
    QLabel::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) recolour();
}

void QuietLabel::recolour() {
    // Derived from roles other than the one set here, so this settles at the second call.
    const QColor wanted = Theme::of(palette()).quiet;
    if (palette().color(QPalette::WindowText) == wanted) return;
    QPalette own;
    own.setColor(QPalette::WindowText, wanted);
    setPalette(own);
}

SectionHead::SectionHead(const QString& title, QWidget* parent)
    : QWidget(parent), title_(new QLabel(title)), remark_(new QuietLabel) {
    title_->setFont(boldOnly());
    title_->setTextFormat(Qt::PlainText);
    remark_->setWordWrap(true);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(10);
    row->addWidget(title_, 0, Qt::AlignTop);
    row->addWidget(remark_, 1, Qt::AlignTop);
}

void SectionHead::setTitle(const QString& title) {
    title_->setText(title);
}

void SectionHead::setRemark(const QString& remark) {
    remark_->setText(remark);
}

Card::Card(QWidget* parent)
    : QFrame(parent), title_(new QLabel), detail_(new QLabel), more_(new QuietLabel) {
    title_->setFont(boldOnly());
    for (QLabel* label : {title_, detail_, static_cast<QLabel*>(more_)}) {
        label->setTextFormat(Qt::PlainText);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->setFocusPolicy(Qt::NoFocus);
    }
    detail_->setWordWrap(true);
    more_->setWordWrap(true);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(10, 7, 10, 8);
    rows->setSpacing(2);
    rows->addWidget(title_);
    rows->addWidget(detail_);
    rows->addWidget(more_);
    rows->addStretch();
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    fit();
}

void Card::setText(const QString& title, const QString& detail, const QString& more) {
    title_->setText(title);
    detail_->setText(detail);
    more_->setText(more);
    title_->setVisible(!title.isEmpty());
    more_->setVisible(!more.isEmpty());
}

QString Card::text() const {
    return title_->text() + u'\n' + detail_->text() + u'\n' + more_->text();
}

void Card::setRoom(int lines) {
    room_ = lines;
    fit();
}

void Card::fit() {
    setMinimumHeight(fontMetrics().lineSpacing() * room_ + 2 * (room_ - 1) + 15 + 2);
}

void Card::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::FontChange) fit();
    if (event->type() == QEvent::PaletteChange) update();
}

void Card::paintEvent(QPaintEvent*) {
    paintCard(*this);
}

void paintCard(QWidget& card) {
    const Theme theme = Theme::of(card.palette());
    QPainter painter(&card);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.border);
    painter.setBrush(theme.raised);
    painter.drawRoundedRect(QRectF(card.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
}

SegmentBar::SegmentBar(const QString& name, QWidget* parent)
    : QWidget(parent), group_(new QButtonGroup(this)) {
    setAccessibleName(name);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(1, 1, 1, 1);
    row->setSpacing(0);
    connect(group_, &QButtonGroup::idClicked, this, &SegmentBar::chosen);
    // Arrow keys check the neighbour without a click.
    connect(group_, &QButtonGroup::idToggled, this, [this](int id, bool on) {
        if (on && group_->button(id)->hasFocus()) emit chosen(id);
    });
}

void SegmentBar::add(const QString& text, const QString& explanation) {
    auto* segment = new Segment(text, this);
    segment->setToolTip(explanation);
    segment->setAccessibleName(accessibleName() + QStringLiteral(": ") + text);
    segment->setAccessibleDescription(explanation);
    group_->addButton(segment, static_cast<int>(group_->buttons().size()));
    layout()->addWidget(segment);
}

void SegmentBar::setCurrent(int index) {
    if (auto* button = group_->button(index)) button->setChecked(true);
}

void SegmentBar::setChoice(int index, bool enabled, const QString& explanation) {
    auto* button = group_->button(index);
    if (!button) return;
    button->setEnabled(enabled);
    button->setToolTip(explanation);
    button->setAccessibleDescription(explanation);
}

bool SegmentBar::choiceEnabled(int index) const {
    const auto* button = group_->button(index);
    return button && button->isEnabled();
}

int SegmentBar::current() const {
    return group_->checkedId();
}

void SegmentBar::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.border);
    painter.setBrush(theme.page);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
}

SeriesKey::SeriesKey(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void SeriesKey::setLine(const QColor& colour, qreal width, Qt::PenStyle style) {
    colour_ = colour;
    style_ = style;
    width_ = width;
    update();
}

void SeriesKey::setBox(const QBrush& fill, const QColor& edge) {
    box_ = fill;
    colour_ = edge;
    update();
}

void SeriesKey::setText(const QString& text) {
    text_ = text;
    setAccessibleName(text);
    updateGeometry();
    update();
}

QSize SeriesKey::sizeHint() const {
    const QFontMetrics metrics(smallFont(font()));
    return {metrics.height() * 3 / 2 + metrics.horizontalAdvance(text_) + 4, metrics.height() + 2};
}

void SeriesKey::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setFont(smallFont(font()));
    const int mark = painter.fontMetrics().height();
    if (box_.style() != Qt::NoBrush) {
        const qreal side = mark * 5 / 8;
        painter.setPen(colour_);
        painter.setBrush(box_);
        painter.drawRect(
            QRectF(mark - side - 0.5, std::floor((height() - side) / 2) + 0.5, side, side));
    } else {
        painter.setPen(QPen(colour_, width_, style_));
        painter.drawLine(QPointF(0, height() / 2.0), QPointF(mark, height() / 2.0));
    }
    painter.setPen(theme.quiet);
    painter.drawText(rect().adjusted(mark * 3 / 2, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
                     text_);
}

WrapRow::WrapRow(QWidget* head, QWidget* parent) : QWidget(parent), head_(head) {
    head_->setParent(this);
    // Not fixed: that would be the height of one line.
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void WrapRow::add(QWidget* control) {
    control->setParent(this);
    controls_ << control;
    control->show();
    updateGeometry();
}

int WrapRow::arrange(int width, bool place) const {
    // From the right as long as there is room beside the head; the rest below, from the left.
    const int headWidth = head_->sizeHint().width();
    int line = head_->sizeHint().height();
    int beside = 0;
    int taken = headWidth;
    for (const QWidget* control : controls_) {
        const int more = control->sizeHint().width() + kWrapGap;
        if (taken + more > width) break;
        taken += more;
        ++beside;
    }
    for (int i = 0; i < beside; ++i) line = std::max(line, controls_[i]->sizeHint().height());
    const auto put = [&](QWidget* widget, int x, int top, int height) {
        const QSize size = widget->sizeHint();
        if (place)
            widget->setGeometry(x, top + (height - size.height()) / 2,
                                std::min(size.width(), width), size.height());
    };
    put(head_, 0, 0, line);
    int right = width;
    for (int i = beside - 1; i >= 0; --i) {
        right -= controls_[i]->sizeHint().width();
        put(controls_[i], right, 0, line);
        right -= kWrapGap;
    }
    int top = line;
    int x = 0, height = 0;
    for (auto i = beside; i < controls_.size(); ++i) {
        const QSize size = controls_[i]->sizeHint();
        if (x == 0 || x + size.width() > width) {
            top += height + kWrapGap / 2;
            x = 0;
            height = 0;
        }
        put(controls_[i], x, top, size.height());
        x += size.width() + kWrapGap;
        height = std::max(height, size.height());
    }
    return top + height;
}

int WrapRow::heightForWidth(int width) const {
    return arrange(width, false);
}

QSize WrapRow::sizeHint() const {
    int width = head_->sizeHint().width();
    for (const QWidget* control : controls_) width += control->sizeHint().width() + kWrapGap;
    return {width, heightForWidth(width)};
}

QSize WrapRow::minimumSizeHint() const {
    int width = head_->minimumSizeHint().width();
    for (const QWidget* control : controls_) width = std::max(width, control->sizeHint().width());
    return {width, head_->sizeHint().height()};
}

void WrapRow::resizeEvent(QResizeEvent*) {
    arrange(width(), true);
}

bool WrapRow::event(QEvent* event) {
    if (event->type() == QEvent::LayoutRequest || event->type() == QEvent::FontChange) {
        updateGeometry();
        arrange(width(), true);
    }
    return QWidget::event(event);
}

QWidget* makeEmptyPane(const QString& title, const QString& text, QWidget* parent,
                       QLabel** textLabel) {
    auto* pane = new QWidget(parent);
    auto* rows = new QVBoxLayout(pane);
    rows->setContentsMargins(16, 18, 16, 16);
    rows->setSpacing(8);
    auto* head = new QLabel(title);
    head->setFont(boldOnly());
    head->setWordWrap(true);
    auto* body = new QuietLabel(text);
    body->setWordWrap(true);
    rows->addWidget(head);
    rows->addWidget(body);
    rows->addStretch();
    if (textLabel) *textLabel = body;
    return pane;
}

QScrollArea* makeScrolling(QWidget* content) {
    // Never narrower than what it holds: there is no horizontal scroll bar.
    class Area : public QScrollArea {
    public:
        [[nodiscard]] QSize minimumSizeHint() const override {
            const QSize inner = widget() ? widget()->minimumSizeHint() : QSize();
            return {inner.width() + verticalScrollBar()->sizeHint().width(),
                    fontMetrics().height() * 6};
        }
    };
    auto* area = new Area;
    area->setFrameShape(QFrame::NoFrame);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    area->viewport()->setBackgroundRole(QPalette::Window);
    area->setWidget(content);
    content->setBackgroundRole(QPalette::Window);
    return area;
}

}  // namespace starglass::ui

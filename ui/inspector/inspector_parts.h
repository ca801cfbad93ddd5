// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small widgets the inspector's tabs are put together from. All take their colours from the
// palette in force and their sizes from the font, so theme and zoom need no further call.
#pragma once

#include <QAbstractButton>
#include <QBrush>
#include <QColor>
#include <QFrame>
#include <QLabel>
#include <QWidget>

class QButtonGroup;
class QScrollArea;

namespace starglass::ui {

// Secondary text.
class QuietLabel : public QLabel {
    Q_OBJECT
public:
    explicit QuietLabel(const QString& text = {}, QWidget* parent = nullptr);

protected:
    void changeEvent(QEvent* event) override;

private:
    void recolour();
};

// "Routing  share of 212 tokens": a bold word and a quiet remark on one line.
class SectionHead : public QWidget {
    Q_OBJECT
public:
    explicit SectionHead(const QString& title, QWidget* parent = nullptr);
    void setTitle(const QString& title);
    void setRemark(const QString& remark);
    [[nodiscard]] QString remark() const { return remark_->text(); }

private:
    QLabel* title_;
    QuietLabel* remark_;
};

// A head and, at the right end of its line, some controls; those that have no room there stand on
// lines of their own below it.
class WrapRow : public QWidget {
    Q_OBJECT
public:
    explicit WrapRow(QWidget* head, QWidget* parent = nullptr);
    void add(QWidget* control);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    // Places everything for a width, or only measures; returns the height.
    int arrange(int width, bool place) const;
    QWidget* head_;
    QList<QWidget*> controls_;
};

// The rounded ground of a card; called from the paintEvent of the widget that is one.
void paintCard(QWidget& card);

// A rounded box with a bold line and a quiet one.
class Card : public QFrame {
    Q_OBJECT
public:
    explicit Card(QWidget* parent = nullptr);
    void setText(const QString& title, const QString& detail, const QString& more = {});
    [[nodiscard]] QString text() const;
    // Room for so many lines from the start: what lies below must not jump while the text changes.
    void setRoom(int lines);

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void fit();
    int room_ = 3;
    QLabel* title_;
    QLabel* detail_;
    QuietLabel* more_;
};

// A row of exclusive choices drawn as one control. Arrow keys move inside it.
class SegmentBar : public QWidget {
    Q_OBJECT
public:
    explicit SegmentBar(const QString& name, QWidget* parent = nullptr);
    void add(const QString& text, const QString& explanation);
    void setCurrent(int index);
    [[nodiscard]] int current() const;
    // One that cannot be chosen now says why in its explanation.
    void setChoice(int index, bool enabled, const QString& explanation);
    [[nodiscard]] bool choiceEnabled(int index) const;

signals:
    void chosen(int index);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QButtonGroup* group_;
};

// A sample of a chart's line, or of its bars, with its name. A palette role cannot say which, so
// the owner sets it.
class SeriesKey : public QWidget {
    Q_OBJECT
public:
    explicit SeriesKey(QWidget* parent = nullptr);
    void setLine(const QColor& colour, qreal width, Qt::PenStyle style = Qt::SolidLine);
    void setBox(const QBrush& fill, const QColor& edge);
    void setText(const QString& text);
    [[nodiscard]] QColor colour() const { return colour_; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QColor colour_;
    QBrush box_;
    qreal width_ = 1;
    Qt::PenStyle style_ = Qt::SolidLine;
    QString text_;
};

// What a pane will show and how to get there.
QWidget* makeEmptyPane(const QString& title, const QString& text, QWidget* parent,
                       QLabel** textLabel = nullptr);

// A vertical scroll area around `content`, without a frame and on the panel's background.
QScrollArea* makeScrolling(QWidget* content);

// Marks a widget whose owner sets its font itself.
inline constexpr const char* kOwnFont = "ownFont";

// A step smaller than the font around it.
QFont smallFont(const QFont& font);

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the last answer's prompt took from the cache, and where it left it: the end of what both
// have in common, then how the cached text goes on and how the prompt does. UI thread.
#pragma once

#include <QFrame>
#include <QLabel>

#include "bridge/types.h"

namespace starglass::ui {

// One line that ends (or begins) with "…" where there is no room; reads as a whole.
class ElidedLine : public QWidget {
    Q_OBJECT
public:
    explicit ElidedLine(QWidget* parent = nullptr);
    void set(const QString& mark, const QString& text, Qt::TextElideMode mode);
    // For the mark and the ground behind the line; invalid: none.
    void setColours(const QColor& mark, const QColor& ground);
    [[nodiscard]] const QString& text() const { return text_; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString mark_, text_;
    Qt::TextElideMode mode_ = Qt::ElideRight;
    QColor markColour_, ground_;
};

class PrefixCard : public QFrame {
    Q_OBJECT
public:
    explicit PrefixCard(QWidget* parent = nullptr);
    void show(const ReuseReport& reuse, const GenerateTimings& timings);
    using QWidget::show;
    [[nodiscard]] QString sentence() const { return sentence_->text(); }
    [[nodiscard]] bool diffShown() const { return !common_->isHidden(); }
    [[nodiscard]] QString commonText() const { return common_->text(); }
    [[nodiscard]] QString cachedText() const { return cached_->text(); }
    [[nodiscard]] QString promptText() const { return prompt_->text(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void recolour();
    QLabel* sentence_;
    QLabel* note_;
    QLabel* where_;
    ElidedLine* common_;
    ElidedLine* cached_;
    ElidedLine* prompt_;
};

// "48,006 tokens were read from disk in 0.9 s; evaluating them took 3 min 10 s when it was done."
QString reuseSentence(const ReuseReport& reuse, const GenerateTimings& timings);

}  // namespace starglass::ui

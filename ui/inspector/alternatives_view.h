// SPDX-License-Identifier: GPL-3.0-or-later
//
// The most probable tokens as bars: text, bar, percentage. The sampled one carries a triangle;
// it gets a row of its own below when it was not among them.
#pragma once

#include <QWidget>
#include <vector>

#include "inspector/token_sample.h"

namespace starglass::ui {

class AlternativesView : public QWidget {
    Q_OBJECT
public:
    explicit AlternativesView(QWidget* parent = nullptr);
    void show(const TokenSample& token);
    using QWidget::show;
    // What the rows do not cover, in [0, 1].
    [[nodiscard]] double others() const;
    [[nodiscard]] int rows() const { return static_cast<int>(rows_.size()); }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Row {
        QString text;
        double probability = 0;
        bool sampled = false;
    };
    [[nodiscard]] int rowHeight() const;
    std::vector<Row> rows_;
};

}  // namespace starglass::ui

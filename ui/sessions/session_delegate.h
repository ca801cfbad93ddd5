// SPDX-License-Identifier: GPL-3.0-or-later
//
// One row of the list: mark, title, a quiet line below, chips for tags; the found words in bold.
// Colours from the palette, sizes from the view's font. UI thread.
#pragma once

#include <QStyledItemDelegate>

namespace starglass::ui {

class SessionDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tree of checkpoints. Shows as many columns as there is room for, the most telling first; the
// details beside the tree have them all. Selection and folding survive a change of the list.
#pragma once

#include <QSet>
#include <QTreeView>

#include "inspector/cache_tree_model.h"

namespace starglass::ui {

class CacheTree : public QTreeView {
    Q_OBJECT
public:
    explicit CacheTree(QWidget* parent = nullptr);

    void show(const CacheView& view);
    using QTreeView::show;
    [[nodiscard]] CacheTreeModel& cacheModel() { return *model_; }
    // Null when nothing, or a model's name, is selected.
    [[nodiscard]] const CheckpointInfo* selected() const;
    void select(const QString& id);

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

signals:
    void selectedChanged();

protected:
    void initViewItemOption(QStyleOptionViewItem* option) const override;
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void fit();
    void unfold();
    [[nodiscard]] QString keyOf(const QModelIndex& index) const;
    [[nodiscard]] int rows() const;

    CacheTreeModel* model_;
    QSet<QString> folded_;
    QString wanted_;  // the selected checkpoint's id
    bool restoring_ = false;
};

}  // namespace starglass::ui

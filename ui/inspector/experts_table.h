// SPDX-License-Identifier: GPL-3.0-or-later
//
// The experts of one token: a row per layer, its experts by falling weight. Enter or a double
// click on a cell asks for it in the map.
#pragma once

#include <QAbstractTableModel>
#include <QTableView>
#include <vector>

#include "inspector/routing_counts.h"

namespace starglass::ui {

class ExpertsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { kExpert = Qt::UserRole, kWeight };
    using QAbstractTableModel::QAbstractTableModel;

    void setShape(const RoutingShape& shape);
    void show(const RoutingSample* sample);  // null: nothing known

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    struct Choice {
        int expert = -1;
        float weight = 0;
    };
    [[nodiscard]] const Choice& choice(const QModelIndex& index) const {
        return choices_[static_cast<std::size_t>(index.row() * shape_.expertsUsed + index.column() -
                                                 1)];
    }
    RoutingShape shape_;
    std::vector<Choice> choices_;  // [layers, experts used]
};

class ExpertsTable : public QTableView {
    Q_OBJECT
public:
    explicit ExpertsTable(QWidget* parent = nullptr);
    void setShape(const RoutingShape& shape);
    void show(const RoutingSample* sample) { model_->show(sample); }
    using QTableView::show;
    [[nodiscard]] ExpertsModel& expertsModel() { return *model_; }
    [[nodiscard]] QSize minimumSizeHint() const override;

signals:
    void cellActivated(starglass::ui::RoutingCell cell);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void fit();
    ExpertsModel* model_;
    bool fitting_ = false;
};

}  // namespace starglass::ui

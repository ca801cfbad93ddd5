// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checkpoints as a tree of shared prefixes. A row's ancestors are always prefixes of it, but a row
// of ancestors without branches is one level deep: of a -> b -> c -> {d, e} the tree shows a with
// b and c below it, and d and e below c. A conversation saved every 2,048 tokens would otherwise
// be fifty levels. Checkpoints of other models than the one in use stand under their model's name.
#pragma once

#include <QAbstractItemModel>
#include <memory>
#include <vector>

#include "inspector/cache_plan.h"

namespace starglass::ui {

class CacheTreeModel : public QAbstractItemModel {
    Q_OBJECT
public:
    enum Column { kWhat, kTokens, kSize, kHits, kAge, kSaved, kReason, kNext, kColumns };
    enum Role { kId = Qt::UserRole, kTitled, kQuiet };

    using QAbstractItemModel::QAbstractItemModel;

    // Keeps rows and what hangs on them where the checkpoints are the same.
    void show(const CacheView& view);
    void setModelFingerprint(const std::string& fingerprint);
    void setTitles(SessionTitles titles);
    // Seconds since 1970 for the age column.
    void setNow(std::int64_t now);

    [[nodiscard]] const CheckpointInfo* info(const QModelIndex& index) const;
    // Of an id, in the first column; invalid when it is gone.
    [[nodiscard]] QModelIndex indexOf(const QString& id) const;
    // A group's name, empty for a checkpoint.
    [[nodiscard]] QString group(const QModelIndex& index) const;

    [[nodiscard]] QModelIndex index(int row, int column,
                                    const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& child) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;
    void sort(int column, Qt::SortOrder order) override;

private:
    struct Node {
        int info = -1;  // in list_; -1: a group
        QString group;
        Node* parent = nullptr;
        int row = 0;
        std::vector<Node*> children;
    };
    void build();
    void sortChildren(Node& node);
    [[nodiscard]] Node* nodeOf(const QModelIndex& index) const;
    [[nodiscard]] QVariant text(const Node& node, int column) const;
    [[nodiscard]] QVariant sortKey(const Node& node, int column) const;
    [[nodiscard]] QString spoken(const Node& node, int column) const;

    std::vector<CheckpointInfo> list_;
    std::string fingerprint_;
    SessionTitles titles_;
    std::int64_t now_ = 0;
    int sortColumn_ = kAge;
    Qt::SortOrder sortOrder_ = Qt::AscendingOrder;
    Node root_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

// "3 min", "2 days": one figure, rounded down.
QString ageText(std::int64_t seconds);
// "end of a turn".
QString reasonText(SaveReason reason);
// "pinned", "session", "next", "4": the last column.
QString nextText(const CheckpointInfo& info);
// Seconds a use saves: evaluating less loading. Negative where nothing was measured.
double savedSeconds(const CheckpointInfo& info);

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_tree_model.h"

#include <QCoreApplication>
#include <algorithm>
#include <map>
#include <unordered_map>

#include "inspector/inspector_format.h"

namespace starglass::ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(Cache)
};

const QString& dash() {
    static const QString text = QStringLiteral("–");
    return text;
}

}  // namespace

QString ageText(std::int64_t seconds) {
    if (seconds < 60) return Words::tr("now");
    if (seconds < 3600) return Words::tr("%1 min").arg(seconds / 60);
    if (seconds < 48 * 3600) return Words::tr("%1 h").arg(seconds / 3600);
    return Words::tr("%1 days").arg(numberText(seconds / 86400));
}

QString reasonText(SaveReason reason) {
    switch (reason) {
        case SaveReason::unknown:
            break;
        case SaveReason::cold:
            return Words::tr("system prompt");
        case SaveReason::continued:
            return Words::tr("on the way");
        case SaveReason::evict:
            return Words::tr("other chat");
        case SaveReason::shutdown:
            return Words::tr("shutdown");
        case SaveReason::agent_prompt:
            return Words::tr("agent prompt");
        case SaveReason::agent_session:
            return Words::tr("agent session");
        case SaveReason::prompt:
            return Words::tr("before answer");
        case SaveReason::turn:
            return Words::tr("end of turn");
        case SaveReason::requested:
            return Words::tr("on request");
        case SaveReason::imported:
            return Words::tr("imported");
    }
    return Words::tr("unknown");
}

QString nextText(const CheckpointInfo& info) {
    if (info.pinned) return Words::tr("pinned");
    if (info.owned) return Words::tr("session");
    if (info.evict_rank < 0) return dash();
    return info.evict_rank == 0 ? Words::tr("next") : numberText(info.evict_rank + 1);
}

double savedSeconds(const CheckpointInfo& info) {
    if (info.evaluate_seconds <= 0) return -1;
    return std::max(0.0, info.evaluate_seconds - std::max(0.0, info.load_seconds));
}

// --- structure -----------------------------------------------------------------------------

void CacheTreeModel::show(const CacheView& view) {
    const auto same = [](const CheckpointInfo& a, const CheckpointInfo& b) {
        return a.id == b.id && a.parent == b.parent && a.model_fingerprint == b.model_fingerprint;
    };
    const bool sameRows =
        std::equal(list_.begin(), list_.end(), view.list.begin(), view.list.end(), same);
    if (sameRows) {
        list_ = view.list;
        // Figures moved, and with them perhaps the order.
        sort(sortColumn_, sortOrder_);
        return;
    }
    beginResetModel();
    list_ = view.list;
    build();
    endResetModel();
}

void CacheTreeModel::setModelFingerprint(const std::string& fingerprint) {
    if (fingerprint == fingerprint_) return;
    beginResetModel();
    fingerprint_ = fingerprint;
    build();
    endResetModel();
}

void CacheTreeModel::setTitles(SessionTitles titles) {
    titles_ = std::move(titles);
    sort(sortColumn_, sortOrder_);
}

void CacheTreeModel::setNow(std::int64_t now) {
    now_ = now;
}

void CacheTreeModel::build() {
    nodes_.clear();
    root_.children.clear();
    const auto add = [this](int info) {
        nodes_.push_back(std::make_unique<Node>());
        nodes_.back()->info = info;
        return nodes_.back().get();
    };
    std::unordered_map<std::string, Node*> byId;
    std::vector<Node*> order;
    for (int i = 0; i < static_cast<int>(list_.size()); ++i) {
        order.push_back(add(i));
        byId.emplace(list_[static_cast<std::size_t>(i)].id, order.back());
    }
    const auto of = [this](const Node* node) -> const CheckpointInfo& {
        return list_[static_cast<std::size_t>(node->info)];
    };
    // Shorter ones first: a parent knows its place before its children ask for it.
    std::stable_sort(order.begin(), order.end(),
                     [&](const Node* a, const Node* b) { return of(a).tokens < of(b).tokens; });
    // A parent must be shorter and of the same model; what a damaged index says else is no parent.
    const auto prefixOf = [&](const Node* node) -> Node* {
        const auto found = byId.find(of(node).parent);
        if (found == byId.end() || of(found->second).tokens >= of(node).tokens ||
            of(found->second).model_fingerprint != of(node).model_fingerprint)
            return nullptr;
        return found->second;
    };
    std::unordered_map<const Node*, int> branches;
    for (const Node* node : order)
        if (const Node* prefix = prefixOf(node)) ++branches[prefix];
    std::map<std::pair<std::string, std::string>, Node*> groups;
    std::unordered_map<const Node*, Node*> heads;  // of the row without branches it stands in
    for (Node* node : order) {
        Node* prefix = prefixOf(node);
        Node* above = nullptr;
        heads[node] = node;
        if (prefix && branches[prefix] == 1) {
            above = heads[prefix];
            heads[node] = above;
        } else if (prefix) {
            above = prefix;
        } else if (const CheckpointInfo& info = of(node); info.model_fingerprint == fingerprint_) {
            above = &root_;
        } else {
            Node*& group = groups[{info.model_name, info.model_fingerprint}];
            if (!group) {
                group = add(-1);
                group->group = QString::fromStdString(info.model_name);
            }
            above = group;
        }
        node->parent = above;
        above->children.push_back(node);
    }
    for (const auto& [key, group] : groups) {
        group->parent = &root_;
        root_.children.push_back(group);
    }
    sortChildren(root_);
}

void CacheTreeModel::sortChildren(Node& node) {
    const auto before = [this](const Node* a, const Node* b) {
        if ((a->info < 0) != (b->info < 0)) return b->info < 0;  // groups are always last
        if (a->info < 0) return a->group.localeAwareCompare(b->group) < 0;
        const QVariant x = sortKey(*a, sortColumn_), y = sortKey(*b, sortColumn_);
        const auto order = x.typeId() == QMetaType::QString
                               ? x.toString().localeAwareCompare(y.toString())
                               : (x.toDouble() > y.toDouble()) - (x.toDouble() < y.toDouble());
        if (order == 0) return a->info < b->info;
        return sortOrder_ == Qt::AscendingOrder ? order < 0 : order > 0;
    };
    std::stable_sort(node.children.begin(), node.children.end(), before);
    for (int row = 0; row < static_cast<int>(node.children.size()); ++row) {
        node.children[static_cast<std::size_t>(row)]->row = row;
        sortChildren(*node.children[static_cast<std::size_t>(row)]);
    }
}

void CacheTreeModel::sort(int column, Qt::SortOrder order) {
    emit layoutAboutToBeChanged();
    sortColumn_ = column;
    sortOrder_ = order;
    const QModelIndexList before = persistentIndexList();
    sortChildren(root_);
    QModelIndexList after;
    for (const QModelIndex& index : before)
        after << createIndex(nodeOf(index)->row, index.column(), index.internalPointer());
    changePersistentIndexList(before, after);
    emit layoutChanged();
}

CacheTreeModel::Node* CacheTreeModel::nodeOf(const QModelIndex& index) const {
    return static_cast<Node*>(index.internalPointer());
}

const CheckpointInfo* CacheTreeModel::info(const QModelIndex& index) const {
    if (!index.isValid() || nodeOf(index)->info < 0) return nullptr;
    return &list_[static_cast<std::size_t>(nodeOf(index)->info)];
}

QString CacheTreeModel::group(const QModelIndex& index) const {
    return index.isValid() ? nodeOf(index)->group : QString();
}

QModelIndex CacheTreeModel::indexOf(const QString& id) const {
    const std::string wanted = id.toStdString();
    for (const auto& node : nodes_)
        if (node->info >= 0 && list_[static_cast<std::size_t>(node->info)].id == wanted)
            return createIndex(node->row, 0, node.get());
    return {};
}

QModelIndex CacheTreeModel::index(int row, int column, const QModelIndex& parent) const {
    if (!hasIndex(row, column, parent)) return {};
    const Node& above = parent.isValid() ? *nodeOf(parent) : root_;
    return createIndex(row, column, above.children[static_cast<std::size_t>(row)]);
}

QModelIndex CacheTreeModel::parent(const QModelIndex& child) const {
    if (!child.isValid()) return {};
    Node* above = nodeOf(child)->parent;
    return above == &root_ ? QModelIndex() : createIndex(above->row, 0, above);
}

int CacheTreeModel::rowCount(const QModelIndex& parent) const {
    if (parent.isValid() && parent.column() > 0) return 0;
    const Node& node = parent.isValid() ? *nodeOf(parent) : root_;
    return static_cast<int>(node.children.size());
}

int CacheTreeModel::columnCount(const QModelIndex&) const {
    return kColumns;
}

// --- contents ------------------------------------------------------------------------------

QVariant CacheTreeModel::text(const Node& node, int column) const {
    if (node.info < 0) return column == kWhat ? tr("Other model: %1").arg(node.group) : QVariant();
    const CheckpointInfo& info = list_[static_cast<std::size_t>(node.info)];
    switch (column) {
        case kWhat: {
            const QString title = titles_ ? titles_(QString::fromStdString(info.id)) : QString();
            const QString words = previewText(info);
            if (!title.isEmpty())
                return words.isEmpty() ? title : title + QStringLiteral(" · …") + words;
            return words.isEmpty() ? tr("(no text)") : words;
        }
        case kTokens:
            return numberText(info.tokens);
        case kSize: {
            QString own = bytesText(info.own_bytes);
            if (info.shared_bytes <= 0) return own;
            const QString shared = bytesText(info.shared_bytes);
            // One unit for both where it is the same: the column is narrow.
            const QString unit = shared.mid(shared.lastIndexOf(u' '));
            if (own.endsWith(unit)) own.chop(unit.size());
            return tr("%1 + %2").arg(own, shared);
        }
        case kHits:
            return numberText(info.hits);
        case kAge:
            return info.last_used_unix > 0 ? ageText(now_ - info.last_used_unix) : dash();
        case kSaved:
            return savedSeconds(info) >= 0 ? durationText(savedSeconds(info)) : dash();
        case kReason:
            return reasonText(info.reason);
        case kNext:
            return nextText(info);
        default:
            return {};
    }
}

QVariant CacheTreeModel::sortKey(const Node& node, int column) const {
    const CheckpointInfo& info = list_[static_cast<std::size_t>(node.info)];
    switch (column) {
        case kTokens:
            return static_cast<double>(info.tokens);
        case kSize:
            return static_cast<double>(info.own_bytes + info.shared_bytes);
        case kHits:
            return static_cast<double>(info.hits);
        case kAge:
            return static_cast<double>(-info.last_used_unix);
        case kSaved:
            return savedSeconds(info);
        case kNext:
            // What never goes comes after all that does.
            return info.evict_rank < 0 ? 1e18 : static_cast<double>(info.evict_rank);
        default:
            return text(node, column);
    }
}

QString CacheTreeModel::spoken(const Node& node, int column) const {
    if (node.info < 0) return text(node, kWhat).toString();
    const CheckpointInfo& info = list_[static_cast<std::size_t>(node.info)];
    switch (column) {
        case kTokens:
            return tr("%1 tokens").arg(numberText(info.tokens));
        case kSize:
            return tr("own file %1, shared segments %2, removing it frees %3")
                .arg(bytesText(info.own_bytes), bytesText(info.shared_bytes),
                     bytesText(info.freed_bytes));
        case kHits:
            return info.hits == 1 ? tr("used once")
                                  : tr("used %1 times").arg(numberText(info.hits));
        case kAge:
            if (info.last_used_unix <= 0) return tr("never used");
            return now_ - info.last_used_unix < 60
                       ? tr("last used just now")
                       : tr("last used %1 ago").arg(ageText(now_ - info.last_used_unix));
        case kSaved: {
            if (savedSeconds(info) < 0) return tr("time saved: not measured");
            const QString took =
                tr("evaluating it took %1").arg(durationText(info.evaluate_seconds));
            return info.load_seconds >= 0
                       ? tr("%1, loading it %2").arg(took, durationText(info.load_seconds))
                       : tr("%1; it was not loaded yet").arg(took);
        }
        case kReason:
            return tr("saved because: %1").arg(reasonText(info.reason));
        case kNext:
            if (info.pinned && info.owned)
                return tr("never evicted: pinned, and a saved session resumes here");
            if (info.pinned) return tr("never evicted: pinned");
            if (info.owned) return tr("never evicted: a saved session resumes here");
            if (info.evict_rank < 0) return tr("never evicted");
            return info.evict_rank == 0 ? tr("evicted next")
                                        : tr("evicted after %1 others").arg(info.evict_rank);
        default:
            return text(node, column).toString();
    }
}

QVariant CacheTreeModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const Node& node = *nodeOf(index);
    const int column = index.column();
    switch (role) {
        case Qt::DisplayRole:
            return text(node, column);
        case Qt::ToolTipRole:
        case Qt::AccessibleTextRole:
            return spoken(node, column);
        case Qt::TextAlignmentRole:
            return QVariant::fromValue(
                (column == kWhat || column == kReason ? Qt::AlignLeft : Qt::AlignRight) |
                Qt::AlignVCenter);
        case kId:
            return node.info < 0
                       ? QString()
                       : QString::fromStdString(list_[static_cast<std::size_t>(node.info)].id);
        case kTitled:
            return node.info >= 0 && titles_ && !titles_(index.data(kId).toString()).isEmpty();
        case kQuiet:
            return node.info < 0 ||
                   list_[static_cast<std::size_t>(node.info)].model_fingerprint != fingerprint_;
        default:
            return {};
    }
}

QVariant CacheTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(
            (section == kWhat || section == kReason ? Qt::AlignLeft : Qt::AlignRight) |
            Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        switch (section) {
            case kWhat:
                return tr("The text a checkpoint ends with; below it, what begins with it");
            case kSize:
                return tr("Its own file + the segments it shares with others");
            case kAge:
                return tr("Time since it was last used");
            case kSaved:
                return tr("Time a use saves: what evaluating its tokens took, less loading them");
            case kReason:
                return tr("Why it was written");
            case kNext:
                return tr(
                    "When its turn to be evicted comes; pinned ones and those a saved "
                    "session resumes from never are");
            default:
                break;
        }
    }
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
    switch (section) {
        case kWhat:
            return tr("Ends with");
        case kTokens:
            return tr("Tokens");
        case kSize:
            return tr("Own + shared");
        case kHits:
            return tr("Hits");
        case kAge:
            return tr("Used");
        case kSaved:
            return tr("Saves");
        case kReason:
            return tr("Reason");
        case kNext:
            return tr("Evicted");
        default:
            return {};
    }
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/session_model.h"

#include <QDateTime>
#include <QLocale>
#include <algorithm>

namespace starglass::ui {

SessionModel::SessionModel(QObject* parent) : QAbstractListModel(parent) {
}

int SessionModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(shown_.size());
}

QVariant SessionModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= shown_.size()) return {};
    const SessionRow& row = at(index.row());
    const QString title = row.title.isEmpty() ? tr("New chat") : row.title;
    const auto price = [&] { return prices_.price(row); };
    switch (role) {
        case Qt::DisplayRole:
        case kTitle:
            return title;
        case Qt::EditRole:
            return row.title;
        case kId:
            return row.id;
        case kLine:
            return resumeLine(price(), row.tokens);
        case kMark:
            return resumeMark(price().how);
        case kHow:
            return static_cast<int>(price().how);
        case kSnippet:
            return searching_ ? snippets_.value(row.id) : QString();
        case kTags:
            return row.tags;
        case kPinned:
            return row.pinned;
        case kPrice:
            return priceText(price());
        case Qt::ToolTipRole: {
            QStringList lines{title};
            if (!row.lastLine.isEmpty()) lines << row.lastLine;
            lines << resumeWords(price(), row.tokens);
            if (const QString cost = priceText(price()); !cost.isEmpty())
                lines << tr("Resume %1").arg(cost);
            if (!row.modelName.isEmpty()) lines << tr("Written with %1").arg(row.modelName);
            lines << tr("Last used %1")
                         .arg(QLocale().toString(QDateTime::fromMSecsSinceEpoch(row.updatedMs),
                                                 QLocale::ShortFormat));
            return lines.join(u'\n');
        }
        case Qt::AccessibleTextRole: {
            QStringList parts{title};
            if (row.pinned) parts << tr("pinned");
            parts << resumeWords(price(), row.tokens);
            if (!row.tags.isEmpty())
                parts << tr("tags: %1").arg(row.tags.join(QStringLiteral(", ")));
            return parts.join(QStringLiteral("; "));
        }
        case Qt::AccessibleDescriptionRole:
            return row.lastLine;
        default:
            return {};
    }
}

Qt::ItemFlags SessionModel::flags(const QModelIndex& index) const {
    if (!index.isValid()) return {};
    return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemNeverHasChildren;
}

bool SessionModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (role != Qt::EditRole || !index.isValid()) return false;
    const QString title = lineFromText(value.toString());
    const qint64 session = at(index.row()).id;
    if (title.isEmpty() || title == rows_[session].title) return false;
    // Shown at once; the library's answer will say the same.
    rows_[session].title = title;
    rows_[session].titleSource = TitleSource::user;
    emit dataChanged(index, index);
    emit renamed(session, title);
    return true;
}

void SessionModel::setRows(const SessionRows& rows) {
    rows_.clear();
    order_.clear();
    for (const SessionRow& row : rows) {
        rows_.insert(row.id, row);
        order_ << row.id;
    }
    rebuild();
}

void SessionModel::setRow(const SessionRow& row) {
    const auto known = rows_.constFind(row.id);
    const bool moves = known == rows_.cend() || known->pinned != row.pinned ||
                       known->updatedMs != row.updatedMs || known->tags != row.tags;
    rows_.insert(row.id, row);
    if (!moves) {
        if (const QModelIndex at = indexOf(row.id); at.isValid()) emit dataChanged(at, at);
        return;
    }
    order_.removeOne(row.id);
    const auto before = [this](qint64 a, const SessionRow& b) {
        const SessionRow& x = *rows_.constFind(a);
        return std::tuple(x.pinned, x.updatedMs, x.id) > std::tuple(b.pinned, b.updatedMs, b.id);
    };
    const auto place = std::lower_bound(order_.begin(), order_.end(), row, before);
    order_.insert(place, row.id);
    rebuild();
}

void SessionModel::removeRow(qint64 session) {
    if (!rows_.remove(session)) return;
    order_.removeOne(session);
    hits_.removeOne(session);
    rebuild();
}

void SessionModel::setHits(const SearchHits& hits) {
    searching_ = true;
    hits_.clear();
    snippets_.clear();
    for (const SearchHit& hit : hits) {
        hits_ << hit.session;
        snippets_.insert(hit.session, hit.snippet);
    }
    rebuild();
}

void SessionModel::clearSearch() {
    if (!searching_) return;
    searching_ = false;
    hits_.clear();
    snippets_.clear();
    rebuild();
}

void SessionModel::setTagFilter(const QString& tag) {
    if (tag_ == tag) return;
    tag_ = tag;
    rebuild();
}

void SessionModel::setPrices(const PriceBook& prices) {
    prices_ = prices;
    if (!shown_.isEmpty()) emit dataChanged(index(0), index(static_cast<int>(shown_.size()) - 1));
}

// Selection and focus stay where they are: rows move under a persistent index.
void SessionModel::rebuild() {
    QList<qint64> next;
    for (const qint64 id : searching_ ? hits_ : order_) {
        const auto row = rows_.constFind(id);
        if (row == rows_.cend() || (!tag_.isEmpty() && !row->tags.contains(tag_))) continue;
        next << id;
    }
    if (next == shown_) {
        if (!shown_.isEmpty())
            emit dataChanged(index(0), index(static_cast<int>(shown_.size()) - 1));
        return;
    }
    emit layoutAboutToBeChanged();
    QHash<qint64, int> places;
    for (int i = 0; i < next.size(); ++i) places.insert(next[i], i);
    const QModelIndexList before = persistentIndexList();
    QModelIndexList after;
    for (const QModelIndex& one : before) {
        const int to = one.row() < shown_.size() ? places.value(shown_[one.row()], -1) : -1;
        after << (to < 0 ? QModelIndex() : createIndex(to, 0));
    }
    shown_ = next;
    changePersistentIndexList(before, after);
    emit layoutChanged();
}

const SessionRow* SessionModel::find(qint64 session) const {
    const auto at = rows_.constFind(session);
    return at == rows_.cend() ? nullptr : &*at;
}

QModelIndex SessionModel::indexOf(qint64 session) const {
    const auto at = shown_.indexOf(session);
    return at < 0 ? QModelIndex() : index(static_cast<int>(at));
}

QStringList SessionModel::allTags() const {
    QSet<QString> seen;
    for (const SessionRow& row : rows_)
        for (const QString& tag : row.tags) seen.insert(tag);
    QStringList out(seen.begin(), seen.end());
    out.sort(Qt::CaseInsensitive);
    return out;
}

}  // namespace starglass::ui

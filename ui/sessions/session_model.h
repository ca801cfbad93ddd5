// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sessions as a list: pinned first, then newest use; or what a search found, best first. UI
// thread. Ten thousand rows are no matter: a row's texts are made when it is painted.
#pragma once

#include <QAbstractListModel>
#include <QHash>

#include "sessions/resume_price.h"

namespace starglass::ui {

class SessionModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Roles {
        kId = Qt::UserRole,
        kTitle,
        kLine,     // "48,210 tok · in memory"
        kMark,     // ● ◐ ○
        kHow,      // int of Resume
        kSnippet,  // of the search, with marks; else empty
        kTags,
        kPinned,
        kPrice,  // "48k tokens: 0.9 s (else ≈ 3 min 10 s)"
    };

    explicit SessionModel(QObject* parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

    void setRows(const SessionRows& rows);
    void setRow(const SessionRow& row);
    void removeRow(qint64 session);
    using QAbstractItemModel::removeRow;
    // Only what a search found, in its order. `clearSearch` shows all again.
    void setHits(const SearchHits& hits);
    void clearSearch();
    [[nodiscard]] bool searching() const { return searching_; }
    // Empty: all.
    void setTagFilter(const QString& tag);
    [[nodiscard]] const QString& tagFilter() const { return tag_; }

    [[nodiscard]] const PriceBook& prices() const { return prices_; }
    void setPrices(const PriceBook& prices);

    [[nodiscard]] const SessionRow* find(qint64 session) const;
    [[nodiscard]] const SessionRow& at(int row) const { return *rows_.constFind(shown_.at(row)); }
    [[nodiscard]] QModelIndex indexOf(qint64 session) const;
    [[nodiscard]] QStringList allTags() const;
    [[nodiscard]] int total() const { return static_cast<int>(rows_.size()); }

signals:
    void renamed(qint64 session, const QString& title);

private:
    void rebuild();
    QHash<qint64, SessionRow> rows_;
    QList<qint64> order_;  // of all, as listed
    QList<qint64> shown_;
    QHash<qint64, QString> snippets_;
    QList<qint64> hits_;
    bool searching_ = false;
    QString tag_;
    PriceBook prices_;
};

}  // namespace starglass::ui

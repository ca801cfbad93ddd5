// SPDX-License-Identifier: GPL-3.0-or-later
//
// Statements with arguments, and transactions that end. Belongs to one thread, like the connection.
#pragma once

#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QVariant>

#include "engine/result.h"

namespace starglass::ui {

inline tl::unexpected<Error> sqlFail(const QSqlError& error) {
    // SQLITE_FULL and SQLITE_CORRUPT, the two a person can do something about.
    const QString code = error.nativeErrorCode();
    if (code == QLatin1String("13")) return fail(ErrorCode::io, "the disk is full");
    if (code == QLatin1String("11") || code == QLatin1String("26"))
        return fail(ErrorCode::invalid_input, "the file of sessions is damaged ({})",
                    error.databaseText().toStdString());
    return fail(
        ErrorCode::io, "the file of sessions cannot be used: {}",
        (error.databaseText().isEmpty() ? error.driverText() : error.databaseText()).toStdString());
}

// Runs one statement; the query stands before its first row.
inline Result<QSqlQuery> runSql(const QSqlDatabase& db, const QString& sql,
                                const QVariantList& arguments = {}) {
    QSqlQuery query(db);
    query.setForwardOnly(true);
    if (!query.prepare(sql)) return sqlFail(query.lastError());
    for (const QVariant& argument : arguments) query.addBindValue(argument);
    if (!query.exec()) return sqlFail(query.lastError());
    return query;
}

inline Result<QSqlQuery> runSql(const QSqlDatabase& db, const char* sql,
                                const QVariantList& arguments = {}) {
    return runSql(db, QString::fromUtf8(sql), arguments);
}

// The first column of the first row, or `otherwise`.
inline Result<QVariant> readSql(const QSqlDatabase& db, const char* sql,
                                const QVariantList& arguments = {}, QVariant otherwise = {}) {
    TRY(QSqlQuery query, runSql(db, sql, arguments));
    if (query.next()) return query.value(0);
    if (query.lastError().isValid()) return sqlFail(query.lastError());
    return otherwise;
}

// Rolls back unless committed. One inside another does nothing of its own.
class Transaction {
public:
    explicit Transaction(const QSqlDatabase& db, int& depth) : db_(db), depth_(depth) {
        // Taking the write lock at once: a later upgrade could fail half way.
        if (depth_++ == 0) begun_ = QSqlQuery(db_).exec(QStringLiteral("BEGIN IMMEDIATE"));
    }
    ~Transaction() {
        if (--depth_ == 0 && begun_ && !done_) QSqlQuery(db_).exec(QStringLiteral("ROLLBACK"));
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    Status commit() {
        if (depth_ > 1) return {};
        QSqlQuery query(db_);
        if (!query.exec(QStringLiteral("COMMIT"))) return sqlFail(query.lastError());
        done_ = true;
        return {};
    }

private:
    QSqlDatabase db_;
    int& depth_;
    bool begun_ = false;
    bool done_ = false;
};

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The file of sessions: opened, checked, brought up to date. docs/sessions_file.md describes it.
//
// Before a layout is changed the file is copied beside itself as NAME.bak-vOLD, and the copy is
// kept. A newer layout than this program knows is refused and not touched. A damaged file is
// renamed, never deleted, and a new one is begun.
#pragma once

#include <QSqlDatabase>
#include <QString>
#include <QStringList>
#include <vector>

#include "engine/result.h"

namespace starglass::ui {

struct Migration {
    int version;  // after it
    QStringList statements;
};
// Ascending; the last one's version is the layout of this program.
const std::vector<Migration>& libraryMigrations();

struct OpenedLibrary {
    QSqlDatabase db;
    QString notice;  // one sentence when the user should know something; else empty
};

// `connection` names the connection; `path` may be ":memory:". Errors: unsupported (newer layout,
// or an SQLite without FTS5), io.
Result<OpenedLibrary> openLibraryFile(
    const QString& path, const QString& connection,
    const std::vector<Migration>& migrations = libraryMigrations());

}  // namespace starglass::ui

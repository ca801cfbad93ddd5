// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sessions as files: Markdown to read, JSON to come back from. The JSON (docs/sessions_file.md)
// holds the whole tree; beside it NAME.sgkv may hold the state of the model at its end. Reading
// trusts nothing. Belongs to the thread of the LibraryDb; the *.sgkv is somebody else's to write.
#pragma once

#include <QString>

#include "library/library_db.h"

namespace starglass::ui {

// `kv`: also name NAME.sgkv in it, as belonging to the session's checkpoint. Returns that
// checkpoint, empty without one. Written whole or not at all.
Result<QString> exportSessionJson(LibraryDb& db, qint64 session, const QString& path, bool kv);
// The current path.
Status exportSessionMarkdown(LibraryDb& db, qint64 session, const QString& path);

struct ImportedSession {
    qint64 id = 0;
    // What the file says lies beside it: the path of the *.sgkv and the checkpoint it was then.
    QString bundle;
    QString checkpoint;
};
Result<ImportedSession> importSessionJson(LibraryDb& db, const QString& path);

// Where NAME.json has its NAME.sgkv.
QString bundlePath(const QString& jsonPath);
// Checkpoint ids name files: nothing else may be one.
bool plausibleCheckpoint(const QString& id);

}  // namespace starglass::ui

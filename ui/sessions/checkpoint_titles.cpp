// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/checkpoint_titles.h"

namespace starglass::ui {

CheckpointTitles::CheckpointTitles(LibraryService& library, QObject* parent) : QObject(parent) {
    const auto forget = [this](qint64 session) {
        const SessionRow old = rows_.take(session);
        for (const QString& checkpoint : {old.checkpoint, old.promptCheckpoint})
            titles_.remove(checkpoint);
    };
    connect(&library, &LibraryService::listed, this, [this](const SessionRows& rows) {
        rows_.clear();
        titles_.clear();
        for (const SessionRow& row : rows) take(row);
        emit changed();
    });
    connect(&library, &LibraryService::rowChanged, this, [this, forget](const SessionRow& row) {
        const SessionRow old = rows_.value(row.id);
        if (old.title == row.title && old.checkpoint == row.checkpoint &&
            old.promptCheckpoint == row.promptCheckpoint)
            return;
        forget(row.id);
        take(row);
        emit changed();
    });
    connect(&library, &LibraryService::rowRemoved, this, [this, forget](qint64 session) {
        forget(session);
        emit changed();
    });
}

void CheckpointTitles::take(const SessionRow& row) {
    rows_.insert(row.id, row);
    for (const QString& checkpoint : {row.checkpoint, row.promptCheckpoint})
        if (!checkpoint.isEmpty()) titles_.insert(checkpoint, row.title);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which saved session a checkpoint belongs to, by title, for panels that show checkpoints. UI
// thread; follows the library.
#pragma once

#include <QHash>
#include <QObject>

#include "library/library_service.h"

namespace starglass::ui {

class CheckpointTitles : public QObject {
    Q_OBJECT
public:
    explicit CheckpointTitles(LibraryService& library, QObject* parent = nullptr);
    // Empty for a checkpoint that no session resumes at.
    [[nodiscard]] QString of(const QString& checkpoint) const { return titles_.value(checkpoint); }

signals:
    void changed();

private:
    void take(const SessionRow& row);

    QHash<qint64, SessionRow> rows_;
    QHash<QString, QString> titles_;
};

}  // namespace starglass::ui

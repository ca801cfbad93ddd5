// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the library hands out: values that may cross threads.
#pragma once

#include <QMetaType>
#include <QString>
#include <QStringList>
#include <vector>

#include "bridge/chat.h"

namespace starglass::ui {

enum class TitleSource { words, model, user };

struct SessionSettings {
    ThinkMode think = ThinkMode::on;
    bool tools = true;
    bool known = false;                       // false: nothing was stored
    std::optional<SamplingOptions> sampling;  // empty: what the model recommends
    [[nodiscard]] QByteArray json() const;
    static SessionSettings fromJson(const QByteArray& json);
};

// One session as the list shows it.
struct SessionRow {
    qint64 id = 0;
    QString uuid;
    QString title;
    TitleSource titleSource = TitleSource::words;
    qint64 createdMs = 0;
    qint64 updatedMs = 0;
    bool pinned = false;
    QStringList tags;
    QString modelName;
    QString modelFingerprint;
    qint64 leaf = 0;    // the last message of the current path
    qint64 tokens = 0;  // of the current path; 0: not known
    QString lastLine;   // of the newest message
    // Where the current path can be resumed: at the end of its newest answer, and in front of it.
    QString checkpoint;
    QString promptCheckpoint;
};
using SessionRows = std::vector<SessionRow>;

// The end of a session's current path, or a piece in front of it.
struct SessionPage {
    SessionRow row;
    std::vector<ChatMessage> messages;
    bool earlier = false;  // there are more in front
    SessionSettings settings;
    QStringList queued;  // typed and never sent
};

struct SearchHit {
    qint64 session = 0;
    qint64 node = 0;  // 0: the title
    // Plain text, empty for a title; kMarkBegin and kMarkEnd stand around what was found.
    QString snippet;
};
using SearchHits = std::vector<SearchHit>;
inline constexpr QChar kMarkBegin{0x0001};
inline constexpr QChar kMarkEnd{0x0002};

// "Sparse attention notes": the first words of the first message.
QString titleFromText(const QString& text);
// What a model answered when it was asked for a title: its first line without quotes, markup and
// full stop, cut to a title's length; empty when that leaves nothing.
QString titleFromModel(const QString& answer);
// One line of at most 160 characters.
QString lineFromText(const QString& text);

void registerLibraryTypes();

}  // namespace starglass::ui

Q_DECLARE_METATYPE(starglass::ui::SessionRow)
Q_DECLARE_METATYPE(starglass::ui::SessionRows)
Q_DECLARE_METATYPE(starglass::ui::SessionPage)
Q_DECLARE_METATYPE(starglass::ui::SearchHits)

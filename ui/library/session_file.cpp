// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/session_file.h"

#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLocale>
#include <QSaveFile>
#include <QUuid>

#include "library/message_codec.h"
#include "library/sql.h"

namespace starglass::ui {
namespace {

constexpr const char* kFormat = "starglass-session";
constexpr int kVersion = 1;
// Beyond any session a person has; reading happens in memory.
constexpr qint64 kFileBytesMax = qint64{512} << 20;
constexpr qsizetype kMessagesMax = 1'000'000;
constexpr qint64 kTimeMax = qint64{1} << 46;  // the year 4199

QByteArray compact(const QJsonObject& object) {
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

Status writeError(const QSaveFile& file) {
    return fail(ErrorCode::io, "'{}' cannot be written: {}", file.fileName().toStdString(),
                file.errorString().toStdString());
}

qint64 integer(const QJsonObject& object, const char* name, qint64 most) {
    const double value = object.value(QLatin1String(name)).toDouble(0);
    return value >= 0 && value <= static_cast<double>(most) ? static_cast<qint64>(value) : 0;
}

QString shortText(const QJsonObject& object, const char* name, int most) {
    return object.value(QLatin1String(name)).toString().left(most);
}

QString quoted(const QString& text) {
    return QStringLiteral("> ") + QString(text).replace(u'\n', QStringLiteral("\n> "));
}

// A fence longer than any in the text.
QString fenced(const QString& text) {
    QString fence = QStringLiteral("```");
    while (text.contains(fence)) fence += u'`';
    return fence + u'\n' + text + u'\n' + fence;
}

}  // namespace

QString bundlePath(const QString& jsonPath) {
    const QFileInfo info(jsonPath);
    return info.absolutePath() + u'/' + info.completeBaseName() + QStringLiteral(".sgkv");
}

bool plausibleCheckpoint(const QString& id) {
    if (id.isEmpty() || id.size() > 128 || id.startsWith(u'.')) return false;
    return std::all_of(id.begin(), id.end(), [](QChar c) {
        return (c >= u'0' && c <= u'9') || (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') ||
               c == u'-' || c == u'_' || c == u'.';
    });
}

Result<QString> exportSessionJson(LibraryDb& db, qint64 session, const QString& path, bool kv) {
    TRY(const SessionPage page, db.page(session, 1));
    const SessionRow& row = page.row;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly)) {
        TRY_STATUS(writeError(file));
    }
    // Message by message: a long session need not fit into memory a second time.
    static constexpr const char* kSources[] = {"words", "model", "user"};
    const QJsonObject head{
        {QStringLiteral("uuid"), row.uuid},
        {QStringLiteral("title"), row.title},
        {QStringLiteral("title_source"),
         QLatin1String(kSources[static_cast<int>(row.titleSource)])},
        {QStringLiteral("created_ms"), row.createdMs},
        {QStringLiteral("updated_ms"), row.updatedMs},
        {QStringLiteral("pinned"), row.pinned},
        {QStringLiteral("tags"), QJsonArray::fromStringList(row.tags)},
        {QStringLiteral("settings"), QJsonDocument::fromJson(page.settings.json()).object()},
        {QStringLiteral("model"), row.modelName},
        {QStringLiteral("model_fingerprint"), row.modelFingerprint}};
    const QString checkpoint = !kv                        ? QString()
                               : row.checkpoint.isEmpty() ? row.promptCheckpoint
                                                          : row.checkpoint;
    QByteArray begin = QByteArray("{\"format\":\"") + kFormat +
                       "\",\"version\":" + QByteArray::number(kVersion) +
                       ",\n\"session\":" + compact(head);
    if (!checkpoint.isEmpty())
        begin += ",\n\"kv\":" +
                 compact({{QStringLiteral("file"), QFileInfo(bundlePath(path)).fileName()},
                          {QStringLiteral("checkpoint"), checkpoint}});
    file.write(begin + ",\n\"messages\":[\n");
    QHash<qint64, int> places;
    int leaf = -1;
    TRY_STATUS(db.eachNode(session, [&](const ChatMessage& message) -> Status {
        QJsonObject one = encodeMessage(message);
        one[QStringLiteral("parent")] = places.value(message.parent, -1);
        one[QStringLiteral("created_ms")] = message.createdMs;
        one[QStringLiteral("timeline_tokens")] = static_cast<qint64>(message.timelineTokens);
        one[QStringLiteral("evaluate_s")] = message.evaluateSeconds;
        if (!message.promptCheckpoint.isEmpty())
            one[QStringLiteral("prompt_checkpoint")] = message.promptCheckpoint;
        if (!message.checkpoint.isEmpty()) one[QStringLiteral("checkpoint")] = message.checkpoint;
        if (!places.isEmpty()) file.write(",\n");
        if (message.id == row.leaf) leaf = static_cast<int>(places.size());
        places.insert(message.id, static_cast<int>(places.size()));
        if (file.write(compact(one)) < 0) return writeError(file);
        return {};
    }));
    file.write("\n],\n\"leaf\":" + QByteArray::number(leaf) + "}\n");
    if (!file.commit()) {
        TRY_STATUS(writeError(file));
    }
    return checkpoint;
}

Status exportSessionMarkdown(LibraryDb& db, qint64 session, const QString& path) {
    TRY(const SessionRow row, db.session(session));
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly)) return writeError(file);
    const auto put = [&file](const QString& text) { return file.write(text.toUtf8()) >= 0; };
    put(QStringLiteral("# %1\n").arg(row.title.isEmpty() ? Chat::tr("Untitled") : row.title));
    TRY_STATUS(db.eachOnPath(session, [&](const ChatMessage& message) -> Status {
        const bool user = message.author == ChatMessage::Author::user;
        QString out = QStringLiteral("\n## %1\n")
                          .arg(user                        ? Chat::tr("You")
                               : message.speaker.isEmpty() ? Chat::tr("Assistant")
                                                           : message.speaker);
        if (user) out += u'\n' + QString::fromUtf8(message.text) + u'\n';
        for (const ChatPart& part : message.parts) {
            const QString text = QString::fromUtf8(part.text).trimmed();
            switch (part.kind) {
                case ChatPart::Kind::thinking:
                    out += u'\n' + quoted(Chat::tr("Thinking:") + u'\n' + text) + u'\n';
                    break;
                case ChatPart::Kind::answer:
                    out += u'\n' + text + u'\n';
                    break;
                case ChatPart::Kind::tool:
                    out += u'\n' +
                           fenced(QString::fromUtf8(part.toolName + ' ' + part.toolArguments +
                                                    "\n→ " + part.toolResult)) +
                           u'\n';
                    break;
                case ChatPart::Kind::error:
                    out += u'\n' + quoted(part.error.sentence()) + u'\n';
                    break;
            }
        }
        if (message.interrupted) out += QStringLiteral("\n*%1*\n").arg(Chat::tr("interrupted"));
        if (!put(out)) return writeError(file);
        return {};
    }));
    if (!file.commit()) return writeError(file);
    return {};
}

Result<ImportedSession> importSessionJson(LibraryDb& db, const QString& path) {
    const std::string name = QFileInfo(path).fileName().toStdString();
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return fail(ErrorCode::io, "'{}' cannot be read: {}", name,
                    file.errorString().toStdString());
    if (file.size() > kFileBytesMax)
        return fail(ErrorCode::invalid_input, "'{}' is larger than {} MiB", name,
                    kFileBytesMax >> 20);
    QJsonParseError problem{};
    const QJsonObject json = QJsonDocument::fromJson(file.readAll(), &problem).object();
    if (problem.error != QJsonParseError::NoError)
        return fail(ErrorCode::invalid_input, "'{}' is not JSON: {} at byte {}", name,
                    problem.errorString().toStdString(), problem.offset);
    if (json.value(QStringLiteral("format")).toString() != QLatin1String(kFormat))
        return fail(ErrorCode::invalid_input, "'{}' is not a session of Starglass", name);
    const int version = json.value(QStringLiteral("version")).toInt(0);
    if (version < 1 || version > kVersion)
        return fail(ErrorCode::unsupported,
                    "'{}' has version {} of the format, and this program knows up to {}", name,
                    version, kVersion);
    if (!json.value(QStringLiteral("messages")).isArray())
        return fail(ErrorCode::invalid_input, "'{}' has no list of messages", name);
    const QJsonArray messages = json.value(QStringLiteral("messages")).toArray();
    if (messages.size() > kMessagesMax)
        return fail(ErrorCode::invalid_input, "'{}' has more than {} messages", name, kMessagesMax);

    const QJsonObject head = json.value(QStringLiteral("session")).toObject();
    SessionRow row;
    row.id = newMessageId();
    const QString uuid = shortText(head, "uuid", 64);
    if (!QUuid::fromString(uuid).isNull()) {
        // The same session again is a copy of its own.
        TRY(const QVariant known,
            readSql(db.handle(), "SELECT count(*) FROM sessions WHERE uuid=?", {uuid}));
        if (known.toInt() == 0) row.uuid = uuid;
    }
    row.title = lineFromText(shortText(head, "title", 400));
    row.titleSource = head.value(QStringLiteral("title_source")).toString() == QLatin1String("user")
                          ? TitleSource::user
                          : TitleSource::words;
    row.createdMs = integer(head, "created_ms", kTimeMax);
    row.pinned = head.value(QStringLiteral("pinned")).toBool();
    row.modelName = shortText(head, "model", 200);
    row.modelFingerprint = shortText(head, "model_fingerprint", 64);
    for (const QJsonValue& tag : head.value(QStringLiteral("tags")).toArray())
        if (row.tags.size() < 32) row.tags << tag.toString().left(40);

    const qint64 first = newMessageId(std::max<qint64>(1, messages.size()));
    const int leaf = json.value(QStringLiteral("leaf")).toInt(-1);
    if (leaf < -1 || leaf >= messages.size() || (leaf == -1 && !messages.isEmpty()))
        return fail(ErrorCode::invalid_input, "'{}' names a last message that it does not have",
                    name);
    TRY_STATUS(db.inTransaction([&]() -> Status {
        TRY_STATUS(db.createSession(row, SessionSettings::fromJson(compact(
                                             head.value(QStringLiteral("settings")).toObject()))));
        for (qsizetype i = 0; i < messages.size(); ++i) {
            const QJsonObject one = messages.at(i).toObject();
            auto decoded = decodeMessage(one);
            if (!decoded)
                return fail(ErrorCode::invalid_input, "message {} of '{}': {}", i + 1, name,
                            decoded.error().message);
            ChatMessage message = std::move(*decoded);
            const QJsonValue parent = one.value(QStringLiteral("parent"));
            const qint64 above = parent.toInteger(-2);
            if (!parent.isDouble() || above < -1 || above >= i)
                return fail(ErrorCode::invalid_input,
                            "message {} of '{}' hangs below one that does not come before it",
                            i + 1, name);
            message.id = first + i;
            message.parent = above < 0 ? 0 : first + above;
            message.createdMs = integer(one, "created_ms", kTimeMax);
            message.timelineTokens = integer(one, "timeline_tokens", 1 << 30);
            const double evaluated = one.value(QStringLiteral("evaluate_s")).toDouble(0);
            message.evaluateSeconds = evaluated >= 0 && evaluated < 1e9 ? evaluated : 0;
            const QString prompt = shortText(one, "prompt_checkpoint", 129);
            const QString end = shortText(one, "checkpoint", 129);
            if (plausibleCheckpoint(prompt)) message.promptCheckpoint = prompt;
            if (plausibleCheckpoint(end)) message.checkpoint = end;
            TRY_STATUS(db.saveMessage(row.id, message));
        }
        if (leaf >= 0) TRY_STATUS(db.setLeaf(row.id, first + leaf));
        return {};
    }));

    ImportedSession out;
    out.id = row.id;
    const QJsonObject kv = json.value(QStringLiteral("kv")).toObject();
    const QString bundle = kv.value(QStringLiteral("file")).toString();
    const QString checkpoint = kv.value(QStringLiteral("checkpoint")).toString();
    // Only a file beside this one, whatever the name says.
    if (!bundle.isEmpty() && bundle == QFileInfo(bundle).fileName() && !bundle.startsWith(u'.') &&
        bundle.endsWith(QLatin1String(".sgkv")) && plausibleCheckpoint(checkpoint)) {
        out.bundle = QFileInfo(path).absolutePath() + u'/' + bundle;
        out.checkpoint = checkpoint;
    }
    return out;
}

}  // namespace starglass::ui

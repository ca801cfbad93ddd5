// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/library_types.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <algorithm>

namespace starglass::ui {

QByteArray SessionSettings::json() const {
    QJsonObject out{{QStringLiteral("think"), static_cast<int>(think)},
                    {QStringLiteral("tools"), tools}};
    if (sampling)
        out.insert(QStringLiteral("sampling"),
                   QJsonObject{{QStringLiteral("temperature"), sampling->temperature},
                               {QStringLiteral("top_p"), sampling->top_p},
                               {QStringLiteral("min_p"), sampling->min_p},
                               {QStringLiteral("top_k"), sampling->top_k}});
    return QJsonDocument(out).toJson(QJsonDocument::Compact);
}

SessionSettings SessionSettings::fromJson(const QByteArray& json) {
    SessionSettings out;
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    out.known = object.contains(QStringLiteral("think"));
    out.think =
        static_cast<ThinkMode>(std::clamp(object.value(QStringLiteral("think")).toInt(1), 0, 2));
    out.tools = object.value(QStringLiteral("tools")).toBool(true);
    if (const QJsonObject how = object.value(QStringLiteral("sampling")).toObject();
        !how.isEmpty()) {
        const auto number = [&how](const char* name, double least, double most, double other) {
            return std::clamp(how.value(QLatin1String(name)).toDouble(other), least, most);
        };
        SamplingOptions sampling;
        sampling.temperature = static_cast<float>(number("temperature", 0, 10, 1));
        sampling.top_p = static_cast<float>(number("top_p", 0, 1, 1));
        sampling.min_p = static_cast<float>(number("min_p", 0, 1, 0.05));
        sampling.top_k = static_cast<int>(number("top_k", 0, 1024, 0));
        out.sampling = sampling;
    }
    return out;
}

QString titleFromModel(const QString& answer) {
    QString line = answer.trimmed().section(u'\n', 0, 0).trimmed();
    const QString around = QStringLiteral("\"'*_#`“”„«» ");
    while (!line.isEmpty() && around.contains(line.front())) line.remove(0, 1);
    while (!line.isEmpty() && (around.contains(line.back()) || line.back() == u'.')) line.chop(1);
    return titleFromText(line);
}

QString titleFromText(const QString& text) {
    constexpr int kTitleCharacters = 48;
    QString line = text.left(400).simplified();
    if (line.size() <= kTitleCharacters) return line;
    const qsizetype space = line.lastIndexOf(u' ', kTitleCharacters);
    qsizetype end = space > kTitleCharacters / 2 ? space : kTitleCharacters;
    if (line.at(end - 1).isHighSurrogate()) --end;
    return line.left(end) + u'…';
}

QString lineFromText(const QString& text) {
    QString line = text.left(800).simplified().left(160);
    if (!line.isEmpty() && line.back().isHighSurrogate()) line.chop(1);
    return line;
}

void registerLibraryTypes() {
    qRegisterMetaType<SessionRow>();
    qRegisterMetaType<SessionRows>();
    qRegisterMetaType<SessionPage>();
    qRegisterMetaType<SearchHits>();
}

}  // namespace starglass::ui

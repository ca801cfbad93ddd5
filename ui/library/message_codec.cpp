// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/message_codec.h"

#include <QJsonArray>
#include <cmath>

namespace starglass::ui {
namespace {

// More than any context could have produced; a file that says otherwise was not written by us.
constexpr qsizetype kTextCharactersMax = 64 << 20;
constexpr qsizetype kPartsMax = 10'000;

constexpr const char* kKinds[] = {"thinking", "answer", "tool", "error"};
constexpr const char* kRoles[] = {"system", "developer", "user", "assistant", "tool", "other"};
constexpr const char* kStops[] = {"end_of_turn", "tool_calls", "length", "stop_text", "cancelled"};
constexpr const char* kSources[] = {"none", "live", "snapshot", "disk"};

template <std::size_t N>
int indexIn(const char* const (&names)[N], const QString& name) {
    for (std::size_t i = 0; i < N; ++i)
        if (name == QLatin1String(names[i])) return static_cast<int>(i);
    return -1;
}

QString string(const std::string& text) {
    return QString::fromStdString(text);
}

// Absent members have defaults; present ones must have the right type and a sane size.
class Reader {
public:
    explicit Reader(const QJsonObject& object) : object_(object) {}

    QString text(const char* name) {
        const QJsonValue value = object_.value(QLatin1String(name));
        if (value.isUndefined()) return {};
        if (!value.isString()) return complain(name, "is not a text");
        QString out = value.toString();
        if (out.size() > kTextCharactersMax) return complain(name, "is too long");
        return out;
    }
    double number(const char* name, double least, double most) {
        const QJsonValue value = object_.value(QLatin1String(name));
        if (value.isUndefined()) return 0;
        const double out = value.toDouble(std::nan(""));
        if (!(out >= least && out <= most)) {
            complain(name, "is not a number in its range");
            return 0;
        }
        return out;
    }
    bool flag(const char* name) {
        const QJsonValue value = object_.value(QLatin1String(name));
        if (!value.isUndefined() && !value.isBool()) complain(name, "is neither true nor false");
        return value.toBool();
    }
    QJsonObject object(const char* name) {
        const QJsonValue value = object_.value(QLatin1String(name));
        if (!value.isUndefined() && !value.isObject()) complain(name, "is not an object");
        return value.toObject();
    }
    QJsonArray array(const char* name) {
        const QJsonValue value = object_.value(QLatin1String(name));
        if (!value.isUndefined() && !value.isArray()) complain(name, "is not a list");
        if (value.toArray().size() > kPartsMax) {
            complain(name, "has too many entries");
            return {};
        }
        return value.toArray();
    }
    template <std::size_t N>
    int choice(const char* name, const char* const (&names)[N]) {
        const int out = indexIn(names, text(name));
        if (out < 0) complain(name, "has a value nobody knows");
        return std::max(0, out);
    }
    [[nodiscard]] bool has(const char* name) const { return object_.contains(QLatin1String(name)); }
    QString complain(const char* name, const char* what) {
        if (problem.isEmpty())
            problem = QStringLiteral("'%1' %2").arg(QLatin1String(name), QLatin1String(what));
        return {};
    }

    QString problem;

private:
    const QJsonObject& object_;
};

QJsonObject encodeEngine(const Message& message) {
    QJsonObject out{{QStringLiteral("role"), QLatin1String(kRoles[static_cast<int>(message.role)])},
                    {QStringLiteral("content"), string(message.content)}};
    if (!message.reasoning.empty()) out[QStringLiteral("reasoning")] = string(message.reasoning);
    if (!message.tool_call_id.empty())
        out[QStringLiteral("tool_call_id")] = string(message.tool_call_id);
    if (!message.tool_calls.empty()) {
        QJsonArray calls;
        for (const ToolCall& call : message.tool_calls)
            calls.append(QJsonObject{{QStringLiteral("id"), string(call.id)},
                                     {QStringLiteral("name"), string(call.name)},
                                     {QStringLiteral("arguments"), string(call.arguments)}});
        out[QStringLiteral("tool_calls")] = calls;
    }
    return out;
}

// False with `problem` filled.
bool decodeEngine(const QJsonObject& json, Message& out, QString& problem) {
    Reader read(json);
    out.role = static_cast<Role>(read.choice("role", kRoles));
    out.content = read.text("content").toStdString();
    out.reasoning = read.text("reasoning").toStdString();
    out.tool_call_id = read.text("tool_call_id").toStdString();
    for (const QJsonValue& value : read.array("tool_calls")) {
        const QJsonObject object = value.toObject();
        Reader call(object);
        out.tool_calls.push_back({call.text("id").toStdString(), call.text("name").toStdString(),
                                  call.text("arguments").toStdString()});
        if (read.problem.isEmpty()) read.problem = call.problem;
    }
    problem = read.problem;
    return problem.isEmpty();
}

QJsonObject encodeSummary(const ReplySummary& summary) {
    QJsonObject out{
        {QStringLiteral("stop"), QLatin1String(kStops[static_cast<int>(summary.stop)])},
        {QStringLiteral("tokens"), summary.tokens},
        {QStringLiteral("reused"), summary.reusedTokens},
        {QStringLiteral("prompt"), summary.promptTokens},
        {QStringLiteral("first_token_s"), summary.firstTokenSeconds},
        {QStringLiteral("decode_s"), summary.decodeSeconds},
        {QStringLiteral("reuse"), QLatin1String(kSources[static_cast<int>(summary.reuse)])},
        {QStringLiteral("saved_s"), summary.savedSeconds},
        {QStringLiteral("load_s"), summary.loadSeconds}};
    if (!summary.note.isEmpty()) out[QStringLiteral("note")] = summary.note;
    return out;
}

constexpr double kSecondsMax = 1e9;
constexpr double kTokensMax = 2e9;

}  // namespace

QJsonObject encodeMessage(const ChatMessage& message) {
    const bool user = message.author == ChatMessage::Author::user;
    QJsonObject out{
        {QStringLiteral("author"), user ? QStringLiteral("user") : QStringLiteral("assistant")}};
    if (user) {
        out[QStringLiteral("text")] = QString::fromUtf8(message.text);
    } else {
        out[QStringLiteral("speaker")] = message.speaker;
        QJsonArray parts;
        for (const ChatPart& part : message.parts) {
            QJsonObject one{
                {QStringLiteral("kind"), QLatin1String(kKinds[static_cast<int>(part.kind)])},
                {QStringLiteral("text"), QString::fromUtf8(part.text)},
                {QStringLiteral("seconds"), part.seconds},
                {QStringLiteral("tokens"), part.tokens}};
            if (part.kind == ChatPart::Kind::tool) {
                one[QStringLiteral("name")] = QString::fromUtf8(part.toolName);
                one[QStringLiteral("arguments")] = QString::fromUtf8(part.toolArguments);
                one[QStringLiteral("result")] = QString::fromUtf8(part.toolResult);
            }
            if (part.kind == ChatPart::Kind::error)
                one[QStringLiteral("error")] =
                    QJsonObject{{QStringLiteral("happened"), part.error.happened},
                                {QStringLiteral("safe"), part.error.safe},
                                {QStringLiteral("next"), part.error.next},
                                {QStringLiteral("details"), part.error.details}};
            parts.append(one);
        }
        out[QStringLiteral("parts")] = parts;
        if (message.summary) out[QStringLiteral("summary")] = encodeSummary(*message.summary);
        if (message.interrupted) out[QStringLiteral("interrupted")] = true;
    }
    // A plain message of the user says the same to the engine as to the reader.
    const bool plain = user && message.engineMessages.size() == 1 &&
                       message.engineMessages[0].role == Role::user &&
                       message.engineMessages[0].content == message.text.toStdString();
    if (!plain) {
        QJsonArray engine;
        for (const Message& one : message.engineMessages) engine.append(encodeEngine(one));
        out[QStringLiteral("engine")] = engine;
    }
    return out;
}

Result<ChatMessage> decodeMessage(const QJsonObject& json) {
    ChatMessage out;
    Reader read(json);
    static constexpr const char* kAuthors[] = {"user", "assistant"};
    out.author = static_cast<ChatMessage::Author>(read.choice("author", kAuthors));
    out.text = read.text("text").toUtf8();
    out.speaker = read.text("speaker");
    out.interrupted = read.flag("interrupted");
    QString problem;
    for (const QJsonValue& value : read.array("parts")) {
        const QJsonObject object = value.toObject();
        Reader one(object);
        ChatPart part;
        part.kind = static_cast<ChatPart::Kind>(one.choice("kind", kKinds));
        part.closed = true;
        part.text = one.text("text").toUtf8();
        part.seconds = one.number("seconds", 0, kSecondsMax);
        part.tokens = static_cast<int>(one.number("tokens", 0, kTokensMax));
        part.toolName = one.text("name").toUtf8();
        part.toolArguments = one.text("arguments").toUtf8();
        part.toolResult = one.text("result").toUtf8();
        if (one.has("error")) {
            const QJsonObject error = one.object("error");
            Reader words(error);
            part.error = {words.text("happened"), words.text("safe"), words.text("next"),
                          words.text("details")};
            if (one.problem.isEmpty()) one.problem = words.problem;
        }
        if (problem.isEmpty()) problem = one.problem;
        out.parts.push_back(std::move(part));
    }
    if (read.has("summary")) {
        const QJsonObject object = read.object("summary");
        Reader sum(object);
        ReplySummary summary;
        summary.stop = static_cast<StopReason>(sum.choice("stop", kStops));
        summary.tokens = static_cast<int>(sum.number("tokens", 0, kTokensMax));
        summary.reusedTokens = static_cast<int>(sum.number("reused", 0, kTokensMax));
        summary.promptTokens = static_cast<int>(sum.number("prompt", 0, kTokensMax));
        summary.firstTokenSeconds = sum.number("first_token_s", 0, kSecondsMax);
        summary.decodeSeconds = sum.number("decode_s", 0, kSecondsMax);
        if (sum.has("reuse"))
            summary.reuse = static_cast<ReuseSource>(sum.choice("reuse", kSources));
        summary.savedSeconds = sum.number("saved_s", -kSecondsMax, kSecondsMax);
        summary.loadSeconds = sum.number("load_s", 0, kSecondsMax);
        summary.note = sum.text("note");
        if (problem.isEmpty()) problem = sum.problem;
        out.summary = summary;
    }
    if (read.has("engine")) {
        for (const QJsonValue& value : read.array("engine")) {
            Message message;
            QString wrong;
            if (!decodeEngine(value.toObject(), message, wrong) && problem.isEmpty())
                problem = wrong;
            out.engineMessages.push_back(std::move(message));
        }
    } else if (out.author == ChatMessage::Author::user) {
        Message message;
        message.role = Role::user;
        message.content = out.text.toStdString();
        out.engineMessages.push_back(std::move(message));
    }
    if (!read.problem.isEmpty()) problem = read.problem;
    if (!problem.isEmpty())
        return fail(ErrorCode::invalid_input, "a message cannot be read: {}",
                    problem.toStdString());
    return out;
}

QString searchText(const ChatMessage& message) {
    if (message.author == ChatMessage::Author::user) return QString::fromUtf8(message.text);
    QStringList out;
    for (const ChatPart& part : message.parts) {
        if (part.kind == ChatPart::Kind::tool)
            out << QString::fromUtf8(part.toolResult);
        else if (part.kind != ChatPart::Kind::error)
            out << QString::fromUtf8(part.text);
    }
    return out.join(u'\n');
}

}  // namespace starglass::ui

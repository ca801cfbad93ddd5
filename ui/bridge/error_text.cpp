// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/error_text.h"

#include <QCoreApplication>

#include "engine/devices.h"

namespace starglass::ui {
namespace {

QString say(const char* text) {
    return QCoreApplication::translate("ErrorText", text);
}

const char* codeName(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_input:
            return "invalid_input";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::io:
            return "io";
        case ErrorCode::disk_full:
            return "disk_full";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::out_of_memory:
            return "out_of_memory";
        case ErrorCode::cancelled:
            return "cancelled";
        case ErrorCode::internal:
            return "internal";
    }
    return "unknown";
}

QString nextStep(ErrorCode code, Doing doing) {
    const bool opening = doing == Doing::opening;
    if (doing == Doing::caching)
        return code == ErrorCode::io || code == ErrorCode::disk_full
                   ? say("Check that the disk is connected, writable and not full, then try again.")
                   : say("If it happens again, copy the details into a report.");
    switch (code) {
        case ErrorCode::invalid_input:
            return opening
                       ? say("Check that the file is a complete GGUF of a DeepSeek V4 model, or "
                             "choose another one with Ctrl+O.")
                       : say("Shorten the message, or start a new chat with Ctrl+N.");
        case ErrorCode::not_found:
            return opening ? say("Check the path, or choose another file with Ctrl+O.")
                           : say("Open the model again with Ctrl+O.");
        case ErrorCode::io:
            return say("Check that the disk is connected and readable, then try again.");
        case ErrorCode::disk_full:
            return say("Make room on the disk, then try again; nothing saved was lost.");
        case ErrorCode::unsupported:
            return opening
                       ? say("Choose another file with Ctrl+O; the details name what cannot run.")
                       : say("Open another model with Ctrl+O.");
        case ErrorCode::out_of_memory:
            return say(
                "Close other programs or choose a smaller context (--context), then try again.");
        case ErrorCode::cancelled:
            return say("Start it again when you like.");
        case ErrorCode::internal:
            return say(
                "Try again with Ctrl+R; if it happens again, copy the details into a report.");
    }
    return {};
}

}  // namespace

QString asSentence(const QString& clause) {
    QString out = clause.trimmed();
    if (out.isEmpty()) return out;
    out[0] = out[0].toUpper();
    if (!out.endsWith(u'.') && !out.endsWith(u'?')) out += u'.';
    return out;
}

QString asSentence(const std::string& clause) {
    return asSentence(QString::fromStdString(clause));
}

UserError describeError(const Error& error, Doing doing, const QString& subject) {
    UserError out;
    const QString message = QString::fromStdString(error.message).trimmed();
    if (doing == Doing::caching) {
        out.happened = say("The cache on disk: %1").arg(message);
    } else if (error.code == ErrorCode::cancelled) {
        out.happened = doing == Doing::opening ? say("Opening the model was cancelled.")
                                               : say("The answer was stopped.");
    } else if (doing == Doing::opening) {
        out.happened = say("The model could not be opened: %1").arg(message);
    } else {
        out.happened = say("The answer could not be finished: %1").arg(message);
    }
    if (!out.happened.endsWith(u'.') && !out.happened.endsWith(u'?')) out.happened += u'.';
    out.safe =
        doing == Doing::opening
            ? say("Your conversation is unchanged, and the model in use before stays in use.")
        : doing == Doing::caching
            ? say("Chatting works as before; what is not in the cache is read again.")
            : say("Your messages and everything written so far are kept.");
    out.next = nextStep(error.code, doing);
    if (doing != Doing::caching && error.code != ErrorCode::cancelled && is_device_error(error)) {
        out.device = true;
        out.next =
            say("Run the model on the CPU, or keep fewer layers on the graphics processor: Model, "
                "Where it runs.");
    }
    out.details = QStringLiteral("%1: %2").arg(QLatin1String(codeName(error.code)), message);
    if (!subject.isEmpty()) out.details += QStringLiteral("\nfile: %1").arg(subject);
    out.details += QStringLiteral("\nstarglass %1, Qt %2")
                       .arg(QCoreApplication::applicationVersion(), QLatin1String(qVersion()));
    return out;
}

}  // namespace starglass::ui

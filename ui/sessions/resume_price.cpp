// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/resume_price.h"

#include <QCoreApplication>
#include <QLocale>
#include <cmath>

namespace starglass::ui {
namespace {

QString say(const char* text) {
    return QCoreApplication::translate("Resume", text);
}

// "≈ 3 min 10 s" when predicted, "—" when nothing was measured.
QString estimate(double seconds, bool measured) {
    if (seconds < 0) return QStringLiteral("—");
    // "≈ < 0.1 s" says less than it takes to read.
    return measured || seconds < 0.05 ? spanText(seconds)
                                      : QStringLiteral("≈ ") + spanText(seconds);
}

}  // namespace

void PriceBook::setCheckpoints(const std::vector<CheckpointInfo>& infos, const CacheRate& rate) {
    checkpoints.clear();
    for (const CheckpointInfo& info : infos)
        checkpoints.insert(QString::fromStdString(info.id), info);
    readBytesPerSecond = rate.read_bytes_per_second;
}

SessionPrice PriceBook::price(const QString& checkpoint, const QString& promptCheckpoint,
                              qint64 tokens) const {
    SessionPrice out;
    out.tokens = tokens;
    if (prefillRate > 0 && tokens > 0) out.seconds = static_cast<double>(tokens) / prefillRate;
    for (const QString& id : {checkpoint, promptCheckpoint}) {
        const auto known = checkpoints.constFind(id);
        if (id.isEmpty() || known == checkpoints.cend()) continue;
        if (!modelFingerprint.isEmpty() &&
            modelFingerprint != QString::fromStdString(known->model_fingerprint))
            continue;
        out.how = Resume::disk;
        out.elseSeconds = out.seconds;
        if (known->evaluate_seconds > 0) {
            out.elseSeconds = known->evaluate_seconds;
            out.elseMeasured = true;
        }
        out.tokens = known->tokens;
        out.seconds = -1;
        if (known->load_seconds >= 0) {
            out.seconds = known->load_seconds;
            out.measured = true;
        } else if (readBytesPerSecond > 0) {
            out.seconds =
                static_cast<double>(known->own_bytes + known->shared_bytes) / readBytesPerSecond;
        }
        return out;
    }
    return out;
}

SessionPrice PriceBook::price(const SessionRow& row) const {
    if (row.id != 0 && row.id == live) {
        SessionPrice out;
        out.how = Resume::memory;
        out.tokens = row.tokens;
        out.seconds = 0;
        out.measured = true;
        return out;
    }
    return price(row.checkpoint, row.promptCheckpoint, row.tokens);
}

QString spanText(double seconds) {
    const QLocale locale;
    if (seconds < 0.05) return QStringLiteral("< ") + say("%1 s").arg(locale.toString(0.1, 'f', 1));
    if (seconds < 10) return say("%1 s").arg(locale.toString(seconds, 'f', 1));
    const auto whole = static_cast<qint64>(std::llround(seconds));
    if (whole < 60) return say("%1 s").arg(whole);
    if (whole < 3600)
        return whole % 60 == 0 ? say("%1 min").arg(whole / 60)
                               : say("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return say("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

QString tokensText(qint64 tokens) {
    const QLocale locale;
    if (tokens < 100'000) return locale.toString(tokens);
    return locale.toString(tokens / 1000) + u'k';
}

QChar resumeMark(Resume how) {
    switch (how) {
        case Resume::memory:
            return QChar(0x25cf);
        case Resume::disk:
            return QChar(0x25d0);
        case Resume::prefill:
            return QChar(0x25cb);
    }
    return {};
}

QString resumeLine(const SessionPrice& price, qint64 tokens) {
    if (tokens <= 0 && price.how == Resume::prefill) return say("no answer yet");
    const QString count = say("%1 tok").arg(tokensText(tokens));
    const QString time =
        price.how == Resume::memory ? say("in memory") : estimate(price.seconds, price.measured);
    return count + QStringLiteral(" · ") + time;
}

QString resumeWords(const SessionPrice& price, qint64 tokens) {
    if (tokens <= 0 && price.how == Resume::prefill) return say("no answer yet");
    const QString count = say("%1 tokens").arg(tokensText(tokens));
    switch (price.how) {
        case Resume::memory:
            return say("%1, in memory: goes on at once").arg(count);
        case Resume::disk:
            if (price.seconds < 0)
                return say("%1, on disk: loading was not measured yet").arg(count);
            return (price.measured ? say("%1, on disk: loads in %2, measured")
                                   : say("%1, on disk: loads in about %2, predicted"))
                .arg(count, spanText(price.seconds));
        case Resume::prefill:
            if (price.seconds < 0)
                return say("%1, to be evaluated again: nothing was measured yet").arg(count);
            return say("%1, to be evaluated again: about %2, predicted")
                .arg(count, spanText(price.seconds));
    }
    return {};
}

QString priceText(const SessionPrice& price) {
    if (price.how == Resume::memory) return say("in memory");
    if (price.tokens <= 0) return {};
    const QString tokens = price.tokens < 10'000 ? QLocale().toString(price.tokens)
                                                 : QLocale().toString(price.tokens / 1000) + u'k';
    QString out = say("%1 tokens: %2").arg(tokens, estimate(price.seconds, price.measured));
    if (price.how == Resume::disk && price.elseSeconds >= 0)
        out += u' ' + say("(else %1)").arg(estimate(price.elseSeconds, price.elseMeasured));
    return out;
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/inspector_format.h"

#include <QCoreApplication>
#include <QLocale>
#include <QStringDecoder>
#include <cmath>

namespace starglass::ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(Inspector)
};

}  // namespace

QString numberText(qint64 number) {
    return QLocale().toString(number);
}

QString decimalText(double value, int decimals) {
    return QLocale().toString(value, 'f', decimals);
}

QString rateText(double per_second) {
    return decimalText(per_second, per_second < 99.95 ? 1 : 0);
}

QString bitsText(double bits) {
    return decimalText(bits, std::abs(bits - std::round(bits)) < 0.005 ? 0 : 1);
}

QString percentText(double share) {
    const double percent = share * 100;
    if (percent > 0 && percent < 0.05) return Words::tr("< 0.1 %");
    if (percent > 99.94 && percent < 100) return Words::tr("> 99.9 %");
    return Words::tr("%1 %").arg(decimalText(percent, 1));
}

QString frequencyText(double share) {
    if (share >= 0.9995) return Words::tr("every token");
    if (share > 0.55) return Words::tr("%1 of tokens").arg(percentText(share));
    if (!(share > 0)) return Words::tr("never");
    const double every = 1 / share;
    const bool whole = every >= 9.95 || std::abs(every - std::round(every)) < 0.05;
    return Words::tr("1 in %1 tokens").arg(decimalText(every, whole ? 0 : 1));
}

QString durationText(double seconds) {
    if (seconds < 0.0995)
        return Words::tr("%1 ms").arg(decimalText(seconds * 1000, seconds < 0.00995 ? 1 : 0));
    if (seconds < 0.9995) return Words::tr("%1 ms").arg(decimalText(seconds * 1000, 0));
    if (seconds < 59.95) return Words::tr("%1 s").arg(decimalText(seconds, 1));
    const auto whole = static_cast<qint64>(std::llround(seconds));
    return Words::tr("%1 min %2 s").arg(numberText(whole / 60)).arg(whole % 60);
}

QString bytesText(qint64 bytes) {
    return QLocale().formattedDataSize(
        bytes, bytes < 10'000'000'000 && bytes >= 1'000'000'000 ? 2 : 1, QLocale::DataSizeSIFormat);
}

QString visibleToken(const QByteArray& bytes) {
    QString out;
    for (qsizetype i = 0; i < bytes.size();) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        const int length = lead < 0x80   ? 1
                           : lead < 0xc2 ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
        QString character;
        if (length > 0 && i + length <= bytes.size()) {
            QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
            character = decoder(bytes.mid(i, length));
            if (decoder.hasError()) character.clear();
        }
        if (character.isEmpty()) {
            out += QStringLiteral("⟨%1⟩").arg(lead, 2, 16, QLatin1Char('0')).toUpper();
            ++i;
            continue;
        }
        i += length;
        const QChar c = character[0];
        if (c == u' ')
            out += u'␣';
        else if (c == u'\n')
            out += u'↵';
        else if (c == u'\t')
            out += u'⇥';
        else if (c == u'\r')
            out += u'␍';
        else if (c.unicode() < 0x20 || c.unicode() == 0x7f ||
                 c.category() == QChar::Other_Control || c.category() == QChar::Other_Format)
            out += QStringLiteral("⟨U+%1⟩").arg(c.unicode(), 4, 16, QLatin1Char('0')).toUpper();
        else
            out += character;
    }
    return out;
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Figures as the inspector's panes write them: in the user's locale, always with their unit.
#pragma once

#include <QByteArray>
#include <QString>

namespace starglass::ui {

QString numberText(qint64 number);                // 48,097
QString decimalText(double value, int decimals);  // 14.2
QString rateText(double per_second);              // 14.2; 1,240 from a hundred on
QString bitsText(double bits);                    // 8, 2.6: an upper end, in bits
QString percentText(double share);                // 9.4 %
QString frequencyText(double share);              // 1 in 3 tokens
QString durationText(double seconds);             // 68 ms, 4.2 s, 3 min 10 s
QString bytesText(qint64 bytes);                  // 170 MB, powers of 1000
// A token's bytes on one line: white space drawn, half characters as their bytes.
QString visibleToken(const QByteArray& bytes);

}  // namespace starglass::ui

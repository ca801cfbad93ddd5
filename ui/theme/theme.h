// SPDX-License-Identifier: GPL-3.0-or-later
//
// The only place that knows colours. Everything is derived from the palette in force, so a change
// of the desktop's setting needs nothing but a repaint. UI thread; cheap enough for paint events.
#pragma once

#include <QColor>
#include <QFont>
#include <QPalette>
#include <QString>
#include <array>

namespace starglass::ui {

enum class ThemeChoice { desktop, light, dark };

struct Theme {
    bool dark = false;
    QColor page;    // behind prose
    QColor panel;   // behind tools
    QColor raised;  // composer, cards
    QColor code;    // behind code
    QColor text;
    QColor quiet;  // secondary text, still at least 4.5:1 on page and panel
    QColor border;
    QColor hover;
    QColor accent;                           // marks and lines
    QColor accentText;                       // on accent
    QColor tint;                             // a selected row, a chosen segment
    QColor selection;                        // behind selected text
    QColor problem;                          // the rule beside an error
    QColor keyword, literal, comment, name;  // in code

    static Theme of(const QPalette& palette);

    // Okabe–Ito without black and yellow (unreadable on one of the two backgrounds): six, in a
    // fixed order. Add a shape or label: never colour alone.
    static constexpr int kCategories = 6;
    static QColor category(int index);

    // One hue from the panel's own background (none) to its far end, lightness monotone.
    // `amount` in [0, 1] on a scale of the caller's choice.
    [[nodiscard]] QColor ramp(double amount) const;
    [[nodiscard]] std::array<QRgb, 256> rampTable() const;

    // The rules Qt's own widgets are drawn with.
    [[nodiscard]] QString styleSheet() const;
};

// Sets the application's palette; `desktop` gives it back to the system, live.
void applyTheme(ThemeChoice choice);
ThemeChoice currentThemeChoice();

// The fixed-width face for code, at the size of `prose` scaled to match its x-height.
QFont codeFont(const QFont& prose);

QColor mix(const QColor& from, const QColor& to, double amount);

}  // namespace starglass::ui

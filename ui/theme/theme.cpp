// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QFontInfo>
#include <algorithm>
#include <cmath>

namespace starglass::ui {
namespace {

ThemeChoice choice = ThemeChoice::desktop;

// Okabe & Ito, "Color Universal Design" (2008).
const QColor kBlue(0x00, 0x72, 0xb2), kSky(0x56, 0xb4, 0xe9), kOrange(0xe6, 0x9f, 0x00),
    kGreen(0x00, 0x9e, 0x73), kVermilion(0xd5, 0x5e, 0x00), kPurple(0xcc, 0x79, 0xa7);

QPalette ownPalette(bool dark) {
    const QColor window = dark ? QColor(0x1c, 0x1d, 0x21) : QColor(0xf4, 0xf5, 0xf6);
    const QColor base = dark ? QColor(0x24, 0x27, 0x2c) : QColor(0xff, 0xff, 0xff);
    const QColor text = dark ? QColor(0xe6, 0xe8, 0xea) : QColor(0x1d, 0x20, 0x24);
    const QColor accent = dark ? kSky : kBlue;
    QPalette out(window);
    for (const auto group : {QPalette::Active, QPalette::Inactive, QPalette::Disabled}) {
        const QColor ink = group == QPalette::Disabled ? mix(text, window, 0.55) : text;
        out.setColor(group, QPalette::Window, window);
        out.setColor(group, QPalette::WindowText, ink);
        out.setColor(group, QPalette::Base, base);
        out.setColor(group, QPalette::AlternateBase, mix(base, window, 0.6));
        out.setColor(group, QPalette::Text, ink);
        out.setColor(group, QPalette::Button, window);
        out.setColor(group, QPalette::ButtonText, ink);
        out.setColor(group, QPalette::BrightText, dark ? Qt::white : Qt::black);
        out.setColor(group, QPalette::ToolTipBase, mix(base, text, 0.06));
        out.setColor(group, QPalette::ToolTipText, text);
        out.setColor(group, QPalette::PlaceholderText, mix(text, base, 0.38));
        out.setColor(group, QPalette::Highlight, accent);
        out.setColor(group, QPalette::HighlightedText, dark ? QColor(0x10, 0x14, 0x18) : Qt::white);
        out.setColor(group, QPalette::Link, accent);
        out.setColor(group, QPalette::LinkVisited, accent);
        out.setColor(group, QPalette::Light, mix(window, text, dark ? 0.18 : 0.0));
        out.setColor(group, QPalette::Midlight, mix(window, text, 0.07));
        out.setColor(group, QPalette::Mid, mix(window, text, 0.2));
        out.setColor(group, QPalette::Dark, mix(window, dark ? Qt::black : text, 0.35));
        out.setColor(group, QPalette::Shadow, dark ? Qt::black : mix(window, text, 0.6));
    }
    return out;
}

double channel(double value) {
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

// WCAG 2 relative luminance.
double luminance(const QColor& c) {
    return 0.2126 * channel(c.redF()) + 0.7152 * channel(c.greenF()) + 0.0722 * channel(c.blueF());
}

double contrast(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

// `colour` moved towards `ink` until it can be read on `ground`.
QColor readable(QColor colour, const QColor& ground, const QColor& ink, double ratio) {
    for (int step = 0; step < 12 && contrast(colour, ground) < ratio; ++step)
        colour = mix(colour, ink, 0.12);
    return colour;
}

}  // namespace

QColor mix(const QColor& from, const QColor& to, double amount) {
    const auto blend = [amount](double a, double b) { return a + (b - a) * amount; };
    return QColor::fromRgbF(static_cast<float>(blend(from.redF(), to.redF())),
                            static_cast<float>(blend(from.greenF(), to.greenF())),
                            static_cast<float>(blend(from.blueF(), to.blueF())));
}

Theme Theme::of(const QPalette& palette) {
    Theme out;
    out.page = palette.color(QPalette::Base);
    out.panel = palette.color(QPalette::Window);
    out.text = palette.color(QPalette::Active, QPalette::Text);
    out.dark = luminance(out.page) < luminance(out.text);
    out.raised = mix(out.page, out.panel, 0.85);
    out.code = mix(out.page, out.panel, 0.95);
    // Some desktops give both roles one colour; code and composer must still stand out.
    if (contrast(out.page, out.panel) < 1.04) {
        out.raised = mix(out.page, out.text, 0.045);
        out.code = out.raised;
    }
    out.quiet = readable(mix(out.text, out.page, 0.40), out.panel, out.text, 4.6);
    out.quiet = readable(out.quiet, out.page, out.text, 4.6);
    out.border = mix(out.page, out.text, out.dark ? 0.13 : 0.13);
    out.hover = mix(out.panel, out.text, 0.07);
    out.accent =
        readable(palette.color(QPalette::Active, QPalette::Highlight), out.page, out.text, 3.0);
    out.accentText = palette.color(QPalette::Active, QPalette::HighlightedText);
    if (contrast(out.accentText, out.accent) < 4.0)
        out.accentText = luminance(out.accent) > 0.3 ? QColor(Qt::black) : QColor(Qt::white);
    out.tint = mix(out.page, out.accent, out.dark ? 0.22 : 0.12);
    out.selection = mix(out.page, out.accent, out.dark ? 0.42 : 0.28);
    out.problem = readable(kVermilion, out.page, out.text, 3.0);
    out.keyword = readable(out.dark ? kSky : kBlue, out.code, out.text, 4.5);
    out.comment = readable(kGreen, out.code, out.text, 4.0);
    out.literal = readable(out.dark ? kOrange : kVermilion, out.code, out.text, 4.5);
    out.name = readable(kPurple, out.code, out.text, 4.5);
    return out;
}

QColor Theme::category(int index) {
    static const std::array<QColor, kCategories> kColors{kBlue,   kOrange,    kGreen,
                                                         kPurple, kVermilion, kSky};
    return kColors[static_cast<std::size_t>(index) % kCategories];
}

QColor Theme::ramp(double amount) const {
    amount = std::clamp(amount, 0.0, 1.0);
    // Two straight lines in sRGB through a middle blue: lightness falls (light theme) or rises
    // (dark theme) all the way because both ends and the middle are ordered by it.
    const QColor middle = dark ? QColor(0x1f, 0x78, 0xb4) : QColor(0x5a, 0xa5, 0xd6);
    const QColor end = dark ? QColor(0xdd, 0xf2, 0xff) : QColor(0x08, 0x30, 0x6b);
    return amount < 0.5 ? mix(panel, middle, amount * 2) : mix(middle, end, amount * 2 - 1);
}

std::array<QRgb, 256> Theme::rampTable() const {
    std::array<QRgb, 256> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = ramp(static_cast<double>(i) / 255.0).rgb();
    return out;
}

QString Theme::styleSheet() const {
    QString sheet = QStringLiteral(R"(
QMainWindow, QDockWidget, QMenuBar, QStatusBar { background: @panel; }
QMenuBar { border-bottom: 1px solid @border; padding: 2px 6px; spacing: 2px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; color: @text; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @page; border: 1px solid @border; padding: 4px; color: @text; }
QMenu::item { padding: 5px 28px 5px 26px; border-radius: 4px; }
QMenu::item:selected { background: @tint; color: @text; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
QMainWindow::separator { background: @border; width: 1px; height: 1px; }
QTabWidget::pane { border: none; border-top: 1px solid @border; top: -1px; }
QTabBar { background: @panel; }
QTabBar::tab { padding: 8px 16px; color: @quiet; background: transparent; border: none;
  border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:hover { color: @text; }
QPushButton, QToolButton { background: @page; color: @text; border: 1px solid @border;
  border-radius: 5px; padding: 4px 12px; }
QPushButton:hover, QToolButton:hover { background: @hover; }
QPushButton:focus, QToolButton:focus { border-color: @accent; }
QPushButton:disabled, QToolButton:disabled { color: @faint; }
QPushButton[primary="true"] { background: @accent; color: @accentText; border-color: @accent;
  font-weight: 600; padding: 4px 14px; }
QPushButton[primary="true"]:hover { background: @accentHover; }
QPushButton[primary="true"]:focus { border-color: @text; }
QPushButton[primary="true"]:disabled { background: @hover; color: @faint; border-color: @border; }
QPushButton[link="true"] { background: transparent; border: 1px solid transparent; color: @accentInk;
  padding: 1px 3px; text-align: left; }
QPushButton[link="true"]:hover { text-decoration: underline; }
QPushButton[link="true"]:focus { border-color: @accent; }
QPushButton[row="true"] { background: @page; border: 1px solid @border; padding: 6px 10px; text-align: left;
  font-weight: 400; }
QPushButton[row="true"]:hover { background: @tint; border-color: @accent; }
QFrame[composer="true"] { background: @raised; border: 1px solid @border; border-radius: 8px; }
QPlainTextEdit[bare="true"] { background: transparent; color: @text; border: none;
  selection-background-color: @selection; selection-color: @text; }
QFrame[segments="true"] { background: @page; border: 1px solid @border; border-radius: 6px; }
QToolButton[segment="true"] { background: transparent; color: @quiet; border: 1px solid transparent;
  border-radius: 4px; padding: 2px 9px; }
QToolButton[segment="true"]:hover { color: @text; }
QToolButton[segment="true"]:checked { background: @tint; color: @text; }
QToolButton[segment="true"]:focus { border-color: @accent; }
QFrame[card="true"] { background: @raised; border: 1px solid @border; border-radius: 8px; }
QLabel[cardTitle="true"] { font-weight: 600; }
QLabel[welcomeTitle="true"] { font-size: 16pt; font-weight: 600; }
QFrame[notice="true"] { background: @panel; border: none; border-bottom: 1px solid @border; }
QStatusBar::item { border: none; }
QWidget[strip="true"] { background: @panel; border-top: 1px solid @border; }
QDialog { background: @panel; }
QDialog[palettePopup="true"] { border: 1px solid @border; }
QLineEdit, QPlainTextEdit[framed="true"] { background: @page; color: @text; border: 1px solid @border;
  border-radius: 5px; padding: 5px 8px; selection-background-color: @selection; selection-color: @text; }
QLineEdit:focus { border-color: @accent; }
QListView { background: @page; color: @text; border: none; outline: none; }
QListView::item { padding: 5px 8px; border-radius: 4px; }
QListView::item:selected { background: @tint; color: @text; }
QListView[sessions="true"] { background: @panel; }
QListView[sessions="true"] QLineEdit { padding: 2px 5px; }
QTreeView { background: @panel; color: @text; border: none; outline: none; }
QHeaderView { background: @panel; }
QHeaderView::section { background: @panel; color: @quiet; border: none;
  border-bottom: 1px solid @border; padding: 6px 3px 2px 3px; }
QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center; width: 10px;
  height: 8px; }
QSlider { min-height: 16px; }
QSlider::groove:horizontal { background: @border; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; height: 4px; border-radius: 2px; }
QSlider::handle:horizontal { background: @page; border: 2px solid @accent; width: 10px; height: 10px;
  margin: -5px 0; border-radius: 7px; }
QSlider::handle:horizontal:focus { background: @accent; }
QSlider::handle:horizontal:disabled { border-color: @faint; }
QSlider::sub-page:horizontal:disabled { background: @faint; }
QPushButton::menu-indicator { width: 0; }
QToolTip { background: @raised; color: @text; border: 1px solid @border; padding: 3px 5px; }
QLabel[quiet="true"] { color: @quiet; }
QProgressBar { background: @hover; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: @handle; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: @quiet; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
)");
    const std::pair<const char*, QColor> names[] = {
        {"@accentHover", mix(accent, text, 0.15)},
        {"@accentInk", readable(accent, page, text, 4.5)},
        {"@accentText", accentText},
        {"@accent", accent},
        {"@selection", selection},
        {"@border", border},
        {"@raised", raised},
        {"@handle", mix(page, text, 0.28)},
        {"@panel", panel},
        {"@quiet", quiet},
        {"@hover", hover},
        {"@faint", mix(text, panel, 0.6)},
        {"@page", page},
        {"@tint", tint},
        {"@text", text},
    };
    for (const auto& [name, colour] : names) sheet.replace(QLatin1String(name), colour.name());
    return sheet;
}

void applyTheme(ThemeChoice wanted) {
    choice = wanted;
    if (wanted == ThemeChoice::desktop)
        QApplication::setPalette(QPalette());  // resolves to the platform's, and follows it
    else
        QApplication::setPalette(ownPalette(wanted == ThemeChoice::dark));
}

ThemeChoice currentThemeChoice() {
    return choice;
}

QFont codeFont(const QFont& prose) {
    // The system's fixed font, at a little under the prose size: fixed faces draw larger.
    QFont out = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    if (!QFontInfo(out).fixedPitch()) {
        out.setFamily(QStringLiteral("monospace"));
        out.setStyleHint(QFont::Monospace);
    }
    if (prose.pointSizeF() > 0)
        out.setPointSizeF(prose.pointSizeF() * 0.92);
    else
        out.setPixelSize(std::max(1, qRound(prose.pixelSize() * 0.92)));
    return out;
}

}  // namespace starglass::ui

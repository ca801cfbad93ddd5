// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/prefix_card.h"

#include <QBoxLayout>
#include <QCoreApplication>
#include <QEvent>
#include <QPainter>

#include "bridge/error_text.h"
#include "inspector/cache_plan.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(Cache)
};

QString tokensOf(int count) {
    return count == 1 ? Words::tr("1 token") : Words::tr("%1 tokens").arg(numberText(count));
}

QString visible(const std::string& text) {
    return readable(visibleToken(QByteArray::fromStdString(text)));
}

}  // namespace

QString reuseSentence(const ReuseReport& reuse, const GenerateTimings& timings) {
    QString out;
    const QString tokens = tokensOf(reuse.tokens);
    switch (reuse.source) {
        case ReuseSource::none:
            return Words::tr("Nothing of the prompt's %1 was in the cache: all were read.")
                .arg(tokensOf(timings.prompt_tokens));
        case ReuseSource::live:
            out = Words::tr("%1 of the prompt were still in memory.").arg(tokens);
            break;
        case ReuseSource::snapshot:
            out = Words::tr("%1 of the prompt came from an earlier state in memory.").arg(tokens);
            break;
        case ReuseSource::disk:
            out = Words::tr("%1 of the prompt were read from disk in %2.")
                      .arg(tokens, durationText(reuse.load_seconds));
            break;
    }
    if (reuse.saved_seconds > 0)
        out += u' ' + Words::tr("Evaluating them took %1 when that was done.")
                          .arg(durationText(reuse.saved_seconds));
    return out;
}

ElidedLine::ElidedLine(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void ElidedLine::set(const QString& mark, const QString& text, Qt::TextElideMode mode) {
    mark_ = mark;
    text_ = text;
    mode_ = mode;
    setToolTip(text);
    setAccessibleDescription(text);
    update();
}

void ElidedLine::setColours(const QColor& mark, const QColor& ground) {
    markColour_ = mark;
    ground_ = ground;
    update();
}

QSize ElidedLine::sizeHint() const {
    const QFontMetrics metrics(codeFont(font()));
    return {metrics.horizontalAdvance(u'0') * 44, metrics.height() * 5 / 4};
}

QSize ElidedLine::minimumSizeHint() const {
    const QFontMetrics metrics(codeFont(font()));
    return {metrics.horizontalAdvance(u'0') * 20, metrics.height() * 5 / 4};
}

void ElidedLine::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    if (ground_.isValid()) painter.fillRect(rect(), ground_);
    painter.setFont(codeFont(font()));
    const QFontMetrics metrics = painter.fontMetrics();
    const int gap = metrics.horizontalAdvance(u'0');
    const int left = gap / 2 + metrics.horizontalAdvance(PrefixCard::tr("− cached")) + gap;
    painter.setPen(markColour_.isValid() ? markColour_ : theme.quiet);
    painter.drawText(rect().adjusted(gap / 2, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, mark_);
    painter.setPen(theme.text);
    const QRect box = rect().adjusted(left, 0, -gap / 2, 0);
    painter.drawText(box, Qt::AlignLeft | Qt::AlignVCenter,
                     metrics.elidedText(text_, mode_, box.width()));
}

PrefixCard::PrefixCard(QWidget* parent)
    : QFrame(parent),
      sentence_(new QLabel),
      note_(new QLabel),
      where_(new QuietLabel),
      common_(new ElidedLine),
      cached_(new ElidedLine),
      prompt_(new ElidedLine) {
    for (QLabel* label : {sentence_, note_, where_}) {
        label->setTextFormat(Qt::PlainText);
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->setFocusPolicy(Qt::NoFocus);
    }
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(10, 7, 10, 9);
    rows->setSpacing(3);
    for (QWidget* row : {static_cast<QWidget*>(sentence_), static_cast<QWidget*>(note_),
                         static_cast<QWidget*>(where_)})
        rows->addWidget(row);
    auto* lines = new QVBoxLayout;
    lines->setSpacing(1);
    for (ElidedLine* line : {common_, cached_, prompt_}) lines->addWidget(line);
    rows->addLayout(lines);
    common_->setAccessibleName(
        tr("The last of what the cached text and the prompt have in common"));
    cached_->setAccessibleName(tr("How the cached text goes on"));
    prompt_->setAccessibleName(tr("How the prompt goes on"));
    setAccessibleName(tr("Where this prompt left the cache"));
    recolour();
}

void PrefixCard::show(const ReuseReport& reuse, const GenerateTimings& timings) {
    sentence_->setText(reuseSentence(reuse, timings));
    note_->setText(asSentence(reuse.note));
    note_->setVisible(!reuse.note.empty());
    const bool left = reuse.left.has_value();
    for (QWidget* part : {static_cast<QWidget*>(where_), static_cast<QWidget*>(common_),
                          static_cast<QWidget*>(cached_), static_cast<QWidget*>(prompt_)})
        part->setVisible(left);
    if (left) {
        const PrefixReport& at = *reuse.left;
        where_->setText((at.checkpoint.empty()
                             ? tr("The prompt left the live timeline after %1 of its %2.")
                             : tr("The prompt left the longest checkpoint after %1 of its %2."))
                            .arg(bytesText(at.common_bytes), bytesText(at.cached_bytes)));
        common_->set(tr("  both"), visible(at.common_end), Qt::ElideLeft);
        cached_->set(tr("− cached"), visible(at.cached_next), Qt::ElideRight);
        prompt_->set(tr("+ new"), visible(at.prompt_next), Qt::ElideRight);
    }
    setAccessibleDescription(sentence_->text() + (left ? u' ' + where_->text() : QString()));
}

void PrefixCard::paintEvent(QPaintEvent*) {
    paintCard(*this);
}

void PrefixCard::recolour() {
    const Theme theme = Theme::of(palette());
    // Told apart by sign and word as well.
    const QColor gone = Theme::category(4), come = Theme::category(2);
    common_->setColours(theme.quiet, {});
    cached_->setColours(mix(gone, theme.text, 0.3), mix(theme.raised, gone, 0.13));
    prompt_->setColours(mix(come, theme.text, 0.3), mix(theme.raised, come, 0.13));
}

void PrefixCard::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        recolour();
        update();
    }
}

}  // namespace starglass::ui

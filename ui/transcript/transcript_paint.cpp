// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the transcript is drawn: only what the window shows, from documents laid out before.
#include <QLocale>
#include <QPaintEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

// "0.9 s", "3 min 10 s".
QString durationWords(double seconds) {
    if (seconds < 9.95) return TranscriptView::tr("%1 s").arg(QLocale().toString(seconds, 'f', 1));
    const auto whole = static_cast<qint64>(std::llround(seconds));
    if (whole < 60) return TranscriptView::tr("%1 s").arg(whole);
    return TranscriptView::tr("%1 min %2 s").arg(whole / 60).arg(whole % 60);
}

}  // namespace

void TranscriptView::paintEvent(QPaintEvent* event) {
    QPainter painter(viewport());
    const double left = columnLeft();
    painter.translate(left, -top());
    const QRectF clip = QRectF(event->rect()).translated(-left, top());
    for (int i = itemAt(clip.top()); i >= 0 && i < static_cast<int>(items_.size()); ++i) {
        if (items_[i].y > clip.bottom()) break;
        paintItem(painter, i, clip);
    }
}

void TranscriptView::paintItem(QPainter& painter, int index, const QRectF& clip) {
    const Item& item = items_[index];
    const ChatMessage& message = chat_.at(index);
    const QFontMetricsF small(small_);
    painter.save();
    painter.translate(0, item.y);
    const QRectF local = clip.translated(0, -item.y);

    painter.setFont(small_);
    painter.setPen(theme_.quiet);
    painter.drawText(QPointF(0, small.ascent()), messageTitle(index));
    if (message.branches() > 1) {
        const double width = small.horizontalAdvance(branchText(message)) + 4;
        painter.drawText(QRectF(item.headRight - width, 0, width, small.height() * 1.2),
                         Qt::AlignCenter, branchText(message));
    }
    if (index == current_ && hasFocus())
        painter.fillRect(QRectF(-em_ * 0.7, 0, 3, item.height - em_ * 0.8), theme_.accent);

    if (item.parts.empty() && message.running) {
        const QFontMetricsF prose(prose_);
        painter.fillRect(
            QRectF(0, item.bodyTop + 2, std::max(5.0, prose.height() * 0.4), prose.height() * 0.92),
            theme_.accent);
        painter.drawText(QPointF(prose.height() * 0.9, item.bodyTop + 2 + small.ascent() + 2),
                         prefill_);
    }
    for (int p = 0; p < static_cast<int>(item.parts.size()); ++p) {
        const Part& part = item.parts[p];
        if (part.y > local.bottom() || part.y + part.height < local.top()) continue;
        const bool thinking = part.kind == ChatPart::Kind::thinking && !part.user;
        const bool error = part.kind == ChatPart::Kind::error && !part.user;
        const bool tool = part.kind == ChatPart::Kind::tool && !part.user;
        const double indent = thinking || error || tool ? std::round(em_ * 0.75) : 0;
        if (thinking || error)
            painter.fillRect(QRectF(part.x, part.y, 3, part.height),
                             error ? theme_.problem : theme_.border);
        if (tool) {
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(theme_.border);
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(
                QRectF(part.x + 0.5, part.y + 0.5, part.width - 1, part.height - 1), 6, 6);
            painter.setRenderHint(QPainter::Antialiasing, false);
        }
        if (thinking) {
            painter.setFont(small_);
            painter.setPen(theme_.quiet);
            QFont title = small_;
            title.setWeight(QFont::Medium);
            painter.setFont(title);
            painter.drawText(
                QRectF(part.x + indent, part.y, part.width - indent, part.head),
                Qt::AlignVCenter | Qt::AlignLeft,
                part.title + (part.folded ? QStringLiteral(" ▸") : QStringLiteral(" ▾")));
        }
        if (part.folded) continue;
        const ProseStyle look = style(thinking);
        for (int b = 0; b < static_cast<int>(part.blocks.size()); ++b) {
            const Block& block = *part.blocks[b];
            const double y = part.y + block.y;
            if (y > local.bottom() || y + block.height < local.top()) continue;
            Block::Selection token;
            if (tokenMessage_ == item.id && token_ >= 0 &&
                token_ < static_cast<int>(message.places.size())) {
                const TokenPlace& place = message.places[token_];
                if (place.part == p && place.begin < place.end && place.begin < block.chunk.end &&
                    place.end > block.chunk.begin) {
                    const QByteArrayView text = message.parts[p].text;
                    const int begin = std::max(place.begin, block.chunk.begin);
                    token = {positionAt(block.runs(), text, begin),
                             positionAt(block.runs(), text, std::min(place.end, block.chunk.end))};
                    if (token.begin < 0 || token.end < 0) token = {};
                }
            }
            const bool caret = message.running && p + 1 == static_cast<int>(item.parts.size()) &&
                               b + 1 == static_cast<int>(part.blocks.size()) && !tool && !error;
            block.paint(painter, QPointF(part.x + indent, y), local, look, selectionIn(index, p, b),
                        token, caret);
        }
    }
    painter.setFont(small_);
    if (item.foot > 0) {
        painter.setPen(theme_.quiet);
        // It ends where the actions on the same line begin.
        double room = columnWidth();
        for (const Spot& spot : item.spots)
            if (!spot.label.isEmpty() && spot.rect.bottom() > item.foot)
                room = std::min(room, spot.rect.left() - em_);
        painter.drawText(QPointF(0, item.foot + small.ascent() + small.height() * 0.1),
                         small.elidedText(footText(message), Qt::ElideRight, room));
    }
    if (item.note > 0 && message.summary) {
        painter.setPen(theme_.quiet);
        painter.drawText(QRectF(0, item.note, proseWidth(), item.height - item.note),
                         Qt::TextWordWrap, message.summary->note);
    }
    for (const Spot& spot : item.spots) {
        if (spot.label.isEmpty()) continue;
        if (spot.kind == Spot::Kind::branchBack || spot.kind == Spot::Kind::branchForward) {
            const bool possible = spot.kind == Spot::Kind::branchBack
                                      ? message.branch() > 0
                                      : message.branch() + 1 < message.branches();
            painter.setPen(possible && !chat_.answering() ? theme_.accent : theme_.border);
            painter.drawText(spot.rect, Qt::AlignCenter, spot.label);
            continue;
        }
        const bool strong = spot.kind == Spot::Kind::retry || spot.kind == Spot::Kind::showAll ||
                            spot.kind == Spot::Kind::copyDetails || spot.kind == Spot::Kind::goOn ||
                            spot.kind == Spot::Kind::earlier || spot.kind == Spot::Kind::details;
        painter.setPen(strong ? theme_.accent : theme_.quiet);
        painter.drawText(spot.rect, Qt::AlignVCenter | (strong ? Qt::AlignLeft : Qt::AlignRight),
                         spot.label);
    }
    painter.restore();
}

QString TranscriptView::messageTitle(int index) const {
    const ChatMessage& message = chat_.at(index);
    if (message.author == ChatMessage::Author::assistant) return message.speaker;
    return message.queued ? tr("You · waiting, will be sent when the model is free") : tr("You");
}

QString TranscriptView::messageState(int index) const {
    const ChatMessage& message = chat_.at(index);
    QStringList parts;
    if (message.branches() > 1)
        parts << tr("version %1 of %2").arg(message.branch() + 1).arg(message.branches());
    if (message.interrupted) parts << tr("interrupted");
    return parts.join(QStringLiteral(", "));
}

QString TranscriptView::branchText(const ChatMessage& message) const {
    return QStringLiteral("%1/%2").arg(message.branch() + 1).arg(message.branches());
}

QString TranscriptView::footText(const ChatMessage& message) const {
    if (message.interrupted) return tr("interrupted: the program ended before the answer did");
    if (!message.summary) return {};
    const ReplySummary& summary = *message.summary;
    const QLocale locale;
    QStringList parts;
    if (summary.tokensPerSecond() > 0)
        parts << tr("%1 tok/s").arg(locale.toString(summary.tokensPerSecond(), 'f', 1));
    parts << tr("%n tokens", nullptr, summary.tokens);
    if (summary.firstTokenSeconds > 0)
        parts << tr("first token %1 s").arg(locale.toString(summary.firstTokenSeconds, 'f', 2));
    if (summary.reusedTokens > 0) {
        const QString count = locale.toString(summary.reusedTokens);
        const QString reused = summary.reuse == ReuseSource::disk
                                   ? tr("%1 tokens from cache").arg(count)
                                   : tr("%1 tokens from memory").arg(count);
        // What loading took is taken off what evaluating would have taken.
        const double saved = summary.savedSeconds - summary.loadSeconds;
        parts << (saved >= 0.05 ? tr("%1 (saved %2)").arg(reused, durationWords(saved)) : reused);
    }
    parts << stopReasonText(summary.stop);
    return parts.join(QStringLiteral("    "));
}

Block::Selection TranscriptView::selectionIn(int item, int part, int block) const {
    const Place first = std::min(anchor_, cursor_), last = std::max(anchor_, cursor_);
    if (first.item < 0 || first == last) return {};
    const Place begin{item, part, block, 0};
    const Place end{item, part, block, items_[item].parts[part].blocks[block]->length()};
    if (last < begin || end < first) return {};
    return {first > begin ? first.position : 0, last < end ? last.position : end.position};
}

}  // namespace starglass::ui

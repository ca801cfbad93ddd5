// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which blocks a message is made of and where everything stands.
#include <QAccessible>
#include <QLocale>
#include <QScrollBar>
#include <QTextBlock>
#include <algorithm>
#include <cmath>

#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

// Typed text is laid out in pieces of this many lines, and shown in full only on request beyond
// this many characters: a pasted file must not stop the window.
constexpr int kPlainChunkLines = 100;
constexpr int kPlainPreviewBytes = 4000;

std::vector<Chunk> splitPlain(QByteArrayView text, bool preview) {
    std::vector<Chunk> out;
    int begin = 0, lines = 0;
    const int size = static_cast<int>(text.size());
    const int limit = preview ? std::min(size, kPlainPreviewBytes) : size;
    for (int at = 0; at < limit; ++at) {
        if (text[at] != '\n') continue;
        if (++lines < kPlainChunkLines) continue;
        out.push_back({begin, at + 1, false, true});
        begin = at + 1;
        lines = 0;
    }
    int end = limit;
    // Not in the middle of a character.
    while (end < size && end > begin && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    if (begin < end || out.empty()) out.push_back({begin, end, false, true});
    return out;
}

QFont scaled(QFont font, double factor) {
    if (font.pointSizeF() > 0)
        font.setPointSizeF(font.pointSizeF() * factor);
    else
        font.setPixelSize(std::max(6, qRound(font.pixelSize() * factor)));
    return font;
}

}  // namespace

// --- blocks --------------------------------------------------------------------------------

ProseStyle TranscriptView::style(bool quiet) const {
    ProseStyle out{prose_, code_, theme_, quiet};
    if (quiet) {
        out.prose = scaled(prose_, 0.9);
        out.code = scaled(code_, 0.9);
    }
    return out;
}

void TranscriptView::updateFonts() {
    prose_ = scaled(font(), 1.1 * zoom_);
    code_ = codeFont(prose_);
    small_ = scaled(font(), 0.9 * zoom_);
    em_ = QFontMetricsF(prose_).height();
    theme_ = Theme::of(palette());
    verticalScrollBar()->setSingleStep(qRound(em_ * 1.5));
}

void TranscriptView::syncItem(int index) {
    Item& item = items_[index];
    const ChatMessage& message = chat_.at(index);
    const int count =
        message.author == ChatMessage::Author::user ? 1 : static_cast<int>(message.parts.size());
    if (static_cast<int>(item.parts.size()) > count) item.parts.resize(count);
    while (static_cast<int>(item.parts.size()) < count) item.parts.emplace_back();
    for (int i = 0; i < count; ++i) syncPart(item, i, message);
}

void TranscriptView::syncPart(Item& item, int index, const ChatMessage& message) {
    Part& part = item.parts[index];
    if (message.author == ChatMessage::Author::user) {
        part.user = true;
        if (part.closed) return;
        const bool preview = !item.showAll && message.text.size() > kPlainPreviewBytes + 500;
        part.blocks.clear();
        for (const Chunk& chunk : splitPlain(message.text, preview)) {
            auto block = std::make_unique<Block>(Block::Kind::plain, chunk);
            block->write(message.text, style(false));
            ++blocksLaidOut_;
            part.blocks.push_back(std::move(block));
        }
        part.closed = true;
        return;
    }
    const ChatPart& source = message.parts[index];
    // An answer that goes on: its last paragraph is open again.
    if (part.kind != source.kind || (part.closed && !source.closed)) {
        part.blocks.clear();
        part.closed = false;
        part.kind = source.kind;
    }
    switch (source.kind) {
        case ChatPart::Kind::thinking: {
            syncText(part, source.text, source.closed);
            const bool answered = index + 1 < static_cast<int>(message.parts.size());
            if (!part.touched) part.folded = answered && source.closed && !beside_;
            const QLocale locale;
            if (source.closed)
                part.title = tr("Thought %1 s · %2 tokens")
                                 .arg(source.seconds < 0.1
                                          ? QStringLiteral("< ") + locale.toString(0.1, 'f', 1)
                                          : locale.toString(source.seconds, 'f',
                                                            source.seconds < 10 ? 1 : 0),
                                      locale.toString(source.tokens));
            else
                part.title = tr("Thinking %1 s · %2 tokens")
                                 .arg(locale.toString(source.seconds, 'f', 1),
                                      locale.toString(source.tokens));
            break;
        }
        case ChatPart::Kind::answer:
            syncText(part, source.text, source.closed);
            break;
        case ChatPart::Kind::tool:
        case ChatPart::Kind::error:
            syncNotice(part, source);
            break;
    }
}

void TranscriptView::syncText(Part& part, QByteArrayView text, bool final) {
    if (part.closed) return;
    const ProseStyle look = style(part.kind == ChatPart::Kind::thinking);
    // Only the open block can change while text is appended; at the end the whole text is cut once
    // more, and blocks that came out the same are kept.
    int from = 0;
    std::size_t keep = 0;
    if (!final) {
        while (keep < part.blocks.size() && part.blocks[keep]->chunk.closed) ++keep;
        if (keep < part.blocks.size())
            from = part.blocks[keep]->chunk.begin;
        else if (keep > 0)
            from = part.blocks[keep - 1]->chunk.end;
    }
    const std::vector<Chunk> chunks = splitMarkdown(text, from, final);
    std::vector<std::unique_ptr<Block>> old;
    old.swap(part.blocks);
    for (std::size_t i = 0; i < keep; ++i) part.blocks.push_back(std::move(old[i]));
    std::size_t next = keep;
    for (const Chunk& chunk : chunks) {
        while (next < old.size() && old[next]->chunk.begin < chunk.begin) ++next;
        if (next < old.size() && old[next]->chunk.begin == chunk.begin) {
            Block& known = *old[next];
            const bool same = known.chunk.end == chunk.end && known.chunk.code == chunk.code;
            // A code block that closes without new text still gets its colours.
            if (same && (known.chunk.closed == chunk.closed || !chunk.code)) {
                known.chunk.closed = chunk.closed;
                part.blocks.push_back(std::move(old[next++]));
                continue;
            }
        }
        const auto kind = chunk.code ? Block::Kind::code : Block::Kind::markdown;
        auto block = std::make_unique<Block>(kind, chunk);
        block->write(text, look);
        ++blocksLaidOut_;
        part.blocks.push_back(std::move(block));
    }
    part.closed = final;
}

void TranscriptView::syncNotice(Part& part, const ChatPart& source) {
    QTextCharFormat plain, strong, code;
    plain.setFont(scaled(prose_, 0.92));
    plain.setForeground(theme_.text);
    strong = plain;
    strong.setFontWeight(QFont::DemiBold);
    code.setFont(scaled(code_, 0.95));
    code.setForeground(theme_.quiet);
    QList<std::pair<QString, QTextCharFormat>> lines;
    if (source.kind == ChatPart::Kind::tool) {
        if (source.toolName.isEmpty()) {
            QTextCharFormat quiet = plain;
            quiet.setForeground(theme_.quiet);
            lines << std::pair(tr("Calling a tool…"), quiet);
        } else {
            const bool bare = source.toolArguments.isEmpty() || source.toolArguments == "{}";
            QTextCharFormat result = code;
            result.setForeground(theme_.text);
            lines << std::pair(
                QString::fromUtf8(source.toolName) +
                    (bare ? QString() : u' ' + QString::fromUtf8(source.toolArguments)),
                code);
            lines << std::pair(QStringLiteral("→ ") + QString::fromUtf8(source.toolResult), result);
        }
    } else {
        lines << std::pair(source.error.happened, strong);
        if (!source.error.safe.isEmpty()) lines << std::pair(source.error.safe, plain);
        if (!source.error.next.isEmpty()) lines << std::pair(source.error.next, plain);
        if (part.detailsOpen)
            for (const QString& line : source.error.details.split(u'\n'))
                lines << std::pair(line, code);
    }
    if (part.blocks.empty())
        part.blocks.push_back(std::make_unique<Block>(Block::Kind::notice, Chunk{}));
    part.blocks.front()->writeNotice(lines);
    ++blocksLaidOut_;
    part.closed = source.closed;
}

// --- geometry ------------------------------------------------------------------------------

// A font's own average counts capitals and symbols and comes out far too wide for prose.
double TranscriptView::proseWidth() const {
    static const QString kSample = QStringLiteral(
        "An ordinary English sentence with its usual mix of letters fills this width so");
    static_assert(kProseCharactersMax == 78, "the sample has 78 characters");
    return std::ceil(QFontMetricsF(prose_).horizontalAdvance(kSample));
}

// Wide enough for eighty columns of code; prose keeps to its own measure inside.
double TranscriptView::columnWidth() const {
    const double margin = std::min(56.0, viewport()->width() * 0.06);
    const double code = QFontMetricsF(code_).horizontalAdvance(u'x') * 80 + em_ * 1.8;
    const double one = std::max(proseWidth(), code);
    const double limit = beside_ ? proseWidth() * 0.7 + em_ + one : one;
    return std::max(120.0, std::floor(std::min(limit, viewport()->width() - 2 * margin)));
}

double TranscriptView::columnLeft() const {
    return std::floor((viewport()->width() - columnWidth()) / 2);
}

double TranscriptView::top() const {
    return verticalScrollBar()->value();
}

void TranscriptView::layoutPart(Part& part) {
    const bool thinking = part.kind == ChatPart::Kind::thinking && !part.user;
    const bool error = part.kind == ChatPart::Kind::error && !part.user;
    const bool tool = part.kind == ChatPart::Kind::tool && !part.user;
    const double indent = thinking || error || tool ? std::round(em_ * 0.75) : 0;
    part.head = thinking ? std::round(QFontMetricsF(small_).height() * 1.45) : 0;
    double y = part.head + (tool ? em_ * 0.35 : 0);
    if (!part.folded) {
        bool first = true;
        const Block* before = nullptr;
        for (const auto& block : part.blocks) {
            if (!first) {
                const bool heading = block->kind() == Block::Kind::markdown &&
                                     block->document().firstBlock().charFormat().font().weight() >=
                                         QFont::DemiBold &&
                                     before->kind() == Block::Kind::markdown;
                y += std::round(em_ * (part.user                             ? 0
                                       : heading                             ? 0.95
                                       : block->kind() == Block::Kind::code  ? 0.55
                                       : before->kind() == Block::Kind::code ? 0.6
                                                                             : 0.5));
            }
            const double room = part.width - indent - (tool ? indent : 0);
            const bool prose =
                block->kind() == Block::Kind::markdown || block->kind() == Block::Kind::plain;
            block->setWidth(prose ? std::min(room, proseWidth()) : room);
            block->y = y;
            y += block->height;
            first = false;
            before = block.get();
        }
    }
    if (tool) y += em_ * 0.35;
    if (error) y += std::round(QFontMetricsF(small_).height() * 1.7);  // the row of actions
    part.height = std::ceil(y);
}

void TranscriptView::layoutItem(int index) {
    Item& item = items_[index];
    const ChatMessage& message = chat_.at(index);
    const QFontMetricsF small(small_);
    const double width = columnWidth();
    item.spots.clear();
    item.bodyTop = std::ceil(small.height() + em_ * 0.22);
    double y = item.bodyTop;
    const bool beside = beside_ && message.author == ChatMessage::Author::assistant;
    const double left = std::floor(width * 0.38), gap = em_;
    double leftY = y, rightY = y;
    for (int p = 0; p < static_cast<int>(item.parts.size()); ++p) {
        Part& part = item.parts[p];
        const bool thinking = part.kind == ChatPart::Kind::thinking && !part.user;
        part.x = beside && !thinking ? left + gap : 0;
        part.width = !beside ? width : thinking ? left : width - left - gap;
        layoutPart(part);
        double& at = beside ? (thinking ? leftY : rightY) : y;
        part.y = at;
        at += part.height + std::round(em_ * (part.folded ? 0.3 : 0.55));

        if (thinking)
            item.spots.push_back(
                {Spot::Kind::fold, QRectF(part.x, part.y, part.width, part.head), p, -1, {}});
        for (int b = 0; b < static_cast<int>(part.blocks.size()) && !part.folded; ++b) {
            const Block& block = *part.blocks[b];
            if (block.kind() != Block::Kind::code) continue;
            const double indent = thinking ? std::round(em_ * 0.75) : 0;
            item.spots.push_back({Spot::Kind::copyCode,
                                  block.copyRect().translated(part.x + indent, part.y + block.y),
                                  p,
                                  b,
                                  {}});
        }
        if (part.kind == ChatPart::Kind::error && !part.user) {
            double x = part.x + std::round(em_ * 0.75);
            const auto add = [&](Spot::Kind kind, const QString& label) {
                const double w = small.horizontalAdvance(label) + 4;
                item.spots.push_back({kind,
                                      QRectF(x, part.y + part.height - small.height() * 1.25, w,
                                             small.height() * 1.2),
                                      p, -1, label});
                x += w + em_;
            };
            add(Spot::Kind::retry, tr("Try again"));
            add(Spot::Kind::copyDetails, tr("Copy details"));
            add(Spot::Kind::details, part.detailsOpen ? tr("Hide details ▾") : tr("Details ▸"));
        }
    }
    if (beside) y = std::max(leftY, rightY);
    if (item.parts.empty()) y += em_ * 1.5;  // room for the caret
    if (message.author == ChatMessage::Author::user && !item.showAll &&
        message.text.size() > kPlainPreviewBytes + 500) {
        const QString label = tr("Show all %1 characters")
                                  .arg(QLocale().toString(QString::fromUtf8(message.text).size()));
        item.spots.push_back(
            {Spot::Kind::showAll,
             QRectF(0, y, small.horizontalAdvance(label) + 4, small.height() * 1.2), 0, -1, label});
        y += small.height() * 1.5;
    }
    item.foot = 0;
    item.note = 0;
    if (message.summary || message.interrupted) {
        item.foot = y + 1;
        const QString label = tr("Copy");
        const double w = small.horizontalAdvance(label) + 6;
        item.spots.push_back({Spot::Kind::copyMessage,
                              QRectF(width - w, item.foot, w, small.height() * 1.2), -1, -1,
                              label});
        if (message.canContinue() && index + 1 == chat_.size() && !chat_.answering()) {
            const QString go = tr("Continue");
            const double at = small.horizontalAdvance(footText(message)) + em_;
            item.spots.push_back(
                {Spot::Kind::goOn,
                 QRectF(at, item.foot, small.horizontalAdvance(go) + 6, small.height() * 1.2), -1,
                 -1, go});
        }
        y += small.height() * 1.2;
    }
    if (message.summary && !message.summary->note.isEmpty()) {
        item.note = y + 1;
        y += std::ceil(small
                           .boundingRect(QRectF(0, 0, proseWidth(), 1e6), Qt::TextWordWrap,
                                         message.summary->note)
                           .height()) +
             2;
    }
    double right = width;
    const double line = small.height() * 1.2;
    if (message.author == ChatMessage::Author::user && index == chat_.lastUserIndex()) {
        const QString label = tr("Edit");
        const double w = small.horizontalAdvance(label) + 6;
        right -= w;
        item.spots.push_back({Spot::Kind::edit, QRectF(right, 0, w, line), -1, -1, label});
        right -= em_ * 0.6;
    }
    if (message.branches() > 1) {
        // ‹ 2/3 ›, each arrow wide enough to be hit.
        const double arrow = std::max(small.horizontalAdvance(u'›') + 8, em_);
        const double count = small.horizontalAdvance(branchText(message)) + 4;
        item.spots.push_back({Spot::Kind::branchForward, QRectF(right - arrow, 0, arrow, line), -1,
                              -1, QStringLiteral("›")});
        item.spots.push_back({Spot::Kind::branchBack,
                              QRectF(right - 2 * arrow - count, 0, arrow, line), -1, -1,
                              QStringLiteral("‹")});
        right -= arrow;
    }
    item.headRight = right;
    if (index == 0 && chat_.hasEarlier()) {
        const QString label = tr("Show earlier messages");
        item.spots.push_back({Spot::Kind::earlier,
                              QRectF(0, -em_ * 1.7, small.horizontalAdvance(label) + 6, line), -1,
                              -1, label});
    }
    item.height = std::ceil(y + em_ * (message.author == ChatMessage::Author::user ? 0.45 : 1.25));
}

void TranscriptView::placeItems(int from) {
    double y = from > 0 && from <= static_cast<int>(items_.size())
                   ? items_[from - 1].y + items_[from - 1].height
                   : std::round(em_ * (chat_.hasEarlier() ? 3.0 : 1.6));
    for (int i = std::max(0, from); i < static_cast<int>(items_.size()); ++i) {
        items_[i].y = y;
        y += items_[i].height;
    }
    total_ = items_.empty() ? 0 : y + em_ * 0.5;
    updateScrollBar();
}

void TranscriptView::updateScrollBar() {
    settingScroll_ = true;
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setRange(
        0, std::max(0, static_cast<int>(std::ceil(total_)) - viewport()->height()));
    settingScroll_ = false;
}

// Changes the layout; then either stays at the end, or keeps the block at the top of the window
// where it was, so that what folds above does not move what is being read.
void TranscriptView::keepingPlace(const std::function<void()>& change) {
    const bool following = follow_;
    const int index = itemAt(top());
    qint64 id = 0;
    double offset = 0;
    int partIndex = -1, blockIndex = -1;
    if (!following && index >= 0) {
        const Item& item = items_[index];
        id = item.id;
        offset = top() - item.y;
        for (int p = 0; p < static_cast<int>(item.parts.size()); ++p) {
            const Part& part = item.parts[p];
            for (int b = 0; b < static_cast<int>(part.blocks.size()) && !part.folded; ++b) {
                const double y = item.y + part.y + part.blocks[b]->y;
                if (y > top()) break;
                partIndex = p;
                blockIndex = b;
                offset = top() - y;
            }
        }
    }
    change();
    settingScroll_ = true;
    if (following) {
        verticalScrollBar()->setValue(verticalScrollBar()->maximum());
    } else if (id != 0) {
        for (const Item& item : items_) {
            if (item.id != id) continue;
            double y = item.y;
            if (partIndex >= 0 && partIndex < static_cast<int>(item.parts.size())) {
                const Part& part = item.parts[partIndex];
                y += part.y;
                if (!part.folded && blockIndex < static_cast<int>(part.blocks.size()))
                    y += part.blocks[blockIndex]->y;
                else
                    offset = 0;
            }
            verticalScrollBar()->setValue(static_cast<int>(std::round(y + offset)));
            break;
        }
    }
    settingScroll_ = false;
}

int TranscriptView::itemAt(double y) const {
    if (items_.empty()) return -1;
    auto after = std::upper_bound(items_.begin(), items_.end(), y,
                                  [](double value, const Item& item) { return value < item.y; });
    if (after == items_.begin()) return 0;
    return static_cast<int>(after - items_.begin()) - 1;
}

QPointF TranscriptView::toContent(QPoint point) const {
    return {point.x() - columnLeft(), point.y() + top()};
}

TranscriptView::Place TranscriptView::placeAt(QPointF content, bool* exact) const {
    if (exact) *exact = false;
    Place out;
    out.item = itemAt(content.y());
    if (out.item < 0) return out;
    const Item& item = items_[out.item];
    const double y = content.y() - item.y;
    double best = 1e18;
    for (int p = 0; p < static_cast<int>(item.parts.size()); ++p) {
        const Part& part = item.parts[p];
        if (part.folded) continue;
        const double indent =
            part.kind != ChatPart::Kind::answer && !part.user ? std::round(em_ * 0.75) : 0;
        for (int b = 0; b < static_cast<int>(part.blocks.size()); ++b) {
            const Block& block = *part.blocks[b];
            const QPointF local(content.x() - part.x - indent, y - part.y - block.y);
            const double dy = local.y() < 0 ? -local.y() : std::max(0.0, local.y() - block.height);
            const double dx = content.x() < part.x
                                  ? part.x - content.x()
                                  : std::max(0.0, content.x() - part.x - part.width);
            const double distance = dy + dx * 0.01;
            if (distance >= best) continue;
            best = distance;
            out.part = p;
            out.block = b;
            out.position = local.y() < 0              ? 0
                           : local.y() > block.height ? block.length()
                                                      : block.hit(local);
            if (exact) *exact = dy == 0 && dx == 0;
        }
    }
    return out;
}

const TranscriptView::Spot* TranscriptView::spotAt(QPointF content, int* index) const {
    const int i = itemAt(content.y());
    if (index) *index = i;
    if (i < 0) return nullptr;
    for (const Spot& spot : items_[i].spots)
        if (spot.rect.adjusted(-3, -3, 3, 3).contains(content - QPointF(0, items_[i].y)))
            return &spot;
    return nullptr;
}

QRect TranscriptView::messageRect(int message) const {
    if (message < 0 || message >= static_cast<int>(items_.size())) return {};
    const Item& item = items_[message];
    return QRectF(columnLeft(), item.y - top(), columnWidth(), item.height).toRect();
}

QRect TranscriptView::partRect(int message, int part) const {
    if (message < 0 || message >= static_cast<int>(items_.size())) return {};
    const Item& item = items_[message];
    if (part < 0 || part >= static_cast<int>(item.parts.size())) return {};
    const Part& at = item.parts[part];
    return QRectF(columnLeft() + at.x, item.y + at.y - top(), at.width, at.height).toRect();
}

bool TranscriptView::partFolded(int message, int part) const {
    if (message < 0 || message >= static_cast<int>(items_.size())) return false;
    const auto& parts = items_[message].parts;
    return part >= 0 && part < static_cast<int>(parts.size()) && parts[part].folded;
}

}  // namespace starglass::ui

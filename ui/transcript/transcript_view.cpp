// SPDX-License-Identifier: GPL-3.0-or-later
#include "transcript/transcript_view.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "transcript/transcript_accessible.h"

namespace starglass::ui {

TranscriptView::TranscriptView(Chat& chat, EngineBridge& bridge, QWidget* parent)
    : QAbstractScrollArea(parent), chat_(chat), bridge_(bridge) {
    installTranscriptAccessibility();
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Transcript"));
    setAccessibleDescription(tr("The conversation, one row per message"));
    viewport()->setMouseTracking(true);
    viewport()->setBackgroundRole(QPalette::Base);
    viewport()->setAutoFillBackground(true);
    updateFonts();

    layoutTimer_.setSingleShot(true);
    connect(&layoutTimer_, &QTimer::timeout, this, &TranscriptView::refresh);
    dragTimer_.setInterval(40);
    connect(&dragTimer_, &QTimer::timeout, this, [this] {
        // Selecting beyond the edge scrolls, faster the further away.
        const int over = lastMouse_.y() < 0 ? lastMouse_.y()
                         : lastMouse_.y() > viewport()->height()
                             ? lastMouse_.y() - viewport()->height()
                             : 0;
        if (over == 0) return;
        verticalScrollBar()->setValue(verticalScrollBar()->value() + over / 2);
        setSelection(anchor_, placeAt(toContent(lastMouse_)));
    });
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this, [this](int value) {
        if (settingScroll_) return;
        follow_ = value >= verticalScrollBar()->maximum();
        if (value <= 0 && chat_.hasEarlier() && !askedEarlier_) {
            askedEarlier_ = true;
            emit earlierRequested();
        }
    });

    connect(&chat_, &Chat::inserted, this, &TranscriptView::onInserted);
    connect(&chat_, &Chat::removed, this, &TranscriptView::onRemoved);
    connect(&chat_, &Chat::loaded, this, &TranscriptView::onLoaded);
    connect(&chat_, &Chat::earlierChanged, this, [this] {
        askedEarlier_ = false;
        if (items_.empty()) return;
        keepingPlace([&] {
            layoutItem(0);
            placeItems(0);
        });
        viewport()->update();
    });
    connect(&chat_, &Chat::textAdded, this, [this](int index, int) { onTextAdded(index); });
    connect(&chat_, &Chat::partsChanged, this, &TranscriptView::touch);
    connect(&chat_, &Chat::headChanged, this, &TranscriptView::touch);
    connect(&chat_, &Chat::replyFinished, this, [this](int index) {
        prefill_.clear();
        refresh();
        announce(index);
    });
    connect(&bridge_, &EngineBridge::prefillProgress, this,
            [this](const PrefillProgress& progress) {
                if (progress.tokens_total <= 0) return;
                prefill_ = tr("Reading the conversation: %1 of %2 tokens")
                               .arg(QLocale().toString(progress.tokens_done),
                                    QLocale().toString(progress.tokens_total));
                viewport()->update();
            });
    connect(&bridge_, &EngineBridge::tokenSelected, this, [this](qint64 message, int token) {
        tokenMessage_ = message;
        token_ = token;
        viewport()->update();
    });
    for (int i = 0; i < chat_.size(); ++i) onInserted(i);
}

TranscriptView::~TranscriptView() = default;

// --- following the chat --------------------------------------------------------------------

void TranscriptView::onInserted(int index) {
    Item item;
    item.id = chat_.at(index).id;
    if (index < static_cast<int>(items_.size()) && (hasSelection() || current_ >= index)) {
        anchor_ = cursor_ = {};
        if (current_ >= index) ++current_;
    }
    // A message of one's own is what one wants to see.
    const bool own = chat_.at(index).author == ChatMessage::Author::user;
    keepingPlace([&] {
        items_.insert(items_.begin() + index, std::move(item));
        syncItem(index);
        layoutItem(index);
        // Only the last message of the user offers to be edited, only the last answer to go on.
        int first = index;
        for (int i = index - 1; own && i >= 0; --i) {
            if (i < index - 1 && chat_.at(i).author != ChatMessage::Author::user) continue;
            layoutItem(i);
            first = i;
            if (chat_.at(i).author == ChatMessage::Author::user) break;
        }
        placeItems(first);
    });
    if (own) scrollToEnd();
    viewport()->update();
    QAccessibleEvent event(this, QAccessible::ObjectReorder);
    QAccessible::updateAccessibility(&event);
}

void TranscriptView::onLoaded(int first, int count) {
    anchor_ = cursor_ = {};
    if (current_ >= first) current_ += count;
    forgetTranscriptRows(this);
    const bool all = first == 0 && count == chat_.size();
    keepingPlace([&] {
        std::deque<Item> fresh(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) fresh[i].id = chat_.at(first + i).id;
        items_.insert(items_.begin() + first, std::make_move_iterator(fresh.begin()),
                      std::make_move_iterator(fresh.end()));
        for (int i = first; i < first + count; ++i) {
            syncItem(i);
            layoutItem(i);
        }
        // What stood last or first before may look different now.
        if (first > 0) layoutItem(first - 1);
        if (first + count < static_cast<int>(items_.size())) layoutItem(first + count);
        placeItems(std::max(0, first - 1));
    });
    if (all) {
        current_ = -1;
        scrollToEnd();
    }
    viewport()->update();
    QAccessibleEvent event(this, QAccessible::ObjectReorder);
    QAccessible::updateAccessibility(&event);
    emit selectionChanged();
}

void TranscriptView::onRemoved(int first, int count) {
    anchor_ = cursor_ = {};
    if (current_ >= first) current_ = -1;
    forgetTranscriptRows(this);
    keepingPlace([&] {
        items_.erase(items_.begin() + first, items_.begin() + first + count);
        if (const int user = chat_.lastUserIndex(); user >= 0) layoutItem(user);
        placeItems(first);
    });
    if (items_.empty()) follow_ = true;
    viewport()->update();
    emit selectionChanged();
}

void TranscriptView::onTextAdded(int index) {
    dirty_.insert(chat_.at(index).id);
    if (layoutTimer_.isActive()) return;
    const qint64 waited = sinceLayout_.isValid() ? sinceLayout_.elapsed() : kLayoutIntervalMs;
    if (waited >= kLayoutIntervalMs)
        refresh();
    else
        layoutTimer_.start(static_cast<int>(kLayoutIntervalMs - waited));
}

void TranscriptView::touch(int index) {
    onTextAdded(index);
}

void TranscriptView::refresh() {
    layoutTimer_.stop();
    sinceLayout_.start();
    if (dirty_.empty()) return;
    keepingPlace([&] {
        int first = static_cast<int>(items_.size());
        for (const qint64 id : dirty_) {
            const int index = chat_.indexOf(id);
            if (index < 0) continue;
            syncItem(index);
            layoutItem(index);
            first = std::min(first, index);
        }
        dirty_.clear();
        placeItems(first);
    });
    viewport()->update();
}

void TranscriptView::rebuildAll() {
    keepingPlace([&] {
        for (int i = 0; i < static_cast<int>(items_.size()); ++i) {
            for (Part& part : items_[i].parts) part.blocks.clear(), part.closed = false;
            syncItem(i);
            layoutItem(i);
        }
        placeItems(0);
    });
    viewport()->update();
}

// --- selection and copying -----------------------------------------------------------------

bool TranscriptView::hasSelection() const {
    return anchor_.item >= 0 && anchor_ != cursor_;
}

void TranscriptView::setSelection(const Place& anchor, const Place& cursor) {
    anchor_ = anchor;
    cursor_ = cursor;
    viewport()->update();
    emit selectionChanged();
}

QString TranscriptView::selectedText() const {
    if (!hasSelection()) return {};
    const Place first = std::min(anchor_, cursor_), last = std::max(anchor_, cursor_);
    QString out;
    for (int i = first.item; i <= last.item && i < static_cast<int>(items_.size()); ++i) {
        for (int p = 0; p < static_cast<int>(items_[i].parts.size()); ++p) {
            const Part& part = items_[i].parts[p];
            if (part.folded) continue;
            for (int b = 0; b < static_cast<int>(part.blocks.size()); ++b) {
                const Block::Selection range = selectionIn(i, p, b);
                if (range.begin >= range.end) continue;
                if (!out.isEmpty())
                    out += part.user && b > 0 ? QStringLiteral("\n") : QStringLiteral("\n\n");
                out += part.blocks[b]->text(range);
            }
        }
    }
    return out;
}

void TranscriptView::copySelection() {
    if (hasSelection()) QApplication::clipboard()->setText(selectedText());
}

void TranscriptView::selectAll() {
    if (items_.empty()) return;
    const int i = static_cast<int>(items_.size()) - 1;
    setSelection({0, 0, 0, 0}, {i, 1 << 20, 1 << 20, 1 << 20});
}

void TranscriptView::copyMessage(int index) {
    if (index < 0 || index >= chat_.size()) return;
    QApplication::clipboard()->setText(chat_.at(index).plainText(false));
}

QString TranscriptView::plainText() const {
    QString out;
    for (int i = 0; i < chat_.size(); ++i) {
        if (i > 0) out += QStringLiteral("\n\n");
        out += messageTitle(i) + QStringLiteral(":\n") + chat_.at(i).plainText(true);
    }
    return out;
}

// --- actions -------------------------------------------------------------------------------

void TranscriptView::togglePart(int message, int part) {
    if (message < 0 || message >= static_cast<int>(items_.size())) return;
    Item& item = items_[message];
    if (part < 0 || part >= static_cast<int>(item.parts.size())) return;
    item.parts[part].folded = !item.parts[part].folded;
    item.parts[part].touched = true;
    // The line that was clicked stays under the pointer.
    const double keep = top();
    follow_ = false;
    layoutItem(message);
    placeItems(message);
    verticalScrollBar()->setValue(static_cast<int>(keep));
    follow_ = verticalScrollBar()->value() >= verticalScrollBar()->maximum();
    viewport()->update();
}

void TranscriptView::foldAllThinking(bool folded) {
    keepingPlace([&] {
        for (int i = 0; i < static_cast<int>(items_.size()); ++i) {
            for (Part& part : items_[i].parts) {
                if (part.kind != ChatPart::Kind::thinking || part.user) continue;
                part.folded = folded;
                part.touched = true;
            }
            layoutItem(i);
        }
        placeItems(0);
    });
    viewport()->update();
}

void TranscriptView::setZoom(double zoom) {
    zoom = std::clamp(zoom, 0.6, 3.0);
    if (zoom == zoom_) return;
    zoom_ = zoom;
    updateFonts();
    rebuildAll();
    emit columnChanged();
}

void TranscriptView::setSideBySide(bool beside) {
    if (beside == beside_) return;
    beside_ = beside;
    rebuildAll();
    emit columnChanged();
}

void TranscriptView::moveCurrent(int step) {
    if (items_.empty()) return;
    const int last = static_cast<int>(items_.size()) - 1;
    current_ = current_ < 0 ? (step < 0 ? last : 0) : std::clamp(current_ + step, 0, last);
    const Item& item = items_[current_];
    const double height = viewport()->height();
    if (item.y < top() || item.y + item.height > top() + height)
        verticalScrollBar()->setValue(static_cast<int>(item.y - em_));
    setFocus(Qt::ShortcutFocusReason);
    viewport()->update();
    emit currentMessageChanged();
    focusTranscriptRow(this, current_);
}

void TranscriptView::scrollToEnd() {
    follow_ = true;
    settingScroll_ = true;
    verticalScrollBar()->setValue(verticalScrollBar()->maximum());
    settingScroll_ = false;
    viewport()->update();
}

void TranscriptView::selectToken(qint64 message, int token) {
    bridge_.selectToken(message, token);
}

void TranscriptView::activate(int index, const Spot& spot) {
    Item& item = items_[index];
    const ChatMessage& message = chat_.at(index);
    const auto relayout = [&] {
        keepingPlace([&] {
            syncItem(index);
            layoutItem(index);
            placeItems(index);
        });
        viewport()->update();
    };
    switch (spot.kind) {
        case Spot::Kind::fold:
            togglePart(index, spot.part);
            break;
        case Spot::Kind::showAll:
            item.showAll = true;
            item.parts[0].closed = false;
            follow_ = false;
            relayout();
            break;
        case Spot::Kind::copyCode: {
            const Block& block = *item.parts[spot.part].blocks[spot.block];
            QApplication::clipboard()->setText(block.text({0, block.length()}));
            QToolTip::showText(QCursor::pos(), tr("Copied"), viewport());
            break;
        }
        case Spot::Kind::copyMessage:
            copyMessage(index);
            QToolTip::showText(QCursor::pos(), tr("Copied"), viewport());
            break;
        case Spot::Kind::edit:
            emit editRequested(item.id);
            break;
        case Spot::Kind::retry:
            emit retryRequested();
            break;
        case Spot::Kind::copyDetails:
            QApplication::clipboard()->setText(message.parts[spot.part].error.sentence() + u'\n' +
                                               message.parts[spot.part].error.details);
            QToolTip::showText(QCursor::pos(), tr("Copied"), viewport());
            break;
        case Spot::Kind::details:
            item.parts[spot.part].detailsOpen = !item.parts[spot.part].detailsOpen;
            relayout();
            break;
        case Spot::Kind::branchBack:
            emit branchRequested(index, -1);
            break;
        case Spot::Kind::branchForward:
            emit branchRequested(index, 1);
            break;
        case Spot::Kind::goOn:
            emit continueRequested();
            break;
        case Spot::Kind::earlier:
            askedEarlier_ = true;
            emit earlierRequested();
            break;
    }
}

void TranscriptView::clickToken(const Place& place) {
    const ChatMessage& message = chat_.at(place.item);
    if (message.author != ChatMessage::Author::assistant ||
        place.part >= static_cast<int>(message.parts.size()))
        return;
    const Block& block = *items_[place.item].parts[place.part].blocks[place.block];
    const int byte = byteAt(block.runs(), message.parts[place.part].text, place.position);
    if (byte < 0) return;
    for (int i = 0; i < static_cast<int>(message.places.size()); ++i) {
        const TokenPlace& at = message.places[i];
        if (at.part == place.part && at.begin <= byte && byte < at.end) {
            bridge_.selectToken(message.id, i);
            return;
        }
    }
}

// --- events --------------------------------------------------------------------------------

void TranscriptView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    keepingPlace([&] {
        for (int i = 0; i < static_cast<int>(items_.size()); ++i) layoutItem(i);
        placeItems(0);
    });
    emit columnChanged();
}

void TranscriptView::scrollContentsBy(int, int) {
    viewport()->update();
}

void TranscriptView::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        updateFonts();
        rebuildAll();
        emit columnChanged();
    }
}

void TranscriptView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    const QPointF content = toContent(event->pos());
    int index = -1;
    if (const Spot* spot = spotAt(content, &index)) {
        const Spot copy = *spot;  // the list is rebuilt by what it does
        activate(index, copy);
        return;
    }
    dragging_ = true;
    moved_ = false;
    lastMouse_ = event->pos();
    const Place place = placeAt(content);
    setSelection(event->modifiers() & Qt::ShiftModifier && anchor_.item >= 0 ? anchor_ : place,
                 place);
    dragTimer_.start();
}

void TranscriptView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF content = toContent(event->pos());
    if (dragging_) {
        lastMouse_ = event->pos();
        const Place place = placeAt(content);
        if (place != cursor_) moved_ = true;
        setSelection(anchor_, place);
        return;
    }
    bool exact = false;
    const bool spot = spotAt(content, nullptr) != nullptr;
    (void)placeAt(content, &exact);
    viewport()->setCursor(spot    ? Qt::PointingHandCursor
                          : exact ? Qt::IBeamCursor
                                  : Qt::ArrowCursor);
}

void TranscriptView::mouseReleaseEvent(QMouseEvent* event) {
    if (!dragging_) return;
    dragging_ = false;
    dragTimer_.stop();
    if (moved_ || event->button() != Qt::LeftButton) return;
    bool exact = false;
    const Place place = placeAt(toContent(event->pos()), &exact);
    if (exact && place.item >= 0) clickToken(place);
}

void TranscriptView::mouseDoubleClickEvent(QMouseEvent* event) {
    bool exact = false;
    const Place place = placeAt(toContent(event->pos()), &exact);
    if (!exact || place.item < 0) return;
    const Block::Selection word =
        items_[place.item].parts[place.part].blocks[place.block]->wordAt(place.position);
    Place begin = place, end = place;
    begin.position = word.begin;
    end.position = word.end;
    setSelection(begin, end);
}

void TranscriptView::contextMenuEvent(QContextMenuEvent* event) {
    const int index = event->reason() == QContextMenuEvent::Keyboard
                          ? current_
                          : itemAt(toContent(event->pos()).y());
    QMenu menu(this);
    QAction* copy = menu.addAction(tr("Copy selection"), this, &TranscriptView::copySelection);
    copy->setEnabled(hasSelection());
    if (index >= 0 && index < chat_.size()) {
        menu.addAction(tr("Copy message"), this, [this, index] { copyMessage(index); });
        if (!messageActions_.isEmpty()) {
            current_ = index;
            viewport()->update();
            emit currentMessageChanged();
            menu.addSeparator();
            for (QAction* action : messageActions_) {
                if (action)
                    menu.addAction(action);
                else
                    menu.addSeparator();
            }
            menu.addSeparator();
        } else if (index == chat_.lastUserIndex())
            menu.addAction(tr("Edit and send again"), this,
                           [this, index] { emit editRequested(chat_.at(index).id); });
        const QPointF content = toContent(event->pos());
        bool exact = false;
        const Place place = placeAt(content, &exact);
        if (exact && place.item >= 0) {
            const Part& part = items_[place.item].parts[place.part];
            const Block& block = *part.blocks[place.block];
            const double indent = part.kind != ChatPart::Kind::answer ? std::round(em_ * 0.75) : 0;
            const QString link =
                block.anchorAt(QPointF(content.x() - part.x - indent,
                                       content.y() - items_[place.item].y - part.y - block.y));
            if (!link.isEmpty())
                menu.addAction(tr("Copy link address"), this,
                               [link] { QApplication::clipboard()->setText(link); });
        }
    }
    menu.addSeparator();
    menu.addAction(tr("Select all"), this, &TranscriptView::selectAll);
    menu.exec(event->globalPos());
}

void TranscriptView::keyPressEvent(QKeyEvent* event) {
    QScrollBar* bar = verticalScrollBar();
    if (event->matches(QKeySequence::Copy)) return copySelection();
    if (event->matches(QKeySequence::SelectAll)) return selectAll();
    switch (event->key()) {
        case Qt::Key_Up:
            bar->triggerAction(QAbstractSlider::SliderSingleStepSub);
            return;
        case Qt::Key_Down:
            bar->triggerAction(QAbstractSlider::SliderSingleStepAdd);
            return;
        case Qt::Key_PageUp:
            bar->triggerAction(QAbstractSlider::SliderPageStepSub);
            return;
        case Qt::Key_PageDown:
        case Qt::Key_Space:
            bar->triggerAction(QAbstractSlider::SliderPageStepAdd);
            return;
        case Qt::Key_Home:
            bar->triggerAction(QAbstractSlider::SliderToMinimum);
            return;
        case Qt::Key_End:
            scrollToEnd();
            return;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (current_ == 0 && chat_.hasEarlier() && event->modifiers() & Qt::ShiftModifier) {
                emit earlierRequested();
                return;
            }
            // Enter opens and closes what can be folded in the current message.
            if (current_ >= 0)
                for (const Spot& spot : items_[current_].spots)
                    if (spot.kind == Spot::Kind::fold || spot.kind == Spot::Kind::details ||
                        spot.kind == Spot::Kind::showAll) {
                        const Spot copy = spot;
                        activate(current_, copy);
                        return;
                    }
            break;
        default:
            break;
    }
    QAbstractScrollArea::keyPressEvent(event);
}

void TranscriptView::wheelEvent(QWheelEvent* event) {
    if (event->modifiers() & Qt::ControlModifier) {
        event->ignore();  // the window zooms
        return;
    }
    QAbstractScrollArea::wheelEvent(event);
}

void TranscriptView::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void TranscriptView::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

bool TranscriptView::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QPointF content = toContent(help->pos());
        bool exact = false;
        const Place place = placeAt(content, &exact);
        if (exact && place.item >= 0) {
            const Part& part = items_[place.item].parts[place.part];
            const Block& block = *part.blocks[place.block];
            const double indent = part.kind != ChatPart::Kind::answer ? std::round(em_ * 0.75) : 0;
            const QString link =
                block.anchorAt(QPointF(content.x() - part.x - indent,
                                       content.y() - items_[place.item].y - part.y - block.y));
            if (!link.isEmpty()) {
                QToolTip::showText(help->globalPos(), tr("%1 (shown, not opened)").arg(link),
                                   viewport());
                return true;
            }
        }
        QToolTip::hideText();
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TranscriptView::announce(int index) {
    QAccessibleEvent event(this, QAccessible::NameChanged);
    event.setChild(index);
    QAccessible::updateAccessibility(&event);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions/session_panel.h"

#include <QAction>
#include <QApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QStackedWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include "sessions/session_delegate.h"

namespace starglass::ui {
namespace {

// A search is a few milliseconds; the pause only keeps half words out of the way.
constexpr int kTypingMs = 60;

}  // namespace

SessionPanel::SessionPanel(QWidget* parent)
    : QWidget(parent),
      model_(new SessionModel(this)),
      search_(new QLineEdit(this)),
      tags_(new QToolButton(this)),
      list_(new QListView),
      pages_(new QStackedWidget(this)),
      empty_(new QLabel),
      typing_(new QTimer(this)) {
    setAccessibleName(tr("Sessions"));
    search_->setPlaceholderText(tr("Search all sessions…   Ctrl+F"));
    search_->setAccessibleName(tr("Search all sessions"));
    search_->setClearButtonEnabled(true);
    for (QToolButton* clear : search_->findChildren<QToolButton*>())
        clear->setAccessibleName(tr("Clear the search"));
    search_->installEventFilter(this);
    tags_->setText(tr("Tags"));
    tags_->setAccessibleName(tr("Show one tag"));
    tags_->setToolTip(tr("Show only sessions with one tag"));
    tags_->setPopupMode(QToolButton::InstantPopup);
    tags_->setMenu(new QMenu(tags_));
    tags_->hide();
    connect(tags_->menu(), &QMenu::aboutToShow, this, &SessionPanel::fillTags);

    list_->setModel(model_);
    list_->setItemDelegate(new SessionDelegate(list_));
    list_->setAccessibleName(tr("Sessions"));
    list_->setObjectName(QStringLiteral("sessionList"));
    list_->setUniformItemSizes(true);
    list_->setMouseTracking(true);
    list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setEditTriggers(QAbstractItemView::NoEditTriggers);  // F2 is an action of the window
    list_->setContextMenuPolicy(Qt::CustomContextMenu);
    list_->setProperty("sessions", true);
    list_->installEventFilter(this);
    empty_->setWordWrap(true);
    empty_->setAlignment(Qt::AlignTop | Qt::AlignHCenter);
    empty_->setContentsMargins(18, 28, 18, 18);
    empty_->setProperty("quiet", true);
    empty_->setTextFormat(Qt::PlainText);
    pages_->addWidget(list_);
    pages_->addWidget(empty_);

    auto* top = new QHBoxLayout;
    top->setContentsMargins(10, 10, 10, 6);
    top->setSpacing(6);
    top->addWidget(search_, 1);
    top->addWidget(tags_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(top);
    column->addWidget(pages_, 1);
    setMinimumWidth(170);

    typing_->setSingleShot(true);
    typing_->setInterval(kTypingMs);
    connect(search_, &QLineEdit::textChanged, this, [this](const QString& text) {
        if (text.trimmed().isEmpty()) {
            typing_->stop();
            model_->clearSearch();
            setCurrent(current_);
            updateEmpty();
        } else {
            typing_->start();
        }
    });
    connect(typing_, &QTimer::timeout, this, [this] { emit searchRequested(search_->text()); });
    connect(list_, &QListView::clicked, this, [this](const QModelIndex& index) {
        emit openRequested(index.data(SessionModel::kId).toLongLong());
    });
    connect(list_, &QListView::customContextMenuRequested, this, &SessionPanel::showMenu);
    connect(model_, &SessionModel::renamed, this, &SessionPanel::renamed);
    fitFonts();
    updateEmpty();
}

void SessionPanel::setListed(const SessionRows& rows) {
    listed_ = true;
    model_->setRows(rows);
    tags_->setVisible(!model_->allTags().isEmpty());
    setCurrent(current_);
    updateEmpty();
}

void SessionPanel::setRow(const SessionRow& row) {
    const bool tagged = !row.tags.isEmpty();
    const SessionRow* before = model_->find(row.id);
    const bool tagsChanged = tagged || (before && !before->tags.isEmpty());
    model_->setRow(row);
    if (tagsChanged)
        tags_->setVisible(!model_->allTags().isEmpty() || !model_->tagFilter().isEmpty());
    if (row.id == current_) setCurrent(current_);
    updateEmpty();
}

void SessionPanel::removeRow(qint64 session) {
    model_->removeRow(session);
    updateEmpty();
}

void SessionPanel::setFound(const QString& query, const SearchHits& hits) {
    if (query != search_->text()) return;
    model_->setHits(hits);
    updateEmpty();
}

void SessionPanel::setCurrent(qint64 session) {
    current_ = session;
    const QModelIndex index = session != 0 ? model_->indexOf(session) : QModelIndex();
    if (!index.isValid()) {
        list_->selectionModel()->clearSelection();
        list_->selectionModel()->setCurrentIndex({}, QItemSelectionModel::NoUpdate);
        return;
    }
    list_->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect);
}

qint64 SessionPanel::selected() const {
    const QModelIndex index = list_->currentIndex();
    return index.isValid() ? index.data(SessionModel::kId).toLongLong() : 0;
}

void SessionPanel::setZoom(double zoom) {
    zoom_ = zoom;
    fitFonts();
}

void SessionPanel::fitFonts() {
    QFont scaled = QApplication::font();
    if (scaled.pointSizeF() > 0)
        scaled.setPointSizeF(scaled.pointSizeF() * zoom_);
    else
        scaled.setPixelSize(std::max(6, qRound(scaled.pixelSize() * zoom_)));
    for (QWidget* widget : {static_cast<QWidget*>(list_), static_cast<QWidget*>(search_),
                            static_cast<QWidget*>(empty_), static_cast<QWidget*>(tags_)})
        widget->setFont(scaled);
    list_->doItemsLayout();
}

void SessionPanel::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) list_->viewport()->update();
}

void SessionPanel::focusSearch() {
    search_->setFocus(Qt::ShortcutFocusReason);
    search_->selectAll();
}

void SessionPanel::rename(qint64 session) {
    const QModelIndex index = model_->indexOf(session);
    if (!index.isValid()) return;
    list_->setFocus();
    list_->setCurrentIndex(index);
    list_->scrollTo(index);
    list_->edit(index);
}

QString SessionPanel::emptyText() const {
    return pages_->currentWidget() == empty_ ? empty_->text() : QString();
}

void SessionPanel::updateEmpty() {
    const bool none = model_->rowCount() == 0;
    if (none) {
        if (!listed_)
            empty_->setText(tr("Reading your sessions…"));
        else if (model_->searching())
            empty_->setText(tr("Nothing was said about “%1”.\nPress Escape to see all sessions.")
                                .arg(search_->text().trimmed()));
        else if (!model_->tagFilter().isEmpty())
            empty_->setText(tr("No session has the tag “%1”.").arg(model_->tagFilter()));
        else
            empty_->setText(
                tr("Your conversations will stand here, and can be searched and "
                   "gone on with at any time. They stay on this computer."));
    }
    QWidget* page = none ? static_cast<QWidget*>(empty_) : list_;
    if (pages_->currentWidget() != page) pages_->setCurrentWidget(page);
}

void SessionPanel::fillTags() {
    QMenu* menu = tags_->menu();
    menu->clear();
    const auto add = [&](const QString& text, const QString& tag) {
        QAction* one = menu->addAction(text, this, [this, tag] {
            model_->setTagFilter(tag);
            tags_->setText(tag.isEmpty() ? tr("Tags") : tag);
            updateEmpty();
        });
        one->setCheckable(true);
        one->setChecked(model_->tagFilter() == tag);
    };
    add(tr("All sessions"), {});
    menu->addSeparator();
    for (const QString& tag : model_->allTags()) add(tag, tag);
}

void SessionPanel::showMenu(const QPoint& position) {
    QModelIndex index = list_->indexAt(position);
    if (!index.isValid()) index = list_->currentIndex();
    if (!index.isValid()) return;
    list_->setCurrentIndex(index);
    emit menuAboutToShow(index.data(SessionModel::kId).toLongLong());
    QMenu menu(this);
    menu.setToolTipsVisible(true);
    for (QAction* action : rowActions_) {
        if (action)
            menu.addAction(action);
        else
            menu.addSeparator();
    }
    menu.exec(list_->viewport()->mapToGlobal(position));
}

bool SessionPanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (watched == search_) {
            if (key->key() == Qt::Key_Down || (enter && model_->rowCount() > 0)) {
                list_->setFocus(Qt::TabFocusReason);
                if (!list_->currentIndex().isValid() || enter)
                    list_->setCurrentIndex(model_->index(0));
                if (enter) emit openRequested(selected());
                return true;
            }
        }
        if (watched == list_ && enter && selected() != 0) {
            emit openRequested(selected());
            return true;
        }
    }
    // Escape is the window's Stop; here it ends the search first.
    if (event->type() == QEvent::ShortcutOverride && watched == search_ &&
        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape && !search_->text().isEmpty()) {
        event->accept();
        search_->clear();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window's sessions: the list on the left, what can be done with a session or a message, and
// what that costs.
#include <QAction>
#include <QDir>
#include <QDockWidget>
#include <QFileDialog>
#include <QInputDialog>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QResizeEvent>
#include <QSettings>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "bridge/cache_service.h"
#include "library/library_service.h"
#include "library/session_controller.h"
#include "sessions/session_panel.h"
#include "sessions/undo_bar.h"
#include "shell/composer.h"
#include "shell/main_window.h"
#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

// Below this the conversation needs the room more than the list does.
constexpr int kSidebarWindowWidthMin = 720;
constexpr int kSidebarWidth = 238;

QKeySequence key(const char* keys) {
    return QKeySequence(QLatin1String(keys));
}

// "Fork from this message · 12k tokens: 0.3 s (else ≈ 50 s)"
QString priced(const QString& text, const QString& price) {
    return price.isEmpty() ? text : text + QStringLiteral(" · ") + price;
}

}  // namespace

void MainWindow::buildSessions() {
    sidebar_ = new SessionPanel(this);
    sidebarDock_ = new QDockWidget(tr("Sessions"), this);
    sidebarDock_->setObjectName(QStringLiteral("sessionsDock"));
    sidebarDock_->setAllowedAreas(Qt::LeftDockWidgetArea | Qt::RightDockWidgetArea);
    sidebarDock_->setFeatures(QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable);
    auto* noTitle = new QWidget(sidebarDock_);
    (new QHBoxLayout(noTitle))->setContentsMargins(0, 0, 0, 0);
    sidebarDock_->setTitleBarWidget(noTitle);
    sidebarDock_->setWidget(sidebar_);
    addDockWidget(Qt::LeftDockWidgetArea, sidebarDock_);
    resizeDocks({sidebarDock_}, {kSidebarWidth}, Qt::Horizontal);
}

void MainWindow::addSessionActions(QMenu* menu) {
    add(menu, QStringLiteral("openSession"), tr("&Open session"), key("Ctrl+Shift+O"),
        [this] { sessions_->open(targetSession()); });
    add(menu, QStringLiteral("searchSessions"), tr("&Search all sessions…"), QKeySequence::Find,
        [this] {
            action(QStringLiteral("sidebar"))->setChecked(true);
            sidebarDock_->show();
            sidebar_->focusSearch();
        });
    menu->addSeparator();
    add(menu, QStringLiteral("renameSession"), tr("Rena&me session"), key("F2"), [this] {
        action(QStringLiteral("sidebar"))->setChecked(true);
        sidebarDock_->show();
        sidebar_->rename(targetSession());
    });
    QAction* pin =
        add(menu, QStringLiteral("pinSession"), tr("P&in session"), key("Ctrl+Shift+P"), [this] {
            const SessionRow* row = sidebar_->model().find(targetSession());
            if (row) library_->setPinned(row->id, !row->pinned);
        });
    pin->setCheckable(true);
    add(menu, QStringLiteral("tagSession"), tr("&Tags…"), key("Ctrl+Shift+T"),
        [this] { editTags(); });
    QMenu* out = menu->addMenu(tr("&Export session"));
    add(out, QStringLiteral("exportMarkdown"), tr("As &Markdown…"), key("Ctrl+Shift+M"),
        [this] { exportSession(tr("Markdown (*.md)"), QStringLiteral(".md"), false); });
    add(out, QStringLiteral("exportJson"), tr("As &JSON…"), key("Ctrl+Shift+J"),
        [this] { exportSession(tr("Session (*.json)"), QStringLiteral(".json"), false); });
    add(out, QStringLiteral("exportKv"), tr("As JSON with the model's &state…"),
        key("Ctrl+Shift+S"),
        [this] { exportSession(tr("Session (*.json)"), QStringLiteral(".json"), true); });
    add(menu, QStringLiteral("importSession"), tr("&Import session…"), key("Ctrl+Shift+I"),
        [this] { importSession(); });
    add(menu, QStringLiteral("deleteSession"), tr("&Delete session"), key("Ctrl+Alt+D"),
        [this] { sessions_->deleteSession(targetSession()); });
    add(menu, QStringLiteral("undoDelete"), tr("&Undo deleting"), key("Ctrl+Alt+Z"),
        [this] { undoBar_->undo(); });

    QList<QAction*> row;
    for (const char* name : {"openSession", "renameSession", "pinSession", "tagSession", "",
                             "exportMarkdown", "exportJson", "exportKv", "", "deleteSession"})
        row << actions_.value(QLatin1String(name));
    sidebar_->setRowActions(row);
}

void MainWindow::addMessageActions(QMenu* menu) {
    add(menu, QStringLiteral("continueAnswer"), tr("C&ontinue answer"), key("Ctrl+Shift+R"),
        [this] { chat_->continueReply(); });
    add(menu, QStringLiteral("previousBranch"), tr("Pre&vious version"), key("Alt+Left"), [this] {
        const int index = targetMessage();
        sessions_->switchBranch(index >= 0 ? index : chat_->size() - 1, -1);
    });
    add(menu, QStringLiteral("nextBranch"), tr("Next versio&n"), key("Alt+Right"), [this] {
        const int index = targetMessage();
        sessions_->switchBranch(index >= 0 ? index : chat_->size() - 1, 1);
    });
    add(menu, QStringLiteral("forkMessage"), tr("&Fork from this message"), key("Ctrl+Shift+N"),
        [this] {
            const int index = targetMessage();
            sessions_->forkAt(index >= 0 ? index : chat_->size() - 1);
        });
    add(menu, QStringLiteral("deleteMessage"), tr("Delete message and what follo&ws"),
        key("Ctrl+Alt+Backspace"), [this] {
            const int index = targetMessage();
            sessions_->deleteFrom(index >= 0 ? index : chat_->size() - 1);
        });
    add(menu, QStringLiteral("showEarlier"), tr("S&how earlier messages"), key("Alt+Home"),
        [this] { sessions_->showEarlier(); });

    QList<QAction*> message;
    for (const char* name : {"editLast", "regenerate", "continueAnswer", "", "previousBranch",
                             "nextBranch", "", "forkMessage", "deleteMessage"})
        message << actions_.value(QLatin1String(name));
    transcript_->setMessageActions(message);
}

void MainWindow::connectSessions() {
    connect(transcript_, &TranscriptView::branchRequested, sessions_,
            &SessionController::switchBranch);
    connect(transcript_, &TranscriptView::earlierRequested, sessions_,
            &SessionController::showEarlier);
    connect(transcript_, &TranscriptView::continueRequested, chat_, &Chat::continueReply);
    connect(transcript_, &TranscriptView::currentMessageChanged, this,
            &MainWindow::updateSessionState);

    connect(sidebar_, &SessionPanel::openRequested, this, [this](qint64 session) {
        endEditing();
        sessions_->open(session);
    });
    connect(sidebar_, &SessionPanel::searchRequested, library_, &LibraryService::search);
    connect(sidebar_, &SessionPanel::renamed, this, [this](qint64 session, const QString& title) {
        library_->setTitle(session, title, TitleSource::user);
    });
    connect(sidebar_, &SessionPanel::menuAboutToShow, this, &MainWindow::updateSessionState);
    connect(sidebar_->view().selectionModel(), &QItemSelectionModel::currentChanged, this,
            &MainWindow::updateSessionState);

    connect(library_, &LibraryService::opened, this, [this](bool usable, const QString& notice) {
        if (!notice.isEmpty()) undoBar_->say(notice, true);
        if (!usable || !options_.remember) return;
        const qint64 last = QSettings().value(QStringLiteral("session/last"), 0).toLongLong();
        if (last != 0 && sessions_->current() == 0 && chat_->size() == 0) sessions_->open(last);
    });
    connect(library_, &LibraryService::listed, this, [this](const SessionRows& rows) {
        sidebar_->setListed(rows);
        updateState();
    });
    connect(library_, &LibraryService::rowChanged, this, [this](const SessionRow& row) {
        sidebar_->setRow(row);
        updateState();
    });
    connect(library_, &LibraryService::found, sidebar_, &SessionPanel::setFound);
    connect(library_, &LibraryService::failed, this,
            [this](const QString& sentence) { undoBar_->say(sentence); });
    connect(library_, &LibraryService::savingPaused, this, [this](const QString& reason) {
        if (reason.isEmpty())
            undoBar_->say(tr("Saving goes on: everything is written."));
        else
            undoBar_->say(reason, true);
    });
    connect(library_, &LibraryService::exported, this, [this](const QString& path) {
        undoBar_->say(tr("Exported to %1.").arg(QDir::toNativeSeparators(path)));
    });
    connect(library_, &LibraryService::checkpointsListed, this,
            [this](const CheckpointInfos& infos, const CacheRate& rate) {
                PriceBook prices = sidebar_->model().prices();
                prices.setCheckpoints(infos, rate);
                sidebar_->setPrices(prices);
                updateSessionState();
            });

    connect(sessions_, &SessionController::currentChanged, this, [this](qint64 session) {
        sidebar_->setCurrent(session);
        updateState();
    });
    connect(sessions_, &SessionController::liveChanged, this, &MainWindow::updatePrices);
    connect(sessions_, &SessionController::rateChanged, this, &MainWindow::updatePrices);
    connect(sessions_, &SessionController::shown, this,
            [this](qint64, const SessionSettings& settings, const QStringList& queued) {
                if (settings.known) {
                    setThink(settings.think);
                    action(QStringLiteral("tools"))->setChecked(settings.tools);
                }
                // Typed before the program ended, and never sent.
                if (!queued.isEmpty() && composer_->text().trimmed().isEmpty())
                    composer_->setText(queued.join(QStringLiteral("\n\n")));
                countSoon();
                updateState();
            });
    connect(sessions_, &SessionController::pathChanged, this, &MainWindow::updateState);
    connect(sessions_, &SessionController::messageDeleted, this, [this] {
        undoBar_->offer(tr("The message and what followed it were deleted."),
                        [this] { sessions_->undoDelete(); });
        updateState();
    });
    connect(sessions_, &SessionController::sessionDeleted, this, [this](qint64 session) {
        const SessionRow* row = sidebar_->model().find(session);
        const QString title = row ? row->title : QString();
        sidebar_->removeRow(session);
        undoBar_->offer(tr("“%1” was deleted.").arg(title),
                        [this] { sessions_->undoDeleteSession(); });
        updateState();
    });

    connect(bridge_, &EngineBridge::cacheReady, this,
            [this](const KvCachePtr& cache, const UserError&) {
                if (cache) library_->setCache(cache);
            });
    // Something was written, loaded or evicted: badges and prices may be others now.
    connect(cache_, &CacheService::viewChanged, library_, &LibraryService::refreshCheckpoints);
    connect(bridge_, &EngineBridge::modelReady, this, &MainWindow::updatePrices);
}

void MainWindow::updatePrices() {
    PriceBook prices = sidebar_->model().prices();
    prices.live = sessions_->live();
    prices.prefillRate = sessions_->prefillRate();
    prices.modelFingerprint =
        bridge_->model() ? QString::fromStdString(bridge_->model()->fingerprint) : QString();
    sidebar_->setPrices(prices);
    updateSessionState();
}

int MainWindow::targetMessage() const {
    return transcript_->hasFocus() ? transcript_->currentMessage() : -1;
}

qint64 MainWindow::targetSession() const {
    const qint64 selected = sidebar_->view().hasFocus() ? sidebar_->selected() : 0;
    return selected != 0 ? selected : sessions_->current();
}

void MainWindow::updateSessionState() {
    const qint64 session = targetSession();
    const SessionRow* row = sidebar_->model().find(session);
    const PriceBook& prices = sidebar_->model().prices();
    const auto set = [this](const char* name, bool on) {
        action(QLatin1String(name))->setEnabled(on);
    };
    for (const char* name : {"renameSession", "pinSession", "tagSession", "exportMarkdown",
                             "exportJson", "exportKv", "deleteSession"})
        set(name, row != nullptr);
    set("openSession", row != nullptr && session != sessions_->current());
    action(QStringLiteral("pinSession"))->setChecked(row != nullptr && row->pinned);
    action(QStringLiteral("openSession"))
        ->setText(priced(tr("&Open session"), row ? priceText(prices.price(*row)) : QString()));
    set("undoDelete", undoBar_->isVisible() && undoBar_->button()->isVisible());

    const int chosen = targetMessage();
    const int index = chosen >= 0 && chosen < chat_->size() ? chosen : chat_->size() - 1;
    const bool any = index >= 0 && sessions_->current() != 0;
    set("continueAnswer", chat_->canContinue());
    set("previousBranch", any && sessions_->canSwitchBranch(index, -1));
    set("nextBranch", any && sessions_->canSwitchBranch(index, 1));
    set("forkMessage", any && !chat_->at(index).queued && !chat_->at(index).running);
    set("deleteMessage", any);
    set("showEarlier", chat_->hasEarlier());
    // What it takes to be where the message at `end` is not written yet.
    const auto priceBefore = [&](int end) {
        if (!any) return QString();
        for (int i = std::min(end, chat_->size()) - 1; i >= 0; --i) {
            const ChatMessage& message = chat_->at(i);
            if (message.author != ChatMessage::Author::assistant || message.timelineTokens == 0)
                continue;
            return priceText(
                prices.price(message.checkpoint, message.promptCheckpoint, message.timelineTokens));
        }
        return QString();
    };
    action(QStringLiteral("forkMessage"))
        ->setText(priced(tr("&Fork from this message"), priceBefore(index + 1)));
    action(QStringLiteral("editLast"))
        ->setText(
            priced(tr("&Edit message"), priceBefore(chosen >= 0 ? index : chat_->lastUserIndex())));
}

void MainWindow::fitSidebar() {
    const QAction* toggle = action(QStringLiteral("sidebar"));
    const bool wanted = toggle && toggle->isChecked();
    sidebarDock_->setVisible(wanted && width() >= kSidebarWindowWidthMin);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    fitSidebar();
}

void MainWindow::editTags() {
    const SessionRow* row = sidebar_->model().find(targetSession());
    if (!row) return;
    const qint64 session = row->id;
    bool good = false;
    const QString text = QInputDialog::getText(
        this, tr("Tags"), tr("Tags of “%1”, separated by commas:").arg(row->title),
        QLineEdit::Normal, row->tags.join(QStringLiteral(", ")), &good);
    if (good) library_->setTags(session, text.split(u',', Qt::SkipEmptyParts));
}

void MainWindow::exportSession(const QString& filter, const QString& ending, bool kv) {
    const SessionRow* row = sidebar_->model().find(targetSession());
    if (!row) return;
    const qint64 session = row->id;
    QString name = row->title.left(60);
    name.replace(QRegularExpression(QStringLiteral(R"([/\\:*?"<>|\x00-\x1f])")),
                 QStringLiteral("_"));
    QString path = QFileDialog::getSaveFileName(this, tr("Export session"), name + ending, filter);
    if (path.isEmpty()) return;
    if (!path.endsWith(ending, Qt::CaseInsensitive)) path += ending;
    sessions_->flush();
    if (ending == QLatin1String(".md"))
        library_->exportMarkdown(session, path);
    else
        library_->exportJson(session, path, kv);
}

void MainWindow::importSession() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Import session"), {},
                                                      tr("Session (*.json);;All files (*)"));
    if (!path.isEmpty()) library_->importJson(path);
}

}  // namespace starglass::ui

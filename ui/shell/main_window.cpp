// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/main_window.h"

#include <QActionGroup>
#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QLocale>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSettings>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTimer>
#include <QUrl>
#include <QVBoxLayout>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "bridge/error_text.h"
#include "library/library_service.h"
#include "library/session_controller.h"
#include "sessions/session_panel.h"
#include "sessions/undo_bar.h"
#include "shell/command_palette.h"
#include "shell/composer.h"
#include "shell/notice.h"
#include "shell/placement_text.h"
#include "shell/status_strip.h"
#include "shell/welcome.h"
#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

// Counting waits for a pause in typing: encoding a long conversation is not free.
constexpr int kCountDelayMs = 120;

// "48.2k" from 10,000 on: the status line has little room.
QString tokensText(std::int64_t tokens) {
    const QLocale locale;
    if (tokens < 10'000) return locale.toString(static_cast<qlonglong>(tokens));
    if (tokens < 100'000) return locale.toString(static_cast<double>(tokens) / 1000, 'f', 1) + u'k';
    return locale.toString(static_cast<qlonglong>(tokens / 1000)) + u'k';
}

// A rate that is not quite all is never written as if it were.
QString hitRateText(double rate) {
    const double percent = rate * 100;
    const bool fine = percent > 99 && percent < 100;
    return MainWindow::tr("%1 %").arg(
        QLocale().toString(fine ? std::floor(percent * 10) / 10 : percent, 'f', fine ? 1 : 0));
}

}  // namespace

MainWindow::MainWindow(WindowOptions options, QWidget* parent)
    : QMainWindow(parent), options_(std::move(options)) {
    setObjectName(QStringLiteral("mainWindow"));
    setAcceptDrops(true);
    resize(1180, 780);
    setMinimumSize(420, 360);
    bridge_ = new EngineBridge(options_.openers, this);
    bridge_->setOptions(options_.engine);
    chat_ = new Chat(*bridge_, this);
    devices_ = new DeviceList(options_.openers.devices, this);
    plans_ = new PlanService(options_.openers.plan,
                             options_.openers.memory ? options_.openers.memory() : 0, this);
    cache_ = new CacheService(this);
    experts_ = new ExpertService(options_.openers.simulate, this);
    experts_->follow(*bridge_);
    countTimer_ = new QTimer(this);
    countTimer_->setSingleShot(true);
    countTimer_->setInterval(kCountDelayMs);
    library_ = new LibraryService(options_.library, this);
    sessions_ = new SessionController(*chat_, *bridge_, *library_, this);
    buildCentral();
    buildSessions();
    buildMenus();
    connectEngine();
    connectPlacement();
    updateCache();
    connectSessions();
    applyStyle();
    if (options_.remember) loadPreferences();
    updateState();
    library_->open();
    composer_->setFocus();
}

// The bridge joins its thread before the widgets go: nothing can call back into them.
MainWindow::~MainWindow() {
    disconnect(bridge_, nullptr, this, nullptr);
    disconnect(chat_, nullptr, this, nullptr);
    disconnect(cache_, nullptr, this, nullptr);
    disconnect(experts_, nullptr, this, nullptr);
    // What is being written stays, and is on disk before the window is gone.
    chat_->interrupt();
    sessions_->flush();
    delete sessions_;
    delete library_;
}

// --- building ------------------------------------------------------------------------------

void MainWindow::buildCentral() {
    auto* central = new QWidget(this);
    central->setBackgroundRole(QPalette::Base);
    central->setAutoFillBackground(true);
    auto* column = new QVBoxLayout(central);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);

    notice_ = new Notice(central);
    pages_ = new QStackedWidget(central);
    welcome_ = new Welcome(pages_);
    transcript_ = new TranscriptView(*chat_, *bridge_, pages_);
    transcript_->setObjectName(QStringLiteral("transcript"));
    pages_->addWidget(welcome_);
    pages_->addWidget(transcript_);

    composerRow_ = new QWidget(central);
    auto* row = new QVBoxLayout(composerRow_);
    row->setContentsMargins(24, 8, 24, 14);
    row->setSpacing(4);
    composer_ = new Composer(composerRow_);
    marker_ = new QLabel(tr("Built-in model: shows the tools, not the quality"), composerRow_);
    marker_->setProperty("quiet", true);
    marker_->setAlignment(Qt::AlignHCenter);
    marker_->hide();
    row->addWidget(composer_);
    row->addWidget(marker_);

    undoBar_ = new UndoBar(central);
    column->addWidget(notice_);
    column->addWidget(pages_, 1);
    column->addWidget(undoBar_);
    column->addWidget(composerRow_);
    setCentralWidget(central);

    dock_ = new QDockWidget(tr("Inspector"), this);
    dock_->setObjectName(QStringLiteral("inspectorDock"));
    dock_->setAllowedAreas(Qt::LeftDockWidgetArea | Qt::RightDockWidgetArea);
    dock_->setFeatures(QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable);
    auto* noTitle = new QWidget(dock_);  // its tabs say what it is
    (new QHBoxLayout(noTitle))->setContentsMargins(0, 0, 0, 0);
    dock_->setTitleBarWidget(noTitle);
    addDockWidget(Qt::RightDockWidgetArea, dock_);
    dock_->hide();

    status_ = new StatusStrip(this);
    status_->setProperty("strip", true);
    status_->setAttribute(Qt::WA_StyledBackground);
    auto* bar = new QStatusBar(this);
    bar->setSizeGripEnabled(false);
    bar->setContentsMargins(0, 0, 0, 0);
    bar->addWidget(status_, 1);
    setStatusBar(bar);

    connect(transcript_, &TranscriptView::columnChanged, this, &MainWindow::alignComposer);
    connect(transcript_, &TranscriptView::editRequested, this,
            [this](qint64 message) { startEditing(chat_->indexOf(message)); });
    connect(transcript_, &TranscriptView::retryRequested, this, [this] { chat_->regenerate(); });
    connect(welcome_, &Welcome::promptChosen, this, &MainWindow::send);
    connect(welcome_, &Welcome::modelWanted, this, &MainWindow::chooseModel);
    connect(welcome_, &Welcome::inspectorWanted, this,
            [this] { action(QStringLiteral("inspector"))->setChecked(true); });
    connect(welcome_, &Welcome::agentsWanted, this, &MainWindow::showAgents);
    connect(composer_, &Composer::sendRequested, this, &MainWindow::send);
    connect(composer_, &Composer::stopRequested, this, &MainWindow::stopOrCancel);
    connect(composer_, &Composer::draftChanged, this, &MainWindow::countSoon);
    connect(composer_, &Composer::thinkChanged, this, &MainWindow::setThink);
    connect(notice_, &Notice::cancelRequested, this, [this] { bridge_->cancelLoad(); });
    connect(notice_, &Notice::openRequested, this, &MainWindow::chooseModel);
    composer_->edit()->installEventFilter(this);
    composerRow_->installEventFilter(this);
}

QAction* MainWindow::add(QMenu* menu, const QString& name, const QString& text,
                         const QKeySequence& keys, std::function<void()> what) {
    auto* action = new QAction(text, this);
    action->setObjectName(name);
    action->setShortcut(keys);
    if (what) connect(action, &QAction::triggered, this, [what = std::move(what)] { what(); });
    menu->addAction(action);
    // Also on the window, so that shortcuts work while the menu bar is hidden.
    addAction(action);
    actions_.insert(name, action);
    order_.push_back(action);
    return action;
}

void MainWindow::buildMenus() {
    const auto key = [](const char* keys) { return QKeySequence(QLatin1String(keys)); };

    QMenu* file = menuBar()->addMenu(tr("&File"));
    add(file, QStringLiteral("openModel"), tr("&Open model…"), QKeySequence::Open,
        [this] { chooseModel(); });
    add(file, QStringLiteral("attach"), tr("&Add text file to the message…"), key("Ctrl+Shift+A"),
        [this] { attachFile(); });
    file->addSeparator();
    add(file, QStringLiteral("quit"), tr("&Quit"), key("Ctrl+Q"), [this] { close(); });

    QMenu* session = menuBar()->addMenu(tr("&Session"));
    add(session, QStringLiteral("newChat"), tr("&New chat"), QKeySequence::New, [this] {
        endEditing();
        sessions_->newChat();
        composer_->setFocus();
    });
    addSessionActions(session);
    session->addSeparator();
    add(session, QStringLiteral("stop"), tr("&Stop"), key("Esc"), [this] { stopOrCancel(); });
    add(session, QStringLiteral("regenerate"), tr("&Regenerate answer"), key("Ctrl+R"),
        [this] { chat_->regenerate(targetMessage()); });
    add(session, QStringLiteral("editLast"), tr("&Edit message"), key("Ctrl+E"),
        [this] { editLast(); });
    addMessageActions(session);
    session->addSeparator();
    add(session, QStringLiteral("copyMessage"), tr("&Copy message"), key("Ctrl+Shift+C"), [this] {
        const int current = transcript_->currentMessage();
        transcript_->copyMessage(current >= 0 ? current : chat_->size() - 1);
    });
    add(session, QStringLiteral("previousMessage"), tr("&Previous message"), key("Alt+Up"),
        [this] { transcript_->moveCurrent(-1); });
    add(session, QStringLiteral("nextMessage"), tr("Ne&xt message"), key("Alt+Down"),
        [this] { transcript_->moveCurrent(1); });
    add(session, QStringLiteral("toEnd"), tr("&Go to the end"), key("Alt+End"),
        [this] { transcript_->scrollToEnd(); });

    QMenu* model = menuBar()->addMenu(tr("&Model"));
    add(model, QStringLiteral("builtin"), tr("Use &built-in model"), key("Ctrl+Shift+B"),
        [this] { openBuiltin(); });
    add(model, QStringLiteral("cancelLoad"), tr("&Cancel loading"), key("Ctrl+."),
        [this] { bridge_->cancelLoad(); });
    add(model, QStringLiteral("placement"), tr("Where it &runs…"), key("Ctrl+Shift+G"),
        [this] { showPlacement(); });
    status_->model->setAction(action(QStringLiteral("placement")));
    model->addSeparator();
    auto* think = new QActionGroup(this);
    const std::pair<const char*, QString> modes[] = {{"thinkOff", tr("Thinking &off")},
                                                     {"thinkOn", tr("Thinking o&n")},
                                                     {"thinkMax", tr("Thinking &max")}};
    for (int i = 0; i < 3; ++i) {
        QAction* mode = add(model, QLatin1String(modes[i].first), modes[i].second,
                            QKeySequence(Qt::CTRL | Qt::Key(Qt::Key_1 + i)),
                            [this, i] { setThink(static_cast<ThinkMode>(i)); });
        mode->setCheckable(true);
        think->addAction(mode);
    }
    action(QStringLiteral("thinkOn"))->setChecked(true);
    model->addSeparator();
    QAction* tools = add(model, QStringLiteral("tools"), tr("Demo &tools: clock and calculator"),
                         key("Ctrl+T"), {});
    tools->setCheckable(true);
    tools->setChecked(true);
    connect(tools, &QAction::toggled, this, [this](bool on) {
        chat_->setToolsEnabled(on);
        sessions_->setSettings(chat_->think(), on);
        countSoon();
    });
    connect(tools, &QAction::triggered, this, [this] { toolsChosen_ = true; });

    QMenu* view = menuBar()->addMenu(tr("&View"));
    QAction* sidebar =
        add(view, QStringLiteral("sidebar"), tr("Show &sessions"), key("Ctrl+Shift+L"), {});
    sidebar->setCheckable(true);
    sidebar->setChecked(true);
    connect(sidebar, &QAction::toggled, this, &MainWindow::fitSidebar);
    view->addSeparator();
    add(view, QStringLiteral("zoomIn"), tr("Zoom &in"), QKeySequence::ZoomIn,
        [this] { setZoom(zoom_ * 1.1); });
    action(QStringLiteral("zoomIn"))->setShortcuts({key("Ctrl++"), key("Ctrl+=")});
    add(view, QStringLiteral("zoomOut"), tr("Zoom &out"), key("Ctrl+-"),
        [this] { setZoom(zoom_ / 1.1); });
    add(view, QStringLiteral("zoomReset"), tr("Normal &size"), key("Ctrl+0"),
        [this] { setZoom(1.0); });
    view->addSeparator();
    QAction* beside = add(view, QStringLiteral("sideBySide"), tr("Thinking &beside the answer"),
                          key("Ctrl+Shift+D"), {});
    beside->setCheckable(true);
    connect(beside, &QAction::toggled, this, [this](bool on) { transcript_->setSideBySide(on); });
    add(view, QStringLiteral("foldThinking"), tr("&Fold all thinking"), key("Ctrl+Shift+F"),
        [this] { transcript_->foldAllThinking(true); });
    add(view, QStringLiteral("unfoldThinking"), tr("&Unfold all thinking"), key("Ctrl+Shift+E"),
        [this] { transcript_->foldAllThinking(false); });
    add(view, QStringLiteral("plainText"), tr("Transcript as &plain text"), key("F7"),
        [this] { showPlainText(); });
    view->addSeparator();
    QMenu* theme = view->addMenu(tr("&Theme"));
    auto* themes = new QActionGroup(this);
    const std::tuple<const char*, QString, const char*, ThemeChoice> choices[] = {
        {"themeDesktop", tr("As the &desktop"), "Ctrl+Alt+0", ThemeChoice::desktop},
        {"themeLight", tr("&Light"), "Ctrl+Alt+1", ThemeChoice::light},
        {"themeDark", tr("Dar&k"), "Ctrl+Alt+2", ThemeChoice::dark}};
    for (const auto& [name, text, keys, choice] : choices) {
        QAction* one = add(theme, QLatin1String(name), text, key(keys),
                           [this, choice = choice] { setTheme(choice); });
        one->setCheckable(true);
        one->setChecked(currentThemeChoice() == choice);
        themes->addAction(one);
    }
    add(view, QStringLiteral("fullScreen"), tr("F&ull screen"), key("F11"),
        [this] { setWindowState(windowState() ^ Qt::WindowFullScreen); });
    view->addSeparator();
    add(view, QStringLiteral("nextPane"), tr("Next p&ane"), key("F6"), [this] { nextPane(1); });
    add(view, QStringLiteral("previousPane"), tr("Pre&vious pane"), key("Shift+F6"),
        [this] { nextPane(-1); });
    add(view, QStringLiteral("commandPalette"), tr("&Command palette…"), key("Ctrl+K"), [this] {
        CommandPalette palette(order_, this);
        palette.exec();
    });

    QMenu* inspect = menuBar()->addMenu(tr("&Inspect"));
    QAction* inspector =
        add(inspect, QStringLiteral("inspector"), tr("Show &inspector"), key("Ctrl+I"), {});
    inspector->setCheckable(true);
    connect(inspector, &QAction::toggled, this, [this](bool on) {
        if (dock_->widget()) dock_->setVisible(on);
    });

    add(inspect, QStringLiteral("showCache"), tr("Cache on &disk"), key("Ctrl+Shift+K"), [this] {
        action(QStringLiteral("inspector"))->setChecked(true);
        emit cacheWanted();
    });
    status_->kv->setAction(action(QStringLiteral("showCache")));
    add(inspect, QStringLiteral("showExperts"), tr("&Experts"), key("Ctrl+Shift+H"), [this] {
        action(QStringLiteral("inspector"))->setChecked(true);
        emit expertsWanted();
    });
    status_->experts->setAction(action(QStringLiteral("showExperts")));

    QMenu* help = menuBar()->addMenu(tr("&Help"));
    add(help, QStringLiteral("shortcuts"), tr("&Keyboard shortcuts"), key("F1"),
        [this] { showShortcuts(); });
    add(help, QStringLiteral("agents"), tr("Connect an &agent"), key("Shift+F1"),
        [this] { showAgents(); });
    add(help, QStringLiteral("about"), tr("A&bout Starglass"), key("Ctrl+F1"),
        [this] { showAbout(); });
}

void MainWindow::connectEngine() {
    connect(bridge_, &EngineBridge::loadStarted, this, [this](const QString& path) {
        notice_->showLoading(path.isEmpty() ? tr("the built-in model")
                                            : QFileInfo(path).fileName());
        updateState();
    });
    connect(bridge_, &EngineBridge::loadProgress, notice_, &Notice::showProgress);
    connect(bridge_, &EngineBridge::loadFailed, this,
            [this](const UserError& error, bool cancelled) {
                if (cancelled)
                    notice_->hide();
                else
                    showDeviceError(error, true);
                updateState();
            });
    connect(bridge_, &EngineBridge::modelReady, this, [this](const ModelInfoPtr& model) {
        if (!bridge_->loading()) notice_->hide();
        welcome_->setBuiltin(model->builtin);
        welcome_->setModelName(QString::fromStdString(model->name));
        composer_->setContextLimit(bridge_->stats().limitTokens);
        if (!toolsChosen_) action(QStringLiteral("tools"))->setChecked(model->builtin);
        countSoon();
        updateState();
    });
    connect(bridge_, &EngineBridge::cacheReady, cache_, &CacheService::setCache);
    connect(cache_, &CacheService::viewChanged, this, &MainWindow::updateCache);
    connect(cache_, &CacheService::cacheChanged, this, &MainWindow::updateCache);
    connect(cache_, &CacheService::budgetChanged, this, [this](qint64 bytes) {
        if (options_.remember) QSettings().setValue(QStringLiteral("cache/budget"), bytes);
    });
    connect(experts_, &ExpertService::streamingChanged, this, &MainWindow::updateExperts);
    connect(experts_, &ExpertService::recentChanged, this, &MainWindow::updateExperts);
    connect(experts_, &ExpertService::snapshotTaken, this, &MainWindow::updateExperts);
    connect(bridge_, &EngineBridge::stateChanged, this, &MainWindow::updateState);
    connect(bridge_, &EngineBridge::statsChanged, this, &MainWindow::updateStatus);
    connect(bridge_, &EngineBridge::prefillProgress, this, [this](const PrefillProgress& progress) {
        prefillPercent_ =
            progress.tokens_total > 0 ? 100 * progress.tokens_done / progress.tokens_total : 100;
        prefillSeconds_ = progress.seconds;
        updateStatus();
    });
    connect(&bridge_->counter(), &TokenCounter::counted, this, [this](const TokenCount& count) {
        count_ = count;
        if (composer_->text().trimmed().isEmpty()) count_ = {};
        composer_->setCount(count_, chat_->usedTokens(), bridge_->stats().limitTokens);
    });
    connect(countTimer_, &QTimer::timeout, this, [this] {
        const QString draft = composer_->text();
        if (draft.trimmed().isEmpty()) {
            count_ = {};
            composer_->setCount({}, chat_->usedTokens(), bridge_->stats().limitTokens);
        } else {
            bridge_->counter().count(chat_->conversationWith(draft), composer_->think());
        }
    });
    connect(chat_, &Chat::stateChanged, this, &MainWindow::updateState);
    connect(chat_, &Chat::inserted, this, &MainWindow::updateState);
    connect(chat_, &Chat::removed, this, &MainWindow::updateState);
    connect(chat_, &Chat::loaded, this, &MainWindow::updateState);
    connect(chat_, &Chat::replyFinished, this, [this](int index) {
        if (const auto& summary = chat_->at(index).summary) lastRate_ = summary->tokensPerSecond();
        countSoon();
    });
}

void MainWindow::setInspector(QWidget* panel) {
    dock_->setWidget(panel);
    dock_->setVisible(action(QStringLiteral("inspector"))->isChecked());
    updateState();
}

// --- actions -------------------------------------------------------------------------------

void MainWindow::openModel(const QString& path) {
    opened_ = path;
    bridge_->openModel(path);
}

void MainWindow::openBuiltin() {
    opened_ = QString();
    bridge_->openBuiltin();
}

void MainWindow::chooseModel() {
    QSettings settings;
    const QString last = settings.value(QStringLiteral("model/folder")).toString();
    const QString path = QFileDialog::getOpenFileName(this, tr("Open model"), last,
                                                      tr("Models (*.gguf);;All files (*)"));
    if (path.isEmpty()) return;
    if (options_.remember)
        settings.setValue(QStringLiteral("model/folder"), QFileInfo(path).absolutePath());
    openModel(path);
}

void MainWindow::attachFile() {
    const QStringList paths =
        QFileDialog::getOpenFileNames(this, tr("Add text files to the message"));
    for (const QString& path : paths) composer_->insertFile(path);
}

void MainWindow::ask(const QString& text) {
    send(text);
}

void MainWindow::send(const QString& text) {
    chat_->setThink(composer_->think());
    if (editing_ != 0) {
        const int index = chat_->indexOf(editing_);
        endEditing();
        if (index >= 0 && !chat_->answering()) {
            chat_->resend(text, index);
            return;
        }
    }
    chat_->send(text);
}

void MainWindow::stopOrCancel() {
    if (chat_->answering()) {
        chat_->stop();
    } else if (editing_ != 0) {
        composer_->setText(keptDraft_);
        endEditing();
    }
}

void MainWindow::editLast() {
    int index = targetMessage();
    // An answer is edited by editing what it answers.
    while (index >= 0 && chat_->at(index).author != ChatMessage::Author::user) --index;
    startEditing(index >= 0 ? index : chat_->lastUserIndex());
}

void MainWindow::startEditing(int index) {
    if (index < 0 || chat_->answering()) return;
    const ChatMessage& message = chat_->at(index);
    const QString text = QString::fromUtf8(message.text);
    if (message.queued) {
        // It was not sent yet: take it back.
        const QString draft = composer_->text();
        chat_->unqueue(message.id);
        composer_->setText(draft.isEmpty() ? text : text + u'\n' + draft);
        composer_->setFocus();
        return;
    }
    if (editing_ == 0) keptDraft_ = composer_->text();
    editing_ = message.id;
    composer_->setEditing(true);
    composer_->setText(text);
    composer_->setFocus();
    updateState();
}

void MainWindow::endEditing() {
    editing_ = 0;
    keptDraft_.clear();
    composer_->setEditing(false);
    updateState();
}

void MainWindow::setThink(ThinkMode mode) {
    static const char* const kNames[] = {"thinkOff", "thinkOn", "thinkMax"};
    composer_->setThink(mode);
    chat_->setThink(mode);
    action(QLatin1String(kNames[static_cast<int>(mode)]))->setChecked(true);
    sessions_->setSettings(mode, chat_->toolsEnabled());
    countSoon();
}

void MainWindow::setZoom(double zoom) {
    zoom_ = std::clamp(std::abs(zoom - 1.0) < 0.02 ? 1.0 : zoom, 0.6, 3.0);
    transcript_->setZoom(zoom_);
    composer_->setZoom(zoom_);
    sidebar_->setZoom(zoom_);
    emit zoomChanged(zoom_);
}

void MainWindow::setTheme(ThemeChoice choice) {
    applyTheme(choice);
    static const char* const kNames[] = {"themeDesktop", "themeLight", "themeDark"};
    action(QLatin1String(kNames[static_cast<int>(choice)]))->setChecked(true);
    applyStyle();
}

void MainWindow::nextPane(int step) {
    QList<QWidget*> panes{composer_->edit()};
    panes << (pages_->currentWidget() == transcript_ ? static_cast<QWidget*>(transcript_)
                                                     : welcome_->findChild<QPushButton*>());
    if (dock_->isVisible() && dock_->widget()) panes << dock_->widget();
    if (sidebarDock_->isVisible())
        panes << (sidebar_->view().isVisible() ? static_cast<QWidget*>(&sidebar_->view())
                                               : &sidebar_->searchField());
    int now = 0;
    const QWidget* focus = QApplication::focusWidget();
    for (int i = 0; i < panes.size(); ++i)
        if (focus && (panes[i] == focus || panes[i]->isAncestorOf(focus))) now = i;
    if (focus && sidebar_->isAncestorOf(focus)) now = static_cast<int>(panes.size()) - 1;
    if (pages_->currentWidget() == welcome_ && focus && welcome_->isAncestorOf(focus)) now = 1;
    QWidget* next =
        panes[(now + step + static_cast<int>(panes.size())) % static_cast<int>(panes.size())];
    if (next->focusPolicy() == Qt::NoFocus && !next->focusProxy()) {
        // A panel hands the focus to its first control.
        for (QWidget* child : next->findChildren<QWidget*>())
            if (child->focusPolicy() & Qt::TabFocus && child->isVisible()) {
                next = child;
                break;
            }
    }
    next->setFocus(Qt::ShortcutFocusReason);
}

void MainWindow::showPlainText() {
    QDialog dialog(this);
    dialog.setWindowTitle(tr("Transcript as plain text"));
    dialog.resize(720, 560);
    auto* edit = new QPlainTextEdit(transcript_->plainText(), &dialog);
    edit->setProperty("framed", true);
    edit->setReadOnly(true);
    edit->setTextInteractionFlags(Qt::TextSelectableByKeyboard | Qt::TextSelectableByMouse);
    edit->setAccessibleName(tr("Transcript as plain text"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, &dialog);
    QPushButton* copy = buttons->addButton(tr("Copy all"), QDialogButtonBox::ActionRole);
    connect(copy, &QPushButton::clicked, edit,
            [edit] { QApplication::clipboard()->setText(edit->toPlainText()); });
    connect(buttons, &QDialogButtonBox::rejected, &dialog, &QDialog::reject);
    auto* column = new QVBoxLayout(&dialog);
    column->addWidget(edit);
    column->addWidget(buttons);
    dialog.exec();
}

void MainWindow::showShortcuts() {
    QString text;
    for (const QAction* action : std::as_const(order_)) {
        const QString keys = action->shortcut().toString(QKeySequence::NativeText);
        if (keys.isEmpty()) continue;
        text +=
            QStringLiteral("<tr><td style='padding-right:24px'>%1</td><td>%2</td></tr>")
                .arg(QString(action->text()).remove(u'&').toHtmlEscaped(), keys.toHtmlEscaped());
    }
    QMessageBox box(this);
    box.setWindowTitle(tr("Keyboard shortcuts"));
    box.setText(QStringLiteral("<table>%1</table>").arg(text));
    box.exec();
}

void MainWindow::showAgents() {
    QMessageBox box(this);
    box.setWindowTitle(tr("Connect an agent"));
    box.setTextFormat(Qt::PlainText);
    box.setText(
        tr("Scripts and agents can run the same engine from the command line:\n\n"
           "starglass-cli run --builtin -p \"What is 47 + 38?\"\n"
           "starglass-cli chat --builtin\n\n"
           "A local server for agents is not part of this version. Nothing listens on any port, "
           "and nothing "
           "leaves this machine."));
    box.exec();
}

void MainWindow::showAbout() {
    QMessageBox::about(this, tr("About Starglass"),
                       tr("<b>Starglass %1</b><br>A window onto DeepSeek V4 on your own machine. "
                          "Nothing leaves it."
                          "<br><br>Engine: MIT. Window: GPL-3.0-or-later, with Qt %2.")
                           .arg(QApplication::applicationVersion(), QLatin1String(qVersion())));
}

// --- state ---------------------------------------------------------------------------------

void MainWindow::countSoon() {
    countTimer_->start();
}

void MainWindow::updateState() {
    const bool empty = chat_->size() == 0;
    QWidget* page = empty ? static_cast<QWidget*>(welcome_) : transcript_;
    if (pages_->currentWidget() != page) {
        pages_->setCurrentWidget(page);
        alignComposer();
    }
    // The first-run page says it in its own place.
    marker_->setVisible(!empty && bridge_->model() && bridge_->model()->builtin);
    composer_->setAnswering(chat_->answering());
    composer_->setWaiting(bridge_->loading() || !bridge_->model());
    const auto enable = [this](const char* name, bool on) {
        action(QLatin1String(name))->setEnabled(on);
    };
    enable("stop", chat_->answering() || editing_ != 0);
    enable("regenerate", chat_->canRegenerate());
    enable("editLast", !chat_->answering() && chat_->lastUserIndex() >= 0);
    enable("newChat", !empty || sessions_->current() != 0);
    enable("copyMessage", !empty);
    enable("previousMessage", !empty);
    enable("nextMessage", !empty);
    enable("toEnd", !empty);
    enable("plainText", !empty);
    enable("cancelLoad", bridge_->loading());
    enable("inspector", dock_->widget() != nullptr);
    enable("showCache", dock_->widget() != nullptr);
    enable("showExperts", dock_->widget() != nullptr);
    updateSessionState();
    updateStatus();
}

void MainWindow::updateStatus() {
    const QLocale locale;
    const ModelInfoPtr& model = bridge_->model();
    const QString state = bridge_->loading()   ? tr("loading")
                          : !model             ? QString()
                          : chat_->answering() ? tr("answering")
                                               : tr("ready");
    QString place;
    if (model && bridge_->placement().backend == BackendKind::vulkan) place = tr(" · GPU");
    status_->model->set({}, model ? QString::fromStdString(model->name) : tr("No model"),
                        place + (state.isEmpty() ? QString() : QStringLiteral(" · ") + state));
    status_->model->setToolTip(model ? placementText(bridge_->placement()) : QString());
    if (prefillPercent_ < 0) {
        status_->prefill->set(tr("prefill "), QStringLiteral("–"), {});
    } else {
        const int seconds = static_cast<int>(prefillSeconds_);
        status_->prefill->set(
            tr("prefill "), tr("%1 %").arg(prefillPercent_),
            QStringLiteral(" %1:%2").arg(seconds / 60).arg(seconds % 60, 2, 10, QLatin1Char('0')));
    }
    const double rate = chat_->answering() ? chat_->liveRate() : lastRate_;
    status_->rate->set({}, rate > 0 ? locale.toString(rate, 'f', 1) : QStringLiteral("–"),
                       tr(" tok/s"));
    const SessionStats& stats = bridge_->stats();
    status_->context->set(
        tr("context "), tokensText(chat_->usedTokens()),
        stats.limitTokens > 0 ? QStringLiteral("/") + tokensText(stats.limitTokens) : QString());
    const auto timeline = static_cast<double>(stats.memoryBytes);
    const ExpertSnapshotPtr& seen = experts_->snapshot();
    if (model && seen) {
        // Of a file that is read from disk only what is in memory counts.
        const double weights = static_cast<double>(model->file_bytes) -
                               static_cast<double>(seen->routed_bytes) +
                               static_cast<double>(seen->resident_bytes);
        const auto ceiling = static_cast<double>(bridge_->placement().memory_ceiling);
        status_->memory->set(tr("memory "), bytesText(weights + timeline),
                             ceiling > 0 ? QStringLiteral("/") + bytesText(ceiling) : QString());
        status_->memory->setToolTip(
            tr("Weights %1 of %2, of these experts %3; conversation state %4")
                .arg(bytesText(weights), bytesText(static_cast<double>(model->file_bytes)),
                     bytesText(static_cast<double>(seen->resident_bytes)), bytesText(timeline)));
    } else {
        const double weights = model ? static_cast<double>(model->file_bytes) : 0;
        status_->memory->set(tr("memory "), bytesText(weights + timeline), {});
        status_->memory->setToolTip(tr("Model file %1, conversation state %2")
                                        .arg(bytesText(weights), bytesText(timeline)));
    }
    const SessionRow* row = sidebar_->model().find(sessions_->current());
    QString title = row ? row->title : QString();
    if (title.isEmpty() && chat_->size() > 0)
        title = QString::fromUtf8(chat_->at(0).text.left(400)).simplified();
    setWindowTitle(
        title.isEmpty()
            ? tr("Starglass")
            : tr("%1 — Starglass").arg(title.size() > 48 ? title.left(47) + u'…' : title));
    if (composer_->text().isEmpty())
        composer_->setCount({}, chat_->usedTokens(), stats.limitTokens);
}

void MainWindow::updateCache() {
    if (!cache_->present()) {
        status_->kv->set(tr("KV "), QStringLiteral("–"), {});
        status_->kv->setToolTip(cache_->openError().empty() ? tr("No cache on disk is in use.")
                                                            : cache_->openError().sentence());
        return;
    }
    const CacheStats& stats = cache_->view().stats;
    if (stats.paused && !cachePaused_) {
        UserError error;
        error.happened =
            tr("Saving to the cache on disk is paused.") + u' ' + asSentence(stats.pause_reason);
        error.safe = tr("Nothing is lost: conversations go on, and are kept.");
        error.next = tr("Free some room on the disk, or look at the cache with Ctrl+Shift+K.");
        notice_->showError(error, false);
    }
    cachePaused_ = stats.paused;
    const auto gigabytes = [](std::int64_t bytes) {
        const double value = static_cast<double>(bytes) / 1e9;
        const bool whole = bytes % 1'000'000'000 == 0;
        return QLocale().toString(value, 'f', whole || value >= 99.95 ? 0 : 1);
    };
    QString after = tr("/%1 GB").arg(gigabytes(stats.budget_bytes));
    if (stats.paused) after += tr(" paused");
    if (stats.read_only) after += tr(" read-only");
    status_->kv->set(tr("KV "), gigabytes(stats.bytes), after);
    const auto exact = [](std::int64_t bytes) { return QLocale().toString(qlonglong{bytes}); };
    QString tip = tr("Cache on disk: %1 bytes of %2; %3 checkpoints")
                      .arg(exact(stats.bytes), exact(stats.budget_bytes), exact(stats.checkpoints));
    if (!stats.pause_reason.empty()) tip += u'\n' + asSentence(stats.pause_reason);
    status_->kv->setToolTip(tip);
}

void MainWindow::updateExperts() {
    status_->experts->setWanted(experts_->streaming());
    const HitWindow& recent = experts_->recent();
    status_->experts->set(tr("experts "),
                          recent.any() ? hitRateText(recent.rate()) : QStringLiteral("–"), {});
    QString tip = recent.any()
                      ? tr("%1 of the experts that the last %2 tokens needed were in memory")
                            .arg(hitRateText(recent.rate()))
                            .arg(recent.tokens())
                      : tr("Experts are read from disk when they are needed and not in memory");
    if (const ExpertSnapshotPtr& seen = experts_->snapshot(); seen && !seen->note.empty())
        tip += u'\n' + asSentence(seen->note);
    status_->experts->setToolTip(tip);
    updateStatus();
}

void MainWindow::alignComposer() {
    // The composer stands under the prose, not under the scroll bar.
    const int bar =
        pages_->currentWidget() == transcript_ && transcript_->verticalScrollBar()->isVisible()
            ? transcript_->verticalScrollBar()->width()
            : 0;
    const double available = composerRow_->width() - bar;
    const double width = pages_->currentWidget() == transcript_ && !transcript_->sideBySide()
                             ? transcript_->columnWidth()
                             : std::min(available - 48, 780.0);
    const int side = std::max(12, static_cast<int>(std::floor((available - width) / 2)));
    composerRow_->layout()->setContentsMargins(side, 8, side + bar, 12);
}

void MainWindow::applyStyle() {
    const Theme theme = Theme::of(QApplication::palette());
    const QString sheet = theme.styleSheet();
    if (sheet == styledFor_) return;
    styledFor_ = sheet;
    setStyleSheet(sheet);
}

void MainWindow::changeEvent(QEvent* event) {
    QMainWindow::changeEvent(event);
    if (event->type() == QEvent::ApplicationPaletteChange ||
        event->type() == QEvent::PaletteChange || event->type() == QEvent::ThemeChange)
        applyStyle();
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && watched == composerRow_) alignComposer();
    if (event->type() == QEvent::KeyPress && watched == composer_->edit()) {
        const auto* key = static_cast<QKeyEvent*>(event);
        // Arrow up in an empty field edits the last message.
        if (key->key() == Qt::Key_Up && key->modifiers() == Qt::NoModifier &&
            composer_->text().isEmpty() && chat_->lastUserIndex() >= 0 && !chat_->answering()) {
            editLast();
            return true;
        }
    }
    return QMainWindow::eventFilter(watched, event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    for (const QUrl& url : event->mimeData()->urls()) {
        if (!url.isLocalFile()) continue;
        const QString path = url.toLocalFile();
        if (path.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive)) {
            openModel(path);
            break;
        }
        composer_->insertFile(path);
    }
}

void MainWindow::wheelEvent(QWheelEvent* event) {
    if (event->modifiers() & Qt::ControlModifier) {
        setZoom(event->angleDelta().y() > 0 ? zoom_ * 1.1 : zoom_ / 1.1);
        event->accept();
        return;
    }
    QMainWindow::wheelEvent(event);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (options_.remember) savePreferences();
    bridge_->cancelLoad();
    chat_->interrupt();
    bridge_->stop();
    QMainWindow::closeEvent(event);
}

void MainWindow::loadPreferences() {
    const QSettings settings;
    loadPlacement();
    restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
    setZoom(settings.value(QStringLiteral("view/zoom"), 1.0).toDouble());
    action(QStringLiteral("sideBySide"))
        ->setChecked(settings.value(QStringLiteral("view/sideBySide"), false).toBool());
    action(QStringLiteral("inspector"))
        ->setChecked(settings.value(QStringLiteral("view/inspector"), true).toBool());
    action(QStringLiteral("sidebar"))
        ->setChecked(settings.value(QStringLiteral("view/sidebar"), true).toBool());
    setThink(static_cast<ThinkMode>(
        std::clamp(settings.value(QStringLiteral("chat/think"), 1).toInt(), 0, 2)));
}

void MainWindow::savePreferences() {
    QSettings settings;
    settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
    settings.setValue(QStringLiteral("view/zoom"), zoom_);
    settings.setValue(QStringLiteral("view/sideBySide"), transcript_->sideBySide());
    settings.setValue(QStringLiteral("view/inspector"),
                      action(QStringLiteral("inspector"))->isChecked());
    settings.setValue(QStringLiteral("view/sidebar"),
                      action(QStringLiteral("sidebar"))->isChecked());
    settings.setValue(QStringLiteral("session/last"), sessions_->current());
    settings.setValue(QStringLiteral("view/theme"), static_cast<int>(currentThemeChoice()));
    settings.setValue(QStringLiteral("chat/think"), static_cast<int>(composer_->think()));
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/session_controller.h"

#include <QDateTime>

namespace starglass::ui {
namespace {

// Shorter prompts say more about starting up than about the rate.
constexpr int kRateTokensMin = 32;

}  // namespace

SessionController::SessionController(Chat& chat, EngineBridge& bridge, LibraryService& library,
                                     QObject* parent)
    : QObject(parent), chat_(chat), bridge_(bridge), library_(library) {
    journal_.setSingleShot(true);
    journal_.setInterval(kJournalMs);
    connect(&journal_, &QTimer::timeout, this, &SessionController::flush);

    connect(&chat_, &Chat::inserted, this, &SessionController::onInserted);
    connect(&chat_, &Chat::headChanged, this, &SessionController::onHeadChanged);
    connect(&chat_, &Chat::textAdded, this, [this](int index, int) { onGrown(index); });
    connect(&chat_, &Chat::partsChanged, this, &SessionController::onGrown);
    connect(&chat_, &Chat::removed, this, [this] {
        if (!loading_) saveQueue();
    });
    connect(&chat_, &Chat::replyFinished, this, [this](int index) {
        journal_.stop();
        dirty_ = 0;
        if (current_ == 0) return;
        saveAt(index);
        const auto& parts = chat_.at(index).parts;
        const bool failed = !parts.empty() && parts.back().kind == ChatPart::Kind::error;
        if (!failed) setLive(current_);
        if (!failed) nameSession();
        library_.refreshCheckpoints();
    });
    connect(&chat_, &Chat::earlierWanted, this, [this] {
        if (current_ != 0 && chat_.size() > 0)
            library_.engineMessages(current_, chat_.at(0).id);
        else
            chat_.setEarlierMessages({});
    });

    connect(&bridge_, &EngineBridge::finished, this,
            [this](quint64, const GenerateResult& result) { onFinished(result); });
    connect(&bridge_, &EngineBridge::modelReady, this, [this](const ModelInfoPtr& model) {
        setLive(0);
        rate_ = 0;
        library_.readPrefillRate(QString::fromStdString(model->fingerprint));
        resumeIfPossible();
    });
    connect(&bridge_, &EngineBridge::titleSuggested, this,
            [this](qint64 session, const QString& title) {
                const QString name = titleFromModel(title);
                if (!name.isEmpty()) library_.setTitle(session, name, TitleSource::model);
                // The question about the name took the live state's place.
                if (session != current_) return;
                setLive(0);
                resumeIfPossible();
            });
    // Queued: the library is told of the cache by then.
    connect(
        &bridge_, &EngineBridge::cacheReady, this, [this] { resumeIfPossible(); },
        Qt::QueuedConnection);
    connect(&bridge_, &EngineBridge::resumed, this,
            [this](const QString& checkpoint, const ReuseReport&, const QString& problem) {
                const qint64 session = std::exchange(resuming_, 0);
                if (session == 0 || session != current_ || !problem.isEmpty()) return;
                (void)checkpoint;
                setLive(session);
            });

    connect(&library_, &LibraryService::rowChanged, this, [this](const SessionRow& row) {
        if (row.id == current_) row_ = row;
    });
    connect(&library_, &LibraryService::pageReady, this, [this](const SessionPage& page) {
        if (page.row.id != wanted_) return;
        wanted_ = 0;
        chat_.interrupt();
        flush();
        loading_ = true;
        setLive(0);
        chat_.load(page.messages, page.earlier, page.row.tokens);
        loading_ = false;
        row_ = page.row;
        settings_ = page.settings;
        saved_.clear();
        queueSaved_ = !page.queued.isEmpty();
        undoMark_ = 0;
        setCurrent(page.row.id);
        emit shown(current_, page.settings, page.queued);
        resumeIfPossible();
    });
    connect(&library_, &LibraryService::branchReady, this, [this](const SessionPage& page) {
        if (page.row.id != current_) return;
        loading_ = true;
        chat_.showPath(page.messages, page.earlier);
        loading_ = false;
        row_ = page.row;
        setLive(0);
        emit pathChanged();
        resumeIfPossible();
    });
    connect(&library_, &LibraryService::earlierReady, this,
            [this](qint64 session, qint64 node, const SessionPage& page) {
                if (session != current_ || chat_.size() == 0 || chat_.at(0).id != node) return;
                loading_ = true;
                chat_.prepend(page.messages, page.earlier);
                loading_ = false;
            });
    connect(&library_, &LibraryService::engineMessagesReady, this,
            [this](qint64 session, qint64 node, const std::vector<Message>& messages) {
                if (session != current_ || chat_.size() == 0 || chat_.at(0).id != node) return;
                chat_.setEarlierMessages(messages);
            });
    connect(&library_, &LibraryService::messagesDeleted, this,
            [this](qint64 session, qint64 mark, qint64 leaf) {
                undoSession_ = session;
                undoMark_ = mark;
                undoLeaf_ = leaf;
                emit messageDeleted(true);
            });
    connect(&library_, &LibraryService::forked, this, &SessionController::open);
    connect(&library_, &LibraryService::imported, this, &SessionController::open);
    connect(&library_, &LibraryService::rowRemoved, this, [this](qint64 session) {
        deletedSession_ = session;
        if (session == current_) newChat();
        emit sessionDeleted(session);
    });
    connect(&library_, &LibraryService::prefillRateReady, this,
            [this](const QString& fingerprint, double rate) {
                if (fingerprint != modelFingerprint()) return;
                rate_ = rate;
                emit rateChanged(rate_);
            });
}

QString SessionController::modelName() const {
    return bridge_.model() ? QString::fromStdString(bridge_.model()->name) : QString();
}

QString SessionController::modelFingerprint() const {
    return bridge_.model() ? QString::fromStdString(bridge_.model()->fingerprint) : QString();
}

void SessionController::setCurrent(qint64 session) {
    if (current_ == session) return;
    current_ = session;
    emit currentChanged(session);
}

void SessionController::setLive(qint64 session) {
    if (live_ == session) return;
    live_ = session;
    emit liveChanged(session);
}

// --- what is said reaches the library --------------------------------------------------------

void SessionController::ensureSession() {
    if (current_ != 0) return;
    SessionRow row;
    row.id = newMessageId();
    row.modelName = modelName();
    row.modelFingerprint = modelFingerprint();
    row_ = row;
    settings_.think = chat_.think();
    settings_.tools = chat_.toolsEnabled();
    library_.create(row, settings_);
    saved_.clear();
    queueSaved_ = false;
    wanted_ = 0;
    setCurrent(row.id);
}

void SessionController::saveAt(int index) {
    const ChatMessage& message = chat_.at(index);
    if (message.author == ChatMessage::Author::user) saved_.insert(message.id);
    const bool answer = message.author == ChatMessage::Author::assistant;
    library_.save(current_, message, answer ? modelName() : QString(), modelFingerprint());
}

void SessionController::saveQueue() {
    if (current_ == 0) return;
    QStringList texts;
    for (int i = 0; i < chat_.size(); ++i)
        if (chat_.at(i).queued) texts << QString::fromUtf8(chat_.at(i).text);
    if (texts.isEmpty() && !queueSaved_) return;
    queueSaved_ = !texts.isEmpty();
    library_.setQueued(current_, texts);
}

void SessionController::onInserted(int index) {
    ensureSession();
    if (chat_.at(index).queued)
        saveQueue();
    else
        saveAt(index);
}

void SessionController::onHeadChanged(int index) {
    if (loading_ || current_ == 0) return;
    const ChatMessage& message = chat_.at(index);
    if (message.author != ChatMessage::Author::user || message.queued) return;
    // It is answered now, so its place in the tree is known.
    if (!saved_.contains(message.id)) saveAt(index);
    saveQueue();
}

void SessionController::onGrown(int index) {
    if (loading_ || current_ == 0 || !chat_.at(index).running) return;
    dirty_ = chat_.at(index).id;
    if (!journal_.isActive()) journal_.start();
}

void SessionController::flush() {
    journal_.stop();
    const qint64 id = std::exchange(dirty_, 0);
    if (id == 0 || current_ == 0) return;
    if (const int index = chat_.indexOf(id); index >= 0) saveAt(index);
}

void SessionController::onFinished(const GenerateResult& result) {
    const int evaluated = result.timings.prompt_tokens - result.timings.reused_tokens;
    if (evaluated < kRateTokensMin || result.timings.prefill_seconds <= 0) return;
    const double rate = evaluated / result.timings.prefill_seconds;
    // Long prompts are slower per token: the newest measure counts half.
    rate_ = rate_ > 0 ? (rate_ + rate) / 2 : rate;
    library_.setPrefillRate(modelFingerprint(), rate_);
    emit rateChanged(rate_);
}

// --- moving about ----------------------------------------------------------------------------

void SessionController::newChat() {
    chat_.interrupt();
    flush();
    wanted_ = 0;
    undoMark_ = 0;
    loading_ = true;
    chat_.clear();
    loading_ = false;
    saved_.clear();
    settings_ = {};
    setLive(0);
    setCurrent(0);
}

void SessionController::open(qint64 session) {
    if (session == current_ && wanted_ == 0) return;
    flush();
    wanted_ = session;
    library_.openSession(session);
}

// After the first answer, when it is known what the conversation is about. The built-in model
// knows no titles.
void SessionController::nameSession() {
    if (chat_.size() != 2 || chat_.hasEarlier() || chat_.queuedCount() > 0 || row_.id != current_ ||
        row_.titleSource != TitleSource::words || !bridge_.model() || bridge_.model()->builtin)
        return;
    Conversation conversation = chat_.conversationWith({});
    conversation.messages.pop_back();  // the empty draft
    bridge_.suggestTitle(current_, conversation);
}

void SessionController::resumeIfPossible() {
    if (current_ == 0 || row_.id != current_ || chat_.answering()) return;
    const QString checkpoint = row_.checkpoint.isEmpty() ? row_.promptCheckpoint : row_.checkpoint;
    if (checkpoint.isEmpty()) return;
    // What the model was about to write stands in the checkpoint: no model is needed for it.
    library_.readNextTokens(checkpoint);
    if (!bridge_.model() || bridge_.loading() || row_.modelFingerprint != modelFingerprint() ||
        live_ == current_)
        return;
    resuming_ = current_;
    bridge_.resume(checkpoint);
}

bool SessionController::canSwitchBranch(int index, int step) const {
    if (index < 0 || index >= chat_.size() || chat_.answering()) return false;
    const int to = chat_.at(index).branch() + step;
    return chat_.at(index).branches() > 1 && to >= 0 && to < chat_.at(index).branches();
}

void SessionController::switchBranch(int index, int step) {
    if (!canSwitchBranch(index, step)) return;
    const ChatMessage& message = chat_.at(index);
    flush();
    library_.showBranch(current_,
                        message.siblings[static_cast<std::size_t>(message.branch() + step)]);
}

void SessionController::showEarlier() {
    if (current_ != 0 && chat_.hasEarlier() && chat_.size() > 0)
        library_.earlier(current_, chat_.at(0).id);
}

void SessionController::forkAt(int index) {
    if (current_ == 0 || index < 0 || index >= chat_.size() || chat_.at(index).queued) return;
    flush();
    const QString title = row_.title.isEmpty() ? tr("Chat") : row_.title;
    library_.fork(current_, chat_.at(index).id, tr("%1 (fork)").arg(title));
}

void SessionController::deleteFrom(int index) {
    if (current_ == 0 || index < 0 || index >= chat_.size()) return;
    const ChatMessage& message = chat_.at(index);
    if (message.queued) {
        chat_.unqueue(message.id);
        return;
    }
    chat_.interrupt();
    flush();
    qint64 leaf = message.id;
    for (int i = chat_.size() - 1; i >= index; --i)
        if (!chat_.at(i).queued) {
            leaf = chat_.at(i).id;
            break;
        }
    library_.deleteMessage(current_, message.id, leaf);
}

void SessionController::undoDelete() {
    if (undoMark_ == 0) return;
    const qint64 session = undoSession_;
    library_.restoreMessages(session, std::exchange(undoMark_, 0), undoLeaf_);
    if (session != current_) open(session);
}

void SessionController::deleteSession(qint64 session) {
    if (session == current_) {
        chat_.interrupt();
        flush();
    }
    library_.deleteSession(session);
}

void SessionController::undoDeleteSession() {
    if (deletedSession_ == 0) return;
    const qint64 session = std::exchange(deletedSession_, 0);
    library_.restoreSession(session);
    open(session);
}

void SessionController::setSettings(ThinkMode think, bool tools) {
    if (loading_) return;
    if (settings_.think == think && settings_.tools == tools) return;
    settings_.think = think;
    settings_.tools = tools;
    if (current_ != 0) library_.setSettings(current_, settings_);
}

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/chat.h"

#include <QDateTime>
#include <QRandomGenerator>
#include <algorithm>
#include <atomic>
#include <chrono>

#include "tools/demo_tools.h"

namespace starglass::ui {
namespace {

// Long enough to be steady, short enough to follow a change of speed.
constexpr std::size_t kRateWindowTokens = 24;

ChatPart::Kind kindOf(StreamPart part) {
    switch (part) {
        case StreamPart::thinking:
            return ChatPart::Kind::thinking;
        case StreamPart::answer:
            return ChatPart::Kind::answer;
        case StreamPart::tool:
            return ChatPart::Kind::tool;
    }
    return ChatPart::Kind::answer;
}

}  // namespace

qint64 newMessageId(qint64 count) {
    // 2^20 per millisecond: the counter starts anywhere, so that two programs do not meet.
    static std::atomic<qint64> last{0};
    qint64 before = last.load();
    for (;;) {
        const qint64 now = (QDateTime::currentMSecsSinceEpoch() << 20) +
                           static_cast<qint64>(QRandomGenerator::global()->bounded(1u << 16));
        const qint64 next = std::max(now, before + 1);
        if (last.compare_exchange_weak(before, next + count - 1)) return next;
    }
}

Message partialReply(const ChatMessage& message) {
    Message out;
    out.role = Role::assistant;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < message.parts.size(); ++i)
        if (message.parts[i].kind == ChatPart::Kind::tool && !message.parts[i].toolName.isEmpty())
            begin = i + 1;
    for (std::size_t i = begin; i < message.parts.size(); ++i) {
        const ChatPart& part = message.parts[i];
        if (part.kind == ChatPart::Kind::thinking) out.reasoning += part.text.toStdString();
        if (part.kind == ChatPart::Kind::answer) out.content += part.text.toStdString();
    }
    return out;
}

QString stopReasonText(StopReason reason) {
    switch (reason) {
        case StopReason::end_of_turn:
            return Chat::tr("finished");
        case StopReason::tool_calls:
            return Chat::tr("tool call");
        case StopReason::length:
            return Chat::tr("stopped: context full");
        case StopReason::stop_text:
            return Chat::tr("stop text");
        case StopReason::cancelled:
            return Chat::tr("stopped by you");
    }
    return {};
}

int ChatMessage::branch() const {
    const auto at = std::find(siblings.begin(), siblings.end(), id);
    return at == siblings.end() ? 0 : static_cast<int>(at - siblings.begin());
}

int ChatMessage::branches() const {
    return std::max(1, static_cast<int>(siblings.size()));
}

bool ChatMessage::canContinue() const {
    if (author != Author::assistant || running) return false;
    if (interrupted) return true;
    return summary && summary->stop == StopReason::cancelled;
}

ChatMessage ChatMessage::withoutTokens() const {
    ChatMessage out;
    out.id = id;
    out.parent = parent;
    out.siblings = siblings;
    out.createdMs = createdMs;
    out.author = author;
    out.queued = queued;
    out.text = text;
    out.speaker = speaker;
    out.parts = parts;
    out.running = running;
    out.interrupted = interrupted;
    out.summary = summary;
    out.engineMessages = engineMessages;
    out.promptCheckpoint = promptCheckpoint;
    out.checkpoint = checkpoint;
    out.evaluateSeconds = evaluateSeconds;
    out.timelineTokens = timelineTokens;
    return out;
}

QString ChatMessage::plainText(bool withThinking) const {
    if (author == Author::user) return QString::fromUtf8(text);
    QStringList out;
    for (const ChatPart& part : parts) {
        switch (part.kind) {
            case ChatPart::Kind::thinking:
                if (withThinking)
                    out << Chat::tr("[Thinking]") + u'\n' + QString::fromUtf8(part.text).trimmed();
                break;
            case ChatPart::Kind::answer:
                out << QString::fromUtf8(part.text).trimmed();
                break;
            case ChatPart::Kind::tool:
                out << QStringLiteral("[%1 %2 → %3]")
                           .arg(QString::fromUtf8(part.toolName),
                                QString::fromUtf8(part.toolArguments),
                                QString::fromUtf8(part.toolResult));
                break;
            case ChatPart::Kind::error:
                out << part.error.sentence();
                break;
        }
    }
    return out.join(QStringLiteral("\n\n"));
}

Chat::Chat(EngineBridge& bridge, QObject* parent) : QObject(parent), bridge_(bridge) {
    connect(&bridge_, &EngineBridge::modelReady, this, [this] {
        usedTokens_ = bridge_.stats().usedTokens;
        startNext();
        emit stateChanged();
    });
    // What waited for the new model is answered by the old one, if there is one.
    connect(&bridge_, &EngineBridge::loadFailed, this, &Chat::startNext);
    connect(&bridge_, &EngineBridge::promptReady, this, [this](quint64 request, int tokens) {
        if (request != request_) return;
        usedTokens_ = tokens;
        emit stateChanged();
    });
    connect(&bridge_, &EngineBridge::tokens, this, &Chat::onTokens);
    connect(&bridge_, &EngineBridge::finished, this, &Chat::onFinished);
    connect(&bridge_, &EngineBridge::failed, this, &Chat::onFailed);
}

int Chat::indexOf(qint64 id) const {
    // Asked about the newest messages almost always.
    for (int i = size() - 1; i >= 0; --i)
        if (messages_[i].id == id) return i;
    return -1;
}

const TokenEvent* Chat::token(qint64 message, int token) const {
    const int index = indexOf(message);
    if (index < 0 || token < 0) return nullptr;
    const auto& tokens = messages_[index].tokens;
    return token < static_cast<int>(tokens.size()) ? &tokens[token] : nullptr;
}

int Chat::queuedCount() const {
    int count = 0;
    for (const ChatMessage& message : messages_) count += message.queued ? 1 : 0;
    return count;
}

int Chat::lastUserIndex() const {
    for (int i = size() - 1; i >= 0; --i)
        if (messages_[i].author == ChatMessage::Author::user) return i;
    return -1;
}

bool Chat::canRegenerate() const {
    return !answering() && !bridge_.loading() && bridge_.model() && size() > 0 &&
           queuedCount() == 0;
}

void Chat::send(const QString& text) {
    if (text.trimmed().isEmpty()) return;
    insertSent(size(), text, {});
    startNext();
    emit stateChanged();
}

void Chat::insertSent(int index, const QString& text, std::vector<qint64> siblings) {
    ChatMessage message;
    message.id = newMessageId();
    message.createdMs = QDateTime::currentMSecsSinceEpoch();
    message.author = ChatMessage::Author::user;
    message.text = text.toUtf8();
    message.queued = true;
    if (!siblings.empty()) {
        message.siblings = std::move(siblings);
        message.siblings.push_back(message.id);
    }
    message.parent = idBefore(index);
    Message content;
    content.role = Role::user;
    content.content = message.text.toStdString();
    message.engineMessages.push_back(std::move(content));
    messages_.insert(messages_.begin() + index, std::move(message));
    emit inserted(index);
}

qint64 Chat::idBefore(int index) const {
    return index > 0 ? messages_[index - 1].id : firstParent_;
}

void Chat::stop() {
    if (!answering()) return;
    stopped_ = true;
    bridge_.stop();
}

void Chat::removeFrom(int first) {
    const int count = size() - first;
    if (count <= 0) return;
    messages_.erase(messages_.begin() + first, messages_.end());
    emit removed(first, count);
}

namespace {

std::vector<qint64> siblingsOf(const ChatMessage& message) {
    return message.siblings.empty() ? std::vector<qint64>{message.id} : message.siblings;
}

}  // namespace

void Chat::regenerate(int index) {
    if (!canRegenerate()) return;
    if (index < 0 || index >= size()) index = size() - 1;
    while (index >= 0 && messages_[index].author != ChatMessage::Author::user) --index;
    if (index < 0) return;
    std::vector<qint64> siblings;
    if (index + 1 < size()) siblings = siblingsOf(messages_[index + 1]);
    removeFrom(index + 1);
    startReply(index);
    if (siblings.empty()) return;
    siblings.push_back(messages_[index + 1].id);
    messages_[index + 1].siblings = std::move(siblings);
    emit headChanged(index + 1);
}

void Chat::resend(const QString& text, int index) {
    if (answering() || text.trimmed().isEmpty()) return;
    if (index < 0 || index >= size()) index = lastUserIndex();
    if (index < 0) return send(text);
    if (messages_[index].author != ChatMessage::Author::user) return;
    std::vector<qint64> siblings;
    if (!messages_[index].queued) siblings = siblingsOf(messages_[index]);
    const qint64 parent = messages_[index].parent;
    removeFrom(index);
    if (index == 0) firstParent_ = parent;
    insertSent(index, text, std::move(siblings));
    startNext();
    emit stateChanged();
}

bool Chat::canContinue() const {
    return canRegenerate() && messages_.back().canContinue();
}

void Chat::continueReply() {
    if (!canContinue()) return;
    ChatMessage& message = messages_.back();
    // A call that was cut off is written anew.
    while (!message.parts.empty() && (message.parts.back().kind == ChatPart::Kind::error ||
                                      (message.parts.back().kind == ChatPart::Kind::tool &&
                                       message.parts.back().toolName.isEmpty())))
        message.parts.pop_back();
    if (!message.engineMessages.empty() && message.engineMessages.back().role == Role::assistant &&
        message.engineMessages.back().tool_calls.empty()) {
        begun_ = std::move(message.engineMessages.back());
        message.engineMessages.pop_back();
    } else {
        begun_ = partialReply(message);
    }
    if (begun_->content.empty() && begun_->reasoning.empty()) begun_.reset();
    if (begun_ && !message.parts.empty() && message.parts.back().kind != ChatPart::Kind::tool)
        message.parts.back().closed = false;
    reply_ = message.id;
    round_ = 0;
    stopped_ = false;
    running_ = message.summary.value_or(ReplySummary{});
    message.summary.reset();
    message.interrupted = false;
    message.running = true;
    recentSeconds_.clear();
    emit partsChanged(size() - 1);
    emit headChanged(size() - 1);
    bridge_.announceAnswer(reply_);
    startRound();
    emit stateChanged();
}

void Chat::interrupt() {
    if (!answering()) return;
    bridge_.stop();
    const int index = indexOf(reply_);
    ChatMessage& message = messages_[index];
    Message said = partialReply(message);
    if (begun_ && said.content.empty() && said.reasoning.empty()) said = *begun_;
    if (!said.content.empty() || !said.reasoning.empty())
        message.engineMessages.push_back(std::move(said));
    closeParts(message);
    message.running = false;
    running_.stop = StopReason::cancelled;
    running_.tokens = std::max(running_.tokens, static_cast<int>(message.tokens.size()));
    message.summary = running_;
    const qint64 id = std::exchange(reply_, 0);
    request_ = 0;
    begun_.reset();
    waitsForEarlier_ = false;
    recentSeconds_.clear();
    emit headChanged(index);
    emit replyFinished(index);
    bridge_.announceFinished(id);
    emit stateChanged();
}

void Chat::load(std::vector<ChatMessage> messages, bool earlier, std::int64_t usedTokens) {
    clear();
    earlier_ = earlier;
    firstParent_ = messages.empty() ? 0 : messages.front().parent;
    usedTokens_ = usedTokens;
    for (ChatMessage& message : messages) messages_.push_back(std::move(message));
    if (size() > 0) emit loaded(0, size());
    emit earlierChanged();
    emit stateChanged();
}

void Chat::showPath(std::vector<ChatMessage> messages, bool earlier) {
    interrupt();
    // Where both paths part. A page that begins later than ours is looked up in it.
    std::size_t skip = 0;
    int at = 0;
    if (!messages.empty()) {
        const int first = indexOf(messages.front().id);
        const auto ours = std::find_if(
            messages.begin(), messages.end(),
            [this](const ChatMessage& one) { return size() > 0 && one.id == messages_[0].id; });
        if (first >= 0)
            at = first;
        else if (ours != messages.end())
            skip = static_cast<std::size_t>(ours - messages.begin());
        else
            return load(std::move(messages), earlier, usedTokens_);
    }
    while (at < size() && skip < messages.size() && messages_[at].id == messages[skip].id) {
        messages_[at].siblings = messages[skip].siblings;
        ++at;
        ++skip;
    }
    removeFrom(at);
    if (at == 0 && !messages.empty()) firstParent_ = messages.front().parent;
    const int count = static_cast<int>(messages.size() - skip);
    for (; skip < messages.size(); ++skip) messages_.push_back(std::move(messages[skip]));
    if (count > 0) emit loaded(at, count);
    usedTokens_ = 0;
    for (int i = size() - 1; i >= 0 && usedTokens_ == 0; --i)
        usedTokens_ = messages_[i].timelineTokens;
    emit stateChanged();
}

void Chat::prepend(std::vector<ChatMessage> messages, bool earlier) {
    earlier_ = earlier;
    earlierMessages_.reset();
    if (!messages.empty()) {
        firstParent_ = messages.front().parent;
        const int count = static_cast<int>(messages.size());
        messages_.insert(messages_.begin(), std::make_move_iterator(messages.begin()),
                         std::make_move_iterator(messages.end()));
        emit loaded(0, count);
    }
    emit earlierChanged();
    if (waitsForEarlier_ && earlier_) emit earlierWanted();
    if (waitsForEarlier_ && !earlier_) setEarlierMessages({});
}

void Chat::setEarlierMessages(std::vector<Message> messages) {
    earlierMessages_ = std::move(messages);
    if (std::exchange(waitsForEarlier_, false) && answering()) startRound();
}

bool Chat::unqueue(qint64 id) {
    const int index = indexOf(id);
    if (index < 0 || !messages_[index].queued) return false;
    messages_.erase(messages_.begin() + index);
    emit removed(index, 1);
    emit stateChanged();
    return true;
}

void Chat::clear() {
    interrupt();
    earlier_ = false;
    earlierMessages_.reset();
    firstParent_ = 0;
    const int count = size();
    messages_.clear();
    if (count > 0) emit removed(0, count);
    usedTokens_ = 0;
    recentSeconds_.clear();
    bridge_.clearSession();
    emit stateChanged();
}

Conversation Chat::conversationUpTo(int index) const {
    Conversation out;
    if (tools_) out.tools = demo_tool_schemas();
    if (earlier_ && earlierMessages_) out.messages = *earlierMessages_;
    for (int i = 0; i <= index && i < size(); ++i)
        for (const Message& message : messages_[i].engineMessages) out.messages.push_back(message);
    return out;
}

Conversation Chat::conversationWith(const QString& draft) const {
    Conversation out = conversationUpTo(size() - 1);
    Message message;
    message.role = Role::user;
    message.content = draft.toStdString();
    out.messages.push_back(std::move(message));
    return out;
}

double Chat::liveRate() const {
    double seconds = 0;
    for (const double one : recentSeconds_) seconds += one;
    return seconds > 0 ? static_cast<double>(recentSeconds_.size()) / seconds : 0;
}

ChatMessage& Chat::reply() {
    return messages_[indexOf(reply_)];
}

void Chat::startNext() {
    // The worker finishes a stopped request before it starts the next, so a cleared chat may
    // begin again at once; only our own running reply holds the queue.
    if (answering() || bridge_.loading() || !bridge_.model()) return;
    for (int i = 0; i < size(); ++i) {
        if (!messages_[i].queued) continue;
        startReply(i);
        return;
    }
}

void Chat::startReply(int userIndex) {
    if (messages_[userIndex].queued) {
        messages_[userIndex].queued = false;
        messages_[userIndex].parent = idBefore(userIndex);
        emit headChanged(userIndex);
    }
    ChatMessage message;
    message.id = newMessageId();
    message.parent = messages_[userIndex].id;
    message.createdMs = QDateTime::currentMSecsSinceEpoch();
    message.author = ChatMessage::Author::assistant;
    message.speaker = QString::fromStdString(bridge_.model()->name);
    message.running = true;
    reply_ = message.id;
    round_ = 0;
    stopped_ = false;
    running_ = {};
    begun_.reset();
    recentSeconds_.clear();
    messages_.insert(messages_.begin() + userIndex + 1, std::move(message));
    emit inserted(userIndex + 1);
    bridge_.announceAnswer(reply_);
    startRound();
    emit stateChanged();
}

void Chat::startRound() {
    if (earlier_ && !earlierMessages_) {
        waitsForEarlier_ = true;
        emit earlierWanted();
        return;
    }
    GenerateJob job;
    job.conversation = conversationUpTo(indexOf(reply_));
    if (begun_) {
        job.conversation.messages.push_back(*begun_);
        job.goesOn =
            begun_->content.empty() ? GenerateJob::GoesOn::thinking : GenerateJob::GoesOn::answer;
    }
    job.think = think_;
    job.sampling = bridge_.model()->sampling;
    // The file recommends how, not which: the same seed would make Regenerate repeat itself.
    job.sampling.seed = seed_.value_or(QRandomGenerator::global()->generate64());
    job.tools = tools_;
    request_ = bridge_.generate(job);
}

void Chat::onTokens(quint64 request, const TokenBatch& batch) {
    if (request != request_ || reply_ == 0) return;
    const int index = indexOf(reply_);
    ChatMessage& message = messages_[index];
    const int firstToken = static_cast<int>(message.tokens.size());
    bool newParts = false;
    for (const TokenEvent& event : batch) {
        TokenPlace place;
        for (const StreamDelta& delta : event.deltas) {
            if (delta.text.empty()) continue;
            const ChatPart::Kind kind = kindOf(delta.part);
            if (message.parts.empty() || message.parts.back().kind != kind ||
                message.parts.back().closed) {
                if (!message.parts.empty()) message.parts.back().closed = true;
                message.parts.emplace_back().kind = kind;
                newParts = true;
            }
            QByteArray& text = message.parts.back().text;
            const int part = static_cast<int>(message.parts.size()) - 1;
            if (place.part != part) place = {part, static_cast<int>(text.size()), 0};
            text.append(delta.text.data(), static_cast<qsizetype>(delta.text.size()));
            place.end = static_cast<int>(text.size());
        }
        // A token without visible text still counts for the pane it was written for.
        if (!message.parts.empty() && message.parts.back().kind == kindOf(event.part)) {
            ++message.parts.back().tokens;
            message.parts.back().seconds += event.seconds;
        }
        TokenEvent kept = event;
        kept.deltas.clear();
        message.tokens.push_back(std::move(kept));
        message.places.push_back(place);
        recentSeconds_.push_back(event.seconds);
        if (recentSeconds_.size() > kRateWindowTokens) recentSeconds_.pop_front();
    }
    usedTokens_ += static_cast<std::int64_t>(batch.size());
    if (newParts) emit partsChanged(index);
    if (!message.parts.empty()) emit textAdded(index, static_cast<int>(message.parts.size()) - 1);
    bridge_.announceTokens(reply_, firstToken, batch);
    emit stateChanged();
}

void Chat::closeParts(ChatMessage& message) {
    for (ChatPart& part : message.parts) part.closed = true;
}

void Chat::onFinished(quint64 request, const GenerateResult& result) {
    if (request != request_ || reply_ == 0) return;
    const int index = indexOf(reply_);
    ChatMessage& message = messages_[index];
    if (round_ == 0) {
        running_.firstTokenSeconds = result.timings.first_token_seconds;
        running_.reusedTokens = result.timings.reused_tokens;
        running_.promptTokens = result.timings.prompt_tokens;
        running_.reuse = result.reuse.source;
        running_.savedSeconds = result.reuse.saved_seconds;
        running_.loadSeconds = result.reuse.load_seconds;
        running_.note = QString::fromStdString(result.reuse.note);
    }
    message.evaluateSeconds += result.timings.prefill_seconds;
    if (!result.prompt_checkpoint.empty())
        message.promptCheckpoint = QString::fromStdString(result.prompt_checkpoint);
    message.checkpoint = QString::fromStdString(result.checkpoint);
    message.timelineTokens = result.timings.prompt_tokens + result.timings.generated_tokens;
    running_.tokens += result.timings.generated_tokens;
    running_.decodeSeconds += result.timings.decode_seconds;
    running_.stop = result.stop;
    usedTokens_ = bridge_.stats().usedTokens;

    const bool calls = result.stop == StopReason::tool_calls && !result.reply.calls.empty();
    // A tool block that turned out to be none is text the model wrote; it stays readable.
    if (!calls && !message.parts.empty() && message.parts.back().kind == ChatPart::Kind::tool &&
        message.parts.back().toolName.isEmpty())
        message.parts.back().kind = ChatPart::Kind::answer;
    closeParts(message);

    Message said;
    said.role = Role::assistant;
    said.content = result.reply.content;
    said.reasoning = result.reply.reasoning;
    // Shown as thinking, so kept as thinking.
    if (result.reply.thinking_unfinished) said.reasoning = std::exchange(said.content, {});
    if (begun_) {
        said.content.insert(0, begun_->content);
        said.reasoning.insert(0, begun_->reasoning);
        begun_.reset();
    }
    if (calls) {
        if (!message.parts.empty() && message.parts.back().kind == ChatPart::Kind::tool)
            message.parts.back().text.clear();
        else
            message.parts.emplace_back().kind = ChatPart::Kind::tool;
        std::vector<Message> answers;
        for (std::size_t i = 0; i < result.reply.calls.size(); ++i) {
            ToolCall call = result.reply.calls[i];
            if (call.id.empty())
                call.id = "call_" + std::to_string(message.id) + "_" + std::to_string(round_) +
                          "_" + std::to_string(i);
            const std::string answer = run_demo_tool(call, std::chrono::system_clock::now());
            if (i > 0) message.parts.emplace_back().kind = ChatPart::Kind::tool;
            ChatPart& part = message.parts.back();
            part.closed = true;
            part.toolName = QByteArray::fromStdString(call.name);
            part.toolArguments = QByteArray::fromStdString(call.arguments);
            part.toolResult = QByteArray::fromStdString(answer);
            Message tool;
            tool.role = Role::tool;
            tool.content = answer;
            tool.tool_call_id = call.id;
            answers.push_back(std::move(tool));
            said.tool_calls.push_back(std::move(call));
        }
        message.engineMessages.push_back(std::move(said));
        for (Message& answer : answers) message.engineMessages.push_back(std::move(answer));
        emit partsChanged(index);
        if (!stopped_ && ++round_ < kToolRoundsMax) {
            startRound();
            emit stateChanged();
            return;
        }
        if (stopped_) running_.stop = StopReason::cancelled;
    } else {
        message.engineMessages.push_back(std::move(said));
        emit partsChanged(index);
    }
    endReply();
}

void Chat::onFailed(quint64 request, const UserError& error) {
    if (request != request_ || reply_ == 0) return;
    const int index = indexOf(reply_);
    ChatMessage& message = messages_[index];
    // What was written before the error is part of the conversation from now on.
    Message said = partialReply(message);
    begun_.reset();
    closeParts(message);
    if (!said.content.empty()) message.engineMessages.push_back(std::move(said));
    ChatPart& part = message.parts.emplace_back();
    part.kind = ChatPart::Kind::error;
    part.closed = true;
    part.error = error;
    emit partsChanged(index);
    running_.stop = StopReason::cancelled;
    running_.tokens = 0;
    endReply();
}

void Chat::endReply() {
    const qint64 id = reply_;
    const int index = indexOf(id);
    ChatMessage& message = messages_[index];
    message.running = false;
    const bool failed =
        !message.parts.empty() && message.parts.back().kind == ChatPart::Kind::error;
    if (!failed) message.summary = running_;
    reply_ = 0;
    request_ = 0;
    recentSeconds_.clear();
    emit headChanged(index);
    emit replyFinished(index);
    bridge_.announceFinished(id);
    startNext();
    emit stateChanged();
}

}  // namespace starglass::ui

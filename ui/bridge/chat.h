// SPDX-License-Identifier: GPL-3.0-or-later
//
// The conversation on screen and what may happen to it: send, queue, stop, regenerate, edit, go on,
// the tool loop. It is one path through a tree: regenerating and editing begin a branch beside the
// old one, which whoever keeps the tree (ui/library) can bring back with showPath(). Only the end
// of a long path may be here; hasEarlier() says so. UI thread; owns its messages; knows no widgets.
// Messages are never dropped by an error: the failed reply keeps what it has and an error part.
#pragma once

#include <QByteArray>
#include <QElapsedTimer>
#include <QObject>
#include <deque>
#include <optional>
#include <vector>

#include "bridge/engine_bridge.h"

namespace starglass::ui {

// One pane's worth of a reply. Text is UTF-8, whole characters only.
struct ChatPart {
    enum class Kind { thinking, answer, tool, error };
    Kind kind = Kind::answer;
    QByteArray text;      // tool: the call as it is being written
    bool closed = false;  // no more text will come
    double seconds = 0;   // thinking: time spent
    int tokens = 0;
    QByteArray toolName, toolArguments, toolResult;
    UserError error;
};

// Where a generated token's text is: bytes [begin, end) of part `part`; empty for tokens that
// showed nothing.
struct TokenPlace {
    int part = -1;
    int begin = 0;
    int end = 0;
};

struct ReplySummary {
    StopReason stop = StopReason::end_of_turn;
    int tokens = 0;
    int reusedTokens = 0;
    int promptTokens = 0;
    double firstTokenSeconds = 0;
    double decodeSeconds = 0;
    // Where the reused tokens came from, and what evaluating them had taken when it was measured.
    ReuseSource reuse = ReuseSource::none;
    double savedSeconds = 0;
    double loadSeconds = 0;
    QString note;  // one sentence when a checkpoint could not be used
    [[nodiscard]] double tokensPerSecond() const {
        return decodeSeconds > 0 ? tokens / decodeSeconds : 0;
    }
};

struct ChatMessage {
    enum class Author { user, assistant };
    qint64 id = 0;      // unique over all sessions, larger is newer
    qint64 parent = 0;  // the message before this one, 0 for the first
    // The messages that stand in the same place, this one included, oldest first; empty: only this.
    std::vector<qint64> siblings;
    qint64 createdMs = 0;  // since 1970
    Author author = Author::user;
    bool queued = false;          // user: waits for the model or the running answer
    QByteArray text;              // user
    QString speaker;              // assistant: the model's name
    std::vector<ChatPart> parts;  // assistant
    bool running = false;         // assistant: still being written
    bool interrupted = false;     // assistant: the program ended before the answer did
    std::optional<ReplySummary> summary;
    std::vector<TokenEvent> tokens;       // without deltas
    std::vector<TokenPlace> places;       // one per token
    std::vector<Message> engineMessages;  // what the engine reads for this message later
    // Checkpoints in front of the answer and at its end; empty without a cache.
    QString promptCheckpoint, checkpoint;
    double evaluateSeconds = 0;  // measured: evaluating what had to be evaluated
    std::int64_t timelineTokens =
        0;  // of the conversation up to the end of this message; 0: unknown

    [[nodiscard]] int branch() const;    // 0-based position among the siblings
    [[nodiscard]] int branches() const;  // at least 1
    // The answer may be taken up where it broke off.
    [[nodiscard]] bool canContinue() const;
    // Without what only the window needs: tokens and their places.
    [[nodiscard]] ChatMessage withoutTokens() const;
    // All that can be read, for copying and for plain text.
    [[nodiscard]] QString plainText(bool withThinking) const;
};

// The first of `count` numbers that were never given before, also not in another run:
// milliseconds since 1970 and a counter.
qint64 newMessageId(qint64 count = 1);

// What the engine should read for a reply that was cut off: its text after the last tool result.
Message partialReply(const ChatMessage& message);

class Chat : public QObject {
    Q_OBJECT
public:
    explicit Chat(EngineBridge& bridge, QObject* parent = nullptr);

    [[nodiscard]] int size() const { return static_cast<int>(messages_.size()); }
    [[nodiscard]] const ChatMessage& at(int index) const { return messages_.at(index); }
    [[nodiscard]] int indexOf(qint64 id) const;  // -1: none
    // Null when out of range.
    [[nodiscard]] const TokenEvent* token(qint64 message, int token) const;

    [[nodiscard]] bool answering() const { return reply_ != 0; }
    [[nodiscard]] bool canRegenerate() const;
    [[nodiscard]] int queuedCount() const;
    // The last message of the user, -1 when there is none.
    [[nodiscard]] int lastUserIndex() const;

    void setThink(ThinkMode think) { think_ = think; }
    [[nodiscard]] ThinkMode think() const { return think_; }
    void setToolsEnabled(bool enabled) { tools_ = enabled; }
    [[nodiscard]] bool toolsEnabled() const { return tools_; }
    // The same seed for every answer; without it each has its own.
    void setSeed(std::uint64_t seed) { seed_ = seed; }

    // Shown at once; answered when the model is free.
    void send(const QString& text);
    void stop();
    // Answers the last message of the user again, or the one that `index` answers or is; the
    // earlier answer stays in the tree.
    void regenerate(int index = -1);
    // Sends `text` instead of the user's message at `index` (-1: the last); that one and all after
    // it stay in the tree.
    void resend(const QString& text, int index = -1);
    // Goes on with the last answer where it broke off.
    void continueReply();
    [[nodiscard]] bool canContinue() const;
    // Ends a running reply here and now, keeping what is there; what still arrives is dropped.
    void interrupt();

    // Replaces everything: another session. `earlier`: the path has messages in front of these.
    void load(std::vector<ChatMessage> messages, bool earlier, std::int64_t usedTokens);
    // Another branch of the same session; what both have in common stays untouched.
    void showPath(std::vector<ChatMessage> messages, bool earlier);
    // The messages in front of the first.
    void prepend(std::vector<ChatMessage> messages, bool earlier);
    [[nodiscard]] bool hasEarlier() const { return earlier_; }
    // What the engine reads of all messages in front of the first: the answer to earlierWanted().
    void setEarlierMessages(std::vector<Message> messages);
    // Takes a message back that was not answered yet.
    bool unqueue(qint64 id);
    void clear();

    // What would be sent if `draft` were: for counting.
    [[nodiscard]] Conversation conversationWith(const QString& draft) const;
    // Tokens per second over the last moments; 0 when nothing is being written.
    [[nodiscard]] double liveRate() const;
    // Timeline length as far as known: prompt and what was written since.
    [[nodiscard]] std::int64_t usedTokens() const { return usedTokens_; }

signals:
    void inserted(int index);
    void loaded(int first, int count);  // many at once, from the library
    void earlierWanted();               // an answer waits for setEarlierMessages()
    void earlierChanged();
    void removed(int first, int count);
    void textAdded(int index, int part);  // the part grew
    void partsChanged(int index);         // parts were added, closed or replaced
    void headChanged(int index);          // queued flag, summary
    void stateChanged();                  // answering(), queue or usage changed
    void replyFinished(int index);

private:
    void startNext();
    void startReply(int userIndex);
    void startRound();
    void onTokens(quint64 request, const TokenBatch& batch);
    void onFinished(quint64 request, const GenerateResult& result);
    void onFailed(quint64 request, const UserError& error);
    void endReply();
    void closeParts(ChatMessage& message);
    void removeFrom(int first);
    void insertSent(int index, const QString& text, std::vector<qint64> siblings);
    [[nodiscard]] qint64 idBefore(int index) const;
    [[nodiscard]] Conversation conversationUpTo(int index) const;
    ChatMessage& reply();

    EngineBridge& bridge_;
    std::deque<ChatMessage> messages_;
    bool earlier_ = false;
    qint64 firstParent_ = 0;  // of the first message, when it is not here
    std::optional<std::vector<Message>> earlierMessages_;  // all of them, once asked for
    bool waitsForEarlier_ = false;
    std::optional<Message> begun_;  // of a reply that goes on: what it had
    qint64 reply_ = 0;              // message being written, 0 for none
    quint64 request_ = 0;           // of the running round
    int round_ = 0;
    bool stopped_ = false;  // the user asked; no further tool round
    ReplySummary running_;
    ThinkMode think_ = ThinkMode::on;
    bool tools_ = true;
    std::optional<std::uint64_t> seed_;
    std::int64_t usedTokens_ = 0;
    std::deque<double> recentSeconds_;
};

// The reason as a few words: "finished", "stopped", "length limit".
QString stopReasonText(StopReason reason);

}  // namespace starglass::ui

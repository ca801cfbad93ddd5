// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sessions and their messages in SQLite. Belongs to one thread (LibraryService's); every call
// waits for the disk. A call either happens altogether or not at all. Errors are sentences.
//
// Messages are a tree. A node's first child continues its branch, every further child begins one,
// so that reading a path is a few index ranges however long it is, and counting its depth is not
// a walk. Times are milliseconds since 1970.
#pragma once

#include <QSqlDatabase>
#include <functional>
#include <memory>
#include <set>

#include "library/library_types.h"

namespace starglass::ui {

struct OwnedCheckpoint {
    QString checkpoint;
    bool wanted = true;
};

class LibraryDb {
public:
    // How many messages are shown at once when a session is opened.
    static constexpr int kPageMessages = 200;

    // Also marks answers that were being written when the program ended, and purges what was
    // deleted before this start.
    static Result<std::unique_ptr<LibraryDb>> open(const QString& path);
    ~LibraryDb();
    LibraryDb(const LibraryDb&) = delete;
    LibraryDb& operator=(const LibraryDb&) = delete;

    [[nodiscard]] const QString& notice() const { return notice_; }
    [[nodiscard]] const QSqlDatabase& handle() const { return db_; }

    // --- sessions ---
    // Pinned first, then newest use.
    Result<SessionRows> sessions();
    Result<SessionRow> session(qint64 id);
    // id, uuid, title, model and times are taken from `row`.
    Status createSession(const SessionRow& row, const SessionSettings& settings);
    Status setTitle(qint64 session, const QString& title, TitleSource source);
    Status setPinned(qint64 session, bool pinned);
    Status setTags(qint64 session, const QStringList& tags);
    Status setSettings(qint64 session, const SessionSettings& settings);
    Status setQueued(qint64 session, const QStringList& texts);
    Status setDeleted(qint64 session, bool deleted);
    // Really deletes what was deleted before `beforeMs`.
    Status purge(qint64 beforeMs);

    // --- messages ---
    // Inserts, or replaces what the node holds. A new one becomes the session's leaf. The parent
    // of a known node never changes.
    Status saveMessage(qint64 session, const ChatMessage& message, const QString& modelName = {},
                       const QString& modelFingerprint = {});
    // The newest end of the tree below `node`.
    Result<qint64> leafBelow(qint64 session, qint64 node);
    Status setLeaf(qint64 session, qint64 node);
    Result<SessionPage> page(qint64 session, int limit = kPageMessages);
    // At most `limit` messages in front of `node`, oldest first.
    Result<SessionPage> earlier(qint64 session, qint64 node, int limit = kPageMessages);
    // What the engine reads of everything in front of `node`.
    Result<std::vector<Message>> engineMessagesBefore(qint64 session, qint64 node);
    // Hides `node` and all below it; the leaf moves to what is left. Returns the mark that brings
    // them back.
    Result<qint64> deleteMessage(qint64 session, qint64 node);
    Status restoreMessages(qint64 session, qint64 mark, qint64 leaf);
    // A new session with the path up to `node`.
    Result<qint64> fork(qint64 session, qint64 node, const QString& title);
    // All nodes of the tree, parents before children.
    Status eachNode(qint64 session, const std::function<Status(const ChatMessage&)>& visit);
    // The path, first to last.
    Status eachOnPath(qint64 session, const std::function<Status(const ChatMessage&)>& visit);
    // For many at once.
    Status inTransaction(const std::function<Status()>& body);

    // --- search ---
    // Any text may be searched for; the last word matches as a prefix. At most `limit` sessions:
    // those whose title matches, then the best matching messages.
    Result<SearchHits> search(const QString& query, int limit = 100);

    // --- checkpoints and rates ---
    // What the cache has not been told yet.
    Result<std::vector<OwnedCheckpoint>> ownershipToTell();
    Status ownershipTold(const QString& checkpoint, bool wanted);
    // An imported checkpoint has a new name here.
    Status renameCheckpoint(qint64 session, const QString& from, const QString& to);
    Status setPrefillRate(const QString& fingerprint, double tokensPerSecond);
    Result<double> prefillRate(const QString& fingerprint);

private:
    struct Place {
        qint64 branch = 0;
        qint64 depth = -1;
    };
    struct Range {
        qint64 branch;
        qint64 first, last;  // depths
    };
    LibraryDb(QSqlDatabase db, QString connection, QString notice);
    Status recover();
    Result<Place> placeOf(qint64 session, qint64 node);
    Result<Place> placeForChild(qint64 session, qint64 parent);
    // From the end to the beginning.
    Result<std::vector<Range>> pathTo(const Place& place);
    // The last `limit` messages of the path that ends at `place`, oldest first.
    Result<std::vector<ChatMessage>> read(const Place& place, int limit);
    Status fillSiblings(qint64 session, std::vector<ChatMessage>& messages);
    Status refreshRow(qint64 session);
    Status setOwned(qint64 session, const QStringList& checkpoints);
    Status index(qint64 row, const QString& text);

    QSqlDatabase db_;
    QString connection_;
    QString notice_;
    int depth_ = 0;  // of transactions
    bool bulk_ = false;
    std::set<qint64> stale_;  // sessions whose row is refreshed at the end of inTransaction()
};

}  // namespace starglass::ui

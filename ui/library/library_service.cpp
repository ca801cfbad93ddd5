// SPDX-License-Identifier: GPL-3.0-or-later
#include "library/library_service.h"

#include <QFile>
#include <QFileInfo>
#include <future>

#include "library/session_file.h"
#include "library/sql.h"

namespace starglass::ui {
namespace {

// A full disk is looked at again this often.
constexpr int kRetryMs = 3000;

}  // namespace

TaskThread::TaskThread(const QString& name) : context_(new QObject) {
    thread_.setObjectName(name);
    context_->moveToThread(&thread_);
    thread_.start();
}

TaskThread::~TaskThread() {
    // Behind everything posted before.
    post([this] { thread_.quit(); });
    thread_.wait();
    delete context_;
}

void TaskThread::post(std::function<void()> task) {
    QMetaObject::invokeMethod(
        context_, [task = std::move(task)] { task(); }, Qt::QueuedConnection);
}

LibraryService::LibraryService(QString path, QObject* parent)
    : QObject(parent),
      path_(path.isEmpty() ? QStringLiteral(":memory:") : std::move(path)),
      cacheThread_(std::make_unique<TaskThread>(QStringLiteral("library-cache"))),
      dbThread_(std::make_unique<TaskThread>(QStringLiteral("library"))) {
    registerLibraryTypes();
    retry_.setInterval(kRetryMs);
    connect(&retry_, &QTimer::timeout, this,
            [this] { onDb([this](LibraryDb& db) { writeWaiting(db); }); });
}

LibraryService::~LibraryService() {
    onDb([this](LibraryDb& db) { writeWaiting(db); });
    waitForWrites();
    // What the cache still has to do may report to the database; nothing new is asked of it.
    closing_ = true;
    waitForWrites();
    // Whoever holds it last waits for the disk: not this thread's business to hold it longer.
    cacheThread_->post([this] { cache_.reset(); });
    cacheThread_.reset();
    dbThread_->post([this] { db_.reset(); });
    dbThread_.reset();
}

void LibraryService::back(std::function<void()> task) {
    QMetaObject::invokeMethod(
        this, [task = std::move(task)] { task(); }, Qt::QueuedConnection);
}

void LibraryService::onDb(std::function<void(LibraryDb&)> task) {
    dbThread_->post([this, task = std::move(task)] {
        if (db_) task(*db_);
    });
}

void LibraryService::onCache(std::function<void()> task) {
    if (!closing_) cacheThread_->post(std::move(task));
}

void LibraryService::say(const QString& doing, const Error& error) {
    QString sentence = doing + QStringLiteral(": ") + QString::fromStdString(error.message);
    if (!sentence.endsWith(u'.')) sentence += u'.';
    back([this, sentence] { emit failed(sentence); });
}

void LibraryService::sendRow(LibraryDb& db, qint64 session) {
    if (const auto row = db.session(session)) back([this, row = *row] { emit rowChanged(row); });
}

void LibraryService::waitForWrites() {
    std::promise<void> done;
    dbThread_->post([&done] { done.set_value(); });
    done.get_future().wait();
}

void LibraryService::limitPagesForTests(bool full) {
    onDb([full](LibraryDb& db) {
        (void)runSql(db.handle(),
                     full ? "PRAGMA max_page_count=1" : "PRAGMA max_page_count=1073741823");
    });
}

// --- opening -------------------------------------------------------------------------------

void LibraryService::open() {
    dbThread_->post([this] {
        auto opened = LibraryDb::open(path_);
        QString notice;
        const bool usable = opened.has_value();
        if (!usable) {
            notice = tr("Your sessions cannot be opened: %1. Nothing was changed there; what you "
                        "write now is kept only until the window closes.")
                         .arg(QString::fromStdString(opened.error().message));
            opened = LibraryDb::open(QStringLiteral(":memory:"));
        } else {
            notice = (*opened)->notice();
        }
        if (opened) db_ = std::move(*opened);
        back([this, usable, notice] { emit this->opened(usable, notice); });
        if (db_) tellOwnership(*db_);
    });
    list();
}

void LibraryService::setCache(std::shared_ptr<KvCache> cache) {
    onCache([this, cache = std::move(cache)] { cache_ = cache; });
    onDb([this](LibraryDb& db) { tellOwnership(db); });
    refreshCheckpoints();
}

// Checkpoints that sessions resume from are data: the cache must not evict them.
void LibraryService::tellOwnership(LibraryDb& db) {
    if (telling_) {
        tellAgain_ = true;
        return;
    }
    auto wanted = db.ownershipToTell();
    if (!wanted || wanted->empty() || closing_) return;
    telling_ = true;
    onCache([this, list = std::move(*wanted)] {
        std::vector<OwnedCheckpoint> told;
        for (const OwnedCheckpoint& one : list) {
            if (!cache_) break;
            const Status done = cache_->own(one.checkpoint.toStdString(), one.wanted);
            // Handed over and not written yet: it will be told again. Given back and gone: fine.
            if (done || !one.wanted) told.push_back(one);
        }
        onDb([this, told = std::move(told)](LibraryDb& db) {
            for (const OwnedCheckpoint& one : told)
                (void)db.ownershipTold(one.checkpoint, one.wanted);
            telling_ = false;
            if (std::exchange(tellAgain_, false)) tellOwnership(db);
        });
    });
}

// --- reading -------------------------------------------------------------------------------

void LibraryService::list() {
    onDb([this](LibraryDb& db) {
        auto rows = db.sessions();
        if (!rows) return say(tr("The sessions cannot be listed"), rows.error());
        back([this, rows = std::move(*rows)] { emit listed(rows); });
    });
}

void LibraryService::search(const QString& query) {
    const int ticket = ++*searches_;
    onDb([this, query, ticket, newest = searches_](LibraryDb& db) {
        // Somebody typed on: only the latest is worth the time.
        if (newest->load() != ticket) return;
        auto hits = db.search(query);
        if (!hits) return say(tr("The search failed"), hits.error());
        back([this, query, hits = std::move(*hits)] { emit found(query, hits); });
    });
}

void LibraryService::openSession(qint64 session) {
    onDb([this, session](LibraryDb& db) {
        auto page = db.page(session);
        if (!page) return say(tr("The session cannot be opened"), page.error());
        back([this, page = std::move(*page)] { emit pageReady(page); });
    });
}

void LibraryService::earlier(qint64 session, qint64 node) {
    onDb([this, session, node](LibraryDb& db) {
        auto page = db.earlier(session, node);
        if (!page) return say(tr("Earlier messages cannot be read"), page.error());
        back([this, session, node, page = std::move(*page)] {
            emit earlierReady(session, node, page);
        });
    });
}

void LibraryService::engineMessages(qint64 session, qint64 node) {
    onDb([this, session, node](LibraryDb& db) {
        auto messages = db.engineMessagesBefore(session, node);
        if (!messages) return say(tr("Earlier messages cannot be read"), messages.error());
        back([this, session, node, messages = std::move(*messages)] {
            emit engineMessagesReady(session, node, messages);
        });
    });
}

// --- writing -------------------------------------------------------------------------------

void LibraryService::create(const SessionRow& row, const SessionSettings& settings) {
    onDb([this, row, settings](LibraryDb& db) {
        const Status made = db.createSession(row, settings);
        if (!made) return say(tr("The session cannot be saved"), made.error());
        sendRow(db, row.id);
    });
}

void LibraryService::save(qint64 session, const ChatMessage& message, const QString& modelName,
                          const QString& modelFingerprint) {
    Waiting one{session, message.withoutTokens(), modelName, modelFingerprint};
    onDb([this, one = std::move(one)](LibraryDb& db) {
        // A newer state of a message that still waits replaces it.
        for (Waiting& earlier : waiting_)
            if (earlier.message.id == one.message.id) {
                earlier = one;
                return writeWaiting(db);
            }
        waiting_.push_back(one);
        writeWaiting(db);
    });
}

// In order: a message cannot be written before the one it answers.
void LibraryService::writeWaiting(LibraryDb& db) {
    std::size_t done = 0;
    QString problem;
    for (; done < waiting_.size(); ++done) {
        const Waiting& one = waiting_[done];
        const Status written =
            db.saveMessage(one.session, one.message, one.modelName, one.modelFingerprint);
        if (written) {
            if (!one.message.running) {
                sendRow(db, one.session);
                tellOwnership(db);
            }
            continue;
        }
        // Gone in the meantime: there is nothing to wait for.
        if (written.error().code == ErrorCode::not_found) continue;
        problem = QString::fromStdString(written.error().message);
        break;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done));
    const bool paused = !waiting_.empty();
    if (paused == paused_) return;
    paused_ = paused;
    back([this, paused, problem] {
        if (paused) {
            retry_.start();
            emit savingPaused(tr("Saving is paused: %1. Nothing is lost while the window stays "
                                 "open; it goes on by itself.")
                                  .arg(problem));
        } else {
            retry_.stop();
            emit savingPaused({});
        }
    });
}

void LibraryService::setQueued(qint64 session, const QStringList& texts) {
    onDb([this, session, texts](LibraryDb& db) {
        const Status done = db.setQueued(session, texts);
        if (!done) say(tr("The waiting message cannot be saved"), done.error());
    });
}

void LibraryService::setSettings(qint64 session, const SessionSettings& settings) {
    onDb([session, settings](LibraryDb& db) { (void)db.setSettings(session, settings); });
}

void LibraryService::setTitle(qint64 session, const QString& title, TitleSource source) {
    onDb([this, session, title, source](LibraryDb& db) {
        const Status done = db.setTitle(session, title, source);
        if (!done) say(tr("The session cannot be renamed"), done.error());
        sendRow(db, session);
    });
}

void LibraryService::setPinned(qint64 session, bool pinned) {
    onDb([this, session, pinned](LibraryDb& db) {
        const Status done = db.setPinned(session, pinned);
        if (!done) say(tr("The session cannot be pinned"), done.error());
        sendRow(db, session);
    });
}

void LibraryService::setTags(qint64 session, const QStringList& tags) {
    onDb([this, session, tags](LibraryDb& db) {
        const Status done = db.setTags(session, tags);
        if (!done) say(tr("The tags cannot be saved"), done.error());
        sendRow(db, session);
    });
}

void LibraryService::deleteSession(qint64 session) {
    onDb([this, session](LibraryDb& db) {
        const Status done = db.setDeleted(session, true);
        if (!done) return say(tr("The session cannot be deleted"), done.error());
        back([this, session] { emit rowRemoved(session); });
    });
}

void LibraryService::restoreSession(qint64 session) {
    onDb([this, session](LibraryDb& db) {
        const Status done = db.setDeleted(session, false);
        if (!done) return say(tr("The session cannot be brought back"), done.error());
        sendRow(db, session);
    });
}

// --- the tree ------------------------------------------------------------------------------

void LibraryService::showBranch(qint64 session, qint64 node) {
    onDb([this, session, node](LibraryDb& db) {
        const auto page = [&]() -> Result<SessionPage> {
            TRY(const qint64 leaf, db.leafBelow(session, node));
            TRY_STATUS(db.setLeaf(session, leaf));
            return db.page(session);
        }();
        if (!page) return say(tr("The branch cannot be shown"), page.error());
        sendRow(db, session);
        tellOwnership(db);
        back([this, page = *page] { emit branchReady(page); });
    });
}

void LibraryService::deleteMessage(qint64 session, qint64 node, qint64 leafBefore) {
    onDb([this, session, node, leafBefore](LibraryDb& db) {
        const auto mark = db.deleteMessage(session, node);
        if (!mark) return say(tr("The message cannot be deleted"), mark.error());
        auto page = db.page(session);
        if (!page) return say(tr("The session cannot be opened"), page.error());
        sendRow(db, session);
        tellOwnership(db);
        back([this, session, mark = *mark, leafBefore, page = std::move(*page)] {
            emit branchReady(page);
            emit messagesDeleted(session, mark, leafBefore);
        });
    });
}

void LibraryService::restoreMessages(qint64 session, qint64 mark, qint64 leaf) {
    onDb([this, session, mark, leaf](LibraryDb& db) {
        const Status done = db.restoreMessages(session, mark, leaf);
        if (!done) return say(tr("The message cannot be brought back"), done.error());
        auto page = db.page(session);
        if (!page) return say(tr("The session cannot be opened"), page.error());
        sendRow(db, session);
        tellOwnership(db);
        back([this, page = std::move(*page)] { emit branchReady(page); });
    });
}

void LibraryService::fork(qint64 session, qint64 node, const QString& title) {
    onDb([this, session, node, title](LibraryDb& db) {
        const auto made = db.fork(session, node, title);
        if (!made) return say(tr("The session cannot be forked"), made.error());
        sendRow(db, *made);
        tellOwnership(db);
        back([this, id = *made] { emit forked(id); });
    });
}

// --- files ---------------------------------------------------------------------------------

void LibraryService::exportJson(qint64 session, const QString& path, bool withKv) {
    onDb([this, session, path, withKv](LibraryDb& db) {
        auto checkpoint = exportSessionJson(db, session, path, withKv);
        if (!checkpoint) return say(tr("The session cannot be exported"), checkpoint.error());
        if (checkpoint->isEmpty()) {
            back([this, path, withKv] {
                emit exported(path);
                if (withKv)
                    emit failed(
                        tr("The text was exported; there is no saved state of the model "
                           "for this session to go with it."));
            });
            return;
        }
        onCache([this, path, id = *checkpoint] {
            Status done;
            if (cache_)
                done = cache_->export_bundle(id.toStdString(), bundlePath(path).toStdString());
            else
                done = fail(ErrorCode::not_found, "there is no cache");
            if (!done)
                say(tr("The text was exported, but not the state of the model"), done.error());
            back([this, path] { emit exported(path); });
        });
    });
}

void LibraryService::exportMarkdown(qint64 session, const QString& path) {
    onDb([this, session, path](LibraryDb& db) {
        const Status done = exportSessionMarkdown(db, session, path);
        if (!done) return say(tr("The session cannot be exported"), done.error());
        back([this, path] { emit exported(path); });
    });
}

void LibraryService::importJson(const QString& path) {
    onDb([this, path](LibraryDb& db) {
        auto made = importSessionJson(db, path);
        if (!made) return say(tr("The session cannot be imported"), made.error());
        const ImportedSession session = *made;
        const auto finish = [this, session] {
            onDb([this, session](LibraryDb& db) {
                sendRow(db, session.id);
                tellOwnership(db);
                back([this, session] { emit imported(session.id); });
            });
        };
        if (session.bundle.isEmpty() || !QFileInfo::exists(session.bundle)) return finish();
        onCache([this, session, finish] {
            if (!cache_) return finish();
            const auto id = cache_->import_bundle(session.bundle.toStdString());
            if (!id) {
                say(tr("The text was imported, but not the state of the model"), id.error());
                return finish();
            }
            const QString now = QString::fromStdString(*id);
            if (now != session.checkpoint)
                onDb([session, now](LibraryDb& db) {
                    (void)db.renameCheckpoint(session.id, session.checkpoint, now);
                });
            finish();
        });
    });
}

// --- the cache -----------------------------------------------------------------------------

void LibraryService::setPrefillRate(const QString& fingerprint, double tokensPerSecond) {
    onDb([fingerprint, tokensPerSecond](LibraryDb& db) {
        (void)db.setPrefillRate(fingerprint, tokensPerSecond);
    });
}

void LibraryService::readPrefillRate(const QString& fingerprint) {
    onDb([this, fingerprint](LibraryDb& db) {
        const double rate = db.prefillRate(fingerprint).value_or(0.0);
        back([this, fingerprint, rate] { emit prefillRateReady(fingerprint, rate); });
    });
}

void LibraryService::readNextTokens(const QString& checkpoint) {
    onCache([this, checkpoint] {
        NextTokens tokens;
        // A checkpoint that is gone has nothing to say; that is no error worth a sentence.
        if (cache_)
            if (auto read = cache_->next_tokens(checkpoint.toStdString()))
                tokens = std::move(*read);
        back([this, checkpoint, tokens = std::move(tokens)] {
            emit nextTokensReady(checkpoint, tokens);
        });
    });
}

void LibraryService::refreshCheckpoints() {
    onCache([this] {
        CheckpointInfos infos;
        CacheRate rate;
        if (cache_) {
            infos = cache_->list();
            rate = cache_->rate();
        }
        back([this, infos = std::move(infos), rate] { emit checkpointsListed(infos, rate); });
    });
    // What was handed over for saving may be on disk by now.
    onDb([this](LibraryDb& db) { tellOwnership(db); });
}

}  // namespace starglass::ui

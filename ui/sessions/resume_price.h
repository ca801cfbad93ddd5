// SPDX-License-Identifier: GPL-3.0-or-later
//
// What it takes to go on with a session: its state is in memory, on disk, or has to be evaluated
// again. Nothing is assumed before something was measured. Values; any thread.
#pragma once

#include <QHash>
#include <QString>

#include "engine/kv_cache.h"
#include "library/library_types.h"

namespace starglass::ui {

enum class Resume { memory, disk, prefill };

struct SessionPrice {
    Resume how = Resume::prefill;
    qint64 tokens = 0;        // that do not have to be evaluated (disk), or have to (prefill)
    double seconds = -1;      // -1: not known
    bool measured = false;    // else predicted from a measured rate
    double elseSeconds = -1;  // without the cache; -1: not known
    bool elseMeasured = false;
};

// What prices are made of.
struct PriceBook {
    QHash<QString, CheckpointInfo> checkpoints;
    double readBytesPerSecond = 0;  // 0: not measured
    double prefillRate = 0;         // tokens per second of the model in use; 0: not measured
    QString modelFingerprint;       // of the model in use; empty: none
    qint64 live = 0;                // session whose state is in memory

    void setCheckpoints(const std::vector<CheckpointInfo>& infos, const CacheRate& rate);
    [[nodiscard]] SessionPrice price(const SessionRow& row) const;
    // Of going on from a checkpoint, with `tokens` in the conversation up to there.
    [[nodiscard]] SessionPrice price(const QString& checkpoint, const QString& promptCheckpoint,
                                     qint64 tokens) const;
};

// "0.9 s", "3 min 10 s".
QString spanText(double seconds);
// "48,210", "112k".
QString tokensText(qint64 tokens);
// ● ◐ ○
QChar resumeMark(Resume how);
// "48,210 tok · in memory", "112k tok · 0.9 s", "22k tok · ≈ 1 min 40 s", "5,020 tok · —".
QString resumeLine(const SessionPrice& price, qint64 tokens);
// The same in words, for those who hear it.
QString resumeWords(const SessionPrice& price, qint64 tokens);
// "48k tokens: 0.9 s (else ≈ 3 min 10 s)"; empty when there is nothing to say.
QString priceText(const SessionPrice& price);

}  // namespace starglass::ui

// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counts the tokens of what is being typed, on a thread of its own: the engine worker is busy
// while an answer streams, and the window never waits. Uses only the const, stateless part of the
// Engine (tokenize, encode). Counts asked for while one is running replace each other.
#pragma once

#include <QObject>
#include <QThread>
#include <atomic>

#include "bridge/types.h"

namespace starglass::ui {

class TokenCounter : public QObject {
    Q_OBJECT
public:
    explicit TokenCounter(QObject* parent = nullptr);
    ~TokenCounter() override;

    void setEngine(EnginePtr engine) { engine_ = std::move(engine); }
    // `conversation` ends with the draft as a user message. The answer is the signal counted().
    void count(const Conversation& conversation, ThinkMode think);

signals:
    void counted(const TokenCount& count);

private:
    QThread thread_;
    QObject* worker_;  // lives on thread_
    EnginePtr engine_;
    std::atomic<quint64> latest_{0};
};

}  // namespace starglass::ui

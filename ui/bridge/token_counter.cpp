// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/token_counter.h"

#include <exception>

namespace starglass::ui {

TokenCounter::TokenCounter(QObject* parent) : QObject(parent), worker_(new QObject) {
    worker_->moveToThread(&thread_);
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
    thread_.setObjectName(QStringLiteral("token-counter"));
    thread_.start();
}

TokenCounter::~TokenCounter() {
    ++latest_;
    thread_.quit();
    thread_.wait();
}

void TokenCounter::count(const Conversation& conversation, ThinkMode think) {
    if (!engine_ || conversation.messages.empty()) return;
    const quint64 ticket = ++latest_;
    QMetaObject::invokeMethod(
        worker_,
        [this, ticket, engine = engine_, conversation, think] {
            if (ticket != latest_) return;
            TokenCount out;
            try {
                const std::string& draft = conversation.messages.back().content;
                out.draftTokens =
                    static_cast<int>(engine->tokenize(draft, TokenizeMode::plain).size());
                if (ticket != latest_) return;
                RenderOptions options;
                options.think = think;
                options.context_tokens = engine->options().context_tokens;
                options.dialect = engine->dialect();
                if (const auto prompt = render_prompt(conversation, options))
                    out.promptTokens = static_cast<int>(engine->encode(*prompt).size());
            } catch (const std::exception&) {
                return;  // a count is a courtesy; the request itself reports what is wrong
            }
            if (ticket == latest_) emit counted(out);
        },
        Qt::QueuedConnection);
}

}  // namespace starglass::ui

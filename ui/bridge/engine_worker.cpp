// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/engine_worker.h"

#include <chrono>
#include <exception>
#include <future>
#include <thread>

#include "bridge/error_text.h"
#include "bridge/expert_lease.h"
#include "bridge/guarded.h"

namespace starglass::ui {
namespace {

// Opens the last turn again, which rendering has closed. True when the prompt ends in thinking.
bool reopen(RenderedPrompt& prompt, GenerateJob::GoesOn goesOn) {
    using Kind = PromptSpan::Kind;
    auto& spans = prompt.spans;
    if (!spans.empty() && spans.back().kind == Kind::eos) spans.pop_back();
    if (goesOn != GenerateJob::GoesOn::thinking || spans.empty() ||
        spans.back().kind != Kind::think_close)
        return false;
    // Only if this turn did begin with thinking: the switch may be off by now.
    for (std::size_t i = spans.size() - 1; i-- > 0;) {
        if (spans[i].kind == Kind::text) continue;
        if (spans[i].kind != Kind::think_open) return false;
        spans.pop_back();
        return true;
    }
    return false;
}

constexpr int kTitleTokensMax = 24;

class Forwarder final : public SessionListener {
public:
    Forwarder(EngineWorker& worker, Mailbox& mailbox, quint64 request)
        : worker_(worker), mailbox_(mailbox), request_(request) {}

    void on_prefill(const PrefillProgress& progress) override {
        post([&](Mailbox::Content& content) { content.prefill = progress; });
    }
    void on_token(const TokenEvent& event) override {
        post([&](Mailbox::Content& content) {
            if (content.tokens.empty() || content.tokens.back().request != request_)
                content.tokens.push_back({request_, {}});
            content.tokens.back().events.push_back(event);
        });
    }
    void on_routing(const RoutingFrame& frame) override {
        RoutingSample sample;
        sample.position = frame.position;
        sample.prefill = frame.prefill;
        sample.layers = frame.layers;
        sample.expertsUsed = frame.experts_used;
        sample.experts.assign(frame.experts.begin(), frame.experts.end());
        sample.weights.assign(frame.weights.begin(), frame.weights.end());
        post([&](Mailbox::Content& content) { content.routing.push_back(std::move(sample)); });
    }
    void on_experts(const ExpertsFrame& frame) override {
        ExpertsSample sample;
        sample.position = frame.position;
        sample.rows = frame.rows;
        sample.prefill = frame.prefill;
        sample.seconds = frame.seconds;
        sample.stallSeconds = frame.stall_seconds;
        sample.layers.assign(frame.layers.begin(), frame.layers.end());
        post([&](Mailbox::Content& content) { content.experts.push_back(std::move(sample)); });
    }

private:
    template <class Change>
    void post(Change&& change) {
        if (mailbox_.put(std::forward<Change>(change))) emit worker_.activity();
    }
    EngineWorker& worker_;
    Mailbox& mailbox_;
    quint64 request_;
};

}  // namespace

EngineWorker::EngineWorker(EngineOpeners openers, std::shared_ptr<Mailbox> mailbox)
    : openers_(std::move(openers)), mailbox_(std::move(mailbox)) {
}

EngineWorker::~EngineWorker() {
    save(SaveReason::shutdown);
    close();
    if (!cache_) return;
    // On a thread of its own, because the disk may take longer than anybody waits: then it goes on
    // until the process ends, which the cache's files survive at any moment.
    std::promise<void> flushed;
    const std::future<void> done = flushed.get_future();
    std::thread([cache = std::move(cache_), flushed = std::move(flushed)]() mutable {
        try {
            cache->flush();
        } catch (const std::exception&) {  // out of memory: nothing is left to be done
        }
        cache.reset();
        flushed.set_value();
    }).detach();
    done.wait_for(std::chrono::milliseconds(kFlushMsMax));
}

void EngineWorker::openCache() {
    if (std::exchange(cacheTried_, true) || !openers_.cache) return;
    auto made = guarded([&] { return openers_.cache(); });
    if (made) cache_ = std::move(*made);
    emit cacheReady(cache_, made ? UserError() : describeError(made.error(), Doing::caching, {}));
}

// What cannot be saved is said by the cache's own listener.
void EngineWorker::save(SaveReason reason) {
    if (!cache_ || !session_ || session_->tokens().empty()) return;
    (void)guarded([&] { return session_->save(reason); });
}

void EngineWorker::open(quint64 request, const QString& path, const EngineOptions& options,
                        const CancelPtr& cancel) {
    openCache();
    const LoadListener listener = [this](const LoadProgress& progress) {
        if (mailbox_->put([&](Mailbox::Content& content) { content.load = progress; }))
            emit activity();
    };
    const bool closing = engine_ && goesFirst(engine_->placement(), options);
    if (closing) {
        save(SaveReason::evict);
        close();
    }
    auto made = guarded([&]() -> Result<std::pair<EnginePtr, std::unique_ptr<Session>>> {
        const auto open_it = [&]() -> Result<EnginePtr> {
            if (!path.isEmpty())
                return openers_.file(path.toStdString(), options, listener, *cancel);
            if (!openers_.builtin)
                return fail(ErrorCode::not_found, "this build carries no built-in model");
            return openers_.builtin(options, listener, *cancel);
        };
        TRY(EnginePtr engine, open_it());
        TRY(std::unique_ptr<Session> session, engine->create_session({cache_}));
        return std::pair{std::move(engine), std::move(session)};
    });
    if (!made) {
        UserError error = describeError(made.error(), Doing::opening, path);
        if (closing) error.safe = tr("Your conversation is unchanged; no model is open now.");
        emit openFailed(request, error, made.error().code == ErrorCode::cancelled, closing);
        return;
    }
    save(SaveReason::evict);
    close();
    session_ = std::move(made->second);
    engine_ = std::move(made->first);
    if (const ExpertMemory* memory = engine_->expert_memory())
        lease_ = std::make_shared<ExpertLease>(*memory);
    emit opened(request, engine_, lease_, stats());
}

void EngineWorker::close() {
    session_.reset();
    // Whoever looks at the experts is done in a moment; from then on nobody can.
    if (lease_) lease_->end();
    lease_.reset();
    engine_.reset();
}

bool EngineWorker::goesFirst(const PlacementSummary& inUse, const EngineOptions& next) {
    const bool wantsDevice =
        next.backend == BackendKind::vulkan || next.backend == BackendKind::automatic;
    return (wantsDevice && inUse.backend == BackendKind::vulkan) || inUse.memory_ceiling > 0 ||
           inUse.expert_budget > 0;
}

void EngineWorker::generate(quint64 request, const GenerateJob& job, const CancelPtr& cancel) {
    auto result = guarded([&] { return answer(request, job, *cancel); });
    if (result)
        emit generated(request, *result, stats());
    else
        emit generateFailed(request, describeError(result.error(), Doing::answering, {}));
}

void EngineWorker::suggestTitle(qint64 session, const Conversation& conversation,
                                const CancelPtr& cancel) {
    if (!session_ || cancel->cancelled()) return;
    auto made = guarded([&]() -> Result<std::string> {
        Conversation asked = conversation;
        asked.messages.push_back(
            {Role::user,
             "Give this conversation a title of at most six words. Answer with the title alone."});
        RenderOptions options;
        options.think = ThinkMode::off;
        options.context_tokens = session_->context_tokens();
        options.dialect = engine_->dialect();
        TRY(const RenderedPrompt prompt, render_prompt(asked, options));
        GenerateRequest request;
        request.prompt = engine_->encode(prompt);
        request.sampling.temperature = 0;
        request.max_tokens = kTitleTokensMax;
        request.thinking = false;
        request.save = false;
        request.routing = false;
        SessionListener nobody;
        TRY(const GenerateResult result, session_->generate(request, nobody, *cancel));
        if (result.stop == StopReason::cancelled)
            return fail(ErrorCode::cancelled, "another request came first");
        return result.reply.content;
    });
    // A name is no necessity: without one the first words stay.
    if (made) emit titleSuggested(session, QString::fromStdString(*made));
}

void EngineWorker::clear() {
    if (session_) session_->clear();
    emit cleared(stats());
}

void EngineWorker::resume(const QString& checkpoint) {
    auto result = guarded([&]() -> Result<ReuseReport> {
        if (!session_) return fail(ErrorCode::not_found, "no model is open");
        return session_->resume(checkpoint.toStdString());
    });
    emit resumed(checkpoint, result ? *result : ReuseReport{},
                 result ? QString() : QString::fromStdString(result.error().message), stats());
}

SessionStats EngineWorker::stats() const {
    if (!session_) return {};
    return {static_cast<std::int64_t>(session_->tokens().size()), session_->context_tokens(),
            session_->memory_bytes()};
}

Result<GenerateResult> EngineWorker::answer(quint64 request, const GenerateJob& job,
                                            const CancelToken& cancel) {
    if (!session_) return fail(ErrorCode::not_found, "no model is open");
    RenderOptions options;
    options.think = job.think;
    options.context_tokens = session_->context_tokens();
    options.dialect = engine_->dialect();
    TRY(RenderedPrompt prompt, render_prompt(job.conversation, options));
    GenerateRequest ask;
    ask.thinking = prompt.think != ThinkMode::off;
    if (job.goesOn != GenerateJob::GoesOn::no) ask.thinking = reopen(prompt, job.goesOn);
    ask.prompt = engine_->encode(prompt);
    ask.sampling = job.sampling;
    ask.max_tokens = job.maxTokens;
    ask.tools = job.tools;
    emit promptReady(request, static_cast<int>(ask.prompt.size()));
    if (static_cast<std::int64_t>(ask.prompt.size()) >= session_->context_tokens())
        return fail(ErrorCode::invalid_input,
                    "the conversation needs {} tokens and the context holds {}", ask.prompt.size(),
                    session_->context_tokens());
    Forwarder forwarder(*this, *mailbox_, request);
    return session_->generate(ask, forwarder, cancel);
}

}  // namespace starglass::ui

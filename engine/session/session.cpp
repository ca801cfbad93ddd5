// SPDX-License-Identifier: MIT
#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cache/text_prefix.h"
#include "session/engine_impl.h"
#include "session/prompt_match.h"
#include "session/routing_collector.h"
#include "session/sampler.h"
#include "session/session_cache.h"
#include "session/stop_matcher.h"
#include "session/timeline.h"
#include "session/token_statistics.h"

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr int kLogitRows = 32;     // rows of logits computed at once by evaluate()
constexpr int kRowsMeasured = 16;  // a batch of fewer says little about the speed of prefill

class SessionImpl final : public Session {
public:
    SessionImpl(std::shared_ptr<EngineImpl> engine, const SessionOptions& options)
        : engine_(std::move(engine)),
          cache_(*engine_, options.cache),
          timeline_(engine_->shape(), engine_->weights(), engine_->backend(), engine_->rounding(),
                    {.chunk = engine_->prefill_chunk(),
                     .context = engine_->options().context_tokens,
                     .chunk_max = engine_->chunk_max()},
                    engine_->feeds()),
          routing_(engine_->shape().layers, engine_->shape().experts_used),
          far_(!engine_->backend().host_memory()),
          logits_(static_cast<std::size_t>(engine_->shape().vocabulary)) {
        for (const auto kind : {PromptSpan::Kind::eos, PromptSpan::Kind::bos,
                                PromptSpan::Kind::user, PromptSpan::Kind::assistant})
            end_tokens_.push_back(engine_->tokenizer().vocabulary().control_id(kind));
    }

    Result<GenerateResult> generate(const GenerateRequest& request, SessionListener& listener,
                                    const CancelToken& cancel) override;
    Status evaluate(std::span<const TokenId> tokens, const EvaluateOptions& options,
                    SessionListener& listener, const LogitsConsumer& logits,
                    const CancelToken& cancel) override;
    [[nodiscard]] int reusable_tokens(std::span<const TokenId> prompt) const override {
        return static_cast<int>(in_memory(PromptMatch(engine_->tokenizer(), prompt)).tokens.size());
    }
    [[nodiscard]] std::span<const TokenId> tokens() const override { return timeline_.tokens(); }
    [[nodiscard]] std::int64_t context_tokens() const override {
        return engine_->options().context_tokens;
    }
    [[nodiscard]] std::int64_t memory_bytes() const override { return timeline_.bytes(); }
    void clear() override {
        save_evicted();
        timeline_.clear();
        forget_logits();
    }

    Result<ReuseReport> resume(const std::string& checkpoint) override;
    Result<std::string> save(SaveReason reason) override;
    [[nodiscard]] ResumePrice price(std::span<const TokenId> prompt) const override;
    [[nodiscard]] std::optional<PrefixReport> explain(
        std::span<const TokenId> prompt) const override;
    [[nodiscard]] std::span<const float> logits() const override { return all_logits(); }
    [[nodiscard]] std::vector<TokenAlternative> next_tokens(int top) const override;

private:
    Status check_prompt(std::span<const TokenId> prompt) const;

    // The longest state in memory that a prompt begins with.
    struct InMemory {
        ReuseSource source = ReuseSource::none;
        const Timeline::Saved* snapshot = nullptr;
        std::span<const TokenId> tokens;
        PromptMatch::Place place;
        double evaluate_seconds = 0;
    };
    [[nodiscard]] InMemory in_memory(const PromptMatch& prompt) const;
    // Where `text` leaves the live timeline; empty when they have nothing in common.
    [[nodiscard]] std::optional<PrefixReport> left_live(std::string_view text) const;
    // Makes the timeline the longest one that `prompt` begins with, from memory or disk; returns
    // the tokens still to be evaluated.
    std::vector<TokenId> reuse(const GenerateRequest& request, ReuseReport& report);
    // The live state gives way to another.
    void save_evicted() {
        if (live_is_kept_) save_quietly(SaveReason::evict);
    }
    // Makes the live state a checkpoint's, logits included.
    void adopt(LoadedCheckpoint& loaded, const std::string& id, ReuseReport& report);
    // Brings the timeline to the prompt and logits to its last position; `wanted` of them.
    Status prefill(const GenerateRequest& request, const LogitsSummary& wanted,
                   SessionListener& listener, const CancelToken& cancel, Clock::time_point start,
                   GenerateResult& result);
    // With the logits after its last token, which costs reading them where there is no cache too.
    std::string save_quietly(SaveReason reason) {
        if (!cache_.available()) return {};
        return cache_.save_quietly(timeline_, all_logits(), reason);
    }

    // --- logits after the last token. Where the backend's memory is not the host's, they stay
    // there with what top_ says of them, until somebody wants all.
    [[nodiscard]] bool logits_known() const {
        return logits_position_ >= 0 &&
               logits_position_ + 1 == static_cast<std::int64_t>(timeline_.tokens().size());
    }
    [[nodiscard]] std::span<const float> all_logits() const;
    void forget_logits() {
        logits_position_ = -1;
        logits_here_ = false;
    }
    // A summary to be filled by the batch that is about to run, or null. It counts when the batch
    // did: one that is cancelled leaves the logits before it where they are.
    LogitsSummary* top_for(const LogitsSummary& wanted) {
        if (!far_) return nullptr;
        coming_ = wanted;
        return &coming_;
    }
    // After a batch whose last token is in this row of it, and a summary if it was asked for.
    Status take_logits(int row);
    Result<TokenId> sample(Sampler& sampler, bool greedy);
    Result<TokenStatistics> statistics(TokenId token, int alternatives);
    static Status check_logits(std::span<const float> logits, std::int64_t position);
    Status send_final_rows(TraceSink& sink);
    void send_experts(SessionListener& listener) {
        if (engine_->experts() != nullptr) listener.on_experts(engine_->experts()->last_frame());
    }

    std::shared_ptr<EngineImpl> engine_;
    SessionCache cache_;
    Timeline timeline_;
    Forward& forward_ = timeline_.forward();  // logits are read from it when somebody looks
    RoutingCollector routing_;
    const bool far_;                             // values are in memory of the backend's own
    mutable std::int64_t logits_position_ = -1;  // -1: none
    mutable bool logits_here_ = false;           // logits_ are of that position
    mutable std::vector<float> logits_;          // [V]
    LogitsSummary top_;                          // of that position, unless they are here
    LogitsSummary coming_;                       // of the batch that runs
    std::vector<TokenId> end_tokens_;            // any of these ends a turn
    bool live_is_kept_ = true;  // false: it belongs to a request that was not to be saved
    // Prefill so far, for predictions: batches large enough to say something.
    std::int64_t measured_tokens_ = 0;
    double measured_seconds_ = 0;
};

Status SessionImpl::check_prompt(std::span<const TokenId> prompt) const {
    if (prompt.empty())
        return fail(ErrorCode::invalid_input, "the prompt is empty; it needs at least one token");
    const auto context = static_cast<std::size_t>(context_tokens());
    if (prompt.size() >= context)
        return fail(ErrorCode::invalid_input,
                    "the prompt has {} tokens, but the context holds {} and one must stay free; "
                    "shorten it or open the model with a larger context",
                    prompt.size(), context);
    const TokenId limit = engine_->shape().vocabulary;
    for (std::size_t i = 0; i < prompt.size(); ++i)
        if (prompt[i] < 0 || prompt[i] >= limit)
            return fail(ErrorCode::invalid_input,
                        "token {} at position {} is outside the vocabulary (0 to {})", prompt[i], i,
                        limit - 1);
    return {};
}

Status broken_logit(std::int64_t id, std::int64_t position) {
    return fail(ErrorCode::invalid_input,
                "the model gave a logit that is not a finite number (token {} at position "
                "{}); its weights are damaged, get the file again",
                id, position);
}

Status SessionImpl::check_logits(std::span<const float> logits, std::int64_t position) {
    for (std::size_t id = 0; id < logits.size(); ++id)
        if (!std::isfinite(logits[id]))
            return broken_logit(static_cast<std::int64_t>(id), position);
    return {};
}

Status SessionImpl::take_logits(int row) {
    forget_logits();
    const auto position = static_cast<std::int64_t>(timeline_.tokens().size()) - 1;
    Status status;
    if (!far_) {
        TRY_STATUS(timeline_.forward().logits(row, logits_));
        status = check_logits(logits_, position);
    } else if (std::swap(top_, coming_); top_.rest.first_broken >= 0) {
        status = broken_logit(top_.rest.first_broken, position);
    }
    if (!status) {
        // What such weights left in the rows is not worth resuming from.
        timeline_.clear();
        return status;
    }
    logits_position_ = position;
    logits_here_ = !far_;
    return {};
}

std::span<const float> SessionImpl::all_logits() const {
    if (!logits_known()) return {};
    if (!logits_here_ && !forward_.read_logits(logits_)) {
        logits_position_ = -1;
        return {};
    }
    logits_here_ = true;
    return logits_;
}

// What the k best do not decide is decided by all logits.
Result<TokenId> SessionImpl::sample(Sampler& sampler, bool greedy) {
    if (!logits_here_)
        if (const auto token = sampler.sample(top_, greedy)) return *token;
    const std::span<const float> logits = all_logits();
    if (logits.empty())
        return fail(ErrorCode::io, "logits could not be read from the graphics processor");
    return sampler.sample(logits, greedy);
}

Result<TokenStatistics> SessionImpl::statistics(TokenId token, int alternatives) {
    if (!logits_here_ && tells_statistics(top_, token, alternatives))
        return token_statistics(top_, token, alternatives);
    const std::span<const float> logits = all_logits();
    if (logits.empty())
        return fail(ErrorCode::io, "logits could not be read from the graphics processor");
    return token_statistics(logits, token, alternatives);
}

SessionImpl::InMemory SessionImpl::in_memory(const PromptMatch& prompt) const {
    InMemory best;
    const auto consider = [&](std::span<const TokenId> tokens, bool logits, ReuseSource source,
                              const Timeline::Saved* snapshot, double seconds) {
        if (tokens.empty()) return;
        const auto place = prompt.end_of(tokens);
        if (!place || (best.source != ReuseSource::none && *place <= best.place)) return;
        // Without logits at least one token must be left to evaluate.
        if (!logits && place->token == prompt.prompt().size()) return;
        if (!prompt.rest(*place)) return;
        best = {source, snapshot, tokens, *place, seconds};
    };
    consider(timeline_.tokens(), logits_known(), ReuseSource::live, nullptr,
             timeline_.history().evaluate_seconds);
    for (const Timeline::Saved& saved : timeline_.snapshots())
        consider(saved.tokens, false, ReuseSource::snapshot, &saved,
                 saved.history.evaluate_seconds);
    return best;
}

std::vector<TokenId> SessionImpl::reuse(const GenerateRequest& request, ReuseReport& report) {
    const PromptMatch prompt(engine_->tokenizer(), request.prompt);
    const InMemory memory = in_memory(prompt);
    if (memory.source != ReuseSource::live && !timeline_.tokens().empty()) {
        // Where the prompt leaves the conversation so far, before that is gone.
        report.left = left_live(engine_->tokenizer().decode(request.prompt));
        save_evicted();
    }
    if (auto loaded =
            cache_.find(prompt, static_cast<std::int64_t>(memory.tokens.size()), report.note)) {
        adopt(loaded->checkpoint, loaded->id, report);
        return std::move(loaded->rest);
    }
    report.source = memory.source;
    report.tokens = static_cast<int>(memory.tokens.size());
    report.saved_seconds = memory.evaluate_seconds;
    if (memory.source == ReuseSource::none) {
        // All of it has to be evaluated, so the few texts to compare with cost little beside it.
        if (!report.left) report.left = cache_.nearest(prompt.text());
        timeline_.restart();
        return request.prompt;
    }
    std::vector<TokenId> rest = prompt.rest(memory.place).value_or(std::vector<TokenId>());
    if (memory.snapshot != nullptr) timeline_.restore(*memory.snapshot);
    return rest;
}

void SessionImpl::adopt(LoadedCheckpoint& loaded, const std::string& id, ReuseReport& report) {
    report.source = ReuseSource::disk;
    report.checkpoint = id;
    report.tokens = static_cast<int>(loaded.state.tokens.size());
    report.load_seconds = loaded.seconds;
    report.saved_seconds = loaded.evaluate_seconds;
    report.other_arithmetic = cache_.made_elsewhere(loaded);
    forget_logits();
    if (!loaded.state.logits.empty()) {
        logits_ = std::move(loaded.state.logits);
        logits_position_ = report.tokens - 1;
        logits_here_ = true;
    }
    cache_.install(timeline_, loaded, id);
}

Status SessionImpl::prefill(const GenerateRequest& request, const LogitsSummary& wanted,
                            SessionListener& listener, const CancelToken& cancel,
                            Clock::time_point start, GenerateResult& result) {
    const std::vector<TokenId> rest = reuse(request, result.reuse);
    live_is_kept_ = request.save;
    const auto reused = static_cast<int>(timeline_.tokens().size());
    const auto total = static_cast<int>(rest.size());
    result.timings.prompt_tokens = reused + total;
    result.timings.reused_tokens = reused;
    if (reused + total >= context_tokens())
        return fail(ErrorCode::invalid_input,
                    "the prompt has {} tokens, but the context holds {} and one must stay free; "
                    "shorten it or open the model with a larger context",
                    reused + total, context_tokens());
    PrefillProgress progress{0, total, reused, seconds_since(start)};
    listener.on_prefill(progress);
    if (total == 0) return {};

    int last_rows = 0;
    Clock::time_point batch_start = Clock::now();
    Timeline::Hooks hooks;
    hooks.cancel = &cancel;
    if (request.routing) hooks.routing = routing_.hook();
    hooks.batch_done = [&](std::int64_t first_position, int rows) {
        last_rows = rows;
        if (rows >= kRowsMeasured) {
            measured_tokens_ += rows;
            measured_seconds_ += seconds_since(batch_start);
        }
        batch_start = Clock::now();
        if (request.routing) routing_.send(listener, first_position, rows, true);
        send_experts(listener);
        progress.tokens_done += rows;
        progress.seconds = seconds_since(start);
        listener.on_prefill(progress);
    };
    forget_logits();
    std::span<const TokenId> left = rest;
    const auto extend_to = [&](std::int64_t position) -> Status {
        const auto count = static_cast<std::size_t>(
            position - static_cast<std::int64_t>(timeline_.tokens().size()));
        batch_start = Clock::now();
        TRY_STATUS(timeline_.extend(left.first(count), 0, hooks));
        left = left.subspan(count);
        return {};
    };
    const std::int64_t end = result.timings.prompt_tokens;
    if (request.save && cache_.available()) {
        std::vector<TokenId> whole(timeline_.tokens().begin(), timeline_.tokens().end());
        whole.insert(whole.end(), rest.begin(), rest.end());
        for (const SessionCache::Stop& stop : cache_.stops(whole, reused, end - 1)) {
            TRY_STATUS(extend_to(stop.position));
            cache_.save_quietly(timeline_, {}, stop.reason);
        }
    }
    // A snapshot in front of the last token: the next turn of a plain chat renders this turn
    // without its reasoning and diverges exactly there.
    if (left.size() > 1) {
        TRY_STATUS(extend_to(end - 1));
        TRY_STATUS(timeline_.remember());
        if (request.save)
            result.prompt_checkpoint = cache_.save_quietly(timeline_, {}, SaveReason::prompt);
    }
    hooks.top = top_for(wanted);
    TRY_STATUS(extend_to(end));
    return take_logits(last_rows - 1);
}

Result<GenerateResult> SessionImpl::generate(const GenerateRequest& request,
                                             SessionListener& listener, const CancelToken& cancel) {
    const Clock::time_point start = Clock::now();
    TRY_STATUS(check_prompt(request.prompt));
    GenerateResult result;
    ReplyStream stream({.thinking = request.thinking, .tools = request.tools});
    StopMatcher stop(request.stop);
    const ExpertTotals experts_before =
        engine_->experts() != nullptr ? engine_->experts()->totals() : ExpertTotals();
    const auto finish = [&](StopReason reason) {
        result.stop = reason;
        if (engine_->experts() != nullptr) {
            result.experts = engine_->experts()->totals() - experts_before;
            engine_->remember_experts();
        }
        if (request.save) result.checkpoint = save_quietly(SaveReason::turn);
        result.timings.generated_tokens = static_cast<int>(result.tokens.size());
        result.reply = parse_reply(result.text, request.thinking);
        return std::move(result);
    };

    Sampler sampler(request.sampling);
    if (auto status = prefill(request, sampler.wanted(request.top_alternatives), listener, cancel,
                              start, result);
        !status) {
        if (status.error().code == ErrorCode::cancelled) return finish(StopReason::cancelled);
        return tl::unexpected<Error>(status.error());
    }
    result.timings.prefill_seconds = seconds_since(start);

    const std::int64_t room =
        context_tokens() - static_cast<std::int64_t>(timeline_.tokens().size());
    const std::int64_t limit =
        request.max_tokens < 0 ? room : std::min<std::int64_t>(request.max_tokens, room);
    const Clock::time_point decode_start = Clock::now();
    Clock::time_point previous = decode_start;
    // What the stop matcher or the reply stream still hold back becomes visible at the end.
    const auto release = [&](TokenEvent* event) {
        std::vector<StreamDelta> deltas = stream.feed(stop.flush());
        for (StreamDelta& delta : stream.flush()) deltas.push_back(std::move(delta));
        if (deltas.empty()) return;
        TokenEvent tail;
        TokenEvent& target = event != nullptr ? *event : tail;
        for (StreamDelta& delta : deltas) target.deltas.push_back(std::move(delta));
        if (event == nullptr) {
            tail.id = -1;  // no token of its own
            tail.position = static_cast<std::int64_t>(timeline_.tokens().size());
            tail.part = target.deltas.back().part;
            listener.on_token(tail);
        }
    };

    StopReason reason = StopReason::length;
    for (std::int64_t step = 0; step < limit; ++step) {
        if (cancel.cancelled()) {
            reason = StopReason::cancelled;
            break;
        }
        const bool greedy = request.tools && stream.next_is_structural();
        TRY(const TokenId token, sample(sampler, greedy));
        if (step == 0) result.timings.first_token_seconds = seconds_since(start);
        if (std::find(end_tokens_.begin(), end_tokens_.end(), token) != end_tokens_.end()) {
            reason = StopReason::end_of_turn;
            break;
        }
        TRY(const TokenStatistics described, statistics(token, request.top_alternatives));
        TokenEvent event;
        event.position = static_cast<std::int64_t>(timeline_.tokens().size());
        event.id = token;
        event.probability = described.probability;
        event.entropy_bits = described.entropy_bits;
        event.alternatives = described.alternatives;
        for (TokenAlternative& alternative : event.alternatives)
            alternative.text = engine_->token_text(alternative.id);
        event.part = stream.in_thinking() ? StreamPart::thinking : StreamPart::answer;
        if (event.part == StreamPart::thinking) ++result.timings.thinking_tokens;

        const std::string_view text = engine_->tokenizer().vocabulary().token_text(token);
        result.tokens.push_back(token);
        result.text += text;
        event.deltas = stream.feed(stop.feed(text));
        const bool stopped = stop.matched();
        const bool tool_done = request.tools && stream.tool_block_closed();
        const bool last = stopped || tool_done || step + 1 == limit;
        if (last) release(&event);
        const Clock::time_point now = Clock::now();
        event.seconds = std::chrono::duration<double>(now - previous).count();
        previous = now;
        listener.on_token(event);
        if (stopped) {
            result.text.resize(stop.kept_bytes());
            reason = StopReason::stop_text;
            break;
        }
        if (tool_done) {
            reason = StopReason::tool_calls;
            break;
        }
        if (last) break;

        Timeline::Hooks hooks;
        hooks.cancel = &cancel;
        if (request.routing) hooks.routing = routing_.hook();
        hooks.batch_done = [&](std::int64_t first_position, int rows) {
            if (request.routing) routing_.send(listener, first_position, rows, false);
            send_experts(listener);
        };
        hooks.top = top_for(sampler.wanted(request.top_alternatives));
        auto status = timeline_.extend(std::span(&token, 1), 1, hooks);
        if (status) status = take_logits(0);
        if (status && request.save &&
            cache_.due(static_cast<std::int64_t>(timeline_.tokens().size())))
            save_quietly(SaveReason::continued);
        if (!status) {
            if (status.error().code != ErrorCode::cancelled) {
                if (!logits_here_) forget_logits();
                return tl::unexpected<Error>(status.error());
            }
            reason = StopReason::cancelled;
            break;
        }
    }
    if (reason == StopReason::end_of_turn || reason == StopReason::cancelled || limit == 0)
        release(nullptr);
    result.timings.decode_seconds = seconds_since(decode_start);
    return finish(reason);
}

Status SessionImpl::evaluate(std::span<const TokenId> tokens, const EvaluateOptions& options,
                             SessionListener& listener, const LogitsConsumer& consumer,
                             const CancelToken& cancel) {
    TRY_STATUS(check_prompt(tokens));
    timeline_.clear();
    forget_logits();
    const auto vocabulary = static_cast<std::size_t>(engine_->shape().vocabulary);
    std::vector<float> block;
    Status logits_status;
    Timeline::Hooks hooks;
    hooks.cancel = &cancel;
    if (options.routing) hooks.routing = routing_.hook();
    if (options.trace != nullptr)
        hooks.trace = [&](std::string_view name, int layer, std::int64_t first,
                          std::span<const std::int64_t> shape, std::span<const float> values) {
            options.trace->on_array(name, layer, first, shape, values);
        };
    const Clock::time_point start = Clock::now();
    PrefillProgress progress{0, static_cast<int>(tokens.size()), 0, 0};
    const auto emit = [&](std::int64_t first, int first_row, int rows) {
        block.resize(static_cast<std::size_t>(rows) * vocabulary);
        logits_status = timeline_.forward().logits(first_row, block);
        for (int row = 0; row < rows && logits_status; ++row) {
            const std::span<const float> logits(block.data() + row * vocabulary, vocabulary);
            const std::int64_t position = first + first_row + row;
            logits_status = check_logits(logits, position);
            if (logits_status && consumer) consumer(position, logits);
        }
        if (options.trace != nullptr && logits_status) {
            const std::int64_t shape[] = {rows, static_cast<std::int64_t>(vocabulary)};
            options.trace->on_array("logits", -1, first + first_row, shape, block);
        }
    };
    hooks.batch_done = [&](std::int64_t first, int rows) {
        if (options.routing) routing_.send(listener, first, rows, rows > 1);
        send_experts(listener);
        const bool end = static_cast<std::size_t>(first + rows) == tokens.size();
        if (options.all_logits) {
            for (int row = 0; row < rows && logits_status; row += kLogitRows)
                emit(first, row, std::min(kLogitRows, rows - row));
        } else if (end) {
            emit(first, rows - 1, 1);
        }
        progress.tokens_done += rows;
        progress.seconds = seconds_since(start);
        listener.on_prefill(progress);
    };
    TRY_STATUS(timeline_.extend(tokens, options.chunk, hooks));
    if (!logits_status) {
        timeline_.clear();
        return logits_status;
    }
    std::copy_n(block.data() + block.size() - vocabulary, vocabulary, logits_.data());
    logits_position_ = static_cast<std::int64_t>(tokens.size()) - 1;
    logits_here_ = true;
    if (options.trace != nullptr) return send_final_rows(*options.trace);
    return {};
}

Result<ReuseReport> SessionImpl::resume(const std::string& checkpoint) {
    TRY(LoadedCheckpoint loaded, cache_.load(checkpoint));
    save_evicted();
    ReuseReport report;
    adopt(loaded, checkpoint, report);
    live_is_kept_ = true;
    return report;
}

Result<std::string> SessionImpl::save(SaveReason reason) {
    return cache_.save(timeline_, all_logits(), reason, true);
}

ResumePrice SessionImpl::price(std::span<const TokenId> prompt) const {
    const PromptMatch match(engine_->tokenizer(), prompt);
    const InMemory memory = in_memory(match);
    ResumePrice price;
    price.source = memory.source;
    price.reused_tokens = static_cast<int>(memory.tokens.size());
    const auto disk = cache_.predict(match);
    if (disk && disk->tokens > price.reused_tokens) {
        price.source = ReuseSource::disk;
        price.checkpoint = disk->id;
        price.reused_tokens = static_cast<int>(disk->tokens);
        price.load_seconds = disk->load_seconds;
        price.load_measured = disk->load_measured;
    }
    price.prefill_tokens = std::max(0, static_cast<int>(prompt.size()) - price.reused_tokens);
    if (measured_tokens_ > 0) {
        const double per_token = measured_seconds_ / static_cast<double>(measured_tokens_);
        price.prefill_seconds = per_token * price.prefill_tokens;
        price.evaluate_seconds = per_token * static_cast<double>(prompt.size());
    }
    return price;
}

std::optional<PrefixReport> SessionImpl::left_live(std::string_view text) const {
    const std::string live = engine_->tokenizer().decode(timeline_.tokens());
    PrefixReport report = prefix_report(live, live.size(), text);
    if (report.common_bytes == 0) return std::nullopt;
    return report;
}

std::optional<PrefixReport> SessionImpl::explain(std::span<const TokenId> prompt) const {
    const std::string text = engine_->tokenizer().decode(prompt);
    std::optional<PrefixReport> best = left_live(text);
    auto disk = cache_.nearest(text);
    if (disk && (!best || disk->common_bytes > best->common_bytes)) best = std::move(disk);
    return best;
}

std::vector<TokenAlternative> SessionImpl::next_tokens(int top) const {
    const std::span<const float> logits = all_logits();
    if (logits.empty()) return {};
    std::vector<TokenAlternative> out = token_statistics(logits, 0, top).alternatives;
    for (TokenAlternative& one : out) one.text = engine_->token_text(one.id);
    return out;
}

Status SessionImpl::send_final_rows(TraceSink& sink) {
    KvState& state = timeline_.state();
    TRY_STATUS(state.sync());
    const std::int64_t positions = state.positions();
    std::vector<float> values;
    const auto send = [&](std::string_view name, int layer, std::int64_t first, std::int64_t rows,
                          const RowLayout& layout, const auto& row_at) {
        values.resize(static_cast<std::size_t>(rows * layout.width));
        for (std::int64_t row = 0; row < rows; ++row)
            decode_row(layout, row_at(row), values.data() + row * layout.width);
        const std::int64_t shape[] = {rows, layout.width};
        sink.on_array(name, layer, first, shape, values);
    };
    for (int layer = 0; layer < state.layers(); ++layer) {
        const LayerState& at = state.layer(layer);
        const RowRing raw = state.raw_ring(layer);
        const std::int64_t window = std::min<std::int64_t>(positions, state.window());
        send("raw_kv_final", layer, positions - window, window, raw.layout,
             [&](std::int64_t row) { return raw.row(positions - window + row); });
        if (at.shape.ratio == 0) continue;
        const std::int64_t rows = positions / at.shape.ratio;
        const RowPages compressed = at.compressed.view();
        send("attn_comp_kv_final", layer, 0, rows, compressed.layout,
             [&](std::int64_t row) { return compressed.row(row); });
        if (!at.shape.indexed) continue;
        const RowPages index = at.index.view();
        send("index_comp_kv_final", layer, 0, rows, index.layout,
             [&](std::int64_t row) { return index.row(row); });
    }
    return {};
}

}  // namespace

std::unique_ptr<Session> make_session(std::shared_ptr<EngineImpl> engine,
                                      const SessionOptions& options) {
    return std::make_unique<SessionImpl>(std::move(engine), options);
}

}  // namespace starglass

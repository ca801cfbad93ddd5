// SPDX-License-Identifier: MIT
#include "session/session_cache.h"

#include <algorithm>

#include "session/token_statistics.h"

namespace starglass {
namespace {

// Reading a checkpoint for fewer tokens than this is not worth the disk's attention.
constexpr std::int64_t kTokensWorthLoading = 32;
// Of a producer: rows came from other arithmetic and were gone on from. Such a checkpoint promises
// nobody equal bits.
constexpr std::uint32_t kMixed = 1U << 31U;

}  // namespace

SessionCache::SessionCache(EngineImpl& engine, std::shared_ptr<KvCache> cache)
    : engine_(engine), cache_(std::move(cache)) {
    shape_ = std::make_shared<const ModelStateShape>(model_state_shape(engine));
    spent_ = std::make_shared<SpentStates>();
    producer_ = engine.backend().arithmetic() |
                static_cast<std::uint32_t>(engine.options().numerics) << 16U;
    if (engine.rounding() == Rounding::model) store_ = dynamic_cast<KvStore*>(cache_.get());
}

Result<std::string> SessionCache::save(Timeline& timeline, std::span<const float> logits,
                                       SaveReason reason, bool requested) {
    if (store_ == nullptr)
        return fail(ErrorCode::invalid_input, "this session has no cache to save to");
    const std::span<const TokenId> tokens = timeline.tokens();
    if (tokens.empty()) return fail(ErrorCode::invalid_input, "there is nothing to save yet");
    const Vocabulary& vocabulary = engine_.tokenizer().vocabulary();
    SaveJob job;
    job.shape = shape_;
    job.requested = requested;
    job.spent = spent_;
    job.chain = timeline.history().chain;
    job.state.tokens.assign(tokens.begin(), tokens.end());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        job.state.text += vocabulary.token_text(tokens[i]);
        if ((i + 1) % kSegmentTokens == 0)
            job.meta.text_ends.push_back(static_cast<std::int64_t>(job.state.text.size()));
    }
    TRY(job.state.kv, timeline.state().snapshot());
    job.state.logits.assign(logits.begin(), logits.end());
    job.meta.reason = reason;
    job.meta.parent = timeline.history().checkpoint;
    job.meta.evaluate_seconds = timeline.history().evaluate_seconds;
    job.meta.context_tokens = engine_.options().context_tokens;
    job.meta.producer = producer_ | (timeline.history().mixed ? kMixed : 0);
    if (!logits.empty()) {
        job.meta.next = token_statistics(logits, 0, static_cast<int>(kNextTokensMax)).alternatives;
        for (TokenAlternative& one : job.meta.next) one.text = vocabulary.token_text(one.id);
    }
    TRY(std::string id, store_->enqueue(std::move(job)));
    timeline.history().checkpoint = id;
    return id;
}

std::string SessionCache::save_quietly(Timeline& timeline, std::span<const float> logits,
                                       SaveReason reason) {
    if (store_ == nullptr ||
        static_cast<int>(timeline.tokens().size()) < store_->options().min_tokens)
        return {};
    return save(timeline, logits, reason, false).value_or(std::string());
}

std::optional<SessionCache::Loaded> SessionCache::find(const PromptMatch& prompt,
                                                       std::int64_t memory_tokens,
                                                       std::string& note) {
    if (store_ == nullptr) return std::nullopt;
    const std::string text = prompt.text();
    std::vector<CheckpointMatch> matches = store_->match(shape_->fingerprint, text);
    // Of the same text, the one whose bits are this engine's.
    std::stable_sort(matches.begin(), matches.end(), [&](const auto& a, const auto& b) {
        if (a.text_bytes != b.text_bytes) return a.text_bytes > b.text_bytes;
        if (a.has_logits != b.has_logits) return a.has_logits;
        return (a.producer == producer_) && (b.producer != producer_);
    });
    for (const CheckpointMatch& match : matches) {
        if (match.tokens < memory_tokens + kTokensWorthLoading ||
            match.tokens >= engine_.options().context_tokens)
            continue;
        // Without logits something must be left to evaluate.
        if (!match.has_logits && match.text_bytes == static_cast<std::int64_t>(text.size()))
            continue;
        auto loaded = store_->load(match.id, *shape_);
        if (!loaded) {
            note += (note.empty() ? "" : " ") + loaded.error().message + ".";
            continue;
        }
        // The same bytes, but a control token on one side and its spelling on the other.
        const auto place = prompt.end_of(loaded->state.tokens);
        if (!place) continue;
        auto rest = prompt.rest(*place);
        if (!rest) continue;
        store_->used(match.id, *loaded);
        return Loaded{std::move(*loaded), match.id, std::move(*rest)};
    }
    if (memory_tokens == 0) store_->missed();
    return std::nullopt;
}

Result<LoadedCheckpoint> SessionCache::load(const std::string& id) {
    if (store_ == nullptr)
        return fail(ErrorCode::invalid_input, "this session has no cache to resume from");
    TRY(LoadedCheckpoint loaded, store_->load(id, *shape_));
    if (static_cast<std::int64_t>(loaded.state.tokens.size()) >= engine_.options().context_tokens)
        return fail(ErrorCode::unsupported,
                    "the checkpoint has {} tokens and the context holds {}; open the model with a "
                    "larger context",
                    loaded.state.tokens.size(), engine_.options().context_tokens);
    store_->used(id, loaded);
    return loaded;
}

void SessionCache::install(Timeline& timeline, LoadedCheckpoint& loaded, const std::string& id) {
    TimelineHistory history;
    history.evaluate_seconds = loaded.evaluate_seconds;
    history.checkpoint = id;
    history.mixed = made_elsewhere(loaded);
    history.chain = std::move(loaded.chain);
    timeline.install(std::move(loaded.state.tokens), loaded.state.kv, std::move(history));
}

bool SessionCache::made_elsewhere(const LoadedCheckpoint& loaded) const {
    return loaded.producers != std::vector<std::uint32_t>{producer_};
}

std::optional<CheckpointMatch> SessionCache::predict(const PromptMatch& prompt) const {
    if (store_ == nullptr) return std::nullopt;
    for (CheckpointMatch& match : store_->match(shape_->fingerprint, prompt.text()))
        if (match.tokens < engine_.options().context_tokens) return std::move(match);
    return std::nullopt;
}

std::optional<PrefixReport> SessionCache::nearest(std::string_view text) const {
    if (store_ == nullptr) return std::nullopt;
    return store_->nearest(shape_->fingerprint, text);
}

std::vector<SessionCache::Stop> SessionCache::stops(std::span<const TokenId> timeline,
                                                    std::int64_t from, std::int64_t to) const {
    std::vector<Stop> out;
    if (store_ == nullptr) return out;
    const std::int64_t least = store_->options().min_tokens;
    // What stands before the first message of the user is what the next conversation shares.
    const Vocabulary& vocabulary = engine_.tokenizer().vocabulary();
    const TokenId user = vocabulary.control_id(PromptSpan::Kind::user);
    const TokenId assistant = vocabulary.control_id(PromptSpan::Kind::assistant);
    std::int64_t anchor = -1;
    for (std::size_t i = 0; i < timeline.size() && timeline[i] != assistant; ++i)
        if (timeline[i] == user) anchor = static_cast<std::int64_t>(i);
    if (anchor > from && anchor < to && anchor >= least) out.push_back({anchor, SaveReason::cold});
    const std::int64_t step = store_->options().interval_tokens;
    if (step > 0)
        for (std::int64_t at = (from / step + 1) * step; at < to; at += step)
            if (at != anchor && at >= least) out.push_back({at, SaveReason::continued});
    std::sort(out.begin(), out.end(),
              [](const Stop& a, const Stop& b) { return a.position < b.position; });
    return out;
}

bool SessionCache::due(std::int64_t position) const {
    if (store_ == nullptr) return false;
    const std::int64_t step = store_->options().interval_tokens;
    return step > 0 && position % step == 0;
}

}  // namespace starglass

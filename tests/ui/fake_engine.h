// SPDX-License-Identifier: MIT
//
// An engine that says what a test tells it to, as slowly as the test likes. Implements the facade;
// the plan may be changed from the test's thread at any time.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/experts.h"
#include "engine/kv_cache.h"
#include "expert_samples.h"

namespace starglass::test {

struct FakeToken {
    StreamPart part = StreamPart::answer;
    std::string text;
};

struct FakeReply {
    std::vector<FakeToken> tokens;
    int delayMs = 0;         // before each token
    int prefillDelayMs = 0;  // slept in one piece, deaf to cancellation
    int prefillTokens = 0;
    std::vector<ToolCall> calls;
    std::optional<Error> error;  // after the tokens
    ReuseReport reuse;
};

// One token per word, thinking first.
inline FakeReply reply(const std::string& thinking, const std::string& answer, int delayMs = 0) {
    FakeReply out;
    out.delayMs = delayMs;
    const auto add = [&](StreamPart part, const std::string& text) {
        std::size_t at = 0;
        while (at < text.size()) {
            std::size_t end = text.find(' ', at + 1);
            if (end == std::string::npos) end = text.size();
            out.tokens.push_back({part, text.substr(at, end - at)});
            at = end;
        }
    };
    add(StreamPart::thinking, thinking);
    add(StreamPart::answer, answer);
    return out;
}

// The experts of an engine that reads them from disk, as a test sets them. Outlives its engine, so
// that a look at a dead engine's experts is seen and not a crash.
class FakeExperts final : public ExpertMemory {
public:
    void set(ExpertMemorySnapshot snapshot) {
        const std::lock_guard lock(mutex_);
        snapshot_ = std::move(snapshot);
    }
    void set(ExpertTrace trace) {
        const std::lock_guard lock(mutex_);
        trace_ = std::move(trace);
    }
    ExpertMemorySnapshot snapshot() const override {
        looked();
        const std::lock_guard lock(mutex_);
        return snapshot_;
    }
    ExpertTrace trace() const override {
        looked();
        const std::lock_guard lock(mutex_);
        return trace_;
    }
    mutable std::atomic<int> looks{0};
    mutable std::atomic<int> looksAfterTheEnd{0};
    std::atomic<bool> gone{false};
    std::function<void()> whileLooking;  // set before the engine is opened

private:
    void looked() const {
        ++looks;
        if (whileLooking) whileLooking();
        if (gone) ++looksAfterTheEnd;
    }
    mutable std::mutex mutex_;
    ExpertMemorySnapshot snapshot_;
    ExpertTrace trace_;
};

inline ExpertTrace small_trace(int tokens) {
    ExpertTrace out;
    out.layers = 2;
    out.experts = 4;
    out.used = 2;
    out.hash_layers = 1;
    out.expert_bytes = {1'000'000, 1'000'000};
    for (int i = 0; i < tokens; ++i) {
        ExpertTrace::Batch batch;
        batch.position = i;
        batch.rows = 1;
        batch.experts = {0, 3, 1, 2};
        out.batches.push_back(std::move(batch));
    }
    return out;
}

class FakePlan {
public:
    void add(FakeReply one) {
        const std::lock_guard lock(mutex_);
        replies_.push_back(std::move(one));
    }
    // Without a planned reply the engine says "ok".
    FakeReply next() {
        const std::lock_guard lock(mutex_);
        if (replies_.empty()) return reply("", "ok");
        FakeReply out = std::move(replies_.front());
        replies_.pop_front();
        return out;
    }
    void recordPrompt(std::string text) {
        const std::lock_guard lock(mutex_);
        prompts_.push_back(std::move(text));
    }
    [[nodiscard]] std::vector<std::string> prompts() const {
        const std::lock_guard lock(mutex_);
        return prompts_;
    }
    void recordRequest(const GenerateRequest& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    [[nodiscard]] std::vector<GenerateRequest> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    // What sessions with a cache handed over for saving.
    void recordSave(SaveReason reason) {
        const std::lock_guard lock(mutex_);
        saves_.push_back(reason);
    }
    [[nodiscard]] std::vector<SaveReason> saves() const {
        const std::lock_guard lock(mutex_);
        return saves_;
    }

    // What engines were opened with.
    void recordOptions(const EngineOptions& options) {
        const std::lock_guard lock(mutex_);
        options_.push_back(options);
    }
    [[nodiscard]] std::vector<EngineOptions> options() const {
        const std::lock_guard lock(mutex_);
        return options_;
    }

    // Engines opened from now on read their experts from disk; each token then sends `expertUse`.
    std::shared_ptr<FakeExperts> experts;
    std::vector<ExpertLayerUse> expertUse{{2, 1, 1'000'000, 0.004F}, {2, 0, 0, 0.0F}};

    std::string device;   // a graphics processor that engines may run on; empty: none
    int loadDelayMs = 0;  // in steps that listen to cancellation
    std::optional<Error> loadError;
    std::int64_t contextTokens = 4096;
    bool builtin = true;

private:
    mutable std::mutex mutex_;
    std::deque<FakeReply> replies_;
    mutable std::vector<std::string> prompts_;
    std::vector<GenerateRequest> requests_;
    std::vector<SaveReason> saves_;
    std::vector<EngineOptions> options_;
};

class FakeSession final : public Session {
public:
    FakeSession(std::shared_ptr<FakePlan> plan, std::int64_t context,
                std::shared_ptr<KvCache> cache)
        : plan_(std::move(plan)), context_(context), cache_(std::move(cache)) {}

    Result<GenerateResult> generate(const GenerateRequest& request, SessionListener& listener,
                                    const CancelToken& cancel) override {
        const FakeReply script = plan_->next();
        plan_->recordRequest(request);
        GenerateResult out;
        tokens_ = request.prompt;
        if (script.prefillDelayMs > 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(script.prefillDelayMs));
        PrefillProgress progress;
        progress.tokens_total = script.prefillTokens > 0 ? script.prefillTokens
                                                         : static_cast<int>(request.prompt.size());
        progress.tokens_done = progress.tokens_total;
        progress.seconds = 0.01;
        listener.on_prefill(progress);
        std::string thinking, answer, tool;
        for (const FakeToken& token : script.tokens) {
            for (int slept = 0; slept < script.delayMs && !cancel.cancelled(); ++slept)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (cancel.cancelled()) {
                out.stop = StopReason::cancelled;
                break;
            }
            TokenEvent event;
            event.position = static_cast<std::int64_t>(tokens_.size());
            event.id = static_cast<TokenId>(out.tokens.size());
            event.probability = 0.5F;
            event.entropy_bits = 1.5F;
            event.seconds = 0.02;
            event.part = token.part;
            event.deltas.push_back({token.part, token.text});
            event.alternatives = {{event.id, 0.5F, token.text}, {event.id + 1, 0.2F, " other"}};
            const std::vector<std::int32_t> experts{0, 3, 1, 2};
            const std::vector<float> weights{0.6F, 0.4F, 0.7F, 0.3F};
            RoutingFrame frame;
            frame.position = event.position;
            frame.layers = 2;
            frame.experts_used = 2;
            frame.experts = experts;
            frame.weights = weights;
            listener.on_routing(frame);
            if (plan_->experts) {
                ExpertsFrame use;
                use.position = event.position - 1;
                use.rows = 1;
                use.seconds = 0.02;
                use.layers = plan_->expertUse;
                for (const ExpertLayerUse& layer : plan_->expertUse) {
                    use.stall_seconds += static_cast<double>(layer.stall_seconds);
                    out.experts.hits += static_cast<std::uint64_t>(layer.needed - layer.misses);
                    out.experts.misses += static_cast<std::uint64_t>(layer.misses);
                    out.experts.read_bytes += layer.read_bytes;
                }
                out.experts.stall_seconds += use.stall_seconds;
                listener.on_experts(use);
            }
            listener.on_token(event);
            tokens_.push_back(event.id);
            out.tokens.push_back(event.id);
            (token.part == StreamPart::thinking ? thinking
             : token.part == StreamPart::tool   ? tool
                                                : answer) += token.text;
            if (token.part == StreamPart::thinking) ++out.timings.thinking_tokens;
        }
        if (script.error && out.stop != StopReason::cancelled)
            return tl::unexpected<Error>(*script.error);
        out.reuse = script.reuse;
        out.text = thinking + answer + tool;
        out.reply.content = answer;
        out.reply.reasoning = thinking;
        if (!script.calls.empty() && out.stop != StopReason::cancelled) {
            out.stop = StopReason::tool_calls;
            out.reply.calls = script.calls;
        }
        out.timings.prefill_seconds = 0.01;
        out.timings.first_token_seconds = 0.03;
        out.timings.prompt_tokens = static_cast<int>(request.prompt.size());
        out.timings.generated_tokens = static_cast<int>(out.tokens.size());
        out.timings.decode_seconds = 0.02 * static_cast<double>(out.tokens.size());
        return out;
    }

    Status evaluate(std::span<const TokenId> tokens, const EvaluateOptions&, SessionListener&,
                    const LogitsConsumer&, const CancelToken&) override {
        tokens_.assign(tokens.begin(), tokens.end());
        return {};
    }
    int reusable_tokens(std::span<const TokenId>) const override { return 0; }
    std::span<const TokenId> tokens() const override { return tokens_; }
    std::int64_t context_tokens() const override { return context_; }
    std::int64_t memory_bytes() const override {
        return static_cast<std::int64_t>(tokens_.size()) * 100;
    }
    void clear() override { tokens_.clear(); }
    Result<ReuseReport> resume(const std::string&) override {
        return fail(ErrorCode::not_found, "there is no such checkpoint");
    }
    Result<std::string> save(SaveReason reason) override {
        if (!cache_) return fail(ErrorCode::invalid_input, "this session has no cache to save to");
        plan_->recordSave(reason);
        return "saved";
    }
    ResumePrice price(std::span<const TokenId>) const override { return {}; }
    std::optional<PrefixReport> explain(std::span<const TokenId>) const override { return {}; }
    std::vector<TokenAlternative> next_tokens(int) const override { return {}; }

private:
    std::shared_ptr<FakePlan> plan_;
    std::int64_t context_;
    std::shared_ptr<KvCache> cache_;
    std::vector<TokenId> tokens_;
};

class FakeEngine final : public Engine {
public:
    FakeEngine(std::shared_ptr<FakePlan> plan, EngineOptions options)
        : plan_(std::move(plan)), options_(options), dialect_(ChatDialect::official()) {
        options_.context_tokens = plan_->contextTokens;
        plan_->recordOptions(options);
        // A plan with a device runs there unless the CPU is asked for.
        placement_.layers = 2;
        placement_.reason = "the plan says so";
        if (!plan_->device.empty() && options.backend != BackendKind::cpu) {
            placement_.backend = BackendKind::vulkan;
            placement_.device = plan_->device;
            placement_.considered = true;
            placement_.device_bytes = 1'500'000'000;
            placement_.device_expert_layers =
                options.device_expert_layers >= 0 ? options.device_expert_layers : 2;
            placement_.host_bytes = placement_.device_expert_layers < 2 ? 700'000'000 : 0;
        }
        experts_ = plan_->experts;
        if (experts_) {
            placement_.memory_ceiling = 16'000'000;
            placement_.expert_budget = 4'000'000;
        }
        info_.name = "Fake guide";
        info_.builtin = plan_->builtin;
        info_.layers = 2;
        info_.hash_layers = 1;
        info_.experts = 4;
        info_.experts_used = 2;
        info_.vocabulary = 1000;
        info_.file_bytes = 12'300'000;
        info_.compress_ratios = {0, 4};
        info_.expert_types = {"Q8_0/Q8_0", "Q8_0/Q8_0"};
        info_.context_length = plan_->contextTokens;
    }

    ~FakeEngine() override {
        if (experts_) experts_->gone = true;
    }

    const ExpertMemory* expert_memory() const override { return experts_.get(); }
    const ModelInfo& info() const override { return info_; }
    const EngineOptions& options() const override { return options_; }
    const PlacementSummary& placement() const override { return placement_; }
    // One token per four bytes.
    std::vector<TokenId> tokenize(std::string_view text, TokenizeMode) const override {
        return std::vector<TokenId>((text.size() + 3) / 4, 7);
    }
    std::string token_text(TokenId id) const override { return "t" + std::to_string(id); }
    const ChatDialect& dialect() const override { return dialect_; }
    std::vector<TokenId> encode(const RenderedPrompt& prompt) const override {
        const std::string text = prompt.text();
        plan_->recordPrompt(text);
        return tokenize(text, TokenizeMode::rendered);
    }
    Result<std::unique_ptr<Session>> create_session(const SessionOptions& options) override {
        return std::make_unique<FakeSession>(plan_, plan_->contextTokens, options.cache);
    }

private:
    std::shared_ptr<FakePlan> plan_;
    EngineOptions options_;
    PlacementSummary placement_;
    std::shared_ptr<FakeExperts> experts_;
    ChatDialect dialect_;
    ModelInfo info_;
};

inline Result<std::shared_ptr<Engine>> open_fake(const std::shared_ptr<FakePlan>& plan,
                                                 const EngineOptions& options,
                                                 const LoadListener& progress,
                                                 const CancelToken& cancel) {
    using Stage = LoadProgress::Stage;
    for (const Stage stage : {Stage::open, Stage::metadata, Stage::tensors, Stage::tokenizer,
                              Stage::weights, Stage::ready}) {
        progress({stage, 50, 100});
        for (int slept = 0; slept < plan->loadDelayMs / 6; ++slept) {
            if (cancel.cancelled()) return fail(ErrorCode::cancelled, "loading was cancelled");
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    if (plan->loadError) return tl::unexpected<Error>(*plan->loadError);
    return std::make_shared<FakeEngine>(plan, options);
}

}  // namespace starglass::test

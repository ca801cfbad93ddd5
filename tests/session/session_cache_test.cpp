// SPDX-License-Identifier: MIT
//
// Sessions with a disk cache, as chats use them, on the built-in model: what is saved when, what a
// later session finds, and what is said when something cannot be used.
#include "builtin/builtin_model.h"
#include "cache/cache_support.h"
#include "model/golden_support.h"
#include "session/prompt_match.h"

namespace starglass::test {
namespace {

class SessionCacheTest : public testing::Test {
protected:
    void SetUp() override {
        EngineOptions options;
        options.threads = 2;
        options.context_tokens = 8192;
        CancelToken cancel;
        engine_ = *open_engine(builtin_model(), "built-in", options, {}, cancel);
        cache_ = open(128);
    }
    std::shared_ptr<KvCache> open(int interval) {
        KvCacheOptions options;
        options.directory = folder_.path() + "/kv";
        options.min_tokens = 16;
        options.interval_tokens = interval;
        auto cache = *open_kv_cache(options);
        cache->set_listener(heard_.listener());
        return cache;
    }
    static Conversation talk(std::string system, std::string user) {
        Conversation out;
        if (!system.empty()) out.messages.push_back({Role::system, std::move(system)});
        out.messages.push_back({Role::user, std::move(user)});
        return out;
    }
    std::vector<TokenId> encode(const Conversation& conversation, ThinkMode think) {
        RenderOptions options;
        options.think = think;
        options.dialect = engine_->dialect();
        return engine_->encode(*render_prompt(conversation, options));
    }
    GenerateResult ask(Session& session, const Conversation& conversation,
                       ThinkMode think = ThinkMode::off, int max_tokens = 60) {
        GenerateRequest request;
        request.prompt = encode(conversation, think);
        request.thinking = think != ThinkMode::off;
        request.sampling.temperature = 0;
        request.max_tokens = max_tokens;
        SessionListener none;
        CancelToken cancel;
        auto result = session.generate(request, none, cancel);
        EXPECT_TRUE(result) << result.error().message;
        return result.value_or(GenerateResult());
    }
    std::unique_ptr<Session> session(bool cached = true) {
        return *engine_->create_session({cached ? cache_ : nullptr});
    }
    static std::string filler(int words) {
        std::string out = "You are a guide.";
        for (int i = 0; i < words; ++i) out += " word" + std::to_string(i % 37);
        return out;
    }

    Folder folder_;
    Heard heard_;
    std::shared_ptr<Engine> engine_;
    std::shared_ptr<KvCache> cache_;
};

TEST_F(SessionCacheTest, ANewConversationStartsBehindTheSystemPrompt) {
    auto first = session();
    ask(*first, talk(filler(150), "what is a hit rate?"));
    cache_->flush();
    auto second = session();
    const Conversation other = talk(filler(150), "what is 12 + 30?");
    const GenerateResult result = ask(*second, other);
    EXPECT_EQ(result.reuse.source, ReuseSource::disk);
    const std::vector<TokenId> prompt = encode(other, ThinkMode::off);
    EXPECT_GT(result.reuse.tokens, 200);
    EXPECT_LT(result.timings.prompt_tokens - result.reuse.tokens, 40);
    EXPECT_GT(result.reuse.load_seconds, 0);
    EXPECT_GT(result.reuse.saved_seconds, 0);
    EXPECT_EQ(cache_->info(result.reuse.checkpoint)->reason, SaveReason::cold);
    EXPECT_EQ(cache_->info(result.reuse.checkpoint)->hits, 1);
    // The answer is the one that nothing saved gives.
    EXPECT_EQ(ask(*session(false), other).tokens, result.tokens);
}

TEST_F(SessionCacheTest, EveryMomentIsSavedWithItsReason) {
    auto one = session();
    const GenerateResult result = ask(*one, talk(filler(150), "what is a hit rate?"));
    cache_->flush();
    std::map<SaveReason, int> count;
    for (const CheckpointInfo& info : cache_->list()) {
        ++count[info.reason];
        if (info.reason == SaveReason::continued) {
            EXPECT_EQ(info.tokens % 128, 0);
        }
        EXPECT_GT(info.evaluate_seconds, 0);
        EXPECT_EQ(info.model_fingerprint, engine_->info().fingerprint);
    }
    EXPECT_EQ(count[SaveReason::cold], 1);
    EXPECT_GE(count[SaveReason::continued], 1);
    EXPECT_EQ(count[SaveReason::prompt], 1);
    EXPECT_EQ(count[SaveReason::turn], 1);
    EXPECT_TRUE(cache_->info(result.prompt_checkpoint));
    const auto turn = cache_->info(result.checkpoint);
    ASSERT_TRUE(turn);
    EXPECT_EQ(turn->tokens, static_cast<std::int64_t>(one->tokens().size()));
    // The tree: each hangs on the one before it.
    EXPECT_FALSE(turn->parent.empty());
    EXPECT_LT(cache_->info(turn->parent)->tokens, turn->tokens);
    // The distribution behind the answer needs no model.
    const auto next = *cache_->next_tokens(result.checkpoint);
    const auto live = one->next_tokens(5);
    ASSERT_EQ(live.size(), 5U);
    for (std::size_t i = 0; i < live.size(); ++i) {
        EXPECT_EQ(next[i].id, live[i].id);
        EXPECT_EQ(next[i].probability, live[i].probability);
        EXPECT_EQ(next[i].text, live[i].text);
    }
}

TEST_F(SessionCacheTest, TheNextTurnGoesOnFromDiskAfterARestart) {
    Conversation conversation = talk(filler(100), "what is a hit rate?");
    GenerateResult first;
    {
        auto one = session();
        first = ask(*one, conversation);
        cache_->flush();
    }
    conversation.messages.push_back({Role::assistant, first.reply.content});
    conversation.messages.push_back({Role::user, "and what is 2 + 3?"});
    cache_.reset();
    cache_ = open(128);
    auto again = session();
    const ResumePrice price = again->price(encode(conversation, ThinkMode::off));
    EXPECT_EQ(price.source, ReuseSource::disk);
    const GenerateResult second = ask(*again, conversation);
    EXPECT_EQ(second.reuse.source, ReuseSource::disk);
    EXPECT_EQ(second.reuse.checkpoint, first.checkpoint);
    EXPECT_EQ(second.reuse.tokens, price.reused_tokens);
    EXPECT_EQ(ask(*session(false), conversation).text, second.text);
}

TEST_F(SessionCacheTest, AnotherConversationDoesNotCostTheFirstOne) {
    cache_.reset();
    cache_ = open(0);
    auto one = session();
    const Conversation a = talk(filler(80), "what is a hit rate?");
    GenerateRequest request;
    request.prompt = encode(a, ThinkMode::off);
    request.max_tokens = 0;
    SessionListener none;
    CancelToken cancel;
    ASSERT_TRUE(one->generate(request, none, cancel));
    const std::vector<TokenId> before(one->tokens().begin(), one->tokens().end());
    ask(*one, talk("", "hello"));
    cache_->flush();
    const GenerateResult back = ask(*one, a, ThinkMode::off, 5);
    // A snapshot one token shorter is in memory; for a single token no disk is asked.
    EXPECT_GE(back.reuse.tokens, static_cast<int>(before.size()) - 1);
}

TEST_F(SessionCacheTest, ADamagedCheckpointIsSaidAndTheNextShorterServes) {
    const Conversation conversation = talk(filler(150), "what is a hit rate?");
    GenerateResult first;
    {
        auto one = session();
        first = ask(*one, conversation);
        cache_->flush();
    }
    const auto path = folder_ / ("kv/checkpoints/" + first.prompt_checkpoint + ".ckpt");
    std::string bytes = read_all(path);
    bytes[bytes.size() / 2] ^= 1;
    write_all(path, bytes);
    auto again = session();
    const GenerateResult second = ask(*again, conversation);
    EXPECT_EQ(second.reuse.source, ReuseSource::disk);
    EXPECT_NE(second.reuse.checkpoint, first.prompt_checkpoint);
    EXPECT_THAT(second.reuse.note, testing::HasSubstr("damaged"));
    EXPECT_EQ(heard_.of(CacheEvent::Kind::set_aside).size(), 1U);
    EXPECT_EQ(second.tokens, first.tokens);
}

TEST_F(SessionCacheTest, ASpelledControlTokenMatchesNothing) {
    // The same bytes, but the user typed the control token's spelling.
    const Conversation real = talk(filler(60), "hello");
    auto one = session();
    ask(*one, real);
    cache_->flush();
    const std::string text = engine_->token_text(0);
    RenderOptions options;
    options.think = ThinkMode::off;
    options.dialect = engine_->dialect();
    const RenderedPrompt rendered = *render_prompt(real, options);
    std::vector<TokenId> typed{encode(real, ThinkMode::off).front()};
    const std::string whole = rendered.text();
    const std::vector<TokenId> plain =
        engine_->tokenize(whole.substr(engine_->token_text(typed[0]).size()), TokenizeMode::plain);
    typed.insert(typed.end(), plain.begin(), plain.end());
    std::string spelled;
    for (const TokenId token : typed) spelled += engine_->token_text(token);
    ASSERT_EQ(spelled, whole);
    GenerateRequest request;
    request.prompt = typed;
    request.max_tokens = 1;
    request.save = false;
    SessionListener none;
    CancelToken cancel;
    auto other = session();
    const auto result = other->generate(request, none, cancel);
    ASSERT_TRUE(result);
    EXPECT_EQ(std::vector<TokenId>(other->tokens().begin(),
                                   other->tokens().begin() + static_cast<long>(typed.size())),
              typed);
    // And in memory: the session that holds the real one does not take it either.
    const auto live = one->generate(request, none, cancel);
    ASSERT_TRUE(live);
    // Up to the first real control token both are the same timeline.
    const std::vector<TokenId> marked = encode(real, ThinkMode::off);
    const TokenId user = engine_->tokenize("<｜User｜>", TokenizeMode::rendered).front();
    EXPECT_LE(live->reuse.tokens, std::find(marked.begin(), marked.end(), user) - marked.begin());
    EXPECT_EQ(live->tokens, result->tokens);
}

TEST_F(SessionCacheTest, OtherCutsOfTheSameTextAreTheSameTimeline) {
    // Letter by letter, as a model may write, against the tokenizer's own cut.
    auto one = session();
    const std::string text = "what is a hit rate and why does it matter to the reader of this text";
    std::vector<TokenId> letters{0};
    for (const char c : text)
        for (const TokenId token : engine_->tokenize(std::string(1, c), TokenizeMode::plain))
            letters.push_back(token);
    GenerateRequest request;
    request.prompt = letters;
    request.max_tokens = 0;
    SessionListener none;
    CancelToken cancel;
    ASSERT_TRUE(one->generate(request, none, cancel));
    request.prompt = {0};
    const std::string longer = text + ", he asked";
    for (const TokenId token : engine_->tokenize(longer, TokenizeMode::plain))
        request.prompt.push_back(token);
    ASSERT_LT(request.prompt.size(), letters.size());
    const auto result = one->generate(request, none, cancel);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->reuse.source, ReuseSource::live);
    EXPECT_EQ(result->reuse.tokens, static_cast<int>(letters.size()));
    std::string whole;
    for (const TokenId token : one->tokens().subspan(1)) whole += engine_->token_text(token);
    EXPECT_EQ(whole, longer);
}

TEST_F(SessionCacheTest, WhereAPromptLeftTheCacheIsReported) {
    auto one = session();
    ask(*one, talk(filler(60), "what is a hit rate?"));
    const GenerateResult result = ask(*one, talk(filler(60), "what is a heat map?"));
    ASSERT_TRUE(result.reuse.left);
    EXPECT_THAT(result.reuse.left->common_end, testing::EndsWith("what is a h"));
    EXPECT_THAT(result.reuse.left->cached_next, testing::StartsWith("it rate?"));
    EXPECT_THAT(result.reuse.left->prompt_next, testing::StartsWith("eat map?"));
    EXPECT_TRUE(result.reuse.left->checkpoint.empty());
    // After a restart it is the nearest checkpoint that is left.
    cache_->flush();
    const GenerateResult fresh = ask(*session(), talk("You are a guide. Another one.", "hello"));
    ASSERT_TRUE(fresh.reuse.left);
    EXPECT_FALSE(fresh.reuse.left->checkpoint.empty());
    EXPECT_THAT(fresh.reuse.left->common_end, testing::EndsWith("You are a guide. "));
    EXPECT_THAT(fresh.reuse.left->cached_next, testing::StartsWith("word0"));
}

TEST_F(SessionCacheTest, ARequestThatIsNotToBeSavedLeavesNothingOnDisk) {
    auto one = session();
    const GenerateResult first = ask(*one, talk(filler(80), "hello"));
    cache_->flush();
    const std::size_t before = cache_->list().size();
    GenerateRequest request;
    request.prompt = encode(talk(filler(90), "a title"), ThinkMode::off);
    request.max_tokens = 4;
    request.save = false;
    SessionListener none;
    CancelToken cancel;
    ASSERT_TRUE(one->generate(request, none, cancel));
    // Neither while it runs, nor when what was there before takes its place again, nor at the end.
    ASSERT_TRUE(one->resume(first.checkpoint));
    ASSERT_TRUE(one->generate(request, none, cancel));
    one->clear();
    cache_->flush();
    EXPECT_EQ(cache_->list().size(), before);
}

TEST_F(SessionCacheTest, ResumingRefusesWhatDoesNotFit) {
    auto one = session();
    const GenerateResult first = ask(*one, talk(filler(100), "hello"));
    cache_->flush();
    EXPECT_EQ(one->resume("nothing").error().code, ErrorCode::not_found);
    EngineOptions options;
    options.context_tokens = 150;
    CancelToken cancel;
    auto small = *open_engine(builtin_model(), "built-in", options, {}, cancel);
    auto tight = *small->create_session({cache_});
    const auto refused = tight->resume(first.checkpoint);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("context"));
    EXPECT_EQ(session(false)->resume(first.checkpoint).error().code, ErrorCode::invalid_input);
    // Numerics without rounding keep other rows; they go without the cache.
    options = {};
    options.numerics = Numerics::cont;
    auto cont = *open_engine(builtin_model(), "built-in", options, {}, cancel);
    EXPECT_FALSE((*cont->create_session({cache_}))->resume(first.checkpoint));
}

}  // namespace
}  // namespace starglass::test

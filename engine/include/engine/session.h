// SPDX-License-Identifier: MIT
//
// A Session is one timeline of tokens on a loaded model. Callers hand over the whole prompt;
// the session works out what it already has. One thread at a time may use a session; listeners
// are called on that thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"
#include "engine/experts.h"
#include "engine/result.h"

namespace starglass {

// Why a checkpoint was written. 0 to 6 are the codes of ds4's files.
enum class SaveReason : std::uint8_t {
    unknown = 0,
    cold = 1,       // what stands before the first message of the user: system prompt and tools
    continued = 2,  // every so many tokens, while reading a prompt or writing
    evict = 3,      // another conversation took the live state
    shutdown = 4,
    agent_prompt = 5,   // ds4 only
    agent_session = 6,  // ds4 only
    prompt = 7,         // in front of an answer, where the next turn of a chat leaves this one
    turn = 8,           // end of an answer
    requested = 9,      // somebody asked for it
    imported = 10,      // read from another file
};
// "end of turn"; lower case, for people.
std::string_view save_reason_text(SaveReason reason);

// Model spec section 7. Temperature 0 (or below) is greedy: largest logit, lowest id on ties.
struct SamplingOptions {
    float temperature = 1.0F;
    float top_p = 1.0F;
    float min_p = 0.05F;
    int top_k = 0;  // 0: unlimited; at most 1024
    std::uint64_t seed = 0;
};

struct GenerateRequest {
    std::vector<TokenId> prompt;  // the whole timeline so far, BOS included
    SamplingOptions sampling;
    int max_tokens = -1;            // -1: as many as the context has room for
    std::vector<std::string> stop;  // text; matched on the raw reply, removed from it
    bool thinking = true;           // the prompt ends inside <think>
    bool tools = false;             // stop at a finished tool block, greedy inside its syntax
    int top_alternatives = 5;       // 0..64 per token
    bool save = true;               // write checkpoints, when the session has a cache
    bool routing = true;            // send RoutingFrame for every position
};

struct PrefillProgress {
    int tokens_done = 0;    // evaluated now
    int tokens_total = 0;   // to evaluate now: prompt minus what was reused
    int tokens_reused = 0;  // not evaluated: from memory or disk
    double seconds = 0;     // since the request began
};

struct TokenAlternative {
    TokenId id = 0;
    float probability = 0;  // softmax at temperature 1 over the whole vocabulary
    std::string text;       // bytes of the token, possibly part of a UTF-8 character
};

struct TokenEvent {
    std::int64_t position = 0;  // of this token in the timeline
    TokenId id = 0;
    float probability = 0;  // of the sampled token, temperature 1
    float entropy_bits = 0;
    double seconds = 0;  // since the previous token (or the end of prefill)
    StreamPart part = StreamPart::answer;
    std::vector<StreamDelta> deltas;             // what became visible with this token
    std::vector<TokenAlternative> alternatives;  // most probable first
};

// Which experts one position used. `experts` and `weights` are [layers, experts_used], layer
// major; valid during the call only.
struct RoutingFrame {
    std::int64_t position = 0;
    bool prefill = false;
    int layers = 0;
    int experts_used = 0;
    std::span<const std::int32_t> experts;
    std::span<const float> weights;
};

class SessionListener {
public:
    virtual ~SessionListener() = default;
    virtual void on_prefill(const PrefillProgress&) {}
    virtual void on_token(const TokenEvent&) {}
    virtual void on_routing(const RoutingFrame&) {}
    // After every batch of a model whose experts are read from disk.
    virtual void on_experts(const ExpertsFrame&) {}
};

enum class StopReason { end_of_turn, tool_calls, length, stop_text, cancelled };

struct GenerateTimings {
    double prefill_seconds = 0;
    double first_token_seconds = 0;  // from the request to the first sampled token
    double decode_seconds = 0;
    int prompt_tokens = 0;
    int reused_tokens = 0;
    int generated_tokens = 0;  // without the end token
    int thinking_tokens = 0;
};

// Where the part of a prompt that was not evaluated came from.
enum class ReuseSource {
    none,
    live,      // the timeline as it stood
    snapshot,  // an earlier state kept in memory
    disk,      // a checkpoint
};

// Where a prompt left the longest timeline that begins as it does. Texts are rendered bytes cut at
// whole characters.
struct PrefixReport {
    std::string checkpoint;  // empty: the live timeline
    std::int64_t common_bytes = 0;
    std::int64_t cached_bytes = 0;  // of the whole cached text
    std::int64_t prompt_bytes = 0;
    std::string common_end;   // the last of what both have
    std::string cached_next;  // how the cached text goes on
    std::string prompt_next;  // how the prompt goes on
};

struct ReuseReport {
    ReuseSource source = ReuseSource::none;
    std::string checkpoint{};  // disk only
    int tokens = 0;
    double load_seconds = 0;   // measured, disk only
    double saved_seconds = 0;  // measured: what evaluating those tokens took when it was done
    // Disk only: another backend or instruction set made some of those rows. Logits are then close
    // to those of a run that was never interrupted; equal bits are promised for the same arithmetic
    // alone.
    bool other_arithmetic = false;
    std::string note{};  // one sentence when a checkpoint could not be used; else empty
    std::optional<PrefixReport> left{};  // when a longer timeline could not be used to its end
};

// What bringing a prompt's tokens into the live state would take.
struct ResumePrice {
    ReuseSource source = ReuseSource::none;
    std::string checkpoint{};
    int reused_tokens = 0;
    int prefill_tokens = 0;
    double load_seconds = 0;
    bool load_measured = false;    // else predicted from the measured rate of earlier reads
    double prefill_seconds = -1;   // predicted from this session's measured rate; -1: no measure
    double evaluate_seconds = -1;  // predicted: all of it without any reuse; -1: no measure
};

struct GenerateResult {
    StopReason stop = StopReason::end_of_turn;
    std::vector<TokenId> tokens;  // sampled, without the end token
    std::string text;             // their bytes, stop text removed
    ParsedReply reply;
    GenerateTimings timings;
    ReuseReport reuse;
    ExpertTotals experts;  // of this request, where experts are read from disk
    // With a cache: handed over for saving, not necessarily on disk yet. `prompt_checkpoint` stands
    // in front of the answer, `checkpoint` at its end.
    std::string prompt_checkpoint;
    std::string checkpoint;
};

// Receives named intermediates while a position range is evaluated; `shape` ends with the
// fastest dimension. Names follow the golden data: embed, attn_norm, q, kv, heads, attn_out,
// hc_attn_post, hc_attn_comb, hc_after_attn, hc_after_ffn, ffn_norm, ffn_moe, ffn_shared,
// router_sel, router_w, index_scores, index_selected, logits, and at the end raw_kv_final,
// attn_comp_kv_final, index_comp_kv_final; layer is -1 where there is none.
class TraceSink {
public:
    virtual ~TraceSink() = default;
    // The values belong to positions [first_position, first_position + shape[0]).
    virtual void on_array(std::string_view name, int layer, std::int64_t first_position,
                          std::span<const std::int64_t> shape, std::span<const float> values) = 0;
};

struct EvaluateOptions {
    int chunk = 0;            // tokens per prefill chunk; 0: the engine's choice, 1: decode
    bool all_logits = false;  // else only the last position's
    bool routing = false;
    TraceSink* trace = nullptr;
};

// Called with the logits of one position, [vocabulary]; valid during the call only.
using LogitsConsumer = std::function<void(std::int64_t position, std::span<const float>)>;

class Session {
public:
    virtual ~Session() = default;

    // Extends the timeline to `request.prompt` (reusing the longest prefix it can resume from),
    // then samples. Errors: invalid_input (token outside the vocabulary, empty prompt, prompt
    // longer than the context); cancellation is a StopReason, not an error. After an error or a
    // cancellation the session remains usable.
    virtual Result<GenerateResult> generate(const GenerateRequest& request,
                                            SessionListener& listener,
                                            const CancelToken& cancel) = 0;

    // Makes the timeline exactly `tokens` and reports logits. For measurement and tests.
    virtual Status evaluate(std::span<const TokenId> tokens, const EvaluateOptions& options,
                            SessionListener& listener, const LogitsConsumer& logits,
                            const CancelToken& cancel) = 0;

    // How many tokens of `prompt` would not have to be evaluated again.
    [[nodiscard]] virtual int reusable_tokens(std::span<const TokenId> prompt) const = 0;
    [[nodiscard]] virtual std::span<const TokenId> tokens() const = 0;
    [[nodiscard]] virtual std::int64_t context_tokens() const = 0;
    [[nodiscard]] virtual std::int64_t memory_bytes() const = 0;  // rows, frontiers, snapshots
    // Forgets the timeline and its snapshots; what is worth keeping is saved first (evict).
    virtual void clear() = 0;

    // --- disk, for a session with a cache -----------------------------------------------------

    // Makes the timeline that of a checkpoint, logits included: nothing is evaluated. Errors:
    // not_found, invalid_input (damaged, or of another model); the timeline is then as before.
    virtual Result<ReuseReport> resume(const std::string& checkpoint) = 0;
    // Hands the live state over for saving and returns the checkpoint's id. Errors: invalid_input
    // without a cache or a state, io when nothing can be saved at present.
    virtual Result<std::string> save(SaveReason reason) = 0;
    // From memory alone, so it may be a little off: what generate(prompt) would reuse.
    [[nodiscard]] virtual ResumePrice price(std::span<const TokenId> prompt) const = 0;
    // Where `prompt` leaves what is cached, or empty when nothing begins as it does. Reads texts.
    [[nodiscard]] virtual std::optional<PrefixReport> explain(
        std::span<const TokenId> prompt) const = 0;
    // After the last token, [vocabulary]; empty when they are not known. Valid until the next call.
    [[nodiscard]] virtual std::span<const float> logits() const { return {}; }
    // The distribution after the last token, most probable first; empty when it is not known.
    [[nodiscard]] virtual std::vector<TokenAlternative> next_tokens(int top) const = 0;
};

}  // namespace starglass

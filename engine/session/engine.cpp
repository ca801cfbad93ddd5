// SPDX-License-Identifier: MIT
#include "engine/engine.h"

#include <algorithm>

#include "session/engine_impl.h"
#include "session/fingerprint.h"
#include "session/model_info.h"
#include "session/placement.h"

namespace starglass {
namespace {

constexpr std::int64_t kContextDefaultMax = 32768;
constexpr std::int64_t kContextMax = std::int64_t{1} << 24;  // where f32 positions stay exact

Status check_cancel(const CancelToken& cancel) {
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, "loading was cancelled");
    return {};
}

Result<Tokenizer> make_tokenizer(const Gguf& gguf, const ModelShape& shape) {
    TRY(const GgufStrings tokens, gguf.require_strings("tokenizer.ggml.tokens"));
    TRY(const GgufStrings merges, gguf.require_strings("tokenizer.ggml.merges"));
    if (tokens.size() != static_cast<std::uint64_t>(shape.vocabulary))
        return fail(ErrorCode::invalid_input,
                    "metadata key 'tokenizer.ggml.tokens' has {} entries, but "
                    "'deepseek4.vocab_size' is {}",
                    tokens.size(), shape.vocabulary);
    const std::vector<std::string_view> token_views = tokens.to_vector();
    const std::vector<std::string_view> merge_views = merges.to_vector();
    return Tokenizer::create({token_views, merge_views, {}});
}

ChatDialect make_dialect(const Gguf& gguf) {
    ChatDialect dialect = ChatDialect::official();
    if (const auto head = gguf.string("starglass.chat.tools_head")) {
        dialect.tools_head = std::string(*head);
        dialect.tools_tail = std::string(gguf.string("starglass.chat.tools_tail").value_or(""));
    }
    return dialect;
}

}  // namespace

Result<EngineImpl::Parts> EngineImpl::read(std::span<const std::byte> bytes,
                                           const EngineOptions& options,
                                           const LoadListener& progress,
                                           const CancelToken& cancel) {
    const auto report = [&](LoadProgress::Stage stage, std::uint64_t done) {
        if (progress) progress({stage, done, bytes.size()});
    };
    TRY_STATUS(check_cancel(cancel));
    report(LoadProgress::Stage::metadata, 0);
    TRY(const Gguf gguf, Gguf::parse(bytes));
    report(LoadProgress::Stage::metadata, gguf.data_start());
    TRY_STATUS(check_cancel(cancel));

    Parts parts;
    report(LoadProgress::Stage::tensors, gguf.data_start());
    TRY(parts.shape, ModelShape::read(gguf));
    TRY(parts.weights, ModelWeights::bind(gguf, parts.shape));
    TRY_STATUS(check_cancel(cancel));

    report(LoadProgress::Stage::tokenizer, gguf.data_start());
    TRY(parts.tokenizer, make_tokenizer(gguf, parts.shape));
    parts.dialect = make_dialect(gguf);
    TRY_STATUS(check_cancel(cancel));

    report(LoadProgress::Stage::weights, gguf.data_start());
    parts.info = make_model_info(gguf, parts.shape, parts.weights);
    parts.info.file_bytes = bytes.size();
    parts.info.fingerprint = model_fingerprint(gguf, bytes);
    parts.info.builtin = true;
    parts.options = options;
    if (parts.options.context_tokens <= 0)
        parts.options.context_tokens =
            parts.shape.context_length > 0
                ? std::min(parts.shape.context_length, kContextDefaultMax)
                : kContextDefaultMax;
    if (parts.options.context_tokens > kContextMax)
        return fail(ErrorCode::invalid_input, "a context of {} tokens is too large; the most is {}",
                    parts.options.context_tokens, kContextMax);
    return parts;
}

namespace {

Result<std::shared_ptr<Engine>> open_bytes(std::span<const std::byte> bytes,
                                           std::optional<MappedFile> file, std::string path,
                                           const EngineOptions& options,
                                           const LoadListener& progress,
                                           const CancelToken& cancel) {
    TRY(EngineImpl::Parts parts, EngineImpl::read(bytes, options, progress, cancel));
    parts.info.builtin = !file;
    parts.info.path = std::move(path);
    const auto kv_bytes =
        static_cast<std::int64_t>(static_cast<double>(parts.info.kv_bytes_per_1k_tokens) / 1000.0 *
                                  static_cast<double>(parts.options.context_tokens));
    const auto uploaded = [&](std::uint64_t done, std::uint64_t total) {
        if (progress) progress({LoadProgress::Stage::weights, std::min(done, total), total});
    };
    TRY(PlacedModel placed,
        place_model(parts.shape, parts.weights, kv_bytes, options, uploaded, cancel));
    parts.backend = std::move(placed.backend);
    parts.weights = std::move(placed.weights);
    parts.placement = std::move(placed.summary);
    parts.prefill_chunk = placed.prefill_chunk;
    parts.options.backend = parts.placement.backend;
    parts.options.threads = parts.backend->threads();
    parts.file = std::move(file);
    if (progress) progress({LoadProgress::Stage::ready, bytes.size(), bytes.size()});
    return std::make_shared<EngineImpl>(std::move(parts));
}

}  // namespace

Result<std::shared_ptr<Engine>> open_engine(const std::string& path, const EngineOptions& options,
                                            const LoadListener& progress,
                                            const CancelToken& cancel) {
    if (progress) progress({LoadProgress::Stage::open, 0, 0});
    TRY(MappedFile file, MappedFile::open(path));
    const std::span<const std::byte> bytes = file.bytes();
    auto engine = open_bytes(bytes, std::move(file), path, options, progress, cancel);
    if (!engine) {
        // Which file it is about belongs to the sentence.
        if (engine.error().code == ErrorCode::cancelled) return engine;
        return fail(engine.error().code, "cannot load '{}': {}", path, engine.error().message);
    }
    return engine;
}

Result<std::shared_ptr<Engine>> open_engine(std::span<const std::byte> bytes, std::string name,
                                            const EngineOptions& options,
                                            const LoadListener& progress,
                                            const CancelToken& cancel) {
    if (progress) progress({LoadProgress::Stage::open, 0, bytes.size()});
    auto engine = open_bytes(bytes, std::nullopt, {}, options, progress, cancel);
    if (!engine) {
        if (engine.error().code == ErrorCode::cancelled) return engine;
        return fail(engine.error().code, "cannot load {}: {}", name, engine.error().message);
    }
    return engine;
}

std::vector<TokenId> EngineImpl::tokenize(std::string_view text, TokenizeMode mode) const {
    return mode == TokenizeMode::rendered ? parts_.tokenizer.encode_rendered(text)
                                          : parts_.tokenizer.encode(text);
}

std::string EngineImpl::token_text(TokenId id) const {
    return std::string(parts_.tokenizer.vocabulary().token_text(id));
}

std::vector<TokenId> EngineImpl::encode(const RenderedPrompt& prompt) const {
    return parts_.tokenizer.encode(prompt);
}

Result<std::unique_ptr<Session>> EngineImpl::create_session(const SessionOptions& options) {
    return make_session(shared_from_this(), options);
}

ModelStateShape model_state_shape(const EngineImpl& engine) {
    ModelStateShape shape;
    shape.layers = layer_state_shapes(engine.shape(), engine.rounding());
    shape.window = static_cast<int>(
        std::min<std::int64_t>(engine.shape().window, engine.options().context_tokens));
    shape.vocabulary = engine.shape().vocabulary;
    shape.fingerprint = engine.info().fingerprint;
    shape.model_name = engine.info().name;
    return shape;
}

}  // namespace starglass

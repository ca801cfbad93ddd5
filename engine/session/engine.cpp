// SPDX-License-Identifier: MIT
#include "engine/engine.h"

#include <algorithm>

#include "experts/hot_list.h"
#include "session/engine_impl.h"
#include "session/expert_layout.h"
#include "session/fingerprint.h"
#include "session/memory_plan.h"
#include "session/model_info.h"
#include "session/placement.h"
#include "session/streaming.h"

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

constexpr std::chrono::seconds kRememberEvery{60};

// What the process has in memory before it opens a model.
struct Before {
    AvailableMemory available;
    ResidentMemory resident;
};

Result<Before> look_at_memory() {
    Before before;
    TRY(before.available, available_memory());
    TRY(before.resident, resident_memory());
    return before;
}

// Takes the model out of the mapped file where a ceiling, asked for or not, does not hold it.
// `placed` has already gone to where it runs.
Status keep_below_ceiling(EngineImpl::Parts& parts, PlacedModel& placed,
                          std::optional<MappedFile>& file, const std::string& path,
                          const Result<Before>& before, const LoadListener& progress,
                          const CancelToken& cancel) {
    const EngineOptions& options = parts.options;
    if (!file || options.memory_bytes == kMemoryMapped) return {};
    if (!before) {
        // Without figures there is no choice to make.
        if (options.memory_bytes == kMemoryAutomatic) return {};
        return tl::unexpected<Error>(before.error());
    }
    TRY(const ReadFile direct, ReadFile::open(path));
    TRY(const ResidentMemory resident, resident_memory());
    const bool device = placed.summary.backend == BackendKind::vulkan;
    // Pages of the file itself will go.
    const MemoryPlanInput input = memory_plan_input(
        parts, file->bytes(), direct.alignment(), placed.summary, placed.prefill_chunk,
        {.available = before->available,
         .process_bytes = resident.anonymous + resident.shared + before->resident.file,
         .threads = placed.backend->threads()});
    auto plan = plan_memory(input);
    if (!plan) {
        // Nobody asked for a ceiling: what there is has to do, as it did before.
        if (options.memory_bytes == kMemoryAutomatic && options.expert_bytes == 0) return {};
        return tl::unexpected<Error>(plan.error());
    }
    if (plan->mapped) return {};

    ExpertStoreOptions store;
    store.experts = parts.shape.experts;
    store.used = parts.shape.experts_used;
    store.hash_layers = parts.shape.hash_layers;
    store.layers = expert_layouts(parts.weights, file->bytes().data());
    store.budget = plan->expert_budget;
    store.policy = options.expert_policy;
    store.model = parts.info.name;
    store.reads = options.expert_reads;
    store.lookahead = options.expert_lookahead;
    for (std::size_t layer = 0; layer < store.layers.size(); ++layer)
        store.layers[layer].streamed =
            !device || layer >= static_cast<std::size_t>(placed.summary.device_expert_layers);
    if (!device) {
        const auto copied = [&](std::uint64_t done, std::uint64_t total) {
            if (progress) progress({LoadProgress::Stage::weights, std::min(done, total), total});
        };
        const Weight table = std::exchange(placed.weights.embedding, {});
        TRY(parts.embedding, TableReader::create(path, table, table.data - file->bytes().data(),
                                                 options.expert_reads));
        TRY(parts.shared_weights,
            copy_shared_weights(path, file->bytes().data(), parts.shape, placed.weights,
                                options.expert_reads, copied, cancel));
    }
    file->forget();
    file.reset();
    TRY(parts.experts, ExpertStore::create(path, std::move(store)));
    take_experts_from(*parts.experts, placed.weights);
    placed.summary.memory_ceiling = plan->ceiling;
    placed.summary.expert_budget = plan->expert_budget;
    placed.summary.host_experts = plan->host_experts;
    placed.summary.disk_experts = plan->disk_experts;
    if (!device) placed.summary.host_bytes = plan->expert_budget;
    placed.prefill_chunk = plan->prefill_chunk;

    if (options.expert_folder.empty()) return {};
    FileSystem& disk = FileSystem::disk();
    parts.hot_list = fmt::format("{}/{}.experts", options.expert_folder, parts.info.fingerprint);
    const auto shares =
        read_hot_list(disk, parts.hot_list, parts.shape.layers, parts.shape.experts);
    if (!shares) return {};  // the first time, or learned anew
    parts.experts->expect(*shares);
    parts.experts->preload(hottest_first(*shares));
    return {};
}

Result<std::shared_ptr<Engine>> open_bytes(std::span<const std::byte> bytes,
                                           std::optional<MappedFile> file, std::string path,
                                           const EngineOptions& options,
                                           const LoadListener& progress,
                                           const CancelToken& cancel) {
    const Result<Before> before = look_at_memory();
    // A file that will not stay should not leave more behind than was looked at.
    if (file && (options.memory_bytes > 0 || options.expert_bytes > 0 ||
                 (options.memory_bytes == kMemoryAutomatic && before &&
                  static_cast<std::int64_t>(bytes.size()) > before->available.bytes)))
        file->expect_random();
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
    TRY_STATUS(keep_below_ceiling(parts, placed, file, parts.info.path, before, progress, cancel));
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

MemoryPlanInput memory_plan_input(const EngineImpl::Parts& parts, std::span<const std::byte> file,
                                  std::int64_t alignment, const PlacementSummary& placement,
                                  int chunk_max, const MemoryPlanMachine& machine) {
    const EngineOptions& options = parts.options;
    return {.shape = parts.shape,
            .weights = parts.weights,
            .file = file.data(),
            .file_bytes = file.size(),
            .alignment = alignment,
            .memory_bytes = options.memory_bytes,
            .expert_bytes = options.expert_bytes,
            .context_tokens = options.context_tokens,
            .process_bytes = machine.process_bytes,
            .available = machine.available,
            .threads = machine.threads,
            .plain_rows = options.numerics == Numerics::cont,
            .device = placement.backend == BackendKind::vulkan,
            .device_expert_layers = placement.device_expert_layers,
            .chunk = options.backend == BackendKind::reference ? kReferenceChunk : 0,
            .chunk_max = chunk_max};
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

void EngineImpl::remember_experts(bool now) {
    if (parts_.hot_list.empty() || parts_.experts == nullptr) return;
    const auto time = std::chrono::steady_clock::now();
    if (!now && time - remembered_ < kRememberEvery) return;
    remembered_ = time;
    const std::vector<float> shares = parts_.experts->use_shares();
    if (std::all_of(shares.begin(), shares.end(), [](float share) { return share == 0; })) return;
    FileSystem& disk = FileSystem::disk();
    static_cast<void>(disk.make_directory(parts_.options.expert_folder));
    static_cast<void>(
        write_hot_list(disk, parts_.hot_list, parts_.shape.layers, parts_.shape.experts, shares));
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

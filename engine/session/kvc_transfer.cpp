// SPDX-License-Identifier: MIT
//
// import_kvc and export_kvc of the facade: ds4's files (cache/kvc_file) on one side, a cache on
// the other, and between them what only the engine knows: sizes, vocabulary, quantisation.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/mapped_file.h"
#include "cache/checkpoint_file.h"
#include "cache/kvc_file.h"
#include "engine/kv_cache.h"
#include "session/engine_impl.h"
#include "session/token_statistics.h"

namespace starglass {
namespace {

struct Ends {
    EngineImpl& engine;
    CheckpointIo& store;
};

Result<Ends> open_ends(Engine& engine, KvCache& cache) {
    auto* const impl = dynamic_cast<EngineImpl*>(&engine);
    auto* const store = dynamic_cast<CheckpointIo*>(&cache);
    if (impl == nullptr || store == nullptr)
        return fail(ErrorCode::unsupported, "this engine or cache cannot exchange checkpoints");
    if (impl->rounding() == Rounding::none)
        return fail(ErrorCode::unsupported,
                    "numerics cont keeps rows that are not rounded, and KVC files hold rounded "
                    "ones; open the model with act8 or fp");
    return Ends{*impl, *store};
}

KvcShape kvc_shape(const EngineImpl& engine) {
    ModelStateShape shape = model_state_shape(engine);
    return {std::move(shape.layers), shape.window, shape.vocabulary,
            engine.options().context_tokens};
}

// The rule of ds4: layer 0 stands for the file.
int quant_bits(const EngineImpl& engine) {
    return engine.weights().layers.front().gate_experts.type == DataType::q4_k ? 4 : 2;
}

// ds4 names a file after its text. A copy under another name is nobody's mistake.
Status check_name(const std::string& path, std::string_view text) {
    const std::string name = std::filesystem::path(path).filename().string();
    const std::string wanted = kvc_file_name(text);
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (name.size() != wanted.size() || !name.ends_with(".kv") ||
        !std::all_of(name.begin(), name.end() - 3, is_hex))
        return {};
    if (name != wanted)
        return fail(ErrorCode::invalid_input,
                    "its text has the SHA-1 {}, not the one in its name, so the file is damaged",
                    wanted.substr(0, 2 * Sha1::kBytes));
    return {};
}

// The file says nothing about its tokenizer; its text does. `text_ends` gets what the store wants
// to know about the text.
Status settle_text(const EngineImpl& engine, const KvcHeader& header, CheckpointState& state,
                   std::vector<std::int64_t>& text_ends) {
    std::string rendered;
    for (std::size_t i = 0; i < state.tokens.size(); ++i) {
        rendered += engine.tokenizer().vocabulary().token_text(state.tokens[i]);
        if ((i + 1) % kSegmentTokens == 0)
            text_ends.push_back(static_cast<std::int64_t>(rendered.size()));
    }
    if ((header.extensions & (kKvcVisibleTranscript | kKvcVisibleThinking)) == 0 &&
        rendered != state.text)
        return fail(ErrorCode::unsupported,
                    "its text is not what its tokens say in this model, so it comes from a model "
                    "with another tokenizer");
    // ds4 may file a state under what a client will send back; here a state stands for its tokens.
    state.text = std::move(rendered);
    return {};
}

Result<std::string> import_bytes(const Ends& ends, const std::string& path,
                                 std::span<const std::byte> bytes) {
    TRY(KvcFile file, parse_kvc(bytes, kvc_shape(ends.engine)));
    TRY_STATUS(check_name(path, file.state.text));
    CheckpointMeta meta;
    TRY_STATUS(settle_text(ends.engine, file.header, file.state, meta.text_ends));
    meta.reason = SaveReason::imported;
    meta.context_tokens = file.header.context;
    // Times beyond what fits are nobody's; the store then takes the present.
    if (file.header.created_unix < std::uint64_t{1} << 40)
        meta.created_unix = static_cast<std::int64_t>(file.header.created_unix);
    meta.next = token_statistics(file.state.logits, 0, kNextTokensMax).alternatives;
    for (TokenAlternative& one : meta.next) one.text = ends.engine.token_text(one.id);
    return ends.store.put(model_state_shape(ends.engine), std::move(file.state), meta);
}

// Leaves nothing behind when it fails.
Status write_file(const std::string& path, const CheckpointState& state, const KvcShape& shape,
                  const KvcHeader& header) {
    FileSystem& files = FileSystem::disk();
    const std::string temporary =
        fmt::format("{}.{}{}", path, static_cast<long>(::getpid()), kTemporarySuffix);
    const auto write = [&]() -> Status {
        TRY(const auto file, files.create(temporary));
        TRY_STATUS(write_kvc(state, shape, header,
                             [&](std::span<const std::byte> bytes) { return file->write(bytes); }));
        TRY_STATUS(file->sync());
        TRY_STATUS(file->close());
        return files.rename(temporary, path);
    };
    if (Status written = write(); !written) {
        (void)files.remove(temporary);
        return written;
    }
    const std::string directory = std::filesystem::path(path).parent_path().string();
    return files.sync_directory(directory.empty() ? "." : directory);
}

}  // namespace

Result<std::string> import_kvc(Engine& engine, KvCache& cache, const std::string& path) {
    TRY(const Ends ends, open_ends(engine, cache));
    TRY(const MappedFile file, MappedFile::open(path));
    auto id = import_bytes(ends, path, file.bytes());
    if (!id) return fail(id.error().code, "cannot import '{}': {}", path, id.error().message);
    return id;
}

Status export_kvc(Engine& engine, KvCache& cache, const std::string& id, const std::string& path) {
    TRY(const Ends ends, open_ends(engine, cache));
    TRY(const CheckpointState state, ends.store.get(id, model_state_shape(ends.engine)));
    KvcHeader header;
    header.quant_bits = quant_bits(ends.engine);
    if (const auto info = cache.info(id)) {
        header.reason = info->reason;
        header.hits = static_cast<std::uint32_t>(std::max(info->hits, 0));
        header.created_unix =
            static_cast<std::uint64_t>(std::max<std::int64_t>(info->created_unix, 0));
        header.last_used_unix =
            static_cast<std::uint64_t>(std::max<std::int64_t>(info->last_used_unix, 0));
    }
    if (Status written = write_file(path, state, kvc_shape(ends.engine), header); !written)
        return fail(written.error().code, "cannot export '{}': {}", path, written.error().message);
    return {};
}

}  // namespace starglass
